"""The same engine on one picture: variations, another size, a hole filled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from restyle.errors import BadInputError

from .analogy import Floats, OnStep, PatchResult, allowed_matter, finished, keeping
from .options import PatchOptions, options_for
from .picture import Pixels, check_pixels, mask_tensor, resize, shrunk, size_of, to_tensor
from .render import Canvas
from .sizes import Sizes
from .synthesis import Task

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
        task, canvas = _prepared(picture, options, appearance_mask, device)
        task = replace(task, start=_displaced(task.start, seed))
        return finished(task, canvas, options, seed, on_step)


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
        task, canvas = _prepared(picture, options, appearance_mask, device)
        return finished(task, canvas, options, seed, on_step)


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
        check_pixels(picture, "picture")
        hole = mask_tensor(hole_mask, size_of(picture), device, "hole_mask")
        usable = hole <= 0
        if appearance_mask is not None:
            usable &= mask_tensor(appearance_mask, size_of(picture), device, "appearance_mask") > 0.5
        if not usable.any():
            raise BadInputError("hole_mask leaves nothing of the picture to fill the hole from; paint a smaller hole.")
        task, canvas = _prepared(picture, options, usable[0].float().cpu().numpy(), device)
        start = _spread(task.start, resize((hole > 0).float(), task.start.shape[1], task.start.shape[2]) > 0)
        task, canvas = keeping(replace(task, start=start, matter=start), canvas, picture, hole)
        result = finished(task, canvas, options, seed, on_step)
        untouched = (hole[0] <= 0).cpu().numpy()
        result.field[untouched] = np.argwhere(untouched)
        return result


def _prepared(
    picture: Pixels, options: PatchOptions, appearance_mask: Floats | None, device: str
) -> tuple[Task, Canvas]:
    """The picture as its own matter, and as the start at the size of the output."""
    check_pixels(picture, "picture")
    sizes = Sizes.of(options.output_size or size_of(picture), size_of(picture), options, fit=False)
    matter = to_tensor(picture, device, sizes.matter)
    task = Task(resize(matter, *sizes.layout).clamp(0, 1), matter, allowed_matter(appearance_mask, sizes, device))
    return task, Canvas(sizes.output, shrunk(picture, sizes.used), size_of(picture))


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
