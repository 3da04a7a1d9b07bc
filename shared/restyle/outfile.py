"""Files and folders that are written: whether they can be is found out beforehand, by trying."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .errors import BadInputError, ResourcesError


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` beside `path` and rename it, so that nobody ever sees half a file.

    Raises BadInputError for a path that cannot be written, ResourcesError for a full disk.
    """
    temporary = _beside(path)
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourcesError(f"{path}: the disk is full. Free {len(data):,} bytes and try again.") from error
        raise BadInputError(f"{path}: it cannot be written: {error.strerror}.") from error


def check_file(path: Path) -> None:
    """Raise BadInputError unless a file can be written to `path`; what is there stays as it is."""
    _try(path, path)
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder; name a file in it.")


def check_folder(folder: Path) -> None:
    """Raise BadInputError unless files can be written into `folder`, or it can be made in the one that it is in."""
    _try(folder / "file" if folder.is_dir() else folder, folder)


def make_folder(folder: Path) -> None:
    """Make `folder` and those that it is in, if need be; BadInputError unless files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder}: this folder cannot be made: {error.strerror}.") from error
    check_folder(folder)


def _try(path: Path, named: Path) -> None:
    """Make the file that `write_atomically` would begin with: permissions alone do not tell (/proc, a network disk)."""
    temporary = _beside(path)
    try:
        temporary.touch()
        temporary.unlink()
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise BadInputError(f"{named}: the folder {path.parent} does not exist. Make it first.") from error
        raise _refused(named, path.parent, error) from error
    except OSError as error:
        raise _refused(named, path.parent, error) from error


def _refused(named: Path, folder: Path, error: OSError) -> BadInputError:
    return BadInputError(f"{named}: nothing can be written into the folder {folder}: {error.strerror}.")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
