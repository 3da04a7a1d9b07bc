"""A UV map as texels: which face and which point of it each texel of a texture shows, and what is odd about the map.

Every texel that a face touches is given to a face, not only those whose middle it covers, since a renderer blends
neighbouring texels and would else see past the face's edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .geometry import Floats, Integers
from .raster import barycentric

MAX_FRAGMENTS = 1_000_000
REACH = float(np.sqrt(0.5))  # from the middle of a texel to its corner
BORDER = 1e-4  # how far a face may reach over the border of its tile: rounding
INSIDE = 1e-6  # texels; nearer to an edge a texel belongs to both of its faces, which is no overlap
FIRST_TILE, TILES_PER_ROW = 1001, 10
NOTHING = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Texels:
    """The T texels of a square texture that show the surface, in row-major order, the first row at the top.

    pixel: (T,) int64, index into the size * size texels.
    face: (T,) int64.
    barycentric: (T, 3) float64, the point of that face which is nearest to the texel's middle in the map.
    overlap: share of the covered texels whose middle lies inside several faces.
    """

    pixel: Integers
    face: Integers
    barycentric: Floats
    size: int
    overlap: float


def tiles(uv: NDArray[Any]) -> Integers:
    """The UDIM tile of each face, (F,), of texture coordinates (F, 3, 2); -1 for a face that has no area in the map.

    Raises BadInputError if faces cross the border of a tile: a texture repeats there, so that none of its texels stands
    for one place.
    """
    uv = np.asarray(uv, np.float64)
    mapped = area(uv) != 0
    tile: NDArray[np.float64] = np.floor(uv.mean(axis=1))
    over = ((uv < tile[:, None] - BORDER) | (uv > tile[:, None] + 1 + BORDER)).any(axis=(1, 2)) & mapped
    if over.any():
        raise BadInputError(
            f"uv: {int(over.sum()):,} of {len(uv):,} faces (the first is {int(over.argmax())}) cross the border of the "
            "UV square, where a texture repeats. Make a second UV map that stays inside, as Smart UV Project does."
        )
    number = FIRST_TILE + tile[:, 0] + TILES_PER_ROW * tile[:, 1]
    outside = mapped & ((tile < 0).any(axis=1) | (tile[:, 0] >= TILES_PER_ROW) | (number > 9999))
    if outside.any():
        face = int(outside.argmax())
        raise BadInputError(
            f"uv: face {face} lies at {uv[face].mean(axis=0).tolist()}, outside the UV square and of all UDIM tiles. "
            "Move the map into the square from 0 to 1."
        )
    return np.where(mapped, number, -1).astype(np.int64)


def in_tile(uv: NDArray[Any], tile: int) -> Floats:
    """Texture coordinates (F, 3, 2) as they stand in one tile, whose square is from 0 to 1."""
    row, column = divmod(tile - FIRST_TILE, TILES_PER_ROW)
    moved: Floats = np.asarray(uv, np.float64) - (column, row)
    return moved


def area(uv: NDArray[Any]) -> Floats:
    """Signed area (F,) of faces (F, 3, 2), counter-clockwise ones positive."""
    (ax, ay), (bx, by) = np.moveaxis(np.asarray(uv, np.float64)[:, 1:] - np.asarray(uv, np.float64)[:, :1], 0, -1)
    areas: Floats = (ax * by - ay * bx) / 2
    return areas


def rasterise(uv: NDArray[Any], size: int) -> Texels:
    """Give every texel that a face touches the face that is nearest to its middle in the map.

    uv: (F, 3, 2) in the square from 0 to 1, the second coordinate upwards.
    size: side of the texture, texels.
    Of several faces that are equally near, as where the map overlaps, the first has the texel.
    """
    corners = torch.from_numpy(np.asarray(uv, np.float64) * (size, -size) + (-0.5, size - 0.5))
    best = torch.full((size * size,), NOTHING)
    inside = torch.zeros(size * size, dtype=torch.int64)
    for face, pixel in _fragments(corners, torch.from_numpy(np.flatnonzero(area(uv) != 0)), size):
        triangle, middle = corners[face], _middle(pixel, size)
        distance, depth = _distance(triangle, middle)
        near = distance <= REACH
        # A distance is positive, so its bits sort as the number does; ties go to the first face.
        bits = distance[near].float().view(torch.int32).long()
        best.scatter_reduce_(0, pixel[near], (bits << 32) | face[near], "amin")
        inside += torch.bincount(pixel[depth > INSIDE], minlength=len(inside))
    pixel = (best != NOTHING).nonzero().squeeze(1)
    face = best[pixel] & 0xFFFFFFFF
    weights = _nearest(corners[face], _middle(pixel, size))
    overlap = float((inside > 1).sum()) / max(1, int((inside > 0).sum()))
    return Texels(pixel.numpy(), face.numpy(), weights.numpy(), size, overlap)


def _fragments(corners: Tensor, faces: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of a face and a texel of its box, in pieces of bearable size: rows of boxes, expanded."""
    low = (corners[faces].amin(dim=1) - REACH).ceil().clamp(0, size).long()
    high = (corners[faces].amax(dim=1) + REACH).floor().clamp(-1, size - 1).long()
    width, height = (high - low + 1).clamp_min(0).unbind(1)
    width = torch.where(height > 0, width, 0)
    box, step = _expanded(height)
    ends = width[box].cumsum(0)
    start = 0
    while start < len(box):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(torch.searchsorted(ends, done + MAX_FRAGMENTS)))
        rows = slice(start, stop)
        row, column = _expanded(width[box[rows]])
        which = box[rows][row]
        yield faces[which], (low[which, 1] + step[rows][row]) * size + low[which, 0] + column
        start = stop


