"""The properties in which settings are kept: for each job a group made from its declaration, and a few of all jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import choosing, settings, styles, swatches
from .restyle.declare import JobDeclaration, Parameter, Port
from .session import session


def _models(_group: Any, _context: bpy.types.Context, _typed: str) -> Iterator[str]:
    yield "auto"
    info = session().info
    for model in info.models if info else ():
        if model.get("present"):
            yield str(model["name"])


def _style_names(_group: Any, _context: bpy.types.Context, _typed: str) -> Iterator[str]:
    yield from styles.names()


def _property(parameter: Parameter) -> Any:
    """Blender's property for a parameter. Where the job may decide itself, a `use_` checkbox stands beside it.

    Whoever gives a value wants it used, so that ticks the box.
    """
    described: dict[str, Any] = {"name": settings.title(parameter), "description": parameter.help.rstrip(".")}
    if parameter.default is None:
        described["update"] = lambda group, _context: setattr(group, f"use_{parameter.name}", True)
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
    begin = next(value for value in (parameter.default, parameter.start, low, 0) if value is not None)
    if parameter.type == "int":
        limits = {name: int(bound) for name, bound in limits.items()}
        return IntProperty(default=int(begin), **limits, **described)
    return FloatProperty(default=float(begin), **limits, **described)


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
            ("IMAGE", "Image of IDs", "An image in which equal colors mean what belongs together"),
        ],
    )
    path: StringProperty(name="File", subtype="FILE_PATH")
    image: PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, name="Image")


class RESTYLE_PG_frame_passes(bpy.types.PropertyGroup):
    """Where render passes of a clip's frames come from."""

    source: EnumProperty(
        name="From",
        items=[
            ("NONE", "None", "No guides"),
            ("FILE", "Files", "OpenEXR MultiLayer files, one rendered with each picture of the strip"),
            ("STRIP", "Strip of IDs", "A strip as long as the clip, in which equal colors mean what belongs together"),
            ("IMAGE", "Image of IDs", "Such an image for all frames"),
        ],
    )
    path: StringProperty(
        name="File", subtype="FILE_PATH", description="Any file of the sequence, one for each picture of the strip"
    )
    strip: StringProperty(name="Strip", description="A movie or image strip that shows as many frames as the clip")
    image: PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, name="Image")


class RESTYLE_PG_frame_mask(bpy.types.PropertyGroup):
    """Where the mask of a clip comes from."""

    source: EnumProperty(
        name="From",
        items=[
            ("NONE", "None", "All of it is changed"),
            ("STRIP", "Strip", "A strip as long as the clip, white where the clip is changed"),
            ("IMAGE", "Image", "An image for all frames, white where the clip is changed"),
        ],
    )
    strip: StringProperty(name="Strip", description="A movie or image strip that shows as many frames as the clip")
    image: PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, name="Image")


def _is_mesh(_group: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == "MESH"


def _picker(job: JobDeclaration, port: Port) -> Any:
    """Blender's property for an input that is another mesh, a picture, a clip, a mask or render passes."""
    described = {"name": settings.title(port), "description": port.help.rstrip(".")}
    if port.kind == "mesh":
        return PointerProperty(type=bpy.types.Object, poll=_is_mesh, **described)
    if port.kind == "frames":
        return (
            PointerProperty(type=RESTYLE_PG_frame_mask, **described) if port.optional else StringProperty(**described)
        )
    if port.kind == "mask":
        return PointerProperty(type=bpy.types.Image, poll=_is_chosen_from, **described)
    if port.kind == "image":
        return PointerProperty(type=RESTYLE_PG_picture, **described)
    of_frames = choosing.clip_of(job, port) is not None
    return PointerProperty(type=RESTYLE_PG_frame_passes if of_frames else RESTYLE_PG_passes, **described)


def _group(job: JobDeclaration) -> type[bpy.types.PropertyGroup]:
    properties: dict[str, Any] = {}
    for port in job.inputs:
        if port.kind == "text":
            properties[port.name] = StringProperty(name=settings.title(port), description=port.help.rstrip("."))
    for port in [*settings.picture_ports(job), *settings.other_meshes(job)]:
        properties[f"from_{port.name}"] = _picker(job, port)
    for port in settings.model_files(job):
        described = {"name": settings.title(port), "description": port.help.rstrip(".").replace("`", "")}
        properties[f"from_{port.name}"] = StringProperty(subtype="FILE_PATH", **described)
    for parameter in job.parameters:
        properties[parameter.name] = _property(parameter)
        if parameter.default is None:
            properties[f"use_{parameter.name}"] = BoolProperty(
                name=f"Set {settings.title(parameter)}", description="Off: the job decides"
            )
        if parameter.name == "palette":
            properties |= swatches.properties()
    return type(f"RESTYLE_PG_{job.name}", (bpy.types.PropertyGroup,), {"__annotations__": properties})


class RESTYLE_PG_object(bpy.types.PropertyGroup):
    """What is chosen for an object of its own."""

    prompt: StringProperty(
        name="Own Prompt", description="What this object alone should look like, beside what all of them should"
    )


def _of_all_jobs() -> dict[str, Any]:
    return {
        "mask": StringProperty(
            name="Limit To",
            description="Vertex group that says how much each vertex may change: what has the weight 0 stays as it is",
        ),
        "live": BoolProperty(
            name="Live Preview",
            description="Show on the object how far a running job is; it is taken back if the job is cancelled",
            default=True,
        ),
        "style": StringProperty(
            name="Style", description="A look that an earlier result was made of, to be used again", search=_style_names
        ),
    }


# The others are made by `register`.
_OWN = (RESTYLE_PG_picture, RESTYLE_PG_passes, RESTYLE_PG_frame_passes, RESTYLE_PG_frame_mask, RESTYLE_PG_object)
_classes: list[type] = []


def register() -> None:
    """Register `Scene.restyle` with one group per job in it, and `Object.restyle`."""
    groups = {job.name: _group(job) for job in settings.panel_jobs()}
    annotations = _of_all_jobs() | {name: PointerProperty(type=group) for name, group in groups.items()}
    scene_group = type("RESTYLE_PG_scene", (bpy.types.PropertyGroup,), {"__annotations__": annotations})
    _classes.extend([*_OWN, *groups.values(), scene_group])
    for cls in _classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.restyle = PointerProperty(type=scene_group)
    bpy.types.Object.restyle = PointerProperty(type=RESTYLE_PG_object)


def unregister() -> None:
    """Remove all of it."""
    del bpy.types.Object.restyle
    del bpy.types.Scene.restyle
    while _classes:
        cls = _classes.pop()
        bpy.utils.unregister_class(cls)
        if cls not in _OWN:
            # Blender 4.2 never lets go of a class that was made here, nor of the functions in its properties, which
            # would keep the bpy module: without its end, the process of a script that imported it ends in a crash.
            cls.__annotations__.clear()
