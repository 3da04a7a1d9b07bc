"""The calls of the patch engine: pictures in, a picture and the field behind it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .colors import match_covariance, match_rank
from .options import PatchOptions
from .picture import Pixels, box_mean, mask_tensor, resize, scaled, to_pixels, to_tensor
from .synthesis import Field, GuidePair, Step, Task, synthesise
from .transport import CELLS, Layout, layout_like, matched_layout

Floats = NDArray[np.float32]
OnStep = Callable[[Step], None]
CELL_STEPS = 3


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
    scale: appearance pixels per pixel of the picture; above 1 where the appearance picture was shrunk to fit.
    """

    picture: Pixels
    field: NDArray[np.int32]
    scale: float


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
        task, _ = prepare(
            structure,
            appearance,
            options,
            guides=guides,
            appearance_mask=appearance_mask,
            device=device,
            on_step=on_step,
        )
        if structure_mask is not None:
            layout = structure_tensor(structure, options, device)
            change = mask_tensor(structure_mask, layout, "structure_mask")
            task = replace(task, kept=layout, change=change)
        picture, field = synthesise(task, options, seed, on_step)
        return result_of(picture, field, task.matter, appearance)


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
) -> tuple[Task, Layout | None]:
    """What to synthesise, and the matched layout where the options ask for one; `example`: that of an earlier frame."""
    layout = structure_tensor(structure, options, device)
    matter = _fitted(to_tensor(appearance, device, "appearance"), layout, options)

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
        matched = layout_like(example, layout) if example else matched_layout(layout, aligned, matter, asked, tick)
        aligned = resize(matched.wanted[:3], *layout.shape[1:]).clamp(0, 1)
    if options.structure_weight > 0:
        wanted = _described(aligned) if matched is None else matched.wanted
        pairs.append(GuidePair(wanted, _described(matter), options.structure_weight, 1.0))
    return Task(aligned, matter, allowed_matter(appearance_mask, matter), guides=tuple(pairs)), matched


def structure_tensor(structure: Pixels, options: PatchOptions, device: str) -> Tensor:
    """The structure picture (3, H, W) at the size of the output."""
    layout = to_tensor(structure, device, "structure")
    return layout if options.output_size is None else resize(layout, *options.output_size).clamp(0, 1)


def result_of(picture: Tensor, field: Field, matter: Tensor, appearance: Pixels) -> PatchResult:
    """What the caller gets; the field in pixels of the full-size appearance picture."""
    places = []
    for axis, place in enumerate(field.pixels()):
        full, used = appearance.shape[axis], matter.shape[1 + axis]
        places.append(((place + 0.5) * full / used).floor().clamp(0, full - 1))
    scale = (appearance[..., 0].size / matter[0].numel()) ** 0.5
    return PatchResult(to_pixels(picture), torch.stack(places, dim=-1).to(torch.int32).cpu().numpy(), scale)


def _fitted(matter: Tensor, layout: Tensor, options: PatchOptions) -> Tensor:
    if not options.fit:
        return matter
    scale = min(1.0, (layout[0].numel() / matter[0].numel()) ** 0.5)
    return scaled(matter, scale)


def allowed_matter(mask: Floats | None, matter: Tensor) -> Tensor | None:
    """What of the matter (3, h, w) may be used, (1, h, w); raises BadInputError where nothing may."""
    if mask is None:
        return None
    allowed = mask_tensor(mask, matter, "appearance_mask")
    if not (allowed > 0.5).any():
        raise BadInputError("appearance_mask is empty: paint white what may be used of the appearance picture.")
    return allowed


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
    for name, values in (("structure", guide.structure), ("appearance", guide.appearance)):
        array: NDArray[Any] = np.asarray(values)
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or array.size == 0 or not np.isfinite(array).all():
            raise BadInputError(f"guide {guide.name!r}: {name} must be (H, W, C) finite numbers, not {array.shape}.")
        pair.append(torch.from_numpy(array.astype(np.float32)).to(layout.device).permute(2, 0, 1))
    if pair[0].shape[0] != pair[1].shape[0]:
        raise BadInputError(
            f"guide {guide.name!r} has {pair[0].shape[0]} channels over the structure picture but {pair[1].shape[0]} "
            "over the appearance picture; give the same pass of both."
        )
    if guide.labels:
        pair = _one_hot(pair[0], pair[1])
    sized = [resize(values, *picture.shape[1:]) for values, picture in zip(pair, (layout, matter), strict=True)]
    return GuidePair(sized[0], sized[1], guide.weight, until)


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
