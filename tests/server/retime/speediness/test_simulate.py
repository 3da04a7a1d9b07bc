"""Simulated motion against closed forms of mechanics."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle_server.retime.speediness import simulate

TIMES = np.linspace(0, 20, 4001)


def test_a_ball_in_the_air_falls_with_g() -> None:
    scene = simulate._balls(np.random.default_rng(1))
    height = scene.joints(TIMES)[:, 0, 1::2].mean(1) - scene.radii[0]
    step = TIMES[1]
    second = np.diff(height, 2) / step**2
    flying = np.abs(np.diff(height, 2)) < 1e-3  # not at a bounce
    moving = flying & (np.abs(np.diff(height)[1:]) > 1e-9)
    np.testing.assert_allclose(np.median(second[moving]), -9.81, rtol=1e-4)
    assert height.min() > -1e-6


def test_a_small_pendulum_swings_with_the_period_of_the_textbook() -> None:
    # 2 pi sqrt(l / g) (1 + a^2 / 16 + 11 a^4 / 3072 + ...) for an amplitude a
    for seed in range(6):
        scene = simulate._pendulums(np.random.default_rng(seed))
        joints = scene.joints(TIMES)
        rod = joints[:, 0]
        length = np.hypot(rod[0, 2] - rod[0, 0], rod[0, 3] - rod[0, 1])
        angle = np.arctan2(rod[:, 2] - rod[:, 0], rod[:, 1] - rod[:, 3])
        crossings = TIMES[1:][(angle[:-1] < 0) & (angle[1:] >= 0)]
        amplitude = np.abs(angle).max()
        expected = 2 * np.pi * np.sqrt(length / 9.81) * (1 + amplitude**2 / 16 + 11 * amplitude**4 / 3072)
        np.testing.assert_allclose(np.diff(crossings).mean(), expected, rtol=0.01)


def test_a_thrown_ball_of_the_juggler_falls_with_g() -> None:
    scene = simulate._juggler(np.random.default_rng(2))
    height = scene.joints(TIMES)[:, -1, 1]
    second = np.diff(height, 2) / TIMES[1] ** 2
    high = height[1:-1] > np.quantile(height, 0.8)
    np.testing.assert_allclose(np.median(second[high]), -9.81, rtol=1e-3)


def test_a_walker_keeps_its_limbs_and_its_gait_follows_the_leg() -> None:
    for seed in range(8):
        scene = simulate._walker(np.random.default_rng(seed))
        joints = scene.joints(TIMES)
        lengths = np.hypot(joints[..., 2] - joints[..., 0], joints[..., 3] - joints[..., 1])
        np.testing.assert_allclose(lengths[:, 0], lengths[0, 0], rtol=1e-9)
        knee = joints[:, 0, 2] - joints[:, 0, 0]
        crossings = TIMES[1:][(knee[:-1] < 0) & (knee[1:] >= 0)]
        cadence = 1 / np.diff(crossings).mean()
        leg = 2 * lengths[0, 0]
        froude = (cadence * 2.3 * leg) ** 2 / 9.81 / leg  # with Alexander's stride 2.3 leg froude^0.3
        froude = froude ** (1 / 0.4)
        assert 0.06 < froude < 2.8
        assert 0.4 < cadence < 8.0


def test_hands_reach_smoothly_and_at_the_speeds_of_people() -> None:
    scene = simulate._reacher(np.random.default_rng(3))
    times = np.arange(0, 20, 1 / 240)
    hand = scene.joints(times)[:, 3, 2:]
    speed = np.linalg.norm(np.diff(hand, axis=0), axis=1) * 240
    assert 0.5 < np.quantile(speed, 0.99) < 6.0  # metres per second
    assert np.abs(np.diff(speed)).max() * 240 < 150  # no jumps


def test_clips_are_small_films_that_move() -> None:
    rng = np.random.default_rng(0)
    for _ in range(12):
        film = simulate.clip(rng, 40)
        assert film.shape == (40, *simulate.SIZE)
        assert film.dtype == np.uint8
        assert film.std() > 5
        assert np.abs(np.diff(film.astype(float), axis=0)).max() > 5


def test_a_capsule_covers_its_area() -> None:
    picture = np.zeros((60, 80))
    simulate._draw(picture, np.array([[20.0, 30.0, 60.0, 30.0, 8.0]]), np.ones(1), np.zeros((1, 3)))
    np.testing.assert_allclose(picture.sum(), 40 * 16 + np.pi * 64, rtol=0.01)
