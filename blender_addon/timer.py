"""What Blender calls by itself: the timer in a window, and the handlers of files and of undo."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import thumbnails
from .restyle.errors import UsageError
from .session import AWAY_SECONDS, begin, end, session


def _tick() -> float:
    current = session()
    if current.wanted and current.unlinked:
        with suppress(UsageError):  # the panel shows it
            current.link()
    current.pump()
    current.redraw_if_changed()
    return current.interval()


@persistent
def _after_load(*_: Any) -> None:
    current = session()
    current.loads += 1
    for task in current.tasks.values():
        task.earlier = True  # its scene is gone: from here on the artist says where the result goes
    current.live.put_away()


@persistent
def _before_save(*_: Any) -> None:
    session().live.put_away()


@persistent
def _after_undo(*_: Any) -> None:
    session().live.look_again()


def _handlers() -> list[tuple[Any, Any]]:
    of_blender = bpy.app.handlers
    undone = [(of_blender.undo_post, _after_undo), (of_blender.redo_post, _after_undo)]
    return [(of_blender.load_post, _after_load), (of_blender.save_pre, _before_save), *undone]


def register() -> None:
    """Begin with no thread and no server; the timer costs nothing until a panel was drawn."""
    begin()
    for handlers, handler in _handlers():
        handlers.append(handler)
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=AWAY_SECONDS, persistent=True)


def unregister() -> None:
    """Leave no thread, timer or handler behind."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for handlers, handler in _handlers():
        handlers.remove(handler)
    end()
    thumbnails.clear()
