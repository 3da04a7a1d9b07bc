"""Guides: render passes at their pictures' sizes, with values that can be compared; and the rank of lightness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from restyle.errors import BadInputError
from restyle.kinds.image import same_shape
from restyle.kinds.passes import is_labels

from .patch import Guide

Size = tuple[int, int]  # height, width
Passes = Mapping[str, NDArray[Any]]
FAR = 1e9  # renderers write 1e10 as the depth of what is not there
LEVELS = 4  # of lightness for each of 8 bits
UNMATCHED = 0.05  # of the picture; fewer pixels without a counterpart are edges


def comparable(structure: Passes, appearance: Passes) -> tuple[Passes, Passes, list[str]]:
    """The passes that both have by one name, with values that can be compared, and remarks for people.

    structure: (H, W, C) each, or (N, H, W, C) of a clip, which is taken as a whole. appearance: (h, w, C).
    Labels are numbered anew. Depth counts from the nearest (0) to the farthest (1) of each side by itself, since two
    scenes have no scale in common; any other measure keeps its relations between the sides.
    Raises BadInputError for passes that do not fit each other.
    """
    names = [name for name in structure if name in appearance]
    if not names:
        one, other = (", ".join(map(repr, passes)) for passes in (structure, appearance))
        raise BadInputError(f"passes: the structure has {one}, the appearance {other}. Give both one of the same name.")
    pair: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    remarks = []
    for name in names:
        ours, theirs = structure[name], appearance[name]
        if is_labels(ours) != is_labels(theirs) or ours.shape[-1] != theirs.shape[-1]:
            raise BadInputError(f"passes: {name} is not the same kind of data on both sides. Render both the same way.")
        if is_labels(ours) and (lacking := float(np.mean(~np.isin(ours, theirs)))) > UNMATCHED:
            remarks.append(f"{lacking:.0%} of the structure has labels in {name!r} that the appearance lacks.")
        pair[0][name], pair[1][name] = _comparable(name, ours, theirs)
    return *pair, remarks


def guides(
    structure: Passes, appearance: Passes, structure_size: Size, appearance_size: Size, weight: float
) -> tuple[Guide, ...]:
    """A guide for each pass (H, W, C) out of `comparable`, laid over pictures of these sizes.

    Raises BadInputError for passes that do not fit their picture.
    """
    made = []
    for name, ours in structure.items():
        one = fitted(ours, structure_size, f"structure_passes: {name}")
        other = fitted(appearance[name], appearance_size, f"appearance_passes: {name}")
        labels = is_labels(ours)
        made.append(Guide(name, one.astype(np.float32), other.astype(np.float32), weight=weight, labels=labels))
    return tuple(made)


def lightness(structure: NDArray[np.uint8], appearance: NDArray[np.uint8], weight: float) -> Guide:
    """Where each pixel of (H, W, 3) and (h, w, 3) sRGB stands in its own picture, from darkest (0) to lightest (1).

    Luminance as in image analogies (Hertzmann et al. 2001, section 3.4), its rank in place of its mean and variance.
    """
    return lightness_of_frames(structure[None], appearance, weight)(0)


def lightness_of_frames(
    frames: NDArray[np.uint8], appearance: NDArray[np.uint8], weight: float
) -> Callable[[int], Guide]:
    """What gives `lightness` for the frame of a number; each pixel of (N, H, W, 3) stands in the clip as a whole.

    So what stays as light as it was keeps its guide, whatever comes into the picture beside it.
    """
    ranks, theirs = _ranks(frames), _laid(_ranks(appearance[None]), appearance)
    return lambda number: Guide("lightness", _laid(ranks, frames[number]), theirs, weight=weight)


def _ranks(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """For each level of lightness the share of all pixels that are darker; equal ones share the middle of theirs."""
    counts = sum(np.bincount(_levels(picture).ravel(), minlength=255 * LEVELS + 1) for picture in pictures)
    return np.asarray((np.cumsum(counts) - counts / 2) / np.sum(counts), np.float32)


def _laid(ranks: NDArray[np.float32], picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    laid: NDArray[np.float32] = ranks[_levels(picture)][..., None]
    return laid


def _levels(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    levels: NDArray[np.int64] = np.rint(picture @ np.array([0.2126, 0.7152, 0.0722]) * LEVELS).astype(np.int64)
    return levels


def fitted(values: NDArray[Any], size: Size, what: str) -> NDArray[Any]:
    """Values (H, W, C) laid over a picture of that size; BadInputError, which names `what`, for another shape."""
    if values.ndim != 3:
        raise BadInputError(
            f"{what} has the shape {values.shape}; for one picture it must be height x width x channels."
        )
    height, width = values.shape[:2]
    if not same_shape((height, width), size):
        raise BadInputError(
            f"{what} is {width} x {height}, but the picture is {size[1]} x {size[0]}. Give both the same shape."
        )
    if (height, width) == size:
        return values
    if is_labels(values):
        rows = (np.arange(size[0]) * 2 + 1) * height // (2 * size[0])
        columns = (np.arange(size[1]) * 2 + 1) * width // (2 * size[1])
        near: NDArray[Any] = values[rows][:, columns]
        return near
    return resized(values, size)


def resized(values: NDArray[Any], size: Size) -> NDArray[np.float32]:
    """Measures (H, W, C) at another size, smoothed where it shrinks."""
    pixels = torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None]
    made = interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)[0].permute(1, 2, 0)
    return np.ascontiguousarray(made.numpy())


def _comparable(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    if is_labels(ours):
        labels = np.union1d(ours, theirs)
        return np.searchsorted(labels, ours).astype(np.int32), np.searchsorted(labels, theirs).astype(np.int32)
    if name.lower().startswith(("depth", "mist", "z")):
        return _from_near_to_far(ours), _from_near_to_far(theirs)
    low, high = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
    scale = np.float32(1 / max(high - low, 1e-12))
    return (ours - low) * scale, (theirs - low) * scale


def _from_near_to_far(depth: NDArray[Any]) -> NDArray[np.float32]:
    there = depth[depth < FAR]
    if there.size == 0:
        return np.ones_like(depth)
    low, high = np.percentile(there, (1, 99))
    return np.asarray(np.clip((depth - low) / max(high - low, 1e-12), 0, 1), np.float32)
