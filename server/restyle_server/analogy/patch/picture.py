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
Size = tuple[int, int]  # height, width
MUCH = 4  # times as many pixels: shrunk as bytes


def size_of(pixels: NDArray[Any]) -> Size:
    """Height and width."""
    return pixels.shape[0], pixels.shape[1]


def check_pixels(pixels: Pixels, name: str) -> None:
    """Raise BadInputError, which names the picture, unless it is (H, W, 3) uint8."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise BadInputError(f"{name} must be an (H, W, 3) array of uint8, not {np.shape(pixels)}.")
    if pixels.size == 0:
        raise BadInputError(f"{name} must have at least one pixel, not {pixels.shape}.")


def shared(pixels: Pixels) -> Tensor:
    """The bytes as a tensor of the same shape; copied only where they must not be written to, which torch forbids."""
    return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())


def to_tensor(pixels: Pixels, device: str | torch.device, size: Size | None = None) -> Tensor:
    """uint8 (H, W, 3) to float32 (3, H, W) in [0, 1], at another size if one is given."""
    if size is not None and pixels[..., 0].size > MUCH * size[0] * size[1]:
        pixels = shrunk(pixels, size)
    picture = shared(pixels).to(device).permute(2, 0, 1).float() / 255
    return picture if size is None else resize(picture, *size).clamp(0, 1)


def shrunk(pixels: Pixels, size: Size) -> Pixels:
    """uint8 (H, W, 3) at a smaller size, area-true, without ever being floats."""
    if pixels.shape[:2] == size:
        return pixels
    picture = shared(pixels).permute(2, 0, 1)[None]
    made = interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)
    return np.ascontiguousarray(made[0].permute(1, 2, 0).numpy())


def to_pixels(picture: Tensor) -> Pixels:
    """Float (3, H, W) in [0, 1] to uint8 (H, W, 3)."""
    pixels: Pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return pixels


def mask_tensor(mask: NDArray[Any], size: Size, device: str | torch.device, name: str) -> Tensor:
    """A mask (H, W) in [0, 1] as (1, height, width); raises BadInputError naming it."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.size == 0 or not np.isfinite(mask).all():
        raise BadInputError(f"{name} must be an (H, W) array of finite numbers, not {mask.shape} {mask.dtype}.")
    return resize(torch.from_numpy(mask.astype(np.float32)).to(device)[None].clamp(0, 1), *size)


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
