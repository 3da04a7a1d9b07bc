"""From the times at which frames stand in a file to one constant rate, as editors and Blender need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

DEFAULT_RATE = Fraction(24)
MIN_RATE, MAX_RATE = Fraction(1, 100), Fraction(1000)
MAX_RESAMPLED = Fraction(120)  # a variable rate is resampled to no more, however close two of its frames are
SPREAD = 0.75  # of a frame: times that are off by less than this, from first to worst, are those of a constant rate
LONGEST_GAP = 3600.0  # seconds; beyond it, time stamps are broken rather than the clip slow
FILM, NTSC, FIELDS = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)
USUAL = (FILM, NTSC, FIELDS, *map(Fraction, (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)))


@dataclass(frozen=True)
class Timing:
    """How a clip is shown at a constant rate.

    fps: that rate. shown: (T,) int64, which decoded frame each frame of the clip shows, nondecreasing.
    irregular: how many gaps between frames are not those of the rate; 0 if it was constant. note: what to say of it.
    """

    fps: Fraction
    shown: NDArray[np.int64]
    irregular: int = 0
    note: str = ""


def timing(times: NDArray[np.float64], said: Sequence[Fraction | None]) -> Timing:
    """The constant rate of frames that stand at these times.

    times: (n,) seconds, NaN where a frame has none. said: rates that the file claims, the likeliest first.
    A clip whose rate varies is resampled at the rate of its usual gap, not at its average: a recording of a screen that
    mostly stands still moves at 30 frames per second when it moves.
    """
    count = len(times)
    claims = [rate for rate in said if rate and MIN_RATE <= rate <= MAX_RATE]
    one_by_one = np.arange(count)
    if count < 2:
        return Timing(claims[0] if claims else DEFAULT_RATE, one_by_one)
    if np.isnan(times).any():
        return Timing(claims[0] if claims else DEFAULT_RATE, one_by_one)
    gaps, ordered = np.diff(times), np.sort(times)  # AVI gives reordered frames the times of others
    known = [rate for claim in claims for rate in (usual(claim), claim)]
    if gaps.min() >= 0 and gaps.max() > 0:
        mean = Fraction((count - 1) / (times[-1] - times[0])).limit_denominator(1_000_000)
        known += [rate for rate in (usual(mean), mean) if rate >= MIN_RATE]
    for rate in known:
        late = ordered - one_by_one / float(rate)
        if late.max() - late.min() <= SPREAD / float(rate):
            return Timing(rate, one_by_one)
    if gaps.min() < 0 or gaps.max() > LONGEST_GAP or gaps.max() <= 0:
        rate = claims[0] if claims else DEFAULT_RATE
        return Timing(rate, one_by_one, 0, f"its time stamps are of no use; it is shown at {float(rate):.3g} a second")
    return _resampled(times, gaps)


def _resampled(times: NDArray[np.float64], gaps: NDArray[np.float64]) -> Timing:
    typical = np.median(gaps[gaps > 0])
    near = gaps[np.abs(gaps - typical) <= 0.25 * typical]
    rate = usual(Fraction(1 / near.mean()).limit_denominator(1_000_000))
    rate = min(rate, MAX_RESAMPLED)
    slots = np.floor((times - times[0]) * float(rate) + 0.5)
    shown = np.searchsorted(slots, np.arange(int(slots[-1]) + 1), side="right") - 1
    slow, fast = (1 / gaps[gaps > 0].max(), 1 / gaps[gaps > 0].min())
    note = f"its frame rate varies ({slow:.3g} to {fast:.3g} a second); it is resampled to {float(rate):.5g}"
    return Timing(rate, shown.astype(np.int64), int((np.abs(gaps * float(rate) - 1) > 0.5).sum()), note)


def usual(rate: Fraction) -> Fraction:
    """The rate that cameras and editors know, if one is within 1.5 %; else the rate, as a short fraction."""
    if rate.denominator in (1, 2, 1001):
        return rate
    nearest = min(USUAL, key=lambda known: abs(known - rate))
    return nearest if abs(nearest - rate) <= rate * Fraction(15, 1000) else rate.limit_denominator(1001)
