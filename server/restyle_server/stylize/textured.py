"""Pictures of meshes in their textures, as a viewer shows them: colour map, and normal map where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, normalize

from .bake import Baked, TangentFrames
from .cameras import look_at_origin
from .geometry import UpAxis, check_mesh, to_y_up, unit_sphere, vertex_normals
from .raster import fill, surface, visibility
from .render import SUPERSAMPLING, Pictures
from .shade import shade
from .unwrap import in_tile


@torch.no_grad()
def render_textured(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    uv: NDArray[Any],
    textures: Baked,
    *,
    azimuths: Sequence[float],
    elevations: Sequence[float],
    size: int,
    up: UpAxis = "y",
) -> Pictures:
    """Pictures (N, size, size, 3) of a mesh in baked textures, on white, each zoomed to fit.

    vertices, faces, uv: (V, 3), (F, 3) and (F, 3, 2). azimuths, elevations: N angles, radians.
    Faces are lit smoothly, as the normal map is made for.
    """
    positions, triangles = check_mesh(vertices, faces)
    normalised = unit_sphere(positions, triangles)[0]
    points = torch.from_numpy(to_y_up(normalised, up)).float()
    smooth = torch.from_numpy(to_y_up(vertex_normals(normalised, triangles), up)).float()
    inside = in_tile(uv, textures.tile)
    corners = torch.from_numpy(triangles)
    cameras = look_at_origin(torch.tensor(azimuths).float(), torch.tensor(elevations).float()).fitted(points)
    views = len(cameras.focal)
    coverage = visibility(cameras, points, corners, size * SUPERSAMPLING, cull=False)
    seen = surface(cameras, points, corners, coverage)
    place = (seen.barycentric[..., None] * torch.from_numpy(inside).float()[coverage.face]).sum(dim=1)
    normal = normalize(seen.interpolate(smooth), dim=1)
    if textures.normals is not None:
        lean = normalize(_sampled(textures.normals, place) * 255 - 128, dim=1)
        frames = TangentFrames(points, corners, inside, textures.normals.shape[0])
        tangent, bitangent = frames.directions(coverage.face, seen.barycentric, normal)
        normal = normalize(lean[:, :1] * tangent + lean[:, 1:2] * bitangent + lean[:, 2:] * normal, dim=1)
    turned = torch.einsum("pij,pj->pi", cameras.rotation[coverage.view], normal)
    facing = torch.where((turned * seen.normal).sum(dim=1, keepdim=True) < 0, -turned, turned)
    lit = shade(_sampled(textures.colors, place), facing, soft=True)
    canvas = fill(coverage, lit, torch.ones(3), views)
    small = avg_pool2d(canvas, SUPERSAMPLING).permute(0, 2, 3, 1)
    pictures: Pictures = (small.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return pictures


def _sampled(texture: NDArray[np.uint8], place: Tensor) -> Tensor:
    """Values (P, 3) in [0, 1] of a texture (S, S, 3) at texture coordinates (P, 2), blended between its texels."""
    picture = torch.from_numpy(texture).permute(2, 0, 1)[None].float() / 255
    grid = place * torch.tensor([2.0, -2.0]) + torch.tensor([-1.0, 1.0])
    found = grid_sample(picture, grid[None, None], mode="bilinear", padding_mode="border", align_corners=False)
    return found[0, :, 0].T
