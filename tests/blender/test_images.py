"""Pictures out of a real Blender and back: bit for bit, beside their source, undone in one step, and made again."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
QUICK_SERVER = True
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


@pytest.fixture
def save(part, tmp_path):
    """Write pixels as a PNG file."""

    def write(pixels, name="picture.png"):
        path = tmp_path / name
        path.write_bytes(part("rasters").png(pixels))
        return path

    return write


@pytest.fixture
def panel(scene):
    """The settings of the panel, with an appearance picture chosen."""
    settings = scene.restyle.image_analogy
    settings.from_appearance.image = generated("matter", noise(9))
    bpy.ops.ed.undo_push(message="Matter")
    return settings


def run(panel, image=None, **values):
    if image is not None:
        panel.from_structure.source, panel.from_structure.image = "IMAGE", image
    for name, value in values.items():
        setattr(panel, name, value)
        if f"use_{name}" in panel.bl_rna.properties:
            setattr(panel, f"use_{name}", True)
    before = set(bpy.data.images)
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    return [image for image in bpy.data.images if image not in before]


def recipe(image):
    return json.loads(image["restyle"])


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
    bpy.ops.object.camera_add()
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = 32, 20
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


def refused(panel, words, image=None, **values):
    with pytest.raises(RuntimeError, match=words):
        run(panel, image, **values)
    assert not [image for image in bpy.data.images if image.get("restyle")]


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


@pytest.fixture
def editor():
    """The context of an Image Editor."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    before = area.type
    area.type = "IMAGE_EDITOR"
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        yield area.spaces.active
    area.type = before


def test_the_editor_shows_the_result_and_compares_with_one_click(panel, server, editor):
    source = editor.image = generated("picture", noise())
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}, "the shown image is the structure if none is chosen"
    made = bpy.data.images["picture restyled"]
    assert editor.image == made
    assert panel.from_structure.image == source, "and stays it, though the result is shown now"
    for wanted in (source, made, source):
        assert bpy.ops.restyle.compare() == {"FINISHED"}
        assert editor.image == wanted
    bpy.ops.restyle.image_analogy()
    assert editor.image.name == "picture restyled.001"
    bpy.ops.restyle.compare()
    bpy.ops.restyle.compare()
    assert editor.image.name == "picture restyled.001", "the one that was looked at last"


def test_the_shown_image_is_not_taken_for_both_pictures(panel, editor):
    panel.from_structure.image = editor.image = generated("picture", noise())
    panel.from_appearance.image = None
    refused(panel, "Choose the appearance picture")


def test_the_shown_image_is_the_one_that_is_varied(panel, server, editor):
    panel.from_appearance.image = None
    panel.mode = "vary"
    editor.image = generated("picture", noise())
    (made,) = run(panel)
    assert np.array_equal(read(made)[..., :3], noise())


def test_an_editor_with_something_else_is_left_alone(panel, server, editor):
    other = editor.image = generated("other", noise(7))
    window = bpy.context.window_manager.windows[0]
    second = next(area for area in window.screen.areas if area.type != "IMAGE_EDITOR")
    before, second.type = second.type, "IMAGE_EDITOR"
    second.spaces.active.image = source = generated("picture", noise())
    run(panel, source)
    assert editor.image == other
    assert second.spaces.active.image.name == "picture restyled"
    second.type = before


def test_one_picture_is_enough_to_vary_it(panel, server):
    (made,) = run(panel, mode="vary")
    assert np.array_equal(read(made)[..., :3], noise(9))
    run(panel, generated("picture", noise()))  # a structure that such a mode does not want is left out
    report = recipe(bpy.data.images["matter restyled.001"])
    assert list(report["sources"]) == ["appearance"]


def test_filling_asks_for_the_hole_and_not_for_fewer_pictures(panel, server):
    refused(panel, "fill needs the structure_mask", generated("picture", noise()), mode="fill")
    hole = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    hole[3:9, 4:9] = 255
    panel.from_structure_mask = generated("hole", hole)
    (made,) = run(panel)
    assert sorted(recipe(made)["sources"]) == ["appearance", "structure_mask"]


