"""Motion energy: how much moves, from optical flow, for when the speediness network is unsure or not wanted.

This is not speediness: near things move more pixels than far ones at the same natural speed, which is what SpeedNet was
made to see past. But it needs no training, and equal motion per shown frame is a fair way to spend a given length.

The camera's own movement, the affine flow that most pixels agree on, is taken off and counts for a share only; of what
is left the fast twentieth counts, as SpeedNet's spatial maximum looks at what moves most.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .flow import flow
from .media import forget
from .plan import fitted
from .solver import Curve

ROWS = 40  # of the finest pictures; finer ones tell no more of how fast things are
REWEIGHTED = 3  # rounds of the fit of the camera's movement
BEYOND = 0.25  # pixels off the camera's movement from which a pixel counts less and less for it
QUANTILE = 0.95
CAMERA_SHARE = 0.3
EDGE = 4  # pixels at each border, about which nothing is known when the camera moves
BATCH = 32
MAX_THREADS = 8
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

    def measured(start: int) -> NDArray[np.float64]:
        block = torch.from_numpy(greys[start : start + BATCH + 1].astype(np.float32))[:, None].to(device)
        pictures = _small(block)
        return _energy(flow(pictures[:-1], pictures[1:])) / pictures.shape[2]

    starts = range(0, frames - 1, BATCH)
    with _one_thread_each(device) as pool:
        for start, found in zip(starts, pool.map(measured, starts)):
            steps[start + 1 : start + 1 + len(found)] = found
            forget(greys)
            on_step(min(1.0, (start + BATCH) / frames))
    if frames > 1:
        steps[0], steps[-1] = steps[1], steps[-2]
    before, after = steps[:-1].copy(), steps[1:].copy()
    for cut in cuts:
        after[cut - 1], before[cut] = before[cut - 1], after[cut]
    return (before + after) / 2 * float(fps)


@contextmanager
def _one_thread_each(device: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that share the cores: the pictures are too small for torch to divide the work on one of them."""
    threads = min(os.cpu_count() or 1, MAX_THREADS) if device == "cpu" else 1
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


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
