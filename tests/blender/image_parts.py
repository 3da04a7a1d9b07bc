"""Pictures as data blocks of Blender, and the operator that sends them: what the tests of pictures share."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

HEIGHT, WIDTH = 37, 53


def noise(seed=0, channels=3, shape=(HEIGHT, WIDTH)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, channels), dtype=np.uint8)


def read(image):
    """(H, W, 4) uint8, as it is stored."""
    width, height = image.size
    floats = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(floats)
    return np.rint(floats.reshape(height, width, 4)[::-1] * 255).astype(np.uint8)


def generated(name, pixels, *, linear=False, color_space=None):
    """An image data block with these pixels; `linear` makes it a float image of the light that they stand for."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=linear)
    if color_space:
        image.colorspace_settings.name = color_space
    values = np.ones((height, width, 4), np.float32)
    values[..., : pixels.shape[2]] = pixels / np.float32(255)
    if linear:
        encoded = values[..., :3].astype(np.float64)
        values[..., :3] = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    image.pixels.foreach_set(values[::-1].ravel())
    image.update()
    return image


def camera(scene, width, height):
    """A camera two units above the origin that looks down, and Cycles at its cheapest."""
    bpy.ops.object.camera_add(location=(0, 0, 2))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = width, height


def run(panel, image=None, **values):
    if image is not None:
        panel.from_structure.source, panel.from_structure.image = "IMAGE", image
    for name, value in values.items():
        setattr(panel, name, value)
    before = set(bpy.data.images)
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    return [image for image in bpy.data.images if image not in before]


def recipe(image):
    return json.loads(image["restyle"])


def refused(panel, words, image=None, **values):
    with pytest.raises(RuntimeError, match=words):
        run(panel, image, **values)
    assert not [image for image in bpy.data.images if image.get("restyle")]


def outputs(part, image):
    with part("restyle").connect(start=False) as client:
        return client.result(recipe(image)["job_id"]).outputs
