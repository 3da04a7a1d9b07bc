"""What belongs together in two pictures of IDs: labels by colour, also where edges are soft or the file is lossy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInputError

MAX_LABELS = 256  # so many colours can be meant one by one; more come from soft edges or lossy files
BITS = 5  # per channel, to which colours are then rounded
NEAR = 3  # such levels apart, colours are one and the same
RARE = 0.001  # of the pixels; below, a colour means nothing
FLAT = 12  # levels of 255; neighbours that differ by more are at an edge, whose blends mean nothing either


def labelled(
    ours: NDArray[Any], theirs: NDArray[Any], names: tuple[object, object]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Labels (H, W, 1), or (N, H, W, 1) of a clip, which are equal where two pictures are of equal colour.

    ours, theirs: (H, W, 3) uint8 or (H, W, 1) uint16; the first may be a clip, (N, H, W, C).
    names: what the two are called. Raises BadInputError that names one which tells nothing apart.
    """
    pictures = [*ours] if ours.ndim == 4 else [ours]
    label = _labels([*pictures, theirs], names)
    labels = [label(picture) for picture in pictures]
    passes = np.stack(labels) if ours.ndim == 4 else labels[0], label(theirs)
    for name, found in zip(names, passes):
        if (found == found.flat[0]).all():
            raise BadInputError(f"{name}: all of it is of one colour, so it tells nothing apart. Use a picture of IDs.")
    return passes


def _labels(
    pictures: Sequence[NDArray[Any]], names: tuple[object, object]
) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """What gives each pixel its label, the same for the same colour in all pictures."""
    colors = np.zeros(0, np.int32)
    for picture in pictures:
        colors = np.union1d(colors, _codes(picture))
        if len(colors) > MAX_LABELS:
            break
    else:
        return lambda picture: np.searchsorted(colors, _codes(picture))[..., None].astype(np.uint8)
    if any(picture.dtype == np.uint16 for picture in pictures):
        raise BadInputError(f"{names[0]}, {names[1]}: more than {MAX_LABELS} values of 16 bits are no IDs.")
    table = _table(pictures)
    return lambda picture: table[_rounded(picture)][..., None]


def _codes(picture: NDArray[Any]) -> NDArray[np.int32]:
    """Each pixel's colour as one number; the 16-bit grey of an index pass, where IDs differ by 1, below all others."""
    if picture.dtype == np.uint16:
        return np.asarray(-1 - picture[..., 0].astype(np.int32))
    red, green, blue = np.moveaxis(picture.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)


def _rounded(picture: NDArray[Any]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(picture.astype(np.int32) >> (8 - BITS), -1, 0)
    return np.asarray(red << 2 * BITS | green << BITS | blue)


def _table(pictures: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    """The label of each rounded colour: that of the nearest among the frequent ones, of which near ones are merged."""
    count = 1 << 3 * BITS
    colors = np.stack(np.unravel_index(np.arange(count), (1 << BITS,) * 3), axis=-1)
    share = np.max([np.bincount(_rounded(p)[_flat(p)], minlength=count) / (p.size // 3) for p in pictures], axis=0)
    centers: list[NDArray[Any]] = []
    frequent = max(1, np.count_nonzero(share >= RARE))
    for color in colors[np.argsort(-share, kind="stable")[:frequent]]:
        if len(centers) < MAX_LABELS and all(np.abs(color - center).max() > NEAR for center in centers):
            centers.append(color)
    distances = [np.square(colors - center).sum(axis=-1) for center in centers]
    return np.asarray(np.argmin(distances, axis=0), np.uint8)


def _flat(picture: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a pixel (H, W) is like the one beside it and the one below."""
    levels = np.pad(picture.astype(np.int16), ((0, 1), (0, 1), (0, 0)), mode="edge")
    here = levels[:-1, :-1]
    steps = np.maximum(np.abs(levels[:-1, 1:] - here), np.abs(levels[1:, :-1] - here))
    return np.asarray(steps.max(axis=-1) <= FLAT)