# Masks and guides


def outputs(part, image):
    with part("restyle").connect(start=False) as client:
        return client.result(recipe(image)["job_id"]).outputs


def test_a_painted_mask(panel, server, part):
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[5:9, 10:20] = 255
    mask[0, 0] = 51
    panel.from_structure_mask = generated("mask", mask)
    (made,) = run(panel, generated("picture", noise()))
    seen = outputs(part, made)["report"]["inputs"]["structure_mask"]
    assert (seen["shape"], seen["dtype"], seen["low"], seen["high"]) == ([HEIGHT, WIDTH], "float32", 0.0, 1.0)
    assert recipe(made)["sources"]["structure_mask"]["name"] == "mask"


def test_an_empty_mask_is_refused(panel, server):
    panel.from_structure_mask = generated("mask", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    refused(panel, "it is empty", generated("picture", noise()))


@pytest.fixture
def rendered(scene):
    """A render of two cubes with all passes."""
    for place, index in ((-1.5, 3), (1.5, 8)):
        bpy.ops.mesh.primitive_cube_add(location=(place, 0, -6))
        bpy.context.object.pass_index = index
    bpy.ops.object.camera_add(location=(0, 0, 2))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = 48, 27
    assert bpy.ops.restyle.enable_passes() == {"FINISHED"}
    bpy.ops.render.render()
    return scene


def test_passes_of_the_render_guide(panel, rendered, server, part, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert bpy.ops.restyle.keep_render() == {"FINISHED"}
    kept = panel.from_appearance.image
    assert (kept.name, tuple(kept.size), panel.from_appearance_passes.source) == ("Render kept", (48, 27), "FILE")
    bpy.data.objects["Cube"].pass_index = 5
    bpy.ops.render.render()
    panel.from_structure.source = panel.from_structure_passes.source = "RENDER"
    (made,) = run(panel)
    seen = outputs(part, made)["report"]["inputs"]
    for port in ("structure_passes", "appearance_passes"):
        assert sorted(seen[port]) == ["depth", "material", "normal", "object"]
        assert seen[port]["object"] == {"shape": [27, 48, 1], "dtype": "int32", "low": 0.0, "high": 8.0}
        assert seen[port]["normal"]["shape"] == [27, 48, 3]
    assert rendered.render.image_settings.file_format == "PNG"
    guides = part("exr").guides
    assert np.unique(guides(Path(panel.from_appearance_passes.path))["object"]).tolist() == [0, 3, 8]
    part("pictures").keep_passes(rendered, tmp_path / "now.exr")
    assert np.unique(guides(tmp_path / "now.exr")["object"]).tolist() == [0, 5, 8]


def test_the_passes_are_those_that_blender_itself_reads(rendered, part, tmp_path):
    """Depth against geometry: the camera is 2 above the origin, the cubes' faces at -5 are 7 away."""
    part("pictures").keep_passes(rendered, tmp_path / "passes.exr")
    passes = part("exr").guides(tmp_path / "passes.exr")
    hit = passes["object"][..., 0] == 8
    assert hit[13, 30:40].any()
    assert not hit[:, :24].any(), "the cube at the right is at the right"
    inside = passes["depth"][..., 0][hit]
    assert inside.min() == pytest.approx(7.0, abs=1e-3)
    assert passes["normal"][13, 33] == pytest.approx([0, 0, 1], abs=1e-3)
    assert passes["depth"][0, 0, 0] == pytest.approx(1e10)


def test_passes_that_were_not_rendered(panel, rendered, server):
    for name in ("use_pass_object_index", "use_pass_material_index", "use_pass_z", "use_pass_normal"):
        setattr(bpy.context.view_layer, name, False)
    bpy.ops.render.render()
    panel.from_structure.source = panel.from_structure_passes.source = "RENDER"
    panel.from_appearance_passes.source, panel.from_appearance_passes.path = "FILE", "/nowhere.exr"
    refused(panel, "nowhere.exr does not exist")


# On an object


def test_as_texture_on_an_object_without_material(panel, server):
    run(panel, generated("picture", noise()))
    bpy.ops.mesh.primitive_cube_add()
    assert bpy.ops.restyle.use_as_texture(image="picture restyled") == {"FINISHED"}
    assert shown_texture(bpy.context.object) == "picture restyled"


def shown_texture(obj):
    """The image behind Base Color of the material in the active slot."""
    tree = obj.active_material.node_tree
    surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    return surface.inputs["Base Color"].links[0].from_node.image.name


def test_as_texture_the_old_material_is_kept(panel, scene):
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    old = bpy.data.materials.new("Bark")
    old.roughness = 0.125
    obj.data.materials.append(old)
    obj.data.materials.append(bpy.data.materials.new("Second"))
    obj.active_material_index = 0
    bpy.ops.ed.undo_push(message="Materials")
    assert bpy.ops.restyle.use_as_texture(image="matter") == {"FINISHED"}
    assert shown_texture(obj) == "matter"
    assert [slot.name for slot in obj.material_slots] == ["Bark with matter", "Second"]
    assert old.use_fake_user
    assert not old.node_tree or not [node for node in old.node_tree.nodes if node.type == "TEX_IMAGE"]
    assert obj.active_material.roughness == 0.125


def test_as_texture_without_uv_map_it_is_projected(panel, scene):
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.data.uv_layers.remove(bpy.context.object.data.uv_layers[0])
    assert bpy.ops.restyle.use_as_texture(image="matter") == {"FINISHED"}
    node = next(node for node in bpy.context.object.active_material.node_tree.nodes if node.type == "TEX_IMAGE")
    assert (node.projection, node.inputs["Vector"].is_linked) == ("BOX", True)


def test_as_texture_needs_an_object_that_takes_one(panel, scene):
    with pytest.raises(RuntimeError, match="Select an object first"):
        bpy.ops.restyle.use_as_texture(image="matter")
    bpy.ops.object.camera_add()
    with pytest.raises(RuntimeError, match="has no material"):
        bpy.ops.restyle.use_as_texture(image="matter")


# While it runs


@pytest.fixture
def send(part, panel):
    """Send as the operator does in a window, without waiting."""

    def begin(image, **values):
        picks = part("picks")
        choices = {
            "structure": picks.Choice("IMAGE", image.name, image),
            "appearance": picks.Choice("IMAGE", "matter", bpy.data.images["matter"]),
        }
        return part("session").session().submit("image_analogy", None, {}, values, choices)

    return begin


def test_previews_progress_and_short_ticks(send, server, part, pump_until):
    task = send(generated("picture", noise(0, shape=(512, 512))), iterations=40)
    session, thumbnails = part("session").session(), part("thumbnails")
    ticks, previews = [], 0
    while task.state not in part("tasks").ENDED:
        started = time.perf_counter()
        session.pump()
        ticks.append(time.perf_counter() - started)
        previews += task.id in (thumbnails._collection or ())
        time.sleep(0.01)
        assert len(ticks) < 30_000
    assert task.error is None, task.why
    assert previews > 0
    p99 = statistics.quantiles(sorted(ticks)[:-1], n=100)[98]  # one of them takes the result in
    print(f"{len(ticks)} ticks: median {statistics.median(ticks) * 1e3:.3f} ms, p99 {p99 * 1e3:.3f} ms")
    assert p99 < 0.008


def test_a_cancelled_job_leaves_its_preview_to_be_kept(send, server, part, pump_until):
    pixels = noise()
    task = send(generated("picture", pixels), iterations=5000)
    pump_until(lambda: part("thumbnails")._collection)
    assert bpy.ops.restyle.cancel(task_id=task.id) == {"FINISHED"}
    pump_until(lambda: task.state.name == "CANCELLED", 20)
    assert "picture restyled" not in bpy.data.images
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert np.array_equal(read(bpy.data.images["picture restyled, unfinished"])[..., :3], pixels)


def test_a_source_that_was_renamed_or_deleted_is_no_hindrance(send, server, part, pump_until):
    image = generated("picture", noise())
    task = send(image)
    image.name = "renamed"
    pump_until(lambda: task.state.name == "APPLIED")
    assert part("pictures").source_of(bpy.data.images["renamed restyled"], "structure") == image
    task = send(image)
    bpy.data.images.remove(image)
    pump_until(lambda: task.state.name == "APPLIED")
    assert "renamed restyled.001" in bpy.data.images


def test_another_file_keeps_the_result_for_the_artist_to_say(send, server, part, pump_until):
    task = send(generated("picture", noise()))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    pump_until(lambda: task.state.name == "READY")
    part("session").session().pump()
    assert len(bpy.data.images) == 0
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert np.array_equal(read(bpy.data.images["picture restyled"])[..., :3], noise())


def test_a_blender_that_ended_finds_its_picture_again(send, server, part, pump_until):
    import addon_utils

    task = send(generated("picture", noise()))
    pump_until(lambda: task.state.name in ("QUEUED", "RUNNING"))
    addon_utils.disable("bl_ext.user_default.restyle")
    addon_utils.enable("bl_ext.user_default.restyle")
    session = part("session").session()
    session.link()
    pump_until(lambda: task.id in session.tasks and session.tasks[task.id].state.name == "READY")
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert np.array_equal(read(bpy.data.images["picture restyled"])[..., :3], noise())


# Files that anybody may have made


@pytest.mark.parametrize("codec", ["NONE", "ZIP"])
def test_damaged_passes_are_refused_and_nothing_else_happens(rendered, part, tmp_path, codec):
    errors, exr, compat = part("restyle.errors"), part("exr"), part("compat")
    path = tmp_path / "passes.exr"
    with compat.image_settings(rendered, "OPEN_EXR_MULTILAYER", color_depth="32", exr_codec=codec):
        bpy.data.images["Render Result"].save_render(str(path), scene=rendered)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    said = []
    for number in range(400):
        broken = bytearray(whole[: random.integers(len(whole))] if number % 2 else whole)
        for place in random.integers(0, max(1, min(len(broken), 3000)), 4):
            if broken:
                broken[place] = random.integers(256)
        path.write_bytes(broken)
        try:
            exr.read(path)
        except errors.BadInputError as error:
            said.append(error.message)
    assert len(said) > 200, "half of them are cut off"
    assert all(message.startswith("passes.exr cannot be read") for message in said)


def test_codecs_agree_and_half_floats_are_read(rendered, part, tmp_path):
    exr, compat, read = part("exr"), part("compat"), {}
    for codec, depth in (("NONE", "32"), ("ZIPS", "32"), ("ZIP", "32"), ("ZIP", "16")):
        path = tmp_path / f"{codec}{depth}.exr"
        with compat.image_settings(rendered, "OPEN_EXR_MULTILAYER", color_depth=depth, exr_codec=codec):
            bpy.data.images["Render Result"].save_render(str(path), scene=rendered)
        read[codec, depth] = exr.guides(path)
    for passes in read.values():
        for name, values in read["NONE", "32"].items():
            assert passes[name] == pytest.approx(values, rel=1e-3), name


def test_passes_in_a_codec_that_is_not_read_say_which_is(rendered, part, tmp_path):
    path = tmp_path / "passes.exr"
    with part("compat").image_settings(rendered, "OPEN_EXR_MULTILAYER", color_depth="32", exr_codec="PIZ"):
        bpy.data.images["Render Result"].save_render(str(path), scene=rendered)
    with pytest.raises(part("restyle.errors").BadInputError, match="with the codec ZIP or None"):
        part("exr").read(path)


def test_targa_files_that_are_cut_off_are_refused(part, tmp_path):
    path = tmp_path / "frame.tga"
    for size in (0, 5, 17, 18, 100):
        path.write_bytes(bytes(size))
        with pytest.raises(part("restyle.errors").BadInputError, match="Targa"):
            part("rasters").read_targa(path)
