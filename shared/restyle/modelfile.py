"""Model files: safetensors in and out, such as a stored style."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UsageError
from .kinds import model as model_kind
from .kinds.model import Model
from .outfile import check_file, write_atomically
from .picturefile import require_file

SUFFIX = ".safetensors"


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise UsageError or BadInputError unless a model can be written to `path`: its ending, a writable folder."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path}: models are written as {SUFFIX}. Choose that ending.")
    check_file(path)


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read a safetensors file; BadInputError names the file and what is wrong with it."""
    path = Path(path)
    require_file(path, "a model")
    return model_kind.read(path)


def write_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model as safetensors, all of it or nothing.

    Raises UsageError or BadInputError for a path that cannot be written or a model that is none, ResourcesError when
    the disk is full.
    """
    check_output(path)
    model_kind.validate(model)
    write_atomically(Path(path), model_kind.encode(model))
