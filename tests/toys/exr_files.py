"""OpenEXR files as a renderer writes them, made here without the reader that is tested: one part, uncompressed."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_exr(path: Path, channels: Mapping[str, np.ndarray]) -> Path:
    """Write channels (H, W) float32 by their full names."""
    height, width = next(iter(channels.values())).shape
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    names = sorted(channels)
    listed = b"".join(name.encode() + b"\0" + struct.pack("<iIii", 2, 0, 1, 1) for name in names) + b"\0"
    attributes = {
        "channels": ("chlist", listed),
        "compression": ("compression", b"\0"),
        "dataWindow": ("box2i", window),
        "displayWindow": ("box2i", window),
        "lineOrder": ("lineOrder", b"\0"),
        "pixelAspectRatio": ("float", struct.pack("<f", 1)),
        "screenWindowCenter": ("v2f", bytes(8)),
        "screenWindowWidth": ("float", struct.pack("<f", 1)),
    }
    header = struct.pack("<2I", 20000630, 2)
    for name, (kind, data) in attributes.items():
        header += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data
    header += b"\0"
    size = 8 + 4 * width * len(names)
    start = len(header) + 8 * height
    rows = [
        struct.pack("<2i", row, size - 8) + b"".join(channels[name][row].astype("<f4").tobytes() for name in names)
        for row in range(height)
    ]
    offsets = struct.pack(f"<{height}Q", *(start + size * row for row in range(height)))
    path.write_bytes(header + offsets + b"".join(rows))
    return path


def write_passes(path: Path, ids: np.ndarray, depth: np.ndarray | None = None) -> Path:
    """A view layer with an object index and, if given, a depth, as Blender names them."""
    channels = {"ViewLayer.IndexOB.X": ids} | ({} if depth is None else {"ViewLayer.Depth.Z": depth})
    return write_exr(path, channels)
