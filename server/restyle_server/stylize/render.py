"""Pictures of coloured meshes, for previews, contact sheets and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cameras import Cameras, look_at_origin
from .geometry import UpAxis, check_mesh, distinct_faces, to_y_up, unit_sphere
from .raster import fill, surface, visibility
from .shade import shade

Pictures = NDArray[np.uint8]
Shading = Literal["lit", "unlit"]
SUPERSAMPLING = 2


def render_views(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    colors: NDArray[Any],
    azimuths: Sequence[float],
    elevations: Sequence[float],
    *,
    size: int,
    background: Sequence[float] = (1.0, 1.0, 1.0),
    shading: Shading = "lit",
    up: UpAxis = "y",
) -> Pictures:
    """Pictures (N, size, size, 3) of a mesh from N directions, each zoomed to fit, with 2 x 2 samples per pixel.

    vertices, faces: (V, 3) real and (F, 3) integer.
    colors: (V, 3) sRGB in [0, 1].
    azimuths, elevations: N angles, radians.
    background: sRGB in [0, 1].
    shading: "lit" by the lamp at the camera that the optimiser sees, or "unlit" for the bare colours.
    Raises BadInputError for a mesh that cannot be drawn.
    """
    points, triangles = check_mesh(vertices, faces)
    normalised = torch.from_numpy(to_y_up(unit_sphere(points, triangles)[0], up)).float()
    tensor_colors = torch.from_numpy(np.asarray(colors, dtype=np.float32))
    cameras = look_at_origin(torch.tensor(azimuths).float(), torch.tensor(elevations).float()).fitted(normalised)
    return draw(
        cameras,
        normalised,
        torch.from_numpy(distinct_faces(triangles)),
        tensor_colors,
        size=size,
        background=background,
        shading=shading,
    )


@torch.no_grad()
def draw(
    cameras: Cameras,
    points: Tensor,
    faces: Tensor,
    colors: Tensor,
    *,
    size: int,
    background: Sequence[float],
    shading: Shading = "lit",
) -> Pictures:
    """The same for tensors in the unit sphere, +Y up, and given cameras."""
    views = len(cameras.focal)
    coverage = visibility(cameras, points, faces, size * SUPERSAMPLING, cull=False)
    seen = surface(cameras, points, faces, coverage)
    color = seen.interpolate(colors)
    if shading == "lit":
        color = shade(color, seen.normal, soft=True)
    canvas = fill(coverage, color, points.new_tensor(background), views)
    small = torch.nn.functional.avg_pool2d(canvas, SUPERSAMPLING).permute(0, 2, 3, 1)
    pictures: Pictures = (small.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return pictures


def contact_sheet(images: Pictures, columns: int) -> Pictures:
    """Lay pictures (N, H, W, 3) out in rows of `columns`; missing ones are white."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width, channels), 255, dtype=np.uint8)
    sheet[:count] = images
    grid = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)
