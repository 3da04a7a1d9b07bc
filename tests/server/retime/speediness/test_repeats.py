"""Repeats are found where they were planted, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle_server.retime.speediness import features, load_small, measure, repeats, speediness
from restyle_server.retime.speediness.footage import decode, through_h264
from restyle_server.retime.speediness.scenes import SCENES
from restyle_server.retime.speediness.simulate import _film

PATTERNS = {
    "24 as 30": np.arange(150) * 4 // 5,
    "18 as 24": np.arange(150) * 3 // 4,
    "15 as 30": np.arange(150) // 2,
    "10 as 30": np.arange(150) // 3,
    "24 as 30, by 3:2 fields": np.repeat(np.arange(150), np.tile([1, 1, 2, 1], 38)[:150])[:150],
}


def waves(shifts: np.ndarray, noise: float = 1.5) -> np.ndarray:
    """A film (T, 96, 128) of waves that lie shifts[t] pixels further right in frame t, with a camera's noise."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:96, :128]
    film = np.full((len(shifts), 96, 128), 128.0)
    for _ in range(12):
        (fx, fy), phase = rng.normal(0, 0.25, 2), rng.uniform(0, 6.3)
        film += 16 * np.sin(fx * (x + shifts[:, None, None]) + fy * y + phase)
    return np.clip(film + rng.normal(0, noise, film.shape), 0, 255).astype(np.uint8)


