"""What the jobs `image_analogy` and `frames_analogy` have in common: their inputs, settings and reports."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from restyle.declare import Value
from restyle.errors import BadInputError, UsageError
from restyle.kinds.image import MAX_PIXELS

from ..analogy import gan, patch
from ..analogy.guides import fitted, resized
from ..context import JobContext

PREVIEW_SECONDS = 2.0
STRIP = 256  # rows
SMALLEST = 16  # pixels, of the shorter side that the engines are given
VARIATION = 0.3  # noise of the start, in units of its own deviation, by which seeds other than 0 vary
TRANSPARENT = "gan cannot leave the transparent parts of the appearance picture out; they count as its mean colour."
Picture = NDArray[np.uint8]
Mask = NDArray[np.float32]
Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Flat:
    """A picture (H, W, 3) without its alpha, and where it is opaque (H, W), if that is not everywhere.

    given: its size as it came; `size` is larger for a tiny one.
    """

    pixels: Picture
    alpha: Mask | None
    given: Size

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]


def at_least(size: Size) -> Size:
    """The size, or a larger one of the same aspect ratio in which a patch and a critic find room."""
    factor = SMALLEST / min(size)
    return size if factor <= 1 else (round(size[0] * factor), round(size[1] * factor))


def flat(picture: Picture, name: str) -> Flat:
    """The picture over its own mean colour: the one ground that adds no edges and no new colour.

    A tiny picture is enlarged, down to the single pixel.
    Raises BadInputError for a picture of which nothing shows, or that is too narrow to be enlarged.
    """
    given = picture.shape[0], picture.shape[1]
    least = at_least(given)
    if least[0] * least[1] > MAX_PIXELS:
        raise BadInputError(f"{name}: {given[1]} x {given[0]} pixels are too narrow to work on. Crop it.")
    if picture.shape[2] == 3:
        return Flat(enlarged(picture, least), None, given)
    if not picture[..., 3].any():
        raise BadInputError(f"{name}: it is transparent everywhere. Choose a picture that shows something.")
    alpha: Mask = np.divide(picture[..., 3:], 255, dtype=np.float32)
    strips = [slice(top, top + STRIP) for top in range(0, given[0], STRIP)]  # floats of a large picture are many
    mean = sum((picture[rows, :, :3] * alpha[rows]).sum((0, 1), np.float64) for rows in strips) / alpha.sum(
        None, np.float64
    )
    pixels = np.empty((*given, 3), np.uint8)
    for rows in strips:
        pixels[rows] = np.rint(picture[rows, :, :3] * alpha[rows] + mean * (1 - alpha[rows]))
    return Flat(enlarged(pixels, least), resized(alpha, least)[..., 0], given)


def usable(appearance: Flat, mask: Mask | None) -> Mask | None:
    """Where the appearance's matter may be used: what is opaque, and what the mask allows; None for everywhere."""
    if mask is None:
        return appearance.alpha
    laid = fitted(mask[..., None], appearance.size, "appearance_mask")[..., 0]
    both = laid if appearance.alpha is None else laid * appearance.alpha
    if not (both > 0.5).any():
        raise BadInputError("appearance_mask: it leaves nothing that may be used. Paint more of it white.")
    return both


def finished(picture: Picture, size: Size, alpha: Mask | None) -> Picture:
    """What an engine made at the size that was asked for, and as transparent as its layout was."""
    picture = enlarged(picture, size)
    if alpha is None:
        return picture
    values = resized(alpha[..., None], size)
    return np.concatenate([picture, np.rint(values * 255).astype(np.uint8)], axis=2)


def output_size(parameters: Mapping[str, Value], size: Size) -> Size:
    """Height and width of the result: as asked for; the side that was not keeps the aspect ratio of `size`.

    In mode retarget it is kept as it is, since another aspect ratio is what is wanted there.
    """
    height, width = parameters["height"], parameters["width"]
    if height is None and width is None:
        return size
    if parameters["mode"] == "retarget":
        return int(height or size[0]), int(width or size[1])
    if height is None:
        height = max(1, round(size[0] * int(width or 1) / size[1]))
    if width is None:
        width = max(1, round(size[1] * int(height) / size[0]))
    return int(height), int(width)


def patch_options(parameters: Mapping[str, Value], size: Size) -> patch.PatchOptions:
    """The mode's and preset's options, with what the caller chose; `size` is that of the result."""
    options = patch.options_for(str(parameters["mode"]), str(parameters["preset"]))
    chosen: dict[str, Any] = {"output_size": at_least(size)}
    for name in ("granularity", "completeness", "iterations"):
        if parameters[name] is not None:
            chosen[name] = parameters[name]
    if parameters["colors"] != "auto":
        chosen["color_alignment"] = parameters["colors"]
    return replace(options, **chosen)


