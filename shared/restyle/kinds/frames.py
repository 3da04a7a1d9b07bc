"""Kind `frames`: a clip, as its pictures (`Frames`) or as the media file that holds it (`MovieFile`).

Pictures travel as plain pixels, without sound, so that neither side needs a decoder and every frame arrives bit for
bit. That is bulky (250 frames of 854 x 480 are 307 MB), so the whole is limited to a GiB, and cut into parts that each
fit one blob. An hour of footage travels as the file that it is (see media.py); not every job takes that form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from . import media
from .image import MAX_PIXELS
from .media import MovieFile
from .packed import Packed, require_array

__all__ = ["Frames", "MovieFile", "pictures"]

NAME = "frames"
MAX_BYTES = 1 << 30
PART_BYTES = 64 << 20  # MAX_BYTES / PART_BYTES is also how many arrays a value may have
MAX_FPS = 1000.0


@dataclass(frozen=True)
class Frames:
    """A clip.

    pixels: (N, H, W, 3) uint8 sRGB, at most 1 GiB.
    fps: frames per second.
    """

    pixels: NDArray[Any]
    fps: float

    def __len__(self) -> int:
        return len(self.pixels)


def pictures(value: Frames | MovieFile) -> Frames:
    """The clip if it came as pictures; BadInputError if it came as a file, for a job that does not decode."""
    if isinstance(value, MovieFile):
        raise BadInputError("frames: this job takes the pictures of a clip, not a movie file. Send restyle.Frames.")
    return value


def validate(value: Frames | MovieFile) -> None:
    """Raise BadInputError unless it has at least one frame of at least one pixel, bearable bytes and a real rate."""
    if isinstance(value, MovieFile):
        media.validate(value)
        return
    if not isinstance(value, Frames):
        raise BadInputError(f"frames: a {type(value).__name__} is not a restyle.Frames.")
    require_array("frames", "pixels", value.pixels, (None, None, None, 3), ("uint8",))
    if value.pixels.size == 0:
        raise BadInputError(f"frames: the shape {value.pixels.shape} holds no pixel; it needs a frame and a size.")
    check_size(*value.pixels.shape[:3])
    if isinstance(value.fps, bool) or not isinstance(value.fps, int | float) or not 0 < value.fps <= MAX_FPS:
        raise BadInputError(f"frames: {value.fps!r} frames per second; it must be above 0 and at most {MAX_FPS:g}.")


def check_size(count: int, height: int, width: int) -> None:
    """Raise BadInputError if that many frames of that size are too much; asked before any is decoded."""
    if height * width > MAX_PIXELS:
        raise BadInputError(f"frames: {width} x {height} pixels are more than {MAX_PIXELS:,} in all.")
    if count * height * width * 3 > MAX_BYTES:
        fits = MAX_BYTES // (3 * height * width)
        raise BadInputError(
            f"frames: {count:,} frames of {width} x {height} are too much; at that size {fits:,} fit. Cut the clip "
            "into pieces, or make it smaller."
        )


def pack(value: Frames | MovieFile) -> Packed:
    """The frames in parts of whole frames, none larger than a blob may be; or the parts of the file."""
    if isinstance(value, MovieFile):
        return media.pack(NAME, value)
    per_part = max(1, math.ceil(len(value) / _parts(value.pixels.nbytes, value.pixels[0].nbytes)))
    parts = range(0, len(value), per_part)
    arrays = {f"part{number:02}": _part(value, start, per_part) for number, start in enumerate(parts)}
    return Packed(NAME, {"fps": float(value.fps)}, arrays)


def _parts(total: int, frame: int) -> int:
    return min(math.ceil(total / max(PART_BYTES, frame)), MAX_BYTES // PART_BYTES)


def _part(value: Frames, start: int, count: int) -> NDArray[Any]:
    return np.ascontiguousarray(value.pixels[start : start + count])


def unpack(packed: Packed) -> Frames | MovieFile:
    """The clip again, validated."""
    if "suffix" in packed.meta:
        return media.unpack(packed)
    if not packed.arrays:
        raise BadInputError("frames: it came without pictures.")
    parts = [packed.arrays[name] for name in sorted(packed.arrays)]
    for part in parts:
        require_array("frames", "pixels", part, (None, *parts[0].shape[1:3], 3), ("uint8",))
    check_size(sum(len(part) for part in parts), *parts[0].shape[1:3])
    fps = packed.meta.get("fps")
    value = Frames(parts[0] if len(parts) == 1 else np.concatenate(parts), fps if isinstance(fps, float) else math.nan)
    validate(value)
    return value
