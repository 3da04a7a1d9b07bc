"""The vertex colours that OBJ and PLY files carry: sRGB there, by custom; scene linear here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..color import srgb_to_linear
from . import MeshFile
from .library import reasons_named


def read_colors(source: MeshFile) -> NDArray[np.float32] | None:
    """Linear colours (N, 3), a row per vertex of `source.mesh`; None if the file has none for every vertex."""
    reader = {".obj": _obj, ".ply": _ply}.get(source.path.suffix.lower())
    if reader is None:
        return None
    with reasons_named():
        colors = reader(source)
    if colors is None or len(colors) != len(source.vertices) or not np.isfinite(colors).all():
        return None
    return srgb_to_linear(np.clip(colors, 0, 1))


def _obj(source: MeshFile) -> NDArray[Any] | None:
    """After the coordinates: `v x y z r g b`."""
    rows = [line.split() for line in source.path.read_bytes().splitlines() if line[:2] in (b"v ", b"v\t")]
    if any(len(row) < 7 for row in rows):
        return None
    return np.array([row[4:7] for row in rows]).astype(np.float64)


def _ply(source: MeshFile) -> NDArray[Any] | None:
    """`red`, `green` and `blue` of the vertices, bytes or floats."""
    from plyfile import PlyData

    columns = PlyData.read(source.path)["vertex"].data
    names = ("red", "green", "blue")
    if any(name not in columns.dtype.names for name in names):
        return None
    colors = np.stack([columns[name] for name in names], axis=1)
    return colors / 255.0 if colors.dtype.kind == "u" else colors.astype(np.float64)
