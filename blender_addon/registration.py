"""Operators and panels as Blender is told of them: the fixed ones, and those that each declared job gets."""

from __future__ import annotations

import bpy

from . import (
    image_operators,
    image_panels,
    mesh_operators,
    mesh_panels,
    operators,
    panels,
    retime_operators,
    retime_panel,
    settings,
)

_classes: list[type] = []


def _operators() -> list[type]:
    made = [
        operators.object_operator(job) if settings.editor(job) == "VIEW_3D" else image_operators.picture_operator(job)
        for job in settings.panel_jobs()
        if job.name not in (*mesh_panels.STYLE_JOBS, "retime_clip")
    ]
    fixed = (*operators.fixed, *mesh_operators.classes, *image_operators.classes, *retime_operators.classes)
    return [*made, *fixed]


def register() -> None:
    """Register them."""
    shown = (*panels.classes(), *mesh_panels.classes(), *image_panels.classes(), *retime_panel.classes)
    _classes.extend([*_operators(), *shown])
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Remove them."""
    while _classes:
        bpy.utils.unregister_class(_classes.pop())
