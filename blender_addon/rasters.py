"""Picture files without a library and without Blender: PNG and OpenEXR out, raw Targa in. For the link's thread."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from .restyle.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_UP = 2  # the filter that writes each row as its difference from the one above
PNG_EFFORT = 3  # zlib's; more takes twice as long for a few per cent
EXR_SIGNATURE = struct.pack("<2I", 20000630, 2)
EXR_ZIP, EXR_FLOAT, EXR_LINES = 3, 2, 16  # the compression, of how many rows at once; the type of a channel
TARGA_HEADER = struct.Struct("<BBBHHBHHHHBB")
TARGA_TRUE_COLOR = 2
TARGA_FROM_TOP = 0x20


def png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """A PNG file of (H, W, 3 or 4) uint8 sRGB, or of (H, W) uint16 levels of grey (W3C PNG, sections 5 and 9)."""
    import numpy as np

    height, width = pixels.shape[:2]
    depth, color = (16, 0) if pixels.ndim == 2 else (8, 2 if pixels.shape[2] == 3 else 6)
    flat = pixels.astype(">u2").view(np.uint8) if pixels.ndim == 2 else pixels.reshape(height, -1)
    rows = np.empty((height, 1 + flat.shape[1]), np.uint8)
    rows[:, 0] = PNG_UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as the standard has it
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, PNG_EFFORT)), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def exr(values: NDArray[np.float32]) -> bytes:
    """An OpenEXR file of (H, W, 3) float32, red, green, blue (the OpenEXR project's "OpenEXR File Layout")."""
    import numpy as np

    height, width = values.shape[:2]
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<iIii", EXR_FLOAT, 0, 1, 1) for name in (b"B", b"G", b"R"))
    header = b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<i", len(data)) + data
        for name, kind, data in (
            (b"channels", b"chlist", channels + b"\0"),
            (b"compression", b"compression", bytes([EXR_ZIP])),
            (b"dataWindow", b"box2i", window),
            (b"displayWindow", b"box2i", window),
            (b"lineOrder", b"lineOrder", b"\0"),
            (b"pixelAspectRatio", b"float", struct.pack("<f", 1.0)),
            (b"screenWindowCenter", b"v2f", struct.pack("<2f", 0.0, 0.0)),
            (b"screenWindowWidth", b"float", struct.pack("<f", 1.0)),
        )
    )
    planes = np.ascontiguousarray(values[..., ::-1].transpose(0, 2, 1), "<f4")  # row by row, and in each B, G, R
    blocks = []
    for top in range(0, height, EXR_LINES):
        packed = _exr_zip(planes[top : top + EXR_LINES].tobytes())
        blocks.append(struct.pack("<2i", top, len(packed)) + packed)
    start = len(EXR_SIGNATURE) + len(header) + 1 + 8 * len(blocks)
    offsets = np.cumsum([start, *map(len, blocks)][:-1], dtype="<u8").tobytes()
    return EXR_SIGNATURE + header + b"\0" + offsets + b"".join(blocks)


def _exr_zip(data: bytes) -> bytes:
    """The bytes as two halves, the even ones first, as differences from the byte before, and deflated."""
    import numpy as np

    stored = np.frombuffer(data, np.uint8)
    halves = np.concatenate([stored[0::2], stored[1::2]]).astype(np.int16)
    halves[1:] = halves[1:] - halves[:-1] + 128
    packed = zlib.compress(halves.astype(np.uint8), PNG_EFFORT)
    return packed if len(packed) < len(data) else data  # what does not become shorter is stored as it is


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_targa(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3 or 4) uint8, RGB or RGBA, of an uncompressed true-colour Targa file, which is what Blender writes raw.

    Raises BadInputError for any other file.
    """
    import numpy as np

    data = path.read_bytes()
    if len(data) < TARGA_HEADER.size:
        raise BadInputError(f"{path.name} is not a Targa file.")
    comment, _, kind, _, _, _, _, _, width, height, bits, flags = TARGA_HEADER.unpack_from(data)
    start, size = TARGA_HEADER.size + comment, width * height * bits // 8
    if kind != TARGA_TRUE_COLOR or bits not in (24, 32) or len(data) < start + size:
        raise BadInputError(f"{path.name} is not an uncompressed true-colour Targa file.")
    stored = np.frombuffer(data, np.uint8, size, start).reshape(height, width, bits // 8)
    order = [2, 1, 0, 3][: bits // 8]
    return np.ascontiguousarray((stored if flags & TARGA_FROM_TOP else stored[::-1])[..., order])


def thumbnail(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """(side, side, 4) RGBA floats, bottom row first: the picture at most that large, in the middle of nothing."""
    import numpy as np

    scale = max(1.0, max(pixels.shape[:2]) / side)
    height, width = (max(1, int(length / scale)) for length in pixels.shape[:2])
    rows, columns = (np.arange(count) * length // count for count, length in zip((height, width), pixels.shape[:2]))
    small = pixels[rows[:, None], columns, :3]
    top, left = (side - height) // 2, (side - width) // 2
    icon = np.zeros((side, side, 4), np.float32)
    icon[top : top + height, left : left + width, :3] = small / np.float32(255)
    icon[top : top + height, left : left + width, 3] = 1.0
    return np.ascontiguousarray(icon[::-1])
