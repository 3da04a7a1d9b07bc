"""Kind `report`: a small tree of plain values (scores, seconds, warnings), as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError
from .packed import Packed

NAME = "report"
MAX_BYTES = 1_000_000


def _encode(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise BadInputError(f"report: it cannot be written as JSON: {error}.") from error


def validate(value: Mapping[str, Any]) -> None:
    """Raise BadInputError unless it is a mapping that JSON can hold."""
    if not isinstance(value, Mapping):
        raise BadInputError(f"report: a {type(value).__name__} is not a mapping.")
    if len(_encode(value)) > MAX_BYTES:
        raise BadInputError(f"report: it is larger than {MAX_BYTES:,} bytes.")


def pack(value: Mapping[str, Any]) -> Packed:
    """The report as UTF-8 JSON in one array of bytes."""
    return Packed(NAME, {}, {"json": np.frombuffer(_encode(value), np.uint8)})


def unpack(packed: Packed) -> dict[str, Any]:
    """The report again."""
    array = packed.array("json")
    if array.dtype != np.uint8 or array.ndim != 1 or array.size > MAX_BYTES:
        raise BadInputError("report: it is not a text of bearable length.")
    try:
        value = json.loads(array.tobytes())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInputError(f"report: it is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BadInputError("report: it is not a mapping.")
    return value
