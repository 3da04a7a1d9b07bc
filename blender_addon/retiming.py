"""A strip retimed by a frame map, and as it was before: a Speed Control strip with keys, and what Restore needs.

The strip itself is only cut to its new length (or muted, where something stands in for it); whatever is made carries
its mark. So moving, renaming and copying strips keep everything together.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, strips
from .restyle.errors import BadInputError
from .retiming_source import MARK, RECORD, Showing, effects_on, parent, record_of, sounds_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENCED = "restyle_silenced"  # on a sound strip that was muted for it: that id
# A key's value stays this far inside [frame, frame + 0.5): Blender 4.2 cuts the fraction off, 4.5 and 5.0 round it.
KEY_MARGIN, KEY_SHIFT = 0.3, 0.25
LINEAR = 1  # of a key's interpolation, as `foreach_set` takes it


# What is retimed


def chosen(scene: bpy.types.Scene) -> Any | None:
    """The strip that is meant: the active one, or that which the active one was made for."""
    strip = strips.named(scene, "")
    if strip is None or not (mark := _mark_of(strip)):
        return strip
    return min(_owners(scene, mark["id"]), key=lambda owner: _distance(owner, strip), default=strip)


def parts_of(scene: bpy.types.Scene, strip: Any) -> list[Any]:
    """What was made to retime this strip, effects first. Where strips were copied, each copy has its own."""
    record = record_of(strip)
    if record is None:
        return []
    owners = _owners(scene, record["id"])
    found = [
        part
        for part in _all(scene)
        if _mark_of(part).get("id") == record["id"] and min(owners, key=lambda owner: _distance(owner, part)) == strip
    ]
    return sorted(found, key=lambda part: part.type != "SPEED")


def disturbance(scene: bpy.types.Scene, strip: Any) -> str:
    """What was done to a retimed strip so that it no longer shows what it should, and the remedy; empty if nothing."""
    record = record_of(strip)
    if record is None or record["way"] != "SPEED":
        return ""
    shown = _input(scene, strip)
    effect = None if shown is None else next((part for part in effects_on(scene, shown) if part.type == "SPEED"), None)
    if effect is None:
        return "Its Speed Control strip is gone: restore the strip, or apply again."
    start, length = compat.strip_span(shown)
    keys = compat.fcurve(scene, effect, "speed_frame_number")
    if keys is None or not len(keys.keyframe_points):
        return "The keys of its Speed Control strip are gone: restore the strip, or apply again."
    if round(keys.keyframe_points[0].co[0]) != start or (shown == strip and _ahead(strip) != record["shown"]["ahead"]):
        return "Its start was moved away from its keys: restore the strip, or apply again."
    return (
        ""
        if length == record["frames"]
        else "It was cut after it was retimed: restore it first, then cut, then retime."
    )


def _input(scene: bpy.types.Scene, strip: Any) -> Any | None:
    """What the Speed Control of a retimed strip runs over: the strip, or the copy that stands in for it."""
    if not record_of(strip)["copied"]:
        return strip
    return next((part for part in parts_of(scene, strip) if part.type == "MOVIE"), None)


def _ahead(strip: Any) -> int:
    return compat.strip_span(strip)[0] - compat.strip_content(strip)[0]


def _mark_of(strip: Any) -> dict[str, Any]:
    text = strip.get(MARK)  # the id in the owner's record, and where it was put, as JSON
    return json.loads(text) if text else {}


def _owners(scene: bpy.types.Scene, retime_id: str) -> list[Any]:
    return [strip for strip in _all(scene) if (record_of(strip) or {}).get("id") == retime_id]


def _distance(owner: Any, part: Any) -> tuple[int, int]:
    """How far a part is from where it was put relative to that strip."""
    mark = _mark_of(part)
    start = compat.strip_span(part)[0] - compat.strip_span(owner)[0]
    return abs(start - mark["start"]), abs(part.channel - owner.channel - mark["channel"])


def _all(scene: bpy.types.Scene) -> Iterator[Any]:
    if scene.sequence_editor is not None:
        yield from compat.all_strips(scene.sequence_editor)[0]


# Apply


def frames_of(plan: NDArray[np.float64], shown: Showing, length: int) -> NDArray[np.int64]:
    """Which of the shown frames each of `length` frames of the timeline gets, from 0.

    plan: (L,) positions in source frames, from 0, of each frame of the retimed clip at the clip's own rate.
    """
    import numpy as np

    from .restyle import framemap

    if shown.rate == 1:
        positions = np.asarray(plan, np.float64)
    else:
        places = np.arange(length) * shown.rate
        positions = np.interp(places, np.arange(len(plan)), plan)
    return np.clip(framemap.nearest(positions), 0, shown.count - 1)


def apply(
    scene: bpy.types.Scene,
    strip: Any,
    shown: Showing,
    frames: NDArray[np.int64],
    *,
    recipe: Mapping[str, Any],
    sound: Path | None = None,
) -> Any:
    """Have the strip show `frames`, by a Speed Control strip above it, which is returned.

    shown: what it showed before. frames: (n,), for each frame of the timeline which of those frames, from 0.
    sound: a sound file of that length in place of the strip's own sound.
    An earlier retiming is replaced. Raises BadInputError, and changes nothing, where there is no room.
    """
    start, length = compat.strip_content(strip)[0] + shown.ahead, shown.length  # once it is restored
    copied = shown.rate != 1  # versions of Blender round differently there: only a copy frame for frame is exact
    if copied and (shown.skip or shown.reverse or len(strip.modifiers)):
        raise BadInputError(
            f"“{strip.name}” plays a file of {shown.fps:.5g} frames per second in a scene of another rate, and is "
            "reversed, trimmed for good or has modifiers. Set the scene's frame rate to the file's, or bake."
        )
    owner = parent(scene, strip)
    others = _others(scene, strip, start, max(length, len(frames)))
    _check_room(strip, others, len(frames) - length)
    channel = _channel_above(strip, others, 2 if copied else 1)
    restore(scene, strip)
    record = new_record(scene, strip, shown, way="SPEED", frames=len(frames), recipe=recipe) | {"copied": copied}
    strip[RECORD] = json.dumps(record)
    source = strip
    if copied:
        source = _copy(owner, strip, shown, channel, len(frames))
        _mark(source, strip, record)
        strip.mute = True
        channel += 1
    compat.set_span(source, start, start + len(frames))
    effect = speed_control(scene, owner, source, frames, channel=channel, name=f"{strip.name} retimed")
    _mark(effect, strip, record)
    effect.mute = record["mute"]
    if sound is not None:
        replace_sound(scene, strip, record, sound)
    return effect


def stand_in(
    scene: bpy.types.Scene,
    strip: Any,
    shown: Showing,
    movie: Path,
    *,
    frames: int,
    recipe: Mapping[str, Any],
    sound: Path | None = None,
) -> Any:
    """Mute the strip, and put above it the movie that was made of it; returns what is to be seen.

    frames: how many the movie has. An earlier retiming is replaced. Raises BadInputError where there is no room.
    """
    start, taken = compat.strip_content(strip)[0] + shown.ahead, max(shown.length, shown.timeline(frames))
    channel = _channel_above(strip, _others(scene, strip, start, taken), 1 if shown.rate == 1 else 2)
    restore(scene, strip)
    record = new_record(scene, strip, shown, way="MOVIE", frames=shown.timeline(frames), recipe=recipe)
    strip[RECORD] = json.dumps(record)
    made = place_movie(scene, strip, shown, movie, channel=channel, name=f"{strip.name} baked")
    for part in made:
        _mark(part, strip, record)
        part.mute = record["mute"]
    strip.mute = True
    if sound is not None:
        replace_sound(scene, strip, record, sound)
    return made[-1]


def place_movie(
    scene: bpy.types.Scene, strip: Any, shown: Showing, movie: Path, *, channel: int, name: str
) -> list[Any]:
    """Put a movie of the same rate and look as the strip's file above it; and if that is not the scene's rate, what
    shows it at its own.
    """
    import numpy as np

    owner, (start, _) = parent(scene, strip), compat.strip_span(strip)
    made = compat.strips_of(owner).new_movie(name, strips.path(movie), channel, start)
    strips.same_look(strip, made, *strips.size(made))
    if shown.rate == 1:
        return [made]
    count = compat.strip_span(made)[1]
    values = np.minimum(np.floor(np.arange(shown.timeline(count)) * shown.rate + 0.5), count - 1)
    compat.set_span(made, start, start + len(values))
    return [made, speed_control(scene, owner, made, values, channel=channel + 1, name=f"{name} at its rate")]


def speed_control(
    scene: bpy.types.Scene, owner: Any, source: Any, values: NDArray[Any], *, channel: int, name: str
) -> Any:
    """Have `source` show other frames by a Speed Control strip: (n,) whole frames, counted from its start."""
    import numpy as np

    from .restyle import framemap

    frames, keyed = framemap.exact_keys(np.asarray(values, np.float64), KEY_MARGIN)
    effect = compat.new_speed_control(owner, name, channel, source)
    effect.speed_control, effect.use_frame_interpolate = "FRAME_NUMBER", False
    effect.blend_type, effect.blend_alpha = source.blend_type, source.blend_alpha
    start = compat.strip_span(source)[0]
    effect.keyframe_insert("speed_frame_number", frame=start)
    points = compat.fcurve(scene, effect, "speed_frame_number").keyframe_points
    points.add(len(frames) - 1)
    places = np.stack([frames + start, keyed + KEY_SHIFT], 1).astype(np.float32)
    points.foreach_set("co", places.ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR, np.int32))
    compat.fcurve(scene, effect, "speed_frame_number").update()
    return effect


def frames_now(scene: bpy.types.Scene, strip: Any) -> NDArray[np.int64] | None:
    """Which frames a retimed strip shows by the keys of its Speed Control, (n,) from 0; None if it has none."""
    import numpy as np

    record = record_of(strip)
    shown = _input(scene, strip) if record and record["way"] == "SPEED" else None
    effect = next((part for part in effects_on(scene, shown) if part.type == "SPEED"), None) if shown else None
    curve = compat.fcurve(scene, effect, "speed_frame_number") if effect else None
    if curve is None:
        return None
    start, length = compat.strip_span(shown)
    return np.array([int(curve.evaluate(frame)) for frame in range(start, start + length)], np.int64)


def new_record(
    scene: bpy.types.Scene, strip: Any, shown: Showing, *, way: str, frames: int, recipe: Mapping[str, Any]
) -> dict[str, Any]:
    """What Restore has to know; kept on the strip as RECORD."""
    return {
        "id": uuid.uuid4().hex,
        "way": way,
        "shown": asdict(shown),
        "scene_fps": strips.frame_rate(scene),
        "mute": bool(strip.mute),
        "frames": frames,
        "copied": False,
        "new_action": compat.fcurves(scene) is None,
        "recipe": dict(recipe),
    }


def remember(strip: Any, **more: str) -> None:
    """Keep something more with a retimed strip, until it is restored."""
    strip[RECORD] = json.dumps(record_of(strip) | more)


def _mark(part: Any, strip: Any, record: Mapping[str, Any]) -> None:
    start = compat.strip_span(part)[0] - compat.strip_span(strip)[0]
    part[MARK] = json.dumps({"id": record["id"], "start": start, "channel": part.channel - strip.channel})


def _copy(owner: Any, strip: Any, shown: Showing, channel: int, frames: int) -> Any:
    """The same movie frame for frame, whatever its rate, with the strip's start and look."""
    start = compat.strip_span(strip)[0]
    copy = compat.strips_of(owner).new_movie(f"{strip.name} at its rate", strip.filepath, channel, start - shown.first)
    compat.set_span(copy, start, start + frames)
    strips.same_look(strip, copy, *strips.size(strip))
    return copy


