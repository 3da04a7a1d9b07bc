"""Images: read as the artist sees them, and results as packed images beside them, each with the recipe it was made by.

What travels is 8 bit sRGB. An 8 bit image goes as it is stored, so that what goes out and comes back unchanged is equal
to the bit. A float image (OpenEXR, 16 bit PNG) holds scene-linear light with alpha multiplied in, and is encoded. The
render goes as its view transform shows it, through a file, since Blender does not hand out its pixels.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat
from .restyle.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .arrivals import Picture

MAX_PIXELS = 64_000_000  # as the kind `image` has it; that module would import numpy into every start of Blender
ROWS = 256  # encoded at a time: it takes doubles
RENDER = "Render Result"
RECIPE = "restyle"  # the custom property of a result
SOURCE = "restyle.{}"  # and those that point to the images it was made from


def obstacle(image: bpy.types.Image | None) -> str:
    """Why the image cannot be sent, with the next step, as far as can be told without reading it."""
    if image is None:
        return "Choose a picture"
    if image.source == "TILED":
        return f"“{image.name}” is a UDIM set of tiles: choose the file of one tile instead"
    if image.source in ("MOVIE", "SEQUENCE"):
        return f"“{image.name}” has many frames: add it to the Sequencer and choose Strip instead"
    return ""


def read(image: bpy.types.Image | None, scene: bpy.types.Scene) -> Pixels | File:
    """The image's pixels on their way; BadInputError if it has none."""
    import numpy as np

    if reason := obstacle(image):
        raise BadInputError(f"{reason}.")
    if image.source == "VIEWER":
        return render(image, scene)
    width, height = image.size
    if width == 0 or height == 0:
        place = f" at {bpy.path.abspath(image.filepath)}" if image.filepath and image.packed_file is None else ""
        raise BadInputError(
            f"“{image.name}” has no pixels: its file{place} is missing or not a picture that Blender can read. Find it "
            "with File > External Data > Find Missing Files, or choose another picture."
        )
    if width * height > MAX_PIXELS:
        raise BadInputError(
            f"“{image.name}” has {width} x {height} pixels, more than the {MAX_PIXELS:,} that can be sent. Scale a "
            "copy down with Image > Resize."
        )
    floats = np.empty(len(image.pixels), np.float32)
    if floats.size == 0 or floats.size % (width * height):
        raise BadInputError(f"“{image.name}” does not give its pixels. Save it as a PNG and choose that file.")
    image.pixels.foreach_get(floats)
    linear = image.is_float and not image.colorspace_settings.is_data
    return Pixels(floats.reshape(height, width, -1), linear, image.alpha_mode not in ("CHANNEL_PACKED", "NONE"))


def render(image: bpy.types.Image | None, scene: bpy.types.Scene) -> File:
    """The newest render, as the view transform shows it; BadInputError if there is none."""
    folder = _save(image, scene, "render.tga", "TARGA_RAW", color_mode="RGBA")
    return File(folder)


def render_passes(scene: bpy.types.Scene, layer: str) -> Passes:
    """The passes of the newest render; BadInputError if there is none."""
    codec = {"color_depth": "32", "exr_codec": "NONE"}
    folder = _save(bpy.data.images.get(RENDER), scene, "render.exr", "OPEN_EXR_MULTILAYER", **codec)
    return Passes(Path(folder.name) / "render.exr", layer, folder)


def _save(
    image: bpy.types.Image | None, scene: bpy.types.Scene, name: str, file_format: str, **settings: str
) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="restyle-render-")
    path = Path(folder.name) / name
    if image is not None:
        with compat.image_settings(scene, file_format, **settings), suppress(RuntimeError):
            image.save_render(str(path), scene=scene)
    if not path.exists():
        folder.cleanup()
        raise BadInputError("Nothing has been rendered yet: render first (F12), or choose another picture.")
    return folder


def keep_render(scene: bpy.types.Scene) -> bpy.types.Image:
    """The newest render as a packed image of its own; BadInputError if there is none."""
    folder = _save(bpy.data.images.get(RENDER), scene, "render.png", "PNG", color_mode="RGBA", color_depth="8")
    with folder:
        data = (Path(folder.name) / "render.png").read_bytes()
    image = bpy.data.images.new("Render kept", 1, 1)
    return _packed(image, data)


def keep_passes(scene: bpy.types.Scene, path: Path) -> None:
    """Write the passes of the newest render to an OpenEXR MultiLayer file; BadInputError if there is none."""
    codec = {"color_depth": "32", "exr_codec": "ZIP"}
    with _save(bpy.data.images.get(RENDER), scene, "render.exr", "OPEN_EXR_MULTILAYER", **codec) as folder:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder) / "render.exr", path)
        except OSError as error:
            raise BadInputError(f"{path} cannot be written: {error.strerror}. Save the file elsewhere.") from error


def read_file(path: str, scene: bpy.types.Scene) -> Pixels | File:
    """The pixels of a picture file on their way; BadInputError if it is not one."""
    place = bpy.path.abspath(path)
    if not path.strip():
        raise BadInputError("Choose a picture file.")
    try:
        image = bpy.data.images.load(place)
    except RuntimeError as error:
        raise BadInputError(f"{place} cannot be opened. Choose another file.") from error
    try:
        return read(image, scene)
    finally:
        bpy.data.images.remove(image)


