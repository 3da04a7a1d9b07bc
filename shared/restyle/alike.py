"""Moments of clips that are alike in how they move: features of windows, compared by their cosine (SpeedNet, 4.3).

clips: the output `features` of the job retime_clip for each: first, last (M,), the frames of its windows, and vectors
(M, C). They are compared after their mean over all windows of all clips is taken away, in units of their spread: what
all share tells none apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .kinds.curve import Curve

NAMED = 3  # clips that are named as alike, of each
ROWS = 512  # windows that are compared at a time: an hour against an hour would be too large a table
SPREAD = 1e-3  # of the spread of all features, added to that of each: one that hardly varies says nothing

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """Two windows that are alike. clip: number of the other's; score: cosine, 1 for the same; at, there: seconds."""

    clip: int
    score: float
    at: float
    there: float


def similar(
    clips: Sequence[Curve], clip: int, window: int, count: int = 5, *, elsewhere: bool = False
) -> list[Likeness]:
    """The `count` windows most like one of a clip, both by number, best first, none of which shows any of its frames.

    elsewhere: only those of other clips. Of windows that overlap one another only the best is given.
    """
    units = _units(clips)
    scores = np.concatenate([unit @ units[clip][window] for unit in units])
    places = [(number, place) for number, unit in enumerate(units) for place in range(len(unit))]
    chosen, found = [(clip, window)], list[Likeness]()
    for best in np.argsort(-scores, kind="stable"):
        number, place = places[best]
        if len(found) == count:
            break
        if not (elsewhere and number == clip) and not any(_overlap(clips, (number, place), other) for other in chosen):
            chosen.append((number, place))
            at, there = _second(clips[clip], window), _second(clips[number], place)
            found.append(Likeness(number, float(scores[best]), at, there))
    return found


def likenesses(clips: Sequence[Curve]) -> list[list[Likeness]]:
    """For each clip the NAMED others most like it, best first, by their two windows that are most alike."""
    units = _units(clips)
    found = []
    for number in range(len(clips)):
        others = [_closest(clips, units, number, other) for other in range(len(clips)) if other != number]
        found.append(sorted(others, key=lambda match: -match.score)[:NAMED])
    return found


def _units(clips: Sequence[Curve]) -> list[Floats]:
    """The vectors of each clip, (M, C), comparable, and of length 1."""
    vectors = np.concatenate([clip.series["vectors"] for clip in clips]).astype(np.float64)
    centred = vectors - vectors.mean(axis=0)
    centred /= centred.std(axis=0) + SPREAD * centred.std() + 1e-9
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    ends = np.cumsum([0, *(len(clip.series["vectors"]) for clip in clips)])
    return [unit[begin:end] for begin, end in pairwise(ends)]


def _closest(clips: Sequence[Curve], units: Sequence[Floats], one: int, other: int) -> Likeness:
    best = (0, 0, -2.0)
    for start in range(0, len(units[one]), ROWS):
        scores = units[one][start : start + ROWS] @ units[other].T
        row, column = divmod(int(scores.argmax()), len(units[other]))
        best = max(best, (start + row, column, float(scores[row, column])), key=lambda found: found[2])
    row, column, score = best
    return Likeness(other, score, _second(clips[one], row), _second(clips[other], column))


def _second(clip: Curve, window: int) -> float:
    return float(clip.series["first"][window] / clip.fps)


def _overlap(clips: Sequence[Curve], one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two windows, by the numbers of their clip and their own, show a frame of the same clip in common."""
    if one[0] != other[0]:
        return False
    first, last = (clips[one[0]].series[name] for name in ("first", "last"))
    return not (first[one[1]] > last[other[1]] or first[other[1]] > last[one[1]])
