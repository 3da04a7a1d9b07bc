"""Stanford PLY, text and binary, through plyfile: vertices and polygons in; vertices with colours and polygons out.

Not through trimesh, which refuses binary files that mix triangles with other polygons, as Blender writes them, cuts
polygons into fans, and splits vertices where texture coordinates differ.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyElement, PlyParseError

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .library import reasons_named
from .polygons import Polygons, polygons_from

_MAX_HEADER_BYTES = 65_536
_MOST = {"vertex": MAX_VERTICES, "face": MAX_FACES}
_INDEX_NAMES = ("vertex_indices", "vertex_index")


def read(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and polygons of a PLY file; BadInputError says what is wrong."""
    with reasons_named():
        _require_plausible(path)
        data = _parse(path)
        if "vertex" not in data:
            raise BadInputError("it has no vertices.")
        columns = data["vertex"].data
        if missing := [axis for axis in "xyz" if axis not in columns.dtype.names]:
            raise BadInputError(f"its vertices have no {missing[0]}.")
        vertices = np.stack([np.asarray(columns[axis], np.float64) for axis in "xyz"], axis=1)
        polygons = _polygons(data)
    polygons.require_in_range(len(vertices))
    return vertices, polygons_from(polygons.corners, polygons.sizes)


def _require_plausible(path: Path) -> None:
    """Raise BadInputError unless the file can hold what its header claims, since plyfile allocates that at once."""
    with path.open("rb") as file:
        header, end, _ = file.read(_MAX_HEADER_BYTES).partition(b"end_header")
    if not header.startswith(b"ply") or not end:
        raise BadInputError("it has no PLY header; is it a PLY file at all?")
    elements: list[tuple[str, int, int]] = []
    for line in header.splitlines():
        match line.split():
            case [b"element", word, count]:
                elements.append((word.decode("latin-1"), int(count), 0))
            case [b"property", *_] if elements:
                elements[-1] = (*elements[-1][:2], elements[-1][2] + 1)
    size = path.stat().st_size
    for name, rows, properties in elements:
        # Every number takes a byte at least.
        most = min(size // max(1, properties), _MOST.get(name, size))
        if not 0 <= rows <= most:
            raise BadInputError(
                f"its header claims {rows:,} x {name}, but at most {most:,} fit into the file or are allowed. "
                "If it was cut short, export or copy it again."
            )


def _parse(path: Path) -> PlyData:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input contained no data")  # an empty list in a text file is fine
        # plyfile maps lists of one known length at once, and reads others one by one.
        for corners in (3, 4):
            with suppress(PlyParseError):
                return PlyData.read(path, known_list_len={"face": dict.fromkeys(_INDEX_NAMES, corners)})
        return PlyData.read(path)


def _polygons(data: PlyData) -> Polygons:
    face = data["face"].data if "face" in data else np.empty(0, [])
    name = next((name for name in _INDEX_NAMES if name in (face.dtype.names or ())), None)
    lists = list(face[name]) if name else []
    corners = np.concatenate([np.empty(0, np.int64), *lists], dtype=np.int64, casting="same_kind")
    return Polygons(corners, np.array([len(each) for each in lists], np.int64))


def write(vertices: NDArray[np.float64], polygons: Polygons, colors: NDArray[np.float64] | None) -> bytes:
    """A binary PLY file: vertices (V, 3) as doubles; colors (V, 3) sRGB in [0, 1], as bytes by custom."""
    columns = {axis: vertices[:, column].astype("<f8") for column, axis in enumerate("xyz")}
    if colors is not None:
        levels = np.round(colors * 255).astype(np.uint8)
        columns |= {name: levels[:, column] for column, name in enumerate(("red", "green", "blue"))}
    rows = np.empty(len(vertices), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    lists = np.empty(len(polygons.sizes), [("vertex_indices", "O")])
    lists["vertex_indices"] = np.array([*np.split(polygons.corners, polygons.starts[1:]), None], object)[:-1]
    count = "u1" if polygons.sizes.max(initial=0) < 256 else "i4"
    elements = [
        PlyElement.describe(rows, "vertex"),
        PlyElement.describe(lists, "face", len_types={"vertex_indices": count}),
    ]
    buffer = io.BytesIO()
    PlyData(elements, byte_order="<", comments=["Restyle"]).write(buffer)
    return buffer.getvalue()
