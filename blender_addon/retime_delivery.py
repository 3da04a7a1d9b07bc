"""What becomes of the results of `retime_clip`: a strip retimed, a movie in its place, a heat map over it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, retime_request, retiming, retiming_keys, retiming_parts, strips
from .restyle.errors import BadInputError
from .retiming_source import MARK, SAME_RATE, Showing, parent, record_of, showing
from .tasks import State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .tasks import Task


def to_be_seen_first(task: Task) -> bool:
    """Whether the artist is to see the result before anything changes: the curve; not the movie made by a known one."""
    return task.job == retime_request.JOB and way_of(task) != "BAKE"


def is_asked_for(task: Task) -> bool:
    """Whether the artist has already said that the result is to be applied."""
    return task.job == retime_request.JOB and way_of(task) == "BAKE"


def way_of(task: Task) -> str:
    """How the result is to be applied: SPEED (a Speed Control strip), KEYS (retiming keys) or BAKE (a movie)."""
    return str(task.sources.get("clip", {}).get("way", "SPEED"))


def strip_of(task: Task, loads: int) -> tuple[bpy.types.Scene, Any, Showing]:
    """The strip that a task is for, also under another name or elsewhere, and what it shows.

    Raises BadInputError if it is gone, or if it shows something else by now.
    """
    shown = retime_request.showing_of(task)
    target = task.target
    named = target.find(loads) if target else None
    scene = bpy.data.scenes.get(target.scene) if target else None
    if scene is None or scene.sequence_editor is None:
        raise BadInputError("The scene of this strip is no longer in this file.")
    others = [strip for strip in compat.all_strips(scene.sequence_editor)[0] if strip.type == shown.kind]
    for strip in others if named is None else [named]:  # it may have been renamed
        if MARK not in strip and strips.files(strip) == shown.files and _still_shows(scene, strip, shown):
            return scene, strip, shown
    if named is None:
        raise BadInputError(f"“{target.name}” is no longer in this file.")
    raise BadInputError(f"“{target.name}” was cut or changed since it was analyzed: analyze it again.")


def _still_shows(scene: bpy.types.Scene, strip: Any, shown: Showing) -> bool:
    try:
        return showing(scene, strip) == shown
    except BadInputError:
        return False


def is_curve(task: Task) -> bool:
    """Whether a task is a finished analysis that waits to be applied."""
    return task.job == retime_request.JOB and task.state is State.READY and to_be_seen_first(task)


def summary(task: Task) -> str:
    """A finished analysis in one line."""
    report = task.result.outputs["report"]
    return (
        f"{report['source_frames']} to {report['frames']} frames ({report['speed']:.2f}x), from "
        f"{report['slowest']:.2g}x to {report['fastest']:.2g}x"
    )


def positions(task: Task) -> NDArray[np.float64]:
    """The plan of a finished analysis: (L,) positions in the clip, at its rate."""
    import numpy as np

    return np.asarray(task.result.outputs["plan"].series["source"], np.float64).reshape(-1)


def plan_now(scene: bpy.types.Scene, strip: Any) -> NDArray[np.float64]:
    """The same, read off the keys of a strip that was retimed; BadInputError if it has none."""
    import numpy as np

    frames = retiming.frames_now(scene, strip) if strip is not None else None
    if frames is None:
        raise BadInputError("There is no curve to bake: analyze a strip first, or select one with a Speed Control.")
    shown = showing(scene, strip)
    places = np.arange(shown.frames(len(frames))) / shown.rate
    return frames[np.minimum(np.rint(places).astype(int), len(frames) - 1)].astype(np.float64)


def _check_rate(task: Task, shown: Showing) -> None:
    """Raise BadInputError if Blender does not count the frames of the file as the server does."""
    curve = task.result.outputs["plan"]
    if abs(curve.fps / shown.fps - 1) > SAME_RATE:
        raise BadInputError(
            f"This movie has a varying frame rate: its frames are {curve.fps:.5g} per second, and Blender takes them "
            f"for {shown.fps:.5g}. Bake it, or convert it to a constant rate first."
        )


def frames_of(task: Task, shown: Showing) -> NDArray[np.int64]:
    """Which of its frames the strip is to show, for each frame of the timeline; as many as were asked for."""
    _check_rate(task, shown)
    return retiming.frames_of(positions(task), shown, int(task.sources["clip"]["length"]))


def deliver(task: Task, loads: int) -> None:
    """Apply the result of a task in its way; BadInputError says why that cannot be."""
    scene, strip, shown = strip_of(task, loads)
    sound = task.arrived.get("sound")
    recipe = task.recipe()
    if way_of(task) == "BAKE":
        if "movie" not in task.arrived:
            raise BadInputError("This job left no movie.")
        length = task.result.outputs["report"]["frames"]
        made = retiming.stand_in(scene, strip, shown, task.arrived["movie"], frames=length, recipe=recipe, sound=sound)
    elif way_of(task) == "KEYS":
        made = retiming_keys.apply(scene, strip, shown, frames_of(task, shown), recipe=recipe, sound=sound)
    else:
        made = retiming.apply(scene, strip, shown, frames_of(task, shown), recipe=recipe, sound=sound)
    scene.sequence_editor.active_strip = made
    if heat := heat_of(task, None):
        retiming_parts.remember(strip, heat=strips.path(heat))


def heat_of(task: Task | None, strip: Any | None) -> Path | None:
    """The heat map of a finished analysis, or that of a retimed strip; None if neither has one."""
    if task is not None:
        return task.arrived.get("heat")
    known = (record_of(strip) or {}).get("heat")
    return Path(bpy.path.abspath(known)) if known else None


def add_heat(scene: bpy.types.Scene, strip: Any, file: Path) -> Any:
    """Put the clip under its map of speediness above the strip, in step with it also where that is retimed."""
    shown, frames, name = showing(scene, strip), retiming.frames_now(scene, strip), f"{strip.name} heat"
    if frames is None and record_of(strip) is not None:
        raise BadInputError("A heat map can only go along with Speed Control: restore the strip first.")
    channel = _over_all(scene, strip)
    if frames is None:
        *_, made = retiming.place_movie(scene, strip, shown, _kept(file), channel=channel, name=name)
        return made
    owner, (start, _) = parent(scene, strip), compat.strip_span(strip)
    under = compat.strips_of(owner).new_movie(name, strips.path(_kept(file)), channel, start)
    strips.same_look(strip, under, *strips.size(under))
    compat.set_span(under, start, start + len(frames))
    return retiming.speed_control(scene, owner, under, frames, channel=channel + 1, name=f"{name} retimed")


def _kept(file: Path) -> Path:
    """A copy of a task's file beside its folder, which goes when the task is dismissed."""
    copy = file.parent.with_name(f"{file.parent.name}_{file.name}")
    if not file.exists():
        raise BadInputError(f"{file} does not exist any more: analyze again with Heat Overlay.")
    if not copy.exists():
        shutil.copyfile(file, copy)
    return copy


def _over_all(scene: bpy.types.Scene, strip: Any) -> int:
    """A channel above all strips there; those right above the strip are left to its retiming."""
    others = strips.overlapping(parent(scene, strip), *compat.strip_span(strip))
    return max(strip.channel + 2, *(other.channel for other in others)) + 1
