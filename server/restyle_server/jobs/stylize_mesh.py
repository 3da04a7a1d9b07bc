"""The job `stylize_mesh`: Text2Mesh, with prompts, pictures and meshes as its targets, one or several variations."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.color import srgb_to_linear
from restyle.declare import Value
from restyle.jobs.stylize_mesh import PROMPTS, check_choice, object_prompts
from restyle.kinds.mesh import Mesh
from restyle.kinds.model import Model
from restyle.styleset import MAX_MODELS, joined
from restyle.version import __version__

from ..checkpoint import Checkpoint
from ..context import JobContext
from ..models import registry
from ..models.clip import ClipEncoder, load_mini, load_openclip
from ..models.registry import ModelEntry
from ..stylize import Stage, Step, StylizeResult, contact_sheet, optimise, prepare, render_views
from ..stylize.detail import Detail, detail
from ..stylize.objects import Part, columns_for
from .sheets import numbered
from .style_parts import SHEET_COLUMNS, SHEET_ELEVATIONS, SHEET_SIZE
from .stylize_inputs import memory_of, options_of, per_vertex_of, targets_of

PREVIEW_SECONDS = 2.0  # between two previews, at least
PREVIEW_SHARE = 0.05  # of the time goes into previews, at most
PREVIEW_BYTES = 1 << 19  # per second of vertex colours and offsets: all of them are written to the server's disk
PREVIEW_VERTICES = 1_000_000  # a mesh of more is shown as a picture alone


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Stylize the mesh; see the declaration for inputs, outputs and parameters."""
    started = time.monotonic()
    check_choice(parameters, set(inputs))
    mesh: Mesh = inputs["mesh"]
    context.progress(0.0, "Loading the model")
    entry = registry.resolve(str(parameters["model"]), context.models_dir)
    encoder = _encoder(entry, context.device)
    options, given = options_of(parameters, encoder, mesh), per_vertex_of(inputs)
    objects = 1 if given.objects is None else int(given.objects.max()) + 1
    first, count = int(parameters["seed"] or 0), int(parameters["variations"] or 1)
    proposal = int(parameters["proposal"] or 1) - 1
    checkpoints = [
        Checkpoint(context.scratch, (options, entry.name, __version__, first + n, proposal + n)) for n in range(count)
    ]
    states = [checkpoint.load() for checkpoint in checkpoints]
    stage = prepare(
        mesh.vertices,
        mesh.faces,
        targets_of(inputs, parameters, objects),
        encoder,
        options,
        device=context.device,
        given=given,
        memory=memory_of(parameters),
        variations=proposal + count,
        on_search=lambda: context.progress(0.0, "Choosing where to start"),
        state=states[0],
    )
    worst = _coarsest(stage)
    warnings = _warnings(encoder, inputs, parameters) + _coarse(worst)
    for warning in warnings:
        context.warn(warning)
    results = []
    for number, (checkpoint, state) in enumerate(zip(checkpoints, states, strict=True)):
        timed = options.seconds is not None
        report_step = _Reporter(context, checkpoint, inputs, number=number, count=count, timed=timed)
        spent = time.monotonic() - started if number == 0 else 0.0
        which = {"seed": first + number, "variation": proposal + number}
        results.append(optimise(stage, **which, on_step=report_step, state=state, spent=spent))
        report_step.keep()
    context.progress(1.0, "Drawing the result")
    outputs = {
        "attributes": _attributes(results[0], inputs),
        "picture": _sheet(mesh, stage, results[0]),
        "report": {
            "score": results[0].score,
            "seconds": time.monotonic() - started,
            "device": context.device,
            "model": encoder.name,
            "stand_in": encoder.is_stand_in,
            "warnings": warnings,
            "ended": results[0].ended,
            "iterations": len(results[0].history),
            "views": [[math.degrees(angle) for angle in anchor] for anchor in results[0].anchors],
            "memory": stage.plan.peak,
            "detail": {"level": worst.level, "limit": worst.limit, "longest": worst.longest},
            "variations": [{"seed": first + number, "score": result.score} for number, result in enumerate(results)],
            "options": {name: value for name, value in asdict(options).items() if name != "contrasts"},
        },
    }
    outputs |= _styles(results, inputs, parameters, encoder)
    return outputs if count == 1 else outputs | _variations(mesh, stage, results, inputs)


