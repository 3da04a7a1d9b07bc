"""What the artist can do with meshes: send them, choose a view and colours, make a finer copy."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from . import copies, objects, settings, swatches, views
from .mesh_settings import without_idle
from .operator_parts import Outcome, allowed, described_by, job_operator, reporting, start
from .restyle.declare import JobDeclaration
from .restyle.jobs import declaration
from .restyle.jobs.stylize_mesh import MAX_COLORS
from .session import session
from .tasks import Task

GROUP = "stylize_mesh"


def can_send(cls: Any, context: bpy.types.Context) -> bool:
    """The `poll` of what works on the active object."""
    return allowed(cls, objects.obstacle(context.active_object))


def can_send_chosen(cls: Any, context: bpy.types.Context) -> bool:
    """The `poll` of what works on all chosen objects."""
    return allowed(cls, objects.obstacle_of(objects.chosen(context)))


def submit_chosen(job: JobDeclaration, context: bpy.types.Context) -> list[Task]:
    """Send the chosen objects with the scene's settings: all in one job, or one job each if it takes only one."""
    group, objs = settings.of_scene(context.scene, job), objects.chosen(context)
    texts = {name: getattr(group, name) for name in settings.text_names(job)}
    values, choices = settings.values(group, job), settings.choices(group, job)
    if objects.takes_several(job):
        values["object_prompts"] = objects.own_prompts(objs)
        texts, values = without_idle(texts, values)
        return [session().submit(job.name, objs, texts, values, choices)]
    return [session().submit(job.name, obj, texts, values, choices) for obj in objects.different(objs)]


def object_operator(job: JobDeclaration) -> type[bpy.types.Operator]:
    """The operator of a job that works on meshes: it sends the selected objects with the scene's settings."""

    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> Outcome:
        return start(self, *submit_chosen(job, context))

    return job_operator(job, can_send_chosen, execute)


class RESTYLE_OT_view_from(bpy.types.Operator):
    bl_idname = "restyle.view_from"
    bl_label = "Set Main View"
    bl_description = "Take the direction from which you look at the active object as the main view"
    bl_options = {"UNDO"}

    source: EnumProperty(
        name="From",
        items=[
            ("VIEW", "Current View", "The direction from which this view shows the active object"),
            ("CAMERA", "Scene Camera", "The direction from which the scene's camera sees the active object"),
        ],
    )

    description = described_by("source")

    poll = classmethod(can_send_chosen)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = objects.chosen(context)[0]
        eye = views.of_camera(context.scene) if self.source == "CAMERA" else views.of_region(context)
        group = settings.of_scene(context.scene, declaration(GROUP))
        group.anchor, group.use_azimuth, group.use_elevation = "auto", True, True
        group.azimuth, group.elevation = views.angles(obj, eye)
        return {"FINISHED"}


class RESTYLE_OT_palette_add(bpy.types.Operator):
    bl_idname = "restyle.palette_add"
    bl_label = "Add Colour"
    bl_description = "Add a colour to the palette: the result then has the palette's colours alone"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        group = settings.of_scene(context.scene, declaration(GROUP))
        if group.swatches >= MAX_COLORS:
            self.report({"WARNING"}, f"A palette has at most {MAX_COLORS} colours")
            return {"CANCELLED"}
        setattr(group, swatches.name(group.swatches), swatches.FRESH)
        group.swatches += 1
        return {"FINISHED"}


class RESTYLE_OT_palette_remove(bpy.types.Operator):
    bl_idname = "restyle.palette_remove"
    bl_label = "Remove Colour"
    bl_description = "Take the last colour out of the palette"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> Outcome:
        group = settings.of_scene(context.scene, declaration(GROUP))
        group.swatches = max(0, group.swatches - 1)
        return {"FINISHED"}


class RESTYLE_OT_finer_copy(bpy.types.Operator):
    bl_idname = "restyle.finer_copy"
    bl_label = "Finer Copy"
    bl_description = "Make a copy of this object with more vertices, and hide the object"
    bl_options = {"REGISTER", "UNDO"}

    method: EnumProperty(
        name="Method",
        items=[
            ("SUBDIVIDE", "Subdivided Copy", "Cut every face in four, as often as Level says; the shape stays"),
            ("REMESH", "Remeshed Copy", "Build the surface anew of even faces; UV maps and vertex groups are lost"),
            ("MODIFIERS", "Copy with Modifiers", "The object as its modifiers make it, as a mesh of its own"),
        ],
    )
    level: IntProperty(name="Level", description="How often each edge is halved", default=1, min=1, max=6)
    edge: FloatProperty(
        name="Edge", description="Length of an edge of the new faces, as a share of the radius", default=0.03, min=0.004
    )

    description = described_by("method")

    poll = classmethod(can_send)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        made = copies.finer(context, context.active_object, self.method, self.level, self.edge)
        self.report({"INFO"}, f"“{made.name}” has {len(made.data.vertices):,} vertices")
        return {"FINISHED"}


classes = (
    RESTYLE_OT_view_from,
    RESTYLE_OT_palette_add,
    RESTYLE_OT_palette_remove,
    RESTYLE_OT_finer_copy,
)
