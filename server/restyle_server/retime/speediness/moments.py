"""What the network makes of the windows of a clip, to find moments that are alike by (SpeedNet, 4.3).

They are compared in `restyle.alike`.
"""

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
    """Windows of a clip: (M,) int64 first and last frame of each, and (M, C) float32 vectors."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    vectors: NDArray[np.float32]


def features(greys: Greys, fps: float, net: Judge, on_step: Callable[[float], object] = float) -> Windows:
    """Return the windows of a clip, greys (T, h, w) uint8, every 8 frames: features averaged over the window.

    A clip that is shorter than a window is one window. Repeated frames do not count.
    """
    with resized(greys, net) as sizes:
        places = fresh(sizes[-1], base_step(fps))
        _, per_frame, _ = look(sizes, places, net, on_step, keep_features=True)
    starts = np.arange(0, max(1, len(places) - net.window + 1), HOP)
    ends = np.minimum(starts + net.window, len(places))
    vectors = np.stack([_vector(per_frame[begin:end]) for begin, end in zip(starts, ends)])
    return Windows(places[starts], places[ends - 1], vectors)


def _vector(per_frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features (n, C) of a window's frames as one vector (4 C,)."""
    ends = np.linspace(0, len(per_frame), PARTS + 1)
    parts = [per_frame[int(low) : max(int(low) + 1, int(high))].mean(0) for low, high in pairwise(ends)]
    return np.concatenate(parts)
