"""The neural style field: a network from a point of the surface to its colour and its displacement.

Source: Text2Mesh, section 3.1 and `neural_style_field.py`; Fourier features after Tancik et al. 2020, revealed from low
to high frequency after Hertz et al. 2021 (SAPE).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .options import StylizeOptions


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

    def forward(self, points: Tensor) -> Tensor:
        """Features (V, width) of points (V, 3)."""
        phase = 2 * math.pi * points @ self.frequencies
        return torch.cat([points, phase.sin(), phase.cos()], dim=1)

    def shown(self, revealed: float) -> Tensor:
        """How much each feature counts (width,) if the share `revealed` of the frequencies is on, the lowest first."""
        count = self.frequencies.shape[1]
        waves = (revealed * count - torch.arange(count, device=self.frequencies.device)).clamp(0.0, 1.0)
        return torch.cat([torch.ones_like(waves[:1]).expand(3), waves, waves])


class StyleField(nn.Module):
    """A shared trunk with one head for colour and one for displacement, both of which start at zero.

    frequencies, sigma: number and standard deviation of the Fourier features.
    width, depth: of the trunk, beyond its first layer; color_depth, displacement_depth: of the heads.
    looks: how many looks it learns: each has output layers of its own, and all share the others.
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
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.looks = looks
        self.features = FourierFeatures(frequencies, sigma, generator)
        first = _hidden(self.features.width, width, 1, generator)
        self.trunk = nn.Sequential(*first, *_hidden(width, width, depth, generator))
        self.color = nn.Sequential(*_hidden(width, width, color_depth, generator))
        self.displacement = nn.Sequential(*_hidden(width, width, displacement_depth, generator))
        self.color_out, self.displacement_out = _zero(width, 3 * looks), _zero(width, looks)

    @classmethod
    def of(cls, options: StylizeOptions, *, looks: int = 1, generator: torch.Generator) -> StyleField:
        """The field that a run with these options trains."""
        return cls(
            frequencies=options.frequencies,
            sigma=options.sigma,
            width=options.width,
            depth=options.depth,
            color_depth=options.color_depth,
            displacement_depth=options.displacement_depth,
            looks=looks,
            generator=generator,
        )

    def forward(
        self, points: Tensor, revealed: float = 1.0, look: int = 0, low_precision: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Unbounded colour (V, 3) and displacement (V,) of one look at points (V, 3) of the unit sphere."""
        return self.decode(self.encode(points, low_precision), revealed, look)

    def encode(self, points: Tensor, low_precision: bool = False) -> Tensor:
        """The features (V, features.width) of points, which stay the same while the field learns."""
        features: Tensor = self.features(points)
        return features.bfloat16() if low_precision else features

    def decode(self, encoded: Tensor, revealed: float = 1.0, look: int = 0) -> tuple[Tensor, Tensor]:
        """What `forward` returns, from the features; hidden layers compute in their precision, outputs in float32."""
        if revealed < 1.0:
            encoded = encoded * self.features.shown(revealed).to(encoded)
        with torch.autocast(encoded.device.type, torch.bfloat16, enabled=encoded.dtype == torch.bfloat16):
            shared = self.trunk(encoded)
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
        layers += [layer, nn.ReLU(inplace=True)]
        inputs = width
    return layers


def _zero(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
