"""What the artist sees: the tab Restyle in the sidebars, with a panel for each job made from its declaration.

This is what all editors share; mesh_panels has what the 3D View adds, image_panels the Image Editor and the Sequencer.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import bpy

from . import image_operators, objects, pickers, settings, thumbnails
from .link import Server
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
            column.label(text=name.replace("_", " ").capitalize())
            column.prop(group, name, text="")
        pickers.draw(layout, context, group, job)
        draw_parameters(layout, group, [parameter for parameter in job.parameters if parameter.front])
        header, advanced = layout.panel(f"restyle_{job.name}_advanced", default_closed=True)
        header.label(text="Advanced")
        if advanced:
            draw_parameters(advanced, group, [parameter for parameter in job.parameters if not parameter.front])
        button = layout.column()
        button.scale_y = 1.5
        button.operator(f"restyle.{job.name}", icon="SHADERFX")
        _draw_hints(layout, context, job)
        if hasattr(group, "model"):
            draw_stand_in(layout, group.model)
        draw_tasks(layout, job)

    members = {
        "bl_space_type": settings.editor(job),
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": job.title,
        "bl_options": {"DEFAULT_CLOSED"} if settings.editor(job) == "SEQUENCE_EDITOR" else set(),  # below retiming
        "draw": draw,
    }
    return type(f"RESTYLE_PT_{job.name}", (bpy.types.Panel,), members)


def draw_parameters(
    layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, parameters: Iterable[Parameter]
) -> None:
    """Settings, one below the other."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for parameter in parameters:
        draw_parameter(column, group, parameter)


def _draw_hints(layout: bpy.types.UILayout, context: bpy.types.Context, job: JobDeclaration) -> None:
    if settings.editor(job) == "VIEW_3D":
        reason = objects.obstacle_of(objects.chosen(context))
    else:
        reason = image_operators.obstacle(context, job)
    if reason:
        paragraph(layout, reason, "INFO")


def draw_stand_in(layout: bpy.types.UILayout, chosen: str) -> None:
    """Say so if the job will be judged by a stand-in model; `chosen` is the model that the panel has."""
    if note := _stand_in_note(chosen):
        paragraph(layout, note, "INFO")


def draw_tasks(layout: bpy.types.UILayout, job: JobDeclaration) -> None:
    """The tasks of a job that are under way or wait for the artist."""
    for task in list(session().tasks.values()):
        if task.job != job.name:
            continue
        if task.state is not State.APPLIED:
            draw_task(layout, task)
        elif task.variations > 1:
            _draw_variations(layout, task)


def _draw_variations(layout: bpy.types.UILayout, task: Task) -> None:
    """The variations of a finished job: a click puts one of them onto the object."""
    box = layout.box()
    row = box.row()
    row.label(text=task.label, translate=False)
    row.operator("restyle.show_sheet", text="", icon="IMAGE_DATA", emboss=False).task_id = task.id
    row.operator("restyle.dismiss", text="", icon="X", emboss=False).task_id = task.id
    grid = box.grid_flow(row_major=True, columns=min(3, task.variations), even_columns=True, align=True)
    for number in range(1, task.variations + 1):
        cell = grid.column(align=True)
        if icon := thumbnails.tile(task.id, number):
            cell.template_icon(icon_value=icon, scale=4)
        use = cell.operator("restyle.apply", text=str(number), depress=number == task.applied)
        use.task_id, use.to, use.variation = task.id, "TARGET", number


def _draw_warnings(layout: bpy.types.UILayout, warnings: Iterable[str]) -> None:
    for warning in warnings:
        if "stand-in" not in warning:  # the note below the job's button says that already
            paragraph(layout, warning, "ERROR")


def draw_task(layout: bpy.types.UILayout, task: Task) -> None:
    """One task: its bar while it runs, then what happened and what can be done."""
    box = layout.box()
    row = box.row()
    name = f"{_owner(task)}: " if task.target and (task.texts or task.before is not None) else ""  # or in the label
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


def _owner(task: Task) -> str:
    return task.target.name + (f" and {len(task.others)} more" if task.others else "")


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
    for place, text in _places(task):
        button = row.operator("restyle.apply", text=text)
        button.task_id, button.to = task.id, place


def _places(task: Task) -> tuple[tuple[str, str], ...]:
    """Where a result can go that its own place cannot take."""
    job = declaration(task.job)
    if settings.editor(job) == "IMAGE_EDITOR":
        return (("NEW", "Add to This File"),)
    if settings.editor(job) == "SEQUENCE_EDITOR":
        return (("NEW", "As New Strip"),)
    if task.others:
        return (("NEW", "As New Objects Where It Must Be"),)
    textured = all(port.kind != "attributes" for port in job.outputs)
    return (("ACTIVE", "To Active Object"), ("NEW", "As Images Alone" if textured else "As New Object"))


def draw_again(layout: bpy.types.UILayout, operator: str, *, varies: bool = True, **result: Any) -> None:
    """The buttons that make a result again; `result` says to the operator which, `varies` whether it has a seed."""
    row = layout.row(align=True)
    buttons = (("Run Again", False, "FILE_REFRESH"), ("New Seed", True, "MOD_NOISE"))
    for text, new_seed, icon in buttons if varies else buttons[:1]:
        button = row.operator(operator, text=text, icon=icon)
        button.new_seed = new_seed
        for name, value in result.items():
            setattr(button, name, value)


def draw_recipe(layout: bpy.types.UILayout, recipe: Any) -> None:
    parts = [
        f"Seed {recipe['parameters']['seed']}" if "seed" in recipe["parameters"] else "",
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
    """The panels that stand in every editor, and those of jobs that have none of their own."""
    editors: tuple[settings.Editor, ...] = ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")
    own = ("stylize_mesh", "apply_style", "bake_style", "retime_clip")
    jobs = [job for job in settings.panel_jobs() if job.name not in own]
    return [*(_server_panel(editor) for editor in editors), *(_job_panel(job) for job in jobs)]
