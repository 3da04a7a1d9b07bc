"""Curves: exact in pieces, right on planted speeds, unsure where nothing can be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from restyle_server.retime.speediness import RATES, curve, load_small, measure, speediness
from restyle_server.retime.speediness.footage import decode
from restyle_server.retime.speediness.scenes import SCENES
from restyle_server.retime.speediness.simulate import _film
from restyle_server.retime.speediness.small import SpeedinessNet


def simulated(seed: int, speeds: np.ndarray) -> np.ndarray:
    """A simulated film (T, 64, 96) whose frame t lasts speeds[t] / 30 seconds of the scene's time."""
    rng = np.random.default_rng(seed)
    film = _film(rng, SCENES[seed % len(SCENES)](rng), 3.0 + np.cumsum(speeds) / 30, 0.008)
    return np.clip((film - 0.5) * 150 + 120 + rng.normal(0, 1.0, film.shape), 0, 255).astype(np.uint8)


@pytest.fixture(name="net", scope="module")
def _net() -> SpeedinessNet:
    return load_small()


def test_pieces_leave_no_trace(net: SpeedinessNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "halves", lambda device: False)
    film, places = simulated(3, np.ones(120)), np.arange(120)
    whole = curve.look((film, film[:, ::2, ::2]), places, net, keep_features=True)
    monkeypatch.setattr(curve, "PIECE", 37)
    for one, other in zip(whole, curve.look((film, film[:, ::2, ::2]), places, net, keep_features=True)):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_half_precision_moves_no_logit_far(net: SpeedinessNet, monkeypatch: pytest.MonkeyPatch) -> None:
    if not curve.halves("cpu"):
        pytest.skip("this processor has none")
    film, places = simulated(3, np.ones(120)), np.arange(120)
    halves = curve.look((film, film[:, ::2, ::2]), places, net)[0]
    monkeypatch.setattr(curve, "halves", lambda device: False)
    singles = curve.look((film, film[:, ::2, ::2]), places, net)[0]
    assert np.abs(halves - singles).max() < 0.05 * max(1.0, np.abs(singles).max())