def varied(options: patch.PatchOptions, seed: int) -> patch.PatchOptions:
    """The options for a seed: 0 is the engine's plain answer, any other one a variation of it."""
    return options if seed == 0 else replace(options, noise=max(options.noise, VARIATION))


def gan_options(parameters: Mapping[str, Value], mode: str) -> gan.GanOptions:
    """The mode's and preset's options, with what the caller chose."""
    options = gan.options_for(mode, str(parameters["preset"]))
    if parameters["granularity"] is not None:
        options = replace(options, min_size=min(int(parameters["granularity"]), options.size))
    if parameters["iterations"] is not None:
        options = replace(options, iterations=int(parameters["iterations"]), finest_share=1.0)
    return replace(options, samples=int(parameters.get("samples") or 1))


def inject_scale(parameters: Mapping[str, Value], options: gan.GanOptions) -> int | None:
    """The scale at which the structure itself is to be given to the networks, if that is wanted.

    Raises UsageError for one that these options do not have, before anything is trained.
    """
    if parameters["inject"] is None:
        return None
    scale, allowed = int(parameters["inject"]), gan.injectable(options)
    if scale not in allowed:
        beyond = "" if options.climb else f"; {allowed[-1]} translates the picture as it is"
        raise UsageError(
            f"inject: {scale} is not a scale of this training. Give {allowed[0]} (the coarsest, which changes most) to "
            f"{allowed[-1]}{beyond}."
        )
    return scale


def enlarged(picture: Picture, size: Size) -> Picture:
    """The picture (H, W, 3) at another size, bicubic."""
    if picture.shape[:2] == size:
        return picture
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    made = interpolate(pixels, size, mode="bicubic", antialias=True, align_corners=False)[0]
    return np.ascontiguousarray(made.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())


def laid_over(made: Picture, kept: Picture, change: Mask) -> Picture:
    """`made` (H, W, 3) where `change` is 1, `kept` where it is 0; the last two of any size and the same shape."""
    size = made.shape[0], made.shape[1]
    share = resized(change[..., None], size)
    return np.asarray(np.rint(share * made + (1 - share) * enlarged(kept, size)), np.uint8)


class Reporter:
    """Progress and previews of a job, and its warnings, which the report repeats."""

    def __init__(self, context: JobContext) -> None:
        self.warnings: list[str] = []
        self._context = context
        self._told_time = False
        self._started = self._shown = time.monotonic()

    def warn(self, message: str) -> None:
        """Say it, once."""
        if message not in self.warnings:
            self.warnings.append(message)
            self._context.warn(message)

    def step(
        self,
        fraction: float,
        message: str,
        render: Callable[[], Picture],
        name: str = "picture",
        losses: Mapping[str, float] | None = None,
    ) -> None:
        """Progress, and now and then a picture under the name of its output; CancelledError after a cancel."""
        self._context.progress(fraction, message, **(losses or {}))
        if time.monotonic() - self._shown >= PREVIEW_SECONDS:
            self._context.preview(name, "image", render())
            self._shown = time.monotonic()

    def gan_step(self, step: gan.Step, preset: str, share: float = 1.0) -> None:
        """Progress of a training, with the time that it has left; on a CPU that may be days, which is said once.

        share: of the whole job that the training is.
        """
        message = f"Scale {step.scale} of {step.scales}, round {step.iteration} of {step.iterations}"
        if step.seconds_left is not None:
            message += f", about {duration(step.seconds_left)} left"
            if preset != "draft" and self._context.device == "cpu" and not self._told_time:
                self._told_time = True  # the time left changes, and the text with it
                self.warn(
                    f"gan with the preset {preset} takes about {duration(step.seconds_left)} on this CPU. The preset "
                    "draft or a GPU is faster; the method patch takes seconds."
                )
        self.step(share * step.fraction, message, step.render, losses=step.losses)

    def report(self, parameters: Mapping[str, Value], options: Any, size: Size, **more: Any) -> dict[str, Any]:
        """The job's report; `options` are the engine's."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(options).items()}
        plain.setdefault("granularity", plain.get("min_size"))
        return {
            "method": parameters["method"],
            "mode": parameters["mode"],
            "preset": parameters["preset"],
            "seconds": time.monotonic() - self._started,
            "device": self._context.device,
            "warnings": self.warnings,
            "options": plain | {"width": size[1], "height": size[0]},
        } | more


def duration(seconds: float) -> str:
    """A time for people: its largest unit, or the two largest where that would be coarse."""
    if not math.isfinite(seconds) or seconds < 60:
        return f"{max(1, round(seconds)) if math.isfinite(seconds) else '?'} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"
