"""Pictures out of a real Blender and back: bit for bit, beside their source, undone in one step, and made again."""

from __future__ import annotations

import numpy as np
import pytest
from image_parts import HEIGHT, WIDTH, camera, generated, noise, read, recipe, refused, run

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
QUICK_SERVER = True


# Colour


@pytest.mark.parametrize("color_space", ["sRGB", "Non-Color"])
def test_an_8_bit_image_comes_back_equal_to_the_bit(panel, server, color_space):
    pixels = noise()
    (made,) = run(panel, generated("picture", pixels, color_space=color_space))
    assert np.array_equal(read(made)[..., :3], pixels)
    assert (made.colorspace_settings.name, made.is_float, tuple(made.size)) == ("sRGB", False, (WIDTH, HEIGHT))


def test_scene_linear_light_is_encoded(panel, server):
    pixels = noise(1)
    (made,) = run(panel, generated("light", pixels, linear=True))
    assert np.array_equal(read(made)[..., :3], pixels)


def test_a_16_bit_file_is_light_too(panel, server, tmp_path):
    pixels = noise(2)
    source = generated("deep", pixels, linear=True)
    settings = bpy.context.scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "PNG", "16", "RGB"
    bpy.context.scene.view_settings.view_transform = "Standard"
    source.save_render(str(tmp_path / "deep.png"), scene=bpy.context.scene)
    loaded = bpy.data.images.load(str(tmp_path / "deep.png"))
    assert loaded.is_float
    (made,) = run(panel, loaded)
    assert np.array_equal(read(made)[..., :3], pixels)


def test_values_beyond_white_and_no_numbers_are_clipped(panel, server):
    image = generated("wild", noise(3), linear=True)
    values = np.empty(HEIGHT * WIDTH * 4, np.float32)
    image.pixels.foreach_get(values)
    values[0], values[1], values[2] = 7.0, float("nan"), -3.0
    image.pixels.foreach_set(values)
    (made,) = run(panel, image)
    assert read(made)[-1, 0].tolist() == [255, 0, 0, 255]


def test_alpha_survives(panel, server):
    pixels = noise(4, channels=4)
    (made,) = run(panel, generated("glass", pixels))
    assert np.array_equal(read(made), pixels)


def test_a_file_a_packed_image_and_a_chosen_path_are_the_same(panel, server, save):
    pixels = noise(5)
    path = save(pixels)
    loaded = bpy.data.images.load(str(path))
    (first,) = run(panel, loaded)
    loaded.pack()
    (second,) = run(panel, loaded)
    panel.from_structure.source, panel.from_structure.path = "FILE", str(path)
    made = run(panel)
    assert all(np.array_equal(read(image)[..., :3], pixels) for image in (first, second, made[-1]))


def test_the_render_goes_as_it_is_shown(panel, server, tmp_path):
    scene = bpy.context.scene
    camera(scene, 32, 20)
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.5, 0.1, 0.9)
    scene.render.image_settings.file_format = "JPEG"
    scene.render.image_settings.color_mode = "BW"
    bpy.ops.render.render()
    panel.from_structure.source = "RENDER"
    (made,) = run(panel)
    settings = scene.render.image_settings
    assert (settings.file_format, settings.color_mode, scene.render.dither_intensity) == ("JPEG", "BW", 1.0)
    scene.render.dither_intensity = 0
    settings.file_format, settings.color_mode = "PNG", "RGB"
    bpy.data.images["Render Result"].save_render(str(tmp_path / "shown.png"), scene=scene)
    assert np.array_equal(read(made), read(bpy.data.images.load(str(tmp_path / "shown.png"))))


# What cannot be sent


def test_nothing_chosen(panel):
    refused(panel, "Choose the structure picture")
    panel.from_appearance.image = None
    refused(panel, "Choose the appearance picture", generated("picture", noise()))


def test_a_file_that_is_gone(panel, save):
    path = save(noise())
    image = bpy.data.images.load(str(path))
    path.unlink()
    refused(panel, r"“picture.png” has no pixels: its file at .*picture\.png is missing", image)


