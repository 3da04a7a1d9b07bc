"""The neural style field: a network from a point of the surface to its colour and its displacement.

Source: Text2Mesh, section 3.1 and `neural_style_field.py`; Fourier features after Tancik et al. 2020, revealed from low
to high frequency after Hertz et al. 2021 (SAPE).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    """[x, sin(2 pi x B), cos(2 pi x B)] with fixed random frequencies B of standard deviation `sigma`."""

    frequencies: Tensor

    def __init__(self, count: int, sigma: float, generator: torch.Generator) -> None:
        super().__init__()
        drawn = torch.randn(3, count, generator=generator) * sigma
        self.register_buffer("frequencies", drawn[:, drawn.norm(dim=0).argsort()])

    @property
    def width(self) -> int:
        """Number of features per point."""
        return 3 + 2 * self.frequencies.shape[1]

    def forward(self, points: Tensor, revealed: float = 1.0) -> Tensor:
        """Features (V, width) of points (V, 3); `revealed` is the share of the frequencies that is on."""
        phase = 2 * math.pi * points @ self.frequencies
        waves = torch.stack([phase.sin(), phase.cos()], dim=1)
        if revealed < 1.0:
            count = self.frequencies.shape[1]
            waves = waves * (revealed * count - torch.arange(count, device=points.device)).clamp(0.0, 1.0)
        return torch.cat([points, waves.flatten(1)], dim=1)


class StyleField(nn.Module):
    """A shared trunk with one head for colour and one for displacement, both of which start at zero.

    frequencies, sigma: number and standard deviation of the Fourier features.
    width, depth: of the trunk, beyond its first layer; color_depth, displacement_depth: of the heads.
    looks: how many looks it learns: each has output layers of its own, and all share the others.
    low_precision: hidden layers compute in bfloat16; features and outputs need their digits and stay float32.
    """

    def __init__(
        self,
        *,
        frequencies: int,
        sigma: float,
        width: int,
        depth: int,
        color_depth: int,
        displacement_depth: int,
        looks: int = 1,
        low_precision: bool = False,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.looks, self.low_precision = looks, low_precision
        self.features = FourierFeatures(frequencies, sigma, generator)
        first = _hidden(self.features.width, width, 1, generator)
        self.trunk = nn.Sequential(*first, *_hidden(width, width, depth, generator))
        self.color = nn.Sequential(*_hidden(width, width, color_depth, generator))
        self.displacement = nn.Sequential(*_hidden(width, width, displacement_depth, generator))
        self.color_out, self.displacement_out = _zero(width, 3 * looks), _zero(width, looks)

    def forward(self, points: Tensor, revealed: float = 1.0, look: int = 0) -> tuple[Tensor, Tensor]:
        """Unbounded colour (V, 3) and displacement (V,) of one look at points (V, 3) of the unit sphere."""
        features = self.features(points, revealed)
        with torch.autocast(points.device.type, torch.bfloat16, enabled=self.low_precision):
            shared = self.trunk(features)
            color, displacement = self.color(shared), self.displacement(shared)
        colors, heights = self.color_out(color.float()), self.displacement_out(displacement.float())
        return colors[:, 3 * look : 3 * look + 3], heights[:, look]


def _hidden(inputs: int, width: int, count: int, generator: torch.Generator) -> list[nn.Module]:
    """`count` layers with ReLU, initialised as torch does, but from `generator`."""
    layers: list[nn.Module] = []
    for _ in range(count):
        layer = nn.Linear(inputs, width)
        bound = 1.0 / math.sqrt(inputs)
        with torch.no_grad():
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
        layers += [layer, nn.ReLU()]
        inputs = width
    return layers


def _zero(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
