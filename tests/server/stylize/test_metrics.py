"""MES and ITS against a camera model written out by hand and an encoder that can be worked out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from restyle_server.stylize import metrics
from restyle_server.stylize.metrics import cosines, evaluation_cameras, evaluation_pictures, its, mes

from .conftest import TinyEncoder, sphere


def by_hand(point: np.ndarray, azimuth: float, elevation: float, size: int) -> np.ndarray:
    """Where a point appears, (column, row) in pixels: eye at distance 2.5, looking at the origin, +Y up, 45 degrees."""
    away = np.array([math.cos(elevation) * math.cos(azimuth), math.sin(elevation),
                     math.cos(elevation) * math.sin(azimuth)])  # fmt: skip
    right = np.cross([0.0, 1.0, 0.0], away)
    right /= np.linalg.norm(right)
    seen = point - 2.5 * away
    x, y, depth = seen @ right, seen @ np.cross(away, right), -(seen @ away)
    half = math.tan(math.radians(22.5))
    return np.array([(x / depth / half + 1) / 2 * size - 0.5, (1 - y / depth / half) / 2 * size - 0.5])


def test_there_are_24_views_at_the_published_places() -> None:
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    cameras = evaluation_cameras()
    assert len(cameras.focal) == 24
    nearer = torch.from_numpy(points * 2.0 / 2.5).float()
    found = cameras.to_pixels(cameras.to_camera(nearer), torch.arange(24), 224).numpy()
    expected = [
        [by_hand(point, 2 * math.pi * step / 8, math.radians(degrees), 224) for point in points]
        for degrees in (-30, 0, 30)
        for step in range(8)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_ball_is_seen_as_large_as_it_should_be() -> None:
    vertices, faces = sphere(60, 90)
    pictures = evaluation_pictures(vertices * 7 + 3, faces, np.full((len(vertices), 3), 0.5), size=80)
    covered = float((pictures < 1).any(dim=1).float().mean(dim=(1, 2)).mean())
    # The ball's outline is a circle of tangent 1 / sqrt(2.5 ** 2 - 1), the picture's half side is
    # tan(22.5 degrees): it reaches over all four sides a little, which the published evaluation does not mind.
    radius = 1 / math.sqrt(2.5**2 - 1) / math.tan(math.radians(22.5))
    beyond = radius**2 * math.acos(1 / radius) - math.sqrt(radius**2 - 1)
    assert 1 < radius < math.sqrt(2)
    assert covered == pytest.approx((math.pi * radius**2 - 4 * beyond) / 4, rel=0.003)


def test_z_up_looks_the_same() -> None:
    vertices, faces = sphere()
    vertices = vertices * (1.0, 0.5, 0.7)
    colors = np.clip(vertices * 0.4 + 0.5, 0, 1)
    x, y, z = vertices.T
    turned = np.stack([x, -z, y], axis=1)
    torch.testing.assert_close(
        evaluation_pictures(turned, faces, colors, up="z", size=56),
        evaluation_pictures(vertices, faces, colors, size=56),
    )


class MeanColor(TinyEncoder):
    """Embeds a picture as its mean colour, and a prompt as a fixed one; keeps the pictures."""

    def __init__(self, resolution: int) -> None:
        self.resolution = resolution

    def encode_image(self, images: Tensor) -> Tensor:
        self.given = images
        return images.mean(dim=(2, 3))

    def encode_text(self, prompts: object) -> Tensor:
        return torch.tensor([[1.0, 2.0, 3.0]])


def test_mes_is_the_mean_cosine_of_the_pictures() -> None:
    vertices, faces = sphere()
    colors = np.random.default_rng(1).random((len(vertices), 3))
    expert = MeanColor(224)  # so that it is given the pictures as they are
    score = mes(expert, vertices, faces, colors, "x")
    assert expert.given.shape == (24, 3, 224, 224)
    means = expert.given.mean(dim=(2, 3)).numpy()
    coarse = evaluation_pictures(vertices, faces, colors, size=56).mean(dim=(2, 3))
    np.testing.assert_allclose(means, coarse, atol=0.01)
    expected = (means @ [1, 2, 3]) / np.linalg.norm(means, axis=1) / math.sqrt(14)
    assert score == pytest.approx(100 * expected.mean(), rel=1e-5)
    # Making a picture smaller weighs the texels at its border a little differently.
    np.testing.assert_allclose(cosines(MeanColor(32), expert.given, "x"), expected, rtol=5e-4)


def test_its_is_the_first_tenth_step_above_the_threshold() -> None:
    scores = {0: 0.9, 5: 0.9, 10: 0.1, 20: 0.22, 30: 0.23, 40: 0.21, 50: 0.5}
    assert its(scores) == 30
    assert its(scores, 0.3) == 50
    assert its(scores, 0.6) == 2000
    assert its({1200: 0.3}) == 1200
    assert its({1210: 0.3}) == 2000
    assert its({}) == metrics.ITS_NEVER
