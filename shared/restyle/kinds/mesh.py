"""Kind `mesh`: vertices and triangles, in the object's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .packed import Packed, require_array, require_finite

NAME = "mesh"
MAX_VERTICES = 5_000_000
MAX_FACES = 10_000_000


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    vertices: (V, 3) float32 or float64, object units.
    faces: (F, 3) int32, indices into vertices; polygons are triangulated by whoever reads them.
    up: the axis that points up in these coordinates; files are Y up by custom, Blender is Z up.
    uv: (F, 3, 2) float32 or float64, texture coordinates of every face's corners, the second upwards; None without a
        UV map. A face that has no place in the map has three equal corners.
    """

    vertices: NDArray[Any]
    faces: NDArray[Any]
    up: Literal["y", "z"] = "y"
    uv: NDArray[Any] | None = None


def validate(value: Mesh) -> None:
    """Raise BadInputError that names the first thing wrong with the mesh."""
    if not isinstance(value, Mesh):
        raise BadInputError(f"mesh: a {type(value).__name__} is not a restyle.Mesh.")
    if value.up not in ("y", "z"):
        raise BadInputError(f"mesh: up is {value.up!r}; it must be 'y' or 'z'.")
    require_array("mesh", "vertices", value.vertices, (None, 3), ("float32", "float64"))
    require_array("mesh", "faces", value.faces, (None, 3), ("int32",))
    count = len(value.vertices)
    if count == 0:
        raise BadInputError("mesh: it has no vertices. Choose an object with a surface.")
    if len(value.faces) == 0:
        raise BadInputError(f"mesh: it has {count} vertices but no faces. Only a surface can be stylized.")
    if count > MAX_VERTICES or len(value.faces) > MAX_FACES:
        raise BadInputError(
            f"mesh: {count:,} vertices and {len(value.faces):,} faces are more than the {MAX_VERTICES:,} and "
            f"{MAX_FACES:,} allowed. Decimate a copy first."
        )
    require_finite("mesh", "vertices", value.vertices)
    low, high = int(value.faces.min()), int(value.faces.max())
    if low < 0 or high >= count:
        face = int(np.argwhere((value.faces < 0) | (value.faces >= count))[0, 0])
        raise BadInputError(
            f"mesh: faces[{face}] is {value.faces[face].tolist()}, but vertex indices run from 0 to {count - 1}."
        )
    if value.uv is not None:
        _validate_uv(value.uv, len(value.faces))
    extent = np.array([np.ptp(axis) for axis in value.vertices.T])  # along axis 0 in one call takes 20 times as long
    if not np.isfinite(extent).all() or extent.max() == 0:
        raise BadInputError(f"mesh: its extent is {extent.tolist()}; a surface needs a size greater than zero.")


def _validate_uv(uv: NDArray[Any], faces: int) -> None:
    require_array("mesh", "uv", uv, (None, 3, 2), ("float32", "float64"))
    if len(uv) != faces:
        raise BadInputError(f"mesh: uv is for {len(uv):,} faces, but there are {faces:,}.")
    require_finite("mesh", "uv", uv)


def pack(value: Mesh) -> Packed:
    """The mesh as plain data and arrays; it must have been validated."""
    arrays = {"vertices": np.ascontiguousarray(value.vertices), "faces": np.ascontiguousarray(value.faces)}
    if value.uv is not None:
        arrays["uv"] = np.ascontiguousarray(value.uv)
    return Packed(NAME, {"up": value.up}, arrays)


def unpack(packed: Packed) -> Mesh:
    """The mesh again, validated."""
    mesh = Mesh(packed.array("vertices"), packed.array("faces"), packed.meta.get("up", "y"), packed.arrays.get("uv"))
    validate(mesh)
    return mesh
