"""Kind `model`: the numbers of something learned, such as a style, with plain data about it; the form of safetensors.

A model travels and is stored as the bytes of a safetensors file: eight bytes of length, a JSON header that names every
array, then the arrays' bytes. Reading one takes numbers only and runs nothing, so files of strangers are safe. The
format is written down at https://github.com/huggingface/safetensors (README, "Format").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from .packed import Packed

NAME = "model"
MAX_ARRAYS = 4096
MAX_NAME = 200  # characters
MAX_DIMENSIONS = 8
MAX_HEADER_BYTES = 4 << 20
MAX_METADATA_BYTES = 1 << 20
MAX_BYTES = 200 << 20  # below the largest array that may travel
PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".tar")
CONVERT = (
    "weights are read as safetensors only, since other formats can run code. Convert it, if you trust it: "
    'python -c "import sys, torch; from safetensors.torch import save_file; '
    'save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])" OLD NEW.safetensors'
)
_METADATA_KEY = "restyle"
_TYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}
_CODES = {name: code for code, name in _TYPES.items()}


@dataclass(frozen=True)
class Model:
    """Named arrays and plain data.

    arrays: of any shape of at most 8 lengths; numbers or bools.
    metadata: what JSON can hold: what the model is, what it was made of and with.
    """

    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def validate(value: Model) -> None:
    """Raise BadInputError that names the first thing that a model may not hold."""
    if not isinstance(value, Model):
        raise BadInputError(f"model: a {type(value).__name__} is not a restyle.Model.")
    if not value.arrays:
        raise BadInputError("model: it holds no arrays.")
    if len(value.arrays) > MAX_ARRAYS:
        raise BadInputError(f"model: {len(value.arrays):,} arrays are more than {MAX_ARRAYS:,}.")
    for name, array in value.arrays.items():
        _validate_array(name, array)
    total = sum(array.nbytes for array in value.arrays.values())
    if total > MAX_BYTES:
        raise BadInputError(f"model: its arrays take {total:,} bytes; at most {MAX_BYTES:,} are taken.")
    _encode_metadata(value.metadata)


def _validate_array(name: object, array: object) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or name == "__metadata__":
        raise BadInputError(f"model: the name {str(name)[:80]!r} is not a text of 1 to {MAX_NAME} characters.")
    if not isinstance(array, np.ndarray):
        raise BadInputError(f"model: {name} is a {type(array).__name__}, not a numpy array.")
    if array.dtype.name not in _CODES:
        raise BadInputError(f"model: {name} has type {array.dtype}; it must be one of {', '.join(_CODES)}.")
    if array.ndim > MAX_DIMENSIONS:
        raise BadInputError(f"model: {name} has {array.ndim} dimensions; at most {MAX_DIMENSIONS} are taken.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadInputError(f"model: {name} holds NaN or infinity; what made it went wrong.")


def _encode_metadata(metadata: Mapping[str, Any]) -> str:
    if not isinstance(metadata, Mapping):
        raise BadInputError(f"model: its metadata is a {type(metadata).__name__}, not a mapping.")
    try:
        text = json.dumps(dict(metadata), allow_nan=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInputError(f"model: its metadata cannot be written as JSON: {error}.") from error
    if len(text) > MAX_METADATA_BYTES:
        raise BadInputError(f"model: its metadata is longer than {MAX_METADATA_BYTES:,} bytes.")
    return text


def encode(value: Model) -> bytes:
    """The bytes of a safetensors file; the model must have been validated.

    The metadata stand as JSON in the file's own `__metadata__`, under "restyle", where only texts may stand.
    """
    header: dict[str, Any] = {"__metadata__": {_METADATA_KEY: _encode_metadata(value.metadata)}}
    # Wide types first, as the format's own writer does, so that every array is aligned to its type.
    order = sorted(value.arrays, key=lambda name: (-value.arrays[name].dtype.itemsize, name))
    parts, offset = [], 0
    for name in order:
        array = value.arrays[name]
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        span = [offset, offset + len(data)]
        header[name] = {"dtype": _CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": span}
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def decode(data: bytes | memoryview) -> Model:
    """The model of a safetensors file's bytes, validated; BadInputError for anything that does not fit."""
    view = memoryview(data).cast("B")
    size = int.from_bytes(view[:8], "little")
    if len(view) < 8 or not 2 <= size <= min(MAX_HEADER_BYTES, len(view) - 8):
        raise BadInputError("model: it is no safetensors file, or it was cut short.")
    try:
        header = json.loads(bytes(view[8 : 8 + size]).decode(), object_pairs_hook=_without_twins)
        metadata = json.loads(_texts(header.pop("__metadata__", {})).get(_METADATA_KEY, "{}"))
    except (UnicodeDecodeError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BadInputError(f"model: its header cannot be read: {error}.") from error
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for name, entry in sorted(header.items(), key=lambda item: _span(item[1])):
        start, end = _span(entry)
        if start != at:
            raise BadInputError(f"model: {name[:80]!r} does not follow on what stands before it; the file is damaged.")
        arrays[name] = _array(name, entry, view[8 + size :][start:end])
        at = end
    if at != len(view) - 8 - size:
        raise BadInputError("model: it holds more bytes than it names, or fewer; it was cut short.")
    model = Model(arrays, metadata)
    validate(model)
    return model


def read(path: Path) -> Model:
    """The model of a safetensors file; BadInputError names the file and what is wrong with it."""
    if path.exists() and not path.is_file():
        raise BadInputError(f"{path}: this is no ordinary file; name that of a model.")
    try:
        if (size := path.stat().st_size) > MAX_BYTES + MAX_HEADER_BYTES + 8:
            raise BadInputError(f"model: it has {size:,} bytes; its arrays may take {MAX_BYTES:,}.")
        return decode(path.read_bytes())
    except BadInputError as error:
        wrong = CONVERT if path.suffix.lower() in PICKLED else error.message.removeprefix("model: ")
        raise BadInputError(f"{path}: {wrong}") from error
    except OSError as error:
        raise BadInputError(f"{path}: it cannot be read ({error.strerror}). Check the path.") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("its metadata are not texts")
    return value


def _span(entry: object) -> tuple[int, int]:
    span = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(span, list) or len(span) != 2 or not all(type(end) is int and end >= 0 for end in span):
        raise BadInputError("model: an array's place in the file is not given by two whole numbers.")
    return span[0], span[1]


def _array(name: str, entry: dict[str, Any], data: memoryview) -> NDArray[Any]:
    code, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(code, str) or code not in _TYPES:
        raise BadInputError(f"model: {name[:80]!r} has type {str(code)[:20]!r}; known are {', '.join(_TYPES)}.")
    lengths = shape if isinstance(shape, list) else [-1]
    if len(lengths) > MAX_DIMENSIONS or not all(type(length) is int and length >= 0 for length in lengths):
        raise BadInputError(f"model: the shape of {name[:80]!r} is not a list of a few whole numbers.")
    dtype = np.dtype(_TYPES[code]).newbyteorder("<")
    # Python's own integers: numpy's would wrap around.
    if math.prod(lengths) * dtype.itemsize != len(data):
        raise BadInputError(f"model: {name[:80]!r} does not have the {len(data):,} bytes that its shape needs.")
    if dtype.kind == "b" and bytes(data).strip(b"\0\1"):
        raise BadInputError(f"model: {name[:80]!r} holds bools that are neither 0 nor 1.")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="), copy=False).reshape(lengths)


def pack(value: Model) -> Packed:
    """The model as one array: the bytes of its file."""
    return Packed(NAME, {}, {"file": np.frombuffer(encode(value), np.uint8)})


def unpack(packed: Packed) -> Model:
    """The model again, validated."""
    array = packed.array("file")
    if array.dtype != np.uint8 or array.ndim != 1:
        raise BadInputError("model: it did not come as bytes.")
    return decode(np.ascontiguousarray(array).data)
