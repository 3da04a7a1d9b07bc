"""How far a run is, and what of it depends on that: its learning rate, its frequencies, its displacement, its end."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .options import StylizeOptions
from .stage import State
from .stopping import settled


class Schedule:
    """The steps of one run.

    iteration, history: how many are done, and the score of each.
    share: of the run that is done, as of the step under way.
    relief_since: the iteration at which displacement began.
    spent: seconds that were used before this attempt.
    """

    def __init__(self, options: StylizeOptions, spent: float = 0.0) -> None:
        self.options, self.spent = options, spent
        self.iteration, self.history = 0, list[float]()
        self.share, self.relief_since = 0.0, 0
        self._started = time.monotonic()

    def begin_step(self) -> None:
        """Decide for the step to come whether there is displacement."""
        had_relief, self.share = self.has_relief(), self.share_done()
        if self.has_relief() and not had_relief:
            self.relief_since = self.iteration

    def end_step(self, score: float) -> None:
        """Count the step."""
        self.iteration += 1
        self.history.append(score)

    def finish(self) -> None:
        """What is asked from now on is the result, also if the run ended before its time."""
        self.share = 1.0

    def learning_rate(self) -> float:
        """Of the step under way."""
        options = self.options
        return options.learning_rate * options.lr_decay ** (self.iteration // options.decay_step)

    def revealed(self) -> float:
        """Which share of the Fourier features is on."""
        steps = self.options.progressive_iterations
        return min(1.0, (self.iteration + 1) / steps) if steps else 1.0

    def has_relief(self) -> bool:
        """Whether displacement has begun."""
        options = self.options
        if options.change == "color" or options.displacement_limit == 0:
            return False
        return options.change == "displacement" or self.share >= options.displacement_from

    def share_done(self) -> float:
        """How much of the run is done, in [0, 1]."""
        share = self.iteration / self.options.iterations
        seconds = self.options.seconds
        return share if seconds is None else max(share, min(1.0, self.seconds_spent() / seconds))

    def expected_iterations(self) -> int:
        """How many there will be, as far as one can tell."""
        return min(self.options.iterations, round(self.iteration / max(self.share_done(), 1e-6)))

    def seconds_spent(self) -> float:
        """By this attempt and those before."""
        return self.spent + time.monotonic() - self._started

    def ended(self) -> str | None:
        """Why the run is over, if it is; the first step is always made."""
        options = self.options
        if self.iteration >= options.iterations:
            return "iterations"
        if self.iteration == 0:
            return None
        if options.seconds is not None and self.seconds_spent() >= options.seconds:
            return "seconds"
        # What follows when displacement begins is another search, whose score may rise again.
        complete = self.has_relief() or options.change == "color" or options.displacement_limit == 0
        if complete and settled(self.history[self.relief_since :], options.patience):
            return "settled"
        return None

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays for `restore`."""
        return {
            "history": np.array(self.history),
            "iteration": np.array(self.iteration),
            "share": np.array(self.share),
            "relief_since": np.array(self.relief_since),
            "seconds": np.array(self.seconds_spent()),
        }

    def restore(self, state: State) -> None:
        """Go back to what `state` returned."""
        self.history, self.iteration = [float(value) for value in state["history"]], int(state["iteration"])
        self.share, self.relief_since = float(state["share"]), int(state["relief_since"])
        self.spent = float(state["seconds"])
