"""The GAN engine: seconds per iteration beside a plain writing of the same step, and whole trainings to look at.

    python scripts/bench_gan.py --scales 0 3 6 --rounds 3
    python scripts/bench_gan.py --preset draft --pairs 01 06 --output build/gan

The plain step is what the published code does, written as its description says it: one picture at a time, a backward
per term, float32, batch normalisation, frozen scales with gradients, and between scales a bicubic enlargement of bytes
on the CPU (here Pillow's, which is faster than the published one in numpy). Both run on the same pictures and sizes,
in turns, so the ratio holds on a busy machine. `published` is the published code itself, measured at another time on
two shared cores of a machine of the same kind. Times are seconds of processor time, of the wall clock with CUDA.

With `--preset` real pairs are trained instead, and judged like those of bench_analogy.py. OUTPUT/<pair>.png has the
structure, the appearance, plain colour transfer, the patch engine, the GAN's picture and one of its draws,
OUTPUT/<pair>_scales.png what the GAN showed at the end of each scale, OUTPUT/<pair>_<preset>.png its picture as it left
the networks, and the same with .safetensors these.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from bench_analogy import DATA, read, sheet
from restyle_server.analogy import patch
from restyle_server.analogy.gan import PRESETS, GanOptions, Step, options_for, train
from restyle_server.analogy.gan.networks import width_at
from restyle_server.analogy.gan.train import _Run
from restyle_server.analogy.metrics import recolour, score

# Wall seconds per iteration at 220 px, by scale; the last is extrapolated by its pixels.
PUBLISHED = (0.087, 0.131, 0.130, 0.172, 0.457, 0.833, 0.973, 2.31, 12.2, 18.6, 33.0)
SETTLED = 20  # rounds after which the time left is said


def plain_net(width: int, outputs: int, padding: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (3, width, width, width):
        layers += [nn.Conv2d(before, width, 3, padding=padding), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
    layers.append(nn.Conv2d(width, outputs, 3, padding=padding))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return nn.Sequential(*layers, *([nn.Tanh()] if outputs == 3 else []))


class PlainStep:
    """The published step at one scale, over untrained frozen scales."""

    def __init__(self, reals: list[list[Tensor]], scale: int, options: GanOptions, device: torch.device) -> None:
        self.reals, self.scale, self.options, self.device = reals, scale, options, device
        self.plain_from = len(reals[0]) - options.plain_scales

        def nets(outputs: int, padding: int, at: int) -> list[nn.Sequential]:
            return [plain_net(width_at(at, options), outputs, padding).to(device) for _ in range(2)]

        self.frozen = [nets(3, 1, at) for at in range(scale)]
        self.generators, self.critics = nets(3, 1, scale), nets(1, 0, scale)
        self.generator_adam, self.critic_adam = (
            torch.optim.Adam([w for net in both for w in net.parameters()], lr=rate, betas=options.betas)
            for both, rate in ((self.generators, options.generator_rate), (self.critics, options.critic_rate))
        )

    def generate(self, net: nn.Sequential, picture: Tensor, base: Tensor, scale: int) -> Tensor:
        change: Tensor = net(picture)
        return change if scale >= self.plain_from else change + base

    def enlarge(self, picture: Tensor, size: int) -> Tensor:
        levels = ((picture[0].detach().clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).cpu().numpy().astype(np.uint8)
        larger = np.asarray(Image.fromarray(levels).resize((size, size), Image.Resampling.BICUBIC))
        return torch.from_numpy(larger.copy()).to(self.device).permute(2, 0, 1)[None].float() / 127.5 - 1

    def base(self, side: int, noisy: bool) -> Tensor:
        size = self.reals[side][0].shape[-1]
        base = torch.zeros(1, 3, size, size, device=self.device)
        for scale in range(self.scale):
            noise = torch.randn(base.shape, device=self.device) * (noisy or scale == 0)
            made = self.generate(self.frozen[scale][side], base + 0.1 * noise, base, scale)
            base = self.enlarge(made, self.reals[side][scale + 1].shape[-1])
        return base

    def penalty(self, critic: nn.Sequential, real: Tensor, fake: Tensor) -> Tensor:
        share = torch.rand(1, 1, 1, 1, device=self.device)
        points = (share * real + (1 - share) * fake.detach()).requires_grad_()
        scores = critic(points)
        (slopes,) = torch.autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
        distances: Tensor = slopes.norm(2, dim=1) - 1
        return self.options.penalty * distances.square().mean()

    def __call__(self) -> None:
        options, scale = self.options, self.scale
        reals = [self.reals[side][scale] for side in (0, 1)]
        fakes, rebuilt = [], []
        for side, net in enumerate(self.generators):
            base = self.base(side, noisy=True)
            fakes.append(self.generate(net, base + 0.1 * torch.randn_like(base), base, scale))
            base = self.base(side, noisy=False)
            rebuilt.append(self.generate(net, base, base, scale))
        mixed = [self.generate(self.generators[side], fakes[1 - side], fakes[1 - side], scale) for side in (0, 1)]

        self.critic_adam.zero_grad()
        for side, critic in enumerate(self.critics):
            torch.autograd.backward(-2 * critic(reals[side]).mean())
            torch.autograd.backward(critic(mixed[side].detach()).mean() + critic(fakes[side].detach()).mean())
            penalty = self.penalty(critic, reals[side], mixed[side])
            torch.autograd.backward(penalty + self.penalty(critic, reals[side], fakes[side]))
        self.critic_adam.step()

        self.generator_adam.zero_grad()
        for side, critic in enumerate(self.critics):
            judged = critic(mixed[side]).mean() + critic(fakes[side]).mean()
            torch.autograd.backward(-judged, retain_graph=True)
        for side in (0, 1):
            torch.autograd.backward(options.alpha * mse_loss(rebuilt[side], reals[side]), retain_graph=True)
        for side in (0, 1):
            back = self.generate(self.generators[side], mixed[1 - side], mixed[1 - side], scale)
            torch.autograd.backward(options.beta * mse_loss(back, fakes[side]), retain_graph=True)
        self.generator_adam.step()


def seconds(step: Callable[[], object], device: torch.device) -> float:
    now = time.perf_counter if device.type == "cuda" else time.process_time
    started = now()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return now() - started


def pictures(size: int) -> list[NDArray[np.uint8]]:
    """Two smooth random pictures; the time does not depend on what they show."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)
    return [np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC)) for p in small]


