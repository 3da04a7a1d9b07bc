"""The few colours that a picture or a painted mesh is made of."""

from __future__ import annotations

import torch
from torch import Tensor

from .options import Triple

COUNT = 6
ROUNDS = 12
MOST_SAMPLES = 4096
LEAST_SHARE = 0.03  # of the samples; a rarer colour is not what it is made of


def dominant_colors(colors: Tensor) -> tuple[Triple, ...]:
    """Up to six colours of (P, 3) sRGB in [0, 1], the most frequent first, by k-means from a far-apart start.

    Source: Lloyd 1982; the start after Gonzalez 1985.
    """
    samples = colors[torch.linspace(0, len(colors) - 1, min(len(colors), MOST_SAMPLES)).round().long()].cpu()
    centres = samples[:1]
    for _ in range(COUNT - 1):
        farthest = torch.cdist(samples, centres).amin(dim=1).argmax()
        centres = torch.cat([centres, samples[farthest][None]])
    for _ in range(ROUNDS):
        nearest = torch.cdist(samples, centres).argmin(dim=1)
        taken = torch.bincount(nearest, minlength=COUNT)
        sums = torch.zeros_like(centres).index_add_(0, nearest, samples)
        centres = torch.where(taken[:, None] > 0, sums / taken[:, None].clamp_min(1), centres)
    order = taken.argsort(descending=True, stable=True)
    kept = [centres[index].clamp(0.05, 0.95) for index in order.tolist() if taken[index] >= LEAST_SHARE * len(samples)]
    return tuple(dict.fromkeys((round(float(r), 3), round(float(g), 3), round(float(b), 3)) for r, g, b in kept))
