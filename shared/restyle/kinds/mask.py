"""Kind `mask`: how much each pixel of a picture is meant, from not at all (0) to wholly (1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .image import MAX_PIXELS
from .packed import Packed, require_array, require_finite

NAME = "mask"


def validate(value: NDArray[Any]) -> None:
    """Raise BadInputError unless it is (H, W) float32 within 0 to 1, of a bearable size, and not 0 everywhere."""
    require_array("mask", "values", value, (None, None), ("float32",))
    height, width = value.shape
    if height == 0 or width == 0:
        raise BadInputError(f"mask: it is {width} x {height} pixels; it needs at least one.")
    if height * width > MAX_PIXELS:
        raise BadInputError(f"mask: {width} x {height} pixels are more than {MAX_PIXELS:,} in all.")
    require_finite("mask", "values", value)
    low, high = float(value.min()), float(value.max())
    if low < 0 or high > 1:
        raise BadInputError(f"mask: its values run from {low:g} to {high:g}; they must lie within 0 to 1.")
    if high == 0:
        raise BadInputError("mask: it is empty (0 everywhere). Paint white what is meant, or leave the mask out.")


def pack(value: NDArray[Any]) -> Packed:
    """The mask as one array."""
    return Packed(NAME, {}, {"values": np.ascontiguousarray(value)})


def unpack(packed: Packed) -> NDArray[Any]:
    """The mask again, validated."""
    values = packed.array("values")
    validate(values)
    return values
