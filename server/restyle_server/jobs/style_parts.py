"""What the jobs that use a stored style have in common: their inputs as the engine wants them, and a sheet of views."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.color import linear_to_srgb
from restyle.declare import Value
from restyle.errors import BadInputError
from restyle.kinds.mesh import Mesh

from ..stylize.style import Style

SHEET_COLUMNS, SHEET_SIZE = 4, 384
SHEET_ELEVATIONS = (0.35, -0.1)  # radians: a row from above, a row from slightly below


@dataclass(frozen=True)
class Subject:
    """A mesh and the style for it; `given` is what `apply` and `bake` are told besides."""

    mesh: Mesh
    style: Style
    given: dict[str, Any]


def subject_of(inputs: Mapping[str, Any], parameters: Mapping[str, Value], device: str) -> Subject:
    """What the inputs of such a job are about; BadInputError for what does not fit."""
    mesh, model = inputs["mesh"], inputs["style"]
    existing, weight = vertex_values(mesh, inputs.get("vertex_attributes"))
    style = Style.unpack(model.arrays, model.metadata, device)
    given = {"up": mesh.up, "how": parameters["place"], "existing": existing, "weight": weight, "device": device}
    return Subject(mesh, style, given)


def vertex_values(
    mesh: Mesh, attributes: Mapping[str, NDArray[Any]] | None
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Colours (V, 3) sRGB and weights (V,) of the input `vertex_attributes`; BadInputError if they do not fit."""
    given = attributes or {}
    if unknown := sorted(set(given) - {"mask", "colors"}):
        raise BadInputError(f"vertex_attributes: {unknown[0]!r} is not known here; there may be mask and colors.")
    for name, columns in (("mask", ()), ("colors", (3,))):
        if name in given and given[name].shape != (len(mesh.vertices), *columns):
            raise BadInputError(
                f"vertex_attributes: {name} has the shape {given[name].shape}, but the mesh has "
                f"{len(mesh.vertices):,} vertices."
            )
    weight = given.get("mask")
    if weight is not None and not 0 <= weight.min() <= weight.max() <= 1:
        raise BadInputError("vertex_attributes: mask has values outside 0 to 1.")
    return (linear_to_srgb(given["colors"]) if "colors" in given else None), weight


def sheet_angles(azimuth: float) -> tuple[list[float], list[float]]:
    """Azimuths and elevations of a contact sheet that begins at `azimuth`, radians."""
    around = [2 * math.pi * column / SHEET_COLUMNS for column in range(SHEET_COLUMNS)]
    azimuths = [azimuth + angle for angle in around * len(SHEET_ELEVATIONS)]
    return azimuths, [elevation for elevation in SHEET_ELEVATIONS for _ in around]
