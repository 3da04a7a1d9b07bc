"""Operators, panels and preferences as Blender is told of them: the fixed ones, and those that each job gets."""

from __future__ import annotations

import bpy

from . import (
    image_operators,
    image_panels,
    mesh_operators,
    mesh_panels,
    operators,
    panels,
    preferences,
    result_operators,
    retime_operators,
    retime_panel,
    settings,
    style_operators,
)

_classes: list[type] = []


def _operators() -> list[type]:
    own = (*mesh_panels.STYLE_JOBS, "retime_clip")
    jobs = [job for job in settings.panel_jobs() if job.name not in own]
    of_meshes, of_pictures = mesh_operators.object_operator, image_operators.picture_operator
    made = [(of_meshes if settings.editor(job) == "VIEW_3D" else of_pictures)(job) for job in jobs]
    parts = (operators, mesh_operators, result_operators, style_operators, image_operators, retime_operators)
    return [*made, *(cls for part in parts for cls in part.classes)]


def register() -> None:
    """Register them."""
    shown = (*panels.classes(), *mesh_panels.classes(), *image_panels.classes(), *retime_panel.classes)
    _classes.extend([preferences.RESTYLE_preferences, *_operators(), *shown])
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Remove them."""
    while _classes:
        bpy.utils.unregister_class(_classes.pop())
