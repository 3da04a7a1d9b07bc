"""The job `apply_style`: a stored style on any mesh, at any density."""

from __future__ import annotations

import time
from typing import Any

from restyle.color import srgb_to_linear
from restyle.declare import Value

from ..context import JobContext
from ..stylize import contact_sheet, render_views
from ..stylize.style import apply
from .style_parts import SHEET_COLUMNS, SHEET_SIZE, sheet_angles, subject_of


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Evaluate the style at the mesh's vertices; see the declaration for inputs, outputs and parameters."""
    started = time.monotonic()
    subject = subject_of(inputs, parameters, context.device)
    mesh, style = subject.mesh, subject.style
    context.progress(0.1, "Applying the style")
    applied = apply(style, mesh.vertices, mesh.faces, **subject.given)
    context.progress(0.8, "Drawing the result")
    angles = sheet_angles(style.options.anchor_azimuth)
    moved = mesh.vertices + applied.offset
    pictures = render_views(moved, mesh.faces, applied.colors, *angles, size=SHEET_SIZE, up=mesh.up)
    attributes = {
        "colors": srgb_to_linear(applied.colors),
        "displacement": applied.displacement,
        "offset": applied.offset,
    }
    report = {"seconds": time.monotonic() - started, "device": context.device, "style": dict(style.about)}
    return {"attributes": attributes, "picture": contact_sheet(pictures, SHEET_COLUMNS), "report": report}
