"""Stanford PLY, text and binary, through plyfile: vertices and polygons in; vertices with colours and polygons out.

Texture coordinates are read from the vertices (`s` and `t`, as Blender writes them, `u` and `v`, or `texture_u` and
`texture_v`) or from a list `texcoord` of the faces, where one vertex may have several; they are written as the latter.

Not through trimesh, which refuses binary files that mix triangles with other polygons, as Blender writes them, cuts
polygons into fans, and splits vertices where texture coordinates differ.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import replace
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
_UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
_FACE_UV = "texcoord"


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
        uv = _uv(data, polygons)
    return vertices, polygons_from(replace(polygons, uv=uv))


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
                lengths = dict.fromkeys(_INDEX_NAMES, corners) | {_FACE_UV: 2 * corners}
                return PlyData.read(path, known_list_len={"face": lengths})
        return PlyData.read(path)


def _polygons(data: PlyData) -> Polygons:
    face = data["face"].data if "face" in data else np.empty(0, [])
    name = next((name for name in _INDEX_NAMES if name in (face.dtype.names or ())), None)
    lists = list(face[name]) if name else []
    corners = np.concatenate([np.empty(0, np.int64), *lists], dtype=np.int64, casting="same_kind")
    return Polygons(corners, np.array([len(each) for each in lists], np.int64))


def _uv(data: PlyData, polygons: Polygons) -> NDArray[np.float64] | None:
    """Texture coordinates (C, 2) of the polygons' corners."""
    face = data["face"].data if "face" in data else np.empty(0, [])
    if _FACE_UV in (face.dtype.names or ()):
        lists = [np.asarray(each, np.float64) for each in face[_FACE_UV]]
        if [len(each) for each in lists] == (2 * polygons.sizes).tolist():
            return np.concatenate([np.empty(0), *lists]).reshape(-1, 2)
    columns = data["vertex"].data
    for names in _UV_NAMES:
        if set(names) <= set(columns.dtype.names):
            return np.stack([np.asarray(columns[name], np.float64) for name in names], axis=1)[polygons.corners]
    return None


def write(vertices: NDArray[np.float64], polygons: Polygons, colors: NDArray[np.float64] | None) -> bytes:
    """A binary PLY file: vertices (V, 3) as doubles; colors (V, 3) sRGB in [0, 1], as bytes by custom."""
    columns = {axis: vertices[:, column].astype("<f8") for column, axis in enumerate("xyz")}
    if colors is not None:
        levels = np.round(colors * 255).astype(np.uint8)
        columns |= {name: levels[:, column] for column, name in enumerate(("red", "green", "blue"))}
    rows = np.empty(len(vertices), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    parts = {"vertex_indices": polygons.corners} | ({} if polygons.uv is None else {_FACE_UV: polygons.uv})
    lists = np.empty(len(polygons.sizes), [(name, "O") for name in parts])
    for name, values in parts.items():
        split = [part.ravel() for part in np.split(values, polygons.starts[1:])]
        lists[name] = np.array([*split, None], object)[:-1]
    longest = polygons.sizes.max(initial=0)
    lengths = {"vertex_indices": "u1" if longest < 256 else "i4", _FACE_UV: "u1" if longest < 128 else "i4"}
    elements = [
        PlyElement.describe(rows, "vertex"),
        PlyElement.describe(lists, "face", len_types=lengths, val_types={_FACE_UV: "f8"}),
    ]
    buffer = io.BytesIO()
    PlyData(elements, byte_order="<", comments=["Restyle"]).write(buffer)
    return buffer.getvalue()