def replace_sound(scene: bpy.types.Scene, strip: Any, record: Mapping[str, Any], sound: Path) -> None:
    """Put a sound file beside a retimed strip, and mute the sound that the strip had."""
    owner, (start, _) = parent(scene, strip), compat.strip_span(strip)
    channel = strips.free_channel(owner, start, record["frames"], strip.channel)
    try:
        made = compat.strips_of(owner).new_sound(f"{strip.name} retimed sound", strips.path(sound), channel, start)
    except RuntimeError as error:
        restore(scene, strip)
        raise BadInputError(f"Blender cannot read the retimed sound, {sound}: {error}") from error
    _mark(made, strip, record)
    for other in sounds_of(scene, strip):
        if not other.mute:
            other.mute, other[SILENCED] = True, record["id"]


def _others(scene: bpy.types.Scene, strip: Any, start: int, length: int) -> list[Any]:
    """What lies in these frames beside the strip and what was made for it, which an apply takes away."""
    mine = {strip.name, *(part.name for part in parts_of(scene, strip))}
    return [other for other in strips.overlapping(parent(scene, strip), start, length) if other.name not in mine]


def _check_room(strip: Any, others: list[Any], more: int) -> None:
    """Raise BadInputError if the strip cannot grow by so many frames where it lies."""
    hindering = [other for other in others if other.channel == strip.channel]
    if more > 0 and hindering:
        raise BadInputError(
            f"“{strip.name}” becomes {more} frames longer, and “{hindering[0].name}” is in the way: move it first."
        )


