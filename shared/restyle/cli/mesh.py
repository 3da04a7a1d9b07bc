"""`restyle mesh`: a mesh file and a prompt in, a mesh file with colours and displaced vertices out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..client import Result, connect
from ..errors import RestyleError
from ..jobs import declaration
from ..kinds import text
from ..meshfile import MeshFile, check_output, read_mesh, write_mesh
from ..picturefile import write_picture
from .flags import given_parameters
from .follow import finished, follow_with_previews, preview_folder
from .output import Output


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Everything that can be wrong is checked before a server is looked for or started."""
    job_declaration = declaration("stylize_mesh")
    target = Path(arguments.output)
    check_output(target)
    text.validate(arguments.prompt)
    previews = preview_folder(arguments.preview)
    source = read_mesh(arguments.mesh)
    parameters: dict[str, Any] = given_parameters(arguments, job_declaration)
    with connect(arguments.server) as client:
        job = client.submit(job_declaration.name, mesh=source.mesh, prompt=arguments.prompt, **parameters)
        result = follow_with_previews(job, output, previews)
    try:
        _write(result, source, target, previews, output)
    except RestyleError as error:
        kept = f"The result is kept on the server: restyle jobs fetch {job.id} -o DIR"
        raise type(error)(f"{error.message} {kept}") from error
    return 0


def _write(result: Result, source: MeshFile, target: Path, previews: Path | None, output: Output) -> None:
    report = finished(result, output)
    write_mesh(target, source, result.colors, source.mesh.vertices + result.offset)
    outputs = output.record["outputs"] | {"mesh": str(target.resolve())}
    if previews is not None:
        sheet = previews / "contact_sheet.png"
        write_picture(sheet, result.picture)
        outputs["contact_sheet"] = str(sheet.resolve())
    output.record |= {"outputs": outputs, "vertices": len(source.vertices), "report": report}
    how = f"{output.record['seconds']} s on {output.record['device']}, job {result.status.id}"
    output.say(f"{target}: {len(source.vertices):,} vertices, {how}")
