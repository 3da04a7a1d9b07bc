"""Training batches: the same clip at its natural speed and sped up, each with an augmentation of its own.

SpeedNet (Benaim et al. 2020, section 3.3) skips frames at random. That alone teaches a small network that sped up
means jerky, while real copies are sped up evenly; so half of the clips has an exact stride, a quarter is skipped at
random, and a quarter has an even rate that is rounded to frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import Tensor

from .footage import Clip, Track

NORMAL, FAST = (1.0, 1.2), (1.7, 2.2)  # the paper's ranges of the two classes
EVEN_FAST = (1.7, 3.6)  # of even rates
LENGTH = 24  # frames of a training clip
SIZES = (40, 48, 48, 56)  # pixels of a training picture
STILL = 2.0  # grey levels of the most that any part of a picture changes, below which nothing moves
TRIES = 6


@dataclass(frozen=True)
class Batch:
    """clips (2P, LENGTH, N, N) float in [0, 255]: P at natural speed, then the same P sped up."""

    clips: Tensor

    @property
    def labels(self) -> Tensor:
        """(2P,) 0 for natural speed, 1 for sped up."""
        half = len(self.clips) // 2
        return torch.cat([torch.zeros(half), torch.ones(half)])


class Sampler:
    """Draws batches from footage and simulated clips."""

    def __init__(self, footage: list[Clip], simulated: list[Clip], share: float, seed: int) -> None:
        """share: of simulated clips where there is footage."""
        self.footage, self.simulated = footage, simulated
        self.share = share if footage else 1.0
        self.rng = np.random.default_rng(seed)
        scenes: dict[str, int] = {}
        for clip in footage:
            scenes[clip.scene] = scenes.get(clip.scene, 0) + clip.frames
        # A scene counts as the root of its length: long ones show more, yet no one of them may rule.
        weights = np.array([clip.frames / np.sqrt(scenes[clip.scene]) for clip in footage])
        self.weights = weights / weights.sum()

    def batch(self, pairs: int) -> Batch:
        """Draw a batch of `pairs` pairs."""
        size = int(self.rng.choice(SIZES))
        drawn = [self._pair(size) for _ in range(pairs)]
        return Batch(torch.stack([normal for normal, _ in drawn] + [fast for _, fast in drawn]))

    def _clip(self) -> Clip:
        if self.rng.random() < self.share:
            return self.simulated[self.rng.integers(len(self.simulated))]
        return self.footage[self.rng.choice(len(self.footage), p=self.weights)]

    def _pair(self, size: int) -> tuple[Tensor, Tensor]:
        """Draw a pair of clips (LENGTH, size, size): one part of the picture, each at its speed and with its looks."""
        rng = self.rng
        for _ in range(TRIES):
            clip = self._clip()
            slow_track, fast_track = self._tracks(clip)
            slow = offsets(rng, fast=False, limit=clip.frames)
            fast = offsets(rng, fast=True, limit=clip.frames)
            start = int(rng.integers(clip.frames - fast[-1])) if fast[-1] < clip.frames else 0
            # Half of the pairs show one moment, the others any two: hurry is to outdo what else changes in a clip.
            there = (start, start + fast[-1] - slow[-1]) if rng.random() < 0.5 else (0, clip.frames - 1 - slow[-1])
            slow, fast = slow + int(rng.integers(there[0], max(there) + 1)), fast + start
            box = self._box(slow_track, slow)
            if box is not None:
                break
        else:
            box = (0.5, 0.5)
        made = []
        backwards, mirrored = rng.random() < 0.25, rng.random() < 0.5
        window = self._window(slow_track.frames.shape[1:], box)
        for track, indices in ((slow_track, slow), (fast_track, fast)):
            rows = np.minimum(np.round(indices / track.speed).astype(int), len(track.frames) - 1)
            cut = torch.from_numpy(track.frames[rows[::-1] if backwards else rows][:, *window].astype(np.float32))
            small = F.interpolate(cut[None], (size, size), mode="bilinear", antialias=True)[0]
            made.append(self._looks(small.flip(2) if mirrored else small))
        return made[0], made[1]

    def _tracks(self, clip: Clip) -> tuple[Track, Track]:
        """Choose the versions of both members: as decoded, or encoded, the fast one before or after speeding up."""
        kind = self.rng.random()
        if not clip.coded or kind < 0.4:
            return clip.plain, clip.plain
        slow, fast = clip.coded[0 if kind < 0.8 else 1]
        return slow, fast if self.rng.random() < 0.5 else slow

    def _box(self, track: Track, indices: NDArray[np.int64]) -> tuple[float, float] | None:
        """Choose a point (row, column) in [0, 1] to look at, preferably where something moves; None if nothing does."""
        rows = np.minimum(np.round(indices[[0, LENGTH // 2, -1]] / track.speed).astype(int), len(track.frames) - 1)
        few = track.frames[rows].astype(np.float32)
        h, w = few.shape[1] // 8, few.shape[2] // 8
        change = np.abs(np.diff(few, axis=0))[:, : h * 8, : w * 8].reshape(2, h, 8, w, 8).mean((0, 2, 4))
        if change.max() < STILL:
            return None
        chances = change.ravel() + 0.1 * change.mean()
        place = self.rng.choice(h * w, p=chances / chances.sum())
        return (place // w + 0.5) / h, (place % w + 0.5) / w

    def _window(self, shape: tuple[int, ...], centre: tuple[float, float]) -> tuple[slice, slice]:
        """Choose rows and columns of a picture of a shape (h, w) that hold the point `centre`."""
        rng = self.rng
        height, width = shape
        side = rng.uniform(0.55, 1.0) * min(height, width)
        stretch = np.exp(rng.normal(0, 0.1))
        rows, columns = (int(min(length, side * s)) for length, s in ((height, stretch), (width, 1 / stretch)))
        # The point may lie anywhere in the middle of the box.
        top = centre[0] * height - rows * rng.uniform(0.2, 0.8)
        left = centre[1] * width - columns * rng.uniform(0.2, 0.8)
        top, left = int(np.clip(top, 0, height - rows)), int(np.clip(left, 0, width - columns))
        return slice(top, top + rows), slice(left, left + columns)

    def _looks(self, frames: Tensor) -> Tensor:
        """Change brightness, contrast and noise of (F, N, N), now and then hold it upside down or as a negative."""
        rng = self.rng
        frames = (frames - 128) * float(rng.uniform(0.5, 1.3)) + 128 + float(rng.uniform(-30, 30))
        if rng.random() < 0.1:
            frames = frames.flip(1)
        if rng.random() < 0.1:
            frames = 255 - frames
        noise = float(rng.choice([0.0, 1.0, 3.0])) * torch.from_numpy(rng.standard_normal(frames.shape, np.float32))
        return (frames + noise).clamp(0, 255)


def offsets(rng: np.random.Generator, fast: bool, limit: int, count: int = LENGTH) -> NDArray[np.int64]:
    """Draw the frames (count,) that a clip shows, from 0 on: skipped at random, with an exact stride, or evenly.

    limit: frames that there are; the rate is lowered where they do not suffice.
    """
    kind, most = rng.integers(4), (limit - 1) / (count - 1)
    if kind == 0:
        rate = min(rng.uniform(*(FAST if fast else NORMAL)), most)
        # Each frame is skipped with probability 1 - 1/rate, so the gaps are geometric.
        gaps = rng.geometric(min(1.0, 1 / rate), count - 1) if rate > 1 else np.ones(count - 1, np.int64)
        steps = np.concatenate([[0], np.cumsum(gaps)])
        if steps[-1] < limit:
            return steps
    if kind in (1, 2):
        rate = float(rng.choice([2, 2, 2, 3, 4])) if fast else 1.0
        if rate <= most:
            return (rate * np.arange(count)).astype(np.int64)
    low, high = EVEN_FAST if fast else NORMAL
    rate = min(np.exp(rng.uniform(np.log(low), np.log(high))), most)
    return np.asarray(np.minimum(np.floor(rng.random() + rate * np.arange(count)), limit - 1), np.int64)
