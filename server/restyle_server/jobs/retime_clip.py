"""The job `retime_clip`: adaptive speedup of a clip, as a plan, a movie, or both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.declare import Value
from restyle.kinds.curve import Curve
from restyle.kinds.frames import Frames, MovieFile
from restyle.words import counted

from ..context import JobContext
from ..retime import motion, plot
from ..retime.cuts import find_cuts
from ..retime.media import Footage, forget
from ..retime.plan import PlanOptions, plan, regions_of, slowness_bounds, speedup_vector
from ..retime.speech import speech
from ..retime.types import ClipInfo, Plan, Speediness
from .retime_inputs import Work, footage_of, given_plan, length_of, locks_of, options_of

MAX_LISTED = 1000  # cuts and regions in the report
ENOUGH = 0.5  # of the frames, about which the network must be sure to decide
PATIENCE = 60.0  # seconds of judging, after which it is said how long it takes if that is longer than the clip, too


@dataclass(frozen=True)
class Found:
    """What the analysis made of a clip.

    method: that decided. wanted: (T,) V(t). sure: (T,), where the network could tell; None if it was not asked.
    """

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
    with footage_of(work, clip) as footage:
        if "map" in inputs:
            found = Found("map", (), np.ones(footage.info.frames))
            made = given_plan(inputs["map"], footage)
            options = PlanOptions()
        else:
            length = length_of(parameters, footage)
            options = options_of(parameters, footage.info.frames / length)
            locked = locks_of(inputs.get("locks"), parameters, footage)
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
                    sure=found.sure if found.speediness else None,
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


def _analysed(work: Work, footage: Footage, length: int, options: PlanOptions) -> Found:
    """V(t), by the method asked for or the one that takes its place."""
    info, method = footage.info, str(work.parameters["method"])
    with work.stage("cuts", 0.3, 0.32, "Looking for cuts"):
        cuts = find_cuts(footage.greys)
    sure = None
    if method == "uniform":
        return Found(method, cuts, np.full(info.frames, info.frames / length))
    if method == "speednet":
        found = _judged(work, footage, cuts)
        sure = found.sure
        if sure.mean() >= ENOUGH:
            if not sure.all():
                work.warn(
                    f"The network cannot tell in {1 - sure.mean():.0%} of the clip; there the speed follows its "
                    "surroundings."
                )
            return Found(method, cuts, speedup_vector(found), sure, found)
        where = "most of this clip" if sure.any() else "this clip"
        why = _why(work, info, cuts)
        work.warn(f"The network cannot tell how fast {where} is, since {why}; motion energy decides instead.")
    with work.stage("flow", 0.32, 0.6, "Measuring motion") as on_step:
        energy = motion.motion_energy(footage.greys, info.fps, cuts, device=work.context.device, on_step=on_step)
        limits = options.min_speed, options.max_speed
        wanted = motion.wanted_speed(energy, info.fps, length, limits, cuts)
    return Found("motion", cuts, wanted, sure, energy=energy)


def _why(work: Work, info: ClipInfo, cuts: tuple[int, ...]) -> str:
    """Why the network cannot tell how fast a clip is, as far as that is known."""
    from ..retime.speediness.curve import LEAST_FPS, base_step

    rate, longest = float(info.fps), max(last - first for first, last in pairwise((0, *cuts, info.frames)))
    if rate < LEAST_FPS:
        return f"it has {rate:.4g} frames per second, and {LEAST_FPS:g} are needed"
    if longest < (needed := (work.network.window - 1) * base_step(rate) + 1):
        return f"{'its longest shot' if cuts else 'it'} has {counted(longest, 'frame')}, and {needed} are needed"
    return "sped-up copies look no more hurried"


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
        "rates": [] if found.speediness is None else [round(float(rate), 4) for rate in found.speediness.rates],
        "unsure": [list(region) for region in unsure[:MAX_LISTED]],
        "has_sound": info.has_sound,
        "seconds": {name: round(value, 3) for name, value in work.seconds.items()},
        "cpu_seconds": {name: round(value, 3) for name, value in work.cpu_seconds.items()},
        "device": work.context.device,
        "warnings": work.warnings,
        "options": asdict(options) | {"frames": len(made.source), "duration": len(made.source) / rate},
    }
