"""Pictures at every scale of the pyramid, as float32 tensors in [-1, 1]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from restyle.errors import BadInputError

from .options import GanOptions

Picture = NDArray[np.uint8]
Size = tuple[int, int]
SMALLEST_SIDE = 13  # a critic of five 3x3 layers needs 11 pixels; two more leave it a map and not a single number


def scale_sizes(height: int, width: int, options: GanOptions) -> list[Size]:
    """(rows, columns) of every scale, coarse to fine, of a picture of `height` x `width` pixels.

    The published pyramid makes every picture square. Here each keeps its aspect ratio and gets as many pixels as that
    square has. Only the shorter side of a very long picture is held at 13 pixels on coarse scales.
    """
    size, steps = options.size, count_scales(options) - 1
    factor = (options.min_size / size) ** (1 / steps)
    stretch = math.sqrt(height / width)
    sizes = []
    for step in range(steps, -1, -1):
        side = factor**step * size
        sizes.append((max(SMALLEST_SIDE, math.ceil(side * stretch)), max(SMALLEST_SIDE, math.ceil(side / stretch))))
    return sizes


def count_scales(options: GanOptions) -> int:
    """How many scales a pyramid has, whatever the pictures."""
    size, ratio = options.size, options.ratio
    beyond = math.ceil(math.log(min(options.max_size, size) / size, ratio))
    return max(1, math.ceil(math.log(options.min_size / size, ratio)) + 1 - beyond) + 1


def check_picture(picture: NDArray[Any], name: str, shape: tuple[int, ...] | None = None) -> None:
    """Raise BadInputError unless `picture` is (H, W, 3) uint8 with at least one pixel, and of `shape` if given."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise BadInputError(
            f"The {name} picture must be (height, width, 3) of uint8, not {picture.shape} of {picture.dtype}."
        )
    if shape is not None and picture.shape != shape:
        raise BadInputError(f"The {name} picture has shape {picture.shape}, the first one {shape}: make them the same.")


def to_tensor(picture: Picture, device: torch.device) -> Tensor:
    """(1, 3, H, W) float32 in [-1, 1] of a picture (H, W, 3) uint8."""
    pixels = torch.from_numpy(picture.copy()).to(device)  # a copy: the given one may be read-only
    return pixels.permute(2, 0, 1).unsqueeze(0).float().contiguous() / 127.5 - 1


def to_pictures(pixels: Tensor) -> list[Picture]:
    """N pictures (H, W, 3) uint8 of (N, 3, H, W) in [-1, 1]; what lies outside is cut off."""
    levels = (pixels.detach().float().clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
    return list(levels.permute(0, 2, 3, 1).cpu().numpy().copy())


def blurred(pixels: Tensor) -> Tensor:
    """(N, 3, H, W) without what is lost at half the size."""
    rows, columns = pixels.shape[-2:]
    return resize(resize(pixels, (math.ceil(rows / 2), math.ceil(columns / 2))), (rows, columns))


def resize(pixels: Tensor, size: Size) -> Tensor:
    """(N, 3, H, W) at another size: bicubic (Keys, a = -1/2), smoothed where it shrinks, cut off at [-1, 1].

    `antialias` matters for enlarging, too: without it torch takes a = -3/4, which bends ramps.
    """
    if pixels.shape[-2:] == size:
        return pixels
    return interpolate(pixels, size, mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)
