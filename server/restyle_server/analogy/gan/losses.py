"""Scores and gradient penalties of critics (WGAN-GP: Gulrajani et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .networks import PatchNet


def mean_scores(critic: PatchNet, pictures: Sequence[Tensor]) -> Tensor:
    """(P,) mean of the critic's map of each of P pictures (1, 3, H, W), each of its own size."""
    return _together(pictures, lambda batch: critic(batch).mean(dim=(1, 2, 3)))


def gradient_penalty(
    critic: PatchNet, real: Tensor, fakes: Sequence[Tensor], weights: Tensor, generator: torch.Generator
) -> Tensor:
    """Sum over the fakes of weights * mean of (|gradient of the critic at a point between real and fake| - 1)^2.

    The point is drawn anew for each fake; the norm is over channels, at every pixel. Where sizes differ, the point lies
    between windows of the same size, drawn anew: the critic judges patches, so a window serves as well as the whole.
    In bfloat16 its gradient is off by 5 to 28 % of what it varies by from one draw of the points to the next, without
    a bias (pair of 49 px, steps 0 to 300).
    Source: Gulrajani et al. 2017, equation 3.
    """
    between = []
    for fake in fakes:
        size = min(real.shape[2], fake.shape[2]), min(real.shape[3], fake.shape[3])
        share = torch.rand((), generator=generator, device=real.device, dtype=real.dtype)
        between.append(share * _window(real, size, generator) + (1 - share) * _window(fake, size, generator))
    return (weights * _together(between, lambda batch: _penalties(critic, batch))).sum()


def _penalties(critic: PatchNet, batch: Tensor) -> Tensor:
    points = batch.detach().requires_grad_()
    scores = critic(points, twice=True)
    (slopes,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    distances: Tensor = slopes.norm(2, dim=1) - 1
    return distances.square().mean(dim=(1, 2))


def _together(pictures: Sequence[Tensor], function: Callable[[Tensor], Tensor]) -> Tensor:
    """(P,) values of `function` for P pictures, called once per size with all pictures of that size."""
    sizes = [picture.shape[-2:] for picture in pictures]
    values: dict[int, Tensor] = {}
    for size in dict.fromkeys(sizes):
        members = [number for number, other in enumerate(sizes) if other == size]
        values |= zip(members, function(torch.cat([pictures[number] for number in members])))
    return torch.stack([values[number] for number in range(len(pictures))])


def _window(picture: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A window (1, 3, *size) at a random place of a picture (1, 3, H, W)."""
    top, left = (
        int(torch.randint(whole - part + 1, (), generator=generator, device=generator.device)) if whole > part else 0
        for whole, part in zip(picture.shape[-2:], size)
    )
    return picture[..., top : top + size[0], left : left + size[1]]
