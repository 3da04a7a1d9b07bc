"""From the inputs and parameters of `stylize_mesh` to what the engine takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.color import linear_to_srgb
from restyle.declare import Value
from restyle.errors import BadInputError
from restyle.jobs.stylize_mesh import IMAGES, PER_VERTEX, PROMPTS, TARGET_MESHES, object_prompts, palette_colors
from restyle.kinds.mesh import Mesh

from ..models.clip import ClipEncoder
from ..stylize import PerVertex, StylizeOptions, Target, TargetMesh, options_for
from ..stylize.geometry import check_mesh, unit_sphere
from ..stylize.targets import check_picture

MOST_ITERATIONS = 20_000  # of a run that only a time limit ends
PATIENCE = 60  # steps without a gain, after which an early stop gives up
GIB = 2**30

Inputs = Mapping[str, Any]
Parameters = Mapping[str, Value]


def options_of(parameters: Parameters, encoder: ClipEncoder, mesh: Mesh) -> StylizeOptions:
    """The preset's options with what was chosen in their place."""
    options = replace(options_for(str(parameters["preset"]), encoder), up=mesh.up)
    if parameters["seconds"] is not None:
        share = float(parameters["seconds"]) / int(parameters["variations"] or 1)
        options = replace(options, seconds=share, iterations=MOST_ITERATIONS)
    if parameters["iterations"] is not None:
        options = replace(options, iterations=int(parameters["iterations"]))
    if parameters["displacement_limit"] is not None:
        options = replace(options, displacement_limit=float(parameters["displacement_limit"]))
    if parameters["start"] != "auto":
        existing = parameters["start"] == "existing"
        options = replace(options, search_start=False, vary_start=False, existing_start=existing)
    bounds: dict[str, Any] = {name: parameters[name] for name in ("change", "direction")}
    bounds["symmetry"] = None if parameters["symmetry"] == "none" else parameters["symmetry"]
    patience = PATIENCE if parameters["early_stop"] else 0
    return _with_view(replace(options, **bounds, palette=palette_colors(parameters), patience=patience), parameters)


def _with_view(options: StylizeOptions, parameters: Parameters) -> StylizeOptions:
    if parameters["anchor"] == "search":
        return replace(options, search_anchor=True)
    azimuth, elevation = parameters["azimuth"], parameters["elevation"]
    if azimuth is None and elevation is None:
        return options
    if azimuth is not None:
        options = replace(options, anchor_azimuth=math.radians(float(azimuth)))
    if elevation is not None:
        options = replace(options, anchor_elevation=math.radians(float(elevation)))
    return replace(options, search_anchor=False)


def targets_of(inputs: Inputs, parameters: Parameters, objects: int) -> list[Target]:
    """What each object is compared with; those without a prompt of their own share one target.

    Raises BadInputError for an object that has no target at all.
    """

    def given(names: tuple[str, ...]) -> list[tuple[Any, float]]:
        return [(inputs[name], float(parameters[f"{name}_weight"] or 0)) for name in names if name in inputs]

    for name in IMAGES:
        if name in inputs:
            check_picture(inputs[name], name)
    meshes = [
        (_target_mesh(name, mesh, inputs), weight)
        for name, (mesh, weight) in zip(
            [name for name in TARGET_MESHES if name in inputs], given(TARGET_MESHES), strict=True
        )
    ]
    common = Target(tuple(given(PROMPTS)), tuple(given(IMAGES)), tuple(meshes), inputs.get("geometry_prompt"))
    own = object_prompts(parameters)
    if len(own) > objects:
        raise BadInputError(f"object_prompts: there are {len(own)} lines for {objects} objects.")
    own += [""] * (objects - len(own))
    weight = float(parameters["object_prompts_weight"] or 0) * (common.total or 1.0)
    made: dict[str, Target] = {"": common}
    for number, prompt in enumerate(own):
        if not prompt and not common.total:
            raise BadInputError(f"object_prompts: object {number + 1} has no prompt, and there is no common target.")
        if prompt not in made:
            made[prompt] = replace(common, texts=(*common.texts, (prompt, weight)))
    return [made[prompt] for prompt in own]


def _target_mesh(name: str, mesh: Mesh, inputs: Inputs) -> TargetMesh:
    try:
        unit_sphere(*check_mesh(mesh.vertices, mesh.faces))
    except BadInputError as error:
        raise BadInputError(f"{name}: {error.message}") from error
    attributes = inputs.get(f"{name}_attributes")
    if attributes is None:
        return TargetMesh(mesh.vertices, mesh.faces, None, mesh.up)
    if "colors" not in attributes:
        raise BadInputError(f"{name}_attributes: it has {', '.join(attributes)} but no colors.")
    return TargetMesh(mesh.vertices, mesh.faces, _srgb(f"{name}_attributes", attributes["colors"]), mesh.up)


def per_vertex_of(inputs: Inputs) -> PerVertex:
    """Mask, colours and objects of the vertices, as far as they were given; BadInputError for other names."""
    attributes: Mapping[str, NDArray[Any]] = inputs.get("vertex_attributes") or {}
    if unknown := sorted(set(attributes) - set(PER_VERTEX)):
        raise BadInputError(f"vertex_attributes: {unknown[0]!r} is not one of {', '.join(PER_VERTEX)}.")
    for name, array in attributes.items():
        if len(array) != len(inputs["mesh"].vertices):
            raise BadInputError(
                f"vertex_attributes: {name} has {len(array):,} rows, but the mesh has "
                f"{len(inputs['mesh'].vertices):,} vertices."
            )
    colors, objects = attributes.get("colors"), attributes.get("object")
    return PerVertex(
        attributes.get("mask"),
        None if colors is None else _srgb("vertex_attributes", colors),
        None if objects is None else np.rint(objects).astype(np.int64),
    )


def _srgb(owner: str, colors: NDArray[Any]) -> NDArray[np.float32]:
    if colors.ndim != 2 or colors.shape[1] < 3:
        raise BadInputError(f"{owner}: colors has the shape {colors.shape}; it needs three columns.")
    return linear_to_srgb(colors[:, :3])


def memory_of(parameters: Parameters) -> float | None:
    """Bytes that may be used, if that was limited."""
    return None if parameters["memory"] is None else float(parameters["memory"]) * GIB
