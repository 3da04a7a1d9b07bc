"""Simulated motion against closed forms of mechanics, and films of it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from restyle_server.retime.speediness import scenes, simulate

TIMES = np.linspace(0, 20, 4001)


def test_a_ball_in_the_air_falls_with_g() -> None:
    scene = scenes.balls(np.random.default_rng(1))
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
        scene = scenes.pendulums(np.random.default_rng(seed))
        joints = scene.joints(TIMES)
        rod = joints[:, 0]
        length = np.hypot(rod[0, 2] - rod[0, 0], rod[0, 3] - rod[0, 1])
        angle = np.arctan2(rod[:, 2] - rod[:, 0], rod[:, 1] - rod[:, 3])
        crossings = TIMES[1:][(angle[:-1] < 0) & (angle[1:] >= 0)]
        amplitude = np.abs(angle).max()
        expected = 2 * np.pi * np.sqrt(length / 9.81) * (1 + amplitude**2 / 16 + 11 * amplitude**4 / 3072)
        np.testing.assert_allclose(np.diff(crossings).mean(), expected, rtol=0.01)


def test_a_thrown_ball_of_the_juggler_falls_with_g() -> None:
    scene = scenes.juggler(np.random.default_rng(2))
    height = scene.joints(TIMES)[:, -1, 1]
    second = np.diff(height, 2) / TIMES[1] ** 2
    high = height[1:-1] > np.quantile(height, 0.8)
    np.testing.assert_allclose(np.median(second[high]), -9.81, rtol=1e-3)


def test_a_walker_keeps_its_limbs_and_its_gait_follows_the_leg() -> None:
    for seed in range(8):
        scene = scenes.walker(np.random.default_rng(seed))
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
    scene = scenes.reacher(np.random.default_rng(3))
    times = np.arange(0, 20, 1 / 240)
    hand = scene.joints(times)[:, 3, 2:]
    speed = np.linalg.norm(np.diff(hand, axis=0), axis=1) * 240
    assert 0.5 < np.quantile(speed, 0.99) < 6.0  # metres per second
    assert np.abs(np.diff(speed)).max() * 240 < 150  # no jumps


def test_a_step_is_the_curve_of_least_jerk() -> None:
    places, lasting = np.array([[0.0, 1.0], [3.0, -1.0], [3.0, 5.0]]), np.array([1.5, 2.0])
    times = np.linspace(0, 1.5, 1001)
    way = scenes.steps(places, np.array([0.0, 2.0]), lasting, times)
    np.testing.assert_allclose(way[[0, -1]], places[:2], atol=1e-9)
    np.testing.assert_allclose(way[500], (places[0] + places[1]) / 2, atol=1e-9)
    speed = np.linalg.norm(np.diff(way, axis=0), axis=1) / times[1]
    assert speed[[0, -1]].max() < 1e-4
    assert speed.max() == pytest.approx(1.875 * np.hypot(3, 2) / 1.5, rel=1e-3)
    np.testing.assert_allclose(np.diff(way, 6, axis=0) * 1e3, 0, atol=1e-6)  # least jerk: its sixth derivative is 0
    np.testing.assert_allclose(scenes.steps(places, np.array([0.0, 2.0]), lasting, np.array([1.8, 9.0])), places[1:])


def test_animals_keep_their_length_and_run_no_faster_than_their_size_allows() -> None:
    for seed in range(6):
        joints = scenes.animal(np.random.default_rng(seed)).joints(TIMES)
        body = np.hypot(joints[:, 0, 2] - joints[:, 0, 0], joints[:, 0, 3] - joints[:, 0, 1])
        np.testing.assert_allclose(body, body[0], rtol=1e-9)
        here = (joints[:, 0, :2] + joints[:, 0, 2:]) / 2
        speed = np.linalg.norm(np.diff(here, axis=0), axis=1) / TIMES[1]
        length = body[0] / 0.7
        assert 0.1 < speed.max() / np.sqrt(9.81 * length) < 1.51


def test_short_leaves_sway_faster() -> None:
    joints = scenes.leaves(np.random.default_rng(4)).joints(TIMES)
    angle = np.arctan2(joints[..., 2] - joints[..., 0], joints[..., 3] - joints[..., 1])
    lengths = np.hypot(joints[0, :, 2] - joints[0, :, 0], joints[0, :, 3] - joints[0, :, 1])
    power = np.abs(np.fft.rfft(angle - angle.mean(0), axis=0)) ** 2
    rates = np.fft.rfftfreq(len(TIMES), TIMES[1])
    above = rates > 0.3  # gusts are slower
    own = 2 * np.pi * rates[above][power[above].argmax(0)]
    ratios = own / np.sqrt(9.81 / lengths)
    assert ((ratios > 0.65) & (ratios < 1.65)).mean() > 0.8


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
