"""The form in which a value of any kind travels and is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError

# Little-endian, C order. An object dtype would need pickle; longdouble differs between machines.
DTYPES = ("uint8", "int32", "int64", "uint16", "float32", "float64", "bool")


@dataclass(frozen=True)
class Packed:
    """Plain data small enough for a header, and the arrays that travel beside it as raw bytes."""

    kind: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def array(self, name: str) -> NDArray[Any]:
        """The array called `name`; BadInputError if it did not come."""
        try:
            return self.arrays[name]
        except KeyError:
            raise BadInputError(f"The {self.kind} came without its array {name!r}.") from None


def require_array(owner: str, name: str, array: object, shape: tuple[int | None, ...], dtypes: tuple[str, ...]) -> None:
    """Raise BadInputError unless `array` is a numpy array of that shape (None: any length) and one of the dtypes."""
    if not isinstance(array, np.ndarray):
        raise BadInputError(f"{owner}: {name} is a {type(array).__name__}, not a numpy array.")
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape))
    if not fits:
        wanted = " x ".join("n" if length is None else str(length) for length in shape)
        raise BadInputError(f"{owner}: {name} has shape {array.shape}; it must be {wanted}.")
    if array.dtype.name not in dtypes:
        raise BadInputError(f"{owner}: {name} has type {array.dtype}; it must be {' or '.join(dtypes)}.")


def require_finite(owner: str, name: str, array: NDArray[Any]) -> None:
    """Raise BadInputError that names the first row of `array` that holds NaN or infinity."""
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0, 0])
        raise BadInputError(
            f"{owner}: {name}[{row}] is {array[row].tolist()}; every value must be finite. Repair or delete it first."
        )
