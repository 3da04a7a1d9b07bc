"""The job `stylize_mesh`: Text2Mesh with a prompt as its target."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from restyle.color import srgb_to_linear
from restyle.declare import Value
from restyle.kinds.mesh import Mesh
from restyle.version import __version__

from ..context import JobContext
from ..models import registry
from ..models.clip import ClipEncoder, load_mini, load_openclip
from ..models.registry import ModelEntry
from ..stylize import Step, StylizeOptions, StylizeResult, contact_sheet, options_for, render_views, stylize

PREVIEW_SECONDS = 2.0
CHECKPOINT_SECONDS = 10.0
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
    checkpoint = _Checkpoint(context.scratch, (options, entry.name, __version__))
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


class _Checkpoint:
    """The optimiser's state on disk, so that a second attempt goes on where the first one died.

    fitting: what the state depends on beside the job itself; a state left by an older Restyle is not taken up.
    """

    def __init__(self, folder: Path, fitting: object) -> None:
        key = hashlib.sha256(repr(fitting).encode()).hexdigest()[:16]
        self.path = folder / f"checkpoint-{key}.safetensors"
        self.saved = time.monotonic()

    def save_if_due(self, state: Callable[[], dict[str, NDArray[Any]]]) -> None:
        if time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            temporary = self.path.with_suffix(".part")
            save_file(state(), temporary)
            temporary.replace(self.path)
            self.saved = time.monotonic()

    def load(self) -> dict[str, NDArray[Any]] | None:
        return dict(load_file(self.path)) if self.path.exists() else None


def _reporter(context: JobContext, checkpoint: _Checkpoint) -> Callable[[Step], None]:
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
