"""The palette as the panel shows it: a row of colours, which becomes the text of the parameter `palette`.

They are properties without any callback: in a group on a scene such a one crashes the bpy module when it ends (4.2).
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import FloatVectorProperty, IntProperty

from .restyle.jobs.stylize_mesh import MAX_COLORS

FRESH = (0.5, 0.5, 0.5)  # sRGB


def name(number: int) -> str:
    """The property of the swatch of that number, from 0."""
    return f"swatch_{number}"


def properties() -> dict[str, Any]:
    """How many swatches there are, and one for each that there may be."""
    look: dict[str, Any] = {"size": 3, "min": 0.0, "max": 1.0, "default": FRESH, "subtype": "COLOR_GAMMA"}
    made = {name(number): FloatVectorProperty(name="Palette Colour", **look) for number in range(MAX_COLORS)}
    return {"swatches": IntProperty(name="Palette Colours", min=0, max=MAX_COLORS)} | made


def text(group: bpy.types.PropertyGroup) -> str:
    """The palette as the job takes it: that of the swatches or, if there is none, what a script has set."""
    chosen = [getattr(group, name(number)) for number in range(group.swatches)]
    words = ("#" + "".join(f"{round(255 * part):02x}" for part in color) for color in chosen)
    return " ".join(words) or str(group.palette)
