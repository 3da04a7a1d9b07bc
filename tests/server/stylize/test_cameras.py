from __future__ import annotations

import math

import pytest
import torch

from restyle_server.stylize.cameras import TIGHT_MARGIN, look_at_origin, sample_angles

ANGLES = torch.tensor(
    [[0.0, 0.0], [1.9, 0.6], [-3.0, math.pi / 2], [0.4, -math.pi / 2], [5.0, 2.5]], dtype=torch.float64
)


def test_rotations_even_at_the_poles() -> None:
    rotation = look_at_origin(*ANGLES.T).rotation
    torch.testing.assert_close(rotation @ rotation.transpose(1, 2), torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(5, dtype=torch.float64))
    assert (rotation[:, 1, 1] >= -1e-12).all(), "no picture hangs upside down"


def test_first_camera_looks_from_plus_x() -> None:
    cameras = look_at_origin(*ANGLES[:1].T)
    axes = torch.eye(3, dtype=torch.float64)
    seen = cameras.to_camera(axes)[0]
    torch.testing.assert_close(seen[0], torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(seen[1], torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64))
    torch.testing.assert_close(seen[2], torch.tensor([-1.0, 0.0, -2.0], dtype=torch.float64))


def test_unit_sphere_just_fits() -> None:
    cameras = look_at_origin(*ANGLES.T)
    generator = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(20000, 3, generator=generator, dtype=torch.float64), dim=1)
    pixels = cameras.to_pixels(cameras.to_camera(points), torch.arange(5), 100)
    assert -0.5 <= pixels.min() < 0.5
    assert 98.5 < pixels.max() <= 99.5


def test_fitted_views_are_filled() -> None:
    points = torch.tensor([[0.1, -0.3, 0.0], [0.0, 0.4, 0.1], [-0.1, 0.0, -0.2]], dtype=torch.float64)
    cameras = look_at_origin(*ANGLES.T).fitted(points)
    pixels = cameras.to_pixels(cameras.to_camera(points), torch.arange(5), 100) + 0.5
    extent = (pixels.amax(dim=1) - pixels.amin(dim=1)).amax(dim=1)
    torch.testing.assert_close(extent, torch.full_like(extent, 100 * TIGHT_MARGIN))
    middle = (pixels.amax(dim=1) + pixels.amin(dim=1)) / 2
    torch.testing.assert_close(middle, torch.full_like(middle, 50.0))


def test_sampled_angles() -> None:
    generator = torch.Generator().manual_seed(0)
    azimuth, elevation = sample_angles(40000, (1.0, 0.5), (math.pi / 2, math.pi / 4), generator)
    assert (float(azimuth[0]), float(elevation[0])) == (1.0, 0.5)
    assert float(azimuth.std()) == pytest.approx(math.pi / 2, rel=0.02)
    assert float(elevation.std()) == pytest.approx(math.pi / 4, rel=0.02)
    assert float(azimuth.mean()) == pytest.approx(1.0, abs=0.03)
