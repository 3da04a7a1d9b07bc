"""Picture files: PNG out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .meshfile import write_atomically


def write_picture(path: Path, pixels: NDArray[Any]) -> None:
    """Write pixels (H, W, 3 or 4) uint8 sRGB as PNG, all of it or nothing.

    Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
