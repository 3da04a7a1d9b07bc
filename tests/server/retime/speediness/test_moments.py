"""Planted duplicates come first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle import alike
from restyle.kinds.curve import Curve
from restyle_server.retime.speediness import features, load_small
from restyle_server.retime.speediness.footage import decode, through_h264
from restyle_server.retime.speediness.simulate import clip


def curve_of(film: np.ndarray) -> Curve:
    """A film's windows, as the job gives them."""
    windows = features(film, 30.0, load_small())
    return Curve({name: getattr(windows, name) for name in ("first", "last", "vectors")}, 30.0)


@pytest.fixture(name="films", scope="module")
def _films() -> list[np.ndarray]:
    rng = np.random.default_rng(100)
    return [clip(rng, 72) for _ in range(6)]


def test_a_planted_duplicate_in_another_clip_comes_first(films: list[np.ndarray]) -> None:
    planted = np.concatenate([films[5][:32], films[2][24:56], films[5][32:64]])
    clips = [curve_of(film) for film in [*films[:5], planted]]
    best = alike.similar(clips, 2, 4, 3, elsewhere=True)[0]
    assert (best.clip, best.at) == (5, 32 / 30)
    assert abs(best.there * 30 - (32 + 8)) <= 8
    assert best.score > 0.7


def test_a_moment_of_a_real_film_is_found_again_encoded_anew_and_darker(data_dir: Path) -> None:
    names = ("toy_elf", "toy_frog", "sign_walk", "stream")
    films = [decode(data_dir / "videos" / f"{name}.mp4", 96, 88)[0] for name in names]
    again = (through_h264(films[1][24:64], 26) * 0.85).astype(np.uint8)
    films.append(np.concatenate([films[0][:32], again]))
    best = alike.similar([curve_of(film) for film in films], 1, 5, 3, elsewhere=True)[0]
    assert best.clip == 4
    assert best.there * 30 >= 32


def test_a_planted_duplicate_within_a_clip_comes_first(films: list[np.ndarray]) -> None:
    film = np.concatenate([films[0], films[1][:40], films[3][:40], films[1][:40], films[4]])
    best = alike.similar([curve_of(film)], 0, 10, 1)[0]
    assert best.at == pytest.approx((72 + 8) / 30)
    assert abs(best.there * 30 - (72 + 40 + 40 + 8)) <= 8


def test_fast_clips_are_seen_at_about_thirty_frames_a_second(films: list[np.ndarray]) -> None:
    net = load_small()
    slow, fast = features(films[1], 30.0, net), features(np.repeat(films[1], 2, 0), 60.0, net)
    np.testing.assert_array_equal(fast.first, 2 * slow.first)
    np.testing.assert_allclose(fast.vectors, slow.vectors, rtol=1e-3, atol=1e-3)


def test_a_short_clip_is_one_window(films: list[np.ndarray]) -> None:
    windows = features(films[0][:5], 30.0, load_small())
    assert (windows.first.tolist(), windows.last.tolist()) == ([0], [4])
