"""Where a field starts: grey, as published, or what the encoder likes best among plain colours and patterns of two.

A small encoder pulls a grey mesh into whichever colour it meets first and then keeps it there, so the start decides the
result. Embedding a few hundred candidates costs as much as a handful of iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from .options import Triple
from .patterns import PATTERNS, Chart
from .scene import Scene

GREY: Triple = (0.5, 0.5, 0.5)
# Corners, edges and faces of the colour cube: a start near any hue.
PALETTE: tuple[Triple, ...] = tuple((r, g, b) for r, g, b in product((0.1, 0.5, 0.9), repeat=3))
SOLID_VIEWS, PATTERN_VIEWS = 4, 2
FIRST_COLORS, SECOND_COLORS = 3, 3
CLOSE_UP = 2.2
PATTERN_MARGIN = 0.02
SIZES = (0.08, 0.14)


@dataclass(frozen=True)
class Start:
    """Colour (V, 3) sRGB and relief (V,) in [-1, 1] before the field adds to them."""

    kind: str
    color: Tensor
    relief: Tensor


def grey(scene: Scene) -> Start:
    """The published start."""
    return solid(scene, GREY)


def solid(scene: Scene, color: Triple) -> Start:
    """One colour everywhere and no relief."""
    points = scene.points
    return Start("solid", points.new_tensor(color).expand(len(points), 3), torch.zeros_like(points[:, 0]))


def best_starts(scene: Scene, count: int) -> list[Start]:
    """The `count` best starts by what a run minimises, best first, no two of one kind."""
    solids = [solid(scene, color) for color in PALETTE]
    misfit = _misfit(scene, solids, SOLID_VIEWS)
    order = misfit.argsort(stable=True).tolist()
    ranked = [PALETTE[index] for index in order]
    chart = Chart.of(scene.points, scene.normals)
    shares = [(kind, pattern(chart, size)) for kind, pattern in PATTERNS.items() for size in SIZES]
    patterned = [
        _mix(kind, share, first, second)
        for kind, share in shares
        for first in ranked[:FIRST_COLORS]
        for second in dict.fromkeys([*ranked[:SECOND_COLORS], *_neighbours(first)])
        if second != first
    ]
    candidates = [solids[index] for index in order[:FIRST_COLORS]] + patterned
    misfit = _misfit(scene, candidates, PATTERN_VIEWS, CLOSE_UP)
    # A structure that the encoder hardly notices is there by chance.
    misfit[FIRST_COLORS:] += PATTERN_MARGIN
    chosen: dict[str, Start] = {}
    for index in misfit.argsort(stable=True).tolist():
        chosen.setdefault(candidates[index].kind, candidates[index])
    return list(chosen.values())[:count]


def _mix(kind: str, share: Tensor, first: Triple, second: Triple) -> Start:
    a, b = share.new_tensor(first), share.new_tensor(second)
    # Joints and gaps lie deeper than what they part, and the optimiser is free to think otherwise.
    return Start(kind, a + share[:, None] * (b - a), 0.5 - share)


def _neighbours(color: Triple) -> list[Triple]:
    """White, black, grey, and the colour itself lighter and darker."""
    lighter: Triple = tuple(0.5 + 0.5 * c for c in color)  # type: ignore[assignment]
    darker: Triple = tuple(0.5 * c + 0.02 for c in color)  # type: ignore[assignment]
    return [(0.9, 0.9, 0.9), (0.1, 0.1, 0.1), (0.65, 0.65, 0.65), lighter, darker]


def _misfit(scene: Scene, starts: list[Start], views: int, close_up: float = 1) -> Tensor:
    colors = [start.color for start in starts]
    return scene.misfit(scene.embed_all_around(scene.points, colors, views=views, close_up=close_up))
