"""Clips: numbered pictures and movies, in and out, with the sound as it was; what is wrong is named, frame by frame."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from movies import sound_of, write_test_movie
from PIL import Image

from restyle import moviefile
from restyle.clipfile import check_output, is_clip, read_clip, write_clip
from restyle.errors import BadInputError, UsageError
from restyle.kinds import frames as frames_kind
from restyle.kinds.frames import Frames
from restyle.numbered import sequence
from restyle.picturefile import SUFFIXES, read_picture, write_picture

RANDOM = np.random.default_rng(0)


def shades(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames that a lossy codec keeps nearly as they are: a ramp, brighter from frame to frame."""
    ramp = np.linspace(40, 160, width)[None, None, :, None] + np.linspace(0, 60, count)[:, None, None, None]
    return np.broadcast_to(ramp, (count, height, width, 3)).astype(np.uint8)


def write_frames(folder: Path, *names: str, size: tuple[int, int] = (4, 6)) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", size[::-1], (number, 0, 0)).save(folder / name)
    return folder


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "shot", *(f"shot_{number}.png" for number in (8, 9, 10, 11)))
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".shot_7.png").write_bytes(b"a leftover")
    clip = read_clip(folder)
    assert clip.names == ("shot_8.png", "shot_9.png", "shot_10.png", "shot_11.png")
    assert clip.frames.fps == 24
    assert clip.frames.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert read_clip(folder, 12.5).frames.fps == 12.5


@pytest.mark.parametrize("pattern", ["beauty.####.png", "beauty.%04d.png", "beauty.#.png"])
def test_a_pattern_picks_one_of_several_sequences(tmp_path: Path, pattern: str) -> None:
    folder = write_frames(tmp_path / "a", "beauty.0001.png", "beauty.0002.png", "depth.0001.png", "beauty.0001.jpg")
    assert [file.name for file in sequence(folder / pattern, SUFFIXES)] == ["beauty.0001.png", "beauty.0002.png"]
    with pytest.raises(BadInputError, match=r"more than one sequence.*Name one: .*beauty\.####\.") as caught:
        read_clip(folder)
    assert caught.value.message.startswith(str(folder))


def test_every_other_frame_is_a_sequence_too(tmp_path: Path) -> None:
    assert len(read_clip(write_frames(tmp_path / "a", "1.png", "3.png", "5.png")).frames) == 3
    assert len(read_clip(write_frames(tmp_path / "b", "7.png")).frames) == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a1.png", "a2.png", "a4.png"], r"a3\.png: this frame is missing between a2\.png and a4\.png"),
        (["f.0099.png", "f.0101.png", "f.0102.png"], r"f\.0100\.png: this frame is missing"),
        (["a1.png", "a3.png", "a7.png"], r"a5\.png: this frame is missing"),
        (["a1.png", "a01.png", "a2.png"], "same number"),
        (["a.png", "b.png"], "no numbered pictures"),
        ([], "no numbered pictures"),
    ],
)
def test_a_sequence_with_a_fault_is_refused_by_name(tmp_path: Path, names: list[str], said: str) -> None:
    folder = write_frames(tmp_path / "shot", *names)
    with pytest.raises(BadInputError, match=said) as caught:
        read_clip(folder)
    assert caught.value.message.startswith(str(folder))


def test_a_frame_that_does_not_fit_is_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "shot", "1.png", "2.png")
    write_frames(folder, "3.png", size=(5, 6))
    with pytest.raises(BadInputError, match=r"3\.png: it is 6 x 5, but 1\.png is 6 x 4"):
        read_clip(folder)
    (folder / "3.png").write_bytes((folder / "2.png").read_bytes()[:45])
    with pytest.raises(BadInputError, match=r"3\.png: it is damaged"):
        read_clip(folder)


def test_transparent_parts_are_black(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_picture(
        tmp_path / "a" / "1.png", np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 51]]], np.uint8)
    )
    assert read_clip(tmp_path / "a").frames.pixels.tolist() == [[[[200, 100, 50], [0, 0, 0], [40, 20, 10]]]]


def test_too_much_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_kind, "MAX_BYTES", 3 * 4 * 6 * 2)
    folder = write_frames(tmp_path / "a", "1.png", "2.png", "3.png")
    with pytest.raises(BadInputError, match="a: 3 frames of 6 x 4 are too much; at that size 2 fit"):
        read_clip(folder)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("folder", True),
        ("shot.####.png", True),
        ("shot.%03d.png", True),
        ("a.MOV", True),
        ("a.png", False),
        ("#1.png", False),
    ],
)
def test_what_a_clip_is(tmp_path: Path, name: str, is_one: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "#1.png").touch()
    assert is_clip(tmp_path / name) is is_one


def test_a_sequence_comes_out_under_its_own_names(tmp_path: Path) -> None:
    source = read_clip(write_frames(tmp_path / "a", "s.0099.bmp", "s.0100.bmp"))
    pixels = RANDOM.integers(0, 256, (2, 5, 7, 3), np.uint8)
    shares: list[float] = []
    write_clip(tmp_path / "out", Frames(pixels, 24), source, shares.append)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["s.0099.png", "s.0100.png"]
    np.testing.assert_array_equal(read_picture(tmp_path / "out" / "s.0100.png"), pixels[1])
    assert shares == [0.5, 1.0]


