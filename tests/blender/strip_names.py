"""Where strips lie on the timeline, under the names of Blender 5.2; those of before are deprecated there."""

from __future__ import annotations

from typing import Any

BEFORE = {
    "left_handle": "frame_final_start",
    "right_handle": "frame_final_end",
    "duration": "frame_final_duration",
    "left_handle_offset": "frame_offset_start",
    "right_handle_offset": "frame_offset_end",
    "content_start": "frame_start",
    "content_trim_start": "animation_offset_start",
    "content_trim_end": "animation_offset_end",
}


def named(strip: Any, name: str) -> str:
    """The name that the property has in the Blender that runs."""
    return name if hasattr(strip, name) else BEFORE[name]


def put(strip: Any, **values: float) -> None:
    """Set such properties, one after the other."""
    for name, value in values.items():
        setattr(strip, named(strip, name), value)


def place(strip: Any, name: str) -> float:
    """The value of one."""
    return getattr(strip, named(strip, name))
