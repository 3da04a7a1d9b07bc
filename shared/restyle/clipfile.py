"""Clips: numbered pictures in a folder, or a movie file (see moviefile.py), in and out.

A sequence is named by its folder, or by a pattern with the place of the number in it: renders/beauty.####.png or
renders/beauty.%04d.png. Frames that are missing from it are an error that names them: nothing would be worse than a
result that is silently shorter than the shot.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import moviefile, numbered, picturefile
from .errors import BadInputError, UsageError
from .kinds.frames import Frames, check_size
from .outfile import check_folder
from .picturefile import read_picture, write_picture

DEFAULT_FPS = 24.0

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
    return path.is_dir() or moviefile.is_movie(path) or (bool(numbered.PLACE.search(path.name)) and not path.exists())


def read_clip(path: str | os.PathLike[str], fps: float | None = None) -> Clip:
    """Read a clip whole; transparent parts of a picture are black.

    fps: of a sequence, 24 if not given; a movie knows its own.
    Raises BadInputError that names the file and, if one is missing, the frame.
    """
    path = Path(path)
    if moviefile.is_movie(path):
        return Clip(path, moviefile.read_movie(path))
    files = numbered.sequence(path, picturefile.SUFFIXES)
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


def check_output(target: Path, source: Path) -> None:
    """Raise UsageError or BadInputError unless a clip can be written to `target`, which must not be `source`."""
    check_folder(target)
    if moviefile.is_movie(target):
        moviefile.check_output(target)
    elif target.suffix.lower() in picturefile.SUFFIXES:
        raise UsageError(f"{target}: {source} is a clip; name a folder, or a {', '.join(moviefile.WRITABLE)} file.")
    elif target.exists() and not target.is_dir():
        raise BadInputError(f"{target}: this is a file; name a folder, or a {', '.join(moviefile.WRITABLE)} file.")
    folder = source if source.is_dir() or moviefile.is_movie(source) else source.parent
    if target.resolve() == folder.resolve():
        raise UsageError(f"{target}: the result would overwrite {source}. Choose another place.")


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
