"""What the artist chose for a job's inputs, and which choices go together. Nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, pictures, styles
from .restyle.declare import JobDeclaration, Port
from .restyle.errors import UsageError


@dataclass(frozen=True)
class Choice:
    """Where one input comes from.

    source: IMAGE, RENDER, FILE or STRIP; of other inputs than pictures OBJECT, GROUP (of vertices) or STYLE.
    name: of the image, strip, object, group or style, the file's path, or the render's view layer.
    """

    source: str
    name: str
    image: bpy.types.Image | None = None

    @property
    def label(self) -> str:
        """What an artist knows it by."""
        if self.source == "RENDER":
            return "Render"
        if self.source == "STYLE":
            return styles.label(self.name)
        return Path(self.name).name if self.source == "FILE" else self.name


@dataclass(frozen=True)
class Surroundings:
    """What the choices are about: the scene, the one that the sequencer shows, the objects meant, the files loaded."""

    scene: bpy.types.Scene
    strips: bpy.types.Scene
    layer: str
    objects: Sequence[bpy.types.Object]
    loads: int

    @classmethod
    def of(cls, context: bpy.types.Context, loads: int) -> Surroundings:
        """Those of a context, without objects."""
        layer = context.view_layer.name if context.view_layer else ""
        return cls(context.scene, compat.sequencer_scene(context), layer, (), loads)


def title(port: Port) -> str:
    """What messages call an input."""
    return port.name.replace("_", " ").capitalize()


def clip_of(job: JobDeclaration, port: Port) -> Port | None:
    """The clip that an input of passes or a mask lies over, frame by frame."""
    over = port.name.removesuffix("_passes").removesuffix("_mask")
    return next((clip for clip in job.inputs if clip.kind == "frames" and over == clip.name != port.name), None)


def objection(job: JobDeclaration, parameters: Mapping[str, Any], given: set[str]) -> str:
    """Why these inputs and parameters do not go together, in the words of the job's declaration; empty if they do."""
    try:
        job.check_together(job.check_parameters(parameters), given)
    except UsageError as error:
        words = error.message.replace("_", " ")  # of names as a script has them
        return words[0].upper() + words[1:]
    return ""


def unfilled(job: JobDeclaration, parameters: Mapping[str, Any], choices: Mapping[str, Choice]) -> str:
    """The first picture that is needed and not chosen; empty if there is none."""
    guides = {port.name for port in job.inputs if port.kind == "passes"}  # whether they are complete is another matter
    given = (set(choices) - guides) | {port.name for port in job.inputs if not port.optional}
    for port in job.inputs:
        if port.kind != "image" or port.name in choices:
            continue
        if not port.optional or (
            objection(job, parameters, given) and not objection(job, parameters, given | {port.name})
        ):
            return port.name
    return ""


def from_recipe(recipe: Mapping[str, Any], result: Any) -> dict[str, Choice]:
    """The choices that a result was made by; images are found again also if they were renamed."""
    choices = {}
    for port, source in recipe.get("sources", {}).items():
        image = None
        if source["source"] == "IMAGE":
            with suppress(TypeError):
                image = pictures.source_of(result, port)
        choices[port] = Choice(source["source"], image.name if image else source["name"], image)
    return choices
