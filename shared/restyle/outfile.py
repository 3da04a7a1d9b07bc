"""Files and folders that are written: whole or not at all, and tried beforehand.

What is being written is a hidden file beside the one that it becomes. A process that is killed leaves it there; the
next that looks whether it can write into that folder takes it away.
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import BadInputError, ResourcesError

PART = ".restyle-part"  # the ending of what is being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file beside `path` to write to, which takes its place if all goes well; else nothing is left of it.

    Raises OSError.
    """
    temporary, held = _begun(path)
    try:
        with held:
            yield temporary
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def new_file(path: Path, size: int) -> Iterator[IO[bytes]]:
    """A file to write `size` bytes into, which becomes the one at `path` if all goes well; else nothing is left of it.

    Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full.
    """
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            yield file
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourcesError(f"{path}: the disk is full. Free {size:,} bytes and try again.") from error
        raise BadInputError(f"{path}: it cannot be written: {error.strerror}.") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, all of it or nothing; errors as of `new_file`."""
    with new_file(path, len(data)) as file:
        file.write(data)


def check_file(path: Path) -> None:
    """Raise BadInputError unless a file can be written to `path`; what is there stays as it is."""
    _try(path, path)
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder; name a file in it.")


def check_folder(folder: Path) -> None:
    """Raise BadInputError unless files can be written into `folder`, or it can be made in the one that it is in."""
    _try(folder / "file" if folder.is_dir() else folder, folder)


def check_new_folder(folder: Path) -> None:
    """Raise BadInputError unless `make_folder` is likely to succeed; nothing is made yet."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir():
        raise BadInputError(f"{folder}: {'this' if nearest == folder else nearest} is a file; name a folder.")
    _try(nearest / "file", folder)


def make_folder(folder: Path) -> None:
    """Make `folder` and those that it is in, if need be; BadInputError unless files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder}: this folder cannot be made: {error.strerror}.") from error
    check_folder(folder)


def _try(path: Path, named: Path) -> None:
    """Make the file that `replacing` would begin with: permissions alone do not tell (/proc, a network disk)."""
    try:
        temporary, held = _begun(path)
        held.close()
        temporary.unlink(missing_ok=True)
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise BadInputError(f"{named}: the folder {path.parent} does not exist. Make it first.") from error
        raise _refused(named, path.parent, error) from error
    except OSError as error:
        raise _refused(named, path.parent, error) from error
    _clear(path.parent)


def _refused(named: Path, folder: Path, error: OSError) -> BadInputError:
    return BadInputError(f"{named}: nothing can be written into the folder {folder}: {error.strerror}.")


def _begun(path: Path) -> tuple[Path, IO[bytes]]:
    """The hidden file beside `path`, new and empty; as long as the other one, that holds it, is open, it is in use."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
        held = temporary.open("xb")
        with suppress(OSError):  # a file system without locks: nobody gets one, so nobody takes it away either
            _lock(held, wait=True)
        if os.fstat(held.fileno()).st_nlink:
            return temporary, held
        held.close()  # `_clear` of another process was faster than the lock


def _clear(folder: Path) -> None:
    """Remove what processes that were killed have left in `folder`."""
    for file in folder.glob(f".*{PART}"):
        with suppress(OSError):  # it is in use, or gone already
            if sys.platform == "win32":
                file.unlink()  # which the system itself refuses while it is in use
                continue
            with file.open("r+b") as held:
                _lock(held, wait=False)
                file.unlink()


def _lock(file: IO[bytes], *, wait: bool) -> None:
    """Hold `file` until it is closed, if only by the end of this process. Without waiting: OSError if another does."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
