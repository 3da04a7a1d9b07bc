"""Optical flow of small pictures, by Lucas and Kanade (1981), coarse to fine with warping (Bouguet 2000)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad

COARSEST = 10  # rows
WINDOW = 5  # pixels, side
TEXTURE = 4.0  # grey levels squared; where there is less of it than noise has, nothing is known to move
ROUNDS = 2  # per level


def flow(before: Tensor, after: Tensor) -> Tensor:
    """Where each pixel goes, (B, 2, H, W), right and down in pixels, from `before` to `after`, both (B, 1, H, W)."""
    levels = [(before, after)]
    while levels[-1][0].shape[2] >= 2 * COARSEST and levels[-1][0].shape[3] >= 2 * COARSEST:
        levels.append((avg_pool2d(levels[-1][0], 2), avg_pool2d(levels[-1][1], 2)))
    found = torch.zeros(len(before), 2, *levels[-1][0].shape[2:], device=before.device)
    for old, new in reversed(levels):
        if found.shape[2:] != old.shape[2:]:
            scale = torch.tensor([old.shape[3] / found.shape[3], old.shape[2] / found.shape[2]], device=old.device)
            found = interpolate(found, old.shape[2:], mode="bilinear", align_corners=False) * scale[:, None, None]
        found = _refined(old, new, found)
    return found


def _refined(old: Tensor, new: Tensor, found: Tensor) -> Tensor:
    """The flow after rounds of Lucas and Kanade's step: least squares of the brightness constancy in a window."""
    across, down = _gradients(old)
    xx, xy, yy = (means(product, WINDOW) for product in (across * across, across * down, down * down))
    determinant = (xx + TEXTURE) * (yy + TEXTURE) - xy * xy
    for _ in range(ROUNDS):
        error = _warped(new, found) - old
        x, y = means(across * error, WINDOW), means(down * error, WINDOW)
        step = torch.cat([(yy + TEXTURE) * x - xy * y, (xx + TEXTURE) * y - xy * x], dim=1) / determinant
        # Each pixel's step supposes that its whole window moves as it does; averaging makes that so, and keeps rounds
        # from running away from each other.
        found = means(found - step.clamp(-2, 2), 3)
    return found


def _gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y, 0 at the borders."""
    across, down = torch.zeros_like(picture), torch.zeros_like(picture)
    across[..., 1:-1] = (picture[..., 2:] - picture[..., :-2]) / 2
    down[..., 1:-1, :] = (picture[..., 2:, :] - picture[..., :-2, :]) / 2
    return across, down


def means(values: Tensor, side: int) -> Tensor:
    """Means over a square window, of what of it lies in the picture."""
    return _means_along(_means_along(values, side, 2), side, 3)


def _means_along(values: Tensor, side: int, axis: int) -> Tensor:
    """The same along one axis, as a sum of shifted pictures: several times as fast as torch's average pooling."""
    reach, size = side // 2, values.shape[axis]
    padded = pad(values, (0, 0, reach, reach) if axis == 2 else (reach, reach))
    total = padded.narrow(axis, 0, size)
    for shift in range(1, side):
        total = total + padded.narrow(axis, shift, size)
    place = torch.arange(size, device=values.device)
    count = place.clamp(max=reach) + (size - 1 - place).clamp(max=reach) + 1
    return total / count.view(-1, *[1] * (3 - axis))


def _warped(picture: Tensor, moved: Tensor) -> Tensor:
    """The picture seen from where each pixel went, edges repeated."""
    height, width = picture.shape[2:]
    rows = torch.arange(height, device=picture.device)[:, None] + moved[:, 1]
    columns = torch.arange(width, device=picture.device)[None] + moved[:, 0]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    return grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
