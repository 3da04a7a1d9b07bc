"""What the artist sees: the tab Restyle in the sidebars, with a panel for each job made from its declaration.

This is what all editors share, and the 3D View; image_panels has what the Image Editor and the Sequencer add.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import bpy

from . import compat, image_operators, pickers, results, settings, thumbnails
from .link import Server
from .operators import obstacle
from .restyle.declare import JobDeclaration, Parameter
from .restyle.errors import RetryableError
from .restyle.jobs import declaration
from .session import session
from .tasks import UNDER_WAY, State, Task

SERVER_ICONS = {
    Server.OFF: "RADIOBUT_OFF",
    Server.STARTING: "SORTTIME",
    Server.ONLINE: "RADIOBUT_ON",
    Server.LOST: "ERROR",
    Server.REFUSED: "CANCEL",
}
CHARACTER_WIDTH = 6.1  # pixels of the interface font at a scale of 1, on average
MARGIN_WIDTH = 70  # pixels that the panel's border, a box and an icon take


def paragraph(layout: bpy.types.UILayout, text: str, icon: str = "NONE") -> None:
    """Draw a text over as many lines as the region's width asks for."""
    region = bpy.context.region
    pixels = region.width / bpy.context.preferences.system.ui_scale if region else 300
    width = max(24, int((pixels - MARGIN_WIDTH) / CHARACTER_WIDTH))
    column = layout.column(align=True)
    column.scale_y = 0.8
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, width, break_on_hyphens=False) or [""]]
    for index, line in enumerate(lines):
        column.label(text=line, icon=icon if index == 0 else "NONE" if icon == "NONE" else "BLANK1", translate=False)


def draw_server(layout: bpy.types.UILayout) -> None:
    """The state of the server in one line, and the button that changes it."""
    current = session()
    current.wanted = True
    row = layout.split(factor=0.65)
    text = current.server.value
    if current.server is Server.ONLINE and current.info:
        device = next((device.get("name") for device in current.info.devices), None)
        text = f"Online: {device}" if device else "Online"
    row.label(text=text, icon=SERVER_ICONS[current.server])
    if current.server in (Server.OFF, Server.LOST):
        row.operator("restyle.start_server", text="Start", icon="PLAY")
    elif current.owns_server:
        row.operator("restyle.stop_server", text="Stop")
    if current.server_message:
        paragraph(layout, current.server_message, "INFO")
    elif current.server is Server.OFF and not settings.can_start_server():
        paragraph(layout, "Set Server Python in the preferences to start it from here.", "INFO")
        layout.operator("preferences.addon_show", text="Open Preferences").module = __package__


def _server_panel(editor: settings.Editor) -> type[bpy.types.Panel]:
    def draw(self: bpy.types.Panel, _context: bpy.types.Context) -> None:
        draw_server(self.layout)

    members = {
        "bl_space_type": editor,
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": "Server",
        "draw": draw,
    }
    return type(f"RESTYLE_PT_server_{editor.lower()}", (bpy.types.Panel,), members)


def draw_parameter(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, parameter: Parameter) -> None:
    """One setting; where the job may decide itself, with the checkbox that takes the decision from it."""
    if parameter.default is not None:
        layout.prop(group, parameter.name)
        return
    row = layout.row(align=True, heading=settings.title(parameter))
    row.prop(group, f"use_{parameter.name}", text="")
    value = row.row(align=True)
    value.active = getattr(group, f"use_{parameter.name}")
    value.prop(group, parameter.name, text="")


def _stand_in_note(chosen: str) -> str:
    """What to say when the job will be judged by a stand-in model; empty if it will not."""
    info = session().info
    present = [model for model in info.models if model.get("present")] if info else []
    used = [model for model in present if model["name"] == chosen] if chosen != "auto" else present
    if not used or not all(model.get("stand_in") for model in used):
        return ""
    better = next((model["name"] for model in info.models if not model.get("stand_in")), "")
    return (
        f"Uses “{used[0]['name']}”, a small stand-in for CLIP that knows colours, materials and patterns. "
        f"For any prompt, run once: restyle models download {better}"
    )


