"""A strip retimed by a frame map, and as it was before: a Speed Control strip with keys, and what Restore needs.

The strip itself is only cut to its new length, or muted where something stands in for it; see retiming_parts for what
holds strips together, and retiming_room for where they go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, retiming_room, strips
from .restyle.errors import BadInputError
from .retiming_parts import everything, input_of, mark, new_record, owners, parts_of, speed_of
from .retiming_room import Place
from .retiming_source import RECORD, Showing, parent, record_of, sounds_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENCED = "restyle_silenced"  # on a sound strip that was muted for it: that id
# A key's value stays this far inside [frame, frame + 0.5): Blender 4.2 cuts the fraction off, 4.5 and 5.0 round it.
KEY_MARGIN, KEY_SHIFT = 0.3, 0.25
LINEAR = 1  # of a key's interpolation, as `foreach_set` takes it


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
    place = Place(start, max(length, len(frames)), 2 if copied else 1)
    retiming_room.check(scene, strip, place, len(frames) - length)
    restore(scene, strip)
    channel, moved = retiming_room.make(scene, strip, place)
    record = new_record(scene, strip, shown, way="SPEED", frames=len(frames), recipe=recipe, moved=moved)
    record["copied"] = copied
    strip[RECORD] = json.dumps(record)
    source = strip
    if copied:
        source = _copy(owner, strip, shown, channel, len(frames))
        mark(source, strip, record)
        strip.mute = True
        channel += 1
    compat.set_span(source, start, start + len(frames))
    effect = speed_control(scene, owner, source, frames, channel=channel, name=f"{strip.name} retimed")
    mark(effect, strip, record)
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
    place = Place(start, taken, 1 if shown.rate == 1 else 2)
    retiming_room.check(scene, strip, place, 0)
    restore(scene, strip)
    channel, moved = retiming_room.make(scene, strip, place)
    record = new_record(scene, strip, shown, way="MOVIE", frames=shown.timeline(frames), recipe=recipe, moved=moved)
    strip[RECORD] = json.dumps(record)
    made = place_movie(scene, strip, shown, movie, channel=channel, name=f"{strip.name} baked")
    for part in made:
        mark(part, strip, record)
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
    shown = input_of(scene, strip) if record and record["way"] == "SPEED" else None
    effect = speed_of(scene, shown) if shown else None
    curve = compat.fcurve(scene, effect, "speed_frame_number") if effect else None
    if curve is None:
        return None
    start, length = compat.strip_span(shown)
    return np.array([int(curve.evaluate(frame)) for frame in range(start, start + length)], np.int64)


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
    mark(made, strip, record)
    for other in sounds_of(scene, strip):
        if not other.mute:
            other.mute, other[SILENCED] = True, record["id"]


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
    alone = len(owners(scene, record["id"])) == 1
    for part in parts:
        _remove(scene, part)
    if record["new_action"] and alone:
        _drop_empty_action(scene)
    for other in everything(scene):
        if other.get(SILENCED) == record["id"] and (alone or other in sounds_of(scene, strip)):
            other.mute = False
            del other[SILENCED]
    if record["way"] == "KEYS" and len(strip.retiming_keys):
        strip.retiming_keys.reset()
    compat.set_span(strip, start, start + length)
    strip.mute = record["mute"]
    del strip[RECORD]
    if alone:
        retiming_room.undo(owner, record.get("moved", ()))
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
