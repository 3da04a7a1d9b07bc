"""From the speed that each frame tolerates to which frame is shown when: a smooth curve, and the exact length.

SpeedNet (Benaim et al. 2020, section 5, "Adaptive video speedup"): copies of the clip at rising rates are judged,
their binarised curves give the speedup vector V(t), and the speed S(t) is the smooth curve near V(t) whose total is the
one asked for. The paper solves for S with the mean of S as its total; but a clip is as long as the sum of 1/S, so here
the slowness p = 1/S is solved for, whose sum is the number of output frames. The paper's form is `domain="speed"`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from restyle.errors import UsageError
from restyle.words import counted

from .solver import Curve, Problem, inverse, itself, solve
from .types import Plan, Speediness

Mask = NDArray[np.bool_]
Region = tuple[int, int]  # first and last frame
Domain = Literal["slowness", "speed"]

THRESHOLD = 0.5  # rho: below it, a copy counts as looking normal
LEAST_WEIGHT = 0.25  # of the frames that tolerate the highest speed, and of those about which nothing is known
HALVINGS = 40  # of the interval in which a factor is sought
DECIMALS = 6  # of a source position: what rounding leaves behind must not tip half frames now up, now down
ROUNDING = 0.499  # output frames by which a whole number of them may miss what the limits allow


@dataclass(frozen=True)
class PlanOptions:
    """How a clip may be retimed.

    min_speed, max_speed: limits of S(t) outside of locked regions. smoothness: seconds over which the speed changes.
    domain: what is solved for; "speed" is the paper's form.
    """

    min_speed: float = 1.0
    max_speed: float = 8.0
    smoothness: float = 0.3
    domain: Domain = "slowness"


def speedup_vector(speediness: Speediness, threshold: float = THRESHOLD) -> Curve:
    """V(t), (T,): the highest rate at which a frame still looks normal, times 1 where none does (section 5)."""
    normal = speediness.curves < threshold
    tolerated = np.where(normal, speediness.rates[:, None], speediness.rates[0])
    wanted: Curve = tolerated.max(axis=0)
    return wanted


def output_length(frames: int, speed: float) -> int:
    """How many frames a clip of that many has at that speed: the nearest whole number, at least 1."""
    return max(1, round(frames / speed))


def plan(
    wanted: Curve,
    fps: Fraction,
    length: int,
    options: PlanOptions | None = None,
    *,
    sure: Mask | None = None,
    cuts: Iterable[int] = (),
    locked: Iterable[Region] = (),
    most: Curve | None = None,
) -> Plan:
    """The plan that shows a clip of T frames in exactly `length` frames, as near to the wanted speeds as that allows.

    wanted: (T,), V(t) > 0. sure: (T,), where V(t) is known; elsewhere the speed follows its surroundings. cuts: frames
    where a new shot begins; the speed may jump there. locked: regions shown frame by frame. most: (T,), a limit of its
    own for each frame, as for speech.
    Raises UsageError, with the lengths that are possible, if the limits do not allow this one.
    """
    options = options or PlanOptions()
    frames = len(wanted)
    cuts = tuple(sorted({cut for cut in cuts if 0 < cut < frames}))
    locked = _inside(locked, frames)
    low, high = slowness_bounds(frames, fps, length, options, locked=locked, most=most)
    known = np.ones(frames, np.bool_) if sure is None else sure
    target = np.where(known, wanted, frames / length)
    if options.domain == "slowness":
        target = fitted(target, length, 1 / high, 1 / low, known)
    smooth = np.full(frames - 1, (float(fps) * options.smoothness) ** 2)
    smooth[[cut - 1 for cut in cuts]] = 0.0
    weight = _weights(target, known)
    smooth *= weight.mean()
    if options.domain == "speed":
        slowness = 1 / solve(Problem(target, weight, smooth, 1 / high, 1 / low), length, inverse)
    else:
        slowness = solve(Problem(1 / target, weight, smooth, low, high), length, itself)
    source = _positions(slowness, length, cuts)
    return Plan(source, 1 / slowness, target, cuts, locked, fps)


def slowness_bounds(
    frames: int,
    fps: Fraction,
    length: int,
    options: PlanOptions,
    *,
    locked: Iterable[Region] = (),
    most: Curve | None = None,
) -> tuple[Curve, Curve]:
    """The lowest and the highest slowness 1 / S of each frame, both (T,), with which `length` frames are possible.

    Raises UsageError, with the lengths that are possible, if this one is not.
    """
    locked = _inside(locked, frames)
    slowest, fastest = limits(frames, options, locked, most)
    return _roomy(1 / fastest, 1 / slowest, length, locked, fps)


def limits(
    frames: int, options: PlanOptions, locked: Sequence[Region] = (), most: Curve | None = None
) -> tuple[Curve, Curve]:
    """The lowest and the highest speed of each frame, both (T,)."""
    slowest = np.full(frames, options.min_speed)
    fastest = np.full(frames, options.max_speed)
    if most is not None:
        fastest = np.minimum(fastest, np.maximum(most, slowest))
    for first, last in locked:
        slowest[first : last + 1] = fastest[first : last + 1] = 1.0
    return slowest, fastest


def _inside(regions: Iterable[Region], frames: int) -> tuple[Region, ...]:
    """The regions as far as they lie in the clip, in order, joined where they touch."""
    mask = np.zeros(frames, np.bool_)
    for first, last in regions:
        mask[max(first, 0) : max(last + 1, 0)] = True
    return regions_of(mask)


def regions_of(mask: Mask) -> tuple[Region, ...]:
    """First and last frames of the stretches where a mask (T,) is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return tuple((int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2]))


