"""Where results go: onto an object, beside an image, above a strip. Nothing that is there is changed.

Each `deliver` is to be followed by one undo step, which `session.apply` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import bpy

from . import pictures, results, settings, strips
from .restyle.declare import JobDeclaration
from .restyle.errors import BadInputError
from .restyle.jobs import declaration
from .tasks import Target, Task

Place = Literal["TARGET", "ACTIVE", "NEW"]  # what was sent, the active object, or something new


def waits_for(task: Task, loads: int) -> str:
    """What the artist has to do before the result can be put in its place; empty if it can be, or never can."""
    obj = task.target.find(loads) if task.target and task.target.kind == "OBJECT" else None
    if obj is None or (obj.mode == "OBJECT" and not obj.data.is_editmode):
        return ""
    return f"Leave {_mode(obj)} to see the result"


def _mode(obj: bpy.types.Object) -> str:
    return f"{obj.mode.replace('_', ' ').title()} Mode"


def deliver(task: Task, place: Place, loads: int, obj: bpy.types.Object | None = None) -> None:
    """Put the task's result into the file; BadInputError says why it cannot be, and what to do.

    obj: the object that gets it, if `place` is ACTIVE.
    """
    if task.result is None and not task.arrived:
        raise BadInputError("The result of this job has not arrived yet.")
    if settings.editor(declaration(task.job)) != "VIEW_3D":
        _deliver_pictures(task, place, loads)
    elif place == "NEW":
        _to_new_object(task, loads)
    else:
        _to_object(task, obj if place == "ACTIVE" else _target_object(task, loads))


# Objects


def _target_object(task: Task, loads: int) -> bpy.types.Object:
    if task.target is None:
        raise BadInputError("There is no mesh object to apply it to. Select one, or make a new object.")
    obj = task.target.find(loads)
    if obj is None:
        raise BadInputError(f"“{task.target.name}” is no longer in this file.")
    return obj


def _to_object(task: Task, obj: bpy.types.Object | None) -> None:
    from . import meshes

    if obj is None or obj.type != "MESH":
        raise BadInputError("There is no mesh object to apply it to. Select one, or make a new object.")
    arrays = _arrays(task)
    check_editable(obj)
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        raise BadInputError(f"Leave {_mode(obj)} first: “{obj.name}” is being edited.")
    fits = (
        meshes.same_topology(task.before, obj.data)
        if task.before is not None
        else all(len(array) == len(obj.data.vertices) for array in arrays.values())
    )
    if not fits:
        raise BadInputError(
            f"The vertices or faces of “{obj.name}” are no longer those that were sent, so the result does not "
            "fit. Make a new object from it, or undo the change."
        )
    result = results.store(obj.data, arrays, task.recipe())
    first = results.modifier(obj) is None
    results.show(obj, result, colors=not any(obj.data.materials) if first else None)


def _to_new_object(task: Task, loads: int) -> None:
    """Make a new object from the mesh that was sent, with the result on it."""
    from . import meshes

    if task.before is None:
        raise BadInputError("The mesh of this job was not kept. Choose an object with the same vertices instead.")
    name = f"{task.target.name} restyled" if task.target else "Restyled"
    obj = bpy.data.objects.new(name, meshes.rebuild(task.before, name))
    bpy.context.scene.collection.objects.link(obj)
    if origin := task.target.find(loads) if task.target else None:
        obj.matrix_world = origin.matrix_world
    results.show(obj, results.store(obj.data, _arrays(task), task.recipe()), colors=True)


def _arrays(task: Task) -> Mapping[str, Any]:
    port = next(port for port in declaration(task.job).outputs if port.kind == "attributes")
    return task.result.outputs[port.name]


def check_editable(obj: bpy.types.Object) -> None:
    """Raise BadInputError if the object or its mesh is linked from another file."""
    for owner in (obj, obj.data):
        if owner.library is not None:
            raise BadInputError(
                f"“{owner.name}” is linked from {Path(owner.library.filepath).name} and cannot be changed here. "
                "Make it local first: Object > Relations > Make Local > Selected Objects and Data."
            )


# Pictures and clips


def own_folder() -> Path:
    """Where files that the artist's file needs are written: beside it, or if it was never saved, in our own folder."""
    if not bpy.data.filepath:
        return Path(bpy.utils.extension_path_user(__package__, path="files", create=True))
    return Path(bpy.data.filepath).parent / "restyle"


def frames_folder(task: Task) -> Path:
    """Where the frames of a task's result are to be written."""
    label = bpy.path.clean_name(task.target.name if task.target else "frames")
    return own_folder() / f"{label}_{task.id[:8]}"


def _deliver_pictures(task: Task, place: Place, loads: int) -> None:
    job = declaration(task.job)
    if settings.editor(job) == "SEQUENCE_EDITOR":
        _to_strip(job, task, place, loads)
    else:
        _to_images(job, task, loads)


def _to_images(job: JobDeclaration, task: Task, loads: int) -> None:
    """Add every picture of the result as an image, and show the first."""
    source = task.target.find(loads) if task.target else None
    beside = source.name if source is not None else task.target.name if task.target else task.label
    sources = _source_images(task, loads)
    made = [
        pictures.add(_name(beside, task, port.name if number else ""), task.arrived[port.name], task.recipe(), sources)
        for number, port in enumerate(port for port in job.outputs if port.kind == "image")
        if port.name in task.arrived
    ]
    if not made:
        raise BadInputError("This job left no picture.")
    pictures.show(made[0], source or next(iter(sources.values()), None))


def _name(beside: str, task: Task, port: str = "") -> str:
    name = f"{beside} restyled" if task.result is not None else f"{beside} restyled, unfinished"
    return f"{name}, {port.replace('_', ' ')}" if port else name


def _source_images(task: Task, loads: int) -> dict[str, bpy.types.Image]:
    """The images that the task was made from, as far as they are still there; a picture file is opened as one."""
    same_session = task.target is not None and task.target.loads == loads
    found = {port: _source_image(source, same_session=same_session) for port, source in task.sources.items()}
    return {port: image for port, image in found.items() if image is not None}


def _source_image(source: Mapping[str, str], *, same_session: bool) -> bpy.types.Image | None:
    if source["source"] == "RENDER":
        return bpy.data.images.get(pictures.RENDER)
    if source["source"] == "FILE" and not source["name"].lower().endswith(".exr"):
        with suppress(RuntimeError):  # it was there a moment ago; if it is not any more, nothing is compared with it
            return bpy.data.images.load(bpy.path.abspath(source["name"]), check_existing=True)
    if source["source"] != "IMAGE":
        return None
    uid = int(source.get("uid", 0)) if same_session else 0
    found = next((image for image in bpy.data.images if uid and image.session_uid == uid), None)
    return found or bpy.data.images.get(source["name"])


def _to_strip(job: JobDeclaration, task: Task, place: Place, loads: int) -> None:
    """Add the clip of the result as a strip above the one that was sent; NEW: wherever that was."""
    port = next(port for port in job.outputs if port.kind == "frames")
    if port.name not in task.arrived:
        raise BadInputError("This job left no frames.")
    target = task.target or Target(task.label, bpy.data.filepath, kind="STRIP", start=bpy.context.scene.frame_start)
    source = target.find(loads)
    if source is None and task.target is not None and place != "NEW":
        raise BadInputError(f"The strip “{target.name}” is no longer in this file.")
    clip = task.arrived[port.name]
    strips.add(target, source, clip, _name(target.name, task), task.recipe())
