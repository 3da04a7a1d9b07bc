"""`restyle retime`: a clip in exactly the length asked for, faster where nothing hurries; or only the plan of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..client import Client, Result, connect
from ..errors import UsageError
from ..framemap import read_table, write_table
from ..jobs import declaration
from ..jobs.retime_clip import CONTAINERS, check_network
from ..kinds.curve import Curve
from ..outfile import check_file
from ..picturefile import write_picture
from ..words import counted
from .follow import finished, follow_with_previews, writing
from .output import Output
from .retime_inputs import JOB, names_of, network_of, parameters_of, read_source

ENDINGS = {"movie": tuple(f".{name}" for name in CONTAINERS), "plot": (".png",), "curve": (".csv",), "heat": (".mp4",)}
ENDINGS["sound"] = (".wav",)
# Parameters that matter for a given frame map, or are refused with it by the job's own check.
WITH_MAP = ("blend", "sound", "mute_above", "render", "heat", "wav", "container", "lock")


@dataclass(frozen=True)
class _Call:
    """What was asked for. files: where each output goes. inputs, parameters: of the job."""

    source: Path
    files: dict[str, Path]
    inputs: dict[str, Any]
    parameters: dict[str, Any]


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Everything that can be wrong is checked before a server is looked for or started."""
    if arguments.analyze is not None and arguments.train is None:
        from .analyze import analyze

        return analyze(arguments, output)
    if arguments.train is not None:
        from .retime_train import train

        return train(arguments, output)
    for name in ("minutes", "seed"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name}: this is for --train only.")
    call = _read(arguments, output)
    with connect(arguments.server) as client:
        retime(client, call, output)
    return 0


def retime(client: Client, call: _Call, output: Output) -> None:
    """Run the job and write what it made."""
    job = client.submit(JOB, **call.inputs, **call.parameters)
    result = follow_with_previews(job, output, None)
    with writing(job, output):
        _write(result, call, output)


# Before the job


def _read(arguments: argparse.Namespace, output: Output) -> _Call:
    if arguments.clip is None:
        raise UsageError("CLIP is missing: the movie, or the folder of numbered pictures, that is retimed.")
    job = declaration(JOB)
    output.inputs = names_of(arguments)
    source = Path(arguments.clip)
    files = _files(arguments, source)
    parameters = parameters_of(arguments, job) | {
        "render": "movie" in files,
        "heat": "heat" in files,
        "wav": "sound" in files,
    }
    if "movie" in files:
        parameters["container"] = files["movie"].suffix.lower().removeprefix(".")
    inputs: dict[str, Any] = {"clip": read_source(source, arguments.fps)}
    if arguments.map is not None:
        _check_map(parameters)
        inputs["map"] = Curve({"source": read_table(Path(arguments.map))}, 24.0)
    inputs |= network_of(arguments)
    job.check_together(job.check_parameters(parameters), set(inputs))
    if "network" in inputs:
        check_network(inputs["network"])
    return _Call(source, files, inputs, parameters)


def _check_map(parameters: dict[str, Any]) -> None:
    """What is given beside a frame map must still change something; UsageError names what does not."""
    if idle := [name for name in parameters if name not in WITH_MAP]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise UsageError(f"{flags}: --map says for every frame what is shown, so leave this out.")


def _files(arguments: argparse.Namespace, source: Path) -> dict[str, Path]:
    """The file of each output that is wanted, checked to be writable."""
    wanted = {
        "movie": arguments.output,
        "curve": arguments.curve,
        "plot": arguments.plot,
        "heat": arguments.heat,
        "sound": arguments.wav,
    }
    files = {name: Path(path) for name, path in wanted.items() if path is not None}
    if not files:
        raise UsageError("-o OUT is missing: the movie to write; or --curve, --plot, --wav or --heat for these alone.")
    for name, path in files.items():
        if path.suffix.lower() not in ENDINGS[name]:
            choose = "that ending" if len(ENDINGS[name]) == 1 else "one of these endings"
            raise UsageError(f"{path}: this is written as {', '.join(ENDINGS[name])}. Choose {choose}.")
        if path.resolve() == source.resolve():
            raise UsageError(f"{path}: the result would overwrite the clip. Choose another name.")
        check_file(path)
    if len({path.resolve() for path in files.values()}) < len(files):
        raise UsageError("Two outputs have the same name. Give each its own.")
    return files


# After the job


def _write(result: Result, call: _Call, output: Output) -> None:
    report = finished(result, output)
    written: dict[str, Path] = {}
    for name, path in call.files.items():
        if name == "curve":
            write_table(path, result.plan.series["source"], result.speeds.series["speed"], result.plan.fps)
        elif name == "plot":
            write_picture(path, result.picture)
        elif name in result.outputs:  # no sound, or no map: a warning has said why
            result.outputs[name].save(path)
        else:
            continue
        written[name] = path
    output.record |= {"outputs": {name: str(path.resolve()) for name, path in written.items()}, "report": report}
    frames = counted(report["frames"], "frame")
    made = f"{frames}, {report['length']:.2f} s, {report['speed']:.3g}x by {report['method']}"
    how = f"made in {output.record['seconds']} s on {output.record['device']}, job {result.status.id}"
    output.say(f"{', '.join(map(str, written.values())) or call.source}: {made}, {how}")
