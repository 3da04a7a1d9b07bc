"""The real engines from a real Blender: pictures and short clips, by patches and by the networks, small."""

from __future__ import annotations

import re

import numpy as np
import pytest
from clip_parts import frames_of
from image_parts import camera, read, recipe

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = [pytest.mark.blender, pytest.mark.timeout(900)]
pytest_plugins = ["clip_fixtures"]


def pixels_of(image):
    return read(image)[..., :3]


@pytest.fixture
def pair(scene, data_dir):
    """Balls on wood, and bowls on a lawn, at a quarter of their size."""
    images = [bpy.data.images.load(str(data_dir / "images" / f"pair01_{letter}.jpg")) for letter in "ab"]
    images[0].scale(100, 75)
    images[1].scale(72, 72)
    return images


def test_a_picture(scene, server, pair):
    settings = scene.restyle.image_analogy
    settings.from_structure.image, settings.from_appearance.image = pair
    settings.preset, settings.seed = "draft", 3
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    made = pixels_of(bpy.data.images["pair01_a.jpg restyled"])
    assert made.shape == (75, 100, 3)
    green = made[..., 1].astype(int) - made[..., 0]
    wood = pixels_of(pair[0])
    assert np.median(green) > np.median(wood[..., 1].astype(int) - wood[..., 0]) + 10, "made of lawn and not of wood"
    assert recipe(bpy.data.images["pair01_a.jpg restyled"])["seconds"] > 0
    assert bpy.ops.restyle.repeat(image="pair01_a.jpg restyled") == {"FINISHED"}
    assert np.array_equal(pixels_of(bpy.data.images["pair01_a.jpg restyled.001"]), made), "bit-equal by the same seed"
    assert bpy.ops.restyle.repeat(image="pair01_a.jpg restyled", new_seed=True) == {"FINISHED"}
    assert not np.array_equal(pixels_of(bpy.data.images["pair01_a.jpg restyled.002"]), made), "another seed varies it"


def test_identical_pictures_give_the_picture_back(scene, server, pair):
    settings = scene.restyle.image_analogy
    settings.from_structure.image = settings.from_appearance.image = pair[1]
    settings.preset = "draft"
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    made, wanted = pixels_of(bpy.data.images["pair01_b.jpg restyled"]), pixels_of(pair[1])
    assert np.abs(made.astype(int) - wanted).mean() < 2


