"""A strip retimed by Blender's own retiming keys, where that is known to be safe.

Measured in Blender 4.2 to 5.2: adding a key from Python to a strip that has none ends Blender; so does moving one while
an earlier strip in the sequencer has none, since Blender then takes it for a key of that strip. Before 5.0 a retimed
strip is also a frame too long. So everything here asks `obstacle` first, has an operator make the first key, moves keys
from left to right, and compares the length that comes out with the one that was meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, retiming
from .restyle.errors import BadInputError
from .retiming_parts import new_record, parts_of
from .retiming_source import RECORD, Showing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OLDEST = (5, 0, 0)
TOLERANCE = 0.5  # source frames by which the straight pieces between keys may leave the plan
INSTEAD = "Apply it with Speed Control instead, which is exact too."


def obstacle(scene: bpy.types.Scene, strip: Any, shown: Showing | None = None) -> str:
    """Why the strip cannot safely be given retiming keys; empty if it can."""
    if bpy.app.version < OLDEST:
        return "Retiming keys are only exact from Blender 5.0 on"
    if strip.type != "MOVIE" or strip.parent_meta() is not None:
        return f"“{strip.name}” is no movie strip of the timeline itself, and only such a one gets retiming keys"
    if shown is not None and (shown.rate != 1 or shown.reverse):
        return f"“{strip.name}” is reversed, or plays at another rate than the scene, which retiming keys do not bear"
    if compat.strip_content(strip)[0] < 0:
        return f"“{strip.name}” begins before frame 0, where Blender makes no retiming keys"
    mine = {strip.name, *(part.name for part in parts_of(scene, strip))}
    for other in compat.all_strips(scene.sequence_editor)[0]:
        if other.name == strip.name:
            break
        if other.name not in mine and not len(getattr(other, "retiming_keys", ())):
            return f"“{other.name}” was added before “{strip.name}” and has no retiming keys, which crashes Blender"
    return ""


def pieces(frames: NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    """Keys as (frame of the result, source frame), whole numbers that rise in both, the ends among them.

    frames: (n,) source frames, from 0, of a clip that has `count`. Raises BadInputError where a part would be slower
    than 1x: a key can then not be moved to its place.
    """
    from .restyle import framemap

    places, values = framemap.keys(frames.astype(float), TOLERANCE)
    made = [(0, 0)]
    for place, value in zip(places.tolist(), values.tolist()):
        source = round(value)
        if made[-1][0] < place < len(frames) and made[-1][1] < source < count:
            made.append((place, source))
    made.append((len(frames), count))
    if any(place > source for place, source in made):
        raise BadInputError(f"Retiming keys can only make this clip faster, and the plan slows a part down. {INSTEAD}")
    return made


def apply(
    scene: bpy.types.Scene,
    strip: Any,
    shown: Showing,
    frames: NDArray[np.int64],
    *,
    recipe: Mapping[str, Any],
    sound: Path | None = None,
) -> Any:
    """Have the strip show `frames` by retiming keys; see `retiming.apply`.

    Between keys Blender plays evenly, so that a frame may be one beside the plan. Raises BadInputError, and leaves the
    strip as it was, where that is not safe or does not come out as it should.
    """
    retiming.restore(scene, strip)
    if reason := obstacle(scene, strip, shown):
        raise BadInputError(f"{reason}. {INSTEAD}")
    keys = pieces(frames, shown.count)
    record = new_record(scene, strip, shown, way="KEYS", frames=len(frames), recipe=recipe)
    start, _ = compat.strip_span(strip)
    try:
        _set(scene, strip, start, keys)
        if compat.strip_span(strip) != (start, len(frames)):
            raise BadInputError(
                f"Blender made {compat.strip_span(strip)[1]} frames of it, not {len(frames)}. {INSTEAD}"
            )
    except BadInputError:
        reset(strip)
        compat.set_span(strip, start, start + shown.length)
        raise
    strip[RECORD] = json.dumps(record)
    if sound is not None:
        retiming.replace_sound(scene, strip, record, sound)
    return strip


def _set(scene: bpy.types.Scene, strip: Any, start: int, keys: list[tuple[int, int]]) -> None:
    sources = [start + source for _, source in keys[1:]]
    inner = sources[:-1] or [start + keys[-1][1] // 2]  # there has to be one, since the operator makes one
    with _sequencer(scene):
        for other in compat.all_strips(scene.sequence_editor)[0]:
            other.select = other == strip
        scene.sequence_editor.active_strip = strip
        bpy.ops.sequencer.retiming_key_add(timeline_frame=inner[0])
    if not len(strip.retiming_keys):  # then `add` would end Blender
        raise BadInputError(f"Blender made no retiming key. {INSTEAD}")
    for frame in inner[1:]:
        strip.retiming_keys.add(timeline_frame=frame)
    places = {source: start + place for source, (place, _) in zip(sources, keys[1:])}
    order = [index for index, key in enumerate(strip.retiming_keys) if key.timeline_frame in places]
    targets = [places[strip.retiming_keys[index].timeline_frame] for index in order]
    if len(order) != len(places):
        raise BadInputError(f"Blender made other retiming keys than were asked for. {INSTEAD}")
    for index, frame in zip(order, targets):
        strip.retiming_keys[index].timeline_frame = frame


def reset(strip: Any) -> None:
    """Take the keys away again."""
    if len(strip.retiming_keys):
        strip.retiming_keys.reset()


def _sequencer(scene: bpy.types.Scene) -> AbstractContextManager[Any]:
    """A context in which the sequencer's operators work; BadInputError if no sequencer is open."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR" and area.spaces.active.view_type != "PREVIEW":
                region = next(region for region in area.regions if region.type == "WINDOW")
                if getattr(window.workspace, "sequencer_scene", scene) == scene:
                    return bpy.context.temp_override(window=window, area=area, region=region, scene=scene)
    raise BadInputError(f"Retiming keys need an open Sequencer that shows the scene. {INSTEAD}")
