"""A trained pyramid of generators: drawing pictures from noise, and going on from a picture at a chosen scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .colors import matched
from .networks import Generator, PatchNet
from .pyramid import Size, blurred, resize

Noise = Callable[[int, Size], Tensor]


@dataclass
class Chain:
    """Generators of one side, coarse to fine.

    sizes: of all scales, also those without a generator yet.
    generators: of the scales done.
    amplitudes: of the noise at those.
    start: (1, 3, h, w), the side's own picture blurred, and colors: its palette, (3, 4), where translations climb (see
        `GanOptions.climb`); otherwise None.
    """

    sizes: list[Size]
    generators: list[Generator] = field(default_factory=list)
    amplitudes: list[float] = field(default_factory=list)
    start: Tensor | None = None
    colors: Tensor | None = None

    @property
    def climbs(self) -> bool:
        """Whether translations climb."""
        return self.colors is not None

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

    @torch.no_grad()
    def translate(self, picture: Tensor, start: int, sizes: list[Size], noise: Noise) -> Tensor:
        """`picture` of the side that has `sizes`, led through all generators from scale `start` up, in our colours.

        Returned like what `climb` returns.
        """
        base = self.given(resize(picture, sizes[start]), start)
        for scale in range(start, len(self.generators)):
            base = self.redrawn(self.generators[scale], base, self.amplitudes[scale] * noise(scale, sizes[scale]))
            if scale + 1 < len(sizes):
                base = resize(base, sizes[scale + 1])
        return base

    def given(self, picture: Tensor, scale: int) -> Tensor:
        """What a translation that begins at `scale` begins with; the coarsest generator knows blurred pictures."""
        return self._matched(blurred(picture) if scale == 0 else picture)

    def redrawn(self, generator: Generator, base: Tensor, noise: Tensor) -> Tensor:
        """One scale of a translation."""
        return self._matched(generator(base + noise, base))

    def _matched(self, picture: Tensor) -> Tensor:
        return picture if self.colors is None else matched(picture, self.colors)

    def ground(self, count: int, device: torch.device) -> Tensor:
        """What the coarsest scale adds to, (count, 3, rows, columns): nothing, or `start`."""
        if self.start is not None:
            return self.start.to(device).expand(count, -1, -1, -1)
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
        for name, kept in (("start", chain.start), ("colors", chain.colors)):
            if kept is not None:
                arrays[f"{side}.{name}"] = kept.cpu().numpy().copy()
        arrays[f"{side}.reflect"] = np.array([generator.net.reflect for generator in chain.generators], dtype=np.uint8)
        arrays[f"{side}.residual"] = np.array([generator.residual for generator in chain.generators], dtype=np.uint8)
        for scale, generator in enumerate(chain.generators):
            arrays |= {f"{side}.{scale}.{name}": value for name, value in to_arrays(generator).items()}
    return arrays


def unpack(
    arrays: Mapping[str, NDArray[Any]], side: str, device: torch.device, precision: torch.dtype = torch.float32
) -> Chain:
    """The chain of one side, from what `pack` returned."""
    sizes = [(int(rows), int(columns)) for rows, columns in arrays[f"{side}.sizes"]]
    start, colors = (
        torch.from_numpy(np.array(arrays[f"{side}.{name}"])) if f"{side}.{name}" in arrays else None
        for name in ("start", "colors")
    )
    chain = Chain(sizes, start=start, colors=colors)
    of_scale = zip(arrays[f"{side}.amplitudes"], arrays[f"{side}.residual"], arrays[f"{side}.reflect"])
    for scale, (amplitude, residual, reflect) in enumerate(of_scale):
        prefix = f"{side}.{scale}."
        own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        layers = sum(name.startswith("net.filters.") for name in own)
        width = len(own["net.gains.0"])
        net = PatchNet(width, 3, layers=layers, padding=1, reflect=bool(reflect), precision=precision)
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
