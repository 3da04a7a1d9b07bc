"""Where a field is asked: the points of the unit sphere, folded at a plane of symmetry, standardized if so wished."""

from __future__ import annotations

import torch
from torch import Tensor

from .options import StylizeOptions

Moments = tuple[Tensor, Tensor]
GRID = 1e5  # steps per radius to which folded points are rounded
NORMAL_GRID = 1e3  # the same for their normals, which are sums of many roundings


def symmetry_plane(points: Tensor, options: StylizeOptions) -> float:
    """Where the plane of symmetry cuts its axis: the middle of the box about points (V, 3), +Y up; 0 without one."""
    if options.symmetry is None:
        return 0.0
    across = points[:, _axis(options)]
    return float((across.amin() + across.amax()) / 2)


def folded(points: Tensor, normals: Tensor, options: StylizeOptions, plane: float) -> tuple[Tensor, Tensor]:
    """Points and normals (V, 3) of one half, measured from the plane; a point and its mirror image become the same.

    To the bit, although meshes are symmetric only but for rounding: edges of patterns tell apart what hardly differs.
    """
    if options.symmetry is None:
        return points, normals
    axis = _axis(options)
    across = points[:, axis] - plane
    points, normals = points.clone(), normals.clone()
    points[:, axis] = across.abs()
    normals[:, axis] = torch.where(across < 0, -normals[:, axis], normals[:, axis])
    return torch.round(points * GRID) / GRID, torch.round(normals * NORMAL_GRID) / NORMAL_GRID


def field_input(
    points: Tensor, options: StylizeOptions, *, plane: float = 0.0, moments: Moments | None = None
) -> tuple[Tensor, Moments | None]:
    """The field's input (V, 3) at points (V, 3), and the mean and deviation (3,) by which it was standardized.

    moments: those of an earlier call, for a mesh that takes over its style.
    Source: Text2Mesh code, `--symmetry` (there always z, through the centroid) and `--standardize`.
    """
    query, _ = folded(points, points, options, plane)
    if not options.standardize:
        return query, None
    mean, deviation = moments or (query.mean(dim=0), query.std(dim=0).clamp_min(1e-6))
    return (query - mean) / deviation, (mean, deviation)


def _axis(options: StylizeOptions) -> int:
    """The column of +Y-up coordinates in which the object's own axis of symmetry lies."""
    return {"y": "xyz", "z": "xzy"}[options.up].index(options.symmetry or "x")
