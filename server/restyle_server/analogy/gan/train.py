"""The training, scale by scale from coarse to fine: frozen scales feed the one in work.

Source: sections 3 and 4 of the paper (see the package); constants of the published code.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .chain import Chain, pack, unpack
from .clock import NETWORK_PASSES, Clock
from .colors import palette
from .networks import make_critic, make_generator, width_at
from .options import GanOptions
from .pair import Pair, Side
from .pyramid import Picture, Size, blurred, check_picture, resize, scale_sizes, to_pictures, to_tensor
from .sample import inject, sample

State = Mapping[str, NDArray[Any]]
TRIAL_ROUNDS = 6  # the first sets up; of one alone a busy machine would tell anything


@dataclass(frozen=True)
class Step:
    """What a caller learns after every iteration.

    scale, scales: the scale in work, counted from 1, and how many there are.
    iteration, iterations: steps done and to do at this scale.
    losses: critic, penalty, adversarial, reconstruction, cycle; sums of both sides, the last two and the penalty
        before their weights.
    fraction: how much of the time is over, as far as known; never falls.
    seconds_left: None until a few steps have been timed.
    render: the structure in the appearance's matter as of this step, (H, W, 3) uint8 at the final size.
    state: everything that `train` needs to go on from here; to be called before the next step.
    """

    scale: int
    scales: int
    iteration: int
    iterations: int
    losses: dict[str, float]
    fraction: float
    seconds_left: float | None
    render: Callable[[], Picture]
    state: Callable[[], dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class GanResult:
    """What a training leaves.

    picture: the structure's layout in the appearance's matter, (H, W, 3) uint8: `inject` at the finest scale, or at the
        coarsest where translations climb.
    reverse: the appearance's layout in the structure's matter.
    samples: draws by the structure's pyramid in the appearance's matter. These are the published results; after a
        short training their layout is less that of the structure.
    tensors: the generators of both sides, as `sample`, `inject` and `translate_frames` take them.
    """

    picture: Picture
    reverse: Picture
    samples: tuple[Picture, ...]
    tensors: dict[str, NDArray[Any]]


def train(
    structure: Picture,
    appearance: Picture,
    options: GanOptions,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
) -> GanResult:
    """Build the layout of `structure` from the matter of `appearance`.

    structure, appearance: (H, W, 3) uint8 sRGB, of any two sizes. The result has the structure's aspect ratio and as
        many pixels as a square of side `options.size`.
    seed: the same seed gives the same result, bit by bit on a CPU.
    on_step: called after every iteration. What it raises ends the run and passes through; what it saw last stays good.
    state: goes on from what `Step.state` returned earlier, with all other arguments as they were.
    Raises BadInputError for pictures of another form, RestyleError if the training breaks down.
    """
    return train_frames([structure], appearance, options, seed=seed, device=device, on_step=on_step, state=state)


def train_frames(
    frames: Sequence[Picture],
    appearance: Picture,
    options: GanOptions,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
) -> GanResult:
    """`train` with all frames of a clip as the structure, one of them per step, drawn at random.

    frames: (H, W, 3) uint8, all of one size. options: those of mode `frames`.
    `translate_frames` then makes the clip of the result's `tensors`; `picture` is of the first frame.
    Source: the published video route.
    """
    for number, frame in enumerate(frames):
        check_picture(frame, "structure" if len(frames) == 1 else f"frame {number} of the structure", frames[0].shape)
    check_picture(appearance, "appearance")
    run = _Run(frames, appearance, options, seed=seed, device=torch.device(device), state=state)
    while not run.done:
        losses = run.step()
        if on_step:
            on_step(run.report(losses))
    tensors = run.tensors()
    drawn = sample(tensors, options.samples, seed=seed, device=device)
    at = 1 if options.climb else run.scales
    picture = inject(tensors, frames[0], at, seed=seed, device=device)
    reverse = inject(tensors, appearance, at, seed=seed, device=device, reverse=True)
    return GanResult(picture, reverse, tuple(drawn), tensors)


class _Run:
    """Both pyramids on their way: frozen scales, the scale in work and the random generator."""

    def __init__(
        self,
        frames: Sequence[Picture],
        appearance: Picture,
        options: GanOptions,
        *,
        seed: int,
        device: torch.device,
        state: State | None,
    ) -> None:
        self.options, self.device = options, device
        self.originals = {"a": frames, "b": [appearance]}
        self.precision = torch.bfloat16 if options.low_precision and computes_bfloat16(device) else torch.float32
        self.generator = torch.Generator(device).manual_seed(seed)
        self.weights = torch.Generator().manual_seed(seed)
        sizes = {
            side: scale_sizes(len(pictures[0]), pictures[0].shape[1], options)
            for side, pictures in self.originals.items()
        }
        self.scales = len(sizes["a"])
        self.rounds = [options.rounds(scale, self.scales) for scale in range(self.scales)]
        self.clock = Clock(_work(sizes, options), self.rounds, self._pace(sizes))
        self.scale = self.iteration = 0
        if state is None:
            self.chains = {side: self._chain(side, own) for side, own in sizes.items()}
            self.pair = self._pair(None)
            self.pair.set_amplitudes()
        else:
            self.scale, self.iteration = int(state["scale"]), int(state["iteration"])
            self.chains = {side: unpack(state, side, device, self.precision) for side in sizes}
            self.pair = self._pair(None)
            self.pair.restore(state)
            self.generator.set_state(torch.from_numpy(np.array(state["random"])))
            self.weights.set_state(torch.from_numpy(np.array(state["random.weights"])))

    @property
    def done(self) -> bool:
        """Whether every scale has had its iterations."""
        return self.scale == self.scales - 1 and self.iteration >= self.rounds[-1]

    def step(self) -> dict[str, float]:
        """One iteration, of the next scale where this one has had all of its own; its losses."""
        if self.iteration >= self.rounds[self.scale]:
            self._next_scale()
        losses = self.pair.step()
        self.iteration += 1
        return losses

    def _next_scale(self) -> None:
        previous = self.pair.sides
        for name, side in previous.items():
            self.chains[name].append(side.generator, side.amplitude)
        self.scale, self.iteration = self.scale + 1, 0
        self.pair = self._pair(previous)
        self.pair.set_amplitudes()

    def _pair(self, previous: dict[str, Side] | None) -> Pair:
        """Networks for the scale in work; those of `previous` go on where their width is the same."""
        options, sides = self.options, {}
        for name, chain in self.chains.items():
            size = chain.sizes[self.scale]
            reals = torch.cat([resize(to_tensor(picture, self.device), size) for picture in self.originals[name]])
            generator = make_generator(self.scale, self.scales, options, self.precision, self.weights)
            critic = make_critic(self.scale, options, self.precision, self.weights)
            if previous and width_at(self.scale, options) == width_at(self.scale - 1, options):
                generator.load_state_dict(previous[name].generator.state_dict())
                critic.load_state_dict(previous[name].critic.state_dict())
            sides[name] = Side(chain, generator.to(self.device), critic.to(self.device), reals)
        return Pair(self.scale, sides, options, self.generator)

    def _chain(self, side: str, sizes: list[Size]) -> Chain:
        """The chain of a side before its first scale."""
        if not self.options.climb:
            return Chain(sizes)
        coarse = torch.cat([resize(to_tensor(picture, self.device), sizes[0]) for picture in self.originals[side]])
        return Chain(sizes, start=blurred(coarse[:1]), colors=palette(coarse))

    def report(self, losses: dict[str, float]) -> Step:
        """What the caller learns now."""
        left = self.clock.tick(self.scale, self.iteration)
        return Step(
            self.scale + 1,
            self.scales,
            self.iteration,
            self.rounds[self.scale],
            losses,
            self.clock.fraction(self.scale, self.iteration),
            left,
            partial(_render, self.pair.mixed, self.chains["a"].sizes[-1]),
            self.state,
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that bring this run back, bit by bit on a CPU."""
        return {
            **pack(self.chains),
            **self.pair.state(),
            "scale": np.array(self.scale),
            "iteration": np.array(self.iteration),
            "random": self.generator.get_state().numpy().copy(),
            "random.weights": self.weights.get_state().numpy().copy(),
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The generators of all scales, the one in work included."""
        chains = {}
        for name, side in self.pair.sides.items():
            done = self.chains[name]
            generators, amplitudes = [*done.generators, side.generator], [*done.amplitudes, side.amplitude]
            chains[name] = Chain(done.sizes, generators, amplitudes, done.start, done.colors)
        return pack(chains)

    def _pace(self, sizes: Mapping[str, Sequence[Size]]) -> float:
        """Seconds per unit of work, from a few forward passes at the finest scale."""
        net = make_generator(self.scales - 1, self.scales, self.options, self.precision, torch.Generator())
        net = net.to(self.device)
        picture = torch.zeros(1, 3, *sizes["a"][-1], device=self.device)
        seconds = []
        with torch.no_grad():
            for _ in range(TRIAL_ROUNDS):
                started = time.perf_counter()
                float(net.translate(picture).sum())  # waits for the device
                seconds.append(time.perf_counter() - started)
        work = picture[0, 0].numel() * width_at(self.scales - 1, self.options) ** 2
        return statistics.median(seconds[1:]) * NETWORK_PASSES / work


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32; processors without it emulate it slowly."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))


def _work(sizes: Mapping[str, Sequence[Size]], options: GanOptions) -> list[float]:
    """Of every scale: pixels of both sides * channels^2."""
    pixels = [sum(rows * columns for rows, columns in of_scale) for of_scale in zip(*sizes.values())]
    return [float(count * width_at(scale, options) ** 2) for scale, count in enumerate(pixels)]


def _render(pixels: Tensor, size: Size) -> Picture:
    return to_pictures(resize(pixels, size))[0]
