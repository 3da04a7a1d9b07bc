"""Kind `attributes`: named arrays with one row per vertex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .packed import Packed, require_array, require_finite

NAME = "attributes"
MAX_ATTRIBUTES = 16


def validate(value: Mapping[str, NDArray[Any]]) -> None:
    """Raise BadInputError unless every array is (V,) or (V, 1..4) finite float32 with the same V."""
    if not isinstance(value, Mapping) or not value:
        raise BadInputError("attributes: there must be at least one named array.")
    if len(value) > MAX_ATTRIBUTES:
        raise BadInputError(f"attributes: {len(value)} arrays are more than {MAX_ATTRIBUTES}.")
    lengths = set()
    for name, array in value.items():
        columns = () if isinstance(array, np.ndarray) and array.ndim == 1 else (None,)
        require_array("attributes", name, array, (None, *columns), ("float32",))
        if array.ndim == 2 and not 1 <= array.shape[1] <= 4:
            raise BadInputError(f"attributes: {name} has {array.shape[1]} columns; it may have 1 to 4.")
        require_finite("attributes", name, array)
        lengths.add(len(array))
    if len(lengths) != 1:
        raise BadInputError(f"attributes: the arrays have different lengths: {sorted(lengths)}.")


def pack(value: Mapping[str, NDArray[Any]]) -> Packed:
    """The arrays, contiguous."""
    return Packed(NAME, {}, {name: np.ascontiguousarray(array) for name, array in value.items()})


def unpack(packed: Packed) -> dict[str, NDArray[Any]]:
    """The arrays again, validated."""
    arrays = dict(packed.arrays)
    validate(arrays)
    return arrays
