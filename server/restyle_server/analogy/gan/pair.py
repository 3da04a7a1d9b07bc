"""Both sides at one scale: the networks in work and one step of their training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss

from restyle.errors import RestyleError

from .chain import Chain, fresh_noise, from_arrays, to_arrays
from .losses import gradient_penalty, mean_scores
from .networks import Generator, PatchNet
from .options import GanOptions
from .pyramid import Size, blurred, resize

OTHER = {"a": "b", "b": "a"}
LOSSES = ("critic", "penalty", "adversarial", "reconstruction", "cycle")


@dataclass
class Side:
    """One side at this scale: `a` is the structure, `b` the appearance.

    chain: the frozen generators below.
    reals: the picture, or the frames of a clip, (F, 3, h, w).
    amplitude: of the noise that is added here.
    """

    chain: Chain
    generator: Generator
    critic: PatchNet
    reals: Tensor
    amplitude: float = 1.0


@dataclass(frozen=True)
class Draw:
    """What one step makes; (1, 3, h, w) each, with their graphs.

    real: what the critics of each side are shown as real.
    own: drawn by each side's pyramid. rebuilt: its reconstruction.
    layout: what is translated of each side: its `own`, or its `real` where translations climb.
    mixed: the other side's `layout`, translated.
    fakes: what each side's critic judges: mixed, own and, for clips, the other side's real picture translated.
    cycled: the other side's `mixed`, translated back.
    """

    real: dict[str, Tensor]
    own: dict[str, Tensor]
    rebuilt: dict[str, Tensor]
    layout: dict[str, Tensor]
    mixed: dict[str, Tensor]
    fakes: dict[str, list[Tensor]]
    cycled: dict[str, Tensor]


class Pair:
    """Networks of both sides at one scale, and their optimisers."""

    def __init__(self, scale: int, sides: dict[str, Side], options: GanOptions, generator: torch.Generator) -> None:
        self.scale, self.sides, self.options, self.generator = scale, sides, options, generator
        self.device = generator.device
        self.mixed = sides["a"].reals[:1]
        self.balance = {"a": options.structure_weight, "b": 1.0}
        self.critic_adam = self._adam([side.critic for side in sides.values()], options.critic_rate)
        self.generator_adam = self._adam([side.generator for side in sides.values()], options.generator_rate)

    def _adam(self, modules: list[Any], rate: float) -> torch.optim.Adam:
        weights = [weight for module in modules for weight in module.parameters()]
        return torch.optim.Adam(weights, lr=rate, betas=self.options.betas, fused=True)

    @torch.no_grad()
    def set_amplitudes(self) -> None:
        """Noise in proportion to what the scales below leave unexplained; the coarsest has an amplitude of its own."""
        for side in self.sides.values():
            if self.scale == 0:
                side.amplitude = self.options.first_noise
                continue
            rebuilt = self._bases(side, side.reals[:1])[1:]
            side.amplitude = self.options.noise * float((side.reals - rebuilt).square().mean().sqrt())

    def step(self) -> dict[str, float]:
        """One step of the critics, one of the generators; the losses that they had before.

        Both steps take the critics' gradients from one evaluation: what the critics' loss gives along the fakes is,
        negated, what the generators follow.
        """
        options = self.options
        draw = self.draw()
        self.mixed = draw.mixed["b"].detach()
        fakes = {name: [fake.detach().requires_grad_() for fake in drawn] for name, drawn in draw.fakes.items()}
        score, penalty, adversarial = self.critic_terms(draw.real, fakes)
        weights = [weight for side in self.sides.values() for weight in side.critic.parameters()]
        leaves = [fake for drawn in fakes.values() for fake in drawn]
        slopes = torch.autograd.grad(score + options.penalty * penalty, [*weights, *leaves])
        for weight, slope in zip(weights, slopes):
            weight.grad = slope
        self.critic_adam.step()

        reconstruction, cycle = self.picture_terms(draw)
        pull = self._pull(draw.fakes, slopes[len(weights) :])
        self.generator_adam.zero_grad(set_to_none=True)
        (pull + options.alpha * reconstruction + options.beta * cycle).backward()  # type: ignore[no-untyped-call]
        self.generator_adam.step()

        values = torch.stack([score, penalty, adversarial, reconstruction, cycle]).tolist()
        losses = dict(zip(LOSSES, values))
        if not all(math.isfinite(value) for value in values):
            raise RestyleError(
                f"The training broke down at scale {self.scale + 1}: its losses are {losses}. "
                "Try another seed or another preset."
            )
        return losses

    def draw(self) -> Draw:
        """Pictures from noise, and translations of them both ways."""
        sides, noisy, climb = self.sides, self.options.self_weight > 0, self.options.climb
        real = {name: self._real(side) for name, side in sides.items()}
        both = {name: self._own_and_rebuilt(side, real[name]) for name, side in sides.items()}
        own = {name: pictures[:1] for name, pictures in both.items()}
        layout = real if climb else own
        mixed, fakes = {}, {}
        for name, side in sides.items():
            other = OTHER[name]
            given = [layout[other], self._noisy(other, real[other])] if noisy else [layout[other]]
            made = self._climbed(name, given[0]) if climb else side.generator.translate(torch.cat(given))
            first, *more = torch.split(made, 1)
            mixed[name], fakes[name] = first, [first, own[name], *more]
        cycled = {name: side.generator.translate(mixed[OTHER[name]]) for name, side in sides.items()}
        rebuilt = {name: pictures[1:] for name, pictures in both.items()}
        return Draw(real, own, rebuilt, layout, mixed, fakes, cycled)

    def critic_terms(
        self, real: Mapping[str, Tensor], fakes: Mapping[str, list[Tensor]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The critics' Wasserstein term and unweighted penalty, and the generators' adversarial term, of both sides."""
        score, penalty, adversarial = torch.zeros(3, device=self.device)
        extra = [self.options.self_weight] if self.options.self_weight > 0 else []
        weights = torch.tensor([1.0, 1.0, *extra], device=self.device)
        for name, side in self.sides.items():
            scores = mean_scores(side.critic, [*fakes[name], real[name]])
            score = score + (weights * (scores[:-1] - scores[-1])).sum()
            adversarial = adversarial - self.balance[name] * (weights * scores[:-1]).sum()
            shown, each = fakes[name], weights
            if self.options.one_point:
                number = int(torch.randint(len(shown), (), generator=self.generator, device=self.device))
                shown, each = shown[number : number + 1], weights[number : number + 1] * len(shown)
            penalty = penalty + gradient_penalty(side.critic, real[name], shown, each, self.generator)
        return score, penalty, adversarial.detach()

    def picture_terms(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Unweighted reconstruction and cycle of both sides."""
        reconstruction, cycle = torch.zeros(2, device=self.device)
        for name in self.sides:
            reconstruction = reconstruction + mse_loss(draw.rebuilt[name], draw.real[name])
            cycle = cycle + mse_loss(draw.cycled[name], draw.layout[name])
        return reconstruction, cycle

    def _pull(self, drawn: Mapping[str, list[Tensor]], slopes: Sequence[Tensor]) -> Tensor:
        """A number whose gradient along what is drawn is that of the adversarial term, from the critics' `slopes`."""
        pull, remaining = torch.zeros((), device=self.device), iter(slopes)
        for name, pictures in drawn.items():
            for picture in pictures:
                pull = pull - self.balance[name] * (next(remaining) * picture).sum()
        return pull

    def _noise(self, scale: int, size: Size) -> Tensor:
        """Two rows: for a drawn picture, and for the reconstruction: noise only where there is nothing else."""
        if scale == 0 and not self.options.climb:
            return fresh_noise(2, self.generator)(scale, size)
        drawn = fresh_noise(1, self.generator)(scale, size)
        return torch.cat([drawn, torch.zeros_like(drawn)])

    def _bases(self, side: Side, real: Tensor) -> Tensor:
        """(2, 3, h, w) from the frozen scales: what a drawn picture and the reconstruction of `real` start from."""
        ground = side.chain.ground(2, self.device)
        if self.options.climb:
            ground = blurred(resize(real, side.chain.sizes[0])).expand(2, -1, -1, -1)
        return side.chain.climb(ground, 0, self._noise)

    def _climbed(self, name: str, picture: Tensor) -> Tensor:
        """(1, 3, h, w): the other side's `picture` translated at the coarsest scale, and climbed to this one."""
        side, sizes = self.sides[name], self.sides[OTHER[name]].chain.sizes
        draw = fresh_noise(1, self.generator)
        base = side.chain.given(picture, 0) if self.scale == 0 else side.chain.translate(picture, 0, sizes, draw)
        return side.chain.redrawn(side.generator, base, side.amplitude * draw(self.scale, sizes[self.scale]))

    def _own_and_rebuilt(self, side: Side, real: Tensor) -> Tensor:
        bases = self._bases(side, real)
        noise = self._noise(self.scale, side.chain.sizes[self.scale])
        pictures: Tensor = side.generator(bases + side.amplitude * noise, bases)
        return pictures

    def _real(self, side: Side) -> Tensor:
        if len(side.reals) == 1:
            return side.reals
        number = torch.randint(len(side.reals), (1,), generator=self.generator, device=self.device)
        return side.reals[number]

    def _noisy(self, name: str, real: Tensor) -> Tensor:
        noise = torch.randn(real.shape, generator=self.generator, device=self.device)
        return real + self.sides[name].amplitude * noise

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that bring the networks in work back, bit by bit."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, side in self.sides.items():
            arrays[f"work.{name}.amplitude"] = np.array(side.amplitude)
            for kind, module in (("generator", side.generator), ("critic", side.critic)):
                arrays |= {f"work.{name}.{kind}.{key}": value for key, value in to_arrays(module).items()}
        for kind, adam in self._adams().items():
            for number, moments in adam.state_dict()["state"].items():
                arrays |= {
                    f"adam.{kind}.{number}.{key}": value.detach().cpu().numpy().copy() for key, value in moments.items()
                }
        return arrays

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `state` returned."""
        for name, side in self.sides.items():
            side.amplitude = float(state[f"work.{name}.amplitude"])
            from_arrays(side.generator, _below(state, f"work.{name}.generator."))
            from_arrays(side.critic, _below(state, f"work.{name}.critic."))
        for kind, adam in self._adams().items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(state, f"adam.{kind}.").items():
                number, name = key.split(".")
                moments.setdefault(int(number), {})[name] = torch.from_numpy(np.array(value))
            adam.load_state_dict(adam.state_dict() | {"state": moments})

    def _adams(self) -> dict[str, torch.optim.Adam]:
        return {"generator": self.generator_adam, "critic": self.critic_adam}


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