def simulated(seed: int, frames: int) -> np.ndarray:
    """A simulated film (T, 64, 96)."""
    rng = np.random.default_rng(seed)
    film = _film(rng, SCENES[seed % len(SCENES)](rng), 3.0 + np.arange(frames) / 30, 0.008)
    return np.clip((film - 0.5) * 150 + 120 + rng.normal(0, 1.0, film.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("crf", [None, 18, 23])
def test_planted_repeats_are_found(name: str, crf: int | None) -> None:
    """Films of another rate than their own, and encoded anew by H.264."""
    source = PATTERNS[name]
    film = waves(0.8 * np.arange(150))[source]
    film = film if crf is None else through_h264(film, crf)
    planted = np.append(False, np.diff(source) == 0)[3:-3]  # nothing is before the first, and after the last
    found = ~np.isin(np.arange(150), repeats.fresh(film))[3:-3]
    assert not found[~planted].any()
    assert found[planted].mean() > (0.95 if crf else 0.999)


@pytest.mark.parametrize("speed", [0.02, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("crf", [None, 23])
def test_pans_however_slow_repeat_nothing(speed: float, crf: int | None) -> None:
    film = waves(speed * np.arange(120))
    assert len(repeats.fresh(film if crf is None else through_h264(film, crf))) == 120


@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("crf", [None, 23, 34])
def test_a_still_film_keeps_all_its_frames(noise: float, crf: int | None) -> None:
    film = waves(np.zeros(120), noise)
    assert len(repeats.fresh(film if crf is None else through_h264(film, crf))) == 120


def test_nothing_is_left_out_of_noise_or_of_random_skips() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (120, 48, 64), np.uint8)
    assert len(repeats.fresh(noise)) == 120
    skipped = np.flatnonzero(rng.random(240) < 0.5)
    assert len(repeats.fresh(waves(0.8 * np.arange(240))[skipped])) == len(skipped)


def test_rests_that_are_long_or_rare_are_the_film_s_own() -> None:
    shifts = 0.8 * np.arange(200)
    rests = np.repeat(np.arange(200), np.where(np.arange(200) % 10 == 5, 6, 1))  # five frames of rest in fifteen
    assert len(repeats.fresh(waves(shifts, 0.0)[rests])) == len(rests)
    rare = np.repeat(np.arange(200), np.where(np.arange(200) % 50 == 5, 2, 1))  # one in fifty
    assert len(repeats.fresh(waves(shifts, 0.0)[rare])) == len(rare)


def test_where_nothing_moves_nothing_is_left_out_of_a_film_with_repeats() -> None:
    moving = waves(0.8 * np.arange(60))[np.arange(120) // 2]
    film = np.concatenate([np.repeat(moving[:1], 90, 0), moving, np.repeat(moving[-1:], 90, 0)])
    kept = repeats.fresh(film)
    assert np.isin(np.arange(90), kept).all()
    assert np.isin(np.arange(212, 300), kept).all()
    assert 55 <= np.sum((kept >= 90) & (kept < 210)) <= 64


@pytest.mark.parametrize("step", [1, 2, 3])
def test_positions_are_those_of_what_is_shown(step: int) -> None:
    source = np.arange(1, 101) * 4 // 5  # of the frames that are looked at
    film = waves(0.8 * np.arange(100))[np.repeat(source, step)]
    kept = repeats.fresh(film, step)
    np.testing.assert_array_equal(kept, step * np.flatnonzero(np.diff(source, prepend=-1)))
    positions = repeats.positions(len(film), step, kept)
    np.testing.assert_array_equal(positions[::step], source)
    assert (np.diff(positions) >= 0).all()
    assert len(positions) == 100 * step


def test_pieces_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    film = waves(0.8 * np.arange(50))
    brute = [np.abs(film[t + 1].astype(float) - film[t]).mean() for t in range(49)]
    for piece in (7, 49, 192):
        monkeypatch.setattr(repeats, "PIECE", piece)
        np.testing.assert_allclose(repeats.changes(film), brute, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_the_shortest_clips_keep_all_frames(frames: int) -> None:
    np.testing.assert_array_equal(repeats.fresh(waves(np.zeros(frames))), np.arange(frames))


def test_a_film_with_repeats_is_judged_as_it_is_without() -> None:
    """Every frame twice, at the same rate: curves and map of the clip's own frames, those of repeats their source's."""
    net, film = load_small(), simulated(0, 90)
    doubled = np.repeat(film, 2, 0)[1:-1]
    without, seen = speediness(film, 30.0, net), speediness(doubled, 30.0, net)
    assert seen.curves.shape == (10, 178)
    np.testing.assert_array_equal(seen.curves[:, 1:-1:2], seen.curves[:, 2::2])
    np.testing.assert_allclose(seen.curves[:, 1::2], without.curves[:, 1:], atol=0.02)  # the reference is a median
    assert seen.sure.mean() == pytest.approx(without.sure.mean(), abs=0.1)
    assert seen.map is not None
    assert without.map is not None
    # Frame 8 k of the doubled film is frame 4 k of the film; the map has every fourth of either.
    np.testing.assert_allclose(seen.map[::2], without.map[: len(seen.map[::2])], atol=1e-5)
    for rate in (2.0, 3.0):
        one, other = (measure.windows("", clip, net, rate) for clip in (film, doubled))
        np.testing.assert_allclose(one.natural, other.natural, rtol=1e-6)
        np.testing.assert_allclose(one.fast, other.fast, rtol=1e-6)
    one, other = features(film, 30.0, net), features(doubled, 30.0, net)
    np.testing.assert_allclose(one.vectors, other.vectors, rtol=1e-6)
    np.testing.assert_array_equal(np.maximum(2 * one.first - 1, 0), other.first)


def test_too_few_frames_without_their_repeats_are_unsure() -> None:
    seen = speediness(np.repeat(simulated(3, 15), 2, 0)[1:-1], 30.0, load_small())
    assert (seen.curves == 0.5).all()
    assert not seen.sure.any()
    assert seen.map is None


def test_an_old_film_whose_every_third_frame_repeats_looks_faster_when_it_is(data_dir: Path) -> None:
    greys, _ = decode(data_dir / "videos" / "chaplin.mp4")
    assert 0.66 < len(repeats.fresh(greys)) / len(greys) < 0.75
    seen = measure.windows("chaplin", greys, load_small())
    assert measure.auc(seen.natural, seen.fast) > 0.9
