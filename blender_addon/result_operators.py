"""What the artist can do with the results on a mesh: show and compare them, make them again, delete them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.props import IntProperty

from . import choosing, objects, pictures, results, styles
from .mesh_operators import can_send
from .operator_parts import Again, OfTask, Outcome, allowed, reporting, start
from .restyle.errors import BadInputError
from .restyle.jobs import declaration
from .session import session


class _OfResult:
    """What the operators on a result share: its number among those of the active object."""

    number: IntProperty(name="Result", options={"SKIP_SAVE"})

    poll = classmethod(can_send)

    def result(self, context: bpy.types.Context) -> results.Result:
        obj = context.active_object
        for result in results.stored(obj.data):
            if result.number == self.number:
                return result
        raise BadInputError(f"“{obj.name}” has no result {self.number}.")


class RESTYLE_OT_run_again(_OfResult, Again, bpy.types.Operator):
    bl_idname = "restyle.run_again"
    bl_label = "Run Again"
    bl_description = "Stylize this object again with the settings of this result"

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        recipe = self.result(context).recipe
        job, choices = declaration(recipe["job"]).name, choosing.from_recipe(recipe, obj.data)
        objs = _made_together(context, recipe) if recipe.get("objects", 1) > 1 else [obj]
        return start(self, session().submit(job, objs, recipe["texts"], self.parameters(recipe), choices))


def _made_together(context: bpy.types.Context, recipe: Mapping[str, Any]) -> list[bpy.types.Object]:
    """The objects of the job that made a result, in their order; BadInputError if not all of them are there."""
    found: dict[int, bpy.types.Object] = {}
    for obj in [context.active_object, *context.view_layer.objects]:
        for result in results.stored(obj.data) if obj.type == "MESH" else ():
            if result.recipe.get("job_id") == recipe["job_id"]:
                found.setdefault(int(result.recipe["object"]), obj)
    objs = [found[number] for number in sorted(found)]
    if len(objs) < recipe["objects"]:
        raise BadInputError(
            f"This result was made of {recipe['objects']} objects together, and not all of them are here with it any "
            "more. Select what is to be stylized and start anew."
        )
    if reason := objects.obstacle_of(objs):
        raise BadInputError(f"{reason}.")
    return objs


class RESTYLE_OT_show_result(_OfResult, bpy.types.Operator):
    bl_idname = "restyle.show_result"
    bl_label = "Show Result"
    bl_description = "Show this result on the object"
    bl_options = {"UNDO"}

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        first = results.modifier(obj) is None
        result = self.result(context)
        results.show(obj, result, colors=not any(obj.data.materials) if first else None)
        recipe = result.recipe
        key = styles.key(str(recipe.get("job_id")), recipe.get("variation", 1), recipe.get("object", 0) + 1)
        if style := styles.with_key(key):
            context.scene.restyle.style = style
        return {"FINISHED"}


class RESTYLE_OT_remove_result(_OfResult, bpy.types.Operator):
    bl_idname = "restyle.remove_result"
    bl_label = "Remove Result"
    bl_description = "Delete this result from the object; undo brings it back"
    bl_options = {"UNDO"}

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        results.remove(context.active_object, self.result(context).number)
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


classes = (
    RESTYLE_OT_run_again,
    RESTYLE_OT_show_result,
    RESTYLE_OT_remove_result,
    RESTYLE_OT_show_original,
    RESTYLE_OT_remove_unused,
    RESTYLE_OT_show_sheet,
)
