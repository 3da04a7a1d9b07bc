"""Results on an object: attributes and a recipe on its mesh, shown by one modifier, several side by side.

Result number n of a mesh is the point attributes `restyle.<n>.color` (scene linear) and `restyle.<n>.offset` (object
units), and its recipe as JSON in the mesh's custom property `restyle.<n>`: all of it saved, copied and undone with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import bpy

from . import compat, nodes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIVE = "restyle.live"  # in place of a result's prefix: what a running job has so far (see `live`)
BEHIND = "restyle_live"  # the object's property that says what it showed before that, as JSON

_PREFIX = "restyle."
_KEY = re.compile(r"restyle\.(\d+)")


@dataclass(frozen=True)
class Result:
    """One stored result: its number on the mesh, and how it was made (see `tasks.Task.recipe`)."""

    number: int
    recipe: Mapping[str, Any]

    @property
    def prefix(self) -> str:
        """The first part of its attributes' names."""
        return f"restyle.{self.number}"

    @property
    def label(self) -> str:
        """What an artist knows it by."""
        return str(self.recipe.get("label") or self.prefix)


def stored(mesh: bpy.types.Mesh) -> list[Result]:
    """The results of a mesh, oldest first."""
    found = []
    for key in mesh.keys():  # noqa: SIM118  iterating a data block itself is not defined
        if match := _KEY.fullmatch(key):
            found.append(Result(int(match[1]), json.loads(mesh[key])))
    return sorted(found, key=lambda result: result.number)


def store(mesh: bpy.types.Mesh, arrays: Mapping[str, NDArray[np.float32]], recipe: Mapping[str, Any]) -> Result:
    """Add a result to a mesh that is not in Edit Mode, beside those it has.

    arrays: `colors` (V, 3) scene linear and `offset` (V, 3) in object units, float32; either may be missing.
    """
    import numpy as np

    number = 1 + max((result.number for result in stored(mesh)), default=0)
    result = Result(number, recipe)
    if "colors" in arrays:
        colors = np.ones((len(mesh.vertices), 4), np.float32)
        colors[:, :3] = arrays["colors"]
        write(mesh, result.prefix, "color", colors)
    if "offset" in arrays:
        write(mesh, result.prefix, "offset", np.ascontiguousarray(arrays["offset"]))
    mesh[result.prefix] = json.dumps(recipe)
    return result


def write(mesh: bpy.types.Mesh, prefix: str, suffix: Literal["color", "offset"], values: NDArray[np.float32]) -> None:
    """Write an attribute of a result, and make it if need be: colours (V, 4) scene linear or offsets (V, 3)."""
    kind, field = ("FLOAT_COLOR", "color") if suffix == "color" else ("FLOAT_VECTOR", "vector")
    name = f"{prefix}.{suffix}"
    if name not in mesh.attributes:
        mesh.attributes.new(name, kind, "POINT")
    # Asked for by name: until 5.0 the reference that `new` returns may point at another layer.
    mesh.attributes[name].data.foreach_set(field, values.ravel())


def erase(mesh: bpy.types.Mesh, prefix: str) -> None:
    """Remove the attributes of a result."""
    for suffix in ("color", "offset"):
        if attribute := mesh.attributes.get(f"{prefix}.{suffix}"):
            mesh.attributes.remove(attribute)


def modifier(obj: bpy.types.Object) -> bpy.types.NodesModifier | None:
    """The modifier through which the object shows a result, if it has one."""
    for candidate in obj.modifiers:
        if candidate.type == "NODES" and candidate.node_group and candidate.node_group.get("restyle_layout"):
            return candidate
    return None


def shown(obj: bpy.types.Object) -> int | None:
    """The number of the result that the object shows; while a running job is shown, of the one behind that."""
    found = modifier(obj)
    prefix = compat.modifier_input(found, "Result") if found else ""
    if prefix == LIVE:
        prefix = json.loads(obj.get(BEHIND, "{}")).get("result", "")
    match = _KEY.fullmatch(prefix)
    return int(match[1]) if match else None


def show(obj: bpy.types.Object, result: Result, *, colors: bool | None = None) -> None:
    """Have the object show a result; `colors` says whether with the Restyle material, None leaves that as it is."""
    found = modifier(obj) or add_modifier(obj)
    compat.set_modifier_input(found, "Result", result.prefix)
    if colors is not None:
        compat.set_modifier_input(found, "Show Colors", colors)
    compare(obj, original=False)


def add_modifier(obj: bpy.types.Object) -> bpy.types.NodesModifier:
    """Give the object the modifier that shows a result."""
    made = obj.modifiers.new(nodes.NAME, "NODES")
    made.node_group = nodes.group()
    obj.modifiers.move(len(obj.modifiers) - 1, 0)  # the offsets belong to the base mesh: before any deformation
    return modifier(obj)


def is_original(obj: bpy.types.Object) -> bool:
    """Whether the object shows itself as it was, although it has a result."""
    found = modifier(obj)
    return found is not None and not found.show_viewport


def compare(obj: bpy.types.Object, *, original: bool) -> None:
    """Have the object show itself as it was, or its result again; in the viewport and in renders."""
    found, number = modifier(obj), shown(obj)
    if found is None or number is None:
        return
    found.show_viewport = found.show_render = not original
    attributes = obj.data.attributes
    name = f"{_PREFIX}{number}.color"
    if original and attributes.active_color_name.startswith(_PREFIX):
        own = (layer.name for layer in obj.data.color_attributes if not layer.name.startswith(_PREFIX))
        attributes.active_color_name = next(own, "")
    elif not original and name in attributes:
        attributes.active_color_name = name  # what Solid view shows as "Attribute"


def unused(mesh: bpy.types.Mesh) -> list[int]:
    """The numbers of the results that no object of this file shows."""
    users = [obj for obj in bpy.data.objects if obj.data == mesh]
    in_use = {shown(obj) for obj in users}
    return [result.number for result in stored(mesh) if result.number not in in_use]


def remove(obj: bpy.types.Object, number: int) -> None:
    """Delete a result from the object's mesh; an object that showed it shows the newest one left, or none."""
    mesh = obj.data
    erase(mesh, f"restyle.{number}")
    del mesh[f"restyle.{number}"]
    left = stored(mesh)
    for user in bpy.data.objects:
        if user.data == mesh and user.library is None and shown(user) == number:
            if left:
                show(user, left[-1])
            else:
                user.modifiers.remove(modifier(user))
