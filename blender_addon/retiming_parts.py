"""Which strips belong together: the one that was retimed, with how it was before, and what was made to retime it.

What the owner was before is kept on it as RECORD; whatever was made for it carries MARK. So moving, renaming and
copying strips keep everything together.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import bpy

from . import compat, strips
from .retiming_source import MARK, RECORD, Showing, effects_on, record_of


def chosen(scene: bpy.types.Scene) -> Any | None:
    """The strip that is meant: the active one, or that which the active one was made for."""
    strip = strips.named(scene, "")
    return strip if strip is None else owner_of(scene, strip)


def selected(scene: bpy.types.Scene) -> list[Any]:
    """The strips that are meant where several are: those selected where the artist is now, and the active one.

    What was made for a strip stands for it; sounds go with their pictures and are not listed.
    """
    editor = scene.sequence_editor
    if editor is None:
        return []
    opened = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    meant = [strip for strip in compat.strips_of(opened) if strip.select or strip == editor.active_strip]
    found = {owner.name: owner for owner in (owner_of(scene, strip) for strip in meant) if owner.type != "SOUND"}
    return sorted(found.values(), key=lambda strip: (compat.strip_span(strip)[0], strip.channel))


def owner_of(scene: bpy.types.Scene, strip: Any) -> Any:
    """The strip that this one was made for, of copies the one beside it; itself if it was not made for any."""
    if not (mark := mark_of(strip)):
        return strip
    return min(owners(scene, mark["id"]), key=lambda owner: _distance(owner, strip), default=strip)


def parts_of(scene: bpy.types.Scene, strip: Any) -> list[Any]:
    """What was made to retime this strip, effects first. Where strips were copied, each copy has its own."""
    record = record_of(strip)
    if record is None:
        return []
    known = owners(scene, record["id"])
    found = [
        part
        for part in everything(scene)
        if mark_of(part).get("id") == record["id"] and min(known, key=lambda owner: _distance(owner, part)) == strip
    ]
    return sorted(found, key=lambda part: part.type != "SPEED")


def owners(scene: bpy.types.Scene, retime_id: str) -> list[Any]:
    """The strips that were retimed under this id: one, and its copies."""
    return [strip for strip in everything(scene) if (record_of(strip) or {}).get("id") == retime_id]


def everything(scene: bpy.types.Scene) -> Iterator[Any]:
    """All strips, those in meta strips among them."""
    if scene.sequence_editor is not None:
        yield from compat.all_strips(scene.sequence_editor)[0]


def mark(part: Any, strip: Any, record: Mapping[str, Any]) -> None:
    """Say of a part what strip it was made for, and where it was put."""
    start = compat.strip_span(part)[0] - compat.strip_span(strip)[0]
    part[MARK] = json.dumps({"id": record["id"], "start": start, "channel": part.channel - strip.channel})


def mark_of(strip: Any) -> dict[str, Any]:
    """The id in the owner's record, and where the part was put; empty if it is no part."""
    text = strip.get(MARK)
    return json.loads(text) if text else {}


def _distance(owner: Any, part: Any) -> tuple[int, int]:
    """How far a part is from where it was put relative to that strip."""
    known = mark_of(part)
    start = compat.strip_span(part)[0] - compat.strip_span(owner)[0]
    return abs(start - known["start"]), abs(part.channel - owner.channel - known["channel"])


# Records


def new_record(
    scene: bpy.types.Scene,
    strip: Any,
    shown: Showing,
    *,
    way: str,
    frames: int,
    recipe: Mapping[str, Any],
    moved: Sequence[tuple[str, int, int]] = (),
) -> dict[str, Any]:
    """What Restore has to know; kept on the strip as RECORD. moved: see `retiming_room.make`."""
    return {
        "id": uuid.uuid4().hex,
        "way": way,
        "shown": asdict(shown),
        "scene_fps": strips.frame_rate(scene),
        "mute": bool(strip.mute),
        "frames": frames,
        "copied": False,
        "new_action": compat.fcurves(scene) is None,
        "moved": list(moved),
        "recipe": dict(recipe),
    }


def remember(strip: Any, **more: str) -> None:
    """Keep something more with a retimed strip, until it is restored."""
    strip[RECORD] = json.dumps(record_of(strip) | more)


# What became of a retimed strip


def disturbance(scene: bpy.types.Scene, strip: Any) -> str:
    """What was done to a retimed strip so that it no longer shows what it should, and the remedy; empty if nothing."""
    record = record_of(strip)
    if record is None or record["way"] != "SPEED":
        return ""
    shown = input_of(scene, strip)
    effect = None if shown is None else speed_of(scene, shown)
    if effect is None:
        return "Its Speed Control strip is gone: restore the strip, or apply again."
    start, length = compat.strip_span(shown)
    keys = compat.fcurve(scene, effect, "speed_frame_number")
    if keys is None or not len(keys.keyframe_points):
        return "The keys of its Speed Control strip are gone: restore the strip, or apply again."
    if round(keys.keyframe_points[0].co[0]) != start or (shown == strip and _ahead(strip) != record["shown"]["ahead"]):
        return "Its start was moved away from its keys: restore the strip, or apply again."
    if length != record["frames"]:
        return "It was cut after it was retimed: restore it first, then cut, then retime."
    return ""


def input_of(scene: bpy.types.Scene, strip: Any) -> Any | None:
    """What the Speed Control of a retimed strip runs over: the strip, or the copy that stands in for it."""
    if not record_of(strip)["copied"]:
        return strip
    return next((part for part in parts_of(scene, strip) if part.type == "MOVIE"), None)


def speed_of(scene: bpy.types.Scene, shown: Any) -> Any | None:
    """The Speed Control strip that runs over a strip."""
    return next((part for part in effects_on(scene, shown) if part.type == "SPEED"), None)


def _ahead(strip: Any) -> int:
    return compat.strip_span(strip)[0] - compat.strip_content(strip)[0]
