"""Objects as a job's inputs: which are meant, what is in the way, several as one mesh, what its vertices have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .restyle.declare import JobDeclaration
from .restyle.errors import BadInputError
from .tasks import Companion, Target, Task

if TYPE_CHECKING:
    from .restyle import Mesh

VERTEX_ATTRIBUTES = "vertex_attributes"  # the input that holds what the vertices have


def chosen(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The objects that the artist means: the selected meshes, the active one first; else the active object alone."""
    active = context.active_object
    selected = [obj for obj in getattr(context, "selected_objects", ()) if obj.type == "MESH"]
    if active is not None and (active.type == "MESH" or not selected) and not active.select_get():
        return [active]
    others = sorted((obj for obj in selected if obj != active), key=lambda obj: obj.name)
    first = [active] if active is not None and (active.type == "MESH" or not others) else []
    return [*first, *others]


def obstacle(obj: bpy.types.Object | None) -> str:
    """Why the object cannot be sent, with the next step; empty if it can."""
    if obj is None:
        return "Select a mesh object first"
    if obj.type != "MESH":
        return f"“{obj.name}” is not a mesh: select one, or convert a copy with Object > Convert > Mesh"
    try:
        check_editable(obj)
    except BadInputError as error:
        return error.message
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        return f"Leave {obj.mode.replace('_', ' ').title()} Mode first"
    if len(obj.data.polygons) == 0:
        return f"“{obj.name}” has no faces: only a surface can be stylized"
    return ""


def obstacle_of(objs: Sequence[bpy.types.Object]) -> str:
    """Why these objects cannot be sent; empty if they can."""
    return next((reason for obj in objs if (reason := obstacle(obj))), "") if objs else obstacle(None)


def check_editable(obj: bpy.types.Object) -> None:
    """Raise BadInputError if the object or its mesh is linked from another file."""
    for owner in (obj, obj.data):
        if owner.library is not None:
            raise BadInputError(
                f"“{owner.name}” is linked from {Path(owner.library.filepath).name} and cannot be changed here. "
                "Make it local first: Object > Relations > Make Local > Selected Objects and Data."
            )


def takes_several(job: JobDeclaration) -> bool:
    """Whether one job can work on several objects, told apart by a number at each vertex; others run once for each."""
    return any(parameter.name == "object_prompts" for parameter in job.parameters)


def different(objs: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """Those of the objects that have a mesh that none before them has."""
    found: dict[int, bpy.types.Object] = {}
    for obj in objs:
        found.setdefault((obj.data or obj).session_uid, obj)
    return list(found.values())


def without_uv(objs: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """The meshes among them that have no place for a texture."""
    return [obj for obj in objs if obj.type == "MESH" and not obj.data.uv_layers]


def own_prompts(objs: Sequence[bpy.types.Object]) -> str:
    """The objects' own prompts as a job takes them, a line for each that has a mesh of its own."""
    lines = [" ".join(obj.restyle.prompt.split()) for obj in different(objs)]
    return "\n".join(lines) if len(lines) > 1 and any(lines) else ""


def target(obj: bpy.types.Object, loads: int) -> Target:
    """The object as what a result is for."""
    matrix = tuple(value for row in obj.matrix_world for value in row)
    return Target(obj.name, bpy.data.filepath, obj.session_uid, loads, matrix=matrix)


def companions(objs: Sequence[bpy.types.Object], loads: int) -> list[Companion]:
    """The objects behind the first, as what a result is for."""
    from . import meshes

    first, sent = objs[0], different(objs)
    found = []
    for obj in objs[1:]:
        before = meshes.snapshot(obj.data) if obj in sent else None
        up = meshes.up_axis(obj)
        found.append(Companion(target(obj, loads), before, "" if up == meshes.up_axis(first) else up))
    return found


def sent(task: Task) -> list[Target]:
    """Those of a task's objects that have a mesh of their own, in their order."""
    every = [Companion(task.target, task.before), *task.others]
    return [each.target for each in every if each.target is not None and each.before is not None]


def own_rows(task: Task, arrays: Mapping[str, Any]) -> Iterator[tuple[Companion, dict[str, Any]]]:
    """Each object of a task with its rows of what its job made; without any if its mesh goes with one before it.

    arrays: of all vertices that were sent: colors, offset. Colours that were to stay are left out; the offsets of an
    object that was turned on its way are turned back, to have its own `up` again.
    """
    from . import meshes

    kept = ("offset",) if task.parameters.get("change") == "displacement" else ("colors", "offset")
    start = 0
    for companion in (Companion(task.target, task.before), *task.others):
        if companion.before is None and task.others:
            yield companion, {}
            continue
        stop = start + len(companion.before.positions) if companion.before is not None else None
        rows = {name: arrays[name][start:stop] for name in kept if name in arrays}
        if companion.turned and "offset" in rows:
            rows["offset"] = meshes.turned(rows["offset"], "z" if companion.turned == "y" else "y", companion.turned)
        yield companion, rows
        start = stop or 0


def mesh(objs: Sequence[bpy.types.Object], *, uv: bool) -> Mesh:
    """The objects as one mesh; `uv` asks for the UV map of the only one.

    Raises BadInputError if there is none.
    """
    from . import meshes

    if not uv:
        exported = [meshes.export(obj) for obj in different(objs)]
        return exported[0] if len(exported) == 1 else meshes.joined(exported)
    made = meshes.export(objs[0], uv=True)
    if made.uv is None:
        raise BadInputError(
            f"“{objs[0].name}” has no UV map, so there is no place for a texture. Unwrap it first: Edit Mode, select "
            "all, UV > Smart UV Project, or the button in the panel."
        )
    return made


def vertex_attributes(
    objs: Sequence[bpy.types.Object], group: str, parameters: Mapping[str, Any], job: JobDeclaration
) -> dict[str, Any]:
    """What the vertices have, as far as the job needs it: numbers of the objects, weights, the colours there are.

    group: the vertex group that limits the change, or empty; an object that lacks it may change everywhere.
    Raises BadInputError if no object has it.
    """
    import numpy as np

    from . import meshes

    objs = different(objs)
    found: dict[str, Any] = {}
    if len(objs) > 1:
        numbers = [np.full(len(obj.data.vertices), number, np.float32) for number, obj in enumerate(objs)]
        found["object"] = np.concatenate(numbers)
    if group and not any(group in obj.vertex_groups for obj in objs):
        raise BadInputError(
            f"“{objs[0].name}” has no vertex group “{group}”. Choose another under Limits, or none, or make it in "
            "Object Data Properties > Vertex Groups."
        )
    if group:
        found["mask"] = np.concatenate([meshes.weights(obj, group) for obj in objs])
    if group or _keeps_colors(job, parameters):
        colors = [meshes.vertex_colors(obj.data) for obj in objs]
        pairs = zip(objs, colors)
        found["colors"] = np.concatenate([meshes.material_colors(obj) if own is None else own for obj, own in pairs])
    return found


def _keeps_colors(job: JobDeclaration, parameters: Mapping[str, Any]) -> bool:
    """Whether the colours that there are show in the result; a stored style may be one that starts from them."""
    if parameters.get("start") == "existing" or parameters.get("change") == "displacement":
        return True
    return any(port.kind == "model" for port in job.inputs)
