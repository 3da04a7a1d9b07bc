"""Render passes out of OpenEXR files as Blender and other renderers write them, without a library for it.

What is read: scan lines of 16 or 32 bit floats and 32 bit whole numbers, in one part (Blender 4) or one part per pass
(Blender 5), uncompressed or with ZIP. Source: the OpenEXR project's "OpenEXR File Layout".

Guides count while whole objects are placed, on pictures of at most some 200 px. So those of a clip are thinned to
little more than that while they are read: all of them at full size would be several times the clip.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInputError

MAGIC = 20000630
TILED, DEEP, MULTIPART = 0x200, 0x800, 0x1000
TYPES = ("<u4", "<f2", "<f4")
GUIDES = {  # our name of a pass: its names in Blender 4 and 5, its channels, whether its values are labels
    "object": (("IndexOB", "Object Index"), "X", True),
    "material": (("IndexMA", "Material Index"), "X", True),
    "depth": (("Depth", "Z"), "Z", False),
    "normal": (("Normal",), "XYZ", False),
}
FAR = 1e10  # the depth of the sky, as Blender writes it
LINES = {0: 1, 2: 1, 3: 16}  # scan lines per block, of the compressions NONE, ZIPS and ZIP
MAX_BYTES = 1 << 30
FRAME_SIDE = 200  # pixels that the shorter side of a clip's guides keeps, unless there are very many frames
FRAME_BYTES = 240 << 20  # that all frames of one pass of three floats may have; an array of 256 MiB can be sent

Passes = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Part:
    """One header: its channels as (name, dtype), its data window and compression, and how many blocks it has."""

    channels: list[tuple[str, str]]
    left: int
    top: int
    width: int
    height: int
    compression: int

    @property
    def blocks(self) -> int:
        lines = LINES[self.compression]
        return -(-self.height // lines)


class _Reader:
    """The bytes of a file, and where we are in them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def text(self) -> str:
        end = self.data.index(b"\0", self.at)
        value = self.data[self.at : end].decode()
        self.at = end + 1
        return value

    def cut(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("it is cut off")
        self.at += count
        return self.data[self.at - count : self.at]


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Every channel by its full name, such as `ViewLayer.Depth.Z`: (H, W) float32, or uint32 where it holds such.

    Raises BadInputError that names the file, for one that is not there, damaged, or of a sort that is not read.
    """
    try:
        return _read(_Reader(path.read_bytes()))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error
    except (struct.error, ValueError, IndexError, zlib.error) as error:
        raise BadInputError(
            f"{path} cannot be read: {error}. Save the passes as OpenEXR MultiLayer with the codec ZIP or None."
        ) from error


def guides(path: Path, layer: str = "") -> dict[str, NDArray[Any]]:
    """The passes of a file that can guide: (H, W, 1) int32 labels, or (H, W, 1 or 3) float32 measures.

    layer: the view layer, where there are several; empty takes the first.
    Raises BadInputError, also if none of these passes is in it.
    """
    channels = read(path)
    layers = dict.fromkeys(name.split(".")[0] for name in channels if name.count(".") >= 2)
    chosen = layer if layer in layers else next(iter(layers), "")
    found: dict[str, NDArray[Any]] = {}
    for guide, (names, axes, labels) in GUIDES.items():
        for name in names:
            full = [f"{chosen}.{name}.{axis}" for axis in axes]
            if all(channel in channels for channel in full):
                values = np.nan_to_num(
                    np.stack([channels[channel] for channel in full], axis=-1), nan=0.0, posinf=FAR, neginf=-FAR
                )
                found[guide] = np.rint(values).astype(np.int32) if labels else values.astype(np.float32)
                break
    if not found:
        raise BadInputError(f"{path} has none of the passes Object Index, Material Index, Depth and Normal.")
    return found


def thinning(count: int, height: int, width: int) -> int:
    """Of how many rows, and columns, one is kept of each of a clip's frames."""
    step = max(1, min(height, width) // FRAME_SIDE)
    while count * -(-height // step) * -(-width // step) * 12 > FRAME_BYTES and step < min(height, width):
        step += 1
    return step


def thinned(pixels: NDArray[Any]) -> NDArray[Any]:
    """Of the frames (N, H, W, C) of a guide as many pixels as are kept of a clip's passes."""
    step = thinning(*pixels.shape[:3])
    return pixels[:, step // 2 :: step, step // 2 :: step]


class FramePasses:
    """The passes of a clip, put together from one OpenEXR file per frame."""

    def __init__(self, files: Sequence[Path], layer: str = "") -> None:
        """files: of the frames in order; one may stand for several. layer: the view layer, empty for the first."""
        self._files, self._layer = tuple(files), layer
        self._read: dict[Path, Passes] = {}

    def read_one(self) -> bool:
        """Read one more file; False if there was none left. BadInputError that names the file."""
        path = next((file for file in self._files if file not in self._read), None)
        if path is None:
            return False
        passes = guides(path, self._layer)
        step = thinning(len(self._files), *next(iter(passes.values())).shape[:2])
        self._read[path] = {name: array[step // 2 :: step, step // 2 :: step].copy() for name, array in passes.items()}
        first = self._files[0]
        ours, wanted = ({name: array.shape for name, array in self._read[file].items()} for file in (path, first))
        if ours != wanted:
            raise BadInputError(f"{path}: its passes are not those of {first.name}, or of another size.")
        return True

    def get(self) -> Passes:
        """All frames (N, H, W, C) by the passes' names, when all files are read."""
        frames = [self._read[file] for file in self._files]
        return {name: _narrow(np.stack([frame[name] for frame in frames])) for name in frames[0]}


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Labels in as few bytes as hold them; a measure as it is."""
    if array.dtype != np.int32 or array.min() < 0 or array.max() > np.iinfo(np.uint16).max:
        return array
    return array.astype(np.uint8 if array.max() <= np.iinfo(np.uint8).max else np.uint16)


def _read(reader: _Reader) -> dict[str, NDArray[Any]]:
    magic, version = reader.take("<2I")
    if magic != MAGIC:
        raise ValueError("it is not an OpenEXR file")
    if version & (TILED | DEEP):
        raise ValueError("it has tiles or deep pixels")
    multipart = bool(version & MULTIPART)
    parts = list(_headers(reader, multipart=multipart))
    if sum(part.width * part.height * 4 * len(part.channels) for part in parts) > MAX_BYTES:
        raise ValueError("its passes are more than a GiB")
    reader.cut(8 * sum(part.blocks for part in parts))  # the offset tables: the blocks follow in order anyway
    found = {
        name: np.zeros((part.height, part.width), np.uint32 if kind == "<u4" else np.float32)
        for part in parts
        for name, kind in part.channels
    }
    for _ in range(sum(part.blocks for part in parts)):
        number = reader.take("<i")[0] if multipart else 0
        if not 0 <= number < len(parts):
            raise ValueError("it names a part that it does not have")
        part = parts[number]
        line, size = reader.take("<2i")
        _block(part, line - part.top, reader.cut(size), found)
    return found


def _headers(reader: _Reader, *, multipart: bool) -> Iterator[_Part]:
    while not multipart or reader.data[reader.at] != 0:
        attributes: dict[str, bytes] = {}
        while name := reader.text():
            reader.text()  # its type
            attributes[name] = reader.cut(reader.take("<i")[0])
        yield _part(attributes)
        if not multipart:
            return
    reader.at += 1


def _part(attributes: dict[str, bytes]) -> _Part:
    if missing := {"channels", "dataWindow", "compression"} - set(attributes):
        raise ValueError(f"its header has no {min(missing)}")
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    compression = attributes["compression"][0]
    if compression not in LINES:
        raise ValueError("its compression is not ZIP or None")
    if right < left or bottom < top:
        raise ValueError("it has no pixels")
    reader = _Reader(attributes["channels"])
    prefix = attributes.get("name", b"\0\0\0\0").decode()
    channels = []
    while name := reader.text():
        kind, _, across, down = reader.take("<iIii")
        if (across, down) != (1, 1) or not 0 <= kind < len(TYPES):
            raise ValueError(f"the channel {name} is of an unknown sort")
        channels.append((name if "." in name or not prefix.strip("\0") else f"{prefix}.{name}", TYPES[kind]))
    return _Part(channels, left, top, right - left + 1, bottom - top + 1, compression)


def _block(part: _Part, line: int, packed: bytes, found: dict[str, NDArray[Any]]) -> None:
    if not 0 <= line < part.height:
        raise ValueError("a block of it lies outside its window")
    lines = min(LINES[part.compression], part.height - line)
    size = lines * part.width * sum(np.dtype(kind).itemsize for _, kind in part.channels)
    data = packed if len(packed) == size else _unzip(packed, size)
    at = 0
    for row in range(line, line + lines):
        for name, kind in part.channels:
            found[name][row] = np.frombuffer(data, kind, part.width, at)
            at += part.width * np.dtype(kind).itemsize


def _unzip(packed: bytes, size: int) -> bytes:
    """Undo zlib, then the running differences, then the split into first and second halves of the bytes."""
    inflater = zlib.decompressobj()
    stored = np.frombuffer(inflater.decompress(packed, size), np.uint8)
    if len(stored) != size:
        raise ValueError("a block of it has the wrong length")
    stored = np.cumsum(stored.astype(np.int64) - 128)
    halves = ((stored + 128) % 256).astype(np.uint8)
    whole = np.empty(size, np.uint8)
    whole[0::2], whole[1::2] = halves[: (size + 1) // 2], halves[(size + 1) // 2 :]
    return whole.tobytes()
