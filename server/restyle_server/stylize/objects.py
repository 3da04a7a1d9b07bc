"""Several objects in one run: split into one scene each, shown side by side, and joined again in the result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restyle.errors import BadInputError

MAX_OBJECTS = 32


@dataclass(frozen=True)
class PerVertex:
    """What is known of the V vertices beside their places.

    weight: (V,) in [0, 1], how much each may change. colors: (V, 3) sRGB, what they have. objects: (V,) whole numbers
    from 0, the object that each belongs to.
    """

    weight: NDArray[Any] | None = None
    colors: NDArray[Any] | None = None
    objects: NDArray[Any] | None = None


@dataclass(frozen=True)
class Part:
    """One object: which of the vertices are its own, (v,) int64, and its faces (f, 3) with numbers of its own."""

    vertices: NDArray[np.int64]
    faces: NDArray[np.int64]


def split(vertex_count: int, faces: NDArray[Any], objects: NDArray[Any] | None) -> list[Part]:
    """The objects of a mesh, in the order of their numbers.

    Raises BadInputError for numbers that leave gaps, for faces between objects, and for an object without faces.
    """
    if objects is None:
        return [Part(np.arange(vertex_count), np.asarray(faces))]
    numbers = np.asarray(objects)
    if numbers.shape != (vertex_count,):
        raise BadInputError(f"object: it has the shape {numbers.shape}, but the mesh has {vertex_count:,} vertices.")
    numbers = numbers.astype(np.int64)
    found = np.unique(numbers)
    if not np.array_equal(found, np.arange(len(found))):
        raise BadInputError(f"object: its numbers are {found[:8].tolist()}; they must count from 0 without gaps.")
    if len(found) > MAX_OBJECTS:
        raise BadInputError(f"object: {len(found)} objects are more than the {MAX_OBJECTS} of one run. Send fewer.")
    owner = numbers[faces]
    if (crossing := (owner != owner[:, :1]).any(axis=1)).any():
        raise BadInputError(f"object: faces[{int(crossing.argmax())}] joins two objects. Each face belongs to one.")
    parts = []
    for number in range(len(found)):
        own = np.flatnonzero(numbers == number)
        local = np.full(vertex_count, -1)
        local[own] = np.arange(len(own))
        its_faces = local[np.asarray(faces)[owner[:, 0] == number]]
        if not len(its_faces):
            raise BadInputError(f"object: number {number} has no faces; only surfaces can be stylized.")
        parts.append(Part(own, its_faces))
    return parts


def joined(parts: Sequence[Part], values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Rows of each object (v, ...) as rows of the whole mesh (V, ...)."""
    whole = np.empty((sum(len(part.vertices) for part in parts), *values[0].shape[1:]), values[0].dtype)
    for part, rows in zip(parts, values, strict=True):
        whole[part.vertices] = rows
    return whole


def columns_for(count: int) -> int:
    """In how many columns that many pictures make the squarest sheet."""
    return math.ceil(math.sqrt(count))
