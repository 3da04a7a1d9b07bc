"""How long the rest of a training takes, told from its first iterations."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Sequence

FEW, RECENT = 5, 50
NETWORK_PASSES = 55  # forward passes of one network over one picture that a step is worth, per side


class Clock:
    """Seconds left. An iteration takes a fixed overhead and a part that grows with pixels * channels^2.

    work: of each scale, pixels * channels^2 of both pictures.
    iterations: of each scale.
    pace: seconds per unit of work before anything is known, from a short trial of the networks.
    """

    def __init__(self, work: Sequence[float], iterations: Sequence[int], pace: float) -> None:
        self.work, self.iterations, self.pace = work, iterations, pace
        self.overhead: float | None = None
        self.scale = -1
        self.shown = 0.0
        self.last = time.perf_counter()
        self.recent: deque[float] = deque(maxlen=RECENT)

    def tick(self, scale: int, iteration: int) -> float | None:
        """Seconds left after `iteration` steps of `scale`; None until a few steps have been seen."""
        now = time.perf_counter()
        seconds, self.last = now - self.last, now
        if scale != self.scale:  # its first step also sets the networks up
            self.scale = scale
            self.recent.clear()
            return None if self.overhead is None else self._left(scale, iteration)
        self.recent.append(seconds)
        if len(self.recent) >= FEW:
            self._learn(statistics.median(self.recent), self.work[scale])
        return None if self.overhead is None else self._left(scale, iteration)

    def fraction(self, scale: int, iteration: int) -> float:
        """Share of the time that is over, as far as known; never less than what was said before."""
        self.shown = max(self.shown, 1 - self._left(scale, iteration) / self._left(0, 0))
        return self.shown

    def _learn(self, seconds: float, work: float) -> None:
        if self.overhead is None:
            self.overhead = max(0.0, seconds - self.pace * work)
        if seconds > 2 * self.overhead:  # below, the part that grows cannot be told from what varies
            self.pace = (seconds - self.overhead) / work

    def _left(self, scale: int, iteration: int) -> float:
        overhead = self.overhead or 0.0
        steps = [self.iterations[scale] - iteration, *self.iterations[scale + 1 :]]
        return sum(count * (overhead + self.pace * work) for count, work in zip(steps, self.work[scale:]))
