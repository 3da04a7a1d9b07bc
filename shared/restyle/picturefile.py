"""Picture files: PNG, JPEG, WebP, TIFF, BMP, GIF, PPM and TGA in, PNG out.

What comes out of a reader is what a viewer shows: sRGB of 8 bits, upright whatever the camera's EXIF says. Size is
checked before anything is decoded.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInputError, UsageError
from .kinds import mask as mask_kind
from .kinds.image import MAX_PIXELS
from .outfile import check_file, write_atomically

if TYPE_CHECKING:
    from PIL import Image

WRITABLE = (".png",)
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".tga")
MAX_BYTES = 1 << 30
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "TGA")


def read_picture(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture as (H, W, 3) uint8 sRGB, or (H, W, 4) with straight alpha if any of it is transparent.

    Of an animation or a document of several pages it is the first picture. Raises BadInputError that names the file
    and what is wrong with it.
    """
    with _opened(Path(path)) as image:
        if image.mode.startswith("I"):
            return np.repeat(np.rint(_wide_grey(image) * 255).astype(np.uint8)[..., None], 3, axis=2)
        pixels = np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    opaque = pixels.shape[2] == 4 and bool((pixels[..., 3] == 255).all())
    return np.ascontiguousarray(pixels[..., :3]) if opaque else pixels


def read_levels(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read a picture of data, such as IDs or depth: (H, W, 1) uint16 if it is grey of 16 bits, else (H, W, 3) uint8."""
    with _opened(Path(path)) as image:
        if image.mode.startswith("I"):
            return np.clip(np.asarray(image, np.int64), 0, 65535).astype(np.uint16)[..., None]
        return np.array(image.convert("RGB"))


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read a painted mask as (H, W) float32: white is 1, black and transparent are 0.

    Raises BadInputError as `read_picture` does, and for a mask that is empty.
    """
    with _opened(Path(path)) as image:
        if image.mode.startswith("I"):
            values = _wide_grey(image)
        else:
            grey, alpha = np.moveaxis(np.asarray(image.convert("RGBA").convert("LA"), np.float32) / 255, 2, 0)
            values = grey * alpha
    try:
        mask_kind.validate(values)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error.message.removeprefix('mask: ')}") from error
    return values


def animated(path: str | os.PathLike[str]) -> bool:
    """Whether a readable picture file holds more than one picture, of which only the first is read."""
    with _opened(Path(path)) as image:
        return bool(getattr(image, "is_animated", False))


def _wide_grey(image: Image.Image) -> NDArray[np.float32]:
    """Grey levels of 16 bits as 0 to 1; Pillow's own conversion would cut them off at 255."""
    return (np.clip(np.asarray(image, np.float32), 0, 65535) / 65535).astype(np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, decoded and upright, with everything that a file may be guilty of turned into BadInputError."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    require_file(path, "a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on oddities of files that it can read
            with Image.open(path, formats=_FORMATS) as image:
                _check_pixels(path, *image.size)
                image.load()
                if image.mode == "F":
                    raise BadInputError(f"{path}: it holds 32-bit floats. Save it with 8 or 16 bits per channel.")
                ImageOps.exif_transpose(image, in_place=True)
                yield image
    except BadInputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "") from error
    except UnidentifiedImageError as error:
        known = ", ".join(_FORMATS)
        raise BadInputError(f"{path}: this is not a picture that can be read. Save it as one of: {known}.") from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise BadInputError(f"{path}: it is damaged or not complete ({error}). Export or copy it again.") from error


def _check_pixels(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width} x {height} ")
    if width == 0 or height == 0:
        raise BadInputError(f"{path}: it is {width} x {height} pixels; it needs at least one.")


def _too_large(path: Path, size: str) -> BadInputError:
    return BadInputError(f"{path}: its {size}pixels are more than the {MAX_PIXELS:,} allowed. Make a smaller copy.")


def require_file(path: Path, what: str) -> None:
    """Raise BadInputError unless `path` is a file of bearable size that may be read."""
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder, not {what}.")
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file. Check the path.")
    if not path.is_file():
        raise BadInputError(f"{path}: this is not an ordinary file.")
    if not os.access(path, os.R_OK):
        raise BadInputError(f"{path}: it may not be read. Change its permissions.")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise BadInputError(f"{path}: {size:,} bytes are more than the {MAX_BYTES:,} allowed. Make a smaller copy.")


def check_output(path: Path) -> None:
    """Raise UsageError or BadInputError unless a picture can be written to `path`: known ending, writable folder."""
    if path.suffix.lower() not in WRITABLE:
        raise UsageError(f"{path}: pictures are written as {', '.join(WRITABLE)}. Choose that ending.")
    check_file(path)


def write_picture(path: Path, pixels: NDArray[Any]) -> None:
    """Write pixels (H, W, 3 or 4) uint8 sRGB as PNG, all of it or nothing.

    Raises BadInputError for a path that cannot be written, ResourcesError when the disk is full.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def write_levels(path: Path, levels: NDArray[np.uint16]) -> None:
    """Write data (H, W) uint16, such as a height map, as grey PNG of 16 bits; errors as of `write_picture`."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
