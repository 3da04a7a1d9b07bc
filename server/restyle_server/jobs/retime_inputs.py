"""What the job `retime_clip` is asked for: the clip, its new length, the limits, what stays at 1x, a given plan."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from restyle.declare import Value
from restyle.errors import BadInputError, UsageError
from restyle.jobs.retime_clip import check_network, spans
from restyle.kinds.curve import Curve
from restyle.kinds.frames import Frames, MovieFile
from restyle.kinds.model import Model

from ..context import JobContext
from ..retime.media import Footage, read
from ..retime.plan import Domain, PlanOptions, output_length, regions_of
from ..retime.types import Plan

if TYPE_CHECKING:
    from ..retime.speediness.curve import Judge

RANGE = 8.0  # times the normal speed that a part may have, where nothing else is said
FASTEST = 64.0  # what a frame that a given map leaves out counts as


@dataclass
class Work:
    """A running job: where it reports, what it was asked for, what it has said and how long its parts took.

    weights: of the network that judges; None: the bundled ones. seconds, cpu_seconds: of each part.
    """

    context: JobContext
    parameters: dict[str, Value]
    weights: Model | None = None
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @functools.cached_property
    def network(self) -> Judge:
        """The network that judges. Raises BadInputError if the weights given are none."""
        from ..retime.speediness import load_small
        from ..retime.speediness.given import network_of

        if self.weights is None:
            return load_small(self.context.device)
        check_network(self.weights)
        return network_of(self.weights.arrays, self.weights.metadata, self.context.device)

    def number(self, name: str) -> float:
        """A parameter that is a number."""
        return float(self.parameters[name] or 0)

    def warn(self, message: str) -> None:
        """Say it now, and in the report."""
        self.warnings.append(message)
        self.context.warn(message)

    @contextmanager
    def stage(self, name: str, begin: float, end: float, message: str) -> Iterator[Callable[[float], None]]:
        """Time a part of the work; gives what it calls with its share, which raises CancelledError after a cancel."""
        started, worked = time.monotonic(), time.process_time()
        self.context.progress(begin, message)
        yield lambda share: self.context.progress(begin + (end - begin) * share, message)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + time.process_time() - worked


@contextmanager
def footage_of(work: Work, clip: Frames | MovieFile) -> Iterator[Footage]:
    """The clip, decoded once; its file stays open for the passes that follow."""
    with work.stage("decode", 0.0, 0.3, "Reading the clip") as on_step:
        if isinstance(clip, Frames):
            rate = Fraction(clip.fps).limit_denominator(1001)
            footage = read(list(clip.pixels), rate, name="clip", on_step=on_step)
            file = None
        else:
            file = clip.open()
            footage = _trimmed(read(file, name="clip", on_step=on_step), clip)
    for note in footage.info.notes:
        work.warn(f"clip: {note}.")
    try:
        yield footage
    finally:
        if file is not None:
            file.close()


def _trimmed(footage: Footage, clip: MovieFile) -> Footage:
    """The part of the footage that is meant; BadInputError if there is none of it."""
    if clip.first is None and clip.last is None:
        return footage
    first, last = clip.first or 0, footage.info.frames - 1 if clip.last is None else clip.last
    if last >= footage.info.frames:
        raise BadInputError(f"clip: frame {last} is asked for, but its last one is {footage.info.frames - 1}.")
    frames = last - first + 1
    info = replace(footage.info, frames=frames, duration=float(frames / footage.info.fps))
    part = slice(first, last + 1)
    start = footage.start + float(first / info.fps)
    return replace(footage, info=info, greys=footage.greys[part], shown=footage.shown[part], start=start)


def length_of(parameters: dict[str, Value], footage: Footage) -> int:
    """How many frames the result has."""
    if parameters["frames"] is not None:
        return int(parameters["frames"])
    if parameters["duration"] is not None:
        return max(1, round(float(parameters["duration"]) * float(footage.info.fps)))
    return output_length(footage.info.frames, float(parameters["speed"] or 1))


def options_of(parameters: dict[str, Value], speed: float) -> PlanOptions:
    """Limits that leave room around the speed asked for, unless they were given."""
    low, high = parameters["min_speed"], parameters["max_speed"]
    usual = (1.0, max(RANGE, 2 * speed)) if speed >= 1 else (speed / 2, min(1.0, 2 * speed))
    slowest = min(usual[0], float(high or usual[0])) if low is None else float(low)
    fastest = max(usual[1], slowest) if high is None else float(high)
    domain: Domain = "speed" if parameters["domain"] == "speed" else "slowness"
    return PlanOptions(slowest, fastest, float(parameters["smoothness"] or 0), domain)


def locks_of(locks: Curve | None, parameters: dict[str, Value], footage: Footage) -> list[tuple[int, int]]:
    """First and last frames of the regions kept at 1x."""
    rate, frames = float(footage.info.fps), footage.info.frames
    regions = [(round(first * rate), round(last * rate) - 1) for first, last in spans(str(parameters["lock"] or ""))]
    if behind := [first for first, _ in regions if first >= frames]:
        raise UsageError(
            f"lock: nothing is at {max(behind) / rate:g} s, since the clip is {frames / rate:.2f} s long. Name seconds "
            "of the clip as it is."
        )
    if locks is not None:
        values = np.asarray(next(iter(locks.series.values())))
        if values.shape != (frames,):
            raise BadInputError(
                f"locks: it has {len(values)} values, but the clip has {frames} frames. Give one for each."
            )
        regions += regions_of(values >= 0.5)
    return regions


def given_plan(given: Curve, footage: Footage) -> Plan:
    """The plan that a map of the caller's is."""
    source = np.asarray(given.series.get("source", next(iter(given.series.values()))), np.float64)
    frames = footage.info.frames
    if source.ndim != 1 or (np.diff(source) < 0).any():
        raise BadInputError("map: it must be one row of positions that never goes back in time.")
    if source[0] < 0 or source[-1] > frames - 1:
        raise BadInputError(
            f"map: it runs from {source[0]:g} to {source[-1]:g}; the clip's frames are 0 to {frames - 1}."
        )
    steps = np.diff(source, append=2 * source[-1] - source[-2] if len(source) > 1 else source[-1] + 1)
    speed = np.clip(np.interp(np.arange(frames), source + steps / 2, steps), 1 / FASTEST, FASTEST)
    return Plan(source, speed, speed, (), (), footage.info.fps)