def test_guides_of_two_renders(scene, server):
    """Where the second render has object 3, the result has the colour that object 3 had in the first."""
    for place, index in ((-1.5, 3), (1.5, 8)):
        bpy.ops.mesh.primitive_cube_add(location=(place, 0, -6))
        cube = bpy.context.object
        cube.pass_index = index
        material = bpy.data.materials.new(f"paint {index}")
        cube.data.materials.append(material)
        if material.node_tree is None:  # from 5.0 on a material has one
            material.use_nodes = True
        paint = material.node_tree.nodes.new("ShaderNodeEmission")
        paint.inputs["Color"].default_value = (1, 0, 0, 1) if index == 3 else (0, 0, 1, 1)
        output = next(node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
        material.node_tree.links.new(paint.outputs[0], output.inputs["Surface"])
    camera(scene, 96, 54)
    scene.view_settings.view_transform = "Standard"
    bpy.ops.restyle.enable_passes()
    bpy.ops.render.render()
    bpy.ops.restyle.keep_render()
    first, second = (obj for obj in scene.objects if obj.type == "MESH")
    first.location.x, second.location.x = second.location.x, first.location.x
    for material in bpy.data.materials:  # the second render says nothing by its colours
        for node in material.node_tree.nodes:
            if node.type == "EMISSION":
                node.inputs["Color"].default_value = (0.5, 0.5, 0.5, 1)
    bpy.ops.render.render()
    settings = scene.restyle.image_analogy
    settings.from_structure.source = settings.from_structure_passes.source = "RENDER"
    settings.preset, settings.guide_weight = "draft", 5.0
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    made = pixels_of(bpy.data.images["Render restyled"]).astype(int)
    left, right = made[22:32, 26:36].mean(axis=(0, 1)), made[22:32, 60:70].mean(axis=(0, 1))
    assert left[2] > left[0] + 50, left
    assert right[0] > right[2] + 50, right


@pytest.fixture
def shot(scene, strips, editor, strip_of, pair):
    """An image strip of the first picture, moving to the right for three frames; the active one."""
    first = pixels_of(pair[0])
    editor.active_strip = strip_of("shot", [np.roll(first, 4 * number, axis=1) for number in range(3)], 1, 1)
    scene.restyle.frames_analogy.from_appearance.image = pair[1]
    return strips


def test_a_clip(scene, server, shot):
    scene.restyle.frames_analogy.preset = "draft"
    assert bpy.ops.restyle.frames_analogy() == {"FINISHED"}
    made = shot["shot restyled"]
    assert (len(made.elements), made.channel) == (3, 2)


# The networks: two rounds a scale teach them nothing, but all that surrounds them is as ever


def of_matter(made, matter):
    """Whether a picture (H, W, 3) has the mean colour of another."""
    return np.abs(made.mean(axis=(0, 1)) - matter.mean(axis=(0, 1))).max() < 8


def test_a_picture_by_the_networks(scene, server, pair):
    settings = scene.restyle.image_analogy
    settings.from_structure.image, settings.from_appearance.image = pair
    settings.method, settings.preset = "gan", "draft"
    settings.iterations = 2
    assert not of_matter(*map(pixels_of, pair))
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    image = bpy.data.images["pair01_a.jpg restyled"]
    made = pixels_of(image)
    assert made.shape == (75, 100, 3)
    assert image.packed_file is not None
    assert of_matter(made, pixels_of(pair[1]))
    assert recipe(image)["parameters"]["iterations"] == 2


def test_a_cancelled_training_leaves_its_picture_so_far(scene, server, pair, part, pump_until):
    choice = part("picks").Choice
    choices = {
        port: choice("IMAGE", image.name, image) for port, image in zip(("structure", "appearance"), pair, strict=True)
    }
    values = {"method": "gan", "preset": "draft"}
    task = part("session").session().submit("image_analogy", None, {}, values, choices)
    said = []

    def shown():
        if not said or said[-1] != (task.fraction, task.message):
            said.append((task.fraction, task.message))
        return task.id in (part("thumbnails")._collection or ()) and "left" in task.message

    pump_until(shown, 120)
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert re.fullmatch(r"Scale 1 of 5, round \d+ of 250, about \d+ (s|min) left", task.message), task.message
    assert bpy.ops.restyle.cancel(task_id=task.id) == {"FINISHED"}
    pump_until(lambda: task.state.name == "CANCELLED", 60)
    assert "pair01_a.jpg restyled" not in bpy.data.images
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    made = pixels_of(bpy.data.images["pair01_a.jpg restyled, unfinished"])
    assert made.shape == (111, 148, 3), "the networks' own size"
    assert of_matter(made, pixels_of(pair[1]))


def test_a_clip_by_the_networks(scene, server, shot, pair):
    settings = scene.restyle.frames_analogy
    settings.method, settings.preset = "gan", "draft"
    settings.iterations = 2
    assert bpy.ops.restyle.frames_analogy() == {"FINISHED"}
    made = shot["shot restyled"]
    assert (len(made.elements), made.channel) == (3, 2)
    frames = frames_of(made)
    matter = pixels_of(pair[1])
    assert all(frame.shape == (75, 100, 3) and of_matter(frame, matter) for frame in frames)
    still, moved = (
        np.abs(np.roll(frames[0], shift, axis=1)[:, 12:-12].astype(int) - frames[2][:, 12:-12]).mean()
        for shift in (0, 8)
    )
    assert moved < still, "the result moves as the clip does"
