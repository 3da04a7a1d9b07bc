"""Clips are decoded to what they show, at a constant rate, as far as they are whole; bad ones are refused in words."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restyle.errors import BadInputError, CancelledError, ResourcesError
from restyle_server.retime import media
from restyle_server.retime.cuts import find_cuts
from restyle_server.retime.media import frames_of, read
from restyle_server.retime.motion import motion_energy
from restyle_server.retime.timing import timing

av = pytest.importorskip("av")
NTSC = Fraction(30000, 1001)
Make = Callable[..., Any]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
@pytest.mark.parametrize("fps", [Fraction(24), NTSC, Fraction(25, 2)])
def test_a_constant_rate_is_exact_and_every_frame_is_there_once(
    tmp_path: Path, suffix: str, fps: Fraction, numbered: Make, number_of: Make, write_movie: Make
) -> None:
    bframes = {"bf": "0"} if suffix == ".avi" else {"bf": "3"}
    path = write_movie(tmp_path / f"a{suffix}", numbered(50), fps, options=bframes)
    footage = read(path)
    assert footage.info.fps == fps
    assert footage.info.frames == 50
    assert (footage.info.width, footage.info.height) == (96, 48)
    assert footage.info.duration == pytest.approx(50 / fps)
    assert not footage.info.variable_rate
    assert not footage.info.has_sound
    assert footage.info.notes == ()
    assert [number_of(grey) for grey in footage.greys] == list(range(50))


def test_greys_are_means_of_the_pixels_that_they_cover(tmp_path: Path, write_movie: Make) -> None:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (3, 32, 64, 1), np.uint8)
    fine = np.clip(np.repeat(np.repeat(coarse, 8, 1), 8, 2) + rng.integers(-30, 31, (3, 256, 512, 1)), 0, 255)
    pictures = np.repeat(fine.astype(np.uint8), 3, axis=3)
    path = write_movie(tmp_path / "a.mkv", pictures, codec="ffv1")
    expected = pictures[..., 0].reshape(3, 64, 4, 128, 4).mean(axis=(2, 4))
    for source in (path, list(pictures)):
        greys = read(source, side=64).greys
        assert greys.shape == (3, 64, 128)
        assert np.abs(greys - expected).mean() < 2
        assert np.abs(greys - expected).max() < 12
    assert read(list(pictures[:, :250, :510]), side=64).greys.shape == (3, 64, 132)  # sides are multiples of four
    white = read([np.full((40, 40, 3), 255, np.uint8), np.zeros((40, 40, 3), np.uint8)]).greys
    assert (white[0].min(), white[1].max()) == (255, 0)


def test_a_variable_rate_is_resampled_by_its_time_stamps(
    tmp_path: Path, numbered: Make, number_of: Make, write_movie: Make
) -> None:
    gaps = np.random.default_rng(2).choice([0.02, 1 / 30, 1 / 30, 1 / 30, 0.1, 0.5], 79)
    times = np.round(np.concatenate([[0], np.cumsum(gaps)]), 3)
    path = write_movie(tmp_path / "a.mkv", numbered(80), Fraction(30), times=times)
    footage = read(path)
    assert footage.info.fps == 30
    assert footage.info.variable_rate
    assert "its frame rate varies" in footage.info.notes[0]
    slots = [int(np.floor(time * 30 + 0.5)) for time in times]
    shown = [max(number for number in range(80) if slots[number] <= place) for place in range(slots[-1] + 1)]
    assert [number_of(grey) for grey in footage.greys] == shown
    assert footage.info.frames == len(shown)


def test_rates_from_time_stamps() -> None:
    hour = np.round(np.arange(108_000) * 1001 / 30000, 3)
    assert timing(hour, (None, None)).fps == NTSC
    assert timing(hour, (Fraction(30), None)).fps == NTSC  # what the file claims does not hold
    assert timing(hour, (NTSC,)).irregular == 0
    jitter = np.arange(500) / 25 + np.random.default_rng(3).uniform(-0.013, 0.013, 500)
    assert (timing(jitter, (Fraction(25),)).shown == np.arange(500)).all()
    dropped = np.delete(np.arange(100), [40, 41, 70]) / 50
    found = timing(dropped, (Fraction(9700, 200),))
    assert (found.fps, len(found.shown), found.irregular) == (50, 100, 2)
    assert found.shown[[39, 40, 41, 42]].tolist() == [39, 39, 39, 40]
    asleep = np.concatenate([np.arange(30) / 60, 20 + np.arange(30) / 60])  # a screen that stands still in between
    assert timing(asleep, (Fraction(3),)).fps == 60
    assert len(timing(asleep, ()).shown) == 1230


@pytest.mark.parametrize("times", [[0.0, 1.0, 0.5, 2.0], [0.0, 0.1, 90_000.0, 90_000.1], [1.0, 1.0, 1.0, 1.0]])
def test_time_stamps_of_no_use_are_passed_over(times: list[float]) -> None:
    found = timing(np.array(times), (Fraction(25), Fraction(30)))
    assert (found.fps, found.shown.tolist()) == (25, [0, 1, 2, 3])
    assert "of no use" in found.note


def test_without_time_stamps_the_rate_is_what_the_file_says() -> None:
    found = timing(np.array([0.0, np.nan, np.nan]), (NTSC, Fraction(30)))
    assert (found.fps, found.shown.tolist(), found.note) == (NTSC, [0, 1, 2], "")


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.avi", "libx264", {"bf": "3"}),
        ("b.mpg", "mpeg2video", {"bf": "2"}),
        ("c.ts", "libx264", {"bf": "3"}),
        ("d.flv", "libx264", {"bf": "3"}),
        ("e.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
    ],
)
def test_containers_that_reorder_round_or_hide_frames(
    tmp_path: Path,
    name: str,
    codec: str,
    options: dict[str, str],
    numbered: Make,
    number_of: Make,
    write_movie: Make,
) -> None:
    footage = read(write_movie(tmp_path / name, numbered(60), NTSC, codec=codec, options=options))
    assert [number_of(grey) for grey in footage.greys] == list(range(60))
    assert (footage.info.fps, footage.info.variable_rate, footage.info.notes) == (NTSC, False, ())


def test_two_frames_at_one_time_show_the_later() -> None:
    assert timing(np.array([0, 1, 2, 2, 3, 4, 5, 6, 7, 8]) / 25, ()).shown.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert timing(np.array([5.0]), (Fraction(30),)).shown.tolist() == [0]
    assert timing(np.array([5.0]), ()).fps == 24


@pytest.mark.parametrize(("codec", "format"), [("ffv1", "yuv420p"), ("ffv1", "bgr0"), ("libx264", "yuv444p")])
def test_odd_sizes_and_formats(
    tmp_path: Path, codec: str, format: str, numbered: Make, number_of: Make, write_movie: Make
) -> None:
    footage = read(write_movie(tmp_path / "a.mkv", numbered(9, 49, 97), codec=codec, format=format))
    assert footage.greys.shape == (9, 49, 97)
    assert [number_of(grey) for grey in footage.greys] == list(range(9))


def test_a_file_object_is_read_like_a_path_again_and_again(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    path = write_movie(tmp_path / "a.mp4", numbered(20), sound=np.zeros(48_000, np.float32))
    file = io.BytesIO(path.read_bytes())
    one, other = read(path), read(file, name="upload")
    assert one.info == other.info
    assert other.info.has_sound
    np.testing.assert_array_equal(one.greys, other.greys)
    assert len(list(frames_of(other))) == len(list(frames_of(other))) == 20


def test_pictures_are_a_clip_too(numbered: Make) -> None:
    footage = read(list(numbered(7)), fps=NTSC)
    assert (footage.info.fps, footage.info.frames, footage.info.width) == (NTSC, 7, 96)
    with pytest.raises(BadInputError, match="need one size"):
        read([np.zeros((4, 6, 3), np.uint8), np.zeros((4, 7, 3), np.uint8)])
    with pytest.raises(BadInputError, match="at least one"):
        read([])


# Damage and disguise


def test_a_broken_tail_costs_the_tail(tmp_path: Path, numbered: Make, number_of: Make, write_movie: Make) -> None:
    whole = write_movie(tmp_path / "a.mkv", numbered(240), options={"g": "12", "bf": "0"}).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    footage = read(tmp_path / "cut.mkv")
    assert 60 < footage.info.frames < 200
    assert [number_of(grey) for grey in footage.greys] == list(range(footage.info.frames))
    assert any("end" in note and "are lost" in note for note in footage.info.notes)
    lost = int(footage.info.notes[-1].split("about ")[1].split()[0])
    assert abs(lost - (240 - footage.info.frames)) <= 1


def test_a_fragmented_movie_without_its_end_is_read_too(
    tmp_path: Path, numbered: Make, number_of: Make, write_movie: Make
) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as target:
        stream = target.add_stream("libx264", rate=24, options={"g": "12", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        for picture in numbered(120):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode())
    content = path.read_bytes()
    pieces = [place for place in range(len(content)) if content.startswith(b"moof", place)]
    path.write_bytes(content[: pieces[6] - 40])  # within the pictures of the sixth of ten pieces
    greys = read(path).greys
    assert 60 < len(greys) <= 72
    assert [number_of(grey) for grey in greys] == list(range(len(greys)))


@pytest.mark.parametrize(("packet", "whole"), [(60, 0.0), (65, 0.5)])
def test_damage_in_the_middle_costs_what_it_hit(
    tmp_path: Path, packet: int, whole: float, numbered: Make, number_of: Make, write_movie: Make
) -> None:
    """A key frame that is gone takes those that follow it along; half a frame, which decoders patch up, only itself."""
    path = write_movie(tmp_path / "a.mp4", numbered(120), options={"g": "6", "bf": "0"})
    with av.open(str(path)) as container:
        hit = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][packet]
    content = bytearray(path.read_bytes())
    first, last = hit[0] + int(hit[1] * whole), hit[0] + hit[1]
    content[first:last] = np.random.default_rng(1).bytes(last - first)
    path.write_bytes(content)
    footage = read(path)
    assert footage.info.frames == 120
    found = [number_of(grey) for grey in footage.greys]
    wrong = [place for place, number in enumerate(found) if number != place]
    assert set(range(packet, 66)) >= set(wrong)
    assert found[packet] == packet - 1
    assert any("damaged frame" in note for note in footage.info.notes)
    assert not footage.info.variable_rate


def test_what_holds_no_moving_pictures_is_refused_in_words(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as target:
        stream = target.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        target.mux(stream.encode(frame))
        target.mux(stream.encode())
    whole = write_movie(tmp_path / "whole.mp4", numbered(24)).read_bytes()
    (tmp_path / "secret.mkv").write_bytes(write_movie(tmp_path / "s.mkv", numbered(5)).read_bytes())
    contents = {
        "text.mp4": b"This is a shopping list.",
        "empty.mov": b"",
        "headless.mp4": whole[: len(whole) - 700],
        "list.mkv": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mkv\n#EXT-X-ENDLIST\n",
        "script.mp4": b"ffconcat version 1.0\nfile secret.mkv\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        for source in (tmp_path / name, io.BytesIO(content)):
            with pytest.raises(BadInputError, match="not a movie that can be read") as caught:
                read(source, name=name)
            assert caught.value.message.startswith(name)
    with pytest.raises(BadInputError, match=r"sound\.mp4: there are no moving pictures in it"):
        read(tmp_path / "sound.mp4")
    with pytest.raises(BadInputError, match="no such file"):
        read(tmp_path / "none.mp4")


def test_a_cover_picture_is_no_clip(tmp_path: Path, write_movie: Make) -> None:
    """Music files carry one, which containers count among the video streams."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as target:
        sound = target.add_stream("aac", rate=48_000, layout="mono")
        cover = target.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        target.mux(cover.encode(picture.reformat(format="yuvj420p")))
        target.mux(cover.encode())
        target.mux(sound.encode(frame))
        target.mux(sound.encode())
    with pytest.raises(BadInputError, match="there are no moving pictures in it"):
        read(path)


