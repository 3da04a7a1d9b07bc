"""Sound follows the frame map: at its own pitch, in step however long it lasts, silent where it would chatter."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from restyle.errors import BadInputError, CancelledError
from restyle_server.retime.media import read
from restyle_server.retime.sound import Map, Track, retime_sound, stretched
from restyle_server.retime.types import Plan

av = pytest.importorskip("av")
Make = Callable[..., Any]
Wave = NDArray[np.float32]
RATE = 16_000
FPS = Fraction(25)


def plan_of(source: NDArray[np.float64], fps: Fraction = FPS) -> Plan:
    frames = int(source.max()) + 2
    return Plan(np.asarray(source, float), np.ones(frames), np.ones(frames), (), (), fps)


def waves(frames: int, lowest: float = 1.0, highest: float = 3.0) -> NDArray[np.float64]:
    """Positions whose speed swings between two values every few seconds, until `frames`."""
    step = np.arange(4 * frames)
    speeds = lowest + (highest - lowest) * (0.5 - 0.5 * np.cos(step / 40))
    source = np.concatenate([[0.0], np.cumsum(speeds)])
    return source[source <= frames - 1]


def in_blocks(sound: NDArray[Any]) -> Iterator[Wave]:
    sound = np.atleast_2d(np.asarray(sound, np.float32))
    yield from (sound[:, start : start + 1024] for start in range(0, sound.shape[1], 1024))


def retimed(sound: NDArray[Any], plan: Plan, rate: int = RATE, **options: Any) -> Wave:
    track = Track(in_blocks(sound), np.atleast_2d(sound).shape[0])
    count = round(len(plan.source) / plan.fps * rate)
    whole = np.concatenate(list(stretched(track, Map(plan, rate), count, **options)), axis=1)
    assert whole.shape == (np.atleast_2d(sound).shape[0], count)
    return whole


def beep(rate: int, pitch: float = 1000.0) -> NDArray[np.float64]:
    length = int(0.06 * rate)
    return np.sin(2 * np.pi * pitch * np.arange(length) / rate) * np.hanning(length)


def beeps(times: NDArray[np.float64], seconds: float, rate: int) -> NDArray[np.float64]:
    sound = np.zeros(int(seconds * rate))
    for time in times:
        start = round(time * rate) - len(beep(rate)) // 2
        sound[start : start + len(beep(rate))] += beep(rate)
    return sound


def heard_at(sound: NDArray[Any], near: float, rate: int, around: float = 0.15) -> float:
    """Where the energy of the sound lies around a time, in seconds."""
    first = max(0, round((near - around) * rate))
    energy = np.asarray(sound, float)[first : round((near + around) * rate)] ** 2
    assert energy.sum() > 0.2
    return (first + float((energy * np.arange(len(energy))).sum() / energy.sum())) / rate


def shown_at(source: NDArray[np.float64], seconds: float, fps: Fraction = FPS) -> float:
    """When, in the result, a moment of the source is shown; the plan turned around by hand."""
    return float(np.interp(seconds * float(fps), source, np.arange(len(source)))) / float(fps)


def loudness(sound: NDArray[Any]) -> float:
    return float(np.sqrt((np.asarray(sound, float) ** 2).mean()))


def test_at_1x_every_sample_is_the_source_s() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 10 * RATE)) * 0.1
    np.testing.assert_array_equal(retimed(noise, plan_of(np.arange(250.0))), noise.astype(np.float32))


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.3, 2.0, 3.0])
@pytest.mark.parametrize("pitch", [110.0, 443.0, 3000.0])
def test_a_tone_keeps_its_pitch_and_its_strength(speed: float, pitch: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(20 * RATE) / RATE)
    found = retimed(tone, plan_of(np.arange(0, 499, speed)))[0]
    second = found[RATE : 3 * RATE] * np.hanning(2 * RATE)
    power = np.abs(np.fft.rfft(second)) ** 2
    peak = int(power.argmax())
    assert peak / 2 == pytest.approx(pitch, abs=0.5)
    assert power[peak - 4 : peak + 5].sum() > 0.995 * power.sum()
    assert loudness(found[RATE : 3 * RATE]) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_beeps_are_heard_where_their_frames_are_shown() -> None:
    source = waves(25 * 60)
    times = np.arange(0.5, 59.5, 1.0)
    found = retimed(beeps(times, 60, RATE), plan_of(source))[0]
    off = [heard_at(found, shown_at(source, time), RATE) - shown_at(source, time) for time in times]
    assert np.abs(off).max() < 0.02
    assert abs(np.mean(off)) < 0.005


def test_after_ten_minutes_it_is_still_in_step() -> None:
    """Ten minutes of result from eighteen of source, at a rate that no frame length divides."""
    fps, rate = Fraction(30000, 1001), 8_000
    source = waves(int(18 * 60 * fps), 1.2, 2.4)
    assert len(source) / fps > 590
    times = np.arange(5.0, 18 * 60 - 20, 97.0)
    found = retimed(beeps(times, 18 * 60, rate), plan_of(source, fps), rate)[0]
    off = [heard_at(found, shown_at(source, t, fps), rate) - shown_at(source, t, fps) for t in times]
    assert np.abs(off).max() < 0.02 < 1 / fps


def test_what_is_too_fast_or_too_slow_is_silent_and_fades_without_a_click() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(120 * RATE) / RATE)
    speeds = np.repeat([1.0, 8.0, 1.0, 0.1, 1.0], 75)
    source = np.concatenate([[0.0], np.cumsum(speeds)])
    plan = plan_of(source)
    found = retimed(tone, plan)[0]
    parts = [found[int((3 * part + 0.5) * RATE) : int((3 * part + 2.5) * RATE)] for part in range(5)]
    assert [loudness(part) > 0.3 for part in parts] == [True, False, True, False, True]
    assert loudness(parts[1]) == loudness(parts[3]) == 0
    assert np.abs(np.diff(found)).max() < 1.2 * np.abs(np.diff(tone)).max()
    assert loudness(retimed(tone, plan, mute_above=9.0)[0][int(3.5 * RATE) : int(5.5 * RATE)]) > 0.3


def test_joins_add_nothing_to_a_voice() -> None:
    """A voice of gliding harmonics below 3 kHz, sped up: what is heard above 5 kHz are joins."""
    rng = np.random.default_rng(4)
    glide = 140 + 40 * np.sin(np.arange(30 * RATE) / RATE * 2.1) + np.cumsum(rng.standard_normal(30 * RATE)) * 0.002
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    voice = sum(np.sin(number * phase) / number for number in range(1, 15)) * 0.1
    found = retimed(voice, plan_of(waves(25 * 30, 1.2, 2.8)))[0]

    def above(sound: NDArray[Any]) -> float:
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        return float(power[np.fft.rfftfreq(len(sound), 1 / RATE) > 5000].sum() / power.sum())

    assert above(found) < 1e-4


@pytest.mark.parametrize("speed", [1.4, 2.0])
def test_wind_blows_evenly(speed: float) -> None:
    """Noise, of which no two pieces are alike, keeps its power throughout and does not pulse with the joins."""
    noise = np.random.default_rng(9).standard_normal((2, 120 * RATE)) * 0.1
    found = retimed(noise, plan_of(np.arange(0, 2999, speed)))
    blocks = found[:, : found.shape[1] // 320 * 320].reshape(-1, 320)  # of 20 ms, each of them a join
    by_phase = (blocks**2).reshape(-1, 16, 20).mean(axis=(0, 2))
    assert by_phase == pytest.approx(np.full(16, 0.01), rel=0.06)


def test_silence_and_ends() -> None:
    quiet = retimed(np.zeros(2 * RATE), plan_of(np.arange(0, 100, 1.5)))
    assert (quiet == 0).all()
    short = retimed(np.ones(RATE), plan_of(np.arange(100.0)))[0]  # the sound ends before the pictures
    assert (short[RATE:] == 0).all()
    assert retimed(np.ones(RATE), plan_of(np.zeros(1))).shape == (1, RATE // 25)


def test_a_track_holds_no_more_than_is_asked_for() -> None:
    track = Track((np.full((1, 1000), number, np.float32) for number in range(10_000)), 1)
    track.forget(5_000_000)
    assert track.span(5_000_500, 5_001_500)[0].tolist() == [5000] * 500 + [5001] * 500
    assert track._held.shape[1] <= 2000
    track.forget(9_999_000)
    assert track.span(9_999_900, 10_000_100)[0].tolist() == [9999] * 100 + [0] * 100


# Files


def wav(path: Path) -> tuple[NDArray[np.float64], int]:
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples.reshape(-1, file.getnchannels()).T / 32767, file.getframerate()


@pytest.mark.parametrize(
    ("layout", "rate", "channels", "expected"),
    [("mono", 8_000, 1, 48_000), ("stereo", 44_100, 2, 44_100), ("5.1", 48_000, 6, 48_000), ("3.0", 96_000, 2, 48_000)],
)
def test_layouts_and_rates(
    tmp_path: Path, layout: str, rate: int, channels: int, expected: int, numbered: Make, write_movie: Make
) -> None:
    times = np.arange(0.5, 4, 0.5)
    sound = beeps(times, 4, rate).astype(np.float32)
    path = write_movie(tmp_path / "a.mkv", numbered(100), FPS, sound=sound, layout=layout, rate=rate)
    source = np.arange(0, 99, 1.5)
    assert retime_sound(read(path), plan_of(source), tmp_path / "a.wav", mute_above=9)
    samples, found = wav(tmp_path / "a.wav")
    assert samples.shape == (channels, round(len(source) / FPS * expected))
    assert found == expected
    for time in times[:-1]:
        for channel in samples[[0, -1]]:
            wanted = shown_at(source, time)
            assert heard_at(channel * 4, wanted, expected) == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("delay", [-0.8, 0.0, 0.7])
def test_sound_that_begins_before_or_after_the_pictures(
    tmp_path: Path, delay: float, numbered: Make, write_movie: Make
) -> None:
    """The pictures begin at 2 s in the file; the sound, `delay` later."""
    times = np.arange(0.5, 4, 0.5)
    sound = beeps(times, 4, 48_000).astype(np.float32)
    path = write_movie(
        tmp_path / "a.mkv", numbered(100), FPS, times=2 + np.arange(100) / 25, sound=sound, delay=2 + delay
    )
    assert retime_sound(read(path), plan_of(np.arange(100.0)), tmp_path / "a.wav")
    samples, rate = wav(tmp_path / "a.wav")
    for time in times + delay:
        if 0.2 < time < 3.8:
            assert heard_at(samples[0], time, rate) == pytest.approx(time, abs=0.005)


def test_gaps_in_the_sound_are_silent_and_overlaps_are_cut(tmp_path: Path, numbered: Make) -> None:
    """Blocks of half a second whose time stamps jump ahead by a second, and later back by a quarter."""
    path, rate = tmp_path / "a.mkv", 48_000
    starts = [0.0, 0.5, 2.0, 2.5, 2.75, 3.25]
    with av.open(str(path), "w") as target:
        pictures = target.add_stream("ffv1", rate=25)
        pictures.height, pictures.width, pictures.pix_fmt = 48, 96, "yuv420p"
        heard = target.add_stream("pcm_s16le", rate=rate, layout="mono")
        for picture in numbered(100):
            target.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(pictures.encode())
        for level, start in enumerate(starts, 1):
            frame = av.AudioFrame.from_ndarray(np.full((1, rate // 2), 1000 * level, np.int16), layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate), Fraction(1, rate)
            target.mux(heard.encode(frame))
        target.mux(heard.encode())
    assert retime_sound(read(path), plan_of(np.arange(100.0)), tmp_path / "a.wav")
    samples = wav(tmp_path / "a.wav")[0][0] * 32767
    middles = [0.25, 0.75, 1.5, 2.25, 2.7, 2.9, 3.1, 3.5, 3.9]
    levels = [round(samples[round(time * rate)]) for time in middles]
    assert levels == pytest.approx([1000, 2000, 0, 3000, 4000, 4000, 5000, 6000, 0], abs=2)


def test_no_sound_is_said_and_a_stop_leaves_nothing(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    plan = plan_of(np.arange(0, 99, 2.0))
    silent = read(write_movie(tmp_path / "a.mp4", numbered(100), FPS))
    assert not retime_sound(silent, plan, tmp_path / "a.wav")
    assert not retime_sound(read(list(numbered(3))), plan, tmp_path / "a.wav")
    heard = read(write_movie(tmp_path / "b.mp4", numbered(100), FPS, sound=np.zeros(4 * 48_000, np.float32)))
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        retime_sound(heard, plan, tmp_path / "b.wav", on_step=stop)
    assert 0 < shares[0] < 0.1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]
    with pytest.raises(BadInputError, match="cannot be written"):
        retime_sound(heard, plan, tmp_path / "none" / "b.wav")


def test_loud_sound_is_clipped_and_not_wrapped(tmp_path: Path, numbered: Make, write_movie: Make) -> None:
    loud = np.sign(np.sin(np.arange(4 * 48_000) / 50)).astype(np.float32)
    path = write_movie(tmp_path / "a.mp4", numbered(100), FPS, sound=loud, layout="mono")
    assert retime_sound(read(path), plan_of(np.arange(100.0)), tmp_path / "a.wav")
    found = wav(tmp_path / "a.wav")[0][0][4800:-4800]
    assert (np.sign(found) == loud[4800:-4800]).mean() > 0.97
