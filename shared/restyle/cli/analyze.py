"""`restyle retime --analyze FOLDER`: curves and plots of every clip of a folder, and which of them are alike."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..alike import likenesses
from ..client import Result, connect
from ..errors import BadInputError, UsageError
from ..framemap import write_series
from ..jobs import declaration
from ..jobs.retime_clip import check_network
from ..kinds.curve import Curve
from ..moviefile import is_movie
from ..outfile import write_atomically
from ..picturefile import write_picture
from .follow import finished, follow_with_previews, preview_folder
from .output import Output
from .retime_inputs import JOB, names_of, network_of, parameters_of, read_source


def analyze(arguments: argparse.Namespace, output: Output) -> int:
    """Write a table and a plot per clip and analysis.json for all; one that cannot be read is named and left out."""
    folder, target = Path(arguments.analyze), arguments.output
    output.inputs = names_of(arguments)
    paths = _clips(arguments, folder)
    parameters = parameters_of(arguments, declaration(JOB)) | {"render": False, "features": True}
    network: dict[str, Any] = network_of(arguments)
    if network:
        check_network(network["network"])
    place = preview_folder(target)
    assert place is not None  # noqa: S101  for the type checker: _clips has seen to it
    found: dict[str, tuple[dict[str, Any], Curve]] = {}
    refused: dict[str, str] = {}
    with connect(arguments.server) as client:
        for path in paths:
            output.inputs["clip"] = output.subject = str(path)
            try:
                job = client.submit(JOB, clip=read_source(path, None), **network, **parameters)
                result = follow_with_previews(job, output, None)
            except BadInputError as error:
                if error.message.startswith("network: "):  # no clip's fault
                    raise
                refused[path.name] = output.named(error.message).removeprefix(f"{path}: ")
                output.warn(f"left out: {refused[path.name]}")
                continue
            report = finished(result, output)
            twins = sum(other.stem == path.stem for other in paths) > 1
            _write_clip(place / (path.name if twins else path.stem), result)
            found[path.name] = report, result.features
            client.job(job.id).forget()
    if not found:
        raise BadInputError(f"{folder}: none of its clips can be read.")
    _say(found, refused, place, output)
    return 0


def _clips(arguments: argparse.Namespace, folder: Path) -> list[Path]:
    for name in ("clip", "curve", "plot", "heat", "wav", "map", "fps", "minutes", "seed"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--analyze: it takes a folder of movies and -o DIR; leave {name} out.")
    if arguments.output is None:
        raise UsageError("-o DIR is missing: the folder for tables and plots.")
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder. Check the path.")
    paths = sorted(path for path in folder.iterdir() if is_movie(path) and not path.name.startswith("."))
    if not paths:
        raise BadInputError(f"{folder}: there are no movies in it.")
    return paths


def _write_clip(stem: Path, result: Result) -> None:
    names = {"speediness": [f"speediness_{rate:.2f}x" for rate in result.report["rates"]]}
    write_series(stem.with_name(f"{stem.name}.csv"), result.speeds.series, result.speeds.fps, names)
    write_picture(stem.with_name(f"{stem.name}.png"), result.picture)


def _say(found: dict[str, tuple[dict[str, Any], Curve]], refused: dict[str, str], place: Path, output: Output) -> None:
    names = list(found)
    alike = likenesses([curve for _, curve in found.values()])
    rows: list[Sequence[str]] = [("CLIP", "SECONDS", "METHOD", "SLOWEST", "FASTEST", "UNSURE", "CUTS", "MOST LIKE")]
    clips: dict[str, Any] = {}
    for name, matches in zip(names, alike):
        report = found[name][0]
        unsure = sum(last - first + 1 for first, last in report["unsure"]) / report["source_frames"]
        best = [f"{names[one.clip]} {one.score:.3f}, {one.at:.1f} s as its {one.there:.1f} s" for one in matches]
        cuts = str(len(report["cuts"]))
        seconds = f"{report['source_frames'] / report['fps']:.1f}"
        speeds = f"{report['slowest']:.2f}x", f"{report['fastest']:.2f}x"
        rows.append((name, seconds, report["method"], *speeds, f"{unsure:.0%}", cuts, best[0] if best else ""))
        clips[name] = report | {
            "similar": [
                {"clip": names[match.clip], "score": match.score, "seconds": match.at, "there": match.there}
                for match in matches
            ]
        }
    summary = {"clips": clips, "refused": refused}
    write_atomically(place / "analysis.json", json.dumps(summary, indent=1).encode())
    output.table(rows)
    done = {"state": "done", "outputs": {"folder": str(place.resolve())}, "warnings": output.warnings}
    output.record = done | summary
