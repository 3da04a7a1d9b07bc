"""Planted duplicates come first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle_server.retime.speediness import Windows, features, joined, load_small, similar
from restyle_server.retime.speediness.footage import decode, through_h264
from restyle_server.retime.speediness.simulate import clip


@pytest.fixture(name="films", scope="module")
def _films() -> list[np.ndarray]:
    rng = np.random.default_rng(100)
    return [clip(rng, 72) for _ in range(6)]


def test_a_planted_duplicate_in_another_clip_comes_first(films: list[np.ndarray]) -> None:
    net = load_small()
    planted = np.concatenate([films[5][:32], films[2][24:56], films[5][32:64]])
    windows = joined([features(film, 30.0, net, number) for number, film in enumerate([*films[:5], planted])])
    query = int(np.flatnonzero((windows.clip == 2) & (windows.first == 32))[0])
    best = similar(windows, query, 3, elsewhere=True)[0]
    assert windows.clip[best.window] == 5
    assert abs(int(windows.first[best.window]) - (32 + 8)) <= 8
    assert best.score > 0.7


def test_a_moment_of_a_real_film_is_found_again_encoded_anew_and_darker(data_dir: Path) -> None:
    names = ("toy_elf", "toy_frog", "sign_walk", "stream")
    films = [decode(data_dir / "videos" / f"{name}.mp4", 96, 88)[0] for name in names]
    again = (through_h264(films[1][24:64], 26) * 0.85).astype(np.uint8)
    films.append(np.concatenate([films[0][:32], again]))
    net = load_small()
    windows = joined([features(film, 30.0, net, number) for number, film in enumerate(films)])
    query = int(np.flatnonzero((windows.clip == 1) & (windows.first == 40))[0])
    best = similar(windows, query, 3, elsewhere=True)[0]
    assert windows.clip[best.window] == 4
    assert windows.first[best.window] >= 32


def test_a_planted_duplicate_within_a_clip_comes_first(films: list[np.ndarray]) -> None:
    film = np.concatenate([films[0], films[1][:40], films[3][:40], films[1][:40], films[4]])
    windows = features(film, 30.0, load_small())
    query = int(np.flatnonzero(windows.first == 72 + 8)[0])
    best = similar(windows, query, 1)[0]
    assert abs(int(windows.first[best.window]) - (72 + 40 + 40 + 8)) <= 8


def test_matches_show_no_frame_twice() -> None:
    rng = np.random.default_rng(0)
    starts = np.arange(0, 400, 8)
    windows = Windows(np.zeros(50, int), starts, starts + 15, rng.normal(size=(50, 12)).astype(np.float32))
    matches = similar(windows, 20, 10)
    shown = [20, *(match.window for match in matches)]
    assert len(matches) == 10
    assert all(abs(starts[a] - starts[b]) > 15 for a in shown for b in shown if a != b)
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)


def test_fast_clips_are_seen_at_about_thirty_frames_a_second(films: list[np.ndarray]) -> None:
    net = load_small()
    slow, fast = features(films[1], 30.0, net), features(np.repeat(films[1], 2, 0), 60.0, net)
    np.testing.assert_array_equal(fast.first, 2 * slow.first)
    np.testing.assert_allclose(fast.vectors, slow.vectors, rtol=1e-3, atol=1e-3)


def test_a_short_clip_is_one_window(films: list[np.ndarray]) -> None:
    windows = features(films[0][:5], 30.0, load_small())
    assert len(windows) == 1
    assert (windows.first[0], windows.last[0]) == (0, 4)
