"""Kind `curve`: values over the frames of a clip: where a frame comes from, how fast it plays, what is locked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .frames import MAX_FPS
from .packed import Packed, require_array, require_finite

NAME = "curve"
MAX_SERIES = 16
MAX_NAME = 63  # characters; as long as a name in Blender
MAX_COLUMNS = 1024
MAX_BYTES = 256 << 20  # of one series


@dataclass(frozen=True)
class Curve:
    """One or more series with a row for each of N frames.

    series: by name, each (N,) or (N, C) float32 or float64, finite. fps: frames per second of the clip.
    """

    series: Mapping[str, NDArray[Any]]
    fps: float

    def __len__(self) -> int:
        return len(next(iter(self.series.values())))


def validate(value: Curve) -> None:
    """Raise BadInputError unless there is a series, all are finite and equally long, and the rate is a real one."""
    if not isinstance(value, Curve):
        raise BadInputError(f"curve: a {type(value).__name__} is not a restyle.Curve.")
    if not isinstance(value.series, Mapping) or not value.series:
        raise BadInputError("curve: there must be at least one named series.")
    if len(value.series) > MAX_SERIES:
        raise BadInputError(f"curve: {len(value.series)} series are more than {MAX_SERIES}.")
    for name, array in value.series.items():
        _validate_one(name, array)
    lengths = {name: len(array) for name, array in value.series.items()}
    if len(set(lengths.values())) > 1:
        raise BadInputError(f"curve: the series have different lengths: {lengths}.")
    if 0 in lengths.values():
        raise BadInputError("curve: it has no frames; it needs at least one.")
    if isinstance(value.fps, bool) or not isinstance(value.fps, int | float) or not 0 < value.fps <= MAX_FPS:
        raise BadInputError(f"curve: {value.fps!r} frames per second; it must be above 0 and at most {MAX_FPS:g}.")


def _validate_one(name: object, array: NDArray[Any]) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise BadInputError(f"curve: the name {str(name)[:80]!r} is not a text of 1 to {MAX_NAME} characters.")
    columns = (None,) if isinstance(array, np.ndarray) and array.ndim == 2 else ()
    require_array("curve", name, array, (None, *columns), ("float64", "float32"))
    if array.ndim == 2 and not 1 <= array.shape[1] <= MAX_COLUMNS:
        raise BadInputError(f"curve: {name} has {array.shape[1]} columns; it may have 1 to {MAX_COLUMNS}.")
    if array.nbytes > MAX_BYTES:
        raise BadInputError(f"curve: {name} takes {array.nbytes:,} bytes; at most {MAX_BYTES:,} are allowed.")
    require_finite("curve", name, array)


def pack(value: Curve) -> Packed:
    """The series as arrays."""
    arrays = {name: np.ascontiguousarray(array) for name, array in value.series.items()}
    return Packed(NAME, {"fps": float(value.fps)}, arrays)


def unpack(packed: Packed) -> Curve:
    """The curve again, validated."""
    fps = packed.meta.get("fps")
    value = Curve(dict(packed.arrays), fps if isinstance(fps, float) else math.nan)
    validate(value)
    return value
