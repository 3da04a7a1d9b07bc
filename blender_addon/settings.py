"""What the artist can set: the preferences, and for each job a group of properties made from its declaration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .restyle.declare import JobDeclaration, Parameter
from .restyle.errors import UsageError
from .restyle.jobs import declarations

PICKED_KINDS = ("mesh", "text")  # inputs that the panel can provide
APPLIED_KINDS = ("attributes",)  # outputs that it can put into the scene
LOOPBACK = ("127.0.0.1", "localhost", "::1", None)


@cache
def panel_jobs() -> tuple[JobDeclaration, ...]:
    """The declared jobs that take the active object and give something for it."""
    return tuple(
        job
        for job in declarations().values()
        if all(port.kind in PICKED_KINDS for port in job.inputs if not port.optional)
        and any(port.kind == "mesh" for port in job.inputs)
        and any(port.kind in APPLIED_KINDS for port in job.outputs)
    )


def text_names(job: JobDeclaration) -> list[str]:
    """The inputs that the artist types."""
    return [port.name for port in job.inputs if port.kind == "text"]


def title(parameter: Parameter) -> str:
    """The name that the panel shows."""
    return parameter.title or parameter.name.replace("_", " ").title()


def _models(_group: Any, _context: bpy.types.Context, _typed: str) -> Iterator[str]:
    from .session import session

    yield "auto"
    info = session().info
    for model in info.models if info else ():
        if model.get("present"):
            yield str(model["name"])


def _property(parameter: Parameter) -> Any:
    """Blender's property for a parameter. Where the job may decide itself, a `use_` checkbox stands beside it."""
    described: dict[str, Any] = {"name": title(parameter), "description": parameter.help.rstrip(".")}
    low, high = parameter.minimum, parameter.maximum
    if parameter.type == "choice":
        items = [(name, name.replace("_", " ").title(), text) for name, text in (parameter.choices or {}).items()]
        return EnumProperty(items=items, default=parameter.default, **described)
    if parameter.type == "bool":
        return BoolProperty(default=bool(parameter.default), **described)
    if parameter.type == "str":
        if parameter.name == "model":
            described["search"] = _models
        return StringProperty(default=str(parameter.default or ""), maxlen=int(high or 0), **described)
    limits = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
    if parameter.type == "int":
        limits = {name: int(bound) for name, bound in limits.items()}
        return IntProperty(default=int(parameter.default or low or 0), **limits, **described)
    return FloatProperty(default=float(parameter.default or low or 0.0), **limits, **described)


def _group(job: JobDeclaration) -> type[bpy.types.PropertyGroup]:
    properties: dict[str, Any] = {}
    for port in job.inputs:
        if port.kind == "text":
            properties[port.name] = StringProperty(name=port.name.capitalize(), description=port.help.rstrip("."))
    for parameter in job.parameters:
        properties[parameter.name] = _property(parameter)
        if parameter.default is None:
            properties[f"use_{parameter.name}"] = BoolProperty(
                name=f"Set {title(parameter)}", description="Off: the job decides"
            )
    return type(f"RESTYLE_PG_{job.name}", (bpy.types.PropertyGroup,), {"__annotations__": properties})


def values(group: bpy.types.PropertyGroup, job: JobDeclaration) -> dict[str, Any]:
    """The parameters as the panel has them; those that are left to the job are not among them."""
    return {
        parameter.name: getattr(group, parameter.name)
        for parameter in job.parameters
        if parameter.default is not None or getattr(group, f"use_{parameter.name}")
    }


def of_scene(scene: bpy.types.Scene, job: JobDeclaration) -> bpy.types.PropertyGroup:
    """The settings of a job in a scene, saved with it."""
    return getattr(scene.restyle, job.name)


def _reconnect(_preferences: Any, _context: bpy.types.Context) -> None:
    from .session import session

    session().reconnect()


class RESTYLE_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    server_python: StringProperty(
        name="Server Python",
        description="The Python interpreter that has Restyle's server installed; empty takes that of the restyle "
        "command on the search path",
        subtype="FILE_PATH",
        update=_reconnect,
    )
    server_address: StringProperty(
        name="Server Address",
        description="Address of a running server, such as tcp://127.0.0.1:5599; empty finds or starts the one on this "
        "machine",
        update=_reconnect,
    )
    auto_apply: BoolProperty(
        name="Apply Results When They Arrive",
        description="Otherwise a finished result waits in the panel for you to apply or discard it",
        default=True,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        from . import panels

        self.layout.use_property_split = True
        self.layout.prop(self, "server_python")
        self.layout.prop(self, "server_address")
        self.layout.prop(self, "auto_apply")
        panels.draw_server(self.layout)
        self.layout.operator("restyle.fetch")


def preferences() -> RESTYLE_preferences:
    """The extension's preferences."""
    return bpy.context.preferences.addons[__package__].preferences


def server_python() -> str | None:
    """The interpreter that starts the server: the chosen one, else the one that the `restyle` command belongs to."""
    if chosen := preferences().server_python.strip():
        return bpy.path.abspath(chosen)
    command = shutil.which("restyle")
    if command is None:
        return None
    beside = Path(command).resolve().parent / ("python.exe" if os.name == "nt" else "python")
    return str(beside) if beside.exists() else None


def can_start_server() -> bool:
    """Whether a server of this machine is wanted, and an interpreter for it is known."""
    return not preferences().server_address.strip() and server_python() is not None


def server_address() -> str | None:
    """The chosen address, or None for this machine's own server; UsageError if Blender may not go online for it."""
    address = preferences().server_address.strip()
    if not address:
        return None
    if "://" not in address:
        address = f"tcp://{address}"
    if not address.startswith("ipc:") and urlsplit(address).hostname not in LOOPBACK and not bpy.app.online_access:
        raise UsageError(
            f"{address} is another machine, and Blender's online access is off. "
            "Allow it in Preferences > System > Network, or use a server on this machine."
        )
    return address


def records_folder() -> Path:
    """Where the tasks' records lie."""
    return Path(bpy.utils.extension_path_user(__package__, path="tasks", create=True))


_classes: list[type] = []


def register() -> None:
    """Register the preferences and `Scene.restyle`, with one group per job in it."""
    groups = {job.name: _group(job) for job in panel_jobs()}
    annotations = {name: PointerProperty(type=group) for name, group in groups.items()}
    scene_group = type("RESTYLE_PG_scene", (bpy.types.PropertyGroup,), {"__annotations__": annotations})
    _classes.extend([*groups.values(), scene_group, RESTYLE_preferences])
    for cls in _classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.restyle = PointerProperty(type=scene_group)


def unregister() -> None:
    """Remove all of it."""
    del bpy.types.Scene.restyle
    while _classes:
        bpy.utils.unregister_class(_classes.pop())
