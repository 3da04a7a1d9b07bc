"""The job `image_analogy`: one picture in the matter of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from restyle.declare import Value
from restyle.errors import BadInputError
from restyle.version import __version__

from ..analogy import gan, patch
from ..analogy.guides import comparable, fitted, guides, lightness
from ..checkpoint import Checkpoint
from ..context import JobContext
from .analogy_parts import (
    TRANSPARENT,
    Flat,
    Mask,
    Reporter,
    Size,
    enlarged,
    finished,
    flat,
    gan_options,
    inject_scale,
    laid_over,
    output_size,
    patch_options,
    usable,
    varied,
)

Outputs = dict[str, Any]
Runs = dict[str, Callable[..., patch.PatchResult]]


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> Outputs:
    """Make the picture; see the declaration for inputs, outputs and parameters."""
    context.progress(0.0, "Preparing the pictures")
    reporter = Reporter(context)
    appearance = flat(inputs["appearance"], "appearance")
    if "structure" not in inputs:
        return _from_one(context, reporter, appearance, inputs, parameters)
    structure = flat(inputs["structure"], "structure")
    make = _by_gan if parameters["method"] == "gan" else _by_patches
    return make(context, reporter, (structure, appearance), inputs, parameters)


def _changed(inputs: dict[str, Any], size: Size) -> Mask | None:
    """Where a structure picture of that size is changed; None for everywhere."""
    mask = inputs.get("structure_mask")
    return None if mask is None else fitted(mask[..., None], size, "structure_mask")[..., 0]


def _by_patches(
    context: JobContext,
    reporter: Reporter,
    pair: tuple[Flat, Flat],
    inputs: dict[str, Any],
    parameters: dict[str, Value],
) -> Outputs:
    structure, appearance = pair
    size = output_size(parameters, structure.given)
    options = patch_options(parameters, size)
    given: tuple[patch.Guide, ...] = ()
    if "structure_passes" in inputs:
        ours, theirs, remarks = comparable(inputs["structure_passes"], inputs["appearance_passes"])
        for remark in remarks:
            reporter.warn(remark)
        given = guides(ours, theirs, structure.size, appearance.size, float(parameters["guide_weight"] or 0))
    if weight := float(parameters["lightness_guide"] or 0):
        given += (lightness(structure.pixels, appearance.pixels, weight),)
    matter = usable(appearance, inputs.get("appearance_mask"))
    call = partial(patch.analogy, structure.pixels, appearance.pixels, guides=given, appearance_mask=matter)
    runs: Runs = _seeded(partial(call, structure_mask=_changed(inputs, structure.size)), options, parameters)
    if parameters["both"]:
        swapped = tuple(replace(g, structure=g.appearance, appearance=g.structure) for g in given)
        runs["reverse"] = partial(
            patch.analogy,
            appearance.pixels,
            structure.pixels,
            replace(options, output_size=appearance.size),
            guides=swapped,
            appearance_mask=structure.alpha,
            seed=int(parameters["seed"] or 0),
        )
    results = _run_all(context, reporter, runs)
    reverse = results.pop("reverse", None)
    outputs: Outputs = {name: finished(result.picture, size, structure.alpha) for name, result in results.items()}
    if reverse is not None:
        outputs["reverse"] = finished(reverse.picture, appearance.given, appearance.alpha)
    if parameters["field"]:
        outputs["field"] = _field(results["picture"], size, appearance)
    return outputs | {"report": reporter.report(parameters, options, size, appearance_size=list(appearance.given))}


def _from_one(
    context: JobContext, reporter: Reporter, picture: Flat, inputs: dict[str, Any], parameters: dict[str, Value]
) -> Outputs:
    """Modes vary, retarget and fill."""
    matter = usable(picture, inputs.get("appearance_mask"))
    mode = parameters["mode"]
    size = output_size(parameters, picture.given)
    options = patch_options(parameters, size)
    call: Callable[..., patch.PatchResult]
    if mode == "fill":
        hole = fitted(inputs["structure_mask"][..., None], picture.size, "structure_mask")[..., 0]
        rest = hole <= 0 if matter is None else (hole <= 0) & (matter > 0.5)
        if not rest.any():  # the engine says so too, but not by the input's name
            raise BadInputError("structure_mask: it leaves nothing of the picture to fill the hole from; paint less.")
        call = partial(patch.fill, picture.pixels, hole)
    else:
        call = partial(patch.vary if mode == "vary" else patch.retarget, picture.pixels)
    results = _run_all(context, reporter, _seeded(partial(call, appearance_mask=matter), options, parameters))
    kept = picture.alpha if mode == "fill" else None  # elsewhere the transparent parts are not used, so none are left
    outputs: Outputs = {name: finished(result.picture, size, kept) for name, result in results.items()}
    if parameters["field"]:
        outputs["field"] = _field(results["picture"], size, picture)
    return outputs | {"report": reporter.report(parameters, options, size, appearance_size=list(picture.given))}


def _seeded(call: Callable[..., patch.PatchResult], options: patch.PatchOptions, parameters: dict[str, Value]) -> Runs:
    """A run for each sample."""
    first = int(parameters["seed"] or 0)
    return {
        "picture" if number == 0 else f"sample_{number + 1}": partial(
            call, options=varied(options, first + number), seed=first + number
        )
        for number in range(int(parameters["samples"] or 1))
    }


def _run_all(context: JobContext, reporter: Reporter, runs: Runs) -> dict[str, patch.PatchResult]:
    results: dict[str, patch.PatchResult] = {}
    for number, (name, call) in enumerate(runs.items()):
        which = f"{name.replace('_', ' ').capitalize()}: " if len(runs) > 1 else ""

        def on_step(step: patch.Step, number: int = number, name: str = name, which: str = which) -> None:
            fraction = (number + step.fraction) / len(runs)
            reporter.step(fraction, which + step.message, step.render, name)

        results[name] = call(device=context.device, on_step=on_step)
        if len(runs) > 1:  # what is finished is kept if the rest is cancelled
            context.preview(name, "image", results[name].picture)
    return results


def _field(result: patch.PatchResult, size: Size, appearance: Flat) -> Outputs:
    """Row and column (H, W, 1) int32 of the appearance pixel behind each pixel."""
    places = fitted(result.field, size, "field")
    scaled = [places[..., axis : axis + 1] * appearance.given[axis] // appearance.size[axis] for axis in range(2)]
    return {name: np.ascontiguousarray(place, np.int32) for name, place in zip(("row", "column"), scaled)}


def _by_gan(
    context: JobContext,
    reporter: Reporter,
    pair: tuple[Flat, Flat],
    inputs: dict[str, Any],
    parameters: dict[str, Value],
) -> Outputs:
    """The picture is made whole; the structure itself is put back where the mask is black."""
    structure, appearance = pair
    changed = _changed(inputs, structure.size)
    if appearance.alpha is not None:
        reporter.warn(TRANSPARENT)
    options = gan_options(parameters, str(parameters["mode"]))
    inject = inject_scale(parameters, options)
    if inject is None and options.climb:
        inject = 1  # what a short training draws by itself has lost the layout
    checkpoint = Checkpoint(context.scratch, (options, __version__))
    first = int(parameters["seed"] or 0)

    def on_step(step: gan.Step) -> None:
        reporter.gan_step(step, str(parameters["preset"]))
        checkpoint.save_if_due(step.state)

    result = gan.train(
        structure.pixels,
        appearance.pixels,
        options,
        seed=first,
        device=context.device,
        on_step=on_step,
        state=checkpoint.load(),
    )
    size = output_size(parameters, structure.given)
    samples = result.samples
    if inject is not None:
        samples = tuple(
            gan.inject(result.tensors, structure.pixels, inject, seed=first + number, device=context.device)
            for number in range(options.samples)
        )
    outputs: Outputs = {}
    for number, drawn in enumerate(samples, 1):
        name = "picture" if number == 1 else f"sample_{number}"
        picture = enlarged(drawn, size)
        if changed is not None:
            picture = laid_over(picture, structure.pixels, changed)
        outputs[name] = finished(picture, size, structure.alpha)
    if parameters["both"]:
        outputs["reverse"] = finished(result.reverse, appearance.given, appearance.alpha)
    trained = {"trained_size": list(result.picture.shape[:2])}
    return outputs | {"report": reporter.report(parameters, options, size, **trained)}
