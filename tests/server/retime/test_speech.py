"""Speech is found where somebody speaks, and not in hum, music that goes on, or silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from restyle_server.retime import media
from restyle_server.retime.speech import RATE, STEP, _levels, speech, spoken

from .conftest import numbered, write_movie


def voice(seconds: float, rate: int = RATE) -> np.ndarray:
    """What is like speech to a level meter: a buzz with two formants, on and off four times a second."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / (1 + ((120 * k - 700) / 500) ** 2) for k in range(1, 25))
    return 0.1 * buzz * np.maximum(np.sin(2 * np.pi * 4 * time), 0) ** 0.5


def found(sound: np.ndarray) -> np.ndarray:
    blocks = (block[None].astype(np.float32) for block in np.array_split(sound, 37))
    return spoken(_levels(blocks, len(sound) / RATE, float))


def second(mask: np.ndarray, start: float, end: float) -> np.ndarray:
    return mask[round(start / STEP) : round(end / STEP)]


def test_a_voice_between_silences_and_over_noise():
    random = np.random.default_rng(0)
    for background in (0.0, 0.004):
        sound = random.normal(0, 1, RATE * 20) * background
        sound[RATE * 6 : RATE * 11] += voice(5)
        mask = found(sound)
        assert second(mask, 6.2, 10.8).all()
        assert not second(mask, 0, 5.5).any()
        assert not second(mask, 11.5, 20).any()


def test_steady_sound_is_no_speech():
    time = np.arange(RATE * 20) / RATE
    assert not found(0.3 * np.sin(2 * np.pi * 1000 * time)).any()
    assert found(np.random.default_rng(0).normal(0, 0.2, RATE * 20)).mean() < 0.02
    assert not found(np.zeros(RATE * 5)).any()


def test_the_frames_of_a_movie(tmp_path: Path):
    sound = np.zeros(48_000 * 8, np.float32)
    sound[48_000 * 3 : 48_000 * 5] = voice(2, 48_000)
    path = write_movie(tmp_path / "clip.mp4", numbered(24 * 8), sound=sound)
    mask = speech(media.read(path))
    assert mask.shape == (192,)
    assert mask[24 * 3 + 4 : 24 * 5 - 4].all()
    assert not mask[: 24 * 2 + 12].any()
    assert not mask[24 * 5 + 16 :].any()


def test_a_clip_without_sound(tmp_path: Path):
    path = write_movie(tmp_path / "clip.mp4", numbered(30))
    assert not speech(media.read(path)).any()
    assert not speech(media.read(list(numbered(9)))).any()


def test_a_real_talk(data_dir: Path):
    mask = speech(media.read(data_dir / "footage" / "ae_example.mp4"))
    assert mask[: 30 * 17].mean() > 0.9  # he speaks for 17 seconds, then the sound is off but for a click
    assert mask[30 * 19 :].mean() < 0.1
