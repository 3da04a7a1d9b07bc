"""The job `retime_clip`: adaptive speedup of a clip, as a plan, a movie, or both."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restyle.declare import Value
from restyle.errors import BadInputError, UsageError
from restyle.jobs.retime_clip import spans
from restyle.kinds.curve import Curve
from restyle.kinds.frames import Frames, MovieFile
from restyle.kinds.model import Model

from ..context import JobContext
from ..retime import motion, plot
from ..retime.cuts import find_cuts
from ..retime.media import Footage, forget, read
from ..retime.plan import Domain, PlanOptions, output_length, plan, regions_of, slowness_bounds, speedup_vector
from ..retime.speech import speech
from ..retime.types import Plan, Speediness

if TYPE_CHECKING:
    from ..retime.speediness.curve import Judge

MAX_LISTED = 1000  # cuts and regions in the report
ENOUGH = 0.5  # of the frames, about which the network must be sure to decide
RANGE = 8.0  # times the normal speed that a part may have, where nothing else is said
PATIENCE = 60.0  # seconds of judging, after which it is said how long it takes if that is longer than the clip, too
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


@dataclass(frozen=True)
class Found:
    """What the analysis made of a clip. method: that decided. wanted: (T,) V(t). sure: (T,), where it is known."""

    method: str
    cuts: tuple[int, ...]
    wanted: NDArray[np.float64]
    sure: NDArray[np.bool_] | None = None
    speediness: Speediness | None = None
    energy: NDArray[np.float64] | None = None


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Retime the clip; see the declaration for inputs, outputs and parameters."""
    work = Work(context, parameters, inputs.get("network"))
    if work.weights is not None:
        _ = work.network  # refused before the long part
    clip: Frames | MovieFile = inputs["clip"]
    with _footage(work, clip) as footage:
        if "map" in inputs:
            found = Found("map", (), np.ones(footage.info.frames))
            made = _given(inputs["map"], footage)
            options = PlanOptions()
        else:
            length = _length(parameters, footage)
            options = _options(parameters, footage.info.frames / length)
            locked = _locked(inputs.get("locks"), parameters, footage)
            slowness_bounds(
                footage.info.frames, footage.info.fps, length, options, locked=locked
            )  # before the long part
            found = _analysed(work, footage, length, options)
            most = _speech_limit(work, footage) if parameters["protect_speech"] else None
            with work.stage("solve", 0.64, 0.65, "Solving for the speed"):
                made = plan(
                    found.wanted,
                    footage.info.fps,
                    length,
                    options,
                    sure=found.sure,
                    cuts=found.cuts,
                    locked=locked,
                    most=most,
                )
        outputs = _described(work, footage, found, made)
        outputs |= _rendered(work, footage, found, made)
        if parameters["features"]:
            outputs["features"] = _features(work, footage)
    outputs["report"] = _report(work, footage, found, made, options)
    return outputs


# Before the plan


@contextmanager
def _footage(work: Work, clip: Frames | MovieFile) -> Iterator[Footage]:
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


def _length(parameters: dict[str, Value], footage: Footage) -> int:
    """How many frames the result has."""
    if parameters["frames"] is not None:
        return int(parameters["frames"])
    if parameters["duration"] is not None:
        return max(1, round(float(parameters["duration"]) * float(footage.info.fps)))
    return output_length(footage.info.frames, float(parameters["speed"] or 1))


def _options(parameters: dict[str, Value], speed: float) -> PlanOptions:
    """Limits that leave room around the speed asked for, unless they were given."""
    low, high = parameters["min_speed"], parameters["max_speed"]
    usual = (1.0, max(RANGE, 2 * speed)) if speed >= 1 else (speed / 2, min(1.0, 2 * speed))
    slowest = min(usual[0], float(high or usual[0])) if low is None else float(low)
    fastest = max(usual[1], slowest) if high is None else float(high)
    domain: Domain = "speed" if parameters["domain"] == "speed" else "slowness"
    return PlanOptions(slowest, fastest, float(parameters["smoothness"] or 0), domain)


