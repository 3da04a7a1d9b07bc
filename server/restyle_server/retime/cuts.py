"""Where new shots begin: hard cuts, found by how unlike two neighbouring frames are, for their surroundings.

Fades and dissolves are not cuts: what changes slowly may be smoothed across.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .media import forget

ROWS = 16  # of the pictures that are compared: so coarse that things which move do not count as new
REACH = 3  # frames before and after that must all be unlike each other
AROUND = 4  # frames before and after, among whose changes a cut must stand out
FLOOR = 6.0  # grey levels added to the contrast, so that noise in the dark is no cut
NOTHING = 0.5  # grey levels of change that even a still shot may have
CLEAR = 5.0  # times the change around it; more does not make a cut surer
SCORE = 1.2  # real cuts score 2.6 and more, the fastest movement 0.7 (docs/benchmarks.md)
BLOCK = 512
LONGEST = 2 * REACH - 1


def find_cuts(greys: NDArray[np.uint8]) -> tuple[int, ...]:
    """The frames with which a new shot begins, in order.

    greys: (T, h, w), may be memory-mapped. A frame or two of flash light is no cut. Of two cuts that are closer than
    five frames, neither is found.
    """
    if len(greys) < 2:
        return ()
    return tuple((np.flatnonzero(scores(greys) >= SCORE) + 1).tolist())


def scores(greys: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How surely a new shot begins with each frame but the first, (T - 1,); see SCORE.

    The change to a frame in units of the contrast, times by how much it is more than any change around it.
    """
    changes, contrast = _measured(greys)
    steps = changes[0]
    frames = len(greys)
    before = np.arange(frames - 1)
    unlike = np.full(frames - 1, np.inf)
    for back in range(REACH):  # all frames just before against all just after: what comes back was a flash
        for ahead in range(REACH):
            one, other = before - back, before + 1 + ahead
            known = (one >= 0) & (other < frames)
            scale = 0.5 * (contrast[one[known]] + contrast[other[known]]) + FLOOR
            distance = changes[back + ahead][one[known]] / scale
            unlike[known] = np.minimum(unlike[known], distance)
    padded = np.pad(steps, AROUND)
    around = [padded[shift : shift + frames - 1] for shift in range(2 * AROUND + 1) if shift != AROUND]
    found: NDArray[np.float64] = unlike * np.minimum(steps / np.maximum(np.max(around, axis=0), NOTHING), CLEAR)
    return found


def _measured(greys: NDArray[np.uint8]) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Mean absolute differences of frames 1, 2, ... apart, (T - 1,), (T - 2,), ...; and the contrast (T,)."""
    changes: list[list[NDArray[np.float32]]] = [[] for _ in range(LONGEST)]
    contrast = []
    for start, small in _coarse(greys):
        known = min(start, LONGEST)  # frames of the block before
        contrast.append(small[known:].std(axis=(1, 2)))
        for apart in range(1, LONGEST + 1):
            begin, end = max(known - apart, 0), max(len(small) - apart, 0)
            difference = small[begin + apart :] - small[begin:end]
            changes[apart - 1].append(np.abs(difference).mean(axis=(1, 2)))
    return [np.concatenate(parts).astype(np.float64) for parts in changes], np.concatenate(contrast).astype(np.float64)


def _coarse(greys: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Block after block of the clip, pooled to few rows, each with the last frames of the one before it."""
    cell = max(1, greys.shape[1] // ROWS)
    height, width = max(greys.shape[1] // cell, 1), max(greys.shape[2] // cell, 1)
    tail = np.empty((0, height, width), np.float32)
    for start in range(0, len(greys), BLOCK):
        whole = greys[start : start + BLOCK, : height * cell, : width * cell].astype(np.float32)
        sides = (min(cell, whole.shape[1]), min(cell, whole.shape[2]))
        forget(greys)
        pooled = whole.reshape(len(whole), height, sides[0], width, sides[1]).mean(axis=(2, 4))
        small = np.concatenate([tail, pooled])
        yield start, small
        tail = small[-LONGEST:]
