"""The job `stylize_mesh`: Text2Mesh with a prompt as its target."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.color import srgb_to_linear
from restyle.declare import Value
from restyle.kinds.mesh import Mesh
from restyle.version import __version__

from ..checkpoint import Checkpoint
from ..context import JobContext
from ..models import registry
from ..models.clip import ClipEncoder, load_mini, load_openclip
from ..models.registry import ModelEntry
from ..stylize import Step, StylizeOptions, StylizeResult, contact_sheet, options_for, render_views, stylize

PREVIEW_SECONDS = 2.0
SHEET_COLUMNS, SHEET_ROWS, SHEET_SIZE = 4, 2, 384
SHEET_ELEVATIONS = (0.35, -0.1)  # radians: a row from above, a row from slightly below


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Stylize the mesh; see the declaration for inputs, outputs and parameters."""
    started = time.monotonic()
    mesh: Mesh = inputs["mesh"]
    prompt: str = inputs["prompt"]
    context.progress(0.0, "Loading the model")
    entry = registry.resolve(str(parameters["model"]), context.models_dir)
    encoder = _encoder(entry, context.device)
    warnings = _warnings(encoder, prompt)
    for warning in warnings:
        context.warn(warning)
    options = replace(options_for(str(parameters["preset"]), encoder), up=mesh.up)
    if parameters["iterations"] is not None:
        options = replace(options, iterations=int(parameters["iterations"]))
    checkpoint = Checkpoint(context.scratch, (options, entry.name, __version__))
    result = stylize(
        mesh.vertices,
        mesh.faces,
        prompt,
        encoder,
        options,
        seed=int(parameters["seed"] or 0),
        device=context.device,
        on_search=lambda: context.progress(0.0, "Choosing where to start"),
        on_step=_reporter(context, checkpoint),
        state=checkpoint.load(),
    )
    context.progress(1.0, "Drawing the result")
    report = {
        "score": result.score,
        "seconds": time.monotonic() - started,
        "device": context.device,
        "model": encoder.name,
        "stand_in": encoder.is_stand_in,
        "warnings": warnings,
        "options": {name: value for name, value in asdict(options).items() if name != "contrasts"},
    }
    return {"attributes": _attributes(result), "picture": _sheet(mesh, options, result), "report": report}


@lru_cache(maxsize=1)  # a warm worker keeps its model from job to job
def _encoder(entry: ModelEntry, device: str) -> ClipEncoder:
    if entry.stand_in:
        return load_mini(device)
    return load_openclip(entry.architecture, entry.path, device)


def _warnings(encoder: ClipEncoder, prompt: str) -> list[str]:
    warnings = []
    if encoder.is_stand_in:
        warnings.append(
            f"This result was judged by {encoder.name!r}, the small bundled stand-in for CLIP. "
            "For any prompt and finer results fetch the real one: restyle models download ViT-B-32"
        )
    if unknown := encoder.unknown_words(prompt):
        words = ", ".join(repr(word) for word in unknown)
        warnings.append(f"The model {encoder.name!r} does not know {words}; these words change nothing.")
    return warnings


def _reporter(context: JobContext, checkpoint: Checkpoint) -> Callable[[Step], None]:
    shown = -math.inf

    def report(step: Step) -> None:
        nonlocal shown
        message = f"Step {step.iteration} of {step.iterations}, likeness {step.score:.2f}"
        context.progress(step.iteration / step.iterations, message, score=step.score, loss=step.loss)
        checkpoint.save_if_due(step.state)
        if time.monotonic() - shown >= PREVIEW_SECONDS:
            context.preview("picture", "image", step.render())
            shown = time.monotonic()

    return report


def _attributes(result: StylizeResult) -> dict[str, NDArray[Any]]:
    return {
        "colors": srgb_to_linear(result.colors),
        "displacement": result.displacement,
        "offset": result.offset,
    }


def _sheet(mesh: Mesh, options: StylizeOptions, result: StylizeResult) -> NDArray[np.uint8]:
    around = [2 * math.pi * column / SHEET_COLUMNS for column in range(SHEET_COLUMNS)]
    azimuths = [options.anchor_azimuth + angle for angle in around * SHEET_ROWS]
    elevations = [elevation for elevation in SHEET_ELEVATIONS for _ in around]
    moved = mesh.vertices + result.offset
    pictures = render_views(moved, mesh.faces, result.colors, azimuths, elevations, size=SHEET_SIZE, up=mesh.up)
    return contact_sheet(pictures, SHEET_COLUMNS)
