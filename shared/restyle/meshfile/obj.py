"""Wavefront OBJ: vertices and faces in, vertices with colours and faces out.

A reader and a writer of our own, since trimesh splits a vertex wherever its corners differ in texture coordinate or
normal, joins what shares a material, and so cannot give back the file's own vertices in the file's order; and what it
writes has triangles only. Only `v` and `f` lines matter here; groups and objects share one list of vertices in this
format anyway.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons, polygons_from


def read(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and polygons of an OBJ file; BadInputError names the line that is wrong."""
    coordinates, corners, sizes, where = array("d"), array("q"), array("q"), array("q")
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if words[0] == b"v":
            coordinates.extend(_vertex(words, number))
        elif words[0] == b"f":
            face = _face(words, number, len(coordinates) // 3)
            corners.extend(face)
            sizes.append(len(face))
            where.append(number)
        if len(coordinates) > 3 * MAX_VERTICES or len(sizes) > MAX_FACES:
            raise BadInputError(f"line {number}: it has more than {MAX_VERTICES:,} vertices or {MAX_FACES:,} faces.")
    if not coordinates:
        raise BadInputError("it has no vertices (lines that begin with 'v'); is it an OBJ file at all?")
    vertices = np.array(coordinates, np.float64).reshape(-1, 3)
    polygons = Polygons(np.array(corners, np.int64), np.array(sizes, np.int64))
    polygons.require_in_range(len(vertices), where)
    return vertices, polygons_from(polygons.corners, polygons.sizes)


def _vertex(words: list[bytes], number: int) -> tuple[float, float, float]:
    try:
        return float(words[1]), float(words[2]), float(words[3])
    except (ValueError, IndexError):
        text = b" ".join(words)[:80].decode(errors="replace")
        raise BadInputError(f"line {number}: {text!r} is not a vertex of three numbers.") from None


def _face(words: list[bytes], number: int, count: int) -> list[int]:
    """Vertex indices from 0; in the file they count from 1, or backwards from the latest vertex if negative."""
    try:
        indices = [int(word.split(b"/", 1)[0]) for word in words[1:]]
    except ValueError:
        text = b" ".join(words)[:80].decode(errors="replace")
        raise BadInputError(f"line {number}: {text!r} is not a face of vertex numbers.") from None
    low, high = min(indices, default=1), max(indices, default=1)
    if low > 0 and high <= MAX_VERTICES:
        return [index - 1 for index in indices]
    if 0 in indices or max(-low, high) > MAX_VERTICES:
        wrong = 0 if 0 in indices else low if -low > MAX_VERTICES else high
        raise BadInputError(f"line {number}: a face refers to vertex {wrong}; vertex numbers count from 1.")
    return [index - 1 if index > 0 else count + index for index in indices]


def write(vertices: NDArray[np.float64], polygons: Polygons, colors: NDArray[np.float64] | None) -> bytes:
    """An OBJ file: vertices (V, 3); colors (V, 3) display-referred sRGB in [0, 1], after the coordinates, by custom."""
    # repr gives the shortest text that reads back as the same number.
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices.tolist()]
    if colors is not None:
        lines = [f"{line} {r:.4f} {g:.4f} {b:.4f}" for line, (r, g, b) in zip(lines, colors.tolist())]
    corners, at = (polygons.corners + 1).tolist(), 0
    for size in polygons.sizes.tolist():
        lines.append("f " + " ".join(map(str, corners[at : at + size])))
        at += size
    return ("# Restyle\n" + "\n".join(lines) + "\n").encode("ascii")
