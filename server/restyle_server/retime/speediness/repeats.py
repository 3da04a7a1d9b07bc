"""Repeated frames: those of films that are shown at a higher rate than their own (24 as 30, 18 as 24, 15 as 30).

Stop and go looks like hurry, and most of it ends when every second frame is left out, so that such a film seems to
hurry less the faster it is shown. What a network judges are therefore the frames that show something new.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Greys = NDArray[np.uint8]

LIKE = 0.25  # of the change before and after them: below it frames repeat. Encoding anew leaves less, motion more
CLEAR = 0.3  # grey levels that the picture must change on the mean before and after, or a film only stands still
LONGEST = 2  # repeats of one frame: 10 frames per second shown as 30
LEAST_SHARE, FEWEST = 0.03, 3  # of the frames where something moves; fewer are chance, or a film's own short rests
PIECE = 192  # frames that are worked on at once


def fresh(greys: Greys, step: int = 1) -> NDArray[np.int64]:
    """Return the frames (n,) of a clip (T, h, w) that do not repeat the one before, ascending, frame 0 among them.

    step: only every so many frames are looked at. Of a clip in which few frames repeat, or hardly anything moves, all.
    """
    seen = greys[::step]
    return np.flatnonzero(~repeats(changes(seen))) * step


def positions(total: int, step: int, kept: NDArray[np.int64]) -> Floats:
    """Return which of the frames `kept` each of a clip's frames (total,) shows, as an index into them.

    kept, step: as `fresh` returns and was given. A repeat has the index of the frame that it repeats; what lies between
    two steps has one between theirs.
    """
    seen = np.arange(0, total, step)
    return np.interp(np.arange(total), seen, np.searchsorted(kept, seen, "right") - 1)


def changes(greys: Greys) -> Floats:
    """Return by how many grey levels each frame of (T, h, w) differs from the one before on the mean, (T - 1,)."""
    out = np.zeros(len(greys) - 1)
    for begin in range(0, len(out), PIECE):
        piece = np.asarray(greys[begin : begin + PIECE + 1], np.float32)
        out[begin : begin + PIECE] = np.abs(np.diff(piece, axis=0)).mean((1, 2))
    return out


def repeats(change: Floats) -> NDArray[np.bool_]:
    """Return which frames (T,) repeat the one before, from the `changes` (T - 1,) between them.

    They are up to LONGEST in a row that hardly change, while both the frame before them and the one after them clearly
    do: a film that comes to rest changes little for longer, and a still one not at all.
    """
    found = np.zeros(len(change) + 1, bool)
    for length in range(1, LONGEST + 1):
        if len(change) < length + 2:
            break
        windows = sliding_window_view(change, length + 2)
        around = np.minimum(windows[:, 0], windows[:, -1])
        starts = np.flatnonzero((around > CLEAR) & (windows[:, 1:-1].max(1) < LIKE * around))
        found[(starts[:, None] + 2 + np.arange(length)).ravel()] = True
    moving = found[1:] | (change > CLEAR)
    few = found.sum() < max(FEWEST, LEAST_SHARE * moving.sum())
    return np.asarray(found & ~few)
