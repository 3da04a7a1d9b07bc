"""What a strip shows of its file, frame by frame, as far as retiming has to know it; and which strips cannot be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, strips
from .restyle.errors import BadInputError

RECORD = "restyle_retime"  # on a retimed strip: how it was before, as JSON
MARK = "restyle_retime_of"  # on a strip that was made to retime another
SAME_RATE = 1e-3  # relative difference of frame rates that are taken for one
ROUNDING = 1e-6  # frames, of products that should be whole


@dataclass(frozen=True)
class Showing:
    """The part of a movie or of numbered pictures that a strip shows; frames of the file are counted as it is played.

    kind: MOVIE or IMAGE. files: the movie, or the pictures in order. reverse: whether it is played backwards.
    skip, skip_end: frames at the file's start and end that the strip leaves out for good; content: those between.
    ahead: frames of the timeline that were cut off before the strip's first. length: frames of the timeline it takes.
    rate: frames of the file per frame of the timeline. fps: frames of the file per second.
    first, count: the frames of the content that it runs through.
    """

    kind: str
    files: tuple[str, ...]
    reverse: bool
    skip: int
    skip_end: int
    content: int
    ahead: int
    length: int
    rate: float
    fps: float
    first: int
    count: int

    @property
    def to_end(self) -> bool:
        """Whether it runs to the last frame of its file."""
        return self.first + self.count == self.content and not self.skip_end

    def timeline(self, frames: int) -> int:
        """How many frames of the timeline so many frames of the file take, at least one."""
        return max(1, round(frames / self.rate))

    def frames(self, timeline: int) -> int:
        """How many frames of the file play in so many frames of the timeline, at least one."""
        return max(1, round(timeline * self.rate))


def from_record(known: Mapping[str, Any]) -> Showing:
    """What `dataclasses.asdict` made plain data of."""
    return Showing(**(dict(known) | {"files": tuple(known["files"])}))


def obstacle(scene: bpy.types.Scene, strip: Any | None) -> str:
    """Why the strip cannot be retimed, with the next step, as far as can be told at once; empty if it can."""
    if strip is None:
        return "Select a movie or image strip first"
    if strip.type not in strips.READABLE:
        kind = strip.type.replace("_", " ").lower()
        return f"“{strip.name}” is a {kind} strip, which has no file to read: render it, and retime the rendered movie"
    if scene.library is not None:
        return f"“{scene.name}” is linked from another file and cannot be changed here"
    effect = next((other for other in effects_on(scene, strip) if MARK not in other), None)
    if effect is not None:
        return f"The effect “{effect.name}” runs over “{strip.name}”: retime first, then add effects"
    return _state_that_hinders(strip)


def _state_that_hinders(strip: Any) -> str:
    if len(getattr(strip, "retiming_keys", ())) and record_of(strip) is None:
        return f"“{strip.name}” has retiming keys of its own: remove them first, with Strip > Retiming > Reset Retiming"
    if strip.lock:
        return f"“{strip.name}” is locked: unlock it first, with Strip > Lock/Mute > Unlock Strips"
    if strip.type == "IMAGE" and len(strip.elements) < 2:
        return f"“{strip.name}” is one picture: there is nothing in it to retime"
    if strip.strobe > 1:
        return f"“{strip.name}” has a Strobe of {strip.strobe:g}: set it to 1 first"
    return ""


def effects_on(scene: bpy.types.Scene, strip: Any) -> Iterator[Any]:
    """The effect strips that take this strip as an input."""
    for other in compat.all_strips(scene.sequence_editor)[0]:
        if strip in compat.effect_inputs(other):
            yield other


def parent(scene: bpy.types.Scene, strip: Any) -> Any:
    """Where strips beside this one go: the editor, or the meta strip that it lies in."""
    return strip.parent_meta() or scene.sequence_editor


def record_of(strip: Any | None) -> dict[str, Any] | None:
    """How a strip was before it was retimed, see `retiming_parts.new_record`; None if it is not."""
    text = strip.get(RECORD) if strip is not None else None
    return json.loads(text) if text else None


def showing(scene: bpy.types.Scene, strip: Any) -> Showing:
    """What a strip shows, or if it is retimed, showed before.

    Raises BadInputError for a strip that cannot be retimed, with the reason and the next step.
    """
    if reason := obstacle(scene, strip):
        raise BadInputError(f"{reason}.")
    strips.check_files(strip)
    if record := record_of(strip):
        if record["scene_fps"] != strips.frame_rate(scene):
            raise BadInputError(
                "The scene had another frame rate when this strip was retimed: restore the strip first."
            )
        return from_record(record["shown"])
    start, length = compat.strip_span(strip)
    content, total = compat.strip_content(strip)
    ahead = start - content
    if ahead < 0 or ahead + length > total:
        raise BadInputError(
            f"“{strip.name}” is pulled out beyond its file and holds a still there: drag its handles back to where the "
            "file begins and ends."
        )
    skip, skip_end = compat.strip_trims(strip)
    count = _length_of_file(strip) - skip - skip_end
    fps = strips.frame_rate(scene) if strip.type == "IMAGE" or not strip.fps else float(strip.fps)
    rate = _rate(scene, strip, total, count, fps)
    first = math.ceil(ahead * rate - ROUNDING)
    shown = min(math.floor((ahead + length - 1) * rate + ROUNDING), count - 1) - first + 1
    if shown < 2:
        raise BadInputError(f"“{strip.name}” shows a single frame of its file: there is nothing in it to retime.")
    files = strips.files(strip)
    reverse = bool(strip.use_reverse_frames)
    return Showing(
        strip.type,
        files,
        reverse,
        skip,
        skip_end,
        content=count,
        ahead=ahead,
        length=length,
        rate=rate,
        fps=fps,
        first=first,
        count=shown,
    )


def _length_of_file(strip: Any) -> int:
    if strip.type == "IMAGE":
        return len(strip.elements)
    try:
        clip = bpy.data.movieclips.load(bpy.path.abspath(strip.filepath))
    except RuntimeError as error:
        raise BadInputError(f"“{strip.name}” cannot be read as a movie: {error}") from error
    try:
        return int(clip.frame_duration)
    finally:
        bpy.data.movieclips.remove(clip)


def _rate(scene: bpy.types.Scene, strip: Any, total: int, count: int, fps: float) -> float:
    """1 where each frame of the file takes one of the timeline; else what Blender adjusts the playback by."""
    if total == count:
        return 1.0
    rate = fps / strips.frame_rate(scene)
    if abs(total * rate - count) > max(1.0, rate):
        raise BadInputError(
            f"“{strip.name}” takes {total} frames for the {count} of its file, which its rate of {fps:.3g} frames per "
            "second does not explain. Add the file to the sequencer anew, and retime that."
        )
    return rate


def sounds_of(scene: bpy.types.Scene, strip: Any) -> list[Any]:
    """The sound strips that belong to a movie strip: of the same file, and running with its pictures.

    Of a movie that was cut into several strips, each has its own; a sound that goes on over most of the others is none.
    """
    if strip.type != "MOVIE":
        return []
    file, content = Path(bpy.path.abspath(strip.filepath)), compat.strip_content(strip)[0]
    record = record_of(strip)
    start = content + record["shown"]["ahead"] if record else compat.strip_span(strip)[0]
    end = start + (record["shown"]["length"] if record else compat.strip_span(strip)[1])

    def mostly_within(other: Any) -> bool:
        first, length = compat.strip_span(other)
        return 2 * (min(end, first + length) - max(start, first)) > length

    return [
        other
        for other in compat.strips_of(parent(scene, strip))
        if other.type == "SOUND"
        and other.sound is not None
        and Path(bpy.path.abspath(other.sound.filepath)) == file
        and compat.strip_content(other)[0] == content
        and mostly_within(other)
    ]
