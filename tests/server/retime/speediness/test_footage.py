"""Which films are fit for training, and their cached versions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle_server.retime.speediness import footage


def moving(count: int) -> np.ndarray:
    y, x = np.mgrid[:48, :64]
    t = np.arange(count)[:, None, None]
    return (120 + 60 * np.sin(x / 5 + t * 0.7) + 30 * np.cos(y / 4 - t * 0.4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("frames", "times", "words"),
    [
        (moving(60), np.arange(60) / 30, ""),
        (moving(60), np.arange(60) / 25, ""),
        (moving(20), np.arange(20) / 30, "20 frames"),
        (moving(60), np.arange(60) / 15, "15.0 frames per second"),
        (moving(60), np.cumsum(np.where(np.arange(60) % 3, 1 / 30, 1 / 12)), "varies"),
        (np.repeat(moving(40), 2, 0), np.arange(80) / 30, "repeat"),
        (np.full((60, 48, 64), 9, np.uint8), np.arange(60) / 30, "repeat"),
        (moving(60), np.zeros(60), ""),  # a container without times
    ],
)
def test_unfit_films_are_named_with_the_reason(frames: np.ndarray, times: np.ndarray, words: str) -> None:
    reason = footage.unfit(frames, times)
    assert words in reason
    assert bool(reason) == bool(words)


@pytest.mark.parametrize("codec", [lambda f: footage.through_h264(f, 30), lambda f: footage.through_jpeg(f, 40)])
def test_codecs_keep_size_and_order(codec: Callable[[np.ndarray], np.ndarray]) -> None:
    frames = moving(20)
    coded = codec(frames)
    assert coded.shape == frames.shape
    errors = np.abs(coded[:, None].astype(float) - frames[None]).mean((2, 3))
    np.testing.assert_array_equal(errors.argmin(1), np.arange(20))
    assert errors.diagonal().mean() > 0.3  # there is a loss, which is what it is for


def test_a_folder_of_films_is_decoded_once(tmp_path: Path, write_movie: Callable[..., Path]) -> None:
    pictures = np.repeat(np.repeat(moving(50), 2, 1), 2, 2)[..., None].repeat(3, 3)
    films = tmp_path / "films"
    films.mkdir()
    write_movie(films / "ours_street_one.mp4", pictures, Fraction(30))
    write_movie(films / "ours_slow.mp4", pictures, Fraction(10))
    (films / "notes.txt").write_text("no film")
    (films / "broken.mp4").write_bytes(b"nothing")
    lines: list[str] = []
    clips, refused = footage.read([films], tmp_path / "cache", lines.append)
    assert [(clip.name, clip.source, clip.scene, clip.frames) for clip in clips] == [
        ("ours_street_one", "ours", "ours_street", 50)
    ]
    assert sorted(line.split(":")[0] for line in refused) == ["broken.mp4", "ours_slow.mp4"]
    assert clips[0].plain.frames.shape == (50, 96, 128)
    for slow, fast in clips[0].coded:
        assert len(slow.frames) == 50
        assert (len(fast.frames), fast.speed) == (25, 2.0)
    lines.clear()
    footage.read([films], tmp_path / "cache", lines.append)
    assert lines == []


def test_simulated_clips_are_the_same_for_a_seed(tmp_path: Path) -> None:
    one, other = (footage.simulated(3, 7, tmp_path / name) for name in ("a", "b"))
    for a, b in zip(one, other):
        np.testing.assert_array_equal(a.plain.frames, b.plain.frames)
    assert not np.array_equal(one[0].plain.frames, one[1].plain.frames)
