"""Kind `passes`: named render passes of one picture or of a clip, such as object IDs, depth and normals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .image import MAX_PIXELS
from .packed import Packed, require_array

NAME = "passes"
MAX_PASSES = 8
MAX_NAME = 63  # characters; as long as a name in Blender
LABELS = ("uint8", "uint16", "int32")


def validate(value: Mapping[str, NDArray[Any]]) -> None:
    """Raise BadInputError unless every pass has the same pixels, and values that can be compared.

    Each is (H, W, C) for a picture or (N, H, W, C) for a clip of N frames, with 1 to 4 channels. A float32 pass is a
    measure: near values are alike. One of whole numbers (uint8, uint16, int32) holds labels, equal or unequal: IDs.
    """
    if not isinstance(value, Mapping) or not value:
        raise BadInputError("passes: there must be at least one named pass.")
    if len(value) > MAX_PASSES:
        raise BadInputError(f"passes: {len(value)} of them are more than {MAX_PASSES}.")
    sizes: dict[tuple[int, ...], str] = {}
    for name, array in value.items():
        _validate_one(name, array)
        sizes.setdefault(array.shape[:-1], name)
    if len(sizes) > 1:
        (first, one), (second, other) = list(sizes.items())[:2]
        raise BadInputError(f"passes: {one!r} has the shape {first}, {other!r} has {second}; render them at one size.")


def _validate_one(name: object, array: NDArray[Any]) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise BadInputError(f"passes: the name {str(name)[:80]!r} is not a text of 1 to {MAX_NAME} characters.")
    leading = array.ndim - 1 if isinstance(array, np.ndarray) and array.ndim == 4 else 2
    require_array("passes", name, array, (None,) * (leading + 1), ("float32", *LABELS))
    if array.size == 0:
        raise BadInputError(f"passes: {name} has the shape {array.shape}; it needs at least one pixel.")
    if array.shape[-3] * array.shape[-2] > MAX_PIXELS:
        raise BadInputError(f"passes: {name} is {array.shape[-2]} x {array.shape[-3]}, over {MAX_PIXELS:,} pixels.")
    if array.shape[-1] > 4:
        raise BadInputError(f"passes: {name} has {array.shape[-1]} channels; it may have 1 to 4.")
    if not is_labels(array) and not (finite := np.isfinite(array)).all():
        *_, row, column, _ = np.argwhere(~finite)[0].tolist()
        found = array[~finite][0]
        raise BadInputError(f"passes: {name} is {found} at row {row}, column {column}; every value must be finite.")


def is_labels(array: NDArray[Any]) -> bool:
    """Whether a pass holds labels, which are equal or not, rather than a measure."""
    return array.dtype != np.float32


def pack(value: Mapping[str, NDArray[Any]]) -> Packed:
    """The passes as arrays."""
    return Packed(NAME, {}, {name: np.ascontiguousarray(array) for name, array in value.items()})


def unpack(packed: Packed) -> dict[str, NDArray[Any]]:
    """The passes again, validated."""
    arrays = dict(packed.arrays)
    validate(arrays)
    return arrays
