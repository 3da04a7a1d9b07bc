"""Visibility by kaolin's CUDA rasteriser, in the place of `raster.visibility`, for those who have it and ask for it.

Kaolin tries every face at every pixel, where ours tries those whose box holds it; and it blends depth linearly on the
screen, so that where two faces cross, the seam may lie a pixel elsewhere. It is here to compare with, and for the day
when it is the faster one. Nothing else of kaolin is used: the surface points are computed again, differentiably.
"""

from __future__ import annotations

import os
from functools import cache

import torch
from torch import Tensor

from .cameras import Cameras

CHOICE = "RESTYLE_RASTERIZER"


def is_chosen(points: Tensor) -> bool:
    """Whether the environment asks for kaolin (`RESTYLE_RASTERIZER=kaolin`), it is here, and the points are on CUDA."""
    return os.environ.get(CHOICE) == "kaolin" and points.is_cuda and is_here()


@cache
def is_here() -> bool:
    """Whether kaolin's rasteriser can be imported; the package index has a placeholder that cannot."""
    try:
        from kaolin.render.mesh import rasterize
    except Exception:  # noqa: BLE001  kaolin's compiled parts fail in their own ways beside another torch or driver
        return False
    return callable(rasterize)


@torch.no_grad()
def visible_faces(cameras: Cameras, points: Tensor, faces: Tensor, size: int, *, cull: bool) -> Tensor:
    """The visible face of every pixel (N * size * size,), -1 where there is none; arguments as of `visibility`."""
    from kaolin.render.mesh import rasterize

    seen = cameras.to_camera(points)
    flat = cameras.focal[:, None, None] * seen[..., :2] / -seen[..., 2:] + cameras.shift[:, None]
    corners, depth = flat[:, faces], seen[..., 2][:, faces]
    first, second = (corners[:, :, corner] - corners[:, :, 0] for corner in (1, 2))
    area = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    drawn = area > 0 if cull else area != 0
    nothing = torch.zeros_like(depth)[..., None]
    _, face = rasterize(size, size, depth.contiguous(), corners.contiguous(), nothing, valid_faces=drawn)
    visible: Tensor = face.flatten().long()
    return visible
