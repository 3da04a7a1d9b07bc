"""Where a field starts: grey, as published, or what the encoder likes best among plain colours and patterns of two.

A small encoder pulls a grey mesh into whichever colour it meets first and then keeps it there, so the start decides the
result. Embedding a few hundred candidates costs as much as a handful of iterations. For the same reason variations that
shall look different start from different places (`variety.py` chooses them).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .options import Triple
from .patterns import PATTERNS, Chart
from .scene import Scene

GREY: Triple = (0.5, 0.5, 0.5)
# Corners, edges and faces of the colour cube: a start near any hue.
PALETTE: tuple[Triple, ...] = tuple((r, g, b) for r, g, b in product((0.1, 0.5, 0.9), repeat=3))
SOLID_VIEWS = 4
COLORS, ALIKE = 3, 0.15
REFINEMENTS = (0.2, 0.1)
# A structure that the encoder hardly notices is there by chance, and most of all one that is rare in nature.
MARGINS = {
    "solid": 0.0, "grain": 0.12, "mottle": 0.12, "waves": 0.15, "cells": 0.16, "courses": 0.18, "spots": 0.18,
}  # fmt: skip
RIGID_MARGIN = 0.2
# Pictures show a structure that words leave open, so that of these it is seldom there by chance.
SEEN_MARGIN = 0.25
# Views and zooms of two rounds: many candidates are looked at twice, the best of them from all around.
ROUNDS = ((2, (1.0, 2.2)), (6, (1.0, 2.2, 3.3)))
FINALISTS = 24
SIZES = (0.08, 0.14)
KINDS = ("solid", "existing", *PATTERNS)


@dataclass(frozen=True)
class Recipe:
    """How a start is made, so that it can be made again at any points of any mesh.

    kind: "solid", "existing" for the mesh's own colours, or the name of a pattern.
    size: of the pattern, in radii of the unit sphere.
    first, second: its sRGB colours; a solid start has the first.
    """

    kind: str
    size: float = 0.0
    first: Triple = GREY
    second: Triple = GREY

    def on(self, points: Tensor, normals: Tensor) -> Start:
        """The start at points (V, 3) of the unit sphere, +Y up, with unit normals (V, 3); grey for "existing"."""
        if self.kind not in PATTERNS:
            color = points.new_tensor(self.first).expand(len(points), 3)
            return Start(self, color, torch.zeros_like(points[:, 0]))
        return self.mixed(PATTERNS[self.kind](Chart.of(points, normals), self.size))

    def mixed(self, share: Tensor) -> Start:
        """The start where the second colour has the shares (V,)."""
        a, b = share.new_tensor(self.first), share.new_tensor(self.second)
        # Joints and gaps lie deeper than what they part, and the optimiser is free to think otherwise.
        return Start(self, a + share[:, None] * (b - a), 0.5 - share)

    def numbers(self) -> NDArray[np.float64]:
        """The recipe as numbers (8,), for a checkpoint."""
        return np.array([KINDS.index(self.kind), self.size, *self.first, *self.second])

    @staticmethod
    def from_numbers(numbers: NDArray[Any]) -> Recipe:
        """What `numbers` returned, as a recipe again."""
        kind, size, *colors = numbers.tolist()
        return Recipe(KINDS[int(kind)], size, (colors[0], colors[1], colors[2]), (colors[3], colors[4], colors[5]))


@dataclass(frozen=True)
class Start:
    """Colour (V, 3) sRGB and relief (V,) in [-1, 1] before the field adds to them, and how they were made."""

    recipe: Recipe
    color: Tensor
    relief: Tensor


def grey(scene: Scene) -> Start:
    """The published start."""
    return solid(scene, GREY)


def solid(scene: Scene, color: Triple) -> Start:
    """One colour everywhere and no relief."""
    return Recipe("solid", first=color).on(*scene.chart)


def ranked_starts(scene: Scene, on_batch: Callable[[], None] | None = None) -> list[tuple[Start, float]]:
    """The best starts, best first, with what a run minimises of each and the margin that its kind must make up for.

    on_batch: called every now and then, and may raise.
    """
    colors = _best_colors(scene, on_batch)
    chart = Chart.of(*scene.chart)
    shares = [(kind, size, pattern(chart, size)) for kind, pattern in PATTERNS.items() for size in SIZES]
    patterned = [
        Recipe(kind, size, first, second).mixed(share)
        for kind, size, share in shares
        for first in colors
        for second in dict.fromkeys([*colors, *_partners(scene, first)])
        if second != first
    ]
    candidates = [solid(scene, color) for color in colors] + patterned
    margin = torch.tensor([MARGINS.get(start.recipe.kind, RIGID_MARGIN) for start in candidates])
    margin = margin * (SEEN_MARGIN + (1 - SEEN_MARGIN) * scene.targets.text_share)
    for views, zooms in ROUNDS:
        misfit = _misfit(scene, candidates, views, zooms, on_batch).cpu() + margin
        order = misfit.argsort(stable=True)[:FINALISTS]
        candidates, margin, misfit = [candidates[index] for index in order.tolist()], margin[order], misfit[order]
    return list(zip(candidates, misfit.tolist(), strict=True))


def plain_starts(scene: Scene, count: int, on_batch: Callable[[], None] | None = None) -> list[Start]:
    """Grey, and then the plain colours that the encoder likes best, no two alike."""
    if count == 1:
        return [grey(scene)]
    misfit = _misfits(scene, [color for color in PALETTE if color != GREY], on_batch)
    return [grey(scene), *(solid(scene, color) for color in _distinct(misfit, count - 1))]


def _best_colors(scene: Scene, on_batch: Callable[[], None] | None) -> list[Triple]:
    """A few plain colours, best first and no two alike: from the colour cube, then ever closer to the best.

    Where there is no prompt they are those that the target itself is made of: a small encoder is a poor judge of hues.
    """
    own = scene.targets.colors
    if own and not scene.targets.text_share:
        return _distinct(_misfits(scene, own, on_batch))
    misfit = _misfits(scene, tuple(dict.fromkeys([*PALETTE, *own])), on_batch)
    for step in REFINEMENTS:
        shifts = list(product((-step, 0.0, step), repeat=3))
        near = [_moved(color, shift) for color in _distinct(misfit) for shift in shifts]
        misfit |= _misfits(scene, [color for color in dict.fromkeys(near) if color not in misfit], on_batch)
    return _distinct(misfit)


def _distinct(misfit: dict[Triple, float], count: int = COLORS) -> list[Triple]:
    chosen: list[Triple] = []
    for color in sorted(misfit, key=misfit.__getitem__):
        if len(chosen) < count and all(math.dist(color, other) > ALIKE for other in chosen):
            chosen.append(color)
    return chosen


def _moved(color: Triple, shift: tuple[float, ...]) -> Triple:
    r, g, b = (round(min(max(value + by, 0.05), 0.95), 3) for value, by in zip(color, shift, strict=True))
    return r, g, b


def _misfits(scene: Scene, colors: Sequence[Triple], on_batch: Callable[[], None] | None) -> dict[Triple, float]:
    misfit = _misfit(scene, [solid(scene, color) for color in colors], SOLID_VIEWS, (1.0,), on_batch)
    return dict(zip(colors, misfit.tolist(), strict=True))


def _partners(scene: Scene, color: Triple) -> list[Triple]:
    """What may go with a colour: of a picture or mesh its own colours, of a prompt the colour's neighbours."""
    own = scene.targets.colors
    return list(own) if own and not scene.targets.text_share else _neighbours(color)


def _neighbours(color: Triple) -> list[Triple]:
    """White, black, grey, and the colour itself lighter and darker."""
    lighter: Triple = tuple(0.5 + 0.5 * c for c in color)  # type: ignore[assignment]
    darker: Triple = tuple(0.5 * c + 0.02 for c in color)  # type: ignore[assignment]
    return [(0.9, 0.9, 0.9), (0.1, 0.1, 0.1), (0.65, 0.65, 0.65), lighter, darker]


def _misfit(
    scene: Scene, starts: list[Start], views: int, zooms: Sequence[float], on_batch: Callable[[], None] | None
) -> Tensor:
    colors = [scene.shown(start.color) for start in starts]
    embedded = scene.embed_all_around(scene.points, colors, views=views, zooms=zooms, on_batch=on_batch)
    return scene.misfit(embedded)