@dataclass(frozen=True)
class Pixels:
    """Pixels as Blender gave them: (H, W, C) float32, the bottom row first.

    linear: whether they are scene-linear light. premultiplied: whether such light has its alpha multiplied in.
    """

    floats: NDArray[np.float32]
    linear: bool
    premultiplied: bool

    def get(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 sRGB; (H, W, 4) if some of it is transparent."""
        import numpy as np

        height, width, channels = self.floats.shape
        values = np.ones((height, width, 4), np.float32)
        if channels >= 3:
            values[..., :channels] = self.floats[::-1]
        else:
            values[..., :3] = self.floats[::-1, :, :1]
            if channels == 2:
                values[..., 3] = self.floats[::-1, :, 1]
        values = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0, copy=False)
        if self.linear:
            self._encode(values)
        pixels = np.rint(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)
        return pixels if (pixels[..., 3] < 255).any() else np.ascontiguousarray(pixels[..., :3])

    def _encode(self, values: NDArray[np.float32]) -> None:
        import numpy as np

        from .restyle.color import linear_to_srgb

        alpha = values[..., 3:]
        if self.premultiplied:
            np.divide(values[..., :3], alpha, out=values[..., :3], where=alpha > 0)
        for start in range(0, len(values), ROWS):
            rows = values[start : start + ROWS]
            rows[..., :3] = linear_to_srgb(rows[..., :3])

    def close(self) -> None:
        """Nothing is kept elsewhere."""


@dataclass(frozen=True)
class Mask:
    """Pixels as how much each is meant: the mean of their colours, in [0, 1]; what is transparent is not meant."""

    pixels: Pixels | File

    def get(self) -> NDArray[np.float32]:
        """(H, W) float32."""
        import numpy as np

        pixels = self.pixels.get()
        mask = pixels[..., :3].mean(axis=2, dtype=np.float32) / np.float32(255)
        return mask * (pixels[..., 3] / np.float32(255)) if pixels.shape[2] == 4 else mask

    def close(self) -> None:
        """Drop what it is read from."""
        self.pixels.close()


@dataclass(frozen=True)
class File:
    """A render in a temporary folder of its own."""

    folder: tempfile.TemporaryDirectory[str]

    def get(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 sRGB; (H, W, 4) if some of it is transparent."""
        import numpy as np

        from .rasters import read_targa

        try:
            pixels = read_targa(Path(self.folder.name) / "render.tga")
        finally:
            self.close()
        return pixels if (pixels[..., 3:] < 255).any() else np.ascontiguousarray(pixels[..., :3])

    def close(self) -> None:
        """Delete the folder."""
        self.folder.cleanup()


@dataclass(frozen=True)
class Passes:
    """Render passes in an OpenEXR file; `folder` is deleted with it if it is a temporary one."""

    path: Path
    layer: str = ""
    folder: tempfile.TemporaryDirectory[str] | None = None

    def get(self) -> dict[str, NDArray[Any]]:
        """The passes that can guide, by name."""
        from .restyle.exrfile import guides

        try:
            return guides(self.path, self.layer)
        finally:
            self.close()

    def close(self) -> None:
        """Delete the temporary folder."""
        if self.folder is not None:
            self.folder.cleanup()


# Results


def add(name: str, picture: Picture, recipe: Mapping[str, Any], sources: Mapping[str, bpy.types.Image]) -> Any:
    """A new image data block with the picture packed in it; Blender counts its name up if there is one of that name.

    sources: the images that it was made from, by the job's input.
    """
    image = _packed(bpy.data.images.new(name, picture.width, picture.height), picture.data)
    image[RECIPE] = json.dumps(recipe)
    for port, source in sources.items():
        image[SOURCE.format(port)] = source
    return image


def add_data(name: str, picture: Picture) -> Any:
    """A new image data block that holds numbers rather than colours, such as coordinates, as floats."""
    image = bpy.data.images.new(name, picture.width, picture.height, float_buffer=True, is_data=True)
    image = _packed(image, picture.data, picture.suffix)
    image.colorspace_settings.name = "Non-Color"
    return image


def _packed(image: bpy.types.Image, data: bytes, suffix: str = ".png") -> bpy.types.Image:
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.filepath_raw = f"//{bpy.path.clean_name(image.name)}{suffix}"  # where unpacking would put it
    image.use_fake_user = True  # or it would be gone after saving, as long as nothing uses it
    return image


def recipe_of(image: bpy.types.Image | None) -> dict[str, Any] | None:
    """How an image was made, if it is a result."""
    text = image.get(RECIPE) if image is not None else None
    return json.loads(text) if text else None


def source_of(image: bpy.types.Image, port: str) -> bpy.types.Image | None:
    """The image that a result's input was, wherever it has been renamed to; None if it was none or is gone."""
    found = image.get(SOURCE.format(port))
    return found if isinstance(found, bpy.types.Image) else None


def results_of(image: bpy.types.Image) -> list[bpy.types.Image]:
    """The results that were made from an image's layout, oldest first."""
    return [found for found in bpy.data.images if recipe_of(found) and compared_with(found) == image]


def compared_with(result: bpy.types.Image) -> bpy.types.Image | None:
    """What a result is compared with: the first of its job's inputs, whose layout it has, or else whose matter."""
    first = next(iter((recipe_of(result) or {}).get("sources", ())), "")
    return source_of(result, first) if first else None


def show(image: bpy.types.Image, instead_of: bpy.types.Image | None) -> None:
    """Show an image in the editors that show `instead_of` or a result of it; if there are none, in the first editor."""
    editors = [
        area.spaces.active
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "IMAGE_EDITOR"
    ]
    related = {instead_of, *results_of(instead_of)} if instead_of is not None else set()
    chosen = [space for space in editors if space.image in related or space.image is None]
    for space in chosen or editors[:1]:
        space.image = image
