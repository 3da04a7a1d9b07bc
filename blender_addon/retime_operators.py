"""What the artist can do with the speed of a strip: analyze, apply, bake, look at the heat map, restore."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty

from . import compat, retime_delivery, retime_request, retiming, settings
from .operators import OfTask, Outcome, reporting, start
from .restyle.errors import BadInputError
from .restyle.jobs import declaration
from .retiming_source import obstacle, record_of
from .session import session
from .tasks import State, Task


def _strip(context: bpy.types.Context) -> tuple[bpy.types.Scene, Any | None]:
    scene = compat.sequencer_scene(context)
    return scene, retiming.chosen(scene)


def _settings(context: bpy.types.Context) -> dict[str, Any]:
    job = declaration(retime_request.JOB)
    return settings.values(settings.of_scene(context.scene, job), job)


def _can_retime(cls: Any, context: bpy.types.Context) -> bool:
    scene, strip = _strip(context)
    reason = obstacle(scene, strip) if scene.sequence_editor else "This scene has no strips"
    if reason:
        cls.poll_message_set(reason)
    return not reason


def _is_retimed(cls: Any, context: bpy.types.Context) -> bool:
    _, strip = _strip(context)
    if record_of(strip) is None:
        cls.poll_message_set("Select a strip that was retimed")
        return False
    return True


class RESTYLE_OT_retime_clip(bpy.types.Operator):
    bl_idname = "restyle.retime_clip"
    bl_label = "Analyze"
    bl_description = "Find where the strip can be faster; nothing is changed before the curve was seen and applied"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _can_retime(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        scene, strip = _strip(context)
        current = session()
        for task in list(current.tasks.values()):  # an earlier curve of this strip that was not applied
            if task.job == retime_request.JOB and task.state is State.READY and task.target.name == strip.name:
                current.dismiss(task)
        picked, given = retime_request.analysis(scene, strip, _settings(context), current.loads)
        task = current.send(retime_request.JOB, picked, given)
        if not bpy.app.background:
            return {"FINISHED"}
        current.wait(task, until=State.READY)
        if task.error is not None:
            raise task.error
        self.report({"INFO"}, retime_delivery.summary(task))
        return {"FINISHED"}


class _OfCurve(OfTask):
    """What the operators on a curve share: in a script the newest one is meant."""

    def task(self) -> Task:
        if self.task_id:
            return super().task()
        if not (found := self.curves()):
            raise BadInputError("There is no curve: analyze a strip first.")
        return found[-1]

    @staticmethod
    def curves() -> list[Task]:
        """The analyses that wait to be applied, oldest first."""
        return [task for task in session().tasks.values() if retime_delivery.is_curve(task)]


class RESTYLE_OT_retime_apply(_OfCurve, bpy.types.Operator):
    bl_idname = "restyle.retime_apply"
    bl_label = "Apply"
    bl_description = "Have the strip play along the curve"

    way: EnumProperty(
        name="As",
        items=[
            ("SPEED", "Speed Control", "A Speed Control strip above it, exact to the frame; Restore takes it away"),
            ("KEYS", "Retiming Keys", "Blender's own retiming keys on the strip; where Blender bears it, from 5.0 on"),
        ],
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties["way"].enum_items[properties.way].description)

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        task = self.task()
        task.sources["clip"]["way"] = self.way
        session().apply(task, "TARGET")
        return {"FINISHED"}


class RESTYLE_OT_retime_bake(_OfCurve, bpy.types.Operator):
    bl_idname = "restyle.retime_bake"
    bl_label = "Bake"
    bl_description = "Render a movie along the curve and put it above the strip, which is muted"

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        current = session()
        if self.task_id or self.curves():
            scene, strip, _ = retime_delivery.strip_of(self.task(), current.loads)
            plan = retime_delivery.positions(self.task())
        else:
            scene, strip = _strip(context)
            plan = retime_delivery.plan_now(scene, strip)
        picked, given = retime_request.baking(scene, strip, plan, _settings(context), current.loads)
        return start(self, current.send(retime_request.JOB, picked, given))


class RESTYLE_OT_retime_heat(_OfCurve, bpy.types.Operator):
    bl_idname = "restyle.retime_heat"
    bl_label = "Heat Overlay"
    bl_description = "Put the strip under its map of speediness above it: orange is natural speed, blue can be faster"
    bl_options = {"UNDO"}

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        if self.task_id or self.curves():
            task = self.task()
            scene, strip, _ = retime_delivery.strip_of(task, session().loads)
            heat = retime_delivery.heat_of(task, strip)
        else:
            scene, strip = _strip(context)
            heat = retime_delivery.heat_of(None, strip)
        if heat is None:
            raise BadInputError("There is no heat map: analyze with Heat Overlay switched on, by the network.")
        retime_delivery.add_heat(scene, strip, heat)
        return {"FINISHED"}


class RESTYLE_OT_retime_restore(bpy.types.Operator):
    bl_idname = "restyle.retime_restore"
    bl_label = "Restore"
    bl_description = "Have the strip and its sound be as they were before they were retimed"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_retimed(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        scene, strip = _strip(context)
        retiming.restore(scene, strip)
        scene.sequence_editor.active_strip = strip
        return {"FINISHED"}


classes = (
    RESTYLE_OT_retime_clip,
    RESTYLE_OT_retime_apply,
    RESTYLE_OT_retime_bake,
    RESTYLE_OT_retime_heat,
    RESTYLE_OT_retime_restore,
)