def measure(scale: int, options: GanOptions, rounds: int, device: torch.device) -> tuple[int, float, float]:
    """Side in pixels, seconds per step of the engine and of the plain step at `scale`."""
    a, b = pictures(options.size)
    run = _Run([a], b, options, seed=0, device=device, state=None)
    reals: list[list[Tensor]] = [[], []]
    while True:
        for real, side in zip(reals, run.pair.sides.values()):
            real.append(side.reals)
        if run.scale == run.scales - 1:
            break
        if run.scale < scale:
            run._next_scale()
        else:
            later = [torch.empty(1, 3, *size) for size in run.chains["a"].sizes[run.scale + 1 :]]
            reals = [real + later for real in reals]
            break
    plain = PlainStep(reals, scale, options, device)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        steps: list[Callable[[], object]] = [run.pair.step, plain]
        for kind, step in enumerate(steps):
            spent = seconds(step, device)
            if number > 0 or rounds == 0:
                times[kind].append(spent)
    return run.chains["a"].sizes[scale][0], statistics.median(times[0]), statistics.median(times[1])


def whole(name: str, arguments: argparse.Namespace) -> None:
    """Train a pair, write its sheets and print its scores."""
    a, b = (read(next(DATA.glob(f"pair{name}_{letter}.*")), arguments.largest) for letter in "ab")
    options = options_for(arguments.mode, arguments.preset)
    shown: list[NDArray[np.uint8]] = []

    def on_step(step: Step) -> None:
        if step.iteration == SETTLED and step.seconds_left is not None:
            print(f"{name} scale {step.scale} of {step.scales}: {step.seconds_left / 60:.0f} min left", flush=True)
        if step.iteration == step.iterations:
            shown.append(step.render())
            spent = f"{time.process_time() - started:.0f} s of processor"
            print(f"{name} scale {step.scale} of {step.scales}: {spent}, {step.losses}", flush=True)

    started = time.process_time()
    trained = train(a, b, options, device=arguments.device, on_step=on_step)
    seconds = time.process_time() - started
    shape = a.shape[1], a.shape[0]
    made = {
        "a": a,
        "b": b,
        "recoloured": recolour(a, b),
        "patch": patch.analogy(a, b, patch.options_for(arguments.mode, "standard")).picture,
        "gan": np.asarray(Image.fromarray(trained.picture).resize(shape, Image.Resampling.BICUBIC)),
        "drawn": np.asarray(Image.fromarray(trained.samples[0]).resize(shape, Image.Resampling.BICUBIC)),
    }
    for label, picture in made.items():
        figures = score(a, b, picture)
        terms = "  ".join(f"{term} {value:.2f}" for term, value in asdict(figures).items())
        print(f"{name} {label:10s} score {figures.total:.2f}  {terms}", flush=True)
    print(f"{name} gan {arguments.preset}: {seconds:.0f} s of processor", flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    Image.fromarray(trained.picture).save(arguments.output / f"{name}_{arguments.preset}.png")
    save_file(trained.tensors, arguments.output / f"{name}_{arguments.preset}.safetensors")
    sheet(list(made.values()), tuple(made)).save(arguments.output / f"{name}.png")
    scales = tuple(f"scale {number}" for number in range(1, len(shown) + 1))
    sheet(shown, scales).save(arguments.output / f"{name}_scales.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=int, nargs="*", default=list(range(9)))
    parser.add_argument("--rounds", type=int, default=5, help="timed steps per scale; one more is not counted")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--float32", action="store_true", help="no bfloat16 in the engine")
    parser.add_argument("--preset", choices=PRESETS, help="train real pairs with it instead")
    parser.add_argument("--mode", default="analogy", choices=("analogy", "paint", "texture", "style", "text"))
    parser.add_argument("--pairs", nargs="+", default=["01", "06"])
    parser.add_argument("--largest", type=int, default=256, help="longer side of these pictures, pixels")
    parser.add_argument("--output", type=Path, default=Path("build/gan"))
    arguments = parser.parse_args()
    if arguments.preset:
        for name in arguments.pairs:
            whole(name, arguments)
        return
    options = replace(PRESETS["paper"], low_precision=not arguments.float32)
    print("| scale | px | channels | engine s | plain s | ratio | published s |")
    print("|---|---|---|---|---|---|---|")
    for scale in arguments.scales:
        side, engine, plain = measure(scale, options, arguments.rounds, torch.device(arguments.device))
        cells = f"{engine:.3f} | {plain:.3f} | {plain / engine:.2f} | {PUBLISHED[scale]:.3f}"
        print(f"| {scale} | {side} | {width_at(scale, options)} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