def test_files_that_are_no_pictures(panel, tmp_path):
    (tmp_path / "not.png").write_text("hello")
    panel.from_structure.source, panel.from_structure.path = "FILE", str(tmp_path / "not.png")
    refused(panel, r"“not\.png” has no pixels")
    panel.from_structure.path = str(tmp_path / "nowhere.png")
    refused(panel, r"nowhere\.png cannot be opened")
    assert not [image for image in bpy.data.images if image.name.startswith("not")], "nothing is left in the file"


def test_tiles_movies_and_sequences(panel, data_dir):
    refused(panel, "UDIM", bpy.data.images.new("tiles", 8, 8, tiled=True))
    movie = bpy.data.images.load(str(data_dir / "videos" / "flower.mp4"))
    refused(panel, "add it to the Sequencer", movie)


def test_no_render_yet(panel):
    panel.from_structure.source = "RENDER"
    refused(panel, "Nothing has been rendered yet")


def test_too_many_pixels(panel):
    refused(panel, "9000 x 9000 pixels, more than", bpy.data.images.new("huge", 9000, 9000))


def test_settings_that_do_not_go_together(panel):
    refused(panel, "is not for the method patch", generated("picture", noise()), preset="paper")


# The result


def test_one_undo_step_takes_the_result_and_nothing_else(panel, server):
    source = generated("picture", noise())
    panel.from_structure.image = source
    bpy.ops.ed.undo_push(message="Picture")
    (made,) = run(panel)
    assert (made.name, made.packed_file is not None, made.source) == ("picture restyled", True, "FILE")
    bpy.ops.ed.undo()
    assert sorted(image.name for image in bpy.data.images) == ["matter", "picture"]
    bpy.ops.ed.redo()
    assert "picture restyled" in bpy.data.images


def test_names_are_counted_up_and_nothing_is_overwritten(panel, server):
    source = generated("picture", noise())
    pixels = read(source)
    names = [run(panel, source)[0].name for _ in range(3)]
    assert names == ["picture restyled", "picture restyled.001", "picture restyled.002"]
    assert np.array_equal(read(source), pixels)


def test_every_picture_that_was_asked_for_comes(panel, server):
    made = run(panel, generated("picture", noise()), samples=3, both=True)
    assert sorted(image.name for image in made) == [
        "picture restyled",
        "picture restyled, reverse",
        "picture restyled, sample 2",
        "picture restyled, sample 3",
    ]
    assert np.array_equal(read(bpy.data.images["picture restyled, reverse"])[..., :3], noise(9))


def test_it_is_saved_with_the_file(panel, server, tmp_path):
    pixels = noise()
    run(panel, generated("picture", pixels))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    made = bpy.data.images["picture restyled"]
    assert np.array_equal(read(made)[..., :3], pixels)
    assert recipe(made)["sources"]["structure"]["name"] == "picture"


def test_it_is_made_again_and_varied_also_from_a_renamed_source(panel, server):
    pixels = noise()
    source = generated("picture", pixels)
    (made,) = run(panel, source, seed=5)
    source.name = "another name"
    panel.seed = 17
    assert bpy.ops.restyle.repeat(image=made.name) == {"FINISHED"}
    assert bpy.ops.restyle.repeat(image=made.name, new_seed=True) == {"FINISHED"}
    again, varied = (image for image in bpy.data.images if image.name.startswith("another name restyled"))
    assert np.array_equal(read(again)[..., :3], np.roll(pixels, 5, axis=1))
    seed = recipe(varied)["parameters"]["seed"]
    assert seed != 5
    assert np.array_equal(read(varied)[..., :3], np.roll(pixels, seed, axis=1))


def test_a_picture_that_is_no_result_cannot_be_repeated(panel):
    with pytest.raises(RuntimeError, match="not a result of Restyle"):
        bpy.ops.restyle.repeat(image="matter")
