"""Masks and passes that guide: painted, rendered, kept, and read from files that anybody may have made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_parts import HEIGHT, WIDTH, camera, generated, noise, outputs, recipe, refused, run

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
QUICK_SERVER = True


def test_a_painted_mask(panel, server, part):
    mask = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    mask[5:9, 10:20] = 255
    mask[6, 10:20, 3] = 51  # what is transparent is meant the less
    mask[0, 0] = 51, 51, 51, 255
    panel.from_structure_mask = generated("mask", mask)
    (made,) = run(panel, generated("picture", noise()))
    seen = outputs(part, made)["report"]["inputs"]["structure_mask"]
    assert (seen["shape"], seen["dtype"], seen["low"], seen["high"]) == ([HEIGHT, WIDTH], "float32", 0.0, 1.0)
    assert seen["mean"] == pytest.approx((30 + 10 / 5 + 1 / 5) / mask[..., 0].size)
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
    camera(scene, 48, 27)
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
        told = seen[port]["object"]
        assert (told["shape"], told["dtype"], told["low"], told["high"]) == ([27, 48, 1], "int32", 0.0, 8.0)
        assert seen[port]["normal"]["shape"] == [27, 48, 3]
    assert rendered.render.image_settings.file_format == "PNG"
    guides = part("restyle.exrfile").guides
    assert np.unique(guides(Path(panel.from_appearance_passes.path))["object"]).tolist() == [0, 3, 8]
    part("pictures").keep_passes(rendered, tmp_path / "now.exr")
    assert np.unique(guides(tmp_path / "now.exr")["object"]).tolist() == [0, 5, 8]


def test_the_passes_are_those_that_blender_itself_reads(rendered, part, tmp_path):
    """Depth against geometry: the camera is 2 above the origin, the cubes' faces at -5 are 7 away."""
    part("pictures").keep_passes(rendered, tmp_path / "passes.exr")
    passes = part("restyle.exrfile").guides(tmp_path / "passes.exr")
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


# The match field


def test_the_field_is_an_image_of_texture_coordinates(panel, server, part):
    before = set(bpy.data.images)
    (made,) = (
        image for image in run(panel, generated("picture", noise()), field=True) if image.name == "picture restyled"
    )
    (field,) = (image for image in set(bpy.data.images) - before if image.name.endswith(", field"))
    assert (field.name, tuple(field.size)) == ("picture restyled, field", (WIDTH, HEIGHT))
    assert (field.is_float, field.colorspace_settings.name) == (True, "Non-Color")
    assert field.packed_file is not None
    assert recipe(made)["parameters"]["field"] is True
    floats = np.empty(WIDTH * HEIGHT * field.channels, np.float32)
    field.pixels.foreach_get(floats)
    floats = floats.reshape(HEIGHT, WIDTH, -1)  # the bottom row first
    assert floats[..., 0] == pytest.approx(np.tile(0.5 + (np.arange(WIDTH) + 0.5) / (2 * WIDTH), (HEIGHT, 1)))
    up = (np.arange(HEIGHT) + 0.5) / (2 * HEIGHT)  # the lower half of the appearance
    assert floats[..., 1] == pytest.approx(np.tile(up[:, None], (1, WIDTH)), abs=1e-6)
    assert not floats[..., 2].any()


def test_compare_shows_the_picture_and_not_its_field(panel, server, part):
    image = generated("picture", noise())
    run(panel, image, field=True)
    assert [found.name for found in part("pictures").results_of(image)] == ["picture restyled"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (16, 16), (17, 5), (100, 33)])
def test_float_pictures_are_read_back_by_blender_and_by_our_own_reader(part, scene, tmp_path, shape):
    values = np.random.default_rng(0).normal(size=(*shape, 3)).astype(np.float32)
    path = tmp_path / "values.exr"
    path.write_bytes(part("rasters").exr(values))
    read = part("restyle.exrfile").read(path)
    assert all(np.array_equal(read[name], values[..., axis]) for axis, name in enumerate("RGB"))
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    floats = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(floats)
    assert np.array_equal(floats.reshape(*shape, -1)[::-1, :, :3], values)


# Files that anybody may have made


