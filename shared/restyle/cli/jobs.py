"""`restyle jobs`: see, follow, cancel, fetch and forget the jobs of a server."""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..client import Client, connect
from ..clipfile import Clip, write_clip
from ..errors import CancelledError, JobFailedError, ResourcesError
from ..kinds.curve import Curve
from ..kinds.frames import Frames
from ..kinds.mesh import Mesh
from ..kinds.model import Model
from ..meshfile import ply
from ..meshfile.polygons import Polygons
from ..modelfile import write_model
from ..outfile import check_new_folder, make_folder, write_atomically
from ..picturefile import write_picture
from ..protocol import JobStatus
from ..resultfile import ResultFile
from .follow import finished, follow, seconds
from .output import Output

LOG_LINES = 20


def run(arguments: argparse.Namespace, output: Output) -> int:
    """One action on a server's jobs."""
    if arguments.action == "fetch":
        check_new_folder(Path(arguments.output))
    with connect(arguments.server) as client:
        if arguments.action in (None, "list"):
            _list(client, output)
        else:
            _ACTIONS[arguments.action](client, arguments, output)
    return 0


def _list(client: Client, output: Output) -> None:
    jobs = client.jobs()
    output.record |= {"jobs": [_plain(status) for status in jobs]}
    if not jobs:
        output.say("No jobs.")
        return
    rows = [("ID", "JOB", "STATE", "DONE", "CREATED", "SECONDS")]
    for status in jobs:
        took = "" if (ran := seconds(status)) is None else f"{ran:.1f}"
        created = _shown("created", status.created)
        rows.append((status.id, status.name, status.state, f"{status.progress:.0%}", created, took))
    output.table(rows)


def _shown(name: str, value: Any) -> str:
    if name in ("created", "started", "finished"):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _show(client: Client, arguments: argparse.Namespace, output: Output) -> None:
    status = client.status(arguments.id)
    log = client.log(arguments.id)
    output.record |= _plain(status) | {"log": log}
    for name, value in _plain(status).items():
        if value not in (None, ""):
            output.say(f"{name}: {_shown(name, value)}")
    if lines := log.splitlines()[-LOG_LINES:]:
        output.say("\n".join([f"log (its last {len(lines)} lines; all of it with --json):", *lines]))


def _watch(client: Client, arguments: argparse.Namespace, output: Output) -> None:
    result = follow(client.job(arguments.id), output)
    finished(result, output)
    output.say(f"{arguments.id}: done. Its outputs: restyle jobs fetch {arguments.id} -o DIR")


def _cancel(client: Client, arguments: argparse.Namespace, output: Output) -> None:
    status = client.cancel(arguments.id)
    output.record |= _plain(status)
    ended = f"{status.id}: {status.state}"
    output.say(ended if status.ended else f"{status.id}: it will end within seconds")


def _fetch(client: Client, arguments: argparse.Namespace, output: Output) -> None:
    folder = Path(arguments.output)
    try:
        result = client.result(arguments.id)
    except (CancelledError, JobFailedError, ResourcesError) as error:
        kept = client.job(arguments.id).kept()
        if kept:
            _write_outputs(folder, kept, arguments.id, output)
            raise type(error)(f"{error.message} What it had shown is in {folder}.") from error
        raise
    finished(result, output)
    _write_outputs(folder, result.outputs, arguments.id, output)


def _write_outputs(folder: Path, outputs: Mapping[str, Any], job: str, output: Output) -> None:
    make_folder(folder)
    paths = {name: _write_output(folder / name, value) for name, value in outputs.items()}
    for path in paths.values():
        output.say(str(path))
    output.record |= {"job": job, "outputs": {name: str(path.resolve()) for name, path in paths.items()}}


def _forget(client: Client, arguments: argparse.Namespace, output: Output) -> None:
    client.forget(arguments.id)
    output.record |= {"job": arguments.id, "state": "forgotten"}
    output.say(f"{arguments.id}: forgotten")


def _plain(status: JobStatus) -> dict[str, Any]:
    """The status as the record has it everywhere: the id under "job"."""
    plain: dict[str, Any] = status.to_wire()
    return {"job": plain.pop("id")} | plain | {"seconds": seconds(status)}


def _write_output(stem: Path, value: Any) -> Path:
    """Write an output as the file that suits what it is, so that jobs which this version does not know work too."""
    if isinstance(value, Frames):
        path = stem
        write_clip(path, value, Clip(path, value))
    elif isinstance(value, ResultFile):
        path = stem.with_suffix(value.suffix)
        value.save(path)
    elif isinstance(value, Curve):
        path = stem.with_suffix(".npz")
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {"fps": np.array(value.fps), **value.series}
        np.savez_compressed(buffer, **arrays)
        write_atomically(path, buffer.getvalue())
    elif isinstance(value, np.ndarray):
        path = stem.with_suffix(".png")
        write_picture(path, value)
    elif isinstance(value, Mesh):
        path = stem.with_suffix(".ply")
        triangles = Polygons(value.faces.astype(np.int64).ravel(), np.full(len(value.faces), 3))
        write_atomically(path, ply.write(value.vertices.astype(np.float64), triangles, None))
    elif isinstance(value, Model):
        path = stem.with_suffix(".safetensors")
        write_model(path, value)
    elif isinstance(value, str):
        path = stem.with_suffix(".txt")
        write_atomically(path, value.encode())
    elif all(isinstance(array, np.ndarray) for array in value.values()):
        path = stem.with_suffix(".npz")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **value)
        write_atomically(path, buffer.getvalue())
    else:
        path = stem.with_suffix(".json")
        write_atomically(path, json.dumps(value, indent=1).encode())
    return path


_ACTIONS: dict[str, Callable[[Client, argparse.Namespace, Output], None]] = {
    "show": _show,
    "watch": _watch,
    "cancel": _cancel,
    "fetch": _fetch,
    "forget": _forget,
}
