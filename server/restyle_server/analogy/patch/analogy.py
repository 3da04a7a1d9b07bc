"""The calls of the patch engine: pictures in, a picture and the field behind it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .colors import match_covariance, match_rank
from .options import PatchOptions
from .picture import (
    Pixels,
    box_mean,
    check_pixels,
    mask_tensor,
    resize,
    scaled,
    shrunk,
    size_of,
    to_pixels,
    to_tensor,
)
from .render import Canvas, render
from .sizes import Sizes
from .synthesis import GuidePair, Step, Task, synthesise
from .transport import CELLS, Layout, layout_like, matched_layout

Floats = NDArray[np.float32]
OnStep = Callable[[Step], None]
CELL_STEPS = 3
SEARCH_COST = 40  # of a pixel that is searched for, in pixels that are only made
WHOLE = 0.999


@dataclass(frozen=True)
class Guide:
    """Something that is known about both pictures and must agree: an object ID, a depth, a painted mask.

    name: for error messages.
    structure, appearance: (H, W, C) float32, each over its picture and of any size.
    weight: 1 counts as much as the colours.
    labels: the values are IDs, which are equal or not.
    """

    name: str
    structure: Floats
    appearance: Floats
    weight: float = 1.0
    labels: bool = False


@dataclass(frozen=True)
class PatchResult:
    """A picture and where it came from.

    picture: (H, W, 3) uint8 sRGB. field: (H, W, 2) int32, row and column of the appearance pixel behind each pixel.
    """

    picture: Pixels
    field: NDArray[np.int32]


def analogy(
    structure: Pixels,
    appearance: Pixels,
    options: PatchOptions | None = None,
    *,
    guides: tuple[Guide, ...] = (),
    structure_mask: Floats | None = None,
    appearance_mask: Floats | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> PatchResult:
    """Lay the matter of `appearance` out like `structure`; both (H, W, 3) uint8 sRGB, of any two sizes.

    guides: see Guide. structure_mask: (H, W) in [0, 1]; where it is 0 the structure picture itself stays.
    appearance_mask: (h, w); only matter where it is above 0.5 is used.
    seed: of the noise, if the options ask for any. device: of torch.
    on_step: called at least every fraction of a second; may raise to stop.
    Raises BadInputError naming the input that cannot be used.
    """
    options = options or PatchOptions()
    with torch.no_grad():
        check_pixels(structure, "structure")
        task, canvas, _ = prepare(
            structure,
            appearance,
            options,
            guides=guides,
            appearance_mask=appearance_mask,
            device=device,
            on_step=on_step,
        )
        if structure_mask is not None:
            kept = (
                structure if structure.shape[:2] == canvas.size else to_pixels(to_tensor(structure, "cpu", canvas.size))
            )
            change = mask_tensor(structure_mask, canvas.size, device, "structure_mask")
            task, canvas = keeping(task, canvas, kept, change)
        return finished(task, canvas, options, seed, on_step)


def prepare(
    structure: Pixels,
    appearance: Pixels,
    options: PatchOptions,
    *,
    guides: tuple[Guide, ...],
    appearance_mask: Floats | None,
    device: str,
    on_step: OnStep | None,
    example: Layout | None = None,
) -> tuple[Task, Canvas, Layout | None]:
    """What to synthesise, where to lay it, and the matched layout where the options ask for one.

    example: that of an earlier frame.
    """
    check_pixels(appearance, "appearance")
    sizes = Sizes.of(options.output_size or size_of(structure), size_of(appearance), options, fit=options.fit)
    layout, matter = to_tensor(structure, device, sizes.layout), to_tensor(appearance, device, sizes.matter)
    canvas = Canvas(sizes.output, shrunk(appearance, sizes.used), size_of(appearance))

    def tick() -> None:
        if on_step is not None:
            on_step(Step(0.0, "Matching colours", lambda: to_pixels(layout)))

    tick()
    aligned = match_rank(layout, matter) if options.color_alignment == "rank" else layout
    if options.color_alignment in ("covariance", "matched"):
        aligned = match_covariance(layout, matter)
    pairs = [_guide_pair(guide, layout, matter, options.guide_until) for guide in guides]
    matched = None
    if options.color_alignment == "matched":
        asked = [(pair.structure, pair.appearance, pair.weight) for pair in pairs]
        if example is None:
            matched = matched_layout(layout, aligned, matter, asked, tick)
            matched = replace(matched, labels=labels_of(guides, matched.seen))
        else:
            matched = layout_like(example, layout, labels_of(guides, example.seen))
        aligned = _detailed(matched.wanted[:3], aligned if options.pull > 0 else None, layout.shape[1:])
    if options.structure_weight > 0:
        wanted = _described(aligned) if matched is None else matched.wanted
        pairs.append(GuidePair(wanted, _described(matter), options.structure_weight, 1.0))
    allowed = allowed_matter(appearance_mask, sizes, device)
    return Task(aligned, matter, allowed, guides=tuple(pairs)), canvas, matched


def keeping(task: Task, canvas: Canvas, kept: Pixels, change: Tensor) -> tuple[Task, Canvas]:
    """The same, but where `change` (1, H, W) is 0 the result is `kept` (H, W, 3), both of the canvas's size."""
    size = task.start.shape[1], task.start.shape[2]
    small = replace(task, kept=to_tensor(kept, change.device, size), change=resize(change, *size))
    return small, replace(canvas, kept=kept, change=change[0])


