"""What the parts of the retime engine hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClipInfo:
    """A clip as it is shown: upright, at one constant rate.

    fps: frames per second; of a clip with a variable rate its average, at which it is resampled by its timestamps.
    frames: how many there are at that rate. width, height: in pixels, upright. duration: in seconds, frames / fps.
    rotation: that was undone, in degrees counter-clockwise. notes: sentences about what was found amiss.
    """

    fps: Fraction
    frames: int
    width: int
    height: int
    variable_rate: bool = False
    has_sound: bool = False
    duration: float = 0.0
    rotation: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Speediness:
    """How sped up each of N copies of a clip of T frames looks, on the clip's own frames.

    rates: (N,) float64, the speed of each copy, ascending from 1.0.
    curves: (N, T) float64 in [0, 1], the probability that the copy looks sped up around a source frame.
    sure: (T,) bool, False where the network cannot tell.
    map: (T', h, w) float32 in [0, 1] or None, 0 where what moves looks slow, 1 where it looks sped up.
    map_frames: (T',) int64, the frames that its pictures belong to, ascending.
    """

    rates: NDArray[np.float64]
    curves: NDArray[np.float64]
    sure: NDArray[np.bool_]
    map: NDArray[np.float32] | None = None
    map_frames: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Plan:
    """Which source frame is shown when: a clip of T frames in L frames, at the same frame rate.

    source: (L,) float64, nondecreasing, the source position in frames (0 to T - 1) of each output frame.
    speed: (T,) float64, the speed S(t) at each source frame. wanted: (T,) float64, the speed V(t) that was aimed at.
    cuts: frames where a new shot begins. locked: first and last frames of the regions kept at 1x. fps: of both clips.
    """

    source: NDArray[np.float64]
    speed: NDArray[np.float64]
    wanted: NDArray[np.float64]
    cuts: tuple[int, ...]
    locked: tuple[tuple[int, int], ...]
    fps: Fraction
