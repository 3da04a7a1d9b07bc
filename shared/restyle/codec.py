"""Messages as frames: one MessagePack header, then raw arrays that the header describes by dtype and shape.

Peers are not trusted. Everything is bounded before it is decoded: the header's size, the lengths that it claims, the
number of frames; and an array is a view on its frame only after dtype and shape were found to fit the frame's length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from .errors import BadInputError, ProtocolError
from .kinds.packed import DTYPES, Packed
from .version import PROTOCOL_MAJOR

MAX_HEADER_BYTES = 64 * 1024
MAX_FRAMES = 16
MAX_DIMENSIONS = 4
MAX_DEPTH = 16
MAX_BLOB_BYTES = 256 * 1024 * 1024  # the largest array of any kind: 10 million faces are 120 MB

Buffer = bytes | memoryview


def encode(header: Mapping[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> list[Buffer]:
    """The frames of one message.

    header: plain data; `v` (the protocol's major version) and `arrays` are added here.
    arrays: C-contiguous, of an allowed dtype; the frames are views, so they must not change until they are sent.
    Raises ProtocolError for a header that is too long or not plain data.
    """
    described = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in arrays]
    try:
        frame = msgpack.packb({"v": PROTOCOL_MAJOR, **header, "arrays": described})
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"A message holds a value that cannot be sent: {error}.") from error
    if len(frame) > MAX_HEADER_BYTES:
        raise ProtocolError(
            f"A message header of {len(frame):,} bytes is over the limit of {MAX_HEADER_BYTES:,}; long data belong "
            "into arrays."
        )
    return [frame, *(as_bytes(array) for array in arrays)]


def decode(frames: Sequence[Buffer]) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The header and the arrays (read-only views on their frames) of one message.

    Raises ProtocolError for anything that breaks the rules.
    """
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise ProtocolError(f"A message of {len(frames)} frames; it must have 1 to {MAX_FRAMES}.")
    header = _decode_header(frames[0])
    described = header.pop("arrays", [])
    if not isinstance(described, list) or len(described) != len(frames) - 1:
        raise ProtocolError(f"The header does not describe the {len(frames) - 1} array frames that came with it.")
    return header, [_decode_array(entry, frame) for entry, frame in zip(described, frames[1:])]


def _decode_header(frame: Buffer) -> dict[str, Any]:
    if len(frame) > MAX_HEADER_BYTES:
        raise ProtocolError(f"A header of {len(frame):,} bytes is over the limit of {MAX_HEADER_BYTES:,}.")
    try:
        header = msgpack.unpackb(
            frame,
            raw=False,
            strict_map_key=True,
            max_str_len=MAX_HEADER_BYTES,
            max_bin_len=0,
            max_array_len=4096,
            max_map_len=1024,
            max_ext_len=0,
            ext_hook=_refuse_extension,
            timestamp=0,
        )
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"A header that is not valid MessagePack: {type(error).__name__}.") from error
    if not isinstance(header, dict):
        raise ProtocolError("A header that is not a map.")
    _check_plain(header, MAX_DEPTH)
    return header


def _refuse_extension(code: int, data: bytes) -> None:
    raise ValueError(f"extension type {code}")


def _check_plain(value: object, depth: int) -> None:
    """Refuse what JSON could not hold, and nesting that later code would have to recurse into."""
    if depth == 0:
        raise ProtocolError(f"A header nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ProtocolError("A header with a key that is no text.")
            _check_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth - 1)
    elif not isinstance(value, str | int | float | bool | None):
        raise ProtocolError(f"A header holds a {type(value).__name__}.")


def _decode_array(entry: object, frame: Buffer) -> NDArray[Any]:
    dtype, shape, size = check_description(entry)
    if size != len(frame):
        raise ProtocolError(f"An array of shape {shape} and type {dtype} needs {size:,} bytes; {len(frame):,} came.")
    return np.frombuffer(frame, dtype).reshape(shape)


def check_description(entry: object) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """The dtype, shape and size in bytes that `entry` claims, without allocating anything.

    Raises ProtocolError unless the dtype is allowed, the shape is plain and the size is bearable. The product is taken
    with Python's own integers: numpy's would wrap around.
    """
    if not isinstance(entry, dict) or entry.get("dtype") not in DTYPES:
        raise ProtocolError(f"An array description without a dtype out of {', '.join(DTYPES)}.")
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ProtocolError(f"An array description without a shape of at most {MAX_DIMENSIONS} lengths.")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ProtocolError("An array shape may hold only whole numbers from 0 up.")
    dtype = np.dtype(entry["dtype"]).newbyteorder("<")
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_BLOB_BYTES or max(shape, default=0) > MAX_BLOB_BYTES:
        raise BadInputError(
            f"An array of shape {tuple(shape)} would take {size:,} bytes; at most {MAX_BLOB_BYTES:,} are taken. "
            "Use a smaller input."
        )
    return dtype, tuple(shape), size


def as_bytes(array: NDArray[Any]) -> memoryview:
    """The array's bytes in wire order (little-endian, C order), without a copy where it already is so."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data


def describe(packed: Packed, hashes: Mapping[str, str]) -> dict[str, Any]:
    """A packed value as header data: its arrays by hash, dtype and shape."""
    arrays = {
        name: {"hash": hashes[name], "dtype": array.dtype.name, "shape": list(array.shape)}
        for name, array in packed.arrays.items()
    }
    return {"kind": packed.kind, "meta": dict(packed.meta), "arrays": arrays}