def finished(task: Task, canvas: Canvas, options: PatchOptions, seed: int, on_step: OnStep | None) -> PatchResult:
    """Find the matches, and make the picture from them at full size."""
    searched = task.start[0].numel() * SEARCH_COST
    share = searched / (searched + canvas.size[0] * canvas.size[1])

    def search_step(step: Step) -> None:
        if on_step is not None:
            on_step(replace(step, fraction=share * step.fraction))

    soft, field = synthesise(task, options, seed, search_step)

    def tick(done: float) -> None:
        if on_step is not None:
            on_step(Step(share + (1 - share) * done, "Making the picture at full size", lambda: to_pixels(soft)))

    return PatchResult(*render(field, canvas, options.vote_sigma, task.start.device, tick))


def allowed_matter(mask: Floats | None, sizes: Sizes, device: str) -> Tensor | None:
    """What of the matter may be used (1, h, w) above 0.5; raises BadInputError where nothing may."""
    if mask is None:
        return None
    allowed = mask_tensor(mask, size_of(mask), device, "appearance_mask")
    if not (allowed > 0.5).any():
        raise BadInputError("appearance_mask is empty: paint white what may be used of the appearance picture.")
    small = resize(allowed, *sizes.matter)
    # Of a picture that is searched at a smaller size, only what is allowed to the last pixel, if there is such a place.
    whole = (resize((allowed > 0.5).float(), *sizes.matter) > WHOLE).float()
    return whole if sizes.matter != sizes.used and whole.any() else small


def _detailed(cells: Tensor, detail: Tensor | None, size: Sequence[int]) -> Tensor:
    """Colours of cells (3, h, w) as a picture of that size, with what `detail` (3, H, W) has finer than cells."""
    coarse = resize(cells, *size)
    if detail is not None:
        coarse = coarse + detail - resize(resize(detail, *cells.shape[1:]), *size)
    return coarse.clamp(0, 1)


def _described(picture: Tensor) -> Tensor:
    """Mean and deviation of colour about each place, over as much as a cell of the matched layout covers."""
    side = CELLS * CELL_STEPS
    small = scaled(picture, min(1.0, side / min(picture.shape[1:])))
    square = resize(picture.square(), *small.shape[1:])
    mean, square = box_mean(small, CELL_STEPS), box_mean(square, CELL_STEPS)
    return torch.cat([mean, (square - mean.square()).clamp_min(0).sqrt()])


def _guide_pair(guide: Guide, layout: Tensor, matter: Tensor, until: float) -> GuidePair:
    """A guide as channels in which the squared distance of values or of labels is at most about 1 per channel."""
    pair = []
    for name, values, like in (("structure", guide.structure, layout), ("appearance", guide.appearance, matter)):
        array: NDArray[Any] = np.asarray(values)
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or array.size == 0 or not np.isfinite(array).all():
            raise BadInputError(f"guide {guide.name!r}: {name} must be (H, W, C) finite numbers, not {array.shape}.")
        pair.append(
            torch.from_numpy(_thinned(array, like.shape[1:]).astype(np.float32)).to(like.device).permute(2, 0, 1)
        )
    if pair[0].shape[0] != pair[1].shape[0]:
        raise BadInputError(
            f"guide {guide.name!r} has {pair[0].shape[0]} channels over the structure picture but {pair[1].shape[0]} "
            "over the appearance picture; give the same pass of both."
        )
    if guide.labels:
        pair = _one_hot(pair[0], pair[1])
    sized = [resize(values, *picture.shape[1:]) for values, picture in zip(pair, (layout, matter), strict=True)]
    return GuidePair(sized[0], sized[1], guide.weight, until)


def labels_of(guides: Sequence[Guide], like: Tensor) -> Tensor:
    """All labels over the structure, (C, H, W) at the size of `like`; C is 0 if there are none."""
    height, width = like.shape[1:]
    found = [like.new_zeros(0, height, width)]
    for guide in guides:
        if guide.labels:
            values = torch.from_numpy(guide.structure).to(like.device).reshape(*guide.structure.shape[:2], -1)
            rows = (torch.arange(height, device=like.device) * 2 + 1) * values.shape[0] // (2 * height)
            columns = (torch.arange(width, device=like.device) * 2 + 1) * values.shape[1] // (2 * width)
            found.append(values[rows[:, None], columns].permute(2, 0, 1))
    return torch.cat(found)


def _thinned(values: NDArray[Any], size: Sequence[int]) -> NDArray[Any]:
    """Values (H, W, C), of a much larger picture only every so many rows and columns, so that floats of them fit."""
    steps = [max(1, side // (2 * wanted)) for side, wanted in zip(values.shape, size, strict=False)]
    return values[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]]


def _one_hot(structure: Tensor, appearance: Tensor) -> list[Tensor]:
    """IDs (C, H, W) as one channel per ID that both pictures have; two different ones are at distance 1."""
    both = [picture.flatten(1).T.unique(dim=0) for picture in (structure, appearance)]  # type: ignore[no-untyped-call]
    shared = [row for row in both[0] if (both[1] == row).all(dim=1).any()]
    if not shared:
        return [structure.new_zeros(1, *picture.shape[1:]) for picture in (structure, appearance)]
    scale = (len(shared) / 2) ** 0.5
    return [
        torch.stack([(picture == row[:, None, None]).all(dim=0).float() * scale for row in shared])
        for picture in (structure, appearance)
    ]
