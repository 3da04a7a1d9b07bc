"""What the artist can set: the preferences, and for each job a group of properties made from its declaration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import swatches
from .restyle.declare import JobDeclaration, Parameter, Port
from .restyle.errors import UsageError
from .restyle.jobs import declarations

if TYPE_CHECKING:
    from .picks import Choice

Editor = Literal["VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR"]

PICKED_KINDS = ("mesh", "text", "image", "frames", "mask", "passes", "model")  # inputs that the panel can provide
PICTURE_KINDS = ("image", "frames", "mask", "passes")  # those that the artist chooses among pictures
LOOPBACK = ("127.0.0.1", "localhost", "::1", None)


def editor(job: JobDeclaration) -> Editor | None:
    """The editor whose sidebar offers a job: where its result belongs; None if it cannot be offered in Blender."""
    taken, given = ({port.kind for port in ports} for ports in (job.inputs, job.outputs))
    if any(port.kind not in PICKED_KINDS for port in job.inputs if not port.optional):
        return None
    if "mesh" in taken:
        return "VIEW_3D" if given & {"attributes", "image"} else None
    if "frames" in taken:
        return "SEQUENCE_EDITOR" if "frames" in given else None
    return "IMAGE_EDITOR" if "image" in taken and "image" in given else None


@cache
def panel_jobs() -> tuple[JobDeclaration, ...]:
    """The declared jobs that some editor offers."""
    return tuple(job for job in declarations().values() if editor(job) is not None)


def picture_ports(job: JobDeclaration) -> list[Port]:
    """The inputs that the artist chooses among pictures, as far as the job's editor offers them."""
    kinds = PICTURE_KINDS if editor(job) != "SEQUENCE_EDITOR" else ("image", "frames", "mask")
    return [port for port in job.inputs if port.kind in kinds]


def text_names(job: JobDeclaration) -> list[str]:
    """The inputs that the artist types."""
    return [port.name for port in job.inputs if port.kind == "text"]


def other_meshes(job: JobDeclaration) -> list[Port]:
    """The inputs that are further meshes, beside the one that the job works on."""
    return [port for port in job.inputs if port.kind == "mesh" and port.optional]


def title(declared: Parameter | Port) -> str:
    """The name that the panel shows."""
    return getattr(declared, "title", "") or declared.name.replace("_", " ").title()


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


def _is_chosen_from(group: bpy.types.PropertyGroup, image: bpy.types.Image) -> bool:
    return image.source not in ("VIEWER", "TILED", "MOVIE", "SEQUENCE")


class RESTYLE_PG_picture(bpy.types.PropertyGroup):
    """Where a picture comes from."""

    source: EnumProperty(
        name="From",
        items=[
            ("IMAGE", "Image", "An image in this file", "IMAGE_DATA", 0),
            ("RENDER", "Render", "The newest render, as its view transform shows it", "RENDER_STILL", 1),
            ("FILE", "File", "A picture file", "FILE_IMAGE", 2),
            ("STRIP", "Strip", "What a movie or image strip shows at the current frame", "SEQUENCE", 3),
        ],
    )
    image: PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, name="Image")
    path: StringProperty(name="File", subtype="FILE_PATH")
    strip: StringProperty(name="Strip", description="A strip of the sequencer; empty takes the active one")


class RESTYLE_PG_passes(bpy.types.PropertyGroup):
    """Where render passes come from."""

    source: EnumProperty(
        name="From",
        items=[
            ("NONE", "None", "No guides"),
            ("RENDER", "Render", "The passes of the newest render: object and material index, depth, normal"),
            ("FILE", "File", "An OpenEXR MultiLayer file with such passes"),
        ],
    )
    path: StringProperty(name="File", subtype="FILE_PATH")


def _is_mesh(_group: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == "MESH"


def _picker(port: Port) -> Any:
    """Blender's property for an input that is another mesh, a picture, a clip, a mask or render passes."""
    described = {"name": title(port), "description": port.help.rstrip(".")}
    if port.kind == "mesh":
        return PointerProperty(type=bpy.types.Object, poll=_is_mesh, **described)
    if port.kind == "frames":
        return StringProperty(**described)
    if port.kind == "mask":
        return PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, **described)
    return PointerProperty(type=RESTYLE_PG_picture if port.kind == "image" else RESTYLE_PG_passes, **described)


