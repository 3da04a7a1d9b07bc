"""What is made of a job's pictures and clips on the link's thread, so that Blender only has to take it in.

Pictures become PNG files in memory, which an image data block packs as they are; clips become numbered PNG files, since
a strip needs files. Neither is work for a tick of 4 ms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import rasters
from .restyle.errors import ResourcesError
from .restyle.jobs import declaration

FILE_NAME = "{:05d}.png"
FRAME_PREVIEW = re.compile(r"frame \d+")  # the name of the preview of one frame


@dataclass(frozen=True)
class Picture:
    """A picture on its way into the file: its PNG, and its size in pixels."""

    png: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Clip:
    """A clip on its way into the sequencer: its numbered files in order, and its size in pixels."""

    files: tuple[Path, ...]
    width: int
    height: int


def prepare(job: str, folder: Path, values: Mapping[str, Any]) -> dict[str, Picture | Clip]:
    """The pictures and clips among a job's outputs, by name; frames are written into `folder`.

    values: the outputs, or the previews that a job left: those of single frames are then as much of the clip as there
    is, and others that are no outputs are left out. Raises ResourcesError if the files cannot be written.
    """
    kinds = {port.name: port.kind for port in declaration(job).outputs}
    found: dict[str, Picture | Clip] = {}
    for name, value in values.items():
        if kinds.get(name) == "image":
            found[name] = Picture(rasters.png(value), value.shape[1], value.shape[0])
        elif kinds.get(name) == "frames":
            found[name] = _write(folder, value.pixels)
    clip = next((name for name, kind in kinds.items() if kind == "frames" and name not in found), None)
    frames = [values[name] for name in sorted(values) if FRAME_PREVIEW.fullmatch(name)]
    if clip is not None and frames:
        found[clip] = _write(folder, frames)
    return found


def _write(folder: Path, frames: Sequence[Any]) -> Clip:
    files = tuple(folder / FILE_NAME.format(number) for number in range(1, len(frames) + 1))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, frame in zip(files, frames):
            file.write_bytes(rasters.png(frame))
    except OSError as error:
        raise ResourcesError(
            f"The frames cannot be written to {folder}: {error.strerror}. Make room or save the file elsewhere, then "
            "fetch the result by its job id; the server keeps it for a week."
        ) from error
    return Clip(files, frames[0].shape[1], frames[0].shape[0])
