"""Where the pixels of a frame were one frame before: whole-pixel block matching, coarse to fine."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .picture import box_mean, resize, scaled
from .search import nothing

SCALES = (0.25, 0.5, 1.0)
RADIUS = 5
DOMINANT = 8
STEPS = (-1, 0, 1)
BLOCK = 9
STILLNESS = 1e-3
TRUSTED, LOST = 0.03, 0.07


def motion(before: Tensor, now: Tensor, tick: Callable[[], None] = nothing) -> Tensor:
    """Whole pixels (2, H, W), down and right, from each pixel of `now` (3, H, W) to where it was in `before`.

    The coarsest scale tries every shift within `RADIUS`; each finer one the `DOMINANT` shifts of the scale before and
    their neighbours. Of equally good shifts the smallest wins.
    """
    tried = [(dy, dx) for dy in range(-RADIUS, RADIUS + 1) for dx in range(-RADIUS, RADIUS + 1)]
    flow = torch.zeros(2, *now.shape[1:], device=now.device)
    for number, scale in enumerate(SCALES):
        old, new = scaled(before, scale), scaled(now, scale)
        best = torch.full(new.shape[1:], torch.inf, device=now.device)
        flow = torch.zeros(2, *new.shape[1:], device=now.device)
        for shift in tried:
            step = torch.tensor(shift, device=now.device, dtype=flow.dtype)[:, None, None].expand_as(flow)
            cost = box_mean((warp(old, step) - new).abs().mean(dim=0, keepdim=True), BLOCK)[0]
            cost = cost + STILLNESS * (shift[0] ** 2 + shift[1] ** 2) ** 0.5
            flow = torch.where(cost < best, step, flow)
            best = torch.minimum(best, cost)
            tick()
        if number + 1 < len(SCALES):
            grown = SCALES[number + 1] / scale
            shifts, counts = flow.flatten(1).T.unique(dim=0, return_counts=True)  # type: ignore[no-untyped-call]
            common = [(0.0, 0.0), *map(tuple, shifts[counts.argsort(descending=True)[:DOMINANT]].tolist())]
            near = {(round(y * grown) + i, round(x * grown) + j) for y, x in common for i in STEPS for j in STEPS}
            tried = sorted(near)
    # Where hardly anything changes, it stands still: a fading wall must not pick its match elsewhere on the wall.
    still = box_mean((before - now).abs().mean(dim=0, keepdim=True), BLOCK)
    return torch.where(still < TRUSTED, 0.0, flow)


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """The picture (C, H, W) with each pixel taken from where `flow` (2, H, W) points, edges repeated."""
    height, width = picture.shape[1:]
    rows = torch.arange(height, device=picture.device)[:, None] + flow[0].long()
    columns = torch.arange(width, device=picture.device)[None] + flow[1].long()
    return picture[:, rows.clamp(0, height - 1), columns.clamp(0, width - 1)]


def trust(before: Tensor, now: Tensor, flow: Tensor) -> Tensor:
    """How surely each pixel of `now` is the one that `flow` names: (1, H, W), 0 to 1."""
    missed = box_mean((warp(before, flow) - now).abs().mean(dim=0, keepdim=True), 5)
    return ((LOST - missed) / (LOST - TRUSTED)).clamp(0, 1)


def flicker(structures: list[Tensor], results: list[Tensor]) -> float:
    """Mean absolute change of the results (3, H, W) between frames along the motion of the structure frames.

    Only where the motion explains the structure frame, so that what really changes is no flicker. In [0, 1].
    """
    changes, weights = 0.0, 0.0
    for before, now, old, new in zip(structures, structures[1:], results, results[1:], strict=False):
        flow = motion(before, now)
        weight = trust(before, now, flow)
        moved = warp(resize(old, *now.shape[1:]), flow)
        changes += float(((moved - resize(new, *now.shape[1:])).abs().mean(dim=0, keepdim=True) * weight).sum())
        weights += float(weight.sum())
    return changes / max(weights, 1e-9)
