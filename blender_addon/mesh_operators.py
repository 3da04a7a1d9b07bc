"""What the artist can do around a mesh: choose a view, colours and a finer copy, compare results, use styles again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from . import copies, objects, pictures, results, settings, styles, swatches, views
from .operators import OfTask, Outcome, allowed, can_send, can_send_chosen, reporting, start, submit_chosen
from .restyle.errors import BadInputError
from .restyle.jobs import declaration
from .restyle.jobs.stylize_mesh import MAX_COLORS

GROUP = "stylize_mesh"


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

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties["source"].enum_items[properties.source].description)

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

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties["method"].enum_items[properties.method].description)

    poll = classmethod(can_send)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        made = copies.finer(context, context.active_object, self.method, self.level, self.edge)
        self.report({"INFO"}, f"“{made.name}” has {len(made.data.vertices):,} vertices")
        return {"FINISHED"}


class RESTYLE_OT_show_original(bpy.types.Operator):
    bl_idname = "restyle.show_original"
    bl_label = "Show the Original"
    bl_description = "Show the object as it was, or its result again; the same for all selected objects"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        shown = any(results.modifier(obj) for obj in objects.chosen(context))
        return allowed(cls, "" if shown else "The object shows no result")

    def execute(self, context: bpy.types.Context) -> Outcome:
        shown = [obj for obj in objects.chosen(context) if results.modifier(obj)]
        original = not results.is_original(shown[0])
        for obj in shown:
            results.compare(obj, original=original)
        return {"FINISHED"}


class RESTYLE_OT_remove_unused(bpy.types.Operator):
    bl_idname = "restyle.remove_unused"
    bl_label = "Delete Unused"
    bl_description = "Delete the results of this object that no object shows; undo brings them back"
    bl_options = {"UNDO"}

    poll = classmethod(can_send)

    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        numbers = results.unused(obj.data)
        for number in numbers:
            results.remove(obj, number)
        self.report({"INFO"}, f"{len(numbers)} deleted")
        return {"FINISHED"}


class RESTYLE_OT_show_sheet(OfTask, bpy.types.Operator):
    bl_idname = "restyle.show_sheet"
    bl_label = "Show Sheet"
    bl_description = "Add the sheet of all variations to this file as an image, and show it in an Image Editor"
    bl_options = {"UNDO"}

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        task = self.task()
        if "variations_picture" not in task.arrived:
            raise BadInputError("This job has no sheet of variations.")
        image = pictures.add(f"{task.label} variations", task.arrived["variations_picture"], task.recipe(), {})
        pictures.show(image, None)
        self.report({"INFO"}, f"Image “{image.name}”")
        return {"FINISHED"}


class _WithStyle:
    """What the operators that use a style share."""

    style: StringProperty(
        name="Style",
        description="A style's name or .safetensors file; empty takes the one that the panel shows",
        options={"SKIP_SAVE"},
    )

    def use(self, context: bpy.types.Context) -> None:
        """Have the panel show the style that is named."""
        if self.style:
            styles.path_of(self.style)
            context.scene.restyle.style = self.style
        if not context.scene.restyle.style and styles.names():
            context.scene.restyle.style = styles.names()[0]


class RESTYLE_OT_apply_style(_WithStyle, bpy.types.Operator):
    bl_idname = "restyle.apply_style"
    bl_label = "Apply Style to Selected"
    bl_description = "Give every selected mesh the colours and the relief of the style, without optimising again"

    poll = classmethod(can_send_chosen)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        self.use(context)
        return start(self, *submit_chosen(declaration("apply_style"), context))


class RESTYLE_OT_bake_style(_WithStyle, bpy.types.Operator):
    bl_idname = "restyle.bake_style"
    bl_label = "Bake to Textures"
    bl_description = "Make the style textures of every selected mesh, which needs a UV map, and a material of them"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not can_send_chosen(cls, context):
            return False
        bare = without_uv(context)
        why = f"“{bare[0].name}” has no UV map: unwrap it first, with Smart UV Project" if bare else ""
        return allowed(cls, why)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        self.use(context)
        return start(self, *submit_chosen(declaration("bake_style"), context))


def without_uv(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The chosen meshes that have no place for a texture."""
    return [obj for obj in objects.chosen(context) if obj.type == "MESH" and not obj.data.uv_layers]


class RESTYLE_OT_unwrap(bpy.types.Operator):
    bl_idname = "restyle.unwrap"
    bl_label = "Smart UV Project"
    bl_description = "Give every selected mesh that has no UV map one, by Blender's Smart UV Project"
    bl_options = {"UNDO"}

    poll = classmethod(can_send_chosen)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        for obj in without_uv(context):
            copies.unwrap(context, obj)
        return {"FINISHED"}


class RESTYLE_OT_add_style(bpy.types.Operator):
    bl_idname = "restyle.add_style"
    bl_label = "Add Style File"
    bl_description = "Take a .safetensors file of a style, such as from a colleague or a script, among your styles"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.safetensors", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        context.scene.restyle.style = styles.add(Path(bpy.path.abspath(self.filepath)))
        return {"FINISHED"}


class RESTYLE_OT_remove_style(bpy.types.Operator):
    bl_idname = "restyle.remove_style"
    bl_label = "Delete Style"
    bl_description = "Delete the style that is shown from your styles; results that were made with it stay"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        return context.window_manager.invoke_confirm(self, event)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        styles.remove(context.scene.restyle.style)
        context.scene.restyle.style = next(iter(styles.names()), "")
        return {"FINISHED"}


classes = (
    RESTYLE_OT_view_from,
    RESTYLE_OT_palette_add,
    RESTYLE_OT_palette_remove,
    RESTYLE_OT_finer_copy,
    RESTYLE_OT_show_original,
    RESTYLE_OT_remove_unused,
    RESTYLE_OT_show_sheet,
    RESTYLE_OT_apply_style,
    RESTYLE_OT_bake_style,
    RESTYLE_OT_unwrap,
    RESTYLE_OT_add_style,
    RESTYLE_OT_remove_style,
)
