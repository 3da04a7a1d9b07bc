"""What the artist can do with styles: use one on other meshes, bake it to textures, keep and delete them."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from . import copies, objects, styles
from .mesh_operators import can_send_chosen, submit_chosen
from .operator_parts import Outcome, allowed, reporting, start
from .restyle.jobs import declaration


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
        bare = objects.without_uv(objects.chosen(context))
        why = f"“{bare[0].name}” has no UV map: unwrap it first, with Smart UV Project" if bare else ""
        return allowed(cls, why)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        self.use(context)
        return start(self, *submit_chosen(declaration("bake_style"), context))


class RESTYLE_OT_unwrap(bpy.types.Operator):
    bl_idname = "restyle.unwrap"
    bl_label = "Smart UV Project"
    bl_description = "Give every selected mesh that has no UV map one, by Blender's Smart UV Project"
    bl_options = {"UNDO"}

    poll = classmethod(can_send_chosen)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        for obj in objects.without_uv(objects.chosen(context)):
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
    RESTYLE_OT_apply_style,
    RESTYLE_OT_bake_style,
    RESTYLE_OT_unwrap,
    RESTYLE_OT_add_style,
    RESTYLE_OT_remove_style,
)
