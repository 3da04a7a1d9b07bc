"""Where the strips that retime another one go: right above it, so that what lies over it still does.

What stands in for a strip has to be composited in its place. Where something else lies right above the strip, that and
what lies over it move up, in the same order, and down again when the strip is restored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from . import compat, strips
from .restyle.errors import BadInputError
from .restyle.words import counted
from .retiming_parts import parts_of
from .retiming_source import parent

Moved = list[tuple[str, int, int]]  # the name of a strip, its channel before and after


@dataclass(frozen=True)
class Place:
    """What a strip and the strips that retime it take: frames of the timeline and channels above the strip's own."""

    start: int
    length: int
    channels: int


def check(scene: bpy.types.Scene, strip: Any, place: Place, more: int) -> None:
    """Raise BadInputError if the strip cannot grow by `more` frames where it lies, or has no room above it."""
    hindering = [other for other in _others(scene, strip, place) if other.channel == strip.channel]
    if more > 0 and hindering:
        raise BadInputError(
            f"“{strip.name}” becomes {counted(more, 'frame')} longer, and “{hindering[0].name}” is in the way: move it "
            "first."
        )
    _plan(scene, strip, place)


def make(scene: bpy.types.Scene, strip: Any, place: Place) -> tuple[int, Moved]:
    """The first of so many free channels above a strip, after what lay there was moved up; and what was moved.

    Raises BadInputError, and changes nothing, if that cannot be.
    """
    first, moves = _plan(scene, strip, place)
    moved = [(other.name, other.channel, channel) for other, channel in moves]
    for other, channel in reversed(moves):  # from the top, so that none comes upon another
        other.channel = channel
    return first, moved


def undo(owner: Any, moved: Iterable[tuple[str, int, int]]) -> None:
    """Move strips back down to where they were, as far as they are still there and nothing has come between."""
    for name, before, after in sorted(moved, key=lambda move: move[1]):
        strip = compat.strips_of(owner).get(name)
        if strip is None or strip.channel != after or strip.lock:
            continue
        around = strips.overlapping(owner, *compat.strip_span(strip))
        if not any(before <= other.channel < after for other in around):
            strip.channel = before


def _others(scene: bpy.types.Scene, strip: Any, place: Place) -> list[Any]:
    """What lies in these frames beside the strip and what was made for it, which an apply takes away."""
    mine = {strip.name, *(part.name for part in parts_of(scene, strip))}
    return [
        other for other in strips.overlapping(parent(scene, strip), place.start, place.length) if other.name not in mine
    ]


def _plan(scene: bpy.types.Scene, strip: Any, place: Place) -> tuple[int, list[tuple[Any, int]]]:
    """The channel to take, and the strips to move for it with their new channels, from the lowest up."""
    above = [other for other in _others(scene, strip, place) if other.channel > strip.channel]
    taken, pictures = ({other.channel for other in group} for group in (above, filter(_is_seen, above)))
    muted = {number for number, channel in enumerate(parent(scene, strip).channels) if channel.mute}
    usable = [n for n in range(strip.channel + 1, strips.MAX_CHANNEL + 1) if (n in muted) == (strip.channel in muted)]
    for channel in usable:
        wanted = set(range(channel, channel + place.channels))
        if not wanted & taken and wanted <= set(usable):
            return channel, []
        if channel in pictures:
            return channel, _moved_up(scene, strip, place, channel, muted)
    raise BadInputError(f"No channel above “{strip.name}” is free: make room first.")


def _is_seen(strip: Any) -> bool:
    return bool(strip.type != "SOUND")


def _moved_up(scene: bpy.types.Scene, strip: Any, place: Place, channel: int, muted: set[int]) -> list[tuple[Any, int]]:
    """The strips that must move up to free the channels from this one on, each above all that it lay above."""
    owner = parent(scene, strip)
    mine = {strip.name, *(part.name for part in parts_of(scene, strip))}
    settled = [(place.start, place.start + place.length, channel + place.channels - 1)]
    moves = []
    over = [other for other in compat.strips_of(owner) if other.channel >= channel and other.name not in mine]
    for other in sorted(over, key=lambda other: other.channel):
        start, length = compat.strip_span(other)
        below = [top for first, end, top in settled if first < start + length and start < end]
        up = max(other.channel, 1 + max(below, default=0))
        while (up in muted) != (other.channel in muted):
            up += 1
        settled.append((start, start + length, up))
        if up == other.channel:
            continue
        if up > strips.MAX_CHANNEL:
            raise BadInputError(f"No channel above “{strip.name}” is free: make room first.")
        if other.lock:
            raise BadInputError(
                f"“{other.name}” lies above “{strip.name}”, where its retiming has to go, and is locked: unlock it "
                f"first, with Strip > Lock/Mute > Unlock Strips, or move it to channel {up} yourself."
            )
        moves.append((other, up))
    return moves