@lru_cache(maxsize=1)  # a warm worker keeps its model from job to job
def _encoder(entry: ModelEntry, device: str) -> ClipEncoder:
    if entry.stand_in:
        return load_mini(device)
    return load_openclip(entry.architecture, entry.path, device)


def _warnings(encoder: ClipEncoder, inputs: dict[str, Any], parameters: dict[str, Value]) -> list[str]:
    warnings = []
    if encoder.is_stand_in:
        warnings.append(
            f"This result was judged by {encoder.name!r}, the small bundled stand-in for CLIP. "
            "For any prompt and finer results fetch the real one: restyle models download ViT-B-32"
        )
    texts = [inputs[name] for name in (*PROMPTS, "geometry_prompt") if name in inputs] + object_prompts(parameters)
    if unknown := dict.fromkeys(word for text in texts for word in encoder.unknown_words(text)):
        words = ", ".join(repr(word) for word in unknown)
        effect = "this word changes nothing" if len(unknown) == 1 else "these words change nothing"
        warnings.append(f"The model {encoder.name!r} does not know {words}; {effect}.")
    return warnings


def _coarsest(stage: Stage) -> Detail:
    details = (detail(scene.query, scene.faces, scene.options.sigma) for scene in stage.scenes)
    return max(details, key=lambda each: each.level)


def _coarse(worst: Detail) -> list[str]:
    """What to say if edges are too long for the finest patterns (research on the reference: four per wavelength)."""
    if worst.fits:
        return []
    lost = "cannot be shown at all" if worst.aliased else "are only roughly shown"
    times = "once" if worst.level == 1 else f"{worst.level} times"
    return [
        f"The mesh is coarse: {worst.share:.0%} of its edges are longer than {worst.limit:.3f} of its radius (up to "
        f"{worst.longest:.3f}), so that the finest patterns {lost}. Subdivide it {times}, which "
        f"`restyle mesh --subdivide {worst.level}` and Blender's Subdivision modifier do, or remesh it."
    ]


class _Reporter:
    """Progress, previews and checkpoints of one of several runs."""

    def __init__(
        self,
        context: JobContext,
        checkpoint: Checkpoint,
        inputs: dict[str, Any],
        *,
        number: int,
        count: int,
        timed: bool,
    ) -> None:
        self._context, self._checkpoint, self._inputs = context, checkpoint, inputs
        self._number, self._count, self._timed = number, count, timed
        self._preview_at = -math.inf
        self._last: Step | None = None

    def __call__(self, step: Step) -> None:
        which = f"Variation {self._number + 1} of {self._count}: step" if self._count > 1 else "Step"
        of = f" of about {step.iterations}" if self._timed else f" of {step.iterations}"
        message = f"{which} {step.iteration}{of}, likeness {step.score:.2f}"
        fraction = (self._number + step.share) / self._count
        self._context.progress(fraction, message, score=step.score, loss=step.loss)
        self._checkpoint.save_if_due(step.state)
        started = time.monotonic()
        if started >= self._preview_at:
            sent = self._preview(step)
            ended = time.monotonic()
            pause = max(PREVIEW_SECONDS, (ended - started) / PREVIEW_SHARE, sent / PREVIEW_BYTES)
            self._preview_at = ended + pause
        self._last = step

    def _preview(self, step: Step) -> int:
        """A picture from the main view, and colours and offsets as the output has them; gives the latter's bytes."""
        self._context.preview("picture", "image", step.render())
        if len(self._inputs["mesh"].vertices) > PREVIEW_VERTICES:
            return 0
        colors, offset = step.surface()
        attributes = {"colors": _colors(colors, self._inputs), "offset": offset}
        self._context.preview("attributes", "attributes", attributes)
        return sum(array.nbytes for array in attributes.values())

    def keep(self) -> None:
        """Save the end of a run, so that a later attempt need not repeat it for the sake of the next."""
        if self._last is not None and self._count > 1:
            self._checkpoint.save(self._last.state)


