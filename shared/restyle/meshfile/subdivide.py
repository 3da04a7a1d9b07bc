"""Finer copies of meshes: every edge halved, every triangle into four, the shape as it was.

A field's finest patterns need four vertices per wave (research on the reference's frequencies: edges of at most 0.157
of the radius / sigma); what Blender's Simple subdivision does there, this does for the command line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import Mesh
from . import MeshFile
from .polygons import Polygons

LONGEST = 0.157 / 5  # of the radius: what the published sigma of 5 asks for
FEW = 0.01  # share of the edges that may be longer
MOST_LEVELS = 6
MOST_VERTICES = 2_000_000
PerVertex = Mapping[str, NDArray[Any]]


def level_for(mesh: Mesh) -> int:
    """How often each edge must be halved until nearly all are short enough."""
    corners = np.asarray(mesh.vertices, np.float64)[mesh.faces]
    used = corners.reshape(-1, 3)
    radius = np.linalg.norm(used - used.mean(axis=0), axis=1).max()
    lengths = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    longest = np.quantile(lengths, 1 - FEW) / radius
    return max(0, math.ceil(math.log2(longest / LONGEST))) if longest > 0 else 0


def subdivided(source: MeshFile, level: int, attributes: PerVertex) -> tuple[MeshFile, dict[str, NDArray[Any]]]:
    """The mesh with every edge halved `level` times, and its attributes (V, ...) with means on the new vertices.

    The vertices of `source.mesh` come first, in their order. Raises BadInputError for more than MOST_LEVELS or
    MOST_VERTICES.
    """
    if not 0 <= level <= MOST_LEVELS:
        raise BadInputError(f"{source.path}: it can be subdivided 0 to {MOST_LEVELS} times, not {level}.")
    mesh, values = source.mesh, dict(attributes)
    for _ in range(level):
        ends, faces = _halved(mesh.faces.astype(np.int64), len(mesh.vertices))
        if len(mesh.vertices) + len(ends) > MOST_VERTICES:
            raise BadInputError(f"{source.path}: subdivided {level} times it has over {MOST_VERTICES:,} vertices.")
        vertices = np.concatenate([mesh.vertices, mesh.vertices[ends].mean(axis=1)])
        uv = None if mesh.uv is None else _halved_uv(mesh.uv)
        values = {
            name: np.concatenate([array, array[ends].mean(axis=1, dtype=array.dtype)]) for name, array in values.items()
        }
        mesh = replace(mesh, vertices=vertices, faces=faces.astype(np.int32), uv=uv)
    flat_uv = None if mesh.uv is None else mesh.uv.reshape(-1, 2).astype(np.float64)
    polygons = Polygons(mesh.faces.ravel().astype(np.int64), np.full(len(mesh.faces), 3), flat_uv)
    points = np.asarray(mesh.vertices, np.float64)
    return MeshFile(source.path, points, polygons, mesh, np.arange(len(points))), values


def _halved(faces: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ends (E, 2) of each edge, whose middle becomes vertex count + e, and the four faces (4 F, 3) of each."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2)
    ends, edge = np.unique(np.sort(sides.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    ab, bc, ca = (count + edge.reshape(-1, 3)).T
    a, b, c = faces.T
    four = [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    return ends, np.array(four).transpose(2, 0, 1).reshape(-1, 3)


def _halved_uv(uv: NDArray[Any]) -> NDArray[Any]:
    """Texture coordinates (4 F, 3, 2) of the four faces of each of (F, 3, 2)."""
    a, b, c = np.moveaxis(uv, 1, 0)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    four = [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
    halved: NDArray[Any] = np.array(four).transpose(2, 0, 1, 3).reshape(-1, 3, 2).astype(uv.dtype)
    return halved
