"""Clips: numbered pictures in a folder, or a movie file (see moviefile.py), in and out.

A sequence is named by its folder, or by a pattern with the place of the number in it: renders/beauty.####.png or
renders/beauty.%04d.png. Frames that are missing from it are an error that names them: nothing would be worse than a
result that is silently shorter than the shot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from . import moviefile, picturefile
from .errors import BadInputError, UsageError
from .kinds.frames import Frames, check_size
from .picturefile import read_picture, write_picture

DEFAULT_FPS = 24.0
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")  # of a file's name: what is before its last number, that, what is after
_PLACE = re.compile(r"#+|%0?\d*d")

OnFrame = Callable[[float], None]  # called with the share that is done


@dataclass(frozen=True)
class Clip:
    """A clip as it stands in its file or folder.

    path: what the caller named. names: of the pictures of a sequence, in order; empty for a movie.
    """

    path: Path
    frames: Frames
    names: tuple[str, ...] = ()


def is_clip(path: str | os.PathLike[str]) -> bool:
    """Whether `path` means a clip rather than one picture: a folder, a pattern, or a movie by its ending."""
    path = Path(path)
    return path.is_dir() or moviefile.is_movie(path) or (bool(_PLACE.search(path.name)) and not path.exists())


def read_clip(path: str | os.PathLike[str], fps: float | None = None) -> Clip:
    """Read a clip whole; transparent parts of a picture are black.

    fps: of a sequence, 24 if not given; a movie knows its own.
    Raises BadInputError that names the file and, if one is missing, the frame.
    """
    path = Path(path)
    if moviefile.is_movie(path):
        return Clip(path, moviefile.read_movie(path))
    files = sequence(path)
    first = _opaque(files[0])
    check_size_of(path, len(files), *first.shape[:2])
    pixels = np.empty((len(files), *first.shape), np.uint8)
    for number, file in enumerate(files):
        picture = _opaque(file)
        if picture.shape != first.shape:
            size, wanted = (f"{p.shape[1]} x {p.shape[0]}" for p in (picture, first))
            raise BadInputError(f"{file}: it is {size}, but {files[0].name} is {wanted}. All frames need one size.")
        pixels[number] = picture
    return Clip(path, Frames(pixels, fps or DEFAULT_FPS), tuple(file.name for file in files))


def _opaque(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = read_picture(file)
    if picture.shape[2] == 3:
        return picture
    return np.rint(picture[..., :3] * (picture[..., 3:] / 255.0)).astype(np.uint8)


def check_size_of(path: Path, count: int, height: int, width: int) -> None:
    """Raise BadInputError that names `path` if that many frames of that size are too much."""
    try:
        check_size(count, height, width)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error.message.removeprefix('frames: ')}") from error


def sequence(path: Path) -> list[Path]:
    """The pictures of a numbered sequence in order; BadInputError if one is missing, or it is not one sequence."""
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder. Check the path.")
    found = _sequences(folder)
    if not path.is_dir():
        head, tail = (re.escape(part) for part in _PLACE.split(path.name, maxsplit=1))
        found = {
            key: files for key, files in found.items() if re.fullmatch(head, key[0]) and re.fullmatch(tail, key[1])
        }
    if not found:
        raise BadInputError(f"{path}: no numbered pictures such as frame.0001.png are there. Check the path.")
    if len(found) > 1:
        (one, *_), (other, *_) = list(found.values())[:2]
        raise BadInputError(
            f"{path}: more than one sequence is there, such as those of {one[1].name} and {other[1].name}. Name one: "
            f"{folder / _pattern(one[1].name)}"
        )
    numbered = sorted(next(iter(found.values())))
    _require_all(numbered)
    return [file for _, file in numbered]


def _sequences(folder: Path) -> dict[tuple[str, str], list[tuple[int, Path]]]:
    """Numbered picture files by what their names have before and after the number."""
    found: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for file in sorted(folder.iterdir()):
        match = _NUMBERED.fullmatch(file.stem)
        if match and file.suffix.lower() in picturefile.SUFFIXES and not file.name.startswith("."):
            found.setdefault((match[1], match[3] + file.suffix), []).append((int(match[2]), file))
    return found


def _pattern(name: str) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  a name, not a path
    match = _NUMBERED.fullmatch(stem)
    assert match is not None  # noqa: S101  for the type checker: it is of a sequence
    return f"{match[1]}{'#' * len(match[2])}{match[3]}{suffix}"


def _require_all(numbered: list[tuple[int, Path]]) -> None:
    """Every number from first to last, or every n-th if the shot was rendered that way throughout."""
    steps = [after[0] - before[0] for before, after in pairwise(numbered)]
    if 0 in steps:
        one, other = numbered[steps.index(0)][1], numbered[steps.index(0) + 1][1]
        raise BadInputError(f"{other}: it has the same number as {one.name}. Remove one of the two.")
    if len(set(steps)) > 1:
        gap = next(place for place, step in enumerate(steps) if step > min(steps))
        number, before = numbered[gap]
        match = _NUMBERED.fullmatch(before.stem)
        assert match is not None  # noqa: S101  for the type checker
        missing = f"{match[1]}{number + min(steps):0{len(match[2])}}{match[3]}{before.suffix}"
        raise BadInputError(
            f"{before.with_name(missing)}: this frame is missing between {before.name} and "
            f"{numbered[gap + 1][1].name}. Render it, or name a folder with the frames that belong together."
        )


def check_output(target: Path, source: Path) -> None:
    """Raise UsageError or BadInputError unless a clip can be written to `target`, which must not be `source`."""
    if moviefile.is_movie(target):
        moviefile.check_output(target)
    elif target.suffix.lower() in picturefile.SUFFIXES:
        raise UsageError(f"{target}: {source} is a clip; name a folder, or a {', '.join(moviefile.WRITABLE)} file.")
    elif target.exists() and not target.is_dir():
        raise BadInputError(f"{target}: this is a file; name a folder, or a {', '.join(moviefile.WRITABLE)} file.")
    folder = source if source.is_dir() or moviefile.is_movie(source) else source.parent
    if target.resolve() == folder.resolve():
        raise UsageError(f"{target}: the result would overwrite {source}. Choose another place.")
    picturefile.check_folder_of(target)


def write_clip(target: Path, frames: Frames, source: Clip, on_frame: OnFrame = lambda done: None) -> None:
    """Write a clip: into a folder as PNGs with the names of the source's, or as a movie with the source's sound.

    Raises BadInputError for a place that cannot be written, ResourcesError when the disk is full.
    """
    if moviefile.is_movie(target):
        moviefile.write_movie(target, frames, source.path if moviefile.is_movie(source.path) else None, on_frame)
        return
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{target}: this folder cannot be made: {error.strerror}.") from error
    names = source.names or [f"{number:04}" for number in range(1, len(frames) + 1)]
    for number, (name, picture) in enumerate(zip(names, frames.pixels), 1):
        write_picture(target / f"{Path(name).stem if source.names else name}.png", picture)
        on_frame(number / len(frames))
