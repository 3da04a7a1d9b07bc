"""Train the model that judges what `mini` makes: draw its pictures, train, and say how good a judge it is.

    python scripts/mini_judge/train_judge.py --out build/mini_judge

Seeds are fixed. Pictures and checkpoints stay in the folder, so a run that was stopped goes on. It never sees a picture
of `mini_world`, a benchmark mesh, or a result; `scripts/bench_mini.py calibrate` tests it on the first two.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mini_judge.model import Judge
from mini_judge.pictures import SIZE, TURNS, VIEWS, Pictures, draw_pictures
from mini_judge.prompts import CLASSES, NAMES

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "mini_judge"
SEED = 71_000_000
CHUNK = 10 * len(TURNS)
HELD_OUT = 2
BATCH, LEARNING_RATE, WARMUP = 64, 2e-3, 0.05
SAVE_EVERY = 250


def draw_chunk(folder: Path, number: int) -> None:
    """Draw one chunk of pictures unless it is there."""
    path = folder / f"pictures_{number:03}.npz"
    if path.exists():
        return
    torch.set_num_threads(1)
    pictures, classes = draw_pictures(CHUNK, SEED + number)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, pictures=pictures, classes=classes)
    partial.replace(path)
    print(f"drew {path.name}", flush=True)


def draw_all(folder: Path, chunks: int, processes: int) -> None:
    """Draw what is missing, in processes of one thread each."""
    folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.starmap(draw_chunk, [(folder, number) for number in range(chunks)], chunksize=1)


def load(folder: Path, numbers: range) -> tuple[Pictures, NDArray[np.int64]]:
    """Pictures (N, SIZE, SIZE, 3) and classes (N,) of chunks."""
    parts = [np.load(folder / f"pictures_{number:03}.npz") for number in numbers]
    return np.concatenate([p["pictures"] for p in parts]), np.concatenate([p["classes"] for p in parts])


def varied(pictures: Tensor, rng: Generator) -> Tensor:
    """Mirrored, shifted, turned, dimmed, grainy pictures (N, 3, SIZE, SIZE) in [0, 1] of (N, SIZE, SIZE, 3) uint8."""
    count = len(pictures)
    images = pictures.permute(0, 3, 1, 2).float() / 255
    mirror = 1.0 - 2.0 * (torch.rand(count, generator=rng) < 0.5).float()
    angle, zoom = 0.1 * torch.randn(count, generator=rng), torch.exp(0.12 * torch.randn(count, generator=rng))
    shift = 0.15 * (torch.rand(2, count, generator=rng) - 0.5)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    matrix = torch.stack([cos * mirror, -sin, shift[0], sin * mirror, cos, shift[1]], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, [count, 3, SIZE, SIZE], align_corners=False)
    images = F.grid_sample(images - 1, grid, padding_mode="zeros", align_corners=False) + 1
    gain = torch.exp(0.1 * torch.randn(count, 1, 1, 1, generator=rng))
    tone = 1 + 0.03 * torch.randn(count, 3, 1, 1, generator=rng)
    grain = 0.03 * torch.rand(count, 1, 1, 1, generator=rng) * torch.randn(images.shape, generator=rng)
    return (images * gain * tone + grain).clamp(0, 1)


class Training:
    """A judge on its way, with its optimiser, in one file."""

    def __init__(self, path: Path) -> None:
        torch.manual_seed(SEED)
        self.judge = Judge().to(memory_format=torch.channels_last)
        self.named = dict(self.judge.named_parameters())
        self.optimiser = torch.optim.AdamW(self.named.values(), lr=LEARNING_RATE, weight_decay=0.02)
        self.path, self.step = path, 0
        if path.exists():
            self._restore(load_file(path))

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self.step = int(tensors["steps"])
        self.judge.load_state_dict({n[6:]: t for n, t in tensors.items() if n.startswith("judge.")})
        for name, parameter in self.named.items():
            keys = ("step", "exp_avg", "exp_avg_sq")
            self.optimiser.state[parameter] = {k: tensors[f"adam.{name}.{k}"] for k in keys}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"judge.{n}": t for n, t in self.judge.state_dict().items()} | {"steps": torch.tensor(self.step)}
        for name, parameter in self.named.items():
            tensors |= {f"adam.{name}.{k}": t for k, t in self.optimiser.state[parameter].items()}
        write(self.path, tensors)

    def take(self, images: Tensor, classes: Tensor, rate: float) -> float:
        """One step at a learning rate; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.judge(images.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), classes, label_smoothing=0.05)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        return loss.item()


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors so that readers see the old file or the new one."""
    partial = path.with_suffix(".partial")
    save_file({n: t.detach().clone().contiguous() for n, t in tensors.items()}, partial)
    partial.replace(path)


def train(training: Training, pictures: Pictures, classes: NDArray[np.int64], steps: int) -> None:
    """Go on to `steps` steps, on a cosine schedule; every step's batch follows from its number."""
    tensor, targets = torch.from_numpy(pictures), torch.from_numpy(classes)
    training.judge.train()
    start, losses = time.perf_counter(), []
    while training.step < steps:
        rng = torch.Generator().manual_seed(SEED + training.step)
        rows = torch.randint(len(tensor), (BATCH,), generator=rng)
        progress = training.step / steps
        rate = LEARNING_RATE * min(progress / WARMUP + 0.02, 0.5 * (1 + math.cos(math.pi * progress)))
        losses.append(training.take(varied(tensor[rows], rng), targets[rows], rate))
        if training.step % SAVE_EVERY == 0 or training.step == steps:
            training.save()
            seconds, cpu = time.perf_counter() - start, time.process_time()
            loss = np.mean(losses[-SAVE_EVERY:])
            print(f"step {training.step}  loss {loss:.3f}  {seconds:.0f} s  CPU {cpu:.0f} s", flush=True)


