"""Pictures as (C, H, W) float32 tensors: to and from pixels, sizes of a pyramid, resizing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from restyle.errors import BadInputError

Pixels = NDArray[np.uint8]


def to_tensor(pixels: Pixels, device: str | torch.device, name: str) -> Tensor:
    """uint8 (H, W, 3) to float32 (3, H, W) in [0, 1]; raises BadInputError naming the picture."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise BadInputError(f"{name} must be an (H, W, 3) array of uint8, not {pixels.shape} {pixels.dtype}.")
    return torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1).float() / 255


def to_pixels(picture: Tensor) -> Pixels:
    """Float (3, H, W) in [0, 1] to uint8 (H, W, 3)."""
    pixels: Pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return pixels


def mask_tensor(mask: NDArray[Any], like: Tensor, name: str) -> Tensor:
    """A mask (H, W) in [0, 1] as (1, H, W), sized like its picture (C, H, W); raises BadInputError naming it."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.size == 0 or not np.isfinite(mask).all():
        raise BadInputError(f"{name} must be an (H, W) array of finite numbers, not {mask.shape} {mask.dtype}.")
    return resize(torch.from_numpy(mask.astype(np.float32)).to(like.device)[None].clamp(0, 1), *like.shape[1:])


def level_sizes(shape: tuple[int, ...], granularity: int, ratio: float) -> list[float]:
    """Scales of the pyramid's levels, coarsest first and 1 last: the shorter side is `granularity` at the coarsest.

    The number of levels is the fewest whose ratio is not below `ratio`; it is then spread evenly.
    """
    shorter = min(shape)
    if granularity >= shorter:
        return [1.0]
    steps = math.ceil(math.log(granularity / shorter) / math.log(ratio) - 1e-9)
    return [float((granularity / shorter) ** (1 - step / steps)) for step in range(steps + 1)]


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) to (C, height, width): area-true where it shrinks, bicubic where it grows."""
    if picture.shape[1:] == (height, width):
        return picture
    if height <= picture.shape[1] and width <= picture.shape[2]:
        return interpolate(picture[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0]
    return interpolate(picture[None], (height, width), mode="bicubic", antialias=True, align_corners=False)[0]


def scaled(picture: Tensor, scale: float, least: int = 1) -> Tensor:
    """(C, H, W) with both sides times `scale`, but none under `least` unless it was before."""
    height, width = (max(min(side, least), round(side * scale), 1) for side in picture.shape[1:])
    return resize(picture, height, width)


def box_mean(picture: Tensor, size: int) -> Tensor:
    """Mean over the size x size pixels about each pixel of (C, H, W), edges repeated."""
    if size <= 1:
        return picture
    before = (size - 1) // 2
    after = size - 1 - before
    padded = pad(picture[None], (before, after, before, after), mode="replicate")
    return avg_pool2d(padded, size, stride=1)[0]
