"""What the artist sees of adaptive speedup in the Sequencer: settings, the curve before it is applied, and after."""

from __future__ import annotations

from typing import Any

import bpy

from . import compat, retime_delivery, retime_request, retiming_parts, settings, strips, thumbnails
from .layout import draw_parameter, paragraph
from .restyle.errors import UsageError
from .restyle.jobs import declaration
from .retiming_source import obstacle, record_of
from .session import session
from .task_boxes import draw_task
from .tasks import State, Task

LIMITS = ("min_speed", "max_speed", "smoothness")
DETAILS = ("protect_speech", "speech_speed", "lock", "domain", "mute_above", "blend", "heat")
LISTED = 6  # strips of a selection that are listed by name
WAYS = {"SPEED": "Speed Control", "KEYS": "retiming keys", "MOVIE": "a baked movie"}


class RESTYLE_PT_retime_clip(bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Adaptive Speedup"

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, compat.sequencer_scene(context)
        job = declaration(retime_request.JOB)
        group = settings.of_scene(context.scene, job)
        meant = retiming_parts.selected(scene)
        strip = retiming_parts.chosen(scene)
        if len(meant) < 2:
            meant = [strip] if strip is not None else meant
        if len(meant) == 1 and not obstacle(scene, meant[0]):
            layout.label(text=meant[0].name, icon="SEQUENCE", translate=False)
        _draw_settings(layout, group, {parameter.name: parameter for parameter in job.parameters})
        _draw_strips(layout, scene, meant, settings.values(group, job))
        for task in _tasks(layout):
            if retime_delivery.is_curve(task) and task.result is not None:
                _draw_curve(layout, task)
            else:
                draw_task(layout, task)
        if record_of(strip):
            _draw_retimed(layout, scene, strip)
        if (count := sum(record_of(one) is not None for one in meant)) > 1:
            layout.operator("restyle.retime_restore", text=f"Restore {count} Strips", icon="LOOP_BACK").selected = True


def _tasks(layout: bpy.types.UILayout) -> list[Task]:
    """The jobs that are not done with; above several curves there is a button for all of them."""
    known = [task for task in session().tasks.values() if task.job == retime_request.JOB]
    waiting = [task for task in known if task.state is not State.APPLIED]
    if (count := sum(map(retime_delivery.is_curve, waiting))) > 1:
        layout.operator("restyle.retime_apply", text=f"Apply {count} Curves", icon="CHECKMARK").every = True
    return waiting


def _draw_strips(
    layout: bpy.types.UILayout, scene: bpy.types.Scene, meant: list[Any], parameters: dict[str, Any]
) -> None:
    """What the settings come to for each strip, and the button; or why there is nothing to press it for."""
    if scene.sequence_editor is None or not meant:
        reasons = ["This scene has no strips" if scene.sequence_editor is None else obstacle(scene, None)]
    else:
        reasons = [obstacle(scene, strip) for strip in meant[:LISTED]]
    for strip, reason in zip(meant, reasons):
        if not reason:
            _draw_length(layout, scene, strip, parameters, named=len(meant) > 1)
    if len(meant) > LISTED:
        layout.label(text=f"and {len(meant) - LISTED} more", icon="BLANK1")
    button = layout.column()
    button.scale_y = 1.5
    text = f"Analyze {len(meant)} Strips" if len(meant) > 1 else "Analyze"
    button.operator("restyle.retime_clip", text=text, icon="VIEWZOOM").selected = len(meant) > 1
    for reason in filter(None, reasons):
        paragraph(layout, reason, "INFO")


def _draw_settings(layout: bpy.types.UILayout, group: Any, parameters: dict[str, Any]) -> None:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(group, "method")
    speed = column.row()
    speed.active = not (group.use_frames or group.use_duration)
    speed.prop(group, "speed")
    for name in ("duration", "frames"):
        draw_parameter(column, group, parameters[name])
    column.prop(group, "sound")
    if group.method == "speednet":
        _draw_network(layout, group)
    header, body = layout.panel("restyle_retime_clip_limits", default_closed=True)
    header.label(text="Limits")
    if body:
        _draw_all(body, group, [parameters[name] for name in LIMITS])
        paragraph(body, "Between a marker named 1x and one named /1x the strip keeps its own speed.", "MARKER")
    header, body = layout.panel("restyle_retime_clip_advanced", default_closed=True)
    header.label(text="Advanced")
    if body:
        _draw_all(body, group, [parameters[name] for name in DETAILS])


def _draw_network(layout: bpy.types.UILayout, group: Any) -> None:
    """Which network judges; the name of a file is seen on the closed panel too."""
    file = group.from_network.strip()
    header, body = layout.panel("restyle_retime_clip_network", default_closed=True)
    header.label(text=f"Network: {bpy.path.basename(file)}" if file else "Network", translate=False)
    if body:
        column = body.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(group, "from_network", text="Weights")
        paragraph(body, "Empty: the bundled network. Else one of your own, from restyle retime --train, or an S3D-G.")


def _draw_all(layout: bpy.types.UILayout, group: Any, parameters: list[Any]) -> None:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    for parameter in parameters:
        draw_parameter(column, group, parameter)


def _draw_length(
    layout: bpy.types.UILayout, scene: bpy.types.Scene, strip: Any, parameters: dict[str, Any], *, named: bool
) -> None:
    """What the settings come to: both lengths, and the speed that this is on the whole."""
    record = record_of(strip)
    length = record["shown"]["length"] if record else compat.strip_span(strip)[1]
    try:
        wanted = retime_request.wanted_length(strips.frame_rate(scene), length, parameters)
    except UsageError as error:
        paragraph(layout, error.message, "ERROR")
        return
    name = f"{strip.name}: " if named else ""
    icon = "SEQUENCE" if named else "BLANK1"
    layout.label(text=f"{name}{length} to {wanted} frames ({length / wanted:.2f}x)", icon=icon, translate=False)


def _draw_curve(layout: bpy.types.UILayout, task: Task) -> None:
    """A finished analysis: its curve in a picture and in figures, and what can be done with it."""
    box = layout.box()
    row = box.row()
    row.label(text=task.label, translate=False)
    row.operator("restyle.dismiss", text="", icon="X", emboss=False).task_id = task.id
    if icon := thumbnails.tile(task.id, 1):
        box.template_icon(icon_value=icon, scale=9)
    box.label(text=retime_delivery.summary(task), translate=False)
    apply = box.row()
    apply.scale_y = 1.3
    apply.operator("restyle.retime_apply", icon="CHECKMARK").task_id = task.id
    row = box.row(align=True)
    row.operator("restyle.retime_bake", text="Bake a Movie").task_id = task.id
    keys = row.operator("restyle.retime_apply", text="As Retiming Keys")
    keys.task_id, keys.way = task.id, "KEYS"
    if "heat" in task.arrived:
        box.operator("restyle.retime_heat", icon="OVERLAY").task_id = task.id
    _draw_details(box, task)


def _draw_details(layout: bpy.types.UILayout, task: Task) -> None:
    report = task.result.outputs["report"]
    column = layout.column(align=True)
    column.scale_y = 0.8
    lines = [f"By {report['method']}"]
    if report["weights"] == "given" and report["method"] == "speednet":
        lines[0] += f", {bpy.path.basename(task.sources.get('clip', {}).get('weights', '')) or 'weights of its own'}"
    lines += [f"Cuts: {len(report['cuts'])}"] if report["cuts"] else []
    lines += [f"Parts kept at 1x: {len(report['locked'])}"] if report["locked"] else []
    for line in lines:
        column.label(text=line, translate=False)
    paragraph(layout, "Orange is 1x, blue 4x and more; a line where the speed doubles. White: as wanted. Red: cuts.")
    for warning in task.warnings:
        paragraph(layout, warning, "ERROR")


def _draw_retimed(layout: bpy.types.UILayout, scene: bpy.types.Scene, strip: Any) -> None:
    record = record_of(strip)
    box = layout.box()
    length, frames = record["shown"]["length"], record["frames"]
    box.label(text=f"Retimed by {WAYS[record['way']]}", icon="TIME", translate=False)
    box.label(text=f"{length} to {frames} frames ({length / frames:.2f}x)", icon="BLANK1", translate=False)
    if said := retiming_parts.disturbance(scene, strip):
        paragraph(box, said, "ERROR")
    row = box.row(align=True)
    row.operator("restyle.retime_restore", icon="LOOP_BACK")
    if record["way"] == "SPEED":
        row.operator("restyle.retime_bake", text="Bake a Movie")
        if record.get("heat"):
            box.operator("restyle.retime_heat", icon="OVERLAY")


classes = (RESTYLE_PT_retime_clip,)