@torch.no_grad()
def report(judge: Judge, pictures: Pictures, classes: NDArray[np.int64]) -> None:
    """Print how often held-out drawings are recognised, per picture and per object, and what is taken for what."""
    judge.eval()
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    logits = torch.cat([judge(part) for part in torch.split(images, 200)]).log_softmax(1)
    objects, kinds = logits.view(-1, VIEWS, len(CLASSES)).mean(1), torch.from_numpy(classes[::VIEWS])
    of_24 = objects[kinds < len(NAMES), : len(NAMES)].argmax(1) == kinds[kinds < len(NAMES)]
    print(f"\nheld-out drawings of its own, {len(kinds)} objects on meshes that it has not seen:")
    print(f"  pictures right, of {len(CLASSES)} classes: {(logits.argmax(1).numpy() == classes).mean():.3f}")
    right = objects.argmax(1) == kinds
    print(f"  objects ({VIEWS} pictures) right, of {len(CLASSES)} classes: {right.float().mean():.3f}")
    print(f"  objects of the 24 prompts right, of 24: {of_24.float().mean():.3f}")
    for number, name in enumerate(CLASSES):
        answers = objects[kinds == number].argmax(1)
        wrong = [CLASSES[a] for a in answers.tolist() if a != number]
        print(f"  {name:12} {int((answers == number).sum())} of {len(answers)}  {', '.join(wrong)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for pictures, checkpoint and judge.safetensors")
    parser.add_argument("--chunks", type=int, default=15, help=f"chunks of {CHUNK} objects to train on")
    parser.add_argument("--steps", type=int, default=3600, help=f"batches of {BATCH}")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    start = time.perf_counter()
    draw_all(args.out, args.chunks + HELD_OUT, args.processes)
    print(f"pictures ready after {time.perf_counter() - start:.0f} s", flush=True)
    torch.set_num_threads(args.processes)
    training = Training(args.out / "checkpoint.safetensors")
    train(training, *load(args.out, range(args.chunks)), args.steps)
    write(args.out / "judge.safetensors", training.judge.state_dict())
    report(training.judge, *load(args.out, range(args.chunks, args.chunks + HELD_OUT)))
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
