"""Baked textures of planted fields, whose value at every point of the surface is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle.errors import BadInputError, CancelledError
from restyle_server.stylize import PRESETS
from restyle_server.stylize import bake as module
from restyle_server.stylize.bake import MIDLEVEL, BakeOptions, bake
from restyle_server.stylize.field import StyleField
from restyle_server.stylize.geometry import Frame
from restyle_server.stylize.starts import Recipe
from restyle_server.stylize.style import Style

OPTIONS = replace(PRESETS["standard"], frequencies=4, width=8, depth=1, color_depth=1, displacement_depth=1)


class Planted(Style):
    """Colour and height by formula, in place of a field."""

    def evaluate(self, points, normals, *, plane=0.0, start_color=None, existing=None, weight=None):
        height = 0.05 * torch.sin(3 * points[:, 0] + 2 * points[:, 1])
        color = 0.5 + 0.4 * points.clamp(-1, 1)
        return (color, height) if weight is None else (torch.lerp(existing, color, weight[:, None]), weight * height)


def planted(mesh: tuple) -> Planted:
    network = StyleField(
        frequencies=4, sigma=1.0, width=8, depth=1, color_depth=1, displacement_depth=1, generator=torch.Generator()
    )
    return Planted(network, OPTIONS, Recipe("solid"), Frame.of(*mesh, "y"))


def plane(cells: int, fold: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A square of (cells x cells) quads from -1 to 1, facing +Z, in the middle of its map; `fold` bends it."""
    x, y = np.meshgrid(np.linspace(-1, 1, cells + 1), np.linspace(-1, 1, cells + 1))
    vertices = np.stack([x.ravel(), y.ravel(), fold * np.abs(x.ravel())], axis=1)
    a = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + cells + 2], 1), np.stack([a, a + cells + 2, a + cells + 1], 1)])
    return vertices, faces, 0.5 + 0.4 * vertices[faces][..., :2]


def tube(cells: int, height: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An open cylinder about +Y, cut open along one seam, which are the left and the right border of its island."""
    ring, level = np.meshgrid(np.arange(cells + 1), np.arange(cells + 1), indexing="ij")
    angle = 2 * np.pi * ring / cells
    grid = np.stack([np.cos(angle), height * (2 * level / cells - 1), -np.sin(angle)], axis=-1)
    number = (ring % cells) * (cells + 1) + level
    coordinates = np.stack([0.1 + 0.8 * ring / cells, 0.1 + 0.8 * level / cells], axis=-1)
    a, b, c, d = ((slice(None, -1), slice(None, -1)), (slice(1, None), slice(None, -1)),
                  (slice(1, None), slice(1, None)), (slice(None, -1), slice(1, None)))  # fmt: skip
    faces = np.concatenate([np.stack([number[i].ravel() for i in tri], 1) for tri in ((a, b, c), (a, c, d))])
    uv = np.concatenate([np.stack([coordinates[i].reshape(-1, 2) for i in tri], 1) for tri in ((a, b, c), (a, c, d))])
    return grid[:-1].reshape(-1, 3), faces, uv


def texture_points(size: int) -> tuple[np.ndarray, np.ndarray]:
    """U and v (S, S) of the texels' middles."""
    u, row = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size)
    return u, 1 - row


def bilinear(picture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    size = len(picture)
    x, y = u * size - 0.5, (1 - v) * size - 0.5
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = (x - column)[:, None], (y - row)[:, None]
    top = picture[row, column] * (1 - right) + picture[row, column + 1] * right
    low = picture[row + 1, column] * (1 - right) + picture[row + 1, column + 1] * right
    return top * (1 - down) + low * down


@pytest.mark.parametrize("cells", [1, 7])
def test_texels_hold_the_planted_field(cells: int) -> None:
    vertices, faces, uv = plane(cells)
    size = 96
    baked = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, 0), up="y")
    u, v = texture_points(size)
    inside = (np.abs(u - 0.5) < 0.4) & (np.abs(v - 0.5) < 0.4)
    radius = np.sqrt(2)
    x, y = (u - 0.5) / 0.4 / radius, (v - 0.5) / 0.4 / radius
    expected = 0.5 + 0.4 * np.stack([x, y, 0 * x], axis=-1)
    np.testing.assert_allclose(baked.colors[inside] / 255, expected[inside], atol=0.5 / 255 + 1e-5)
    height = radius * 0.05 * np.sin(3 * x + 2 * y)
    np.testing.assert_allclose(baked.heights[inside], height[inside], atol=1e-6)
    assert baked.covered == pytest.approx(0.64, abs=0.03)
    assert baked.overlap == baked.unmapped == 0
    assert baked.warnings == ()
    levels = np.round((baked.heights / baked.scale + MIDLEVEL) * 65535)
    assert 0 <= levels.min() <= levels.max() <= 65535
    np.testing.assert_allclose((levels / 65535 - MIDLEVEL) * baked.scale, baked.heights, atol=baked.scale / 65535)


