"""When a run has found what it can find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GAIN = 0.002  # cosine; less than this over as many steps nobody sees


def settled(history: Sequence[float], patience: int) -> bool:
    """Whether the mean score of the last `patience` steps is no better than that of as many before; never with 0.

    Single scores jump about, since each is of other views.
    """
    if patience <= 0 or len(history) < 2 * patience:
        return False
    before, last = np.mean(history[-2 * patience : -patience]), np.mean(history[-patience:])
    return bool(last < before + GAIN)