def _expanded(count: Tensor) -> tuple[Tensor, Tensor]:
    """For counts (N,): each index as often as it counts, and 0, 1, 2 ... within it."""
    owner = torch.repeat_interleave(torch.arange(len(count)), count)
    return owner, torch.arange(len(owner)) - (count.cumsum(0) - count)[owner]


def _middle(pixel: Tensor, size: int) -> Tensor:
    return torch.stack([pixel % size, pixel // size], dim=1).double()


def _distance(triangle: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    """How far points (K, 2) are outside triangles (K, 3, 2), 0 within, and how deep they are inside, else negative."""
    side = torch.sign(_cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]))
    depth, gap = [], []
    for first, second in ((0, 1), (1, 2), (2, 0)):
        edge, to_point = triangle[:, second] - triangle[:, first], point - triangle[:, first]
        length = edge.norm(dim=1).clamp_min(1e-300)
        depth.append(side * _cross(edge, to_point) / length)
        along = ((edge * to_point).sum(dim=1) / length.square()).clamp(0, 1)
        gap.append((to_point - along[:, None] * edge).norm(dim=1))
    deep = torch.stack(depth).amin(dim=0)
    return torch.where(deep >= 0, 0.0, torch.stack(gap).amin(dim=0)), deep


def _nearest(triangle: Tensor, point: Tensor) -> Tensor:
    """Barycentric coordinates (K, 3) of the points of triangles (K, 3, 2) that are nearest to points (K, 2)."""
    inside = barycentric(triangle, point)
    best = torch.full_like(point[:, 0], torch.inf)
    on_edge = torch.zeros_like(inside)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        edge, to_point = triangle[:, second] - triangle[:, first], point - triangle[:, first]
        along = ((edge * to_point).sum(dim=1) / edge.square().sum(dim=1).clamp_min(1e-300)).clamp(0, 1)
        gap = (to_point - along[:, None] * edge).norm(dim=1)
        weights = torch.zeros_like(inside)
        weights[:, first], weights[:, second] = 1 - along, along
        on_edge = torch.where((gap < best)[:, None], weights, on_edge)
        best = best.minimum(gap)
    return torch.where((inside >= 0).all(dim=1, keepdim=True), inside, on_edge)


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
