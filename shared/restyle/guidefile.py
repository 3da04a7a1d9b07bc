"""Guides from files: two pictures, or a clip and a picture, that say what belongs together.

In a picture of IDs equal colours mean equal things: an object or material pass, or areas painted by hand. Depth and
normals are measures. An OpenEXR MultiLayer file has all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import exrfile
from .clipfile import is_clip, read_clip
from .errors import BadInputError
from .labels import labelled
from .numbered import sequence
from .picturefile import read_levels

Passes = dict[str, NDArray[Any]]

KINDS = ("id", "depth", "normal")


def read_guide(kind: str, structure: Path, appearance: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """The pass of the structure, (H, W, C) or of a clip (N, H, W, C), and that of the appearance, (H, W, C).

    kind: one of KINDS. Raises BadInputError that names the file.
    """
    ours = exrfile.thinned(read_clip(structure).frames.pixels) if is_clip(structure) else read_levels(structure)
    theirs = read_levels(appearance)
    if kind != "id":
        return _measure(kind, ours), _measure(kind, theirs)
    return labelled(ours, theirs, (structure, appearance))


def read_passes(structure: Path, appearance: Path) -> tuple[Passes, Passes]:
    """The passes that two OpenEXR files both have; the first may be a numbered sequence: its are (N, H, W, C).

    Raises BadInputError that names the file.
    """
    theirs = exrfile.guides(appearance)
    if is_clip(structure):
        frames = exrfile.FramePasses(sequence(structure, (".exr",)))
        while frames.read_one():
            pass
        ours = frames.get()
    else:
        ours = exrfile.guides(structure)
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise BadInputError(
            f"{structure}: it has {', '.join(ours)}, but {appearance} has {', '.join(theirs)}. Render the same passes."
        )
    return {name: ours[name] for name in shared}, {name: theirs[name] for name in shared}


def _measure(kind: str, pixels: NDArray[Any]) -> NDArray[np.float32]:
    values = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return values if kind == "normal" else values.mean(axis=-1, keepdims=True, dtype=np.float32)
