"""Operators and panels as Blender is told of them: the fixed ones, and those that each declared job gets."""

from __future__ import annotations

import bpy

from . import image_operators, image_panels, operators, panels, settings

_classes: list[type] = []


def _operators() -> list[type]:
    made = [
        operators.object_operator(job) if settings.editor(job) == "VIEW_3D" else image_operators.picture_operator(job)
        for job in settings.panel_jobs()
    ]
    return [*made, *operators.fixed, *image_operators.classes]


def register() -> None:
    """Register them."""
    _classes.extend([*_operators(), *panels.classes(), *image_panels.classes()])
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Remove them."""
    while _classes:
        bpy.utils.unregister_class(_classes.pop())