def test_outside_is_flat_and_the_mean_colour() -> None:
    vertices, faces, uv = plane(2)
    baked = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(64, 3, normals=True), up="y")
    corner = baked.colors[0, 0]
    assert np.abs(corner.astype(int) - 127).max() <= 1, "the planted colours are even about grey"
    assert baked.heights[0, 0] == 0
    assert baked.normals[0, 0].tolist() == [128, 128, 255]


def test_padding_repeats_the_nearest_texel_of_an_island() -> None:
    vertices, faces, uv = plane(3)
    size, padding = 64, 5
    bare = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, 0), up="y").heights
    padded = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, padding), up="y").heights
    covered = np.argwhere(bare != 0)
    for row, column in np.argwhere(padded != bare):
        distance = np.linalg.norm(covered - (row, column), axis=1)
        assert distance.min() <= padding
        near = covered[distance <= distance.min() + 1e-9]
        assert padded[row, column] in bare[near[:, 0], near[:, 1]]
    assert (padded != 0).sum() > 1.2 * len(covered)
    assert (np.abs(padded[bare != 0] - bare[bare != 0]) == 0).all()


def test_a_seam_shows_the_same_from_both_sides() -> None:
    vertices, faces, uv = tube(48)
    size = 256
    baked = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, 8), up="y")
    v = np.linspace(0.12, 0.88, 200)
    left = bilinear(baked.colors.astype(float), np.full(200, 0.1), v)
    right = bilinear(baked.colors.astype(float), np.full(200, 0.9), v)
    # Over one texel the colour changes by 2 pi / (0.8 * 256) of the radius, of which 0.4 * 255 are levels.
    assert np.abs(left - right).max() < 1 + 0.4 * 255 * 2 * np.pi / (0.8 * size)


def test_without_padding_a_seam_would_show() -> None:
    """What the test before looks at does break when the neighbours of an island are left as they are."""
    vertices, faces, uv = tube(48)
    style = planted((vertices, faces))
    baked = bake(style, vertices, faces, uv, BakeOptions(64, 0), up="y")
    covered = bake(style, vertices, faces, uv, BakeOptions(64, 30), up="y").colors.astype(int)
    assert np.abs(baked.colors.astype(int) - covered).max() > 50


