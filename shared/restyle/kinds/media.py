"""The second form of the kind `frames`: a media file as it is, for clips whose pixels would be too many to travel."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..outfile import check_file, new_file
from .packed import Packed, require_array

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wav")
MAX_BYTES = 4 << 30  # 16 parts, each as large as a blob may be
PART_BYTES = 64 << 20
MAX_PARTS = 16


@dataclass(frozen=True)
class MovieFile:
    """A movie or sound file, not decoded; whoever uses it must bear that it may be damaged, or none at all.

    parts: its bytes in order, (n,) uint8 each; of a file on this machine they are memory-mapped.
    suffix: its ending, such as ".mp4". first, last: the only frames that are meant, counted from 0; None: from the
    first, to the last that there is.
    """

    parts: tuple[NDArray[np.uint8], ...]
    suffix: str
    first: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, path: str | os.PathLike[str], first: int | None = None, last: int | None = None) -> Self:
        """The file at `path`, which must not change while this is in use; BadInputError that names it if it cannot."""
        path = Path(path)
        try:
            size = path.stat().st_size
            check_size(size)
            whole = np.memmap(path, np.uint8, "r", shape=(size,))
        except BadInputError as error:
            raise BadInputError(f"{path}: {error.message.removeprefix('frames: ')}") from error
        except OSError as error:
            raise BadInputError(f"{path}: it cannot be read ({error.strerror}). Check the path.") from error
        step = max(PART_BYTES, math.ceil(size / MAX_PARTS))
        value = cls(tuple(whole[at : at + step] for at in range(0, size, step)), path.suffix.lower(), first, last)
        validate(value)
        return value

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(len(part) for part in self.parts)

    def open(self) -> IO[bytes]:
        """A file object over its bytes that can be sought and read, without a copy of the whole."""
        return io.BufferedReader(_Parts(self.parts))

    def save(self, path: Path) -> None:
        """Write it to `path`, all of it or nothing.

        Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full.
        """
        check_file(path)
        with new_file(path, self.size) as file:
            for part in self.parts:
                file.write(part.data)


class _Parts(io.RawIOBase):
    """The parts one after another, with a place where reading goes on."""

    def __init__(self, parts: tuple[NDArray[np.uint8], ...]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: int(self._starts[-1])}[whence]
        if start + offset < 0:
            raise OSError(22, "before the start of the file")  # EINVAL, as of a real file
        self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        number = int(np.searchsorted(self._starts, self._place, side="right")) - 1
        if number >= len(self._parts):
            return 0
        inside = self._place - int(self._starts[number])
        chunk = self._parts[number][inside : inside + len(buffer)]
        buffer[: len(chunk)] = chunk.data
        self._place += len(chunk)
        return len(chunk)


def check_size(size: int) -> None:
    """Raise BadInputError for an empty file, or one of too many bytes; asked before any is read."""
    if size == 0:
        raise BadInputError("frames: the movie file is empty. Export or copy it again.")
    if size > MAX_BYTES:
        raise BadInputError(
            f"frames: a movie file of {size:,} bytes is over the limit of {MAX_BYTES:,}. Cut it, or export a smaller "
            "copy."
        )


def validate(value: MovieFile) -> None:
    """Raise BadInputError unless it has bytes, bearably many, a known ending, and frames that can be meant."""
    if not isinstance(value.parts, tuple) or len(value.parts) > MAX_PARTS:
        raise BadInputError(f"frames: a movie file comes as a tuple of 1 to {MAX_PARTS} parts.")
    for part in value.parts:
        require_array("frames", "part", part, (None,), ("uint8",))
        if len(part) == 0:
            raise BadInputError("frames: a part of the movie file is empty.")
    check_size(value.size)
    check_meta(value.suffix, value.first, value.last)


def check_meta(suffix: object, first: object, last: object) -> None:
    """Raise BadInputError unless the ending is a known one, and the frames can be meant."""
    if suffix not in SUFFIXES:
        raise BadInputError(f"frames: the ending {suffix!r} is not one of {', '.join(SUFFIXES)}.")
    for name, frame in (("first", first), ("last", last)):
        if frame is not None and (type(frame) is not int or not 0 <= frame < 2**31):
            raise BadInputError(f"frames: {name} is {frame!r}; frames are counted from 0.")
    if isinstance(first, int) and isinstance(last, int) and last < first:
        raise BadInputError(f"frames: the last frame, {last}, lies before the first, {first}.")


def pack(name: str, value: MovieFile) -> Packed:
    """The parts as arrays, under the name of the kind."""
    meta = {"suffix": value.suffix, "first": value.first, "last": value.last}
    return Packed(name, meta, {f"part{number:02}": part for number, part in enumerate(value.parts)})


def unpack(packed: Packed) -> MovieFile:
    """The file again, validated."""
    parts = tuple(packed.arrays[name] for name in sorted(packed.arrays))
    value = MovieFile(parts, packed.meta["suffix"], packed.meta.get("first"), packed.meta.get("last"))
    validate(value)
    return value