def _channel_above(strip: Any, others: list[Any], count: int) -> int:
    """The first of `count` free channels over each other with no picture between them and the strip.

    What stands in for a strip has to be composited in its place: not over a title that lies above it.
    """
    others = [other for other in others if other.channel > strip.channel]
    taken = {other.channel for other in others}
    for channel in range(strip.channel + 1, strips.MAX_CHANNEL + 2 - count):
        if not taken & set(range(channel, channel + count)):
            return channel
        if seen := [other for other in others if other.channel == channel and other.type != "SOUND"]:
            raise BadInputError(
                f"“{seen[0].name}” lies right above “{strip.name}”, where its retiming has to go: move it "
                f"{count} channel{'s' * (count > 1)} up first, with all that lies above it."
            )
    raise BadInputError(f"No channel above “{strip.name}” is free: make room first.")


# Restore


def restore(scene: bpy.types.Scene, strip: Any) -> bool:
    """Have the strip be as it was before it was retimed, where it is now; False if it was not.

    Raises BadInputError, and changes nothing, if something lies where it has to go.
    """
    record = record_of(strip)
    if record is None:
        return False
    parts = parts_of(scene, strip)
    length = record["shown"]["length"]
    owner, start = parent(scene, strip), compat.strip_content(strip)[0] + record["shown"]["ahead"]
    mine = {strip.name, *(part.name for part in parts)}
    hindering = [
        other
        for other in strips.overlapping(owner, start, length)
        if other.channel == strip.channel and other.name not in mine
    ]
    if hindering:
        raise BadInputError(
            f"“{strip.name}” was {length} frames long, and “{hindering[0].name}” now lies there: move it first."
        )
    alone = len(_owners(scene, record["id"])) == 1
    for part in parts:
        _remove(scene, part)
    if record["new_action"] and alone:
        _drop_empty_action(scene)
    for other in _all(scene):
        if other.get(SILENCED) == record["id"] and (alone or other in sounds_of(scene, strip)):
            other.mute = False
            del other[SILENCED]
    if record["way"] == "KEYS" and len(strip.retiming_keys):
        strip.retiming_keys.reset()
    compat.set_span(strip, start, start + length)
    strip.mute = record["mute"]
    del strip[RECORD]
    return True


def _remove(scene: bpy.types.Scene, part: Any) -> None:
    """Remove a strip with its keys; of a sound, also the data block that nobody else uses."""
    curve = compat.fcurve(scene, part, "speed_frame_number") if part.type == "SPEED" else None
    if curve is not None:
        compat.fcurves(scene).remove(curve)
    sound = part.sound if part.type == "SOUND" else None
    compat.strips_of(parent(scene, part)).remove(part)
    if sound is not None and sound.users == 0:
        bpy.data.sounds.remove(sound)


def _drop_empty_action(scene: bpy.types.Scene) -> None:
    curves, data = compat.fcurves(scene), scene.animation_data
    if data is not None and data.action is not None and not (curves is not None and len(curves)):
        action = data.action
        scene.animation_data_clear()
        if action.users == 0:
            bpy.data.actions.remove(action)
