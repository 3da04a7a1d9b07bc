"""Motion energy: how much moves, from optical flow, for when the speediness network is unsure or not wanted.

This is not speediness: near things move more pixels than far ones at the same natural speed, which is what SpeedNet was
made to see past. But it needs no training, and equal motion per shown frame is a fair way to spend a given length.

The flow is that of Lucas and Kanade (1981), coarse to fine with warping (Bouguet 2000), on small pictures. The camera's
own movement, the affine flow that most pixels agree on, is taken off and counts for a share only; of what is left the
fast twentieth counts, as SpeedNet's spatial maximum looks at what moves most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from .plan import fitted
from .solver import Curve

ROWS = 40  # of the finest pictures; finer ones tell no more of how fast things are
COARSEST = 10  # rows
WINDOW = 5  # pixels, side
TEXTURE = 4.0  # grey levels squared; where there is less of it than noise has, nothing is known to move
ROUNDS = 2  # per level
REWEIGHTED = 3  # rounds of the fit of the camera's movement
BEYOND = 0.25  # pixels off the camera's movement from which a pixel counts less and less for it
QUANTILE = 0.95
CAMERA_SHARE = 0.3
EDGE = 4  # pixels at each border, about which nothing is known when the camera moves
BATCH = 32
SMOOTH = 0.5  # seconds
STILL = 0.02  # picture heights per second; slower is rest, and rest is all one
TAILS = (5, 95)  # percentiles

OnStep = Callable[[float], object]


def motion_energy(
    greys: NDArray[np.uint8],
    fps: Fraction,
    cuts: Sequence[int] = (),
    *,
    device: str = "cpu",
    on_step: OnStep = float,
) -> Curve:
    """How fast things move at each frame, (T,), in picture heights per second.

    greys: (T, h, w), may be memory-mapped. cuts: frames where a new shot begins; nothing moves across them. The flow
    between two frames belongs half to each. on_step: called with the share that is done; may raise.
    """
    frames = len(greys)
    steps = np.zeros(frames + 1)  # of the gap before each frame, with nothing before the first and after the last
    for start in range(0, frames - 1, BATCH):
        block = torch.from_numpy(greys[start : start + BATCH + 1].astype(np.float32))[:, None].to(device)
        pictures = _small(block)
        steps[start + 1 : start + len(block)] = _energy(flow(pictures[:-1], pictures[1:])) / pictures.shape[2]
        on_step(min(1.0, (start + BATCH) / frames))
    if frames > 1:
        steps[0], steps[-1] = steps[1], steps[-2]
    before, after = steps[:-1].copy(), steps[1:].copy()
    for cut in cuts:
        after[cut - 1], before[cut] = before[cut - 1], after[cut]
    return (before + after) / 2 * float(fps)


def wanted_speed(
    energy: Curve, fps: Fraction, length: int, limits: tuple[float, float], cuts: Sequence[int] = ()
) -> Curve:
    """V(t), (T,): the speed with which every frame that is shown has the same motion, for a result of `length` frames.

    limits: the lowest and the highest speed. Within shots the energy is smoothed first, and its extremes cut off.
    """
    smooth = np.empty_like(energy)
    for first, last in zip((0, *cuts), (*cuts, len(energy))):
        smooth[first:last] = gaussian_filter1d(energy[first:last], SMOOTH * float(fps) / 2, mode="nearest")
    smooth = np.clip(smooth, *np.percentile(smooth, TAILS)) + STILL
    slowest, fastest = (np.full(len(energy), limit) for limit in limits)
    return fitted(1 / smooth, length, slowest, fastest)


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
    xx, xy, yy = (_window(product) for product in (across * across, across * down, down * down))
    determinant = (xx + TEXTURE) * (yy + TEXTURE) - xy * xy
    for _ in range(ROUNDS):
        error = _warped(new, found) - old
        x, y = _window(across * error), _window(down * error)
        step = torch.cat([(yy + TEXTURE) * x - xy * y, (xx + TEXTURE) * y - xy * x], dim=1) / determinant
        # Each pixel's step supposes that its whole window moves as it does; averaging makes that so, and keeps rounds
        # from running away from each other.
        found = avg_pool2d(found - step.clamp(-2, 2), 3, stride=1, padding=1, count_include_pad=False)
    return found


def _gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y, 0 at the borders."""
    across, down = torch.zeros_like(picture), torch.zeros_like(picture)
    across[..., 1:-1] = (picture[..., 2:] - picture[..., :-2]) / 2
    down[..., 1:-1, :] = (picture[..., 2:, :] - picture[..., :-2, :]) / 2
    return across, down


def _window(values: Tensor) -> Tensor:
    """Means over a window, of what of it lies in the picture."""
    return avg_pool2d(values, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)


def _warped(picture: Tensor, moved: Tensor) -> Tensor:
    """The picture seen from where each pixel went, edges repeated."""
    height, width = picture.shape[2:]
    rows = torch.arange(height, device=picture.device)[:, None] + moved[:, 1]
    columns = torch.arange(width, device=picture.device)[None] + moved[:, 0]
    grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
    return grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _small(greys: Tensor) -> Tensor:
    """The pictures (B, 1, h, w) averaged to about ROWS rows."""
    cell = max(1, greys.shape[2] // ROWS)
    return avg_pool2d(greys, cell, ceil_mode=False) if min(greys.shape[2:]) >= cell > 1 else greys


def _energy(moved: Tensor) -> NDArray[np.float64]:
    """Pixels per frame, (B,): the fast twentieth of what moves against the camera, and a share of the camera's own."""
    height, width = (EDGE if side > 4 * EDGE else 0 for side in moved.shape[2:])
    moved = moved[..., height : moved.shape[2] - height, width : moved.shape[3] - width]
    camera = _camera(moved)
    own = (moved - camera).square().sum(dim=1).sqrt().flatten(1)
    fast = own.quantile(QUANTILE, dim=1)
    whole = camera.square().sum(dim=1).sqrt().mean(dim=(1, 2))
    energy: NDArray[np.float64] = (fast + CAMERA_SHARE * whole).double().cpu().numpy()
    return energy


def _camera(moved: Tensor) -> Tensor:
    """The affine flow (B, 2, H, W) that most pixels agree on: least squares, what disagrees losing its weight."""
    batch, _, height, width = moved.shape
    across, down = (torch.linspace(-1, 1, side, device=moved.device) for side in (width, height))
    ones = torch.ones(height, width, device=moved.device)
    whole = torch.stack([ones, ones * across, ones * down[:, None]], dim=-1)
    basis = whole[::2, ::2].reshape(-1, 3)  # every other pixel tells as much
    values = moved[:, :, ::2, ::2].permute(0, 2, 3, 1).reshape(batch, -1, 2)
    fitted = values.median(dim=1, keepdim=True).values.expand_as(values)
    slack = 1e-6 * torch.eye(3, device=moved.device)
    for _ in range(REWEIGHTED):
        off = (values - fitted).square().sum(dim=2)
        weighted = basis * (1 / (1 + off / BEYOND**2))[..., None]  # Cauchy's weights
        normal = weighted.transpose(1, 2) @ basis + slack
        factors = torch.linalg.solve(normal, weighted.transpose(1, 2) @ values)
        fitted = basis @ factors
    return torch.einsum("hwk,bkc->bchw", whole, factors)
