"""The job `frames_analogy`: every frame of a clip in the matter of one picture.

Each frame is shown as a preview of its own as soon as it is done: that is what a cancelled job leaves. A second attempt
shows the frames of the first again, since nobody knows whether the last of them were heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from restyle.declare import Value
from restyle.errors import BadInputError
from restyle.kinds import frames
from restyle.kinds.frames import Frames, check_size
from restyle.version import __version__

from ..analogy import gan, patch
from ..analogy.guides import Passes, comparable, fitted, guides, lightness_of_frames
from ..analogy.patch.motion import flicker
from ..checkpoint import Checkpoint
from ..context import JobContext
from .analogy_parts import (
    TRANSPARENT,
    Flat,
    Picture,
    Reporter,
    at_least,
    enlarged,
    flat,
    gan_options,
    inject_scale,
    laid_over,
    output_size,
    patch_options,
    usable,
    varied,
)

FLICKER_PAIRS, FLICKER_SIDE = 12, 240
TRAINING = 0.95  # of the time of a gan; what is left is the clip itself


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Make the clip; see the declaration for inputs, outputs and parameters."""
    context.progress(0.0, "Preparing the pictures")
    reporter = Reporter(context)
    clip = inputs["structure"] = frames.pictures(inputs["structure"])
    size = output_size(parameters, clip.pixels.shape[1:3])
    check_size(len(clip), *size)
    masked = _masked(inputs)
    make = _by_gan if parameters["method"] == "gan" else _by_patches
    options, pictures = make(context, reporter, inputs, parameters)
    made = np.empty((len(clip), *size, 3), np.uint8)
    for number, picture in enumerate(pictures):
        made[number] = masked(number, picture)
        context.preview(f"frame {number + 1:06}", "image", made[number])
    measured = _flicker(context, clip.pixels, made)
    report = reporter.report(parameters, options, size, frames=len(clip), fps=clip.fps, flicker=measured)
    return {"frames": Frames(made, clip.fps), "report": report}


def _masked(inputs: dict[str, Any]) -> Callable[[int, Picture], Picture]:
    """What puts the clip's own frame of a number back where the mask is not white.

    The clip is made whole all the same, so that what a moving mask uncovers has followed the motion until then.
    """
    if "structure_mask" not in inputs:
        return lambda number, picture: picture
    clip, mask = inputs["structure"].pixels, frames.pictures(inputs["structure_mask"]).pixels
    if len(mask) not in (1, len(clip)):
        raise BadInputError(
            f"structure_mask: it has {len(mask)} frames, but the clip has {len(clip)}. Give one for each, or one "
            "for all."
        )
    if not mask.any():
        raise BadInputError("structure_mask: it is empty (black everywhere). Paint white what is to be changed.")
    fitted(mask[0], clip.shape[1:3], "structure_mask")

    def put_back(number: int, picture: Picture) -> Picture:
        grey = mask[number if len(mask) > 1 else 0].mean(axis=2, dtype=np.float32) / np.float32(255)
        return laid_over(picture, clip[number], grey)

    return put_back


def _flicker(context: JobContext, structure: Picture, made: Picture) -> float | None:
    """Mean change between neighbouring frames along the clip's own motion, 0 to 1, of a few pairs."""
    side = min(1.0, FLICKER_SIDE / min(structure.shape[1:3]))
    size = round(structure.shape[1] * side), round(structure.shape[2] * side)
    pairs = np.unique(np.linspace(0, len(made) - 2, FLICKER_PAIRS).round().astype(int)) if len(made) > 1 else ()
    found = []
    for first in pairs:
        context.progress(1.0, "Measuring flicker")
        before, after = (
            [torch.from_numpy(enlarged(clip[number], size)).permute(2, 0, 1) / 255 for number in (first, first + 1)]
            for clip in (structure, made)
        )
        found.append(flicker(before, after))
    return float(np.mean(found)) if found else None


def _by_patches(
    context: JobContext, reporter: Reporter, inputs: dict[str, Any], parameters: dict[str, Value]
) -> tuple[patch.PatchOptions, Iterator[Picture]]:
    clip: Frames = inputs["structure"]
    appearance = flat(inputs["appearance"], "appearance")
    seed = int(parameters["seed"] or 0)
    size = output_size(parameters, clip.pixels.shape[1:3])
    options = varied(patch_options(parameters, size), seed)
    checkpoint = Checkpoint(context.scratch, (options, __version__))
    place = 0

    def on_step(step: patch.Step) -> None:
        context.progress((place + step.fraction) / len(clip), f"Frame {place + 1} of {len(clip)}: {step.message}")

    def pictures() -> Iterator[Picture]:
        nonlocal place
        finished = FinishedFrames(context.scratch / "frames.raw", size)
        state = checkpoint.load()
        if state is not None and len(finished) < state["frames"]:  # the machine itself went down between the two files
            state = None
        for picture in finished.take_up(0 if state is None else int(state["frames"])):
            place += 1
            yield picture
        results = patch.analogy_frames(
            (enlarged(frame, at_least(frame.shape[:2])) for frame in clip.pixels[place:]),
            appearance.pixels,
            options,
            guides=_guides_of_frames(reporter, inputs, appearance, parameters),
            appearance_mask=usable(appearance, inputs.get("appearance_mask")),
            seed=seed,
            device=context.device,
            on_step=on_step,
            state=state,
        )
        for result in results:
            place += 1
            picture = enlarged(result.picture, size)
            yield picture
            finished.add(picture)
            checkpoint.save_if_due(result.state)

    return options, pictures()