def fitted(wanted: Curve, length: float, slowest: Curve, fastest: Curve, known: Mask | None = None) -> Curve:
    """The wanted speeds times one factor, within limits, (T,), so that they make `length` frames before any smoothing.

    V(t) says what each part tolerates, which mostly is more or less than what is asked for on the whole. Without this
    step the difference would fall to the parts of little weight, and the others would all get the same speed. `known`:
    where the factor applies; elsewhere the wanted speeds stay.
    """
    free = np.ones(len(wanted), np.bool_) if known is None else known
    least, most = (slowest / wanted).min(), (fastest / wanted).max()
    for _ in range(HALVINGS):
        factor = (least * most) ** 0.5
        speeds = np.clip(np.where(free, factor * wanted, wanted), slowest, fastest)
        least, most = (factor, most) if (1 / speeds).sum() > length else (least, factor)
    return speeds


def _weights(wanted: Curve, known: Mask) -> Curve:
    """1 - v, with v the wanted speed brought to [0, 1]: what tolerates a high speed may as well have another one."""
    lowest, highest = wanted.min(), wanted.max()
    weight = 1 - (wanted - lowest) / (highest - lowest) if highest > lowest else np.ones_like(wanted)
    weights: Curve = LEAST_WEIGHT + (1 - LEAST_WEIGHT) * np.where(known, weight, 0.0)
    return weights


def _roomy(low: Curve, high: Curve, length: int, locked: Sequence[Region], fps: Fraction) -> tuple[Curve, Curve]:
    """The bounds of the slowness, moved by what rounding to whole output frames needs; UsageError if more is asked."""
    least, greatest = low.sum(), high.sum()
    if least - ROUNDING <= length <= greatest + ROUNDING:
        free = np.ones(len(low), np.bool_)
        for first, last in locked:
            free[first : last + 1] = False
        kept = float((~free).sum())
        if length < least and free.any() and length > kept:
            return np.where(free, low * ((length - kept) / (least - kept)), low), high
        if length > greatest and free.any():
            return low, np.where(free, high * ((length - kept) / (greatest - kept)), high)
        if least - 1e-9 * length <= length <= greatest + 1e-9 * length:
            return low, high
    fewest, largest = max(1, math.ceil(least - ROUNDING)), math.floor(greatest + ROUNDING)
    frames, rate = len(low), float(fps)
    possible = f"only {counted(fewest, 'frame')} are ({fewest / rate:.2f} s, a speed of {frames / fewest:.2f})"
    if fewest < largest:
        possible = (
            f"from {fewest:,} to {counted(largest, 'frame')} are ({fewest / rate:.2f} to {largest / rate:.2f} s, a "
            f"speed of {frames / largest:.2f} to {frames / fewest:.2f})"
        )
    raise UsageError(
        f"{counted(length, 'frame')} ({length / rate:.2f} s) out of {frames:,} are not possible within these limits: "
        f"{possible}. Ask for such a length, widen the speed limits"
        + (", or lock and protect less." if locked or kept_apart(low, high) else ".")
    )


def kept_apart(low: Curve, high: Curve) -> bool:
    """Whether some frames have limits of their own."""
    return bool(np.ptp(low) > 0 or np.ptp(high) > 0)


def _positions(slowness: Curve, length: int, cuts: Sequence[int]) -> Curve:
    """The source position (L,) of each output frame: the inverse of the running sum of the slowness.

    Between the last frame of a shot and the first of the next there is nothing to be shown or blended, so positions
    there move to the nearer of the two.
    """
    frames = len(slowness)
    elapsed = np.concatenate([[0.0], np.cumsum(slowness)])
    elapsed *= length / elapsed[-1]
    source = np.interp(np.arange(length), elapsed, np.arange(frames + 1.0))
    source = np.clip(np.round(source, DECIMALS), 0.0, frames - 1.0)
    begins = np.zeros(frames + 1, np.bool_)
    begins[list(cuts)] = True
    across = begins[np.floor(source).astype(np.int64) + 1]
    positions: Curve = np.where(across, np.floor(source + 0.5), source)
    return positions
