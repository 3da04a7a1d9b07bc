"""Clips in a sequencer: what the tests of image analogy on clips share."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

HEIGHT, WIDTH, COUNT = 36, 54, 8


def frame(number):
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def read_file(path):
    """(H, W, 3) uint8 of a picture file."""
    image = bpy.data.images.load(str(path))
    floats = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(floats)
    height = image.size[1]
    bpy.data.images.remove(image)
    return np.rint(floats.reshape(height, -1, 4)[::-1, :, :3] * 255).astype(np.uint8)


def frames_of(strip):
    """What an image strip's files hold."""
    folder = bpy.path.abspath(strip.directory)
    return [read_file(f"{folder}/{element.filename}") for element in strip.elements]


def shown_at(scene, number, tmp_path, size=(WIDTH, HEIGHT)):
    """What the sequencer shows at a frame."""
    (scene.render.resolution_x, scene.render.resolution_y), scene.render.resolution_percentage = size, 100
    scene.render.dither_intensity, scene.view_settings.view_transform = 0, "Standard"
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    scene.render.filepath = str(tmp_path / f"shown_{number}.png")
    scene.frame_set(number)
    bpy.ops.render.render(write_still=True)
    return read_file(scene.render.filepath)


def run(strips):
    before = {strip.name for strip in strips}
    assert bpy.ops.restyle.frames_analogy() == {"FINISHED"}
    (made,) = (strip for strip in strips if strip.name not in before)
    return made


def refused(words):
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.restyle.frames_analogy()
