"""What is rendered is the plan, frame for frame, at a constant rate, with its sound beside it; or nothing at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from restyle.errors import BadInputError, CancelledError, UsageError
from restyle.framemap import nearest
from restyle_server.retime.heat import at_frame, render_heat
from restyle_server.retime.media import frames_of, read
from restyle_server.retime.render import render
from restyle_server.retime.sound import retime_sound
from restyle_server.retime.types import Plan

av = pytest.importorskip("av")
Make = Callable[..., Any]
FPS = Fraction(25)
NTSC = Fraction(30000, 1001)


def plan_of(source: NDArray[np.float64], frames: int, fps: Fraction = FPS) -> Plan:
    return Plan(np.asarray(source, float), np.ones(frames), np.ones(frames), (), (), fps)


def pictures_in(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("fps", [FPS, NTSC])
def test_every_frame_is_the_one_that_the_plan_names(
    tmp_path: Path, suffix: str, fps: Fraction, numbered: Make, numbers_in: Make, write_movie: Make
) -> None:
    """Slow, fast, standing still, and exact halves; the rate is constant, and a second has a key frame."""
    clip = write_movie(tmp_path / f"clip{suffix}", numbered(200), fps, options={"bf": "3", "g": "250"})
    steps = np.random.default_rng(5).choice([0.0, 0.25, 0.5, 1.0, 1.7, 4.0, 9.0], 120)
    source = np.minimum(np.concatenate([[0.0], np.cumsum(steps)]), 199)
    shares: list[float] = []
    render(tmp_path / f"out{suffix}", read(clip), plan_of(source, 200, fps), on_step=shares.append)
    assert numbers_in(tmp_path / f"out{suffix}") == [int(np.floor(place + 0.5)) for place in source]
    assert shares == pytest.approx(np.arange(1, 122) / 121)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == fps
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = np.sort([float(packet.pts * packet.time_base) for packet in packets])
        keys = [float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe]
        assert times == pytest.approx(np.arange(121) / float(fps), abs=0.0011)  # Matroska counts milliseconds
        assert np.diff(keys).max() < 1.05
    assert read(tmp_path / f"out{suffix}").info.fps == fps


def test_a_hundred_lengths(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    footage = read(write_movie(tmp_path / "a.mp4", numbered(40, 32, 32), FPS))
    for count in np.random.default_rng(6).integers(1, 60, 100):
        render(tmp_path / "b.mp4", footage, plan_of(np.linspace(0, 39, count), 40))
        with av.open(str(tmp_path / "b.mp4")) as container:
            assert sum(1 for packet in container.demux(video=0) if packet.size) == count
            assert container.streams.video[0].frames == count


def test_blending_mixes_the_frames_on_both_sides(tmp_path: Path) -> None:
    shades = np.full((6, 32, 48, 3), 40, np.uint8) + np.arange(6, dtype=np.uint8)[:, None, None, None] * 30
    footage = read(list(shades), fps=FPS)
    source = np.array([0, 0.5, 0.75, 1.0, 2.25, 4.9, 5.0])
    render(tmp_path / "a.mp4", footage, plan_of(source, 6), blend=True)
    means = pictures_in(tmp_path / "a.mp4").mean(axis=(1, 2, 3))
    assert means == pytest.approx(40 + 30 * source, abs=1.5)
    render(tmp_path / "b.mp4", footage, plan_of(source, 6))
    assert pictures_in(tmp_path / "b.mp4").mean(axis=(1, 2, 3)) == pytest.approx(
        40 + 30 * np.floor(source + 0.5), abs=1.5
    )


def test_a_variable_rate_comes_out_constant(
    tmp_path: Path, numbered: Make, number_of: Make, numbers_in: Make, write_movie: Make
) -> None:
    gaps = np.random.default_rng(7).choice([0.01, 0.04, 0.04, 0.04, 0.2], 59)
    times = np.round(np.concatenate([[0], np.cumsum(gaps)]), 3)
    footage = read(write_movie(tmp_path / "a.mkv", numbered(60), FPS, times=times))
    assert footage.info.fps == 25
    source = np.arange(0, footage.info.frames - 1, 1.5)
    expected = [number_of(footage.greys[place]) for place in nearest(source)]
    for blend in (False, True):
        render(tmp_path / "b.mp4", footage, plan_of(source, footage.info.frames), blend=blend)
        found = numbers_in(tmp_path / "b.mp4")
        assert [one for one, place in zip(found, source) if place % 1 == 0] == [
            one for one, place in zip(expected, source) if place % 1 == 0
        ]
        if not blend:
            assert found == expected
    assert not read(tmp_path / "b.mp4").info.variable_rate


@pytest.mark.parametrize(("height", "width"), [(48, 96), (49, 97), (721, 96)])
def test_sizes_and_colours_stay(tmp_path: Path, height: int, width: int, numbered: Make, write_movie: Make) -> None:
    """Odd ones gain a doubled edge; hues stay in both standards, whatever the source is written in."""
    pictures = numbered(3, height, width)
    pictures[:, height // 2 :, width // 2 :] = (190, 40, 60)
    sources = [list(pictures)]
    for name, codec, form in (
        ("a.mkv", "ffv1", "bgr0"),
        ("b.mkv", "ffv1", "yuv444p"),
        ("c.mkv", "ffv1", "yuv420p10le"),
    ):
        sources.append(write_movie(tmp_path / name, pictures, FPS, codec=codec, format=form))
    for number, source in enumerate(sources):
        footage = read(source, fps=FPS)
        render(tmp_path / "out.mp4", footage, plan_of(np.arange(3.0), 3))
        found = pictures_in(tmp_path / "out.mp4")
        assert found.shape == (3, height + height % 2, width + width % 2, 3)
        if number < 2:  # the others were written by a conversion that knows no standards
            from restyle.moviefile import read_movie

            found = read_movie(tmp_path / "out.mp4").pixels
            off = np.abs(found[:, :height, :width].astype(int) - pictures)[:, height // 2 + 4 :, : width // 2 - 4]
            assert off.mean() < 4
            flat = found[:, height // 2 + 6 : height - 2, width // 2 + 6 : width - 2].astype(int)
            assert np.abs(flat - (190, 40, 60)).max() < 10
        if width % 2:
            assert np.abs(found[:, 6:18, -1].astype(int) - found[:, 6:18, -2]).mean() < 6


def test_a_full_range_clip_keeps_its_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuvj420p"
        for level in (0, 128, 255):
            frame = av.VideoFrame.from_ndarray(np.full((32, 64, 3), level, np.uint8), format="rgb24")
            target.mux(stream.encode(frame.reformat(format="yuvj420p", dst_color_range="JPEG")))
        target.mux(stream.encode())
    footage = read(path)
    assert footage.greys.mean(axis=(1, 2)) == pytest.approx([0, 128, 255], abs=2)
    render(tmp_path / "b.mp4", footage, plan_of(np.arange(3.0), 3))
    assert pictures_in(tmp_path / "b.mp4").mean(axis=(1, 2, 3)) == pytest.approx([0, 128, 255], abs=3)


@pytest.mark.parametrize(("height", "codec"), [(48, "libx264"), (49, "ffv1")])
def test_colours_of_a_phone_are_still_called_by_their_names(
    tmp_path: Path, height: int, codec: str, numbered: Make
) -> None:
    """BT.2020 with HLG in ten bits; without these tags it would be shown grey and flat."""
    with av.open(str(tmp_path / "a.mkv"), "w") as target:
        stream = target.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, height, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, 18, 1
        for picture in numbered(3, height):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            target.mux(stream.encode(frame.reformat(format="yuv420p10le")))
        target.mux(stream.encode())
    render(tmp_path / "b.mp4", read(tmp_path / "a.mkv"), plan_of(np.arange(3.0), 3))
    with av.open(str(tmp_path / "b.mp4")) as container:
        frame = next(container.decode(video=0))
        tags = frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range
        assert (*map(int, tags), frame.format.name) == (9, 9, 18, 1, "yuv420p")


def test_a_file_object_and_its_sound_in_step(
    tmp_path: Path, numbered: Make, numbers_in: Make, write_movie: Make
) -> None:
    """Beeps that stand on known frames are heard within a frame of where these are shown, in the finished movie."""
    rate, beeping = 48_000, [30, 75, 120, 165, 210]
    beep = np.sin(2 * np.pi * 1500 * np.arange(1920) / rate) * np.hanning(1920)
    sound = np.zeros(10 * rate, np.float32)
    for number in beeping:
        sound[round((number + 0.5) / 25 * rate) - 960 :][:1920] += beep
    clip = write_movie(tmp_path / "a.mp4", numbered(250), FPS, sound=sound)
    footage = read(io.BytesIO(clip.read_bytes()), name="a.mp4")
    source = np.cumsum(1.6 + 0.8 * np.sin(np.arange(400) / 30))
    plan = plan_of(source[source < 249], 250)
    assert retime_sound(footage, plan, tmp_path / "a.wav")
    for suffix in (".mp4", ".mkv"):
        out = tmp_path / f"out{suffix}"
        render(out, footage, plan, sound=tmp_path / "a.wav")
        numbers = numbers_in(out)
        assert len(numbers) == len(plan.source)
        with av.open(str(out)) as container:
            blocks = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
            pictures = container.streams.video[0]
            late = float((pictures.start_time or 0) * pictures.time_base)
        heard = np.zeros(round((len(numbers) / 25 + 0.2) * rate))
        for time, block in blocks:
            start = round((time - late) * rate)
            part = block[max(0, -start) :][: len(heard) - max(start, 0)]
            heard[max(start, 0) :][: len(part)] = part
        length = max(time for time, _ in blocks) - late
        assert length == pytest.approx(len(numbers) / 25, abs=0.05)
        for number in beeping:
            shown = np.interp(number + 0.5, plan.source, np.arange(len(plan.source))) / 25
            first = round((shown - 0.2) * rate)
            energy = heard[first : round((shown + 0.2) * rate)] ** 2
            found = (first + (energy * np.arange(len(energy))).sum() / energy.sum()) / rate
            assert found == pytest.approx(shown, abs=0.02)


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    """Players that read a file from front to back need it so."""
    clip = write_movie(tmp_path / "a.mp4", numbered(250), FPS, sound=np.zeros(480_000, np.float32))
    footage, plan = read(clip), plan_of(np.arange(250.0), 250)
    assert retime_sound(footage, plan, tmp_path / "a.wav")
    render(tmp_path / "b.mp4", footage, plan, sound=tmp_path / "a.wav")
    latest = {"video": 0.0, "audio": 0.0}
    with av.open(str(tmp_path / "b.mp4")) as container:
        packets = sorted(
            (packet.pos, packet.stream.type, float(packet.dts * packet.time_base))
            for packet in container.demux()
            if packet.size
        )
    for _, kind, time in packets:
        latest[kind] = time
        assert abs(latest["video"] - latest["audio"]) < 1.5


def test_a_stop_or_a_bad_place_leaves_nothing(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    footage = read(write_movie(tmp_path / "a.mp4", numbered(30), FPS))
    plan = plan_of(np.arange(30.0), 30)
    (tmp_path / "b.mp4").write_bytes(b"what was there before")

    def stop(share: float) -> None:
        if share > 0.5:
            raise CancelledError("enough")

    for blend in (False, True):
        with pytest.raises(CancelledError):
            render(tmp_path / "b.mp4", footage, plan, blend=blend, on_step=stop)
    with pytest.raises(CancelledError):
        render_heat(tmp_path / "b.mp4", footage, np.zeros((1, 2, 2), np.float32), np.zeros(1, int), on_step=stop)
    assert (tmp_path / "b.mp4").read_bytes() == b"what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]
    with pytest.raises(BadInputError, match="does not exist"):
        render(tmp_path / "none" / "b.mp4", footage, plan)
    with pytest.raises(UsageError, match="written as"):
        render(tmp_path / "b.webm", footage, plan)


def test_pixels_that_are_not_square_stay_so(tmp_path: Path, numbered: Make) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        for picture in numbered(3):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode())
    render(tmp_path / "b.mp4", read(path), plan_of(np.arange(3.0), 3))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


@pytest.mark.parametrize("name", ["nasty_rotated_90.mov", "nasty_h264_10bit.mp4", "nasty_no_duration.webm"])
def test_real_clips_with_oddities(data_dir: Path, tmp_path: Path, name: str) -> None:
    """Upright, and in luma and chroma what they were before."""
    footage = read(data_dir / "videos" / name)
    numbers = np.arange(0, footage.info.frames, 10)
    render(tmp_path / "a.mp4", footage, plan_of(numbers.astype(float), footage.info.frames, footage.info.fps))
    found, expected = _planes(tmp_path / "a.mp4"), _planes(data_dir / "videos" / name)
    assert len(found) == len(numbers)
    for one, number in zip(found, numbers):
        for plane, other in zip(one, expected[number]):
            assert plane.shape == other.shape
            assert np.abs(plane - other).mean() < 2


def _planes(path: Path) -> list[list[NDArray[np.float32]]]:
    """Luma and chroma of each frame, upright, 0 to 255."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            whole = frame.to_ndarray().astype(np.float32) / (4 if "10" in frame.format.name else 1)
            height, width = frame.height, frame.width
            parts = [whole[:height], *(half.reshape(height // 2, -1) for half in np.split(whole[height:], 2))]
            assert parts[1].shape == (height // 2, width // 2)
            frames.append([np.rot90(part, round(frame.rotation / 90)) for part in parts])
    return frames


# The overlay


def test_the_overlay_is_orange_where_it_is_slow_and_blue_where_it_is_fast(tmp_path: Path) -> None:
    grey = np.full((20, 64, 128, 3), 128, np.uint8)
    grey[:, :, 60:68] = 60
    speeds = np.zeros((2, 4, 8), np.float32)
    speeds[0, :, 4:] = 1  # at first the right half is fast, at last all is slow
    render_heat(tmp_path / "a.mp4", read(list(grey), fps=FPS), speeds, np.array([0, 19]))
    found = pictures_in(tmp_path / "a.mp4").astype(int)
    assert found.shape == (20, 64, 128, 3)
    slow, fast, late = found[0, 20:44, 8:40], found[0, 20:44, 100:120], found[-1, 20:44, 100:120]
    for orange in (slow, late):
        assert (orange[..., 0] > orange[..., 1] + 30).all()
        assert (orange[..., 1] > orange[..., 2] + 30).all()
    assert (fast[..., 2] > fast[..., 0] + 60).all()
    middle = found[10, 20:44, 100:120].mean(axis=(0, 1))
    assert middle[1] > max(middle[0], middle[2])  # half way it is green
    assert found[0, :, 64].mean() < found[0, :, 40].mean() - 30  # and the picture is still seen


def test_maps_between_those_that_there_are() -> None:
    maps, frames = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32), np.array([4, 8, 16])
    places = [0, 4, 5, 8, 10, 16, 30]
    assert [float(at_frame(maps, frames, place)[0, 0]) for place in places] == [0, 0, 0.25, 1, 1.25, 2, 2]


def test_memory_does_not_grow_with_the_clip(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc here")
    pictures = numbered(100, 90, 144)
    clip = write_movie(
        tmp_path / "a.mp4",
        (pictures[number % 100] for number in range(1200)),
        FPS,
        sound=np.random.default_rng(0).standard_normal(48 * 48_000).astype(np.float32) * 0.1,
        options={"crf": "30"},
    )
    used: list[int] = []

    def note(share: float) -> None:
        line = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
        used.append(int(line.split()[1]) // 1024)

    # 1,200 frames are 23 MB as the encoder takes them, and their sound is 18 MB.
    footage, plan = read(clip), plan_of(np.arange(0, 1199, 1.5), 1200)
    retime_sound(footage, plan, tmp_path / "a.wav", on_step=note)
    assert max(used) - min(used) < 8
    used.clear()
    render(tmp_path / "b.mp4", footage, plan, blend=True, sound=tmp_path / "a.wav", on_step=note)
    assert max(used[200:]) - used[200] < 8
    assert len(list(frames_of(read(tmp_path / "b.mp4")))) == 800
