"""Where results go: onto an object, beside an image, above a strip. Nothing that is there is changed.

Each `deliver` is to be followed by one undo step, which `session.apply` makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import bpy
from mathutils import Matrix

from . import objects, pictures, results, retime_delivery, retime_request, settings, strips, textures
from .restyle.declare import JobDeclaration
from .restyle.errors import BadInputError
from .restyle.jobs import declaration
from .restyle.jobs.stylize_mesh import variation as one_of
from .tasks import Companion, Target, Task

Place = Literal["TARGET", "ACTIVE", "NEW"]  # what was sent, the active object, or something new


def waits_for(task: Task, loads: int) -> str:
    """What the artist has to do before the result can be put in its place; empty if it can be, or never can."""
    targets = [task.target, *(other.target for other in task.others)]
    for target in targets:
        obj = target.find(loads) if target and target.kind == "OBJECT" else None
        if obj is not None and (obj.mode != "OBJECT" or obj.data.is_editmode):
            return f"Leave {_mode(obj)} to see the result"
    return ""


def _mode(obj: bpy.types.Object) -> str:
    return f"{obj.mode.replace('_', ' ').title()} Mode"


def deliver(task: Task, place: Place, loads: int, obj: bpy.types.Object | None = None, variation: int = 1) -> None:
    """Put the task's result into the file; BadInputError says why it cannot be, and what to do.

    obj: the object that gets it, if `place` is ACTIVE. variation: the number of one of several results.
    """
    if task.result is None and not task.arrived:
        raise BadInputError("The result of this job has not arrived yet.")
    job = declaration(task.job)
    if task.job == retime_request.JOB:
        retime_delivery.deliver(task, loads)
    elif settings.editor(job) != "VIEW_3D":
        _deliver_pictures(task, place, loads)
    elif all(port.kind != "attributes" for port in job.outputs):
        _to_textures(task, place, loads, obj)
    else:
        _to_objects(task, place, loads, obj, variation)
        if style := _style(task, loads, variation):
            bpy.context.scene.restyle.style = style


# Objects


def _to_objects(task: Task, place: Place, loads: int, active: bpy.types.Object | None, variation: int) -> None:
    """Put the result onto every object of the task: all of them or, if something is in the way of one, none.

    NEW: an object that is gone or has other vertices by now is made anew from the mesh as it was sent; so is the only
    one, whatever became of it.
    """
    parts = list(objects.own_rows(task, _arrays(task, variation)))
    recipe = task.recipe(variation) | {"objects": sum(bool(own) for _, own in parts)}
    if task.result is None:
        recipe["label"] += ", unfinished"
    placed = []
    for companion, own in parts:
        obj = active if place == "ACTIVE" else None
        if place == "TARGET" or (place == "NEW" and task.others):
            obj = companion.target.find(loads) if companion.target else None
        why = _hindrance(companion, obj, own)
        if why and place != "NEW":
            raise BadInputError(why)
        if why and companion.before is None and own:
            raise BadInputError("The mesh of this job was not kept. Choose an object with the same vertices instead.")
        placed.append((companion, own, None if why else obj))
    stored: dict[int, results.Result] = {}
    number = 0
    for companion, own, obj in placed:
        if not own:
            if obj is not None and obj.data.session_uid in stored:
                _show(obj, stored[obj.data.session_uid])
            continue
        told = recipe | {"object": number}
        number += 1
        if obj is None:
            _to_new_object(companion, own, told, loads)
        else:
            stored[obj.data.session_uid] = _known(obj, told) or results.store(obj.data, own, told)
            _show(obj, stored[obj.data.session_uid])


def _style(task: Task, loads: int, variation: int) -> str:
    """The style that the panel is to show next: that of the variation, and of the active object if it is among them."""
    meant = [target.find(loads) for target in objects.sent(task)]
    active = bpy.context.view_layer.objects.active
    number = meant.index(active) + 1 if active in meant else 1
    made = task.arrived.get("styles", {})
    return made.get((variation, number), made.get((variation, 1), ""))


def _hindrance(companion: Companion, obj: bpy.types.Object | None, arrays: Mapping[str, Any]) -> str:
    """Why the object cannot have the result, with the next step; empty if it can."""
    from . import meshes

    if obj is None and companion.target is not None:
        return f"“{companion.target.name}” is no longer in this file."
    if obj is None or obj.type != "MESH":
        return "There is no mesh object to apply it to. Select one, or make a new object."
    try:
        objects.check_editable(obj)
    except BadInputError as error:
        return error.message
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        return f"Leave {_mode(obj)} first: “{obj.name}” is being edited."
    fits = (
        meshes.same_topology(companion.before, obj.data)
        if companion.before is not None
        else all(len(array) == len(obj.data.vertices) for array in arrays.values())
    )
    if fits:
        return ""
    return (
        f"The vertices or faces of “{obj.name}” are no longer those that were sent, so the result does not "
        "fit. Make a new object from it, or undo the change."
    )


def _known(obj: bpy.types.Object, recipe: Mapping[str, Any]) -> results.Result | None:
    """The result on the object that is this one of several variations, if it was chosen before."""
    same = ("job_id", "variation", "object")
    stored = results.stored(obj.data)
    return next((found for found in stored if all(found.recipe.get(key) == recipe[key] for key in same)), None)


def _show(obj: bpy.types.Object, result: results.Result) -> None:
    first = results.modifier(obj) is None
    results.show(obj, result, colors=not any(obj.data.materials) if first else None)


def _to_new_object(companion: Companion, arrays: Mapping[str, Any], recipe: Mapping[str, Any], loads: int) -> None:
    """Make a new object from the mesh that was sent, with the result on it, where that one is or was."""
    from . import meshes

    target = companion.target
    name = f"{target.name} restyled" if target else "Restyled"
    obj = bpy.data.objects.new(name, meshes.rebuild(companion.before, name))
    bpy.context.scene.collection.objects.link(obj)
    if origin := target.find(loads) if target else None:
        obj.matrix_world = origin.matrix_world
    elif target and target.matrix:
        obj.matrix_world = Matrix([target.matrix[row : row + 4] for row in range(0, 16, 4)])  # a list would be turned
    results.show(obj, results.store(obj.data, arrays, recipe), colors=True)


def _arrays(task: Task, variation: int) -> Mapping[str, Any]:
    """The rows of all vertices that were sent; of a job that did not end well, as far as it came."""
    if variation > 1:
        return one_of(task.result.outputs["variations"], variation)
    return next(task.arrived[port.name] for port in declaration(task.job).outputs if port.kind == "attributes")


def _to_textures(task: Task, place: Place, loads: int, active: bpy.types.Object | None) -> None:
    """Add the textures as images, and put a material of them on the object; NEW: the images alone."""
    obj = active if place == "ACTIVE" else task.target.find(loads) if task.target and place == "TARGET" else None
    if place != "NEW":
        if obj is None:
            name = task.target.name if task.target else task.label
            raise BadInputError(f"“{name}” is no longer in this file.")
        if reason := textures.obstacle(obj):
            raise BadInputError(f"{reason}.")
    name = task.target.name if task.target else task.label
    report, recipe = task.result.outputs["report"], task.recipe()
    images = {
        port: pictures.add(f"{name} {port}", task.arrived[port], recipe, {})
        for port in ("colors", "normals", "displacement")
        if port in task.arrived
    }
    for port in set(images) - {"colors"}:
        images[port].colorspace_settings.name = "Non-Color"
    if obj is not None:
        textures.wear(obj, f"{name}: {task.label}", images, report["scale"], report["midlevel"])


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
    if "field" in task.arrived:
        pictures.add_data(_name(beside, task, "field"), task.arrived["field"])
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
