"""A rasteriser in plain torch: hard visibility without gradient, then differentiable surface points.

Text2Mesh takes no gradient from silhouettes, so what is visible may be decided outside autograd; only the covered
pixels are then computed again, differentiably. Every face is expanded into the pixels of its bounding box
("fragments"), and the nearest fragment of a pixel wins by an integer minimum, which does not depend on the order of
execution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import kaolin_raster
from .cameras import Cameras

MAX_FRAGMENTS = 4_000_000
# Rounding must not open pinholes between neighbours, so a face reaches a hair over its edges.
EDGE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Coverage:
    """The P covered pixels of N pictures of `size` x `size`, in row-major order.

    pixel: (P,) int64, index into the N * size * size pixels.
    view, face: (P,) int64, the picture and the visible face.
    """

    pixel: Tensor
    view: Tensor
    face: Tensor
    size: int


@dataclass(frozen=True)
class Surface:
    """What is seen through P covered pixels.

    barycentric: (P, 3), weights of the face's vertices.
    corners: (P, 3), int64, the face's vertices.
    normal: (P, 3), unit face normal in camera space, turned to the camera.
    """

    barycentric: Tensor
    corners: Tensor
    normal: Tensor

    def interpolate(self, attribute: Tensor) -> Tensor:
        """Blend a vertex attribute (V, C) over the faces: (P, C)."""
        gathered = attribute.index_select(0, self.corners.flatten()).view(*self.corners.shape, attribute.shape[1])
        return (self.barycentric[..., None] * gathered).sum(dim=1)


@torch.no_grad()
def visibility(cameras: Cameras, points: Tensor, faces: Tensor, size: int, *, cull: bool) -> Coverage:
    """Find the nearest face behind every pixel centre.

    points: (V, 3) float, world space.
    faces: (F, 3) int64.
    size: side of the pictures, pixels.
    cull: skip faces that turn their back to the camera.
    """
    if kaolin_raster.is_chosen(points):
        shown = kaolin_raster.visible_faces(cameras, points, faces, size, cull=cull)
        pixel = (shown >= 0).nonzero().squeeze(1)
        return Coverage(pixel, pixel // (size * size), shown[pixel], size)
    seen = cameras.to_camera(points)
    views, vertices = seen.shape[:2]
    screen = cameras.to_pixels(seen, torch.arange(views, device=points.device), size)
    corners = torch.cat([screen, -1.0 / seen[..., 2:]], dim=-1).view(-1, 3)
    nearest = torch.full((views * size * size,), torch.iinfo(torch.int64).max, device=points.device)
    first = torch.arange(views, device=points.device)[:, None, None] * vertices
    triangles = corners[(faces + first).view(-1, 3)]
    low, count = _boxes(triangles, size, cull=cull)
    kept = count.prod(dim=1).nonzero().squeeze(1)
    ends = count[kept].prod(dim=1).cumsum(0)
    start = 0
    while start < len(kept):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(torch.searchsorted(ends, done + MAX_FRAGMENTS)))
        chosen = kept[start:stop]
        view, face = chosen // len(faces), chosen % len(faces)
        pixel, key = _fragments(triangles[chosen], low[chosen], count[chosen], face, size)
        nearest.scatter_reduce_(0, view[pixel[0]] * size * size + pixel[1], key, "amin")
        start = stop
    pixel = (nearest != torch.iinfo(torch.int64).max).nonzero().squeeze(1)
    return Coverage(pixel, pixel // (size * size), nearest[pixel] & 0xFFFFFFFF, size)


def surface(
    cameras: Cameras, points: Tensor, faces: Tensor, coverage: Coverage, *, perspective_correct: bool = True
) -> Surface:
    """Compute the visible surface points, differentiably in `points` (V, 3).

    perspective_correct: False blends linearly on the screen, as the reference's renderer does.
    """
    seen = cameras.to_camera(points)
    corners = faces[coverage.face]
    flat = (coverage.view[:, None] * len(points) + corners).flatten()
    triangle = seen.view(-1, 3).index_select(0, flat).view(-1, 3, 3)
    screen = cameras.to_pixels(triangle, coverage.view, coverage.size)
    inside = coverage.pixel % (coverage.size * coverage.size)
    centre = torch.stack([inside % coverage.size, inside // coverage.size], dim=1).to(points)
    weights = barycentric(screen, centre)
    if perspective_correct:
        weights = weights / -triangle[..., 2]
        weights = weights / weights.sum(dim=1, keepdim=True)
    normal = torch.linalg.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-20)
    away = (normal.detach() * triangle[:, 0].detach()).sum(dim=1, keepdim=True) > 0
    return Surface(weights, corners, torch.where(away, -normal, normal))


def barycentric(triangle: Tensor, point: Tensor) -> Tensor:
    """Barycentric coordinates (P, 3) of points (P, 2) in triangles (P, 3, 2); the triangles must have an area."""
    a, b, c = triangle.unbind(1)
    area = _cross(b - a, c - a)
    wa = _cross(c - b, point - b) / area
    wb = _cross(a - c, point - c) / area
    return torch.stack([wa, wb, 1 - wa - wb], dim=1)


def fill(coverage: Coverage, colors: Tensor, background: Tensor, views: int) -> Tensor:
    """Put the colours (P, C) of covered pixels on a background (C,): pictures (views, C, size, size)."""
    size = coverage.size
    canvas = background.to(colors).expand(views * size * size, -1)
    return canvas.index_copy(0, coverage.pixel, colors).view(views, size, size, -1).permute(0, 3, 1, 2)


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def _boxes(triangles: Tensor, size: int, *, cull: bool) -> tuple[Tensor, Tensor]:
    """First pixel (T, 2) and extent (T, 2), pixels, of each triangle's box; an extent of 0 if it is not to be drawn."""
    first, second, third = triangles[..., :2].unbind(1)  # a minimum of three is slow as a reduction
    low = first.minimum(second).minimum(third).ceil().clamp(0, size).long()
    high = first.maximum(second).maximum(third).floor().clamp(-1, size - 1).long()
    area = _cross(second - first, third - first)
    # Pixel rows grow downwards, so a face that is counter-clockwise to the camera has negative area here.
    drawn = area < 0 if cull else area != 0
    return low, (high - low + 1).clamp_min(0) * drawn[:, None]


def _fragments(triangles: Tensor, low: Tensor, count: Tensor, face: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The pixels whose centres T triangles cover: (2, K) triangle and pixel of its picture, and keys (K,) to sort by.

    A key has the depth's bits above the face's number, so the smallest is the nearest, and ties go to the first face.
    """
    total = count.prod(dim=1)
    owner = torch.repeat_interleave(torch.arange(len(total), device=total.device), total)
    step = torch.arange(len(owner), device=total.device) - (total.cumsum(0) - total)[owner]
    width = count[owner, 0]
    x, y = low[owner, 0] + step % width, low[owner, 1] + step // width
    triangle = triangles[owner]
    weights = barycentric(triangle[..., :2], torch.stack([x, y], dim=1).to(triangles))
    hit = (weights >= -EDGE_TOLERANCE).all(dim=1).nonzero().squeeze(1)
    # 1 / depth is linear on the screen; its reciprocal is positive, so its bits sort as the number does.
    depth = 1.0 / (weights[hit] * triangle[hit, :, 2]).sum(dim=1)
    bits = depth.float().view(torch.int32).long()
    return torch.stack([owner[hit], y[hit] * size + x[hit]]), (bits << 32) | face[owner[hit]]
