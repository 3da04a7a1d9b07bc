"""OFF (object file format), the text form: vertices and polygons in.

A reader of our own, since trimesh cuts polygons into fans, which is wrong for concave ones, and keeps no polygons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons, polygons_from


def read(data: bytes) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and polygons of an OFF file; BadInputError says what is wrong."""
    lines = [words for line in data.splitlines() if (words := line.split(b"#", 1)[0].split())]
    if not lines or not lines[0][0].endswith(b"OFF") or b"BINARY" in lines[0]:
        raise BadInputError("it does not begin with OFF; is it an OFF text file at all?")
    # The counts may follow the word on its own line or stand on the next.
    counts, rest = (lines[0][1:], lines[1:]) if len(lines[0]) > 1 else (lines[1] if len(lines) > 1 else [], lines[2:])
    try:
        vertex_count, face_count = int(counts[0]), int(counts[1])
    except (ValueError, IndexError):
        raise BadInputError("the line with the numbers of vertices and faces is missing or broken.") from None
    if not (0 <= vertex_count <= MAX_VERTICES and 0 <= face_count <= MAX_FACES):
        raise BadInputError(
            f"it claims {vertex_count:,} vertices and {face_count:,} faces; at most {MAX_VERTICES:,} and "
            f"{MAX_FACES:,} are allowed."
        )
    if vertex_count + face_count > len(rest):
        raise BadInputError(
            f"it claims {vertex_count:,} vertices and {face_count:,} faces, but only {len(rest):,} lines follow. "
            "It was cut short; export or copy it again."
        )
    try:
        vertices = np.array([[float(word) for word in words[:3]] for words in rest[:vertex_count]], np.float64)
        faces = [[int(word) for word in words] for words in _faces(rest[vertex_count : vertex_count + face_count])]
        corners = np.array([corner for face in faces for corner in face], np.int64)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"a line holds something other than the expected numbers: {error}.") from error
    polygons = Polygons(corners, np.array([len(face) for face in faces], np.int64))
    polygons.require_in_range(vertex_count)
    return vertices.reshape(-1, 3), polygons_from(polygons.corners, polygons.sizes)


def _faces(rows: list[list[bytes]]) -> list[list[bytes]]:
    """The corners of each row, without its count and without the colour that may follow."""
    faces = [row[1 : 1 + int(row[0])] for row in rows]
    for row, face in zip(rows, faces):
        if len(face) != int(row[0]):
            raise BadInputError(f"a face claims {int(row[0]):,} corners, but its line has {len(row) - 1}.")
    return faces
