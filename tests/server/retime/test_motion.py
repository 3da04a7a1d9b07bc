"""Motion energy: known movements are measured in their own units; the wanted speed spends a length evenly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.special import expit

from restyle.errors import CancelledError
from restyle_server.retime.flow import flow, means
from restyle_server.retime.motion import BATCH, CAMERA_SHARE, motion_energy, wanted_speed

HEIGHT, WIDTH = 128, 192
FPS = Fraction(30)


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, finest: float = 0.06) -> np.ndarray:
    """Smooth noise that repeats at its edges, (height, width), around 0."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).normal(0, 1, (height, width)))
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    smooth = np.fft.irfft2(spectrum * np.exp(-((rows**2 + columns**2) / finest**2)), (height, width))
    return smooth / smooth.std()


def shifted(picture: np.ndarray, right: float, down: float) -> np.ndarray:
    """The picture moved by fractions of pixels, exactly."""
    rows, columns = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.rfftfreq(picture.shape[1])[None]
    turn = np.exp(-2j * np.pi * (rows * down + columns * right))
    return np.fft.irfft2(np.fft.rfft2(picture) * turn, picture.shape)


def scene(places: np.ndarray, camera: np.ndarray, size: float = 22.0) -> np.ndarray:
    """A textured disc at `places` (T, 2), x and y, on a ground that moves by `camera` (T, 2): (T, h, w) uint8."""
    ground, skin = texture(1), texture(2)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for (x, y), (right, down) in zip(places, camera):
        disc = expit((size - np.hypot(columns - x, rows - y)) / 0.7)
        picture = shifted(ground, right, down) * (1 - disc) + shifted(skin, x, y) * disc
        frames.append(128 + 40 * picture)
    return np.stack(frames).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("move", [(0.3, 0.0), (-1.2, 0.7), (0.0, 3.0), (4.0, -2.0)])
def test_the_flow_of_a_known_shift(move: tuple[float, float]):
    before = 128 + 40 * texture(3, 64, 96)
    pair = [
        torch.from_numpy(picture).float()[None, None]
        for picture in (before, 128 + 40 * shifted(texture(3, 64, 96), *move))
    ]
    found = flow(*pair)[0, :, 12:-12, 12:-12]
    np.testing.assert_allclose(found.mean(dim=(1, 2)), move, atol=0.05)
    assert float((found - torch.tensor(move)[:, None, None]).abs().quantile(0.9)) < 0.2 + 0.05 * np.hypot(*move)


