"""Small mesh files, and what is said about their faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from restyle.meshfile import MeshFile, read_mesh


def read_text(folder: Path, name: str, content: str | bytes) -> MeshFile:
    """Write a file and read it as a mesh."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_mesh(path)


def areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) area vectors."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a) / 2
