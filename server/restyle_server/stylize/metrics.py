"""MES and ITS: how well a stylized mesh fits its prompt, and how soon, as X-Mesh defined them for the field.

Ma, Zhang, Sun, Ji, Wang, Jiang, Zhuang, Ji, "X-Mesh: Towards Fast and Accurate Text-driven 3D Stylization via Dynamic
Textual Guidance", ICCV 2023, section 4.2 and the cameras of its evaluation code. Their expert is an OpenCLIP ViT-B-32
that no method is trained with; any encoder may take its place here, but only figures of one encoder compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from .cameras import DISTANCE, Cameras, look_at_origin
from .encoder import ClipEncoder
from .geometry import UpAxis, check_mesh, to_y_up, unit_sphere
from .raster import fill, surface, visibility
from .shade import shade

AZIMUTHS = tuple(2 * math.pi * step / 8 for step in range(8))
ELEVATIONS = tuple(math.radians(degrees) for degrees in (-30, 0, 30))
FIELD_OF_VIEW = math.radians(45)
CAMERA_DISTANCE = 2.5
SIZE = 224
ITS_THRESHOLD = 0.22  # of the expert's cosine
ITS_EVERY, ITS_LAST, ITS_NEVER = 10, 1200, 2000


def evaluation_cameras() -> Cameras:
    """The 24 cameras of the evaluation, for points that `evaluation_pictures` has moved into their distance."""
    elevation, azimuth = torch.meshgrid(torch.tensor(ELEVATIONS), torch.tensor(AZIMUTHS), indexing="ij")
    cameras = look_at_origin(azimuth.flatten(), elevation.flatten())
    focal = torch.full_like(cameras.focal, 1 / math.tan(FIELD_OF_VIEW / 2))
    return Cameras(cameras.rotation, focal, torch.zeros_like(cameras.shift))


@torch.no_grad()
def evaluation_pictures(
    vertices: NDArray[Any], faces: NDArray[Any], colors: NDArray[Any], *, up: UpAxis = "y", size: int = SIZE
) -> Tensor:
    """Pictures (24, 3, size, size) of a mesh on white, in the published light and without smoothing.

    vertices, faces: (V, 3) and (F, 3); colors: (V, 3) sRGB in [0, 1].
    """
    positions, triangles = check_mesh(vertices, faces)
    # Everything smaller by this factor looks as from as much farther away.
    nearer = DISTANCE / CAMERA_DISTANCE
    points = torch.from_numpy(to_y_up(unit_sphere(positions, triangles)[0], up) * nearer).float()
    corners, cameras = torch.from_numpy(triangles), evaluation_cameras()
    coverage = visibility(cameras, points, corners, size, cull=False)
    seen = surface(cameras, points, corners, coverage)
    color = seen.interpolate(torch.from_numpy(np.asarray(colors, np.float32)))
    return fill(coverage, shade(color, seen.normal, soft=False), torch.ones(3), len(cameras.focal))


@torch.no_grad()
def cosines(encoder: ClipEncoder, pictures: Tensor, prompt: str) -> Tensor:
    """Cosine (N,) between each of the pictures (N, 3, S, S) in [0, 1] and the prompt."""
    side = (encoder.resolution, encoder.resolution)
    small = interpolate(pictures.to(encoder.device), size=side, mode="bilinear", antialias=True, align_corners=False)
    embedded = encoder.encode_image(small.clamp(0, 1)).float()
    return cosine_similarity(embedded, encoder.encode_text([prompt]).to(embedded), dim=1).cpu()


def mes(
    encoder: ClipEncoder,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    colors: NDArray[Any],
    prompt: str,
    *,
    up: UpAxis = "y",
) -> float:
    """Multi-view Expert Score of one result: 100 times the mean cosine of its 24 pictures with the prompt."""
    return 100 * float(cosines(encoder, evaluation_pictures(vertices, faces, colors, up=up), prompt).mean())


def its(scores: Mapping[int, float], threshold: float = ITS_THRESHOLD) -> int:
    """Iterations To reach the Specified score: the first iteration whose mean cosine is above the threshold.

    scores: by iteration, at every `ITS_EVERY` steps up to `ITS_LAST`; others do not count.
    Returns `ITS_NEVER` if none is.
    """
    checked = sorted(step for step in scores if step % ITS_EVERY == 0 and 0 < step <= ITS_LAST)
    return next((step for step in checked if scores[step] > threshold), ITS_NEVER)