@pytest.mark.parametrize(
    ("target", "error", "said"),
    [
        ("out.png", UsageError, "is a clip; name a folder"),
        ("shot", UsageError, "would overwrite"),
        ("file", BadInputError, "this is a file"),
        ("no/out", BadInputError, "does not exist"),
        ("out.webm", UsageError, r"written as \.mp4"),
        ("no/out.mp4", BadInputError, "does not exist"),
        ("movie.mp4", BadInputError, "this is a folder"),
    ],
)
def test_where_a_clip_cannot_go(tmp_path: Path, target: str, error: type[Exception], said: str) -> None:
    write_frames(tmp_path / "shot", "1.png")
    (tmp_path / "file").touch()
    (tmp_path / "movie.mp4").mkdir()
    for source in (tmp_path / "shot", tmp_path / "shot" / "#.png"):
        with pytest.raises(error, match=said):
            check_output(tmp_path / target, source)


# Movies


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(25, 2)])
def test_a_movie_comes_back_with_its_pictures_rate_and_sound(tmp_path: Path, fps: Fraction) -> None:
    pytest.importorskip("av")
    pixels = shades(12)
    write_test_movie(tmp_path / "a.mp4", pixels, fps, sound="aac")
    clip = read_clip(tmp_path / "a.mp4")
    assert clip.frames.pixels.shape == pixels.shape
    assert clip.frames.fps == pytest.approx(float(fps))
    assert np.abs(clip.frames.pixels.astype(int) - pixels).mean() < 3
    write_clip(tmp_path / "b.mkv", Frames(255 - clip.frames.pixels, clip.frames.fps), clip)
    again = read_clip(tmp_path / "b.mkv")
    assert again.frames.pixels.shape == pixels.shape
    assert again.frames.fps == pytest.approx(float(fps), rel=1e-3)
    assert np.abs(again.frames.pixels.astype(int) - (255 - pixels)).mean() < 4
    assert sound_of(tmp_path / "b.mkv") == sound_of(tmp_path / "a.mp4")
    assert len(sound_of(tmp_path / "b.mkv")) > 40
    write_clip(tmp_path / "folder", clip.frames, clip)
    assert (tmp_path / "folder" / "0012.png").exists()


def test_odd_sizes_and_silence(tmp_path: Path) -> None:
    pytest.importorskip("av")
    pixels = shades(3, 31, 47)
    moviefile.write_movie(tmp_path / "a.mp4", Frames(pixels, 24))
    found = moviefile.read_movie(tmp_path / "a.mp4").pixels
    assert found.shape == (3, 32, 48, 3)
    assert np.abs(found[:, :31, :47].astype(int) - pixels).mean() < 3
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_keep_their_hue_in_both_standards(tmp_path: Path) -> None:
    """Below 720 lines BT.601, from there on BT.709: mixing the two up turns pure colours by some 20 levels."""
    pytest.importorskip("av")
    for height in (64, 720):
        colors = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [180, 180, 30]], np.uint8)
        pixels = np.repeat(np.repeat(colors[None, None], height, 1), 16, 2)
        moviefile.write_movie(tmp_path / "a.mp4", Frames(pixels, 24))
        found = moviefile.read_movie(tmp_path / "a.mp4").pixels[0, height // 2, 8::16]
        assert np.abs(found.astype(int) - colors).max() < 8


def test_sound_that_does_not_fit_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    pytest.importorskip("av")
    write_test_movie(tmp_path / "a.mkv", shades(2), Fraction(24), sound="libopus")
    clip = read_clip(tmp_path / "a.mkv")
    with pytest.raises(BadInputError, match=r"b\.mov: it cannot be written.*a \.mkv takes any"):
        write_clip(tmp_path / "b.mov", clip.frames, clip)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_what_is_no_movie_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("av")
    write_test_movie(tmp_path / "whole.mp4", shades(12), Fraction(24))
    contents = {
        "text.mp4": b"This is a shopping list.",
        "empty.mov": b"",
        "half.mp4": (tmp_path / "whole.mp4").read_bytes()[:-900],
        "list.mkv": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInputError, match="not a movie that can be read") as caught:
            read_clip(tmp_path / name)
        assert caught.value.message.startswith(str(tmp_path / name))
    with pytest.raises(BadInputError, match="no such file"):
        read_clip(tmp_path / "none.mp4")


def test_a_long_movie_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    write_test_movie(tmp_path / "a.mp4", shades(12), Fraction(24))
    monkeypatch.setattr(frames_kind, "MAX_BYTES", 3 * 48 * 64 * 11)
    monkeypatch.setattr(moviefile, "_upright", lambda frame: pytest.fail("it was decoded"))
    with pytest.raises(BadInputError, match=r"a\.mp4: 12 frames of 64 x 48 are too much; at that size 11 fit"):
        read_clip(tmp_path / "a.mp4")


def test_without_pyav_movies_are_refused_and_folders_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "av" else find(name))
    for call in (lambda: read_clip(tmp_path / "a.mp4"), lambda: check_output(tmp_path / "a.mp4", tmp_path / "b.mp4")):
        with pytest.raises(UsageError, match=r"movies need PyAV. Run: pip install"):
            call()
    assert len(read_clip(write_frames(tmp_path / "a", "1.png")).frames) == 1


@pytest.mark.parametrize(
    ("name", "shape", "fps"),
    [
        ("nasty_rotated_90.mov", (3, 568, 320, 3), 30),
        ("nasty_h264_10bit.mp4", (30, 200, 200, 3), 30),
        ("nasty_no_duration.webm", (74, 720, 1280, 3), 14.985),
    ],
)
def test_real_movies_with_oddities(data_dir: Path, name: str, shape: tuple[int, ...], fps: float) -> None:
    pytest.importorskip("av")
    clip = read_clip(data_dir / "videos" / name)
    assert clip.frames.pixels.shape == shape
    assert clip.frames.fps == pytest.approx(fps, rel=1e-3)
