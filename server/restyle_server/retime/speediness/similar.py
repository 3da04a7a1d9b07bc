"""Find similar moments: features of windows, compared by their cosine, within and across clips (SpeedNet, 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .curve import Greys, Judge, base_step, look, resized
from .repeats import fresh

HOP = 8  # frames from one window to the next
PARTS = 4  # of a window, averaged apart: what happens first and what later


@dataclass(frozen=True)
class Windows:
    """Windows of clips: (M,) int64 number of the clip, first and last frame of it, and (M, C) float32 vectors."""

    clip: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True)
class Match:
    """A window that resembles the one asked for. window: its number; score: cosine, 1.0 for the same."""

    window: int
    score: float


def features(
    greys: Greys, fps: float, net: Judge, clip: int = 0, on_step: Callable[[float], object] = float
) -> Windows:
    """Return the windows of a clip, greys (T, h, w) uint8, every 8 frames: features averaged over the window.

    clip: the number that they get. A clip that is shorter than a window is one window. Repeated frames do not count.
    """
    with resized(greys, net) as sizes:
        places = fresh(sizes[-1], base_step(fps))
        _, per_frame, _ = look(sizes, places, net, on_step, keep_features=True)
    starts = np.arange(0, max(1, len(places) - net.window + 1), HOP)
    ends = np.minimum(starts + net.window, len(places))
    vectors = np.stack([_vector(per_frame[begin:end]) for begin, end in zip(starts, ends)])
    return Windows(np.full(len(starts), clip), places[starts], places[ends - 1], vectors)


def _vector(per_frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features (n, C) of a window's frames as one vector (4 C,)."""
    ends = np.linspace(0, len(per_frame), PARTS + 1)
    parts = [per_frame[int(low) : max(int(low) + 1, int(high))].mean(0) for low, high in pairwise(ends)]
    return np.concatenate(parts)


def joined(parts: list[Windows]) -> Windows:
    """Return the windows of several clips as one."""
    fields = ([getattr(part, name) for part in parts] for name in ("clip", "first", "last", "vectors"))
    return Windows(*(np.concatenate(field) for field in fields))


def similar(windows: Windows, query: int, count: int = 5, elsewhere: bool = False) -> list[Match]:
    """Return the `count` windows most like window number `query`, best first, none of which shows any of its frames.

    elsewhere: only in other clips. Features are compared after their mean over all windows is taken away, in units of
    their spread: what all clips share tells none apart. Of windows that overlap one another only the best is given.
    """
    centred = windows.vectors - windows.vectors.mean(0)
    centred = centred / (centred.std(0) + 1e-3 * centred.std() + 1e-9)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    scores = unit @ unit[query]
    chosen = [query]
    for number in np.argsort(-scores, kind="stable"):
        if len(chosen) > count:
            break
        if elsewhere and windows.clip[number] == windows.clip[query]:
            continue
        if not any(_overlap(windows, int(number), other) for other in chosen):
            chosen.append(int(number))
    return [Match(number, float(scores[number])) for number in chosen[1:]]


def _overlap(windows: Windows, one: int, other: int) -> bool:
    """Whether two windows show a frame of the same clip in common."""
    same = windows.clip[one] == windows.clip[other]
    apart = windows.first[one] > windows.last[other] or windows.first[other] > windows.last[one]
    return bool(same and not apart)
