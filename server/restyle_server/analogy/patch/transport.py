"""Which matter belongs where: cells of two pictures matched so that what is alike in one is alike in the other.

Colours may mislead (grey balls on brown wood, black bowls on green grass). So cells are matched by their distances to
all other cells of the same picture: the coupling of two metric spaces of Gromov and Wasserstein, with a light
preference for close colours and the same height, computed by entropic mirror descent.

Peyre, Cuturi, Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices", ICML 2016, section 2.3; fused
with a linear cost as in Vayer et al., "Optimal transport for structured data", ICML 2019, equation 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .picture import resize, scaled

CELLS = 20
LINEAR_SHARE = 0.3
HEIGHT_WEIGHT = 15.0
GUIDE_WEIGHT = 3.0
ROUNDS = 40
SINKHORN_ROUNDS = 60
ENTROPY = (0.1, 0.004)
EXAMPLE_WIDTH = 0.03
OTHER_LABEL = 100.0  # in squares of that width


@dataclass(frozen=True)
class Layout:
    """How the cells of a structure picture look and what should lie there: mean and deviation of colour (6, h, w).

    labels: (C, h, w) of the cells, where guides have some; C may be 0.
    """

    seen: Tensor
    wanted: Tensor
    labels: Tensor


def matched_layout(
    structure: Tensor,
    recoloured: Tensor,
    matter: Tensor,
    guides: Sequence[tuple[Tensor, Tensor, float]],
    tick: Callable[[], None],
) -> Layout:
    """What should lie at each cell of the structure picture, about `CELLS` to its shorter side.

    structure, recoloured, matter: (3, H, W); the second is the first in the third's colours.
    guides: what must agree, too: channels over the structure (C, H, W), over the matter (C, h, w), and a weight.
    """
    cells = [_cells(picture) for picture in (structure, recoloured, matter)]
    described = [cell.flatten(1).T for cell in cells]
    linear = torch.cdist(described[1], described[2]).square()
    linear = linear / linear.mean().clamp_min(1e-9)
    heights = [_heights(cell) for cell in cells]
    linear = linear + HEIGHT_WEIGHT * (heights[1][:, None] - heights[2][None]).square()
    for over_structure, over_matter, weight in guides:
        asked = resize(over_structure, cells[0].shape[1], cells[0].shape[2]).flatten(1).T
        offered = resize(over_matter, cells[2].shape[1], cells[2].shape[2]).flatten(1).T
        apart = torch.cdist(asked, offered).square()
        linear = linear + GUIDE_WEIGHT * weight * apart / apart.mean().clamp_min(1e-12)
    coupling = fused_gromov_wasserstein(described[0], described[2], linear, LINEAR_SHARE, tick)
    wanted = coupling @ described[2] / coupling.sum(dim=1, keepdim=True).clamp_min(1e-20)
    return Layout(cells[0], wanted.T.reshape(cells[0].shape), cells[0].new_zeros(0, *cells[0].shape[1:]))


def layout_like(example: Layout, structure: Tensor, labels: Tensor) -> Layout:
    """The layout of another frame (3, H, W) of a clip: what looks as in the example's frame wants the same.

    labels: (C, h, w) of its cells; what has another label wants the same only if nothing else looks alike.
    """
    seen = _cells(structure)
    known, asked = example.seen.flatten(1).T, seen.flatten(1).T
    apart = torch.cdist(asked, known).square() / EXAMPLE_WIDTH**2
    for here, there in zip(labels.flatten(1), example.labels.flatten(1), strict=False):
        apart = apart + OTHER_LABEL * (here[:, None] != there[None])
    weights = torch.softmax(-apart, dim=1)
    return Layout(seen, (weights @ example.wanted.flatten(1).T).T.reshape(seen.shape), labels)


def fused_gromov_wasserstein(
    first: Tensor, second: Tensor, linear: Tensor, share: float, tick: Callable[[], None]
) -> Tensor:
    """Coupling (n, m) of points (n, D) and (m, D) of equal mass: mutual distances are kept, `linear` (n, m) is small.

    share: of the linear cost, 0 to 1. Distances are in units of their mean.
    """
    n, m = len(first), len(second)
    mass_n, mass_m = first.new_full((n,), 1 / n), first.new_full((m,), 1 / m)
    distances = [torch.cdist(points, points) for points in (first, second)]
    d_n, d_m = (distance / distance.mean().clamp_min(1e-9) for distance in distances)
    constant = (d_n.square() @ mass_n)[:, None] + (d_m.square() @ mass_m)[None]
    coupling = mass_n[:, None] * mass_m[None]
    for number in range(ROUNDS):
        entropy = ENTROPY[0] * (ENTROPY[1] / ENTROPY[0]) ** (number / (ROUNDS - 1))
        cost = (1 - share) * (constant - 2 * d_n @ coupling @ d_m) + share * linear
        moved = sinkhorn(cost / entropy, mass_n, mass_m)
        coupling = moved if number == 0 else (coupling + moved) / 2
        tick()
    return coupling


def sinkhorn(cost: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The coupling exp(-cost) scaled to the masses `rows` and `columns` (Cuturi 2013, algorithm 1)."""
    kernel = torch.exp(cost.amin(dim=1, keepdim=True) - cost)
    v = torch.ones_like(columns)
    for _ in range(SINKHORN_ROUNDS):
        u = rows / (kernel @ v).clamp_min(1e-30)
        v = columns / (kernel.T @ u).clamp_min(1e-30)
    return u[:, None] * kernel * v[None]


def _cells(picture: Tensor) -> Tensor:
    """Mean and deviation of the colours of each cell: (6, h, w)."""
    scale = min(1.0, CELLS / min(picture.shape[1:]))
    mean = scaled(picture, scale)
    square = resize(picture.square(), *mean.shape[1:])
    return torch.cat([mean, (square - mean.square()).clamp_min(0).sqrt()])


def _heights(cells: Tensor) -> Tensor:
    rows = (torch.arange(cells.shape[1], device=cells.device) + 0.5) / cells.shape[1]
    return rows[:, None].expand(cells.shape[1:]).flatten()
