"""Strips of the sequencer: what is read of one, and the strip above it that a result becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import bpy

from . import compat
from .restyle.errors import BadInputError

if TYPE_CHECKING:
    from .arrivals import Clip
    from .clips import Request

READABLE = ("MOVIE", "IMAGE")
MAX_CHANNEL = 128
TRANSFORM = ("offset_x", "offset_y", "rotation", "origin", "filter")
CROP = ("min_x", "max_x", "min_y", "max_y")
LOOK = ("blend_type", "blend_alpha", "use_flip_x", "use_flip_y")
RECIPE = "restyle"  # the custom property of a result


class Place(Protocol):
    """Where a strip was: scene and channel, the first frame that it showed, and how many lay cut off before that."""

    scene: str
    start: int
    ahead: int
    channel: int


def find(scene: str, name: str) -> Any | None:
    """The strip of that name in that scene."""
    owner = bpy.data.scenes.get(scene)
    return None if owner is None or owner.sequence_editor is None else named(owner, name)


def named(scene: bpy.types.Scene, name: str) -> Any | None:
    """The strip called `name`, or the active one if that is empty."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    return compat.all_strips(editor)[0].get(name) if name else editor.active_strip


def chosen(scene: bpy.types.Scene, name: str) -> Any | None:
    """The strip that a job takes: the one called `name`, else the active one; for a result, what that was made from.

    So pressing the button twice makes two results of one strip, and not a result of a result.
    """
    strip = named(scene, name)
    sources = (recipe_of(strip) or {}).get("sources", {}) if not name else {}
    source = next((source["name"] for source in sources.values() if source["source"] == "STRIP"), "")
    return named(scene, source) or strip if source else strip


def obstacle(strip: Any | None) -> str:
    """Why the strip cannot be read, with the next step; empty if it can."""
    if strip is None:
        return "Select a movie or image strip first"
    if strip.type not in READABLE:
        kind = strip.type.replace("_", " ").lower()
        return f"“{strip.name}” is a {kind} strip: render it, and add the rendered frames as an image strip"
    if len(getattr(strip, "retiming_keys", ())) > 2:
        return f"“{strip.name}” is retimed: render it, and add the rendered frames as an image strip"
    return ""


def check(strip: Any | None) -> None:
    """Raise BadInputError if the strip, or a file that it needs, cannot be read."""
    if reason := obstacle(strip):
        raise BadInputError(f"{reason}.")
    check_files(strip)


def check_files(strip: Any) -> None:
    """Raise BadInputError if a file that the strip needs is not there."""
    missing = [file for file in files(strip) if not Path(file).exists()]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BadInputError(
            f"“{strip.name}” needs {missing[0]}{others}, which does not exist. Find it with File > External Data > "
            "Find Missing Files, or replace the strip."
        )


def files(strip: Any) -> tuple[str, ...]:
    """The movie of a strip, or its pictures in order, as absolute paths."""
    if strip.type == "MOVIE":
        return (bpy.path.abspath(strip.filepath),)
    folder = Path(bpy.path.abspath(strip.directory))
    return tuple(str(folder / element.filename) for element in strip.elements)


def request(strip: Any, frame: int | None = None) -> Request:
    """What is to be read of a strip that was checked: all that it shows, or what it shows at one frame of the scene."""
    from .clips import Request

    start, length = compat.strip_span(strip)
    content, total = compat.strip_content(strip)
    ahead = start - content
    if frame is not None:
        if not start <= frame < start + length:
            raise BadInputError(
                f"“{strip.name}” shows nothing at frame {frame}: it runs from {start} to {start + length - 1}. Move "
                "the playhead onto it."
            )
        ahead, length = ahead + frame - start, 1
    skip, skip_end = compat.strip_trims(strip)
    return Request(
        strip.name,
        strip.type,
        files(strip),
        ahead,
        length,
        total,
        skip,
        skip_end,
        reverse=bool(strip.use_reverse_frames),
    )


def size(strip: Any) -> tuple[int, int]:
    """Width and height of its pictures; 0 where Blender has not looked at the file yet."""
    element = strip.elements[0] if len(strip.elements) else None
    return (element.orig_width, element.orig_height) if element else (0, 0)


def frame_rate(scene: bpy.types.Scene) -> float:
    """Frames per second of the scene, which is how fast its strips are shown."""
    return scene.render.fps / scene.render.fps_base


def add(place: Place, source: Any | None, clip: Clip, name: str, recipe: Mapping[str, Any]) -> Any:
    """Put a clip above the strip that it was made from, at the same place and of the same look.

    source: that strip, or None if it is gone: then the clip goes to its `place`, or to the first frame of the scene.
    Raises BadInputError if the scene is gone or has no room.
    """
    scene = bpy.data.scenes.get(place.scene) or (None if source else compat.sequencer_scene(bpy.context))
    if scene is None:
        raise BadInputError("There is no scene to put the strip into.")
    editor = scene.sequence_editor or scene.sequence_editor_create()
    start = compat.strip_content(source)[0] + place.ahead if source else place.start
    above = source.channel if source else place.channel
    channel = free_channel(editor, start, len(clip.files), above)
    strip = compat.strips_of(editor).new_image(name, path(clip.files[0]), channel, start)
    for file in clip.files[1:]:
        strip.elements.append(file.name)
    if source is not None:
        same_look(source, strip, clip.width, clip.height)
    strip[RECIPE] = json.dumps(recipe)
    strip.select = editor.active_strip in (source, None)
    if strip.select:  # else the artist is busy with another strip by now
        editor.active_strip = strip
        for other in compat.strips_of(editor):
            other.select = other == strip
    return strip


def path(file: Path) -> str:
    """The path as the artist's file should hold it: relative to it, if it lies beside it."""
    if bpy.data.filepath and Path(bpy.data.filepath).parent in file.parents:
        return bpy.path.relpath(str(file))
    return str(file)


def overlapping(owner: Any, start: int, length: int) -> list[Any]:
    """The strips of an editor or a meta strip that show something in these frames."""
    found = []
    for strip in compat.strips_of(owner):
        first, count = compat.strip_span(strip)
        if first < start + length and start < first + count:
            found.append(strip)
    return found


def free_channel(owner: Any, start: int, length: int, above: int) -> int:
    """The next channel above one that is free in these frames; `owner` is the editor, or a meta strip."""
    taken = {strip.channel for strip in overlapping(owner, start, length)}
    for channel in range(above + 1, MAX_CHANNEL + 1):
        if channel not in taken:
            return channel
    raise BadInputError(f"No channel above {above} is free from frame {start} on. Make room for {length} frames.")


def same_look(source: Any, strip: Any, width: int, height: int) -> None:
    """Place, scale, crop and blend the result as the source is, also if its pictures have another size."""
    for name in LOOK:
        setattr(strip, name, getattr(source, name))
    for name in TRANSFORM:
        setattr(strip.transform, name, getattr(source.transform, name))
    known = size(source)
    across, down = (width / known[0], height / known[1]) if all(known) else (1.0, 1.0)
    strip.transform.scale_x = source.transform.scale_x / across
    strip.transform.scale_y = source.transform.scale_y / down
    for name in CROP:
        factor = across if name.endswith("x") else down
        setattr(strip.crop, name, round(getattr(source.crop, name) * factor))


def recipe_of(strip: Any | None) -> dict[str, Any] | None:
    """How a strip was made, if it is a result."""
    text = strip.get(RECIPE) if strip is not None else None
    return json.loads(text) if text else None
