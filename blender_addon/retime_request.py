"""From a strip and what the artist set to the request for the job `retime_clip`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import clips, compat, strips
from .picks import Picked
from .restyle.errors import BadInputError, UsageError
from .restyle.jobs.retime_clip import check_network
from .retiming_source import SAME_RATE, Showing, from_record, showing, sounds_of
from .tasks import Target

if TYPE_CHECKING:
    from .restyle.kinds.model import Model
    from .tasks import Task

JOB = "retime_clip"
MARKERS = ("1x", "/1x")  # between two of these a strip keeps its own speed
ANALYSIS_SIDE = 128  # pixels of the shorter side, at which the server looks at a clip
OF_BAKING = ("blend", "mute_above", "sound")  # parameters that matter for a given frame map


@dataclass(frozen=True)
class Weights:
    """Weights that judge instead of the bundled ones. path: of their file, as the artist has it."""

    path: str
    model: Model

    @classmethod
    def chosen(cls, path: str, parameters: Mapping[str, Any]) -> Weights | None:
        """Those of that file; None without one, or where no network judges. BadInputError if they are none."""
        from .restyle.kinds.model import read

        if not path.strip() or parameters["method"] != "speednet":
            return None
        model = read(file := Path(bpy.path.abspath(path.strip())))
        try:
            check_network(model)
        except BadInputError as error:
            raise BadInputError(f"{file}: {error.message.removeprefix('network: ')}") from error
        return cls(path.strip(), model)


def analysis(
    scene: bpy.types.Scene, strip: Any, parameters: Mapping[str, Any], loads: int, weights: Weights | None = None
) -> tuple[Picked, dict[str, Any]]:
    """The inputs and parameters by which the strip is analysed, as it was before it was retimed, if it is.

    parameters: as the panel has them; `frames` and `duration` are meant on the timeline. loads: see `Target`.
    Raises BadInputError for a strip that cannot be retimed, UsageError for a length that cannot be.
    """
    shown = showing(scene, strip)
    length = wanted_length(strips.frame_rate(scene), shown.length, parameters)
    given = {name: value for name, value in parameters.items() if name not in ("speed", "duration", "frames", "blend")}
    given |= {"frames": shown.frames(length), "render": False, "wav": _wants_sound(scene, strip, shown, parameters)}
    if locks := [*filter(None, [str(parameters.get("lock", "")).strip()]), *marked(scene, strip, shown)]:
        given["lock"] = ", ".join(locks)
    about = {"way": "SPEED", "length": str(length)} | ({"weights": weights.path} if weights else {})
    picked = _picked(scene, strip, shown, loads, about)
    picked.values["clip"] = _clip(scene, strip, shown, small=True)
    if weights:
        picked.values["network"] = weights.model
    return picked, given


def baking(
    scene: bpy.types.Scene, strip: Any, plan: Any, parameters: Mapping[str, Any], loads: int
) -> tuple[Picked, dict[str, Any]]:
    """The inputs and parameters by which a movie is made of the strip along a frame map.

    plan: (L,) positions in the clip, at the clip's rate.
    """
    from .restyle.kinds.curve import Curve

    shown = showing(scene, strip)
    given = {name: parameters[name] for name in OF_BAKING if name in parameters}
    given |= {"frames": len(plan), "render": True, "wav": _wants_sound(scene, strip, shown, parameters)}
    picked = _picked(scene, strip, shown, loads, {"way": "BAKE", "length": str(shown.timeline(len(plan)))})
    picked.values |= {"clip": _clip(scene, strip, shown, small=False), "map": Curve({"source": plan}, shown.fps)}
    return picked, given


def wanted_length(rate: float, length: int, parameters: Mapping[str, Any]) -> int:
    """How many frames of the timeline the result is to take, of a strip that takes `length`.

    rate: frames of the scene per second. Raises UsageError if none is left.
    """
    if parameters.get("frames") is not None:
        return int(parameters["frames"])
    if parameters.get("duration") is not None:
        wanted = round(float(parameters["duration"]) * rate)
    else:
        wanted = round(length / float(parameters["speed"]))
    if wanted < 1:
        raise UsageError("That would leave no frame. Choose a lower speed, or a greater length.")
    return wanted


def marked(scene: bpy.types.Scene, strip: Any, shown: Showing) -> list[str]:
    """The seconds of the clip that are to keep their speed: from a marker named 1x to the next one named 1x or /1x."""
    start = compat.strip_content(strip)[0] + shown.ahead
    found = sorted((marker.frame, marker.name.strip().lower()) for marker in scene.timeline_markers)
    spans, begin = [], None
    for frame, name in [(frame, name) for frame, name in found if name in MARKERS] + [(start + shown.length, "/1x")]:
        if begin is None:
            begin = frame if name == "1x" else None
            continue
        first, last = max(begin - start, 0), min(frame - start, shown.length)
        if first < last:
            seconds = [f"{place * shown.rate / shown.fps:.6f}" for place in (first, last)]
            spans.append("-".join(seconds))
        begin = None
    return spans


def _wants_sound(scene: bpy.types.Scene, strip: Any, shown: Showing, parameters: Mapping[str, Any]) -> bool:
    """Whether there is a sound to be retimed with the strip; not where it runs away from its pictures anyway."""
    in_step = shown.rate != 1 or abs(shown.fps / strips.frame_rate(scene) - 1) < SAME_RATE
    return bool(parameters.get("sound", True)) and in_step and bool(sounds_of(scene, strip))


def _picked(scene: bpy.types.Scene, strip: Any, shown: Showing, loads: int, about: Mapping[str, str]) -> Picked:
    start, _ = compat.strip_span(strip)
    target = Target(
        strip.name,
        bpy.data.filepath,
        loads=loads,
        kind="STRIP",
        scene=scene.name,
        start=start,
        channel=strip.channel,
        ahead=shown.ahead,
    )
    source = {"source": "STRIP", "name": strip.name, "label": strip.name, "showing": json.dumps(asdict(shown)), **about}
    return Picked(sources={"clip": source}, target=target)


def showing_of(task: Task) -> Showing:
    """What the strip showed when the task was made; BadInputError if that was not kept."""
    text = task.sources.get("clip", {}).get("showing")
    if text is None:
        raise BadInputError("It is not known what strip this job is for: analyze the strip again.")
    return from_record(json.loads(text))


def _clip(scene: bpy.types.Scene, strip: Any, shown: Showing, *, small: bool) -> Any:
    """The strip's file as it is, if the server reads such files; else the frames that it shows."""
    from .restyle.kinds.frames import MovieFile, check_size
    from .restyle.kinds.media import SUFFIXES

    file = shown.files[0]
    if shown.kind == "MOVIE" and not shown.reverse and file.lower().endswith(SUFFIXES):
        first, behind = shown.skip + shown.first, shown.first + shown.count
        return MovieFile.of(file, first or None, None if shown.to_end else shown.skip + behind - 1)
    width, height = strips.size(strip)
    side = min(width, height)
    percent = max(1, min(100, -(-100 * ANALYSIS_SIDE // side))) if small and side else 100
    check_size(shown.count, height * percent // 100, width * percent // 100)
    request = clips.Request(
        strip.name,
        shown.kind,
        shown.files,
        ahead=shown.first,
        length=shown.count,
        total=0,
        skip=shown.skip,
        skip_end=shown.skip_end,
        reverse=shown.reverse,
        percent=percent,
    )
    return clips.Clip(clips.Reading(request, bpy.app.binary_path), shown.fps)
