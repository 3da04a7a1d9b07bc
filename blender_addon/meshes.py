"""Meshes as arrays: taken from an object when a job starts, compared with it and rebuilt when the result arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import bpy
import numpy as np  # 0.1 s on a cold start: this module is imported with the first job, not with the extension

from .nodes import SHOWN_COLOR
from .results import BEHIND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .restyle import Mesh


NO_MATERIAL = (0.2140, 0.2140, 0.2140)  # the neutral grey of an object without colours, scene linear


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


def up_axis(obj: bpy.types.Object) -> Literal["y", "z"]:
    """The object's own axis that points up most in the scene: imported files are often Y up inside a turned object."""
    return "y" if abs(obj.matrix_world[2][1]) > abs(obj.matrix_world[2][2]) else "z"


def export(obj: bpy.types.Object, *, uv: bool = False) -> Mesh:
    """The base mesh as the server takes it, in the object's own coordinates; `uv` asks for its UV map with it."""
    from .restyle import Mesh

    positions = _read(obj.data.vertices, "co", 3, np.float32)
    return Mesh(positions, triangles(obj.data), up=up_axis(obj), uv=corner_uv(obj.data) if uv else None)


def corner_uv(mesh: bpy.types.Mesh) -> NDArray[np.float32] | None:
    """(F, 3, 2), the texture coordinates of the triangles' corners in the map that renders take; None without one."""
    layer = next((layer for layer in mesh.uv_layers if layer.active_render), None)
    if layer is None:
        return None
    mesh.calc_loop_triangles()
    return _read(layer.uv, "vector", 2, np.float32)[_read(mesh.loop_triangles, "loops", 3, np.int32)]


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several, each in its own coordinates, turned to have the up of the first."""
    from .restyle import Mesh

    up = meshes[0].up
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return Mesh(
        np.concatenate([turned(mesh.vertices, mesh.up, up) for mesh in meshes]),
        np.concatenate([mesh.faces + np.int32(start) for mesh, start in zip(meshes, starts)]),
        up=up,
    )


def turned(vectors: NDArray[Any], up: str, to: str) -> NDArray[Any]:
    """(V, 3) vectors with the axis `up` upwards, turned about X to have the axis `to` upwards."""
    if up == to:
        return vectors
    x, y, z = vectors.T
    return np.stack([x, z, -y] if to == "y" else [x, -z, y], axis=1)


def weights(obj: bpy.types.Object, group: str) -> NDArray[np.float32]:
    """(V,) in [0, 1], the weights of a vertex group; 1 everywhere if the object has none of that name."""
    found = obj.vertex_groups.get(group)
    if found is None:
        return np.ones(len(obj.data.vertices), np.float32)
    values = np.zeros(len(obj.data.vertices), np.float32)
    for number, vertex in enumerate(obj.data.vertices):  # there is no quicker way to read them in 4.2
        for element in vertex.groups:
            if element.group == found.index:
                values[number] = min(1.0, max(0.0, element.weight))
    return values


def vertex_colors(mesh: bpy.types.Mesh, name: str = "") -> NDArray[np.float32] | None:
    """(V, 3) scene linear in [0, 1] of a colour attribute, by default the active one; None if there is none.

    Colours of face corners are averaged over those that meet in a vertex.
    """
    name = name or str(mesh.get(BEHIND, mesh.color_attributes.active_color_name))  # not those of a running job
    attribute = mesh.attributes.get(name) if name else None
    if attribute is None or attribute.data_type not in ("FLOAT_COLOR", "BYTE_COLOR"):
        return None
    values = np.clip(np.nan_to_num(_read(attribute.data, "color", 4, np.float32)[:, :3]), 0.0, 1.0)
    if attribute.domain == "POINT":
        return np.ascontiguousarray(values)
    return _at_vertices(mesh, _read(mesh.loops, "vertex_index", 1, np.int32), values)


def _at_vertices(mesh: bpy.types.Mesh, owners: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    count = len(mesh.vertices)
    share = np.maximum(np.bincount(owners, minlength=count), 1)
    sums = [np.bincount(owners, column, count) for column in values.T]
    return np.stack([total / share for total in sums], axis=1).astype(np.float32)


def material_colors(obj: bpy.types.Object) -> NDArray[np.float32]:
    """(V, 3) scene linear, the plain colours of the faces' materials; grey where there is none."""
    mesh, slots = obj.data, obj.material_slots
    shown = [_base_color(slot.material) if slot.material else NO_MATERIAL for slot in slots] or [NO_MATERIAL]
    index = np.minimum(_read(mesh.polygons, "material_index", 1, np.int32), len(shown) - 1)
    corners = np.repeat(index, _read(mesh.polygons, "loop_total", 1, np.int32))
    values = np.clip(np.array(shown, np.float32), 0.0, 1.0)[corners]
    return _at_vertices(mesh, _read(mesh.loops, "vertex_index", 1, np.int32), values)


def _base_color(material: bpy.types.Material) -> Sequence[float]:
    """The material's base colour if it is one colour, else the one that Solid view shows."""
    nodes = material.node_tree.nodes if material.node_tree else ()
    surface = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    color = surface.inputs["Base Color"] if surface else None
    plain = color.default_value if color is not None and not color.is_linked else material.diffuse_color
    return tuple(plain[:3])


def as_seen(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> tuple[Mesh, NDArray[np.float32] | None]:
    """A mesh with its modifiers, turned and scaled as it stands in the scene, and its colours if it has any."""
    from .restyle import Mesh

    evaluated = obj.evaluated_get(depsgraph)
    mesh = evaluated.to_mesh()
    try:
        turn = np.array(obj.matrix_world.to_3x3(), np.float32)
        positions = _read(mesh.vertices, "co", 3, np.float32) @ turn.T
        faces = triangles(mesh)
        if np.linalg.det(turn) < 0:  # mirrored: the other side of each face is now outside
            faces = np.ascontiguousarray(faces[:, ::-1])
        colors = vertex_colors(mesh, SHOWN_COLOR)
        colors = vertex_colors(mesh) if colors is None else colors
        return Mesh(positions, faces, up="z"), colors
    finally:
        evaluated.to_mesh_clear()


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