def _locked(locks: Curve | None, parameters: dict[str, Value], footage: Footage) -> list[tuple[int, int]]:
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


def _analysed(work: Work, footage: Footage, length: int, options: PlanOptions) -> Found:
    """V(t), by the method asked for or the one that takes its place."""
    info, method = footage.info, str(work.parameters["method"])
    with work.stage("cuts", 0.3, 0.32, "Looking for cuts"):
        cuts = find_cuts(footage.greys)
    if method == "uniform":
        return Found(method, cuts, np.full(info.frames, info.frames / length))
    if method == "speednet":
        found = _judged(work, footage, cuts)
        if found.sure.mean() >= ENOUGH:
            if not found.sure.all():
                work.warn(
                    f"The network cannot tell in {1 - found.sure.mean():.0%} of the clip; there the speed follows its "
                    "surroundings."
                )
            return Found(method, cuts, speedup_vector(found), found.sure, found)
        where = "most of this clip" if found.sure.any() else "this clip"
        work.warn(f"The network cannot tell how fast {where} is; motion energy decides instead.")
    with work.stage("flow", 0.32, 0.6, "Measuring motion") as on_step:
        energy = motion.motion_energy(footage.greys, info.fps, cuts, device=work.context.device, on_step=on_step)
        limits = options.min_speed, options.max_speed
        wanted = motion.wanted_speed(energy, info.fps, length, limits, cuts)
    return Found("motion", cuts, wanted, energy=energy)


def _judged(work: Work, footage: Footage, cuts: tuple[int, ...]) -> Speediness:
    """What the network makes of each shot by itself: a cut within its window would look like hurry."""
    from ..retime.speediness import speediness

    net, rate = work.network, float(footage.info.fps)
    edges = (0, *cuts, footage.info.frames)
    parts = []
    with work.stage("network", 0.32, 0.6, "Judging speediness") as report:
        on_step = _estimating(work, footage.info.duration, report)
        for first, last in pairwise(edges):

            def share(part: float, first: int = first, last: int = last) -> None:
                forget(footage.greys)
                on_step((first + (last - first) * part) / edges[-1])

            parts.append(speediness(footage.greys[first:last], rate, net, on_step=share))
    mapped = [(part.map, part.map_frames + first) for part, first in zip(parts, edges) if part.map_frames is not None]
    return Speediness(
        parts[0].rates,
        np.concatenate([part.curves for part in parts], axis=1),
        np.concatenate([part.sure for part in parts]),
        np.concatenate([part for part, _ in mapped if part is not None]) if mapped else None,
        np.concatenate([frames for _, frames in mapped]) if mapped else None,
    )


def _estimating(work: Work, length: float, on_step: Callable[[float], None]) -> Callable[[float], None]:
    """As `on_step`, with a warning at the first step if given weights will take long for a clip of `length` seconds."""
    started, estimated = time.monotonic(), work.weights is None

    def step(share: float) -> None:
        nonlocal estimated
        if share > 0 and not estimated:
            estimated = True
            seconds = (time.monotonic() - started) / share
            if seconds > max(PATIENCE, length):
                work.warn(
                    f"network: judging this clip takes about {round(seconds / 60)} min on {work.context.device}. A GPU "
                    "is faster; so are the bundled network and the method motion."
                )
        on_step(share)

    return step


def _speech_limit(work: Work, footage: Footage) -> NDArray[np.float64]:
    """The highest speed of each frame, (T,)."""
    with work.stage("speech", 0.6, 0.64, "Listening for speech") as on_step:
        spoken = speech(footage, on_step)
    if not spoken.any():
        work.warn("No speech was found that could be protected.")
    return np.where(spoken, work.number("speech_speed"), np.inf)


def _given(given: Curve, footage: Footage) -> Plan:
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


# After the plan


