"""From what the artist chose to the values of a job's inputs: one pick for each kind of value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from . import objects, picture_picks, styles
from .choosing import Choice, Surroundings, title
from .restyle.declare import JobDeclaration, Port
from .restyle.errors import BadInputError
from .tasks import Companion, Target

if TYPE_CHECKING:
    from .meshes import Snapshot


@dataclass
class Picked:
    """The inputs of a job, and where they came from; `before` is the mesh as it is sent, `others` further objects."""

    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    target: Target | None = None
    before: Snapshot | None = None
    others: list[Companion] = field(default_factory=list)

    def close(self) -> None:
        """Stop what is still being read."""
        for value in self.values.values():
            if hasattr(value, "get") and hasattr(value, "close"):
                value.close()


def pick(
    job: JobDeclaration,
    texts: Mapping[str, str],
    choices: Mapping[str, Choice],
    around: Surroundings,
    parameters: Mapping[str, Any] | None = None,
) -> Picked:
    """Everything that the job needs; BadInputError says what is wrong with which choice, and nothing is left open."""
    picked = Picked()
    try:
        for port in job.inputs:
            if port.kind == "text":
                _take_text(picked, port, texts)
            elif port.kind == "mesh" and not port.optional:
                _take_mesh(picked, job, port, around)
            elif port.kind == "mesh" and port.name in choices:
                _take_other_mesh(picked, port, choices[port.name])
            elif port.name == objects.VERTEX_ATTRIBUTES:
                _take_vertices(picked, job, choices.get(port.name), around, parameters or {})
            elif port.kind == "model":
                _take_style(picked, port, choices.get(port.name, Choice("STYLE", "")))
            elif port.name in choices:
                picture_picks.take(picked, job, port, choices, around)
            elif not port.optional:
                raise BadInputError(f"{title(port)}: choose one first. {port.help}")
    except BaseException:
        picked.close()
        raise
    if picked.target is None:
        picked.target = picture_picks.target(job, choices, around)
    return picked


def _take_text(picked: Picked, port: Port, texts: Mapping[str, str]) -> None:
    if (text := texts.get(port.name, "")).strip():
        picked.texts[port.name] = text
    if text.strip() or not port.optional:
        picked.values[port.name] = _valid(port, text, title(port))


def _take_mesh(picked: Picked, job: JobDeclaration, port: Port, around: Surroundings) -> None:
    from . import meshes

    objs = around.objects
    if not objs or any(obj.type != "MESH" for obj in objs):
        raise BadInputError("Select a mesh object first.")
    owner = f"“{objs[0].name}”" if len(objs) == 1 else f"{len(objs)} objects"
    textured = not any(output.kind == "attributes" for output in job.outputs)
    picked.values[port.name] = _valid(port, objects.mesh(objs, uv=textured), owner)
    picked.target = objects.target(objs[0], around.loads)
    picked.before = meshes.snapshot(objs[0].data)
    picked.others = objects.companions(objs, around.loads)


def _take_other_mesh(picked: Picked, port: Port, choice: Choice) -> None:
    """A mesh to look like, with its colours for the input that takes them."""
    from . import meshes

    obj = bpy.data.objects.get(choice.name)
    if obj is None or obj.type != "MESH":
        raise BadInputError(f"{title(port)}: there is no mesh “{choice.name}” in this file. Choose another.")
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        raise BadInputError(f"{title(port)}: leave {obj.mode.replace('_', ' ').title()} Mode of “{obj.name}” first.")
    mesh, colors = meshes.as_seen(obj, bpy.context.evaluated_depsgraph_get())
    picked.values[port.name] = _valid(port, mesh, f"{title(port)}: “{obj.name}”")
    if colors is not None:
        picked.values[f"{port.name}_attributes"] = {"colors": colors}
    picked.sources[port.name] = {"source": choice.source, "name": choice.name, "label": choice.label}


def _take_vertices(
    picked: Picked, job: JobDeclaration, choice: Choice | None, around: Surroundings, parameters: Mapping[str, Any]
) -> None:
    group = choice.name if choice is not None else ""
    if found := objects.vertex_attributes(around.objects, group, parameters, job):
        picked.values[objects.VERTEX_ATTRIBUTES] = found
    if choice is not None:
        source = {"source": choice.source, "name": choice.name, "label": choice.label}
        picked.sources[objects.VERTEX_ATTRIBUTES] = source


def _take_style(picked: Picked, port: Port, choice: Choice) -> None:
    picked.values[port.name] = styles.Stored(styles.path_of(choice.name))
    picked.sources[port.name] = {"source": choice.source, "name": choice.name, "label": choice.label}


def _valid(port: Port, value: Any, owner: str) -> Any:
    from .restyle.kinds import kind

    try:
        kind(port.kind).validate(value)
    except BadInputError as error:
        raise BadInputError(f"{owner}: {error.message.removeprefix(f'{port.kind}: ')}") from error
    return value
