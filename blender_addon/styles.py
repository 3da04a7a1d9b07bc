"""The artist's styles: files in the extension's own folder, one for each look that a result was made of.

So a style outlives the job that made it, and can be used in every file. Names are file names without their ending.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .restyle.errors import BadInputError

if TYPE_CHECKING:
    from .restyle import Model

SUFFIX = ".safetensors"
LABEL_LENGTH = 48
KEY = re.compile(r"[0-9a-f]{8}(-\d+){0,2}")  # what a style's name ends in

_listed: tuple[tuple[Path, int], list[str]] | None = None  # the folder, when it was changed, and the names then


def folder() -> Path:
    """Where they lie."""
    return Path(bpy.utils.extension_path_user(__package__, path="styles", create=True))


def names() -> list[str]:
    """The styles, newest first; the folder is looked into again when it has changed."""
    global _listed  # noqa: PLW0603
    place = folder()
    key = (place, place.stat().st_mtime_ns)
    if _listed is None or _listed[0] != key:
        files = sorted(place.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        _listed = (key, [file.stem for file in files])
    return _listed[1]


def key(job_id: str, variation: int, number: int) -> str:
    """What the name of a style ends in: the job that made it, and of which variation and object it is, from 1."""
    numbers = [variation, number] if number > 1 else [variation] if variation > 1 else []
    return "-".join([job_id[:8], *map(str, numbers)])


def with_key(key: str) -> str:
    """The style whose name ends so; empty if it is not there."""
    return next((name for name in names() if name.endswith(f" {key}")), "")


def label(name: str) -> str:
    """A style's name as an artist knows it, without what tells it from others of the same prompt."""
    head, _, tail = name.rpartition(" ")
    return head if head and KEY.fullmatch(tail) else name


def path_of(name: str) -> Path:
    """The file of a style, by its name or as a path; BadInputError if there is none."""
    if not name:
        raise BadInputError("Choose a style first: every stylized mesh leaves one.")
    path = Path(bpy.path.abspath(name)) if name.endswith(SUFFIX) else folder() / f"{name}{SUFFIX}"
    if not path.is_file():
        raise BadInputError(f"There is no style “{name}”. Choose another, or add its file.")
    return path


def add(path: Path) -> str:
    """Take a style's file into the folder; its name there. BadInputError if it is none."""
    Stored(path).get()
    made = folder() / _free_name(folder(), path.stem)
    try:
        shutil.copyfile(path, made)
    except OSError as error:
        raise BadInputError(f"{path} cannot be copied to {made.parent}: {error.strerror}.") from error
    return made.stem


def _free_name(place: Path, stem: str) -> str:
    name, count = f"{stem}{SUFFIX}", 1
    while (place / name).exists():
        count += 1
        name = f"{stem} {count}{SUFFIX}"
    return name


def remove(name: str) -> None:
    """Delete a style's file; BadInputError if it cannot be."""
    try:
        path_of(name).unlink()
    except OSError as error:
        raise BadInputError(f"“{name}” cannot be deleted: {error.strerror}.") from error


def keep(place: Path, key: str, owner: str, model: Model) -> Path:
    """Write the style that a job made into a folder, all of it or nothing. For the link's thread; may raise OSError.

    owner: the name of the object that it is of, where there are several.
    """
    from .restyle.kinds import model as kind

    about: Mapping[str, Any] = model.metadata.get("about") or {}
    words = _words(str(about.get("prompt") or "")) or ["style"]
    path = place / f"{' '.join([*words, *_words(owner), key])}{SUFFIX}"
    part = path.with_suffix(".part")
    try:
        part.write_bytes(kind.encode(model))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return path


def _words(text: str) -> list[str]:
    """A text as a part of a file's name."""
    words = "".join(sign if sign.isalnum() or sign in " -" else " " for sign in text)
    return " ".join(words.split())[:LABEL_LENGTH].split()


@dataclass(frozen=True)
class Stored:
    """A style's file on its way to a job."""

    path: Path

    def get(self) -> Model:
        """The style; BadInputError names the file if it is damaged."""
        from .restyle.kinds import model as kind

        try:
            return kind.decode(self.path.read_bytes())
        except OSError as error:
            raise BadInputError(f"{self.path.name} cannot be read: {error.strerror}.") from error
        except BadInputError as error:
            raise BadInputError(f"{self.path.name}: {error.message.removeprefix('model: ')}") from error

    def close(self) -> None:
        """Nothing is open."""