def _group(job: JobDeclaration) -> type[bpy.types.PropertyGroup]:
    properties: dict[str, Any] = {}
    for port in job.inputs:
        if port.kind == "text":
            properties[port.name] = StringProperty(name=title(port), description=port.help.rstrip("."))
    for port in [*picture_ports(job), *other_meshes(job)]:
        properties[f"from_{port.name}"] = _picker(port)
    for parameter in job.parameters:
        properties[parameter.name] = _property(parameter)
        if parameter.default is None:
            properties[f"use_{parameter.name}"] = BoolProperty(
                name=f"Set {title(parameter)}", description="Off: the job decides"
            )
        if parameter.name == "palette":
            properties |= swatches.properties()
    return type(f"RESTYLE_PG_{job.name}", (bpy.types.PropertyGroup,), {"__annotations__": properties})


class RESTYLE_PG_object(bpy.types.PropertyGroup):
    """What is chosen for an object of its own."""

    prompt: StringProperty(
        name="Own Prompt", description="What this object alone should look like, beside what all of them should"
    )


def choices(group: bpy.types.PropertyGroup, job: JobDeclaration) -> dict[str, Choice]:
    """What the panel has for the job's pictures, meshes, vertices and style; what is not chosen is not among it."""
    from .picks import Choice

    of_all_jobs = group.id_data.restyle
    found: dict[str, Choice] = {}
    for port in job.inputs:
        if port.kind == "model" and of_all_jobs.style:
            found[port.name] = Choice("STYLE", of_all_jobs.style)
        elif port.name == "vertex_attributes" and of_all_jobs.mask:
            found[port.name] = Choice("GROUP", of_all_jobs.mask)
    for port in other_meshes(job):
        if obj := getattr(group, f"from_{port.name}"):
            found[port.name] = Choice("OBJECT", obj.name)
    for port in picture_ports(job):
        chosen = getattr(group, f"from_{port.name}")
        if port.kind == "frames":
            found[port.name] = Choice("STRIP", chosen)
        elif port.kind == "mask" or (port.kind == "image" and chosen.source == "IMAGE"):
            if image := chosen if port.kind == "mask" else chosen.image:
                found[port.name] = Choice("IMAGE", image.name, image)
        elif chosen.source == "RENDER":
            found[port.name] = Choice("RENDER", "")
        elif chosen.source == "STRIP":
            found[port.name] = Choice("STRIP", chosen.strip)
        elif chosen.source == "FILE" and chosen.path.strip():
            found[port.name] = Choice("FILE", chosen.path)
    return found


def values(group: bpy.types.PropertyGroup, job: JobDeclaration) -> dict[str, Any]:
    """The parameters as the panel has them; those that are left to the job are not among them."""
    found = {
        parameter.name: getattr(group, parameter.name)
        for parameter in job.parameters
        if parameter.default is not None or getattr(group, f"use_{parameter.name}")
    }
    return found | {"palette": swatches.text(group)} if "palette" in found else found


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


def _styles(_group: Any, _context: bpy.types.Context, _typed: str) -> Iterator[str]:
    from . import styles

    yield from styles.names()


def _of_all_jobs() -> dict[str, Any]:
    return {
        "mask": StringProperty(
            name="Limit To",
            description="Vertex group that says how much each vertex may change: what has the weight 0 stays as it is",
        ),
        "style": StringProperty(
            name="Style", description="A look that an earlier result was made of, to be used again", search=_styles
        ),
    }


_classes: list[type] = []


def register() -> None:
    """Register the preferences, `Scene.restyle` with one group per job in it, and `Object.restyle`."""
    groups = {job.name: _group(job) for job in panel_jobs()}
    annotations = _of_all_jobs() | {name: PointerProperty(type=group) for name, group in groups.items()}
    scene_group = type("RESTYLE_PG_scene", (bpy.types.PropertyGroup,), {"__annotations__": annotations})
    _classes.extend([RESTYLE_PG_picture, RESTYLE_PG_passes, *groups.values(), scene_group])
    _classes.extend([RESTYLE_PG_object, RESTYLE_preferences])
    for cls in _classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.restyle = PointerProperty(type=scene_group)
    bpy.types.Object.restyle = PointerProperty(type=RESTYLE_PG_object)


def unregister() -> None:
    """Remove all of it."""
    del bpy.types.Object.restyle
    del bpy.types.Scene.restyle
    while _classes:
        bpy.utils.unregister_class(_classes.pop())
