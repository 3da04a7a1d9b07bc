"""Wavefront OBJ: vertices, faces and texture coordinates in, the same with colours out.

A reader and a writer of our own, since trimesh splits a vertex wherever its corners differ in texture coordinate or
normal, joins what shares a material, and so cannot give back the file's own vertices in the file's order; and what it
writes has triangles only. Only `v`, `vt` and `f` lines matter here; groups and objects share one list of vertices in
this format anyway.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons, polygons_from


def read(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and polygons of an OBJ file; BadInputError names the line that is wrong."""
    coordinates, corners, sizes, where = array("d"), array("q"), array("q"), array("q")
    texture, texture_corners = array("d"), array("q")
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
            texture_corners.extend(_texture_corners(words, number, len(texture) // 2))
        elif words[0] == b"vt":
            texture.extend(_texture(words, number))
        if len(coordinates) > 3 * MAX_VERTICES or len(sizes) > MAX_FACES:
            raise BadInputError(f"line {number}: it has more than {MAX_VERTICES:,} vertices or {MAX_FACES:,} faces.")
    if not coordinates:
        raise BadInputError("it has no vertices (lines that begin with 'v'); is it an OBJ file at all?")
    vertices = np.array(coordinates, np.float64).reshape(-1, 3)
    polygons = Polygons(np.array(corners, np.int64), np.array(sizes, np.int64))
    polygons.require_in_range(len(vertices), where)
    uv = _uv(np.array(texture).reshape(-1, 2), np.array(texture_corners, np.int64), polygons, where)
    return vertices, polygons_from(replace(polygons, uv=uv))


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


def _texture(words: list[bytes], number: int) -> tuple[float, float]:
    try:
        return float(words[1]), float(words[2]) if len(words) > 2 else 0.0
    except (ValueError, IndexError):
        text = b" ".join(words)[:80].decode(errors="replace")
        raise BadInputError(f"line {number}: {text!r} is not a texture coordinate of two numbers.") from None


def _texture_corners(words: list[bytes], number: int, count: int) -> list[int]:
    """Indices from 0 into the texture coordinates; -1 for a corner without one."""
    parts = [word.split(b"/", 2)[1] if b"/" in word else b"" for word in words[1:]]
    try:
        indices = [int(part) if part else 0 for part in parts]
    except ValueError:
        text = b" ".join(words)[:80].decode(errors="replace")
        raise BadInputError(f"line {number}: {text!r} is not a face of vertex numbers.") from None
    if any(part and not (-count <= index < 0 or 0 < index < 1 << 40) for part, index in zip(parts, indices)):
        raise BadInputError(f"line {number}: a face refers to a texture coordinate that is not there.")
    return [index - 1 if index >= 0 else count + index for index in indices]


def _uv(
    texture: NDArray[np.float64], corners: NDArray[np.int64], polygons: Polygons, lines: Sequence[int]
) -> NDArray[np.float64] | None:
    """Texture coordinates (C, 2) of the polygons' corners; a polygon that lacks one of its has no place in the map."""
    if not (corners >= 0).any():
        return None
    owner = np.repeat(np.arange(len(polygons.sizes)), polygons.sizes)
    if (bad := np.flatnonzero(corners >= len(texture))).size:
        raise BadInputError(
            f"line {lines[owner[bad[0]]]}: a face refers to texture coordinate {corners[bad[0]] + 1}, but there are "
            f"{len(texture):,}."
        )
    without = np.bincount(owner, corners < 0, len(polygons.sizes))[owner] > 0
    return np.where(without[:, None], 0.0, texture[corners])


def write(vertices: NDArray[np.float64], polygons: Polygons, colors: NDArray[np.float64] | None) -> bytes:
    """An OBJ file: vertices (V, 3); colors (V, 3) display-referred sRGB in [0, 1], after the coordinates, by custom."""
    # repr gives the shortest text that reads back as the same number.
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices.tolist()]
    if colors is not None:
        lines = [f"{line} {r:.4f} {g:.4f} {b:.4f}" for line, (r, g, b) in zip(lines, colors.tolist())]
    words, at = [str(corner) for corner in (polygons.corners + 1).tolist()], 0
    if polygons.uv is not None:
        texture, index = np.unique(polygons.uv, axis=0, return_inverse=True)
        lines += [f"vt {u!r} {v!r}" for u, v in texture.tolist()]
        words = [f"{word}/{number}" for word, number in zip(words, (index.reshape(-1) + 1).tolist())]
    for size in polygons.sizes.tolist():
        lines.append("f " + " ".join(words[at : at + size]))
        at += size
    return ("# Restyle\n" + "\n".join(lines) + "\n").encode("ascii")
