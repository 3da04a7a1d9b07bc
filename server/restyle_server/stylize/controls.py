"""What bounds a field's output: limit and direction of the displacement, a palette, a mask, the colours there were.

Every bound is a map of the output and not a penalty, so that it holds exactly, at every step and in the result.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .options import StylizeOptions

NEUTRAL = 0.5  # sRGB, of a surface without colours of its own: the published start
LOGIT_REACH = 0.98  # a start in pure black or white would have no gradient
PALETTE_SOFTNESS = 0.03  # squared sRGB distance over which the pull of another palette colour fades
OUTWARD_SHARPNESS = 8.0  # of the bend at zero, where a displacement in one direction begins


def bounded(
    options: StylizeOptions,
    start_color: Tensor,
    start_relief: Tensor,
    color_change: Tensor,
    relief_change: Tensor,
    *,
    relief: bool,
    existing: Tensor | None = None,
    weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Colour (P, 3) sRGB in [0, 1] and displacement (P,) in radii at P points.

    start_color, start_relief: (P, 3) sRGB and (P,) in [-1, 1], to which the field adds.
    color_change, relief_change: (P, 3) and (P,), the field's output.
    relief: whether there is displacement yet.
    existing: (P, 3) sRGB, the colours that the surface had; grey if there were none.
    weight: (P,) in [0, 1]; at 0 the colour is exactly the existing one and the displacement exactly 0.
    """
    color = _color(options, start_color, color_change, existing, weight)
    limit = options.displacement_limit if relief and options.change != "color" else 0.0
    displacement = _directed(start_relief + relief_change, options.direction) * limit
    return color, displacement if weight is None else displacement * weight


def _color(
    options: StylizeOptions, start: Tensor, change: Tensor, existing: Tensor | None, weight: Tensor | None
) -> Tensor:
    if existing is None:
        existing = torch.full_like(start, NEUTRAL)
    if options.change == "displacement":
        return existing
    logit = torch.atanh((start * 2 - 1).clamp(-LOGIT_REACH, LOGIT_REACH))
    color = 0.5 + torch.tanh(logit + change) / 2
    if options.palette:
        color = nearest_of(color, color.new_tensor(options.palette))
    return color if weight is None else torch.lerp(existing, color, weight[:, None])


def _directed(relief: Tensor, direction: str) -> Tensor:
    """Relief (P,) within -1 and 1, or on one side of 0; there it begins at a hair, where the gradient still flows."""
    if direction == "both":
        return torch.tanh(relief)
    outward = torch.tanh(torch.nn.functional.softplus(OUTWARD_SHARPNESS * relief) / OUTWARD_SHARPNESS)
    return outward if direction == "out" else -outward


def nearest_of(color: Tensor, palette: Tensor) -> Tensor:
    """Replace each colour (P, 3) by the nearest of a palette (N, 3), with the gradient of a soft choice among them.

    Source: the straight-through estimator of Bengio, Leonard and Courville 2013.
    """
    distance = (color[:, None] - palette).square().sum(dim=2)
    soft = torch.softmax(-distance / PALETTE_SOFTNESS, dim=1) @ palette
    return palette[distance.argmin(dim=1)] + (soft - soft.detach())
