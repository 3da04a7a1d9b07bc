"""Training of the small speediness network, by the time it may take; stopped at any moment, it goes on where it was."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .sampling import Sampler
from .small import CHANNELS, SpeedinessNet


@dataclass(frozen=True)
class Options:
    """minutes: of training. rate: peak of the learning rate. margin: by which the logit of the sped-up member of a pair
    shall exceed the other's, weighed by `margin_weight`. bf16: half precision where the processor has it.
    """

    minutes: float = 20.0
    pairs: int = 12
    rate: float = 3e-3
    decay: float = 0.03
    warmup: float = 0.05
    margin: float = 2.0
    margin_weight: float = 2.0
    average: float = 0.99
    bf16: bool = False
    seed: int = 0
    save_every: float = 60.0


def train(  # noqa: PLR0917
    sampler: Sampler,
    options: Options,
    checkpoint: Path,
    start: dict[str, Tensor] | None = None,
    device: torch.device | str = "cpu",
    log: Callable[[str], None] = print,
    on_step: Callable[[float], object] = float,
) -> SpeedinessNet:
    """Train until options.minutes are spent over all calls with the same checkpoint; return the averaged network.

    start: weights to begin with. on_step: called with the share of the time that is spent; KeyboardInterrupt leaves a
    checkpoint. AdamW (Loshchilov and Hutter 2019) with one cycle of the learning rate; the result is the moving average
    of the weights.
    """
    torch.manual_seed(options.seed)
    net = SpeedinessNet(CHANNELS)
    if start is not None:
        net.load_state_dict(start)
    net.to(device).train()
    average = copy.deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.AdamW(groups(net, options.decay), lr=options.rate)
    spent, step = 0.0, 0
    if checkpoint.exists():
        restore(checkpoint, net, average, optimizer)
        spent, step = progress(checkpoint)
        sampler.rng = type(sampler.rng)(type(sampler.rng.bit_generator)([options.seed, step]))
    began = time.monotonic()
    budget, saved, running = 60 * options.minutes, time.monotonic(), 0.7
    try:
        while (done := (spent + time.monotonic() - began) / budget) < 1:
            on_step(done)
            for group in optimizer.param_groups:
                group["lr"] = options.rate * one_cycle(done, options.warmup)
            batch = sampler.batch(options.pairs)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=options.bf16):
                logits = net(batch.clips.to(device)).float()
            value = loss(logits, batch.labels.to(device), options)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimizer.step()
            follow(average, net, min(options.average, (1 + step) / (10 + step)))
            step += 1
            running += 0.02 * (float(((logits > 0).cpu() == (batch.labels > 0)).float().mean()) - running)
            if step % 50 == 0:
                log(
                    f"step {step}, {100 * done:.0f} %: loss {value.item():.3f}, {100 * running:.0f} % right in training"
                )
            if time.monotonic() - saved > options.save_every:
                saved = time.monotonic()
                save(checkpoint, net, average, optimizer, spent + saved - began, step)
    except KeyboardInterrupt:
        save(checkpoint, net, average, optimizer, spent + time.monotonic() - began, step)
        raise
    save(checkpoint, net, average, optimizer, spent + time.monotonic() - began, step)
    return average.eval()


def loss(logits: Tensor, labels: Tensor, options: Options) -> Tensor:
    """Binary cross-entropy (SpeedNet), and a margin between the members of each pair.

    The margin is on what one clip looks like beside itself (relative speed, RSPNet, Chen et al. 2021): it needs no
    absolute truth, which a clip whose speed nobody can tell would get wrong.
    """
    slow, fast = logits.chunk(2)
    return (
        F.binary_cross_entropy_with_logits(logits, labels)
        + options.margin_weight * F.softplus(options.margin - (fast - slow)).mean()
    )


def groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Parameters for the optimiser: matrices decay, biases and norms do not."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def one_cycle(done: float, warmup: float) -> float:
    """The learning rate's share of its peak after a share `done` of the time: a ramp, then half a cosine."""
    if done < warmup:
        return max(done / warmup, 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Move an average of weights and statistics towards those of the network."""
    for mine, other in zip(average.state_dict().values(), net.state_dict().values()):
        if mine.is_floating_point():
            mine.lerp_(other, 1 - keep)
        else:
            mine.copy_(other)


def save(  # noqa: PLR0917
    path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, spent: float, step: int
) -> None:
    """Write a checkpoint (safetensors), all of it or nothing."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
    temporary = path.with_suffix(".part")
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(plain, temporary, {"spent": repr(spent), "step": str(step)})
    temporary.replace(path)


def restore(path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring back what `save` wrote."""
    moments: dict[int, dict[str, Tensor]] = {}
    weights: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}}
    for name, value in load_file(path).items():
        kind, _, rest = name.partition(".")
        if kind == "adam":
            number, _, which = rest.partition(".")
            moments.setdefault(int(number), {})[which] = value
        else:
            weights[kind][rest] = value
    net.load_state_dict(weights["net"])
    average.load_state_dict(weights["average"])
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})


def progress(path: Path) -> tuple[float, int]:
    """Return the seconds and the steps that a checkpoint has behind it."""
    with safe_open(path, "pt") as file:
        about = file.metadata()
    return float(about["spent"]), int(about["step"])


def write_weights(path: Path, net: SpeedinessNet, metadata: dict[str, str]) -> None:
    """Write a network's weights (safetensors) that `small.load_small` reads, with what is known about them."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata | {"channels": json.dumps(CHANNELS)})
    path.chmod(0o644)  # it is written for its owner only