class FinishedFrames:
    """The frames that are done, (height, width, 3) uint8 each, in a file that a later attempt takes up."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path = path
        self._shape = (*size, 3)

    def take_up(self, count: int) -> Iterator[Picture]:
        """The first `count` frames of the file; more than these are forgotten."""
        bytes_each = math.prod(self._shape)
        with self._path.open("r+b" if count else "w+b") as file:
            file.truncate(count * bytes_each)
            for _ in range(count):
                yield np.frombuffer(file.read(bytes_each), np.uint8).reshape(self._shape)

    def add(self, picture: Picture) -> None:
        """One more, behind the others."""
        with self._path.open("ab") as file:
            file.write(picture.tobytes())

    def __len__(self) -> int:
        return self._path.stat().st_size // math.prod(self._shape) if self._path.exists() else 0


def _guides_of_frames(
    reporter: Reporter, inputs: dict[str, Any], appearance: Flat, parameters: dict[str, Value]
) -> Callable[[int], tuple[patch.Guide, ...]]:
    """What gives the guides of a frame; a pass that is one picture, not a clip, guides all frames."""
    clip: Frames = inputs["structure"]
    passes, others = _comparable_passes(reporter, inputs, len(clip))
    light = float(parameters["lightness_guide"] or 0)
    by_lightness = lightness_of_frames(clip.pixels, appearance.pixels, light) if light else None

    def of_frame(number: int) -> tuple[patch.Guide, ...]:
        own = {name: array[number] if array.ndim == 4 else array for name, array in passes.items()}
        size, weight = at_least(clip.pixels.shape[1:3]), float(parameters["guide_weight"] or 0)
        given = guides(own, others, size, appearance.size, weight)
        return given if by_lightness is None else (*given, by_lightness(number))

    return of_frame


def _comparable_passes(reporter: Reporter, inputs: dict[str, Any], count: int) -> tuple[Passes, Passes]:
    """The passes of both sides, checked; empty where there are none."""
    if "structure_passes" not in inputs:
        return {}, {}
    for name, array in inputs["structure_passes"].items():
        if array.ndim == 4 and len(array) != count:
            raise BadInputError(
                f"structure_passes: {name} has {len(array)} frames, but the clip has {count}. Render one for each."
            )
    passes, others, remarks = comparable(inputs["structure_passes"], inputs["appearance_passes"])
    for remark in remarks:
        reporter.warn(remark)
    return passes, others


def _by_gan(
    context: JobContext, reporter: Reporter, inputs: dict[str, Any], parameters: dict[str, Value]
) -> tuple[gan.GanOptions, Iterator[Picture]]:
    clip: Frames = inputs["structure"]
    appearance = flat(inputs["appearance"], "appearance")
    if appearance.alpha is not None:
        reporter.warn(TRANSPARENT)
    if parameters["mode"] != "analogy":
        reporter.warn("gan has one way with clips; the mode changes nothing.")
    options = gan_options(parameters, "frames")
    inject = inject_scale(parameters, options)
    checkpoint = Checkpoint(context.scratch, (options, __version__))
    seed = int(parameters["seed"] or 0)

    def on_step(step: gan.Step) -> None:
        reporter.gan_step(step, str(parameters["preset"]), share=TRAINING)
        checkpoint.save_if_due(step.state)

    def pictures() -> Iterator[Picture]:
        trained = gan.train_frames(
            list(clip.pixels),
            appearance.pixels,
            options,
            seed=seed,
            device=context.device,
            on_step=on_step,
            state=checkpoint.load(),
        )
        drawn = gan.translate_frames(trained.tensors, clip.pixels, scale=inject, seed=seed, device=context.device)
        size = output_size(parameters, clip.pixels.shape[1:3])
        for number, picture in enumerate(drawn, 1):
            yield enlarged(picture, size)
            context.progress(TRAINING + (1 - TRAINING) * number / len(clip), f"Frame {number} of {len(clip)}")

    return options, pictures()
