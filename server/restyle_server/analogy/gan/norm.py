"""Normalisation of each channel of each picture, with a second derivative in closed form.

The gradient penalty differentiates a gradient. torch composes the second derivative of its normalisation of a hundred
small operations; the formulas below need twenty.

With x^ = (x - mean x) r, r = (var x + eps)^-1/2, y = gain x^ + shift, and means over a channel's M pixels:
    g -> gain r (g - mean g - x^ a),  a = mean(g x^)                          the gradient
    L = <v, that> = gain r M (c - a b),  b = mean(v x^), c = mean(v g) - mean(v) mean(g)
    dL/dg = gain r (v - mean v - x^ b)
    dL/dx = -gain r^2 ((c - 3 a b) x^ + b (g - mean g) + a (v - mean v))
    dL/dgain = r M (c - a b)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

EPSILON = 1e-5
PIXELS = (2, 3)


def normalize(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """`group_norm` with a group per channel: x (N, C, H, W), gain and shift (C,)."""
    y: Tensor = _Normalize.apply(x, gain, shift)
    return y


class _Normalize(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        count, channels = x.shape[:2]
        y, mean, r = torch.native_group_norm(
            x, gain, shift, count, channels, x.shape[2] * x.shape[3], channels, EPSILON
        )
        ctx.save_for_backward(x, gain, mean, r)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, gain, mean, r = ctx.saved_tensors
        along_x, along_gain = _Gradient.apply(g, x, gain, mean, r)
        return along_x, along_gain, g.sum(dim=(0, *PIXELS))


class _Gradient(Function):
    """From g to the gradients along x and gain. The one along gain is not differentiated again: nobody asks."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch hands them on by place
        ctx: Any, g: Tensor, x: Tensor, gain: Tensor, mean: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor]:
        count, channels = x.shape[:2]
        g = g.contiguous()
        along_x, along_gain, _ = torch.ops.aten.native_group_norm_backward(
            g, x, mean, r, gain, count, channels, x.shape[2] * x.shape[3], channels, [True, True, False]
        )
        ctx.save_for_backward(g, x, gain, mean, r)
        ctx.mark_non_differentiable(along_gain)
        return along_x, along_gain

    @staticmethod
    def backward(ctx: Any, v: Tensor, _: Tensor | None) -> tuple[Tensor, Tensor, Tensor, None, None]:
        g, x, gain, mean, r = ctx.saved_tensors
        mean, r = mean[..., None, None], r[..., None, None]
        x_hat = (x - mean) * r
        g, v = g - g.mean(PIXELS, keepdim=True), v - v.mean(PIXELS, keepdim=True)
        a, b, c = ((one * other).mean(PIXELS, keepdim=True) for one, other in ((g, x_hat), (v, x_hat), (v, g)))
        scale = gain[:, None, None] * r
        along_g = scale * (v - x_hat * b)
        along_x = -scale * r * ((c - 3 * a * b) * x_hat + b * g + a * v)
        pixels = x.shape[2] * x.shape[3]
        return along_g, along_x, (r * (c - a * b)).sum(dim=(0, *PIXELS)) * pixels, None, None
