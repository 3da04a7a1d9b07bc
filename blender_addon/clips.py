"""Frames of a strip's movie or pictures, read by a second Blender while this one goes on. For the link's thread.

Passes that were rendered with them are read here, a file at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import rasters
from .clip_reader import content_index
from .restyle.errors import BadInputError, ResourcesError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READER = Path(__file__).with_name("clip_reader.py")
LAST_WORDS = 300  # characters of the reader's complaint that are shown


@dataclass(frozen=True)
class Request:
    """Which frames of which files.

    name: of the strip, for messages. kind: MOVIE or IMAGE. files: the movie, or the pictures in order.
    ahead: how many frames of the strip were cut off before its first one. length: how many frames it shows.
    total: how long it would be uncut; skip, skip_end: how much of the content it leaves out altogether.
    reverse: whether it is played backwards. percent: of the pictures' size, at which they are to be read.
    """

    name: str
    kind: str
    files: tuple[str, ...]
    ahead: int
    length: int
    total: int
    skip: int
    skip_end: int
    reverse: bool
    percent: int = 100


class Reading:
    """Frames on their way: `get` gives (N, H, W, 3) uint8 sRGB once they are there, and None until then.

    blender: the program, empty where Blender runs as a module of `sys.executable`.
    Whoever stops waiting calls `close`.
    """

    def __init__(self, request: Request, blender: str) -> None:
        self._request = request
        self._folder = Path(tempfile.mkdtemp(prefix="restyle-clip-"))
        (self._folder / "request.json").write_text(json.dumps(asdict(request)))
        options = ["--background", "--factory-startup", "--python-exit-code", "3", "--python", str(READER), "--"]
        command = [blender, *options] if blender else [sys.executable, str(READER)]
        (self._folder / "user").mkdir()  # so that the second Blender starts without the artist's add-ons
        environment = os.environ | {"BLENDER_USER_RESOURCES": str(self._folder / "user")}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def get(self) -> NDArray[np.uint8] | None:
        """The frames, or None; BadInputError if the files cannot be read."""
        if self._process.poll() is None:
            return None
        try:
            if not (self._folder / "done.json").exists():
                raise BadInputError(f"“{self._request.name}” cannot be read: {self._last_words()}")
            return self._frames(json.loads((self._folder / "done.json").read_text()))
        finally:
            self.close()

    def _frames(self, indices: list[int]) -> NDArray[np.uint8]:
        import numpy as np

        first = rasters.read_targa(self._folder / f"frame_{indices[0]}.tga")
        try:
            frames = np.empty((len(indices), *first.shape), np.uint8)
        except MemoryError as error:
            raise ResourcesError(f"“{self._request.name}” does not fit into memory. Cut it into pieces.") from error
        for number, index in enumerate(indices):
            frames[number] = rasters.read_targa(self._folder / f"frame_{index}.tga")
        return frames

    def _last_words(self) -> str:
        lines: Iterator[str] = reversed((self._folder / "log").read_text(errors="replace").splitlines())
        said = next((line for line in lines if line.strip()), "Blender ended without a word.")
        return said.strip()[-LAST_WORDS:]

    def close(self) -> None:
        """Stop reading and leave nothing behind."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Clip:
    """The frames as the kind `frames`, at `fps` frames per second."""

    reading: Reading
    fps: float

    def get(self) -> Any | None:
        """The clip, or None while it is being read."""
        from .restyle import Frames

        pixels = self.reading.get()
        return None if pixels is None else Frames(pixels, self.fps)

    def close(self) -> None:
        """Stop reading."""
        self.reading.close()


class Passes:
    """The render passes of the frames that a strip shows, from OpenEXR files: one for each picture of the strip.

    A single file stands for all frames.
    """

    def __init__(self, request: Request, files: Sequence[Path], layer: str = "") -> None:
        """Raises BadInputError if there are not as many files as the strip has pictures."""
        from .restyle.exrfile import FramePasses

        pictures = len(request.files) if request.kind == "IMAGE" else len(files)
        if len(files) not in (1, pictures):
            raise BadInputError(
                f"{len(files)} files such as {files[0].name} are in {files[0].parent}, but “{request.name}” has "
                f"{pictures} pictures. Render the passes of all of them."
            )
        count = max(1, len(files) - request.skip - request.skip_end)
        shown = (content_index(number, asdict(request), count) for number in range(request.length))
        self._passes = FramePasses([files[0] if len(files) == 1 else files[index] for index in shown], layer)

    def get(self) -> dict[str, NDArray[Any]] | None:
        """The passes (N, H, W, C) by name, or None: each call reads one file more."""
        return None if self._passes.read_one() else self._passes.get()

    def close(self) -> None:
        """Nothing is kept elsewhere."""


@dataclass(frozen=True)
class Still:
    """The first of the frames, as a picture."""

    reading: Reading

    def get(self) -> NDArray[np.uint8] | None:
        """The picture, or None while it is being read."""
        pixels = self.reading.get()
        return None if pixels is None else pixels[0]

    def close(self) -> None:
        """Stop reading."""
        self.reading.close()
