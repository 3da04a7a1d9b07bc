"""What is made of a job's pictures and clips on the link's thread, so that Blender only has to take it in.

Pictures become PNG files in memory, which an image data block packs as they are; clips become numbered PNG files, since
a strip needs files. Neither is work for a tick of 4 ms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import rasters, retime_curve, styles
from .restyle.errors import ResourcesError
from .restyle.jobs import declaration

if TYPE_CHECKING:
    from .restyle.resultfile import ResultFile

MAX_LEVEL = 65_535  # of a picture of 16 bits
FILE_NAME = "{:05d}.png"
FRAME_PREVIEW = re.compile(r"frame \d+")  # the name of the preview of one frame


@dataclass(frozen=True)
class Picture:
    """A picture on its way into the file: its PNG or OpenEXR file, and its size in pixels.

    suffix: of such a file.
    """

    data: bytes
    width: int
    height: int
    suffix: str = ".png"


@dataclass(frozen=True)
class Clip:
    """A clip on its way into the sequencer: its numbered files in order, and its size in pixels."""

    files: tuple[Path, ...]
    width: int
    height: int


def prepare(job: str, folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The pictures and clips among a job's outputs, by name; frames and movie files are written into `folder`.

    Of a retimed clip there is also the curve of its speed, as the one of its `tiles`.

    values: the outputs, or the previews that a job left: those of single frames are then as much of the clip as there
    is, and others that are no outputs are left out. Raises ResourcesError if the files cannot be written.
    """
    from .restyle.resultfile import ResultFile

    kinds = {port.name: port.kind for port in declaration(job).outputs}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if kinds.get(name) == "image":
            found[name] = _picture(value)
        elif name == "field":
            found[name] = _coordinates(value, values["report"])
        elif kinds.get(name) == "frames":
            found[name] = _keep(folder, name, value) if isinstance(value, ResultFile) else _write(folder, value.pixels)
    clip = next((name for name, kind in kinds.items() if kind == "frames" and name not in found), None)
    frames = [values[name] for name in sorted(values) if FRAME_PREVIEW.fullmatch(name)]
    if clip is not None and frames:
        found[clip] = _write(folder, frames)
    if "speeds" in values:
        found["tiles"] = [retime_curve.draw(values["speeds"].series, values["report"])]
    return found


def _keep(folder: Path, name: str, movie: ResultFile) -> Path:
    """Write a movie or sound file into the folder, under the output's name."""
    file = folder / f"{name}{movie.suffix}"
    with _written_to(folder):
        movie.save(file)
    return file


def prepare_for_mesh(
    job_id: str, job: str, place: Path, names: Sequence[str], values: Mapping[str, Any]
) -> dict[str, Any]:
    """What the 3D View takes in of a job's outputs, by name: what vertices get, a sheet of variations, textures.

    Of variations there are also `tiles`: the part of the sheet that each one is on. `styles` are the names of those
    that were kept, by the numbers, from 1, of their variation and object.

    place: the folder for styles. names: of the objects that were sent.
    values: the outputs, or the previews that a job left.
    """
    ports = declaration(job).outputs
    found = {port.name: values[port.name] for port in ports if port.kind == "attributes" and port.name in values}
    if "variations" in values and "variations_picture" in values:
        sheet = values["variations_picture"]
        found["variations_picture"] = _picture(sheet)
        found["tiles"] = _tiles(sheet, len(values["report"]["variations"]))
    if "style" in values:
        found["styles"] = _kept_styles(job_id, place, names, values)
    if any(port.kind == "attributes" for port in ports):
        return found
    found |= {name: _picture(values[name]) for name in ("colors", "normals") if name in values}
    if "displacement" in values:
        found["displacement"] = _picture(_levels(values["displacement"]["displacement"][..., 0], values["report"]))
    return found


def _kept_styles(
    job_id: str, place: Path, names: Sequence[str], values: Mapping[str, Any]
) -> dict[tuple[int, int], str]:
    """Write the styles of a job into the folder, the first one last, since the newest is what the panel offers."""
    from .restyle.styleset import separate

    made = separate(values["styles"]) if "styles" in values else [values["style"]]
    kept = {}
    for model in reversed(made):
        about = model.metadata.get("about") or {}
        numbers = int(about.get("variation", 1)), int(about.get("object", 1))
        owner = names[numbers[1] - 1] if len(names) > 1 and numbers[1] <= len(names) else ""
        try:
            kept[numbers] = styles.keep(place, styles.key(job_id, *numbers), owner, model).stem
        except OSError as error:  # it costs the style and not the result
            print(f"Restyle: a style of {job_id} was not kept: {error}.")  # noqa: T201
    return kept


def surface(value: Mapping[str, Any]) -> dict[str, Any]:
    """A preview of what vertices get as `results.write` takes it, so that the main thread has but to copy it."""
    import numpy as np

    found = {"offset": value["offset"]} if "offset" in value else {}
    if "colors" in value:
        found["colors"] = np.ones((len(value["colors"]), 4), np.float32)
        found["colors"][:, :3] = value["colors"]
    return found


def _picture(pixels: Any) -> Picture:
    return Picture(rasters.png(pixels), pixels.shape[1], pixels.shape[0])


def _coordinates(field: Mapping[str, Any], report: Mapping[str, Any]) -> Picture:
    """Where each pixel comes from, as texture coordinates: red to the right, green up, of the appearance picture."""
    import numpy as np

    height, width = report["appearance_size"]
    values = np.zeros((*field["row"].shape[:2], 3), np.float32)
    values[..., 0] = (field["column"][..., 0] + 0.5) / width
    values[..., 1] = 1 - (field["row"][..., 0] + 0.5) / height
    return Picture(rasters.exr(values), values.shape[1], values.shape[0], ".exr")


def _levels(heights: Any, report: Mapping[str, Any]) -> Any:
    """Displacement (H, W), object units, as the 16 bits of a picture."""
    import numpy as np

    raised = heights.astype(np.float64) / (report["scale"] or 1.0) + report["midlevel"]
    return np.clip(np.round(raised * MAX_LEVEL), 0, MAX_LEVEL).astype(np.uint16)


def _tiles(sheet: Any, count: int) -> list[Any]:
    columns = math.ceil(math.sqrt(count))
    height, width = sheet.shape[0] // math.ceil(count / columns), sheet.shape[1] // columns
    places = [divmod(number, columns) for number in range(count)]
    return [sheet[height * row : height * (row + 1), width * column : width * (column + 1)] for row, column in places]


def _write(folder: Path, frames: Sequence[Any]) -> Clip:
    files = tuple(folder / FILE_NAME.format(number) for number in range(1, len(frames) + 1))
    with _written_to(folder):
        for file, frame in zip(files, frames):
            file.write_bytes(rasters.png(frame))
    return Clip(files, frames[0].shape[1], frames[0].shape[0])


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ResourcesError(
            f"The result cannot be written to {folder}: {error.strerror}. Make room or save the file elsewhere, then "
            "fetch it by its job id; the server keeps it for a week."
        ) from error
