"""`restyle style`: a stored style on another mesh, as textures of a mesh, and the styles that a server has."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..client import Client, Result, connect
from ..errors import BadInputError, UsageError
from ..jobs import declaration
from ..kinds.model import Model
from ..meshfile import MeshFile, check_output, read_mesh, write_mesh, write_textured
from ..modelfile import SUFFIX, read_model
from ..outfile import make_folder, write_atomically
from ..picturefile import write_levels, write_picture
from .flags import given_parameters
from .follow import finished, follow_with_previews, preview_folder, writing
from .output import Output

MAX_LEVEL = 65_535
FIRST_TILE = 1001  # of UDIM: the square from 0 to 1


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Everything that can be wrong is checked before a server is looked for or started."""
    if arguments.action == "list":
        with connect(arguments.server) as client:
            _list(client, output)
        return 0
    mesh = str(arguments.mesh)
    output.inputs = {"style": arguments.style, "mesh": mesh, "uv": f"{mesh}: its UV map"}
    output.inputs |= {name: f"{mesh}: {name}" for name in ("vertices", "faces")}
    target = Path(arguments.output)
    if arguments.action == "apply":
        check_output(target)
    source = read_mesh(arguments.mesh)
    if arguments.action == "bake":
        if source.mesh.uv is None:
            raise BadInputError(
                f"{arguments.mesh}: it has no UV map, so there is no place for a texture. Unwrap it first, in Blender: "
                "Edit Mode, select all, UV > Smart UV Project."
            )
        make_folder(target)
    previews = preview_folder(arguments.preview)
    job_declaration = declaration(f"{arguments.action}_style")
    parameters: dict[str, Any] = given_parameters(arguments, job_declaration)
    style = _read_style(arguments.style)
    with connect(arguments.server) as client:
        model = style or _style_of(client, arguments.style)
        job = client.submit(job_declaration.name, mesh=source.mesh, style=model, **parameters)
        result = follow_with_previews(job, output, previews)
    write = _write_mesh if arguments.action == "apply" else _write_textures
    with writing(job, output):
        write(result, source, target, previews, output)
    return 0


def _read_style(name: str) -> Model | None:
    """The style of a file; None for what may be the id of a job."""
    path = Path(name)
    return read_model(path) if path.suffix.lower() == SUFFIX or path.exists() else None


def _style_of(client: Client, job: str) -> Model:
    result = client.job(job).result()
    model = result.outputs.get("style")
    if not isinstance(model, Model):
        raise UsageError(f"The job {job} ({result.status.name}) has made no style.")
    return model


def _list(client: Client, output: Output) -> None:
    rows = [("JOB", "PROMPT", "MODEL", "SEED")]
    styles = []
    for status in client.jobs():
        makes_style = any(port.kind == "model" and port.name == "style" for port in declaration(status.name).outputs)
        if status.state != "done" or not makes_style:
            continue
        model = client.result(status.id).outputs.get("style")
        if isinstance(model, Model):
            about = model.metadata.get("about", {})
            styles.append({"job": status.id, "about": about})
            prompt, encoder, seed = (str(about.get(name, "")) for name in ("prompt", "model", "seed"))
            rows.append((status.id, prompt, encoder, seed))
    output.record |= {"styles": styles}
    if styles:
        output.table(rows)
    else:
        output.say("No styles.")


def _write_mesh(result: Result, source: MeshFile, target: Path, previews: Path | None, output: Output) -> None:
    report = finished(result, output)
    write_mesh(target, source, result.colors, source.mesh.vertices + result.offset)
    outputs = output.record["outputs"] | {"mesh": str(target.resolve())} | _sheet(result, previews)
    output.record |= {"outputs": outputs, "vertices": len(source.vertices), "report": report}
    output.say(f"{target}: {len(source.vertices):,} vertices, {output.record['seconds']} s")


def _write_textures(result: Result, source: MeshFile, folder: Path, previews: Path | None, output: Output) -> None:
    report = finished(result, output)
    heights = result.outputs["displacement"]["displacement"][..., 0].astype(np.float64)
    raised = heights / report["scale"] if report["scale"] else np.zeros_like(heights)
    levels = np.clip(np.round((raised + report["midlevel"]) * MAX_LEVEL), 0, MAX_LEVEL).astype(np.uint16)
    paths = {"colors": folder / "color.png", "displacement": folder / "displacement.png"}
    write_picture(paths["colors"], result.outputs["colors"])
    write_levels(paths["displacement"], levels)
    if "normals" in result.outputs:
        paths["normals"] = folder / "normal.png"
        write_picture(paths["normals"], result.outputs["normals"])
    paths["report"] = folder / "bake.json"
    write_atomically(paths["report"], json.dumps(report, indent=1).encode())
    if report["tile"] == FIRST_TILE:  # in a viewer the textures of other tiles would cover this one's faces too
        paths["mesh"] = folder / "textured.glb"
        write_textured(paths["mesh"], source, result.outputs["colors"], result.outputs.get("normals"))
    outputs = {name: str(path.resolve()) for name, path in paths.items()} | _sheet(result, previews)
    output.record |= {"outputs": output.record["outputs"] | outputs, "report": report}
    output.say(
        f"{folder}: {', '.join(path.name for path in paths.values())}, {output.record['seconds']} s. "
        f"Displacement: scale {report['scale']:g}, midlevel {report['midlevel']:.6f}."
    )


def _sheet(result: Result, previews: Path | None) -> dict[str, str]:
    if previews is None:
        return {}
    sheet = previews / "contact_sheet.png"
    write_picture(sheet, result.picture)
    return {"contact_sheet": str(sheet.resolve())}
