"""What `restyle retime` reads before it looks for a server: the clip, the network, the parameters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..clipfile import is_clip, read_clip
from ..declare import JobDeclaration
from ..errors import BadInputError, UsageError
from ..kinds.frames import Frames, MovieFile
from ..kinds.model import Model
from ..modelfile import read_model
from ..moviefile import READABLE, is_movie
from ..picturefile import SUFFIXES
from .flags import given_parameters
from .output import of_flag

JOB = "retime_clip"


def read_source(path: Path, fps: float | None) -> Frames | MovieFile:
    """The clip: a movie as the file that it is, numbered pictures as pixels."""
    if is_movie(path):
        if path.is_dir():
            raise BadInputError(f"{path}: this is a folder, not a movie.")
        if fps is not None:
            raise UsageError(f"--fps: this is for numbered pictures; {path} knows its own rate.")
        return MovieFile.of(path)
    endings = {file.suffix.lower() for file in path.iterdir()} if path.is_dir() else set()
    if endings & set(READABLE) and not endings & set(SUFFIXES):
        raise BadInputError(f"{path}: this is a folder of movies. Name one of them; --analyze looks at all of them.")
    if not is_clip(path):
        there = "this is no clip" if path.exists() else "there is no such file"
        raise BadInputError(f"{path}: {there}. Name a movie, a folder of numbered pictures, or a pattern of them.")
    return read_clip(path, fps).frames


def names_of(arguments: argparse.Namespace) -> dict[str, str]:
    """What the caller knows the inputs by; `Output.inputs`."""
    names = {"lock": "--lock", "heat": "--heat"}
    names |= {} if arguments.clip is None else {"clip": arguments.clip}
    for name, path, flag in (("map", arguments.map, "--map"), ("network", arguments.weights, "--weights")):
        names |= {} if path is None else dict.fromkeys((name, str(Path(path))), of_flag(path, flag))
    return names


def network_of(arguments: argparse.Namespace) -> dict[str, Model]:
    """The input `network` if weights were named."""
    return {} if arguments.weights is None else {"network": read_model(arguments.weights)}


def parameters_of(arguments: argparse.Namespace, job: JobDeclaration) -> dict[str, Any]:
    """Those that were given; one length only."""
    parameters = given_parameters(arguments, job)
    if len(lengths := [f"--{name}" for name in ("speed", "duration", "frames") if name in parameters]) > 1:
        raise UsageError(f"{', '.join(lengths)}: give one of them.")
    return parameters