@pytest.mark.parametrize("window", [1, 7, 16])
def test_windows_are_means_around_each_frame(window: int) -> None:
    values = np.random.default_rng(0).normal(size=(30, 2))
    brute = [values[max(0, t - window // 2) : t + (window + 1) // 2].mean(0) for t in range(30)]
    np.testing.assert_allclose(curve.windowed(values, window), brute)


def test_interpolation_is_numpy_s() -> None:
    rng = np.random.default_rng(1)
    places, values = np.arange(0, 50, 3), rng.normal(size=(17, 2))
    expected = np.stack([np.interp(np.arange(60), places, values[:, k]) for k in range(2)], 1)
    np.testing.assert_allclose(curve.interpolate(places, values, np.arange(60)), expected)


@pytest.mark.parametrize("frames", [40, 151])
def test_shapes_and_ranges(net: SpeedinessNet, frames: int) -> None:
    result = speediness(simulated(4, np.ones(frames)), 30.0, net)
    assert result.curves.shape == (len(RATES), frames)
    assert ((result.curves >= 0) & (result.curves <= 1)).all()
    assert result.sure.shape == (frames,)
    assert result.sure.dtype == np.bool_
    np.testing.assert_allclose(result.rates, RATES)
    assert result.map is not None
    assert result.map_frames is not None
    np.testing.assert_array_equal(result.map_frames, np.arange(0, frames, curve.MAP_STEP))
    assert len(result.map) == len(result.map_frames)
    assert result.map.min() >= 0
    assert result.map.max() <= 1


def test_curves_rise_with_the_rate(net: SpeedinessNet) -> None:
    for seed in (0, 5, 8):
        means = speediness(simulated(seed, np.ones(150)), 30.0, net).curves.mean(1)
        assert (np.diff(means) > -0.02).all()
        assert means[-1] > means[0] + 0.3


def test_planted_stretches_are_found(net: SpeedinessNet) -> None:
    """90 frames at natural speed, 90 three times faster, 90 natural again, of scenes that no training has drawn."""
    speeds = np.repeat([1.0, 3.0, 1.0], 90)
    inner = np.abs(np.arange(270) % 90 - 45) < 35  # the windows straddle the joints
    for seed in (0, 3, 5, 8):
        seen = speediness(simulated(1000 + seed, speeds), 30.0, net, rates=(1.0, 2.0)).curves.mean(0)
        assert measure.auc(seen[inner & (speeds == 1)], seen[inner & (speeds == 3)]) > 0.9


def test_slow_motion_in_a_strip_may_go_faster(net: SpeedinessNet) -> None:
    """90 frames at natural speed, 90 at a third of it, 90 natural again: slow ones look less sped up at 2x."""
    speeds = np.repeat([1.0, 1 / 3, 1.0], 90)
    inner = np.abs(np.arange(270) % 90 - 45) < 35
    for seed in (0, 3, 8):
        seen = speediness(simulated(2000 + seed, speeds), 30.0, net, rates=(1.0, 2.0)).curves[1]
        assert measure.auc(seen[inner & (speeds < 1)], seen[inner & (speeds == 1)]) > 0.9


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0])
def test_a_still_picture_is_unsure(net: SpeedinessNet, noise: float) -> None:
    rng = np.random.default_rng(5)
    frame = simulated(5, np.ones(40))[20]
    film = np.clip(frame + rng.normal(0, noise, (150, *frame.shape)), 0, 255).astype(np.uint8)
    assert not speediness(film, 30.0, net).sure.any()


def test_only_the_moving_part_of_a_clip_is_sure(net: SpeedinessNet) -> None:
    moving = simulated(1005, np.ones(150))
    film = np.concatenate([np.repeat(moving[:1], 150, 0), moving])
    sure = speediness(film, 30.0, net).sure
    assert not sure[:110].any()
    assert sure[190:].mean() > 0.6


@pytest.mark.parametrize(("frames", "fps"), [(2, 30.0), (15, 30.0), (30, 60.0), (200, 12.5)])
def test_short_and_slow_clips_are_unsure(net: SpeedinessNet, frames: int, fps: float) -> None:
    result = speediness(simulated(6, np.ones(frames)), fps, net)
    assert not result.sure.any()
    assert (result.curves == 0.5).all()
    assert result.map is None


def test_a_clip_of_sixty_frames_a_second_is_the_same_clip(net: SpeedinessNet) -> None:
    film = simulated(7, np.ones(90))
    slow, fast = speediness(film, 30.0, net), speediness(np.repeat(film, 2, 0)[:-1], 60.0, net)
    np.testing.assert_allclose(fast.curves[:, ::2], slow.curves, atol=2e-3)


def test_a_strip_is_its_own_reference() -> None:
    seen = np.array([[2.0, 2, 9, 3], [4.0, 4, 9, 5]])
    moves = np.array([True, True, False, True])
    np.testing.assert_allclose(curve.calibrated(seen, -1.0, moves), seen - 3.0)
    np.testing.assert_allclose(curve.calibrated(seen, -1.0, ~moves), seen - 10.0)
    np.testing.assert_allclose(curve.calibrated(seen, -1.0, moves & False), seen - 3.5)


def test_what_the_callback_raises_ends_the_work(net: SpeedinessNet) -> None:
    shares: list[float] = []

    def step(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        speediness(simulated(8, np.ones(250)), 30.0, net, on_step=step)
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 0.5 < shares[-1] <= 1


def test_real_clips_look_faster_when_they_are(net: SpeedinessNet, data_dir: Path) -> None:
    """Films that are no part of the training."""
    for name in ("toy_frog", "driving_shots"):
        greys, _ = decode(data_dir / "videos" / f"{name}.mp4", 96, 120)
        judged = measure.windows(name, greys, net)
        assert judged.fast.mean() > judged.natural.mean()


@pytest.mark.gpu
def test_a_gpu_says_the_same(net: SpeedinessNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "halves", lambda device: False)
    film = simulated(9, np.ones(100))
    here = speediness(film, 30.0, net).curves
    there = speediness(film, 30.0, load_small(torch.device("cuda"))).curves
    np.testing.assert_allclose(here, there, atol=5e-3)
