"""What the artist can do with the speed of a strip: analyze, apply, bake, look at the heat map, restore."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from . import compat, retime_delivery, retime_request, retiming, retiming_parts, settings
from .operator_parts import OfTask, Outcome, allowed, described_by, reporting, start
from .restyle.errors import BadInputError, RestyleError
from .restyle.jobs import declaration
from .retiming_source import obstacle, record_of
from .session import session
from .tasks import State, Task


def _strip(context: bpy.types.Context) -> tuple[bpy.types.Scene, Any | None]:
    scene = compat.sequencer_scene(context)
    return scene, retiming_parts.chosen(scene)


def _group(context: bpy.types.Context) -> Any:
    return settings.of_scene(context.scene, declaration(retime_request.JOB))


def _settings(context: bpy.types.Context) -> dict[str, Any]:
    return settings.values(_group(context), declaration(retime_request.JOB))


class _OfStrips:
    """What the operators on strips share: the active one is meant, or in the panel all that are selected."""

    selected: BoolProperty(name="Selected", description="All selected strips, each by itself", options={"SKIP_SAVE"})

    def strips(self, context: bpy.types.Context) -> tuple[bpy.types.Scene, list[Any]]:
        scene, strip = _strip(context)
        return scene, retiming_parts.selected(scene) if self.selected else [strip]


def _each(operator: bpy.types.Operator, what: Iterable[Any], do: Callable[[Any], object]) -> Outcome:
    """Do it to each; where that cannot be with one of several, say so and go on with the others."""
    known, refused = list(what), []
    for one in known:
        try:
            do(one)
        except RestyleError as error:
            refused.append(error)
    if refused and len(refused) == len(known):
        raise refused[0]
    for error in refused:
        operator.report({"WARNING"}, f"Left out: {error.message}")
    return {"FINISHED"}


class RESTYLE_OT_retime_clip(_OfStrips, bpy.types.Operator):
    bl_idname = "restyle.retime_clip"
    bl_label = "Analyze"
    bl_description = "Find where the strip can be faster; nothing is changed before the curve was seen and applied"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        scene, strip = _strip(context)
        if scene.sequence_editor is None:
            return allowed(cls, "This scene has no strips")
        reason = obstacle(scene, strip)
        return allowed(cls, reason if all(obstacle(scene, other) for other in retiming_parts.selected(scene)) else "")

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        scene, strips = self.strips(context)
        values = _settings(context)
        weights = retime_request.Weights.chosen(_group(context).from_network, values)
        tasks: list[Task] = []
        _each(self, strips, lambda strip: tasks.append(_analyze(scene, strip, values, weights)))
        if not bpy.app.background:
            return {"FINISHED"}
        return _each(self, tasks, self._wait)

    def _wait(self, task: Task) -> None:
        session().wait(task, until=State.READY)
        if task.error is not None:
            raise task.error
        self.report({"INFO"}, retime_delivery.summary(task))


def _analyze(
    scene: bpy.types.Scene, strip: Any, values: dict[str, Any], weights: retime_request.Weights | None
) -> Task:
    """Send a strip to be analysed, in place of an earlier curve of it that was not applied."""
    current = session()
    picked, given = retime_request.analysis(scene, strip, values, current.loads, weights)
    for task in list(current.tasks.values()):
        if task.job == retime_request.JOB and task.state is State.READY and task.target.name == strip.name:
            current.dismiss(task)
    return current.send(retime_request.JOB, picked, given)


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

    every: BoolProperty(name="All", description="Every curve that waits, each on its strip", options={"SKIP_SAVE"})

    description = described_by("way")

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        return _each(self, self.curves() if self.every else [self.task()], self._apply)

    def _apply(self, task: Task) -> None:
        task.sources["clip"]["way"] = self.way
        session().apply(task, "TARGET")


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


class RESTYLE_OT_retime_restore(_OfStrips, bpy.types.Operator):
    bl_idname = "restyle.retime_restore"
    bl_label = "Restore"
    bl_description = "Have the strip and its sound be as they were before they were retimed"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        scene, strip = _strip(context)
        known = any(map(record_of, [strip, *retiming_parts.selected(scene)]))
        return allowed(cls, "" if known else "Select a strip that was retimed")

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        scene, strips = self.strips(context)
        outcome = _each(self, filter(record_of, strips), lambda strip: retiming.restore(scene, strip))
        scene.sequence_editor.active_strip = strips[-1]
        return outcome


classes = (
    RESTYLE_OT_retime_clip,
    RESTYLE_OT_retime_apply,
    RESTYLE_OT_retime_bake,
    RESTYLE_OT_retime_heat,
    RESTYLE_OT_retime_restore,
)