def _described(work: Work, footage: Footage, found: Found, made: Plan) -> dict[str, Any]:
    rate = float(made.fps)
    series: dict[str, NDArray[Any]] = {"speed": made.speed, "wanted": made.wanted}
    if found.energy is not None:
        series["motion"] = found.energy
    if found.speediness is not None:
        series["speediness"] = found.speediness.curves.T.astype(np.float32)
        series["sure"] = found.speediness.sure.astype(np.float32)
    average = footage.info.frames / len(made.source)
    with work.stage("plot", 0.65, 0.66, "Drawing the plot"):
        shown = plot.Measured(found.speediness, found.energy, footage.greys)
        picture = plot.draw(made, f"{average:.3g}x by {found.method}", shown)
    return {"plan": Curve({"source": made.source}, rate), "speeds": Curve(series, rate), "picture": picture}


def _rendered(work: Work, footage: Footage, found: Found, made: Plan) -> dict[str, MovieFile]:
    """The files that were asked for."""
    from ..retime.heat import render_heat
    from ..retime.render import render
    from ..retime.sound import retime_sound

    parameters, folder = work.parameters, work.context.scratch
    outputs: dict[str, MovieFile] = {}
    track: Path | None = None
    if parameters["wav"] or (parameters["sound"] and parameters["render"]):
        track = folder / "sound.wav"
        with work.stage("sound", 0.66, 0.7, "Retiming the sound") as on_step:
            if not retime_sound(footage, made, track, mute_above=work.number("mute_above"), on_step=on_step):
                track = None
        if parameters["wav"] and track is None:
            work.warn("The clip has no sound, so there is no sound file.")
        elif parameters["wav"] and track is not None:
            outputs["sound"] = MovieFile.of(track)
    if parameters["render"]:
        movie = folder / f"movie.{parameters['container']}"
        with work.stage("encode", 0.7, 0.9 if parameters["heat"] else 1.0, "Writing the movie") as on_step:
            sound = track if parameters["sound"] else None
            render(movie, footage, made, blend=bool(parameters["blend"]), sound=sound, on_step=on_step)
        outputs["movie"] = MovieFile.of(movie)
    if parameters["heat"]:
        if found.speediness is None or found.speediness.map is None or found.speediness.map_frames is None:
            work.warn("There is no map of speediness to lay over the clip: the network did not decide here.")
        else:
            with work.stage("heat", 0.9, 1.0, "Writing the heat overlay") as on_step:
                over = folder / "heat.mp4"
                render_heat(over, footage, found.speediness.map, found.speediness.map_frames, on_step=on_step)
            outputs["heat"] = MovieFile.of(over)
    return outputs


def _features(work: Work, footage: Footage) -> Curve:
    from ..retime.speediness import features

    with work.stage("features", 0.95, 1.0, "Making features") as on_step:
        found = features(footage.greys, float(footage.info.fps), work.network, on_step=on_step)
    series: dict[str, NDArray[Any]] = {
        "first": found.first.astype(np.float64),
        "last": found.last.astype(np.float64),
        "vectors": found.vectors,
    }
    return Curve(series, float(footage.info.fps))


def _report(work: Work, footage: Footage, found: Found, made: Plan, options: PlanOptions) -> dict[str, Any]:
    info, rate = footage.info, float(made.fps)
    unsure = regions_of(~found.sure) if found.sure is not None else ()
    return {
        "method": found.method,
        "weights": "bundled" if work.weights is None else "given",
        "frames": len(made.source),
        "source_frames": info.frames,
        "fps": rate,
        "rate": [info.fps.numerator, info.fps.denominator],
        "size": [info.width, info.height],
        "length": len(made.source) / rate,
        "speed": info.frames / len(made.source),
        "slowest": float(made.speed.min()),
        "fastest": float(made.speed.max()),
        "cuts": list(made.cuts[:MAX_LISTED]),
        "locked": [list(region) for region in made.locked[:MAX_LISTED]],
        "unsure": [list(region) for region in unsure[:MAX_LISTED]],
        "has_sound": info.has_sound,
        "seconds": {name: round(value, 3) for name, value in work.seconds.items()},
        "cpu_seconds": {name: round(value, 3) for name, value in work.cpu_seconds.items()},
        "device": work.context.device,
        "warnings": work.warnings,
        "options": asdict(options) | {"frames": len(made.source), "duration": len(made.source) / rate},
    }
