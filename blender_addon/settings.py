"""The settings of the jobs: which job stands in which editor, and what the artist has set for it in a scene.

The properties themselves are made in `properties`, from the jobs' declarations.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cache
from typing import Any, Literal

import bpy

from . import swatches
from .choosing import Choice, clip_of
from .restyle.declare import JobDeclaration, Parameter, Port
from .restyle.jobs import declarations

Editor = Literal["VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR"]

PICKED_KINDS = ("mesh", "text", "image", "frames", "mask", "passes", "model")  # inputs that the panel can provide
PICTURE_KINDS = ("image", "frames", "mask", "passes")  # those that the artist chooses among pictures


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
    """The inputs that the artist chooses among pictures."""
    return [port for port in job.inputs if port.kind in PICTURE_KINDS]


def refining_ports(job: JobDeclaration) -> list[Port]:
    """The guides and masks among them: all but the pictures and the clip that a result can be laid beside."""
    return [port for port in picture_ports(job) if port.kind in ("mask", "passes") or clip_of(job, port) is not None]


def text_names(job: JobDeclaration) -> list[str]:
    """The inputs that the artist types."""
    return [port.name for port in job.inputs if port.kind == "text"]


def other_meshes(job: JobDeclaration) -> list[Port]:
    """The inputs that are further meshes, beside the one that the job works on."""
    return [port for port in job.inputs if port.kind == "mesh" and port.optional]


def model_files(job: JobDeclaration) -> list[Port]:
    """The inputs that the artist names a file of numbers for; those of meshes are styles, which have names."""
    return [port for port in job.inputs if port.kind == "model" and editor(job) != "VIEW_3D"]


def title(declared: Parameter | Port) -> str:
    """The name that the panel shows."""
    return getattr(declared, "title", "") or declared.name.replace("_", " ").title()


def choices(group: bpy.types.PropertyGroup, job: JobDeclaration) -> dict[str, Choice]:
    """What the panel has for the job's pictures, meshes, vertices and style; what is not chosen is not among it."""
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
        if port.kind == "frames" and not port.optional:
            found[port.name] = Choice("STRIP", chosen)
        elif port.kind == "mask" or chosen.source == "IMAGE":
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


def changed(job: JobDeclaration, given: Mapping[str, Any], names: Container[str]) -> int:
    """How many of the parameters called `names` are given and not as they are by default."""
    return sum(
        parameter.name in names and parameter.name in given and given[parameter.name] != parameter.default
        for parameter in job.parameters
    )


def of_scene(scene: bpy.types.Scene, job: JobDeclaration) -> bpy.types.PropertyGroup:
    """The settings of a job in a scene, saved with it."""
    return getattr(scene.restyle, job.name)
