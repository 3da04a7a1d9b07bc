"""The level of a network's logits: what is usual for a clip at its own speed, and what still films stay below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

from . import curve, measure
from .footage import Clip
from .small import SpeedinessNet

STILL_SHARE = 0.99  # of the frames of still films that must be unsure
LEAST_RISE = 0.2
NATURAL_BELOW = -0.1  # or a clip at its own speed would count as sped up
T = TypeVar("T")


def fitted(judged: Sequence[measure.Windows]) -> tuple[float, float]:
    """As measure.scale, but never turning the order of logits round, as it would for a net that knows nothing."""
    by = measure.scale(judged)
    return by if by[0] > 0 else (1.0, -float(np.mean([np.median(one.natural) for one in judged])))


def calibrate(
    net: SpeedinessNet,
    by: tuple[float, float],
    judged: Sequence[measure.Windows],
    clips: Sequence[Clip],
    most: int = 32,
) -> None:
    """Scale the logits of `net` by `by`, and set what is usual at 1x and what still films stay below.

    judged: windows with logits that are so scaled already. clips: still films are made of frames of `most` of them.
    """
    with torch.no_grad():
        net.head.weight.mul_(by[0])
        net.head.bias.mul_(by[0]).add_(by[1])
    scenes = sorted({one.scene for one in judged})
    natural = [np.concatenate([one.natural for one in judged if one.scene == scene]).mean() for scene in scenes]
    net.natural = round(min(float(np.mean(natural)), NATURAL_BELOW), 3)
    rises = np.concatenate([rise_of(still_film(clip, number), net) for number, clip in enumerate(evenly(clips, most))])
    net.rise = round(max(LEAST_RISE, float(np.quantile(rises, STILL_SHARE))), 3)


def still_film(clip: Clip, seed: int) -> curve.Greys:
    """A film (96, h, w) in which nothing moves: one frame of a clip, with a camera's noise."""
    rng = np.random.default_rng(seed)
    frame = np.asarray(clip.plain.frames[clip.frames // 2], np.float64)
    return np.clip(frame + rng.normal(0, 2.0, (96, *frame.shape)), 0, 255).astype(np.uint8)


def rise_of(film: curve.Greys, net: SpeedinessNet) -> curve.Floats:
    """By how much a film's logits rise when it is sped up, for each of its frames."""
    with curve.resized(film, net) as sizes:
        return curve.rise(curve.see(sizes, np.arange(len(film)), 1, net)[0], 30.0)


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly chosen."""
    return [items[number * len(items) // min(most, len(items))] for number in range(min(most, len(items)))]
