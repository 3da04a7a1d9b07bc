"""The job `bake_style`: a stored style as textures of a mesh with a UV map."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from restyle.declare import Value

from ..context import JobContext
from ..stylize import contact_sheet
from ..stylize.bake import MIDLEVEL, BakeOptions, bake
from ..stylize.textured import render_textured
from .style_parts import SHEET_COLUMNS, SHEET_SIZE, sheet_angles, subject_of


def run(context: JobContext, inputs: dict[str, Any], parameters: dict[str, Value]) -> dict[str, Any]:
    """Bake the style; see the declaration for inputs, outputs and parameters."""
    started = time.monotonic()
    subject = subject_of(inputs, parameters, context.device)
    mesh, style = subject.mesh, subject.style
    context.progress(0.0, "Reading the UV map")
    baked = bake(
        style,
        mesh.vertices,
        mesh.faces,
        mesh.uv,
        BakeOptions(
            size=int(parameters["size"] or 0),
            padding=int(parameters["padding"] or 0),
            tile=None if parameters["tile"] is None else int(parameters["tile"]),
            normals=bool(parameters["normal_map"]),
        ),
        **subject.given,
        on_progress=lambda share: context.progress(0.05 + 0.85 * share, "Sampling the style"),
    )
    for warning in baked.warnings:
        context.warn(warning)
    context.progress(0.95, "Drawing the result")
    azimuths, elevations = sheet_angles(style.options.anchor_azimuth)
    pictures = render_textured(
        mesh.vertices,
        mesh.faces,
        np.asarray(mesh.uv),
        baked,
        azimuths=azimuths,
        elevations=elevations,
        size=SHEET_SIZE,
        up=mesh.up,
    )
    report = {
        "scale": baked.scale,
        "midlevel": MIDLEVEL,
        "largest": float(np.abs(baked.heights).max()),
        "tile": baked.tile,
        "covered": baked.covered,
        "overlap": baked.overlap,
        "unmapped": baked.unmapped,
        "warnings": list(baked.warnings),
        "seconds": time.monotonic() - started,
        "device": context.device,
        "style": dict(style.about),
    }
    outputs = {
        "colors": baked.colors,
        "displacement": {"displacement": baked.heights[..., None]},
        "picture": contact_sheet(pictures, SHEET_COLUMNS),
        "report": report,
    }
    return outputs if baked.normals is None else outputs | {"normals": baked.normals}
