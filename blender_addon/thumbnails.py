"""Small pictures of running jobs for the panel. They are no data blocks: neither the file nor undo knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy.utils.previews

from .link import THUMBNAIL_SIDE
from .rasters import thumbnail

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


_collection: Any = None


def show(key: str, pixels: NDArray[np.float32]) -> None:
    """Set the picture of that key: (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4) RGBA floats, bottom row first."""
    global _collection  # noqa: PLW0603  Blender wants its collections made and removed by hand
    if _collection is None:
        _collection = bpy.utils.previews.new()
    preview = _collection[key] if key in _collection else _collection.new(key)
    preview.image_size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    preview.image_pixels_float.foreach_set(pixels.ravel())


def show_tiles(key: str, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Set the pictures (H, W, 3) of a key's parts, numbered from 1."""
    for number, picture in enumerate(pictures, 1):
        show(f"{key}.{number}", thumbnail(picture, THUMBNAIL_SIDE))


def tile(key: str, number: int) -> int:
    """What a panel draws one of these by; 0 if there is none."""
    return icon(f"{key}.{number}")


def drop_tiles(key: str) -> None:
    """Forget them."""
    for name in [name for name in _collection or () if name.startswith(f"{key}.")]:
        drop(name)


def icon(key: str) -> int:
    """What a panel draws the picture by; 0 if there is none."""
    return _collection[key].icon_id if _collection is not None and key in _collection else 0


def drop(key: str) -> None:
    """Forget a picture."""
    if _collection is not None and key in _collection:
        del _collection[key]


def clear() -> None:
    """Leave nothing behind."""
    global _collection  # noqa: PLW0603
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
        _collection = None
