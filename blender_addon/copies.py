"""Copies of an object that suit a job better than it does, and a UV map for one that has none."""

from __future__ import annotations

import bpy

from . import compat, results


def finer(context: bpy.types.Context, obj: bpy.types.Object, method: str, level: int, edge: float) -> bpy.types.Object:
    """A copy of the object with a mesh of its own that has more vertices; it is selected, and the object hidden.

    method: SUBDIVIDE halves each edge `level` times; REMESH makes even faces whose edges are `edge` of half the largest
        side; MODIFIERS takes the mesh as its modifiers make it. The first two leave the modifiers as they are.
    """
    made = obj.copy()
    made.data = obj.data.copy()
    made.name = f"{obj.name} {'copy' if method == 'MODIFIERS' else 'finer'}"
    for collection in obj.users_collection:
        collection.objects.link(made)
    for result in results.stored(made.data):
        results.remove(made, result.number)
    kept = [] if method == "MODIFIERS" else list(made.modifiers)
    visible = [modifier.show_viewport for modifier in kept]
    for modifier in kept:
        modifier.show_viewport = False
    if method == "SUBDIVIDE":
        cut = made.modifiers.new("Restyle Finer", "SUBSURF")
        cut.subdivision_type, cut.levels = "SIMPLE", level
    elif method == "REMESH":
        cut = made.modifiers.new("Restyle Finer", "REMESH")
        cut.mode, cut.voxel_size, cut.use_smooth_shade = "VOXEL", edge * _radius(obj), True
    _take_evaluated(context, made, keep=kept)
    for modifier, shown in zip(kept, visible):
        modifier.show_viewport = shown
    for other in context.view_layer.objects:
        other.select_set(other == made)
    context.view_layer.objects.active = made
    obj.hide_set(True)
    return made


def _radius(obj: bpy.types.Object) -> float:
    """Half the largest side of the object's own box."""
    corners = [tuple(corner) for corner in obj.bound_box]
    return max(max(values) - min(values) for values in zip(*corners)) / 2 or 1.0


def _take_evaluated(context: bpy.types.Context, made: bpy.types.Object, keep: list[bpy.types.Modifier]) -> None:
    """Give the object the mesh that its modifiers make of its own, without those that made it."""
    depsgraph = context.evaluated_depsgraph_get()
    evaluated = made.evaluated_get(depsgraph)
    mesh = bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)
    old, mesh.name = made.data, made.name
    for modifier in [modifier for modifier in made.modifiers if modifier not in keep]:
        made.modifiers.remove(modifier)
    made.data = mesh
    bpy.data.meshes.remove(old)


def unwrap(context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """Give the object a UV map by Blender's Smart UV Project, in which no faces overlap."""
    with compat.active_alone(context, obj):
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(island_margin=0.01)
        bpy.ops.object.mode_set(mode="OBJECT")
