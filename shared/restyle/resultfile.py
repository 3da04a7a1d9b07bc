"""A media file that a job made, while it is still on the server: brought to disk as it comes, in little memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .channel import Channel
from .codec import check_description
from .errors import ProtocolError
from .kinds import frames, media
from .kinds.media import MovieFile
from .protocol import take
from .transfer import fetch_chunks, fetch_value

Fetch = Callable[[Callable[[Channel], Any]], Any]  # calls its argument with a connection, again if that breaks


class ResultFile(MovieFile):
    """A movie or sound file among a job's results.

    `save` writes it as it comes; only what needs its bytes (`parts`, `open`) loads it into memory, once. Both need the
    client to be connected: it is the server that keeps the file.
    """

    _described: dict[str, Any]
    _entries: tuple[Any, ...]  # of the arrays that it comes in, in order
    _size: int
    _fetch: Fetch
    _timeout: float

    def __init__(self, described: dict[str, Any], fetch: Fetch, timeout: float) -> None:
        meta, arrays = take(described, "meta", dict), take(described, "arrays", dict)
        entries = tuple(arrays[name] for name in sorted(arrays))
        known = [check_description(entry) for entry in entries]
        if len(known) > media.MAX_PARTS or any(len(shape) != 1 or dtype != np.uint8 for dtype, shape, _ in known):
            raise ProtocolError("A result that should be a file does not come as one.")
        size = sum(length for _, _, length in known)
        media.check_size(size)
        named = {name: meta.get(name) for name in ("suffix", "first", "last")}
        media.check_meta(**named)
        # Past the parent's constructor, which wants the bytes, and its `__setattr__`, since it is frozen.
        self.__dict__.update(named, _described=described, _entries=entries, _size=size, _fetch=fetch, _timeout=timeout)

    @staticmethod
    def is_one(described: Mapping[str, Any]) -> bool:
        """Whether a described output is a media file."""
        meta = described.get("meta")
        return described.get("kind") == frames.NAME and isinstance(meta, dict) and "suffix" in meta

    def __repr__(self) -> str:
        return f"ResultFile({self.suffix}, {self.size:,} bytes on the server)"

    @cached_property
    def parts(self) -> tuple[NDArray[np.uint8], ...]:
        """Its bytes in order, in memory."""
        loaded: MovieFile = self._fetch(lambda channel: fetch_value(channel, self._described, self._timeout))
        return loaded.parts

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._size

    def save(self, path: Path) -> None:
        """Write it to `path`, all of it or nothing, from the server or, if it was loaded, from memory.

        Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full, RetryableError for
        what came damaged, BlobMissingError if the server has it no more.
        """
        if "parts" in self.__dict__:
            super().save(path)
            return
        with media.new_file(path, self.size) as file:
            self._fetch(lambda channel: self._write(file, channel))

    def _write(self, file: IO[bytes], channel: Channel) -> None:
        file.seek(0)
        file.truncate()  # the connection may have broken in the midst of it
        for entry in self._entries:
            for chunk in fetch_chunks(channel, entry, self._timeout):
                file.write(chunk.data)
