"""The two networks of a scale: a generator that keeps the size and a critic that looks at patches of 11 pixels.

Both are `layers` 3x3 convolutions, each but the last followed by normalisation and a leaky ReLU. The published code
normalises by the statistics of its batch, which always is a single picture and never a running mean; that is
normalisation of each picture by itself. Written so, pictures of one size go through a network together and come out
as they would alone. A convolution's bias has no effect before such a normalisation and is left out.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, group_norm, leaky_relu, pad

from .norm import normalize
from .options import GanOptions

SLOPE = 0.2


class PatchNet(nn.Module):
    """Convolutions over a picture.

    outputs: channels of the last layer.
    padding: 1 keeps the size, 0 takes one pixel off each side per layer.
    reflect: what is beyond the borders mirrors what is inside. Otherwise it is zero.
    precision: of the layers; what comes out is float32, or float64 if the picture is.
    """

    def __init__(
        self,
        width: int,
        outputs: int,
        *,
        layers: int,
        padding: int,
        reflect: bool = False,
        precision: torch.dtype = torch.float32,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.padding, self.reflect, self.precision = padding, reflect, precision
        channels = [3] + [width] * (layers - 1) + [outputs]
        self.filters = nn.ParameterList(
            torch.randn(after, before, 3, 3, generator=generator) * 0.02 for before, after in pairwise(channels)
        )
        self.gains = nn.ParameterList(1 + torch.randn(width, generator=generator) * 0.02 for _ in range(layers - 1))
        self.shifts = nn.ParameterList(torch.zeros(width) for _ in range(layers - 1))
        self.bias = nn.Parameter((torch.rand(outputs, generator=generator) * 2 - 1) / math.sqrt(9 * width))

    def forward(self, picture: Tensor, *, twice: bool = False) -> Tensor:
        """(N, outputs, H', W') of pictures (N, 3, H, W), each by itself.

        twice: the outcome's gradient will be differentiated again. On a GPU nothing is in low precision then, since its
            normalisation would round the statistics, too.
        """
        kept = torch.promote_types(picture.dtype, torch.float32)
        precision = kept if kept == torch.float64 or (twice and picture.is_cuda) else self.precision
        of_norm = precision if picture.is_cuda else kept
        norm = normalize if twice else _normalize_once
        features = picture.to(precision)
        for filters, gain, shift in zip(self.filters, self.gains, self.shifts):
            features = norm(self._convolved(features, filters), gain.to(of_norm), shift.to(of_norm))
            features = leaky_relu(features, SLOPE)
        return self._convolved(features, self.filters[-1], self.bias.to(precision)).to(kept)

    def _convolved(self, features: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
        filters, padding = filters.to(features.dtype), self.padding
        if self.reflect:
            features, padding = pad(features, [padding] * 4, mode="reflect"), 0
        return conv2d(features, filters, bias, padding=padding)


def _normalize_once(features: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    return group_norm(features, len(gain), gain, shift)


class Generator(nn.Module):
    """From a picture to a picture; at residual scales the net adds to what it is given.

    The same network draws new pictures of its side (given noise over the scale below) and translates pictures of the
    other side (given those). Source: section 3 of the paper.
    """

    def __init__(self, net: PatchNet, *, residual: bool) -> None:
        super().__init__()
        self.net, self.residual = net, residual

    def forward(self, picture: Tensor, base: Tensor) -> Tensor:
        """(N, 3, H, W): tanh of the net's answer to `picture`, at residual scales plus `base`."""
        change = torch.tanh(self.net(picture))
        return base + change if self.residual else change

    def translate(self, picture: Tensor) -> Tensor:
        """A picture of the other side in this side's matter."""
        out: Tensor = self(picture, picture)
        return out


def width_at(scale: int, options: GanOptions) -> int:
    """Channels of the networks at `scale`."""
    return min(options.max_width, options.width << scale // options.width_step)


def make_generator(
    scale: int, scales: int, options: GanOptions, precision: torch.dtype, generator: torch.Generator | None
) -> Generator:
    """A new generator for `scale` of `scales`, weights drawn from `generator`."""
    net = PatchNet(
        width_at(scale, options),
        3,
        layers=options.layers,
        padding=1,
        reflect=options.reflect,
        precision=precision,
        generator=generator,
    )
    return Generator(net, residual=scale < scales - options.plain_scales)


def make_critic(scale: int, options: GanOptions, precision: torch.dtype, generator: torch.Generator | None) -> PatchNet:
    """A new critic for `scale`, weights drawn from `generator`."""
    return PatchNet(
        width_at(scale, options), 1, layers=options.layers, padding=0, precision=precision, generator=generator
    )