def test_unknown_formats_are_said_and_odd_titles_do_not_matter(
    tmp_path: Path, numbered: Make, write_movie: Make
) -> None:
    whole = write_movie(tmp_path / "a.mkv", numbered(12), sound=np.zeros(24_000, np.float32)).read_bytes()
    with pytest.raises(BadInputError, match="its pictures are in a format that is not known here"):
        read(io.BytesIO(whole.replace(b"V_MPEG4/ISO/AVC", b"V_NEVER/ISO/AVC")))
    silent = read(io.BytesIO(whole.replace(b"A_AAC", b"A_XXX")))
    assert (silent.info.frames, silent.info.has_sound) == (12, False)
    assert b"Lavf" in whole
    assert read(io.BytesIO(whole.replace(b"Lavf", b"L\xe4rm"))).info.frames == 12


def test_damage_of_any_kind_is_survived(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    """Nothing but errors in words; frames wherever there are some."""
    rng = np.random.default_rng(8)
    sound = rng.standard_normal(24_000).astype(np.float32) * 0.1
    wholes = [write_movie(tmp_path / name, numbered(12), sound=sound).read_bytes() for name in ("a.mp4", "a.mkv")]
    usable = 0
    for number in range(80):
        content = bytearray(wholes[number % 2])
        places = rng.integers(0, len(content) if number % 4 < 2 else 1200, rng.integers(1, 20))
        for place in places:
            content[place if number % 8 < 4 else -1 - place] = rng.integers(0, 256)
        try:
            usable += read(io.BytesIO(content)).info.frames > 0
        except BadInputError as error:
            assert str(error).startswith("the clip: ")  # noqa: PT017
    assert 20 < usable < 80


def test_too_much_is_refused(
    tmp_path: Path, numbered: Make, write_movie: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_movie(tmp_path / "a.mp4", numbered(12))
    monkeypatch.setattr(media, "MAX_FRAMES", 11)
    with pytest.raises(BadInputError, match=r"a\.mp4: 12 frames are more than 11"):
        read(path)
    monkeypatch.setattr(media, "MAX_PIXELS", 48 * 96 - 1)
    with pytest.raises(BadInputError, match="96 x 48 pixels are more than"):
        read(path)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, numbered: Make) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(media.tempfile, "TemporaryFile", lambda: open("/dev/full", "r+b"))  # noqa: PTH123, SIM115
    with pytest.raises(ResourcesError, match="no room for the analysis"):
        read(list(numbered(3)))


def test_it_stops_when_told_and_says_how_far_it_is(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    path = write_movie(tmp_path / "a.mp4", numbered(24))
    shares: list[float] = []
    read(path, on_step=shares.append)
    assert shares == pytest.approx(np.arange(1, 25) / 24)

    def stop(share: float) -> None:
        if share > 0.4:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        read(path, on_step=stop)


def test_memory_does_not_grow_with_the_clip(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    """2,500 frames are 97 MB of pixels and 32 MB of greys; neither may stay, not even as a file that is mapped."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc here")

    def resident(kind: str) -> float:
        line = next(line for line in status.read_text().splitlines() if line.startswith(kind))
        return int(line.split()[1]) / 1024

    def anonymous() -> float:
        return resident("RssAnon")

    pictures = numbered(100, 90, 144)
    path = write_movie(tmp_path / "a.mp4", (pictures[number % 100] for number in range(2500)), options={"crf": "30"})
    used: list[float] = []
    footage = read(path, on_step=lambda share: used.append(anonymous()) if round(share * 2500) % 250 == 0 else None)
    assert footage.greys.shape == (2500, 90, 144)
    for number, _ in enumerate(frames_of(footage)):
        if number % 250 == 249:
            used.append(anonymous())
    assert len(used) >= 16
    assert max(used[1:]) - used[0] < 20
    motion_energy(footage.greys[:40], Fraction(24))  # its libraries are mapped too
    before, mapped = resident("RssFile"), []
    find_cuts(footage.greys)
    mapped.append(resident("RssFile"))
    motion_energy(footage.greys, Fraction(24), on_step=lambda share: mapped.append(resident("RssFile")))
    assert max(mapped) - before < 15


# Real clips


@pytest.mark.parametrize(
    ("name", "fps", "frames", "width", "height", "rotation"),
    [
        ("nasty_rotated_90.mov", Fraction(30), 3, 320, 568, 270),
        ("nasty_h264_10bit.mp4", Fraction(30), 30, 200, 200, 0),
        ("nasty_no_duration.webm", Fraction(15000, 1001), 74, 1280, 720, 0),
        ("butterfly.mp4", NTSC, 226, 852, 480, 0),
    ],
)
def test_real_clips(
    data_dir: Path, name: str, fps: Fraction, frames: int, width: int, height: int, rotation: int
) -> None:
    from restyle.moviefile import read_movie

    footage = read(data_dir / "videos" / name)
    info = footage.info
    assert (info.fps, info.frames, info.width, info.height, info.rotation) == (fps, frames, width, height, rotation)
    assert not info.variable_rate
    if name.startswith("nasty"):
        weights = np.array([0.2126, 0.7152, 0.0722] if height >= 720 else [0.299, 0.587, 0.114], np.float32)
        pictures = read_movie(data_dir / "videos" / name).pixels[::10]
        assert np.abs(_quarters(pictures @ weights) - _quarters(footage.greys[::10])).max() < 3


def _quarters(greys: np.ndarray) -> np.ndarray:
    """Means of the four quarters of pictures, which a wrong turn would swap."""
    halves = np.array_split(greys, 2, axis=1)
    return np.array([part.mean(axis=(1, 2)) for half in halves for part in np.array_split(half, 2, axis=2)])
