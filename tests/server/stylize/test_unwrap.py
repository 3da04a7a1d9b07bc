"""UV maps as texels, against a search through all faces for every texel."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.errors import BadInputError
from restyle_server.stylize import unwrap
from restyle_server.stylize.unwrap import area, in_tile, rasterise, tiles

SQUARE = np.array([[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], [[0.1, 0.1], [0.9, 0.9], [0.1, 0.9]]])


def moved(uv: np.ndarray, across: float, up: float) -> np.ndarray:
    return uv + np.array([across, up])


def middles(size: int) -> np.ndarray:
    """(S * S, 2) texture coordinates of the texels' middles, row by row from the top."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    return np.stack([(x.ravel() + 0.5) / size, 1 - (y.ravel() + 0.5) / size], axis=1)


def closest(triangle: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The points of a triangle (3, 2) nearest to others (P, 2), by trying its inside and its three edges."""
    a, b, c = triangle
    weights = np.linalg.solve(np.stack([b - a, c - a], axis=1), (points - a).T)
    inside = (weights.min(axis=0) >= 0) & (weights.sum(axis=0) <= 1)
    found = []
    for first, second in ((a, b), (b, c), (c, a)):
        t = np.clip((points - first) @ (second - first) / ((second - first) @ (second - first)), 0, 1)
        found.append(first + t[:, None] * (second - first))
    nearest = np.linalg.norm(np.array(found) - points, axis=2).argmin(axis=0)
    return np.where(inside[:, None], points, np.array(found)[nearest, np.arange(len(points))])


def islands(seed: int) -> np.ndarray:
    """Triangles of all sizes and both windings, none over another: each in a cell of its own."""
    rng = np.random.default_rng(seed)
    cell = np.array([(x, y) for x in range(6) for y in range(6)]) / 6
    scale = rng.choice([0.02, 0.3, 1.0], len(cell))[:, None, None]
    return cell[:, None] + 0.01 + 0.14 * scale * rng.random((len(cell), 3, 2))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk", [300, 1_000_000])
def test_every_texel_has_the_nearest_face(seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwrap, "MAX_FRAGMENTS", chunk)
    size, uv = 40, islands(seed)
    texels = rasterise(uv, size)
    nearest = np.stack([closest(face, middles(size)) for face in uv], axis=1)
    apart = np.linalg.norm((nearest - middles(size)[:, None]) * size, axis=2)
    covered = np.flatnonzero(apart.min(axis=1) <= np.sqrt(0.5))
    np.testing.assert_array_equal(texels.pixel, covered)
    np.testing.assert_allclose(
        apart[covered, texels.face],
        apart[covered].min(axis=1),
        atol=1e-5,
        err_msg="no face is nearer than the one taken",
    )
    shown = (texels.barycentric[..., None] * uv[texels.face]).sum(axis=1)
    np.testing.assert_allclose(shown, nearest[covered, texels.face], atol=1e-9)
    assert texels.overlap == 0


def test_faces_smaller_than_a_texel_are_there() -> None:
    tiny = np.array([[0.5, 0.5], [0.501, 0.5], [0.5, 0.501]])[None] + np.array([[[-0.3, 0.2]]])
    assert set(rasterise(tiny, 16).face) == {0}


def test_faces_share_their_edges_without_overlap() -> None:
    texels = rasterise(SQUARE, 50)
    assert texels.overlap == 0
    inside = (np.abs(middles(50)[texels.pixel] - 0.5) < 0.4).all(axis=1)
    assert inside.sum() == 40 * 40
    np.testing.assert_allclose(
        (texels.barycentric[..., None] * SQUARE[texels.face]).sum(axis=1)[inside],
        middles(50)[texels.pixel][inside],
        atol=1e-12,
    )


def test_overlap_is_counted_and_the_first_face_wins() -> None:
    half = np.concatenate([SQUARE, SQUARE[:1, ::-1]])  # one of two triangles once more, mirrored
    texels = rasterise(half, 64)
    assert texels.overlap == pytest.approx(0.5, abs=0.02)
    assert set(texels.face) == {0, 1}


def test_faces_without_area_are_left_out() -> None:
    flat = np.zeros((1, 3, 2))
    assert len(rasterise(flat, 8).pixel) == 0
    expected = [0.32, 0.32, -0.32, -0.32, 0]
    np.testing.assert_allclose(area(np.concatenate([SQUARE, SQUARE[:, ::-1], flat])), expected)
    np.testing.assert_array_equal(tiles(np.concatenate([flat, SQUARE])), [-1, 1001, 1001])


def test_tiles_are_numbered_as_udim() -> None:
    spread = np.concatenate(
        [SQUARE, moved(SQUARE, 1, 0), moved(SQUARE, 9, 0), moved(SQUARE, 0, 1), moved(SQUARE, 3, 2)]
    )
    np.testing.assert_array_equal(tiles(spread)[::2], [1001, 1002, 1010, 1011, 1024])
    for tile in (1001, 1002, 1010, 1011, 1024):
        chosen = tiles(spread) == tile
        np.testing.assert_allclose(in_tile(spread[chosen], tile), SQUARE, atol=1e-12)


@pytest.mark.parametrize(
    ("uv", "words"),
    [
        (SQUARE * 3, "2 of 2 faces .the first is 0. cross the border"),
        (moved(SQUARE, 0.5, 0), "cross the border"),
        (moved(SQUARE, -1, 0), "outside the UV square"),
        (moved(SQUARE, 10, 0), "outside the UV square"),
    ],
)
def test_maps_that_repeat_are_refused(uv: np.ndarray, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        tiles(uv)


def test_the_border_itself_may_be_touched() -> None:
    full = (SQUARE - 0.1) / 0.8
    assert set(tiles(full + 5e-5)) == {1001}
    assert len(rasterise(full, 16).pixel) == 256