@pytest.mark.parametrize("side", [3, 5])
@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (4, 3), (11, 7)])
def test_means_are_of_what_lies_in_the_picture(side: int, shape: tuple[int, int]):
    picture = np.random.default_rng(6).normal(0, 100, shape)
    found = means(torch.from_numpy(picture)[None, None], side)[0, 0].numpy()
    reach = side // 2
    for row, column in np.ndindex(shape):
        window = picture[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        np.testing.assert_allclose(found[row, column], window.mean(), atol=1e-9)


def test_it_stops_when_told_and_leaves_torch_as_it_was():
    """Batches that are measured side by side come in order; a cancel in between ends it soon."""
    greys = np.random.default_rng(7).integers(0, 255, (4 * BATCH + 2, 24, 32), np.uint8)
    threads, shares = torch.get_num_threads(), []
    motion_energy(greys, FPS, on_step=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    def stop(share: float) -> None:
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        motion_energy(greys, FPS, on_step=stop)
    assert torch.get_num_threads() == threads


def test_a_disc_of_known_speed():
    speeds = np.repeat([0.8, 2.4, 0.0, 1.2], 25)  # pixels per frame
    path = np.cumsum(np.concatenate([[30.0], speeds]))
    places = np.stack([path, np.full(len(path), 64.0)], axis=1)
    energy = motion_energy(scene(places, np.zeros_like(places)), FPS)
    assert len(energy) == len(places)
    for number, speed in enumerate((0.8, 2.4, 0.0, 1.2)):
        middle = energy[25 * number + 5 : 25 * number + 20]
        expected = speed / HEIGHT * 30  # heights per second
        np.testing.assert_allclose(np.median(middle), expected, rtol=0.25, atol=0.03)


def test_the_camera_counts_for_its_share_only():
    steps = np.arange(40.0)
    still = np.stack([60 + 1.5 * steps, np.full(40, 64.0)], axis=1)
    pan = np.stack([-2.0 * steps, 0.5 * steps], axis=1)
    fixed, panned, empty = (
        np.median(motion_energy(clip, FPS)[3:-3])
        for clip in (scene(still, np.zeros_like(pan)), scene(still, pan), scene(still * 0 - 500, pan))
    )
    whole = np.hypot(2.0, 0.5) / HEIGHT * 30
    np.testing.assert_allclose(empty, CAMERA_SHARE * whole, atol=0.1)
    relative = np.hypot(3.5, 0.5) / HEIGHT * 30  # of the disc against the ground
    np.testing.assert_allclose(panned, relative + CAMERA_SHARE * whole, rtol=0.25)
    np.testing.assert_allclose(fixed, 1.5 / HEIGHT * 30, rtol=0.25)


def test_noise_and_stillness_are_rest():
    noise = np.random.default_rng(0).normal(128, 2, (20, HEIGHT, WIDTH)).astype(np.uint8)
    assert motion_energy(noise, FPS).max() < 0.1
    assert motion_energy(np.zeros((5, HEIGHT, WIDTH), np.uint8), FPS).max() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 128, 200), (2, 128, 200), (3, 40, 5), (3, 5, 40), (4, 1, 1), (3, 7, 3)])
def test_tiny_clips(shape: tuple[int, int, int]):
    energy = motion_energy(np.random.default_rng(0).integers(0, 99, shape, np.uint8), FPS)
    assert energy.shape == shape[:1]
    assert np.isfinite(energy).all()


def test_progress_is_told_and_can_stop():
    told: list[float] = []
    motion_energy(np.zeros((100, 16, 16), np.uint8), FPS, on_step=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        motion_energy(np.zeros((100, 16, 16), np.uint8), FPS, on_step=stop)


def test_every_frame_that_is_shown_has_the_same_motion():
    energy = np.interp(np.arange(900), [0, 300, 500, 900], [0.5, 2.0, 2.0, 0.6])
    wanted = wanted_speed(energy, FPS, 450, (0.1, 50.0))
    assert (1 / wanted).sum() == pytest.approx(450, rel=1e-6)
    inside = slice(60, 240)  # away from ends and corners, which smoothing rounds
    shown = (energy * wanted)[inside]
    np.testing.assert_allclose(shown, shown.mean(), rtol=0.03)


def test_the_limits_are_kept_and_rest_is_uniform():
    energy = np.where(np.arange(600) % 200 < 60, 3.0, 0.05)
    wanted = wanted_speed(energy, FPS, 300, (1.0, 8.0))
    assert wanted.min() >= 1.0
    assert wanted.max() <= 8.0
    assert wanted[30] < wanted[130] / 2
    quiet = wanted_speed(np.random.default_rng(0).uniform(0, 1e-4, 600), FPS, 200, (1.0, 8.0))
    np.testing.assert_allclose(quiet, 3.0, rtol=0.01)


def test_nothing_is_smoothed_across_a_cut():
    energy = np.where(np.arange(400) < 200, 0.2, 2.0)
    wanted = wanted_speed(energy, FPS, 200, (1.0, 8.0), cuts=(200,))
    np.testing.assert_allclose(wanted[:200], wanted[0])
    np.testing.assert_allclose(wanted[200:], wanted[200])
    assert wanted[199] > wanted[200]


def test_a_cut_is_no_motion():
    still = np.repeat((128 + 40 * np.stack([texture(4), texture(5)])).clip(0, 255).astype(np.uint8), 10, axis=0)
    assert motion_energy(still, FPS)[9:11].min() > 1
    assert motion_energy(still, FPS, cuts=(10,)).max() < 1e-3
