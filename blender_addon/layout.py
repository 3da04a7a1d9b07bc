"""What panels are put together from: wrapped texts, settings, how a result was made, the buttons that repeat it."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterable
from typing import Any

import bpy

from . import settings
from .restyle.declare import Parameter

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


def draw_parameters(
    layout: bpy.types.UILayout,
    group: bpy.types.PropertyGroup,
    parameters: Iterable[Parameter],
    idle: Container[str] = (),
) -> None:
    """Settings, one below the other; those named in `idle` are greyed."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for parameter in parameters:
        row = column.column()
        row.active = parameter.name not in idle
        draw_parameter(row, group, parameter)


def part(layout: bpy.types.UILayout, job: str, title: str, changed: int) -> bpy.types.UILayout | None:
    """A part of a job's panel, closed at first, which says how many of its settings are not as they were."""
    header, body = layout.panel(f"restyle_{job}_{title.lower()}", default_closed=True)
    header.label(text=title)
    if changed:
        count = header.row()
        count.alignment, count.active = "RIGHT", False
        count.label(text=f"{changed} set")
    return body.column() if body else None


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
    """How a result was made, and what was to be said of it."""
    parts = [
        f"Seed {recipe['parameters']['seed']}" if "seed" in recipe["parameters"] else "",
        str(recipe["parameters"].get("preset", "")).capitalize(),
        f"{recipe.get('model') or ''}{' (stand-in)' if recipe.get('stand_in') else ''}",
        _duration(recipe.get("seconds") or 0),
    ]
    paragraph(layout, ", ".join(part for part in parts if part))
    draw_warnings(layout, recipe.get("warnings", ()))


def draw_warnings(layout: bpy.types.UILayout, warnings: Iterable[str]) -> None:
    """What a job had to say that did not stop it."""
    for warning in warnings:
        if "stand-in" not in warning:  # the note below the job's button says that already
            paragraph(layout, warning, "ERROR")


def _duration(seconds: float) -> str:
    number, unit = (seconds, "s") if seconds < 100 else (seconds / 60, "min")
    return f"{number:.0f}\N{NO-BREAK SPACE}{unit}" if seconds else ""
