"""Checks without a model: how ordered a result is, and how many vertices are at the end of the scale.

Nothing is learned. Pictures are of the bare colours, without light, with a mask of the object (see also `colors.py`).
The limits were set on the judge's own drawings of the prompts and on blotches in the same colours, never on results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fields import Floats

MOST_SATURATED = 0.2
END_OF_SCALE = 0.012
SIDE = 64
# Least recurrence, fold of the direction, and least order in it, of the prompts that have a structure to be measured.
LIMITS: dict[str, tuple[float, int, float]] = {
    "brick": (0.25, 4, 0.25),
    "blue brick": (0.25, 4, 0.25),
    "wicker": (0.25, 2, 0.0),
    "honeycomb": (0.25, 2, 0.0),
    "scales": (0.2, 2, 0.0),
    "stripes": (0.4, 2, 0.45),
    "checks": (0.25, 4, 0.25),
    "zigzag": (0.4, 2, 0.0),
    "dots": (0.25, 2, 0.0),
    "zebra": (0.3, 2, 0.4),
}

Mask = NDArray[np.bool_]


def saturated(colors: Floats) -> float:
    """The share of vertices (V, 3) with every channel at an end of the scale, where no gradient is left."""
    at_end = (colors < END_OF_SCALE) | (colors > 1 - END_OF_SCALE)
    return float(at_end.all(axis=1).mean())


def structure_fits(name: str, pictures: NDArray[np.uint8], masks: NDArray[np.bool_]) -> bool | None:
    """Whether pictures (N, 128, 128, 3) recur and are ordered as a prompt asks for; None if nothing can be measured."""
    if name not in LIMITS:
        return None
    least, fold, aligned = LIMITS[name]
    return recurrence(pictures, masks, SIDE) >= least and order(pictures, masks, SIDE, fold) >= aligned


def gradients(picture: Floats, mask: Mask) -> tuple[Floats, Floats]:
    """Strength (H, W) and doubled angle (H, W) of the colour gradient, 0 near the outline.

    The structure tensor of all channels (Di Zenzo 1986), of the picture averaged over 3 x 3 pixels.
    """
    soft = sum(np.roll(picture, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    gy, gx = np.gradient(soft, axis=(0, 1))
    xx, yy, xy = (gx * gx).sum(-1), (gy * gy).sum(-1), (gx * gy).sum(-1)
    strength = np.hypot(xx - yy, 2 * xy) * eroded(mask, 3)
    return strength, np.arctan2(2 * xy, xx - yy)


def eroded(mask: Mask, rounds: int) -> Mask:
    """The mask without its border."""
    for _ in range(rounds):
        inner = mask.copy()
        for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            inner &= np.roll(mask, shift, (0, 1))
        mask = inner
    return mask


def windows(mask: Mask, side: int) -> list[tuple[slice, slice]]:
    """Half-overlapping squares of which the object fills at least half."""
    size, out = len(mask), []
    for top in range(0, size - side + 1, side // 2):
        for left in range(0, size - side + 1, side // 2):
            window = (slice(top, top + side), slice(left, left + side))
            if mask[window].mean() > 0.5:
                out.append(window)
    return out


def order(pictures: NDArray[np.uint8], masks: NDArray[np.bool_], side: int, fold: int) -> float:
    """How far gradients in a window agree in direction: 1 for parallel bands (fold 2), for a grid (fold 4), 0 for none.

    The length of the mean of exp(i fold angle), weighted by strength; windows count by their strength, too.
    """
    total, weight = 0.0, 1e-9
    for picture, mask in zip(pictures, masks):
        strength, doubled = gradients(picture / 255.0, mask)
        arrows = strength * np.exp(0.5j * fold * doubled)
        for window in windows(mask, side):
            energy = strength[window].sum()
            total += np.abs(arrows[window].sum())
            weight += energy
    return float(total / weight)


def recurrence(pictures: NDArray[np.uint8], masks: NDArray[np.bool_], side: int) -> float:
    """How well windows match themselves when moved by a period: the highest rise of their mean autocorrelation.

    Correlation within the mask, of the colours along their strongest difference. The mean over the windows of all views
    is taken first: what recurs by chance in one window does not in the others. 0 without a period; above 1 for bands.
    """
    product, pairs = np.zeros((2 * side, side + 1)), np.zeros((2 * side, side + 1))
    for picture, mask in zip(pictures, masks):
        inner = eroded(mask, 2)
        if inner.sum() < 100:
            continue
        value = strongest(picture, inner)
        for window in windows(mask, side):
            inside = inner[window]
            part = np.where(inside, value[window] - value[window][inside].mean(), 0.0)
            deviation = part[inside].std()
            if deviation > 1e-3:
                product += autocorrelation(part / deviation)
                pairs += autocorrelation(1.0 * inside)
    if not pairs.any():
        return 0.0
    correlation = np.where(pairs > 0.25 * pairs[0, 0], product / np.maximum(pairs, 1.0), np.nan)
    return max(rise(correlation, angle) for angle in np.arange(36) * np.pi / 36)


def strongest(picture: NDArray[np.uint8], mask: Mask) -> Floats:
    """The picture (H, W) along the direction in which the colours under the mask differ most."""
    pixels = picture[mask] / 255.0
    middle = pixels.mean(0)
    direction = np.linalg.eigh((pixels - middle).T @ (pixels - middle))[1][:, -1]
    out: Floats = (picture / 255.0 - middle) @ direction
    return out


def autocorrelation(value: NDArray[Any]) -> Floats:
    """Sums of products at every shift, (2S, S + 1): rows are vertical shifts, negative ones from the end."""
    out: Floats = np.fft.irfft2(np.abs(np.fft.rfft2(value, [2 * n for n in value.shape])) ** 2)[:, : len(value) + 1]
    return out


def rise(correlation: Floats, angle: float) -> float:
    """How far the correlation climbs after a dip, along a direction in [0, pi)."""
    reach = np.arange(3, int(0.65 * (correlation.shape[1] - 1)))
    across, along = np.round(reach * np.sin(angle)).astype(int), np.round(reach * np.cos(angle)).astype(int)
    line = correlation[along, across]
    line = line[np.isfinite(line)]
    return float((line - np.minimum.accumulate(line)).max()) if len(line) else 0.0
