"""A trained pyramid of generators: drawing pictures from noise, and going on from a picture at a chosen scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .networks import Generator, PatchNet
from .pyramid import Size, resize

Noise = Callable[[int, Size], Tensor]


@dataclass
class Chain:
    """Generators of one side, coarse to fine.

    sizes: of all scales, also those without a generator yet.
    generators: of the scales done.
    amplitudes: of the noise at those.
    """

    sizes: list[Size]
    generators: list[Generator] = field(default_factory=list)
    amplitudes: list[float] = field(default_factory=list)

    def append(self, generator: Generator, amplitude: float) -> None:
        """Add the next scale; its weights do not change from here on."""
        self.generators.append(generator.requires_grad_(False))
        self.amplitudes.append(amplitude)

    @torch.no_grad()
    def climb(self, base: Tensor, start: int, noise: Noise) -> Tensor:
        """From `base` at scale `start` through all generators above: the picture, enlarged to the next scale if any.

        base: (N, 3, *sizes[start]), what the generator of `start` adds to.
        noise: (N or 1, 3, rows, columns) for a scale and its size, of unit variance; the amplitude is applied here.
        """
        for scale in range(start, len(self.generators)):
            drawn = noise(scale, self.sizes[scale])
            base = self.generators[scale](base + self.amplitudes[scale] * drawn, base)
            if scale + 1 < len(self.sizes):
                base = resize(base, self.sizes[scale + 1])
        return base

    def ground(self, count: int, device: torch.device) -> Tensor:
        """What the coarsest scale adds to: nothing, (count, 3, rows, columns)."""
        return torch.zeros(count, 3, *self.sizes[0], device=device)


def fresh_noise(count: int, generator: torch.Generator) -> Noise:
    """Noise that is drawn anew at every scale, for `count` pictures."""
    return lambda scale, size: torch.randn(count, 3, *size, generator=generator, device=generator.device)


def pack(sides: Mapping[str, Chain]) -> dict[str, NDArray[Any]]:
    """Plain arrays that `unpack` makes the same chains of."""
    arrays: dict[str, NDArray[Any]] = {}
    for side, chain in sides.items():
        arrays[f"{side}.sizes"] = np.array(chain.sizes, dtype=np.int64)
        arrays[f"{side}.amplitudes"] = np.array(chain.amplitudes, dtype=np.float64)
        arrays[f"{side}.residual"] = np.array([generator.residual for generator in chain.generators], dtype=np.uint8)
        for scale, generator in enumerate(chain.generators):
            arrays |= {f"{side}.{scale}.{name}": value for name, value in to_arrays(generator).items()}
    return arrays


def unpack(
    arrays: Mapping[str, NDArray[Any]], side: str, device: torch.device, precision: torch.dtype = torch.float32
) -> Chain:
    """The chain of one side, from what `pack` returned."""
    sizes = [(int(rows), int(columns)) for rows, columns in arrays[f"{side}.sizes"]]
    chain = Chain(sizes)
    for scale, (amplitude, residual) in enumerate(zip(arrays[f"{side}.amplitudes"], arrays[f"{side}.residual"])):
        prefix = f"{side}.{scale}."
        own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        layers = sum(name.startswith("net.filters.") for name in own)
        net = PatchNet(len(own["net.gains.0"]), 3, layers=layers, padding=1, precision=precision)
        generator = Generator(net, residual=bool(residual))
        from_arrays(generator, own)
        chain.append(generator.to(device), float(amplitude))
    return chain


def to_arrays(module: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """Copies of a module's weights."""
    return {name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()}


def from_arrays(module: torch.nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set a module's weights to what `to_arrays` returned."""
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
