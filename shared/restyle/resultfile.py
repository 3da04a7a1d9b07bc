"""A media file that a job made, while it is still on the server: brought to disk as it comes, in little memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from .channel import Channel
from .codec import check_description
from .errors import ProtocolError
from .kinds import frames, media
from .kinds.media import MovieFile
from .outfile import check_file, new_file
from .protocol import take
from .transfer import fetch_chunks, fetch_value

Fetch = Callable[[Callable[[Channel], Any]], Any]  # calls its argument with a connection, again if that breaks


@dataclass(frozen=True)
class ResultFile:
    """A movie or sound file among a job's results, for as long as the client is connected: the server keeps the bytes.

    suffix: its ending, such as ".mp4". size: its bytes. described: what the server says about it. timeout: seconds to
    wait for any one answer.
    """

    suffix: str
    size: int
    described: dict[str, Any] = field(repr=False)
    fetch: Fetch = field(repr=False)
    timeout: float = field(repr=False)

    @classmethod
    def of(cls, described: dict[str, Any], fetch: Fetch, timeout: float) -> Self:
        """The file that `described` stands for; ProtocolError if it does not come as one."""
        entries = [check_description(entry) for entry in take(described, "arrays", dict).values()]
        if len(entries) > media.MAX_PARTS or any(len(shape) != 1 or dtype != np.uint8 for dtype, shape, _ in entries):
            raise ProtocolError("A result that should be a file does not come as one.")
        size = sum(length for _, _, length in entries)
        media.check_size(size)
        suffix = take(described, "meta", dict).get("suffix")
        media.check_meta(suffix, None, None)
        return cls(str(suffix), size, described, fetch, timeout)

    @staticmethod
    def is_one(described: Mapping[str, Any]) -> bool:
        """Whether a described output is a media file."""
        meta = described.get("meta")
        return described.get("kind") == frames.NAME and isinstance(meta, dict) and "suffix" in meta

    def load(self) -> MovieFile:
        """All of it in memory; RetryableError for what came damaged, BlobMissingError if the server has it no more."""
        loaded: MovieFile = self.fetch(lambda channel: fetch_value(channel, self.described, self.timeout))
        return loaded

    def save(self, path: Path) -> None:
        """Write it to `path` as it comes, all of it or nothing.

        Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full, and what `load`
        does.
        """
        check_file(path)
        with new_file(path, self.size) as file:
            self.fetch(lambda channel: self._write(file, channel))

    def _write(self, file: IO[bytes], channel: Channel) -> None:
        file.seek(0)  # the connection may have broken in the midst of it
        for _, entry in sorted(self.described["arrays"].items()):
            for chunk in fetch_chunks(channel, entry, self.timeout):
                file.write(chunk.data)
