"""Starts that are nearly as good as the best and look different: another pattern, another scale, other colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .starts import Recipe, Start

GOOD = 0.1  # of what a run minimises; a start that is worse than the best by more is no proposal
UNLIKE = 0.7  # sRGB distance of two pairs of colours; of closer ones a run makes nearly the same again


def varied(ranked: Sequence[tuple[Start, float]], count: int) -> list[Start]:
    """Up to `count` of the good ones among starts and their misfits, best first; the first is the best.

    The second has another pattern, the third one of these patterns at another scale, the fourth other colours, and so
    on in turn, each time the best that is so. Where there is none, the next difference is tried.
    """
    good = [start for start, misfit in ranked if misfit <= ranked[0][1] + GOOD]
    chosen, turn = good[:1], 0
    while len(chosen) < count:
        tries = [DIFFERENCES[(turn + more) % len(DIFFERENCES)] for more in range(len(DIFFERENCES))]
        recipes = [start.recipe for start in chosen]
        found = next((start for is_new in tries for start in good if is_new(start.recipe, recipes)), None)
        if found is None:
            break
        chosen.append(found)
        turn += 1
    return chosen


def _other_pattern(recipe: Recipe, chosen: Sequence[Recipe]) -> bool:
    return all(recipe.kind != other.kind for other in chosen)


def _other_scale(recipe: Recipe, chosen: Sequence[Recipe]) -> bool:
    sizes = [other.size for other in chosen if other.kind == recipe.kind]
    return bool(sizes) and recipe.size not in sizes


def _other_colors(recipe: Recipe, chosen: Sequence[Recipe]) -> bool:
    return all(_apart(recipe, other) > UNLIKE for other in chosen)


def _apart(one: Recipe, other: Recipe) -> float:
    """Distance of their colours, whichever is matched with which."""
    straight = math.dist(one.first, other.first) + math.dist(one.second, other.second)
    crossed = math.dist(one.first, other.second) + math.dist(one.second, other.first)
    return min(straight, crossed)


DIFFERENCES: tuple[Callable[[Recipe, Sequence[Recipe]], bool], ...] = (_other_pattern, _other_scale, _other_colors)
