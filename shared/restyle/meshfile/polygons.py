"""Faces of any number of corners, and their triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mapbox_earcut
import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError


@dataclass(frozen=True)
class Polygons:
    """Polygons one after the other.

    corners: (C,) int64, vertex indices.
    sizes: (P,) int64, the number of corners of each polygon; at least 3.
    uv: (C, 2) float64, the corners' texture coordinates, the second upwards; None without a UV map.
    """

    corners: NDArray[np.int64]
    sizes: NDArray[np.int64]
    uv: NDArray[np.float64] | None = None

    @property
    def starts(self) -> NDArray[np.int64]:
        """(P,) where each polygon begins in `corners`."""
        return np.cumsum(self.sizes) - self.sizes

    def require_in_range(self, count: int, lines: Sequence[int] | None = None) -> None:
        """Raise BadInputError that names the first polygon with an index outside 0 to count - 1.

        lines: the line of the file that each polygon stands on, for OBJ, where vertices count from 1.
        """
        bad = np.flatnonzero((self.corners < 0) | (self.corners >= count))
        if not bad.size:
            return
        polygon, index = int(np.searchsorted(self.starts, bad[0], side="right")) - 1, int(self.corners[bad[0]])
        if lines is None:
            raise BadInputError(f"face {polygon} refers to vertex {index}, but they run from 0 to {count - 1:,}.")
        raise BadInputError(
            f"line {lines[polygon]}: a face refers to vertex {index + 1}, but they run from 1 to {count:,}."
        )


def polygons_from(polygons: Polygons) -> Polygons:
    """The polygons without those of fewer than three corners, which have no surface."""
    keep = polygons.sizes >= 3
    if keep.all():
        return polygons
    corners = np.repeat(keep, polygons.sizes)
    uv = None if polygons.uv is None else polygons.uv[corners]
    return Polygons(polygons.corners[corners], polygons.sizes[keep], uv)


def triangulate(vertices: NDArray[np.float64], polygons: Polygons) -> NDArray[np.int32]:
    """Split every polygon into triangles along diagonals inside it; no vertex is added.

    vertices: (V, 3) finite; polygons: indices in range.
    Returns (F, 3) int32 in the order of the polygons, each in its polygon's winding.
    A polygon that crosses itself has no right answer; it is split anyhow.
    """
    return polygons.corners[triangle_corners(vertices, polygons)].astype(np.int32)


def triangle_corners(vertices: NDArray[np.float64], polygons: Polygons) -> NDArray[np.int64]:
    """As `triangulate`, but for every corner of a triangle its place in `polygons.corners`: (F, 3)."""
    counts = polygons.sizes - 2
    firsts = np.cumsum(counts) - counts
    faces = np.empty((int(counts.sum()), 3), np.int64)
    for size in np.unique(polygons.sizes):
        chosen = np.flatnonzero(polygons.sizes == size)
        places = polygons.starts[chosen, None] + np.arange(size)
        rows = firsts[chosen, None] + np.arange(size - 2)
        faces[rows] = places[:, :3][:, None] if size == 3 else _split(vertices[polygons.corners[places]], places)
    return faces


def _split(points: NDArray[np.float64], corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles of polygons with equally many corners: points (N, S, 3), corners (N, S); gives some of the latter,
    (N, S - 2, 3).
    """
    size = corners.shape[1]
    centred = points - points[:, :1]
    # Newell's normal is right for concave and slightly bent polygons too.
    normals = np.cross(centred, np.roll(centred, -1, axis=1)).sum(axis=1)
    fan = np.stack([np.zeros(size - 2, np.int64), np.arange(1, size - 1), np.arange(2, size)], axis=1)
    triangles = corners[:, fan]
    edges = centred[:, fan[:, 1:]]
    fits = (np.cross(edges[:, :, 0], edges[:, :, 1]) @ normals[:, :, None] >= 0).all(axis=(1, 2))
    # Where all triangles of the fan face forward, the polygon is star-shaped about its first corner: the fan is right.
    for index in np.flatnonzero(~fits):
        flat = np.ascontiguousarray(_flatten(centred[index], normals[index]))
        ears = mapbox_earcut.triangulate_float64(flat, np.array([size], np.uint32)).reshape(-1, 3)
        # Of a polygon that crosses or touches itself there may be too few; no cut of it is right, and the fan will do.
        if len(ears) == size - 2:
            triangles[index] = corners[index][ears]
    return triangles


def _flatten(points: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, 2) the polygon seen against its normal, counter-clockwise."""
    axis = int(np.abs(normal).argmax())
    flat = points[:, [(axis + 1) % 3, (axis + 2) % 3]]
    return flat if normal[axis] >= 0 else flat * (-1, 1)
