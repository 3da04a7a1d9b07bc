"""Kind `image`: display-referred pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .packed import Packed, require_array

NAME = "image"
MAX_PIXELS = 64_000_000
SHAPE_TOLERANCE = 0.02  # what rounding does to the aspect ratio of a smaller copy


def validate(value: NDArray[Any]) -> None:
    """Raise BadInputError unless it is (H, W, 3) or (H, W, 4) uint8 sRGB of a bearable size."""
    channels = value.shape[2] if isinstance(value, np.ndarray) and value.ndim == 3 else None
    require_array("image", "pixels", value, (None, None, 4 if channels == 4 else 3), ("uint8",))
    if value.shape[0] == 0 or value.shape[1] == 0:
        raise BadInputError(f"image: it is {value.shape[1]} x {value.shape[0]} pixels; it needs at least one.")
    if value.shape[0] * value.shape[1] > MAX_PIXELS:
        raise BadInputError(f"image: {value.shape[1]} x {value.shape[0]} pixels are more than {MAX_PIXELS:,} in all.")


def pack(value: NDArray[Any]) -> Packed:
    """The image as one array."""
    return Packed(NAME, {}, {"pixels": np.ascontiguousarray(value)})


def unpack(packed: Packed) -> NDArray[Any]:
    """The pixels again, validated."""
    pixels = packed.array("pixels")
    validate(pixels)
    return pixels


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two (height, width) have the same aspect ratio, so that one picture may be laid over the other."""
    (height, width), (other_height, other_width) = one, other
    difference = abs(height * other_width - width * other_height)
    # A pixel of rounding in any side is allowed too: 3 x 2 is a good copy of 400 x 300.
    return difference <= max(SHAPE_TOLERANCE * width * other_height, height, width, other_height, other_width)
