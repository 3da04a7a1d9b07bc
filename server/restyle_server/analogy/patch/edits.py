"""The same engine on one picture: variations, another size, a hole filled; and larger output from a match field."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from restyle.errors import BadInputError

from .analogy import Floats, OnStep, PatchResult, allowed_matter, result_of
from .options import PatchOptions, options_for
from .patches import falloff, vote
from .picture import Pixels, mask_tensor, resize, scaled, to_pixels, to_tensor
from .synthesis import Task, synthesise

VOTE_SIZE = 7
VOTE_SIGMA = 1.5
DISPLACEMENT = 0.3
DISPLACEMENT_GRID = (4, 4)


def vary(
    picture: Pixels,
    options: PatchOptions | None = None,
    *,
    appearance_mask: Floats | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> PatchResult:
    """Another picture of the same matter, (H, W, 3) uint8; every seed gives another one.

    The start is the picture, its parts moved about by a smooth random displacement, and noise of options.noise; without
    both, a picture of the same size would always find itself again. options.output_size may give another size.
    """
    options = options or options_for("vary")
    with torch.no_grad():
        matter = to_tensor(picture, device, "picture")
        start = resize(matter, *(options.output_size or matter.shape[1:])).clamp(0, 1)
        task = Task(start=_displaced(start, seed), matter=matter, allowed=allowed_matter(appearance_mask, matter))
        made, field = synthesise(task, options, seed, on_step)
        return result_of(made, field, matter, picture)


def retarget(
    picture: Pixels,
    options: PatchOptions | None = None,
    *,
    appearance_mask: Floats | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> PatchResult:
    """The picture at options.output_size (height, width): objects keep their size, there are more or fewer of them.

    Granot et al. 2022, section 4.2: the start is the picture stretched to the new size at the coarsest level.
    """
    options = options or options_for("retarget")
    with torch.no_grad():
        matter = to_tensor(picture, device, "picture")
        size = options.output_size or (matter.shape[1], matter.shape[2])
        task = Task(
            start=resize(matter, *size).clamp(0, 1), matter=matter, allowed=allowed_matter(appearance_mask, matter)
        )
        made, field = synthesise(task, options, seed, on_step)
        return result_of(made, field, matter, picture)


def fill(
    picture: Pixels,
    hole_mask: Floats,
    options: PatchOptions | None = None,
    *,
    appearance_mask: Floats | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> PatchResult:
    """The picture with what is under `hole_mask` (H, W; 1 in the hole) made from the rest of it.

    appearance_mask: what of the rest may be used. The pixels outside the hole stay as they are, bit for bit.
    Wexler, Shechtman, Irani, "Space-time completion of video", PAMI 2007, section 3.
    """
    options = options or options_for("fill")
    with torch.no_grad():
        matter = to_tensor(picture, device, "picture")
        hole = mask_tensor(hole_mask, matter, "hole_mask")
        usable = (hole <= 0).float()
        if appearance_mask is not None:
            usable = usable * mask_tensor(appearance_mask, matter, "appearance_mask")
        if not (usable > 0.5).any():
            raise BadInputError("hole_mask leaves nothing of the picture to fill the hole from; paint a smaller hole.")
        start = _spread(matter, hole > 0)
        task = Task(start=start, matter=start, allowed=usable, kept=matter, change=hole)
        made, field = synthesise(task, options, seed, on_step)
        result = result_of(made, field, matter, picture)
        untouched = np.asarray(hole_mask) <= 0
        if untouched.shape == picture.shape[:2]:
            rows, columns = np.nonzero(untouched)
            result.field[rows, columns] = np.stack([rows, columns], axis=1)
        return result


def upscale(result: PatchResult, appearance: Pixels, factor: float) -> Pixels:
    """The result `factor` times larger, voted anew from the full-size appearance picture: (H', W', 3) uint8.

    Every pixel's match becomes a small patch of `appearance`, which must be the picture that the field points into.
    """
    shape = tuple(max(1, round(side * factor)) for side in result.picture.shape[:2])
    matter = scaled(to_tensor(appearance, "cpu", "appearance"), factor / result.scale)
    size = min(VOTE_SIZE, *shape, *matter.shape[1:])
    corners = []
    centres = [torch.arange(side - size + 1) + size / 2 for side in shape]
    pixels = [(centre / factor).long().clamp_max(side - 1) for centre, side in zip(centres, result.picture.shape)]
    field = torch.from_numpy(result.field)[pixels[0][:, None], pixels[1][None]]
    for axis, (centre, pixel) in enumerate(zip(centres, pixels, strict=True)):
        inside = centre - (pixel + 0.5) * factor
        # The field is rounded to full-size pixels; back to the centre of the pixel that was matched.
        used = max(1, round(appearance.shape[axis] / result.scale))
        matched = ((field[..., axis] + 0.5) * used / appearance.shape[axis]).floor()
        there = (matched + 0.5) * matter.shape[1 + axis] / used
        there = there + (inside[:, None] if axis == 0 else inside[None]) - size / 2
        corners.append(there.round().long().clamp(0, matter.shape[1 + axis] - size))
    made = vote(matter, corners[0], corners[1], falloff(size, VOTE_SIGMA, matter), 1)
    return to_pixels(made)


def _displaced(picture: Tensor, seed: int) -> Tensor:
    """The picture (3, H, W) with its parts moved by a smooth normal displacement of `DISPLACEMENT` of its sides."""
    height, width = picture.shape[1:]
    draw = torch.randn(2, *DISPLACEMENT_GRID, generator=torch.Generator().manual_seed(seed))
    moved = resize(draw, height, width).to(picture.device) * DISPLACEMENT
    rows = torch.arange(height, device=picture.device)[:, None] + (moved[0] * height).round().long()
    columns = torch.arange(width, device=picture.device)[None] + (moved[1] * width).round().long()
    return picture[:, _reflected(rows, height), _reflected(columns, width)]


def _reflected(index: Tensor, side: int) -> Tensor:
    """Indices outside 0 to side - 1 mirrored back inside."""
    index = index.remainder(2 * side)
    return torch.where(index < side, index, 2 * side - 1 - index)


def _spread(picture: Tensor, hole: Tensor) -> Tensor:
    """The picture (3, H, W) with the hole (1, H, W) coloured like the nearest pixel outside."""
    nearest = distance_transform_edt(hole[0].cpu().numpy(), return_distances=False, return_indices=True)
    rows, columns = (torch.from_numpy(axis).long().to(picture.device) for axis in nearest)
    return picture[:, rows, columns]
