"""Model files: safetensors in and out, such as a stored style."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import BadInputError, UsageError
from .kinds import model as model_kind
from .kinds.model import Model
from .meshfile import write_atomically
from .picturefile import check_folder_of, require_file

SUFFIX = ".safetensors"
PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".tar")
CONVERT = (
    "weights are read as safetensors only, since other formats can run code. Convert it, if you trust it: "
    'python -c "import sys, torch; from safetensors.torch import save_file; '
    'save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])" OLD NEW.safetensors'
)


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise UsageError or BadInputError unless a model can be written to `path`: its ending, a writable folder."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path}: models are written as {SUFFIX}. Choose that ending.")
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder; name a file in it.")
    check_folder_of(path)


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read a safetensors file; BadInputError names the file and what is wrong with it."""
    path = Path(path)
    require_file(path, "a model")
    try:
        return model_kind.decode(path.read_bytes())
    except BadInputError as error:
        wrong = CONVERT if path.suffix.lower() in PICKLED else error.message.removeprefix("model: ")
        raise BadInputError(f"{path}: {wrong}") from error


def write_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model as safetensors, all of it or nothing.

    Raises UsageError or BadInputError for a path that cannot be written or a model that is none, ResourcesError when
    the disk is full.
    """
    check_output(path)
    model_kind.validate(model)
    write_atomically(Path(path), model_kind.encode(model))