def _styles(
    results: Sequence[StylizeResult], inputs: dict[str, Any], parameters: dict[str, Value], encoder: ClipEncoder
) -> dict[str, Model]:
    """What was learned, with what a list of styles shows of it: the first style, and of more than one all in one."""
    texts = {name: inputs[name] for name in (*PROMPTS, "geometry_prompt") if name in inputs}
    common = texts | {"model": encoder.name, "preset": parameters["preset"]}
    first, own = int(parameters["seed"] or 0), object_prompts(parameters)
    made = []
    for variation, result in enumerate(results, 1):
        for number, style in enumerate(result.styles, 1):
            prompt = own[number - 1] if number <= len(own) else ""
            about = common | ({"prompt": prompt} if prompt else {})
            about |= {"seed": first + variation - 1, "variation": variation, "object": number}
            made.append(Model(*replace(style, about=about).pack()))
    return {"style": made[0]} | ({"styles": joined(made[:MAX_MODELS])} if len(made) > 1 else {})


def _attributes(result: StylizeResult, inputs: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {
        "colors": _colors(result.colors, inputs),
        "displacement": result.displacement,
        "offset": result.offset,
    }


def _colors(encoded: NDArray[np.float32], inputs: dict[str, Any]) -> NDArray[np.float32]:
    """Linear colours; where nothing was to change they are what came, which a way to sRGB and back would not be."""
    linear = srgb_to_linear(encoded)
    attributes = inputs.get("vertex_attributes") or {}
    if "mask" in attributes and "colors" in attributes:
        kept = attributes["mask"] == 0
        linear[kept] = attributes["colors"][kept, :3]
    return linear


def _sheet(mesh: Mesh, stage: Stage, result: StylizeResult) -> NDArray[np.uint8]:
    """The result from several sides; of several objects a row for each."""
    rows = SHEET_ELEVATIONS if len(stage.parts) == 1 else SHEET_ELEVATIONS[:1]
    pictures = [
        _portraits(
            mesh, part, result, [(anchor[0] + 2 * math.pi * n / SHEET_COLUMNS, row) for n in range(SHEET_COLUMNS)]
        )
        for part, anchor in zip(stage.parts, result.anchors, strict=True)
        for row in rows
    ]
    return contact_sheet(np.concatenate(pictures), SHEET_COLUMNS)


def _portraits(
    mesh: Mesh, part: Part, result: StylizeResult, angles: Sequence[tuple[float, float]]
) -> NDArray[np.uint8]:
    """Pictures of one object of the result from azimuths and elevations."""
    own = part.vertices
    moved = mesh.vertices[own] + result.offset[own]
    azimuths, elevations = zip(*angles, strict=True)
    return render_views(moved, part.faces, result.colors[own], azimuths, elevations, size=SHEET_SIZE, up=mesh.up)


def _variations(mesh: Mesh, stage: Stage, results: Sequence[StylizeResult], inputs: dict[str, Any]) -> dict[str, Any]:
    """All results as one set of attributes, and on one sheet."""
    pictures = []
    for result in results:
        objects = [
            _portraits(mesh, part, result, [anchor])[0]
            for part, anchor in zip(stage.parts, result.anchors, strict=True)
        ]
        pictures.append(contact_sheet(np.stack(objects), columns_for(len(objects))))
    packed = {
        f"variation_{number}": np.concatenate([_colors(result.colors, inputs), result.displacement[:, None]], axis=1)
        for number, result in enumerate(results, 1)
    }
    sheet = contact_sheet(numbered(np.stack(pictures)), columns_for(len(pictures)))
    return {"variations": {"normal": results[0].normals} | packed, "variations_picture": sheet}
