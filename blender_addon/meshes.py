"""Meshes as arrays: taken from an object when a job starts, compared with it and rebuilt when the result arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np  # 0.1 s on a cold start: this module is imported with the first job, not with the extension

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .restyle import Mesh


@dataclass(frozen=True)
class Snapshot:
    """The base mesh of an object, without its modifiers.

    positions: (V, 3) float32, object units.
    corners: (C,) int32, the vertex of each face corner.
    starts: (P,) int32, the first corner of each polygon.
    """

    positions: NDArray[np.float32]
    corners: NDArray[np.int32]
    starts: NDArray[np.int32]


def _read(collection: Any, attribute: str, width: int, dtype: type) -> NDArray[Any]:
    values = np.empty(len(collection) * width, dtype)
    collection.foreach_get(attribute, values)
    return values.reshape(-1, width) if width > 1 else values


def snapshot(mesh: bpy.types.Mesh) -> Snapshot:
    """The arrays of a mesh that is not in Edit Mode."""
    return Snapshot(
        _read(mesh.vertices, "co", 3, np.float32),
        _read(mesh.loops, "vertex_index", 1, np.int32),
        _read(mesh.polygons, "loop_start", 1, np.int32),
    )


def triangles(mesh: bpy.types.Mesh) -> NDArray[np.int32]:
    """(F, 3) int32, Blender's own triangulation of the polygons."""
    mesh.calc_loop_triangles()
    return _read(mesh.loop_triangles, "vertices", 3, np.int32)


def export(obj: bpy.types.Object) -> Mesh:
    """The base mesh as the server takes it.

    Vertices stay in the object's own coordinates; `up` is the axis of these that points up most in the scene, since
    imported files are often Y up inside an object that was turned by 90 degrees.
    """
    from .restyle import Mesh

    y_up, z_up = abs(obj.matrix_world[2][1]), abs(obj.matrix_world[2][2])
    positions = _read(obj.data.vertices, "co", 3, np.float32)
    return Mesh(positions, triangles(obj.data), up="y" if y_up > z_up else "z")


def same_topology(before: Snapshot, mesh: bpy.types.Mesh) -> bool:
    """Whether the vertices and polygons of `mesh` are still those of the snapshot; positions may differ."""
    counts = (len(mesh.vertices), len(mesh.loops), len(mesh.polygons))
    if counts != (len(before.positions), len(before.corners), len(before.starts)):
        return False
    now = snapshot(mesh)
    return np.array_equal(now.corners, before.corners) and np.array_equal(now.starts, before.starts)


def rebuild(before: Snapshot, name: str) -> bpy.types.Mesh:
    """A new mesh with the geometry of the snapshot."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(before.positions))
    mesh.loops.add(len(before.corners))
    mesh.polygons.add(len(before.starts))
    mesh.vertices.foreach_set("co", before.positions.ravel())
    mesh.loops.foreach_set("vertex_index", before.corners)
    mesh.polygons.foreach_set("loop_start", before.starts)
    mesh.update(calc_edges=True)
    return mesh
