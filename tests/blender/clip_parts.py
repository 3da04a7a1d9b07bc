"""Clips in a sequencer: what the tests of image analogy on clips share."""

from __future__ import annotations

import numpy as np
import pytest
from image_parts import read

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

HEIGHT, WIDTH, COUNT = 36, 54, 8


def frame(number):
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def read_file(path):
    """(H, W, 3) uint8 of a picture file."""
    image = bpy.data.images.load(str(path))
    pixels = read(image)[..., :3]
    bpy.data.images.remove(image)
    return pixels


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


def run(strips, operator=None, **options):
    """The strip that the operator, by default that of image analogy on clips, adds."""
    before = {strip.name for strip in strips}
    assert (operator or bpy.ops.restyle.frames_analogy)(**options) == {"FINISHED"}
    (made,) = (strip for strip in strips if strip.name not in before)
    return made


def run_again(strips, made, **options):
    """The strip that a result is made to once more."""
    return run(strips, bpy.ops.restyle.repeat, strip=made.name, **options)


def refused(words):
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.restyle.frames_analogy()
