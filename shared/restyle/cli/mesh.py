"""`restyle mesh`: mesh files and what they shall look like in, mesh files with colours and displaced vertices out."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..client import Result, connect
from ..errors import UsageError
from ..jobs import declaration
from ..jobs.stylize_mesh import IMAGES, PROMPTS, TARGET_MESHES, variation
from ..meshfile import check_output, write_mesh
from ..modelfile import check_output as check_model_output
from ..modelfile import write_model
from ..picturefile import write_picture
from ..styleset import separate
from .flags import given_parameters
from .follow import finished, follow_with_previews, preview_folder, writing
from .mesh_inputs import Subject, names_of, read_subject, read_targets
from .output import Output


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Everything that can be wrong is checked before a server is looked for or started."""
    job_declaration = declaration("stylize_mesh")
    output.inputs = names_of(arguments)
    target = Path(arguments.output)
    check_output(target)
    if arguments.style is not None:
        check_model_output(arguments.style)
    parameters = _parameters(arguments)
    checked = job_declaration.check_parameters(parameters)
    previews = preview_folder(arguments.preview)
    inputs = read_targets(arguments)
    subject = read_subject(arguments, output)
    if subject.attributes:
        inputs["vertex_attributes"] = subject.attributes
    job_declaration.check_together(checked, {"mesh", *inputs})
    with connect(arguments.server) as client:
        job = client.submit(job_declaration.name, mesh=subject.mesh, **inputs, **parameters)
        result = follow_with_previews(job, output, previews)
    with writing(job, output):
        _write(result, subject, arguments, previews, output)
    return 0


def _parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    weighed = ((PROMPTS, "prompt_weight"), (IMAGES, "image_weight"), (TARGET_MESHES, "target_mesh_weight"))
    for names, flag in weighed:
        given = getattr(arguments, flag) or []
        if len(given) > len(names):
            raise UsageError(f"--{flag.replace('_', '-')}: there may be {len(names)} of them, not {len(given)}.")
        for name, weight in itertools.zip_longest(names, given):
            setattr(arguments, f"{name}_weight", weight)
    parameters: dict[str, Any] = given_parameters(arguments, declaration("stylize_mesh"))
    if arguments.object_prompt:
        if len(arguments.object_prompt) > 1 + len(arguments.object):
            raise UsageError(
                "--object-prompt: there are more of them than meshes. Name the other meshes with --object."
            )
        parameters["object_prompts"] = "\n".join(arguments.object_prompt)
    return parameters


def _write(
    result: Result, subject: Subject, arguments: argparse.Namespace, previews: Path | None, output: Output
) -> None:
    report, target = finished(result, output), Path(arguments.output)
    outputs = output.record["outputs"]
    written = _write_objects(target, subject, result.attributes)
    outputs["mesh"] = written[0]
    if len(written) > 1:
        outputs["objects"] = written
    if "variations" in result.outputs:
        made = [
            _write_objects(
                target.with_stem(f"{target.stem}.variation_{number}"), subject, variation(result.variations, number)
            )
            for number in range(1, len(report["variations"]) + 1)
        ]
        outputs["variations"] = [paths[0] for paths in made]
        if len(written) > 1:
            outputs["variation_objects"] = [path for paths in made for path in paths]
        sheet = target.with_name(f"{target.stem}.variations.png")
        write_picture(sheet, result.variations_picture)
        outputs["variations_picture"] = str(sheet.resolve())
    if arguments.style is not None:
        outputs |= _write_styles(Path(arguments.style), result)
    if previews is not None:
        sheet = previews / "contact_sheet.png"
        write_picture(sheet, result.picture)
        outputs["contact_sheet"] = str(sheet.resolve())
    count = sum(len(file.vertices) for file in subject.files)
    output.record |= {"outputs": outputs, "vertices": count, "report": report}
    how = f"{output.record['seconds']} s on {output.record['device']}, job {result.status.id}"
    output.say(f"{target}: {count:,} vertices, {how}")
    lists = [[value] if isinstance(value, str) else value for name, value in outputs.items() if name != "previews"]
    if beside := dict.fromkeys(path for paths in lists for path in paths if path != written[0]):
        output.say(f"also: {', '.join(path.removeprefix(f'{Path.cwd()}{os.sep}') for path in beside)}")


def _write_styles(target: Path, result: Result) -> dict[str, Any]:
    """The first style, and those of further variations and objects beside it, named as their meshes are."""
    write_model(target, result.style)
    written = [target]
    for style in separate(result.outputs["styles"])[1:] if "styles" in result.outputs else ():
        variation, number = (style.metadata["about"][name] for name in ("variation", "object"))
        stem = target.stem + (f".variation_{variation}" if variation > 1 else "")
        written.append(target.with_stem(stem + (f".{number}" if number > 1 else "")))
        write_model(written[-1], style)
    paths = [str(path.resolve()) for path in written]
    return {"style": paths[0]} | ({"styles": paths} if len(paths) > 1 else {})


def _write_objects(target: Path, subject: Subject, attributes: dict[str, NDArray[Any]]) -> list[str]:
    """The mesh itself, and further objects beside it: OUT.2.ply for the second."""
    written = []
    for number, (file, rows) in enumerate(zip(subject.files, subject.rows), 1):
        path = target if number == 1 else target.with_stem(f"{target.stem}.{number}")
        offset = attributes["offset"][rows]
        # Adding nothing would still turn -0 into 0: what stays in its place keeps its bits.
        moved = np.where(offset == 0, file.mesh.vertices, file.mesh.vertices + offset)
        write_mesh(path, file, attributes["colors"][rows], moved)
        written.append(str(path.resolve()))
    return written
