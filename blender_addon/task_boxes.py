"""What the artist sees of tasks: each in a box of its own, from when it is sent until its result has a place."""

from __future__ import annotations

import bpy

from . import settings, thumbnails
from .layout import draw_warnings, paragraph
from .reports import Server
from .restyle.declare import JobDeclaration
from .restyle.errors import RetryableError
from .restyle.jobs import declaration
from .session import session
from .tasks import UNDER_WAY, State, Task


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
        box.progress(text=f"{task.fraction:.0%}", factor=task.fraction, type="BAR", translate=False)
        paragraph(box, task.message or task.state.value)
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
    draw_warnings(box, task.warnings)


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