@pytest.mark.parametrize("codec", ["NONE", "ZIP"])
def test_damaged_passes_are_refused_and_nothing_else_happens(rendered, part, tmp_path, codec):
    errors, exr, compat = part("restyle.errors"), part("restyle.exrfile"), part("compat")
    path = tmp_path / "passes.exr"
    with compat.image_settings(rendered, "OPEN_EXR_MULTILAYER", color_depth="32", exr_codec=codec):
        bpy.data.images["Render Result"].save_render(str(path), scene=rendered)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    said = []
    for number in range(200):
        broken = bytearray(whole[: random.integers(len(whole))] if number % 2 else whole)
        for place in random.integers(0, max(1, min(len(broken), 3000)), 4):
            if broken:
                broken[place] = random.integers(256)
        path.write_bytes(broken)
        try:
            exr.read(path)
        except errors.BadInputError as error:
            said.append(error.message)
    assert len(said) > 100, "half of them are cut off"
    assert all(message.startswith(f"{path} cannot be read") for message in said)


def test_codecs_agree_and_half_floats_are_read(rendered, part, tmp_path):
    exr, compat, read = part("restyle.exrfile"), part("compat"), {}
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
        part("restyle.exrfile").read(path)


def test_targa_files_that_are_cut_off_are_refused(part, tmp_path):
    path = tmp_path / "frame.tga"
    for size in (0, 5, 17, 18, 100):
        path.write_bytes(bytes(size))
        with pytest.raises(part("restyle.errors").BadInputError, match="Targa"):
            part("rasters").read_targa(path)


def test_images_of_ids_guide_by_their_colors(panel, server, part):
    ids = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ids[:, : WIDTH // 2, 0] = 255
    panel.from_structure_passes.source, panel.from_structure_passes.image = "IMAGE", generated("ids", ids)
    panel.from_appearance_passes.source, panel.from_appearance_passes.image = "IMAGE", generated("same", ids[::-1])
    (made,) = run(panel, generated("picture", noise()))
    seen = outputs(part, made)["report"]["inputs"]
    assert recipe(made)["sources"]["structure_passes"]["name"] == "ids"
    assert seen["structure_passes"] == seen["appearance_passes"]
    panel.from_appearance_passes.source = "NONE"
    with pytest.raises(RuntimeError, match="passes of both"):
        bpy.ops.restyle.image_analogy()


# What counts


def test_what_the_method_has_no_use_for_is_not_sent(panel, server):
    panel.from_structure_passes.source, panel.from_appearance_passes.source = "RENDER", "FILE"  # none is chosen
    panel.from_structure_mask = panel.from_appearance_mask = generated("mask", noise(3))
    (made,) = run(panel, generated("picture", noise()), method="gan", field=True, lightness_guide=2.0, colors="rank")
    assert sorted(recipe(made)["sources"]) == ["appearance", "structure", "structure_mask"]
    assert not {"field", "lightness_guide", "guide_weight", "colors"} & set(recipe(made)["parameters"])
    panel.from_structure_passes.source = panel.from_appearance_passes.source = "NONE"
    panel.from_appearance_mask = None
    (made,) = run(panel, method="patch", field=False, inject=2)
    assert sorted(recipe(made)["sources"]) == ["appearance", "structure", "structure_mask"]
    assert recipe(made)["parameters"]["lightness_guide"] == 2.0
    assert "inject" not in recipe(made)["parameters"]


def test_one_picture_has_no_guides(panel, server):
    panel.from_structure_passes.source = panel.from_appearance_passes.source = "RENDER"
    panel.from_structure_mask = panel.from_appearance_mask = generated("mask", noise(3))
    refused(panel, "Mode: retarget needs the width", generated("picture", noise()), mode="retarget", both=True)
    (made,) = run(panel, width=20)
    assert sorted(recipe(made)["sources"]) == ["appearance", "appearance_mask"]


def test_a_guide_that_is_half_chosen_is_named(panel):
    picture = generated("picture", noise())
    panel.from_structure_passes.source = "IMAGE"
    refused(panel, "Choose the image of the structure passes, or None", picture)
    panel.from_structure_passes.source, panel.from_appearance_passes.source = "RENDER", "FILE"
    refused(panel, "Choose the file of the appearance passes, or None")
    panel.from_appearance_passes.source = "NONE"
    refused(panel, "A guide needs the passes of both pictures")


def test_a_guide_of_one_side_does_not_hide_that_a_picture_is_needed(panel, part):
    choosing, job = part("choosing"), part("restyle.jobs").declaration("image_analogy")
    chosen = {"appearance": choosing.Choice("IMAGE", "matter"), "appearance_passes": choosing.Choice("FILE", "a.exr")}
    assert choosing.unfilled(job, {}, chosen) == "structure"
