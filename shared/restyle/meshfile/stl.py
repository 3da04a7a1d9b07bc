"""STL, binary and text: loose triangles, each with vertices of its own, in.

A reader of our own, since trimesh merges the vertices of the text form, so that they are no longer the file's.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES
from .polygons import Polygons

HEADER_BYTES = 84
TRIANGLE = np.dtype([("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX_LINE = re.compile(rb"^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)", re.MULTILINE | re.IGNORECASE)


def read(data: bytes) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (3 F, 3) and triangles of an STL file; BadInputError says what is wrong."""
    claimed = int.from_bytes(data[80:84], "little")
    # Binary files may begin with the word "solid" too: what tells them apart is whether the length fits.
    if len(data) >= HEADER_BYTES and len(data) == HEADER_BYTES + claimed * TRIANGLE.itemsize:
        points = np.frombuffer(data, TRIANGLE, offset=HEADER_BYTES)["vertices"].astype(np.float64).reshape(-1, 3)
    elif data[:512].lstrip()[:5].lower() == b"solid":
        points = _read_text(data)
    else:
        raise BadInputError(
            f"its header claims {claimed:,} triangles, for which its {len(data):,} bytes are too few or too many. "
            "It was cut short, or is no STL file; export or copy it again."
        )
    count = len(points) // 3
    if count > MAX_FACES:
        raise BadInputError(f"it has {count:,} triangles; at most {MAX_FACES:,} are allowed. Decimate a copy first.")
    return points, Polygons(np.arange(3 * count), np.full(count, 3, np.int64))


def _read_text(data: bytes) -> NDArray[np.float64]:
    found = _VERTEX_LINE.findall(data)
    try:
        points = np.array([[float(word) for word in words] for words in found], np.float64).reshape(-1, 3)
    except ValueError as error:
        raise BadInputError(f"a vertex line holds something other than numbers: {error}.") from error
    if len(points) % 3 or not data.rstrip()[-200:].splitlines()[-1].strip().lower().startswith(b"endsolid"):
        raise BadInputError("its last triangle is not complete. It was cut short; export or copy it again.")
    return points