def _job_panel(job: JobDeclaration) -> type[bpy.types.Panel]:
    """The panel of a job: its inputs, its parameters, the button, and the tasks under way."""

    def draw(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        layout, group = self.layout, settings.of_scene(context.scene, job)
        column = layout.column()
        for name in settings.text_names(job):
            column.label(text=name.capitalize())
            column.prop(group, name, text="")
        pickers.draw(layout, context, group, job)
        _draw_parameters(layout, group, [parameter for parameter in job.parameters if parameter.front])
        header, advanced = layout.panel(f"restyle_{job.name}_advanced", default_closed=True)
        header.label(text="Advanced")
        if advanced:
            _draw_parameters(advanced, group, [parameter for parameter in job.parameters if not parameter.front])
        button = layout.column()
        button.scale_y = 1.5
        button.operator(f"restyle.{job.name}", icon="SHADERFX")
        _draw_hints(layout, context, job, getattr(group, "model", ""))
        for task in list(session().tasks.values()):
            if task.job == job.name and task.state is not State.APPLIED:
                draw_task(layout, task)

    members = {
        "bl_space_type": settings.editor(job),
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": job.title,
        "draw": draw,
    }
    return type(f"RESTYLE_PT_{job.name}", (bpy.types.Panel,), members)


def _draw_parameters(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, parameters: list[Parameter]) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for parameter in parameters:
        draw_parameter(column, group, parameter)


def _draw_hints(layout: bpy.types.UILayout, context: bpy.types.Context, job: JobDeclaration, model: str) -> None:
    if settings.editor(job) != "VIEW_3D":
        if reason := image_operators.obstacle(context, job):
            paragraph(layout, reason, "INFO")
    elif reason := obstacle(context.active_object):
        paragraph(layout, reason, "INFO")
    elif (sharing := context.active_object.data.users - context.active_object.data.use_fake_user) > 1:
        text = f"{sharing} objects share this mesh: the result is stored for all of them and shown on this one."
        paragraph(layout, text, "INFO")
    if model and (note := _stand_in_note(model)):
        paragraph(layout, note, "INFO")


def _draw_warnings(layout: bpy.types.UILayout, warnings: Iterable[str]) -> None:
    for warning in warnings:
        if "stand-in" not in warning:  # the note below the job's button says that already
            paragraph(layout, warning, "ERROR")


def draw_task(layout: bpy.types.UILayout, task: Task) -> None:
    """One task: its bar while it runs, then what happened and what can be done."""
    box = layout.box()
    row = box.row()
    name = f"{task.target.name}: " if task.target and task.texts else ""  # pictures are in the label
    row.label(text=f"{name}{task.label}", translate=False)
    if task.state in UNDER_WAY:
        row.operator("restyle.cancel", text="", icon="X", emboss=False).task_id = task.id
        if icon := thumbnails.icon(task.id):
            box.template_icon(icon_value=icon, scale=8)
        box.progress(text=task.message or task.state.value, factor=task.fraction, type="BAR", translate=False)
        if session().server in (Server.LOST, Server.OFF) and task.state is not State.SENDING:
            paragraph(box, "The job is kept and goes on when the server is back.", "INFO")
    else:
        row.operator("restyle.dismiss", text="", icon="X", emboss=False).task_id = task.id
        if task.state is State.READY:
            _draw_ready(box, task)
        else:
            paragraph(box, task.why or task.state.value, "INFO" if task.state is State.CANCELLED else "ERROR")
        if task.state is State.BLOCKED:
            _draw_places(box, task)
        elif task.arrived and task.state in (State.CANCELLED, State.FAILED):
            keep = box.operator("restyle.apply", text="Keep What There Is", icon="CHECKMARK")
            keep.task_id, keep.to = task.id, "TARGET"
        if isinstance(task.error, RetryableError):
            box.operator("restyle.fetch", text="Try Again", icon="FILE_REFRESH").job_id = task.id
    _draw_warnings(box, task.warnings)


def _draw_ready(layout: bpy.types.UILayout, task: Task) -> None:
    if task.message:
        paragraph(layout, task.message, "INFO")
        return
    apply = layout.operator("restyle.apply", text="Apply", icon="CHECKMARK")
    apply.task_id, apply.to = task.id, "TARGET"
    if task.earlier and settings.editor(declaration(task.job)) != "IMAGE_EDITOR":  # there it would be the same
        _draw_places(layout, task)


def _draw_places(layout: bpy.types.UILayout, task: Task) -> None:
    row = layout.row(align=True)
    offered = {
        "VIEW_3D": (("ACTIVE", "To Active Object"), ("NEW", "As New Object")),
        "IMAGE_EDITOR": (("NEW", "Add to This File"),),
        "SEQUENCE_EDITOR": (("NEW", "As New Strip"),),
    }
    for place, text in offered[settings.editor(declaration(task.job))]:
        button = row.operator("restyle.apply", text=text)
        button.task_id, button.to = task.id, place


class RESTYLE_PT_results(bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Results"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = context.active_object
        return obj is not None and obj.type == "MESH" and bool(results.stored(obj.data))

    def draw(self, context: bpy.types.Context) -> None:
        obj = context.active_object
        number = results.shown(obj)
        column = self.layout.box().column(align=True)
        for result in results.stored(obj.data):
            row = column.split(factor=0.88)
            name = row.row()
            name.alignment = "LEFT"
            icon = "RADIOBUT_ON" if result.number == number else "RADIOBUT_OFF"
            show = name.operator(
                "restyle.show_result", text=f"{result.number}  {result.label}", icon=icon, emboss=False, translate=False
            )
            show.number = result.number
            row.operator("restyle.remove_result", text="", icon="X", emboss=False).number = result.number
        shown = next((result for result in results.stored(obj.data) if result.number == number), None)
        if shown is not None:
            _draw_shown(self.layout, context, shown)


def _draw_shown(layout: bpy.types.UILayout, context: bpy.types.Context, result: results.Result) -> None:
    obj = context.active_object
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    modifier = results.modifier(obj)
    compat.draw_modifier_input(column, modifier, "Strength", slider=True)
    compat.draw_modifier_input(column, modifier, "Show Colors")
    shading = getattr(context.space_data, "shading", None)
    if shading is not None and shading.type == "SOLID" and shading.color_type != "VERTEX":
        view = layout.operator("wm.context_set_enum", text="Show Colors in Solid View", icon="SHADING_SOLID")
        view.data_path, view.value = "space_data.shading.color_type", "VERTEX"
    row = layout.row(align=True)
    for text, new_seed, icon in (("Run Again", False, "FILE_REFRESH"), ("New Seed", True, "MOD_NOISE")):
        button = row.operator("restyle.run_again", text=text, icon=icon)
        button.number, button.new_seed = result.number, new_seed
    draw_recipe(layout, result.recipe)


def draw_recipe(layout: bpy.types.UILayout, recipe: Any) -> None:
    parts = [
        f"Seed {recipe['parameters'].get('seed', 0)}",
        str(recipe["parameters"].get("preset", "")).capitalize(),
        f"{recipe.get('model') or ''}{' (stand-in)' if recipe.get('stand_in') else ''}",
        _duration(recipe.get("seconds") or 0),
    ]
    paragraph(layout, ", ".join(part for part in parts if part))
    _draw_warnings(layout, recipe.get("warnings", ()))


def _duration(seconds: float) -> str:
    number, unit = (seconds, "s") if seconds < 100 else (seconds / 60, "min")
    return f"{number:.0f}\N{NO-BREAK SPACE}{unit}" if seconds else ""


def classes() -> list[type]:
    """The panels, in the order in which they stand."""
    editors: tuple[settings.Editor, ...] = ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")
    servers = [_server_panel(editor) for editor in editors]
    return [*servers, *(_job_panel(job) for job in settings.panel_jobs()), RESTYLE_PT_results]
