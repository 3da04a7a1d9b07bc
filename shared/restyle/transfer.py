"""Values to and from a server: their arrays as blobs, in chunks, and only those that the other side lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .channel import Channel
from .codec import as_bytes, check_description, describe
from .declare import JobDeclaration, Value
from .errors import RetryableError
from .kinds import Packed, kind, validate_input
from .protocol import CHUNK_BYTES, check_hash, take

UPLOAD_ATTEMPTS = 3

Request = dict[str, Any]
Blobs = dict[str, memoryview]


def pack_request(
    declared: JobDeclaration, job_id: str, inputs: Mapping[str, Any], parameters: Mapping[str, Value]
) -> tuple[Request, Blobs]:
    """The submit request and the blobs, by hash, that it refers to. Raises BadInputError for a bad input."""
    described: dict[str, Any] = {}
    blobs: Blobs = {}
    for port in declared.inputs:
        if port.name in inputs:
            validate_input(port.name, port.kind, inputs[port.name])
            packed = kind(port.kind).pack(inputs[port.name])
            contents = {name: as_bytes(array) for name, array in packed.arrays.items()}
            hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
            blobs |= {hashes[name]: content for name, content in contents.items()}
            described[port.name] = describe(packed, hashes)
    request = {
        "op": "submit",
        "job": job_id,
        "name": declared.name,
        "parameters": dict(parameters),
        "inputs": described,
    }
    return request, blobs


def send_request(channel: Channel, request: Request, blobs: Blobs, timeout: float) -> None:
    """Submit, send what the server lacks, and submit again until it accepts."""
    for _ in range(UPLOAD_ATTEMPTS):
        reply = channel.request(request, timeout=timeout)
        if reply.get("accepted") is True:
            return
        for need in take(reply, "need", list):
            digest = take(need, "hash", str)
            _upload(channel, digest, blobs[digest], take(need, "have", int), timeout)
    raise RetryableError("The inputs do not arrive intact at the server. Try again.")


def _upload(channel: Channel, digest: str, content: memoryview, start: int, timeout: float) -> None:
    array = np.frombuffer(content, np.uint8)
    offsets = range(start, max(len(content), 1), CHUNK_BYTES)  # an empty blob is one empty chunk
    requests = (
        (
            {"op": "put_blob", "hash": digest, "size": len(content), "offset": offset},
            [array[offset : offset + CHUNK_BYTES]],
        )
        for offset in offsets
    )
    for _ in channel.pipeline(requests, timeout=timeout):
        pass  # what the server holds in the end is in its answer to the next submit


def fetch_value(channel: Channel, described: dict[str, Any], timeout: float) -> Any:
    """The value that a described one stands for, its arrays fetched; BlobMissingError if one is gone."""
    arrays = {name: _fetch(channel, entry, timeout) for name, entry in take(described, "arrays", dict).items()}
    packed = Packed(take(described, "kind", str), take(described, "meta", dict), arrays)
    return kind(packed.kind).unpack(packed)


def _fetch(channel: Channel, entry: dict[str, Any], timeout: float) -> NDArray[Any]:
    dtype, shape, size = check_description(entry)
    content, offset = np.empty(size, np.uint8), 0
    for chunk in fetch_chunks(channel, entry, timeout):
        content[offset : offset + chunk.size] = chunk
        offset += chunk.size
    return content.view(dtype).reshape(shape)


def fetch_chunks(channel: Channel, entry: dict[str, Any], timeout: float) -> Iterator[NDArray[Any]]:
    """The bytes of a described array, in order, as they come; at most a window of them is in memory.

    BlobMissingError if the array is gone, and RetryableError, after the last chunk, if what came is damaged.
    """
    _, _, size = check_description(entry)
    digest = check_hash(take(entry, "hash", str))
    check = hashlib.sha256()
    requests = (
        ({"op": "fetch", "hash": digest, "offset": offset, "size": min(CHUNK_BYTES, size - offset)}, ())
        for offset in range(0, size, CHUNK_BYTES)
    )
    left = size
    for _, arrays in channel.pipeline(requests, timeout=timeout):
        for chunk in arrays:
            left -= chunk.size
            if left < 0:
                break
            check.update(chunk.data)
            yield chunk
    if check.hexdigest() != digest:
        raise RetryableError("A result arrived damaged. Fetch it again.")