def test_normals_lean_as_the_relief_does() -> None:
    vertices, faces, uv = plane(5)
    size = 128
    baked = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, 0, normals=True), up="y")
    u, v = texture_points(size)
    inside = (np.abs(u - 0.5) < 0.39) & (np.abs(v - 0.5) < 0.39)
    x, y = (u - 0.5) / 0.4 / np.sqrt(2), (v - 0.5) / 0.4 / np.sqrt(2)
    slope = 0.05 * np.cos(3 * x + 2 * y)
    normal = np.stack([-3 * slope, -2 * slope, np.ones_like(x)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    found = (baked.normals.astype(float) - 128) / 127
    np.testing.assert_allclose(found[inside], normal[inside], atol=0.012)


def test_normals_of_mirrored_maps_are_mirrored() -> None:
    vertices, faces, uv = plane(5)
    mirrored = uv * (-1, 1) + (1, 0)
    options = BakeOptions(128, 0, normals=True)
    style = planted((vertices, faces))
    one = bake(style, vertices, faces, uv, options, up="y")
    other = bake(style, vertices, faces, mirrored, options, up="y")
    inside = np.s_[20:108, 20:108]
    np.testing.assert_allclose(one.colors[inside].astype(int), other.colors[:, ::-1][inside].astype(int), atol=1)
    flipped = other.normals[:, ::-1].astype(int)
    np.testing.assert_allclose(256 - flipped[inside][..., 0], one.normals[inside][..., 0].astype(int), atol=2)
    np.testing.assert_allclose(flipped[inside][..., 1:], one.normals[inside][..., 1:].astype(int), atol=2)


def test_normals_of_a_bent_surface_follow_its_tangents() -> None:
    """On the tube u runs around and v upwards, so the slopes are derivatives by angle and by height."""
    vertices, faces, uv = tube(96)
    size = 256
    baked = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(size, 0, normals=True), up="y")
    radius = np.sqrt(2)
    u, v = texture_points(size)
    inside = (np.abs(u - 0.5) < 0.39) & (np.abs(v - 0.5) < 0.39)
    angle, y = (u - 0.1) / 0.8 * 2 * np.pi, (2 * (v - 0.1) / 0.8 - 1) / radius
    slope = 0.05 * np.cos(3 * np.cos(angle) / radius + 2 * y)
    normal = np.stack([3 * np.sin(angle) * slope, -2 * slope, np.ones_like(u)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    found = (baked.normals.astype(float) - 128) / 127
    np.testing.assert_allclose(found[inside], normal[inside], atol=0.02)


def test_scale_place_and_up_axis_are_the_objects() -> None:
    vertices, faces, uv = plane(4, fold=0.5)
    plain = bake(planted((vertices, faces)), vertices, faces, uv, BakeOptions(64), up="y")
    moved = vertices * 8 + (100, -3, 7)
    large = bake(planted((moved, faces)), moved, faces, uv, BakeOptions(64), up="y")
    np.testing.assert_allclose(large.colors.astype(int), plain.colors.astype(int), atol=1)
    np.testing.assert_allclose(large.heights, plain.heights * 8, atol=1e-4)
    assert large.scale == pytest.approx(8 * plain.scale, rel=1e-4)
    x, y, z = vertices.T
    turned = bake(
        planted((vertices, faces)), np.stack([x, -z, y], axis=1), faces, uv, BakeOptions(64), up="z", how="fit"
    )
    np.testing.assert_allclose(turned.colors.astype(int), plain.colors.astype(int), atol=1)


def test_a_mask_is_blended_over_the_faces() -> None:
    vertices, faces, uv = plane(2)
    weight = (vertices[:, 0] > 0.5).astype(np.float32)
    grey = np.full((len(vertices), 3), 0.25, np.float32)
    style = planted((vertices, faces))
    masked = bake(style, vertices, faces, uv, BakeOptions(64, 0), up="y", existing=grey, weight=weight)
    whole = bake(style, vertices, faces, uv, BakeOptions(64, 0), up="y")
    assert not masked.heights[:, :32].any()
    assert (masked.colors[20:44, 10:31] == 64).all()
    np.testing.assert_allclose(masked.heights[20:44, 56], whole.heights[20:44, 56], rtol=0.06)


def test_oddities_are_told() -> None:
    vertices, faces, uv = plane(4)
    style = planted((vertices, faces))
    overlapping = np.where(np.arange(len(uv))[:, None, None] < 16, uv, uv[[0]])
    assert any(
        "overlap" in text for text in bake(style, vertices, faces, overlapping, BakeOptions(64), up="y").warnings
    )
    lost = uv.copy()
    lost[:8] = 0
    baked = bake(style, vertices, faces, lost, BakeOptions(64), up="y")
    assert baked.unmapped == pytest.approx(0.25)
    assert "25.0% of the surface" in baked.warnings[0]


def test_maps_that_cannot_be_baked_are_refused() -> None:
    vertices, faces, uv = plane(2)
    style = planted((vertices, faces))
    for wrong, words in ((None, "no UV map"), (uv * 0, "no face has any area"), (uv * 3, "cross the border")):
        with pytest.raises(BadInputError, match=words):
            bake(style, vertices, faces, wrong, BakeOptions(16), up="y")


def test_one_tile_at_a_time() -> None:
    vertices, faces, uv = plane(2)
    style = planted((vertices, faces))
    plain = bake(style, vertices, faces, uv, BakeOptions(32), up="y")
    shifted = bake(style, vertices, faces, uv + np.array([2, 1]), BakeOptions(32), up="y")
    assert shifted.tile == 1013
    np.testing.assert_array_equal(shifted.colors, plain.colors)
    both = np.where(np.arange(len(uv))[:, None, None] < 4, uv, uv + np.array([1, 0]))
    with pytest.raises(BadInputError, match=r"2 UDIM tiles \(1001, 1002\); choose one"):
        bake(style, vertices, faces, both, BakeOptions(32), up="y")
    with pytest.raises(BadInputError, match="nothing lies in the UDIM tile 1003; there are 1001, 1002"):
        bake(style, vertices, faces, both, BakeOptions(32, tile=1003), up="y")
    halves = [bake(style, vertices, faces, both, BakeOptions(512, 0, tile=tile), up="y") for tile in (1001, 1002)]
    assert sum(half.covered for half in halves) == pytest.approx(0.64, rel=0.1)
    assert all(half.covered > 0.25 for half in halves)


def test_progress_is_reported_and_a_cancel_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS_AT_ONCE", 500)
    vertices, faces, uv = plane(2)
    shares: list[float] = []
    style = planted((vertices, faces))
    bake(style, vertices, faces, uv, BakeOptions(48), up="y", on_progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 2
    assert shares[-1] == 1.0

    def cancel(share: float) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        bake(style, vertices, faces, uv, BakeOptions(48), up="y", on_progress=cancel)
