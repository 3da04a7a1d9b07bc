"""Guides and masks of clips: render passes, strips and images of IDs, masks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from clip_parts import COUNT, HEIGHT, WIDTH, refused, run, run_again
from image_parts import camera, generated, outputs, recipe
from strip_names import put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["clip_fixtures"]
QUICK_SERVER = True


def render(scene, folder):
    """OpenEXR MultiLayer files of three frames in which a cube of index 3 comes nearer and grows."""
    bpy.ops.mesh.primitive_cube_add(location=(0, 0, -6))
    cube = bpy.context.object
    cube.pass_index = 3
    for number in (1, 2, 3):
        cube.location.z = -10 + 2 * number
        cube.keyframe_insert("location", frame=number)
    camera(scene, WIDTH, HEIGHT)
    for name in ("use_pass_object_index", "use_pass_z", "use_pass_normal"):
        setattr(bpy.context.view_layer, name, True)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    scene.render.filepath = str(folder / "p.####")
    scene.frame_start, scene.frame_end = 1, 3
    bpy.ops.render.render(animation=True)


@pytest.fixture(scope="module")
def folder_of_module(tmp_path_factory):
    return tmp_path_factory.mktemp("passes")


@pytest.fixture
def rendered(scene, folder_of_module, tmp_path):
    """A folder with these files, rendered once."""
    if not any(folder_of_module.iterdir()):
        render(scene, folder_of_module)
    return shutil.copytree(folder_of_module, tmp_path / "passes")


@pytest.fixture
def guided(scene, rendered, matter):
    """The settings of the panel, with the last frame's passes for the appearance."""
    group = scene.restyle.frames_analogy
    group.from_appearance_passes.source = "FILE"
    group.from_appearance_passes.path = str(rendered / "p.0003.exr")
    return group


def test_passes_go_with_the_frames_that_the_strip_shows(guided, rendered, server, sequence, strips, editor, part):
    for number in range(4, COUNT + 1):
        shutil.copy(rendered / "p.0001.exr", rendered / f"p.{number:04}.exr")
    guided.from_structure_passes.source = "FILE"
    guided.from_structure_passes.path = str(rendered / "p.0001.exr")
    made = run(strips)
    sent = outputs(part, made)["report"]["passes"]
    assert sorted(sent["structure_passes"]) == ["depth", "normal", "object"]
    assert sent["structure_passes"]["object"]["shape"] == [COUNT, HEIGHT, WIDTH, 1]
    assert sent["structure_passes"]["object"]["dtype"] == "uint8"
    assert sent["appearance_passes"]["object"]["shape"] == [HEIGHT, WIDTH, 1]
    sizes = sent["structure_passes"]["object"]["means"]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    assert sizes[3:] == [sizes[0]] * 5
    assert sent["appearance_passes"]["object"]["means"] == [sizes[2]]
    assert outputs(part, run_again(strips, made))["report"]["passes"] == sent
    put(sequence, content_trim_start=1, content_trim_end=2, left_handle_offset=2)
    sequence.use_reverse_frames = True
    editor.active_strip = sequence
    turned = outputs(part, run(strips))["report"]["passes"]["structure_passes"]["object"]["means"]
    assert turned == [sizes[3], sizes[2], sizes[1]]


def test_passes_that_do_not_go_with_the_pictures_are_named(guided, rendered, server, sequence, strips, part):
    guided.from_structure_passes.source = "FILE"
    guided.from_structure_passes.path = str(rendered / "p.0002.exr")
    with pytest.raises(RuntimeError, match=r"3 files such as p\.0001\.exr .* but “shot” has 8 pictures"):
        run(strips)
    (rendered / "p.0002.exr").rename(rendered / "p.0004.exr")
    guided.from_structure_passes.path = str(rendered / "p.0003.exr")
    with pytest.raises(RuntimeError, match=r"p\.0002\.exr: this frame is missing"):
        run(strips)
    alone = rendered / "still.exr"
    shutil.copy(rendered / "p.0003.exr", alone)
    guided.from_structure_passes.path = str(alone)
    sent = outputs(part, run(strips))["report"]["passes"]
    (mean,) = sent["appearance_passes"]["object"]["means"]
    assert sent["structure_passes"]["object"]["means"] == [mean] * COUNT


def test_passes_of_one_side_are_refused(guided, server, sequence, strips):
    with pytest.raises(RuntimeError, match="passes of both"):
        run(strips)


def test_a_render_is_taken_as_the_appearance_of_a_clip(scene, matter, part, tmp_path):
    group = scene.restyle.frames_analogy
    render(scene, tmp_path)
    assert bpy.ops.restyle.keep_render(job="frames_analogy") == {"FINISHED"}
    assert group.from_appearance.image.name == "Render kept"
    assert group.from_appearance_passes.source == "FILE"
    assert "object" in part("restyle.exrfile").guides(Path(group.from_appearance_passes.path))


# Strips and images of IDs, and masks

RED, BLUE = (255, 0, 0), (0, 0, 255)


def split(column, left=RED, right=BLUE, shape=(HEIGHT, WIDTH)):
    """One colour in the columns before `column`, another from there on."""
    pixels = np.empty((*shape, 3), np.uint8)
    pixels[:, :column], pixels[:, column:] = left, right
    return pixels


@pytest.fixture
def by_color(scene, matter):
    """The settings of the panel, with an image for the appearance that is red in its upper quarter, else blue."""
    pixels = np.empty((16, 16, 3), np.uint8)
    pixels[:4], pixels[4:] = RED, BLUE
    group = scene.restyle.frames_analogy
    group.from_appearance_passes.source = "IMAGE"
    group.from_appearance_passes.image = generated("matter_ids", pixels)
    return group


def test_a_strip_of_ids_goes_with_the_frames(by_color, server, sequence, strips, strip_of, part):
    strip_of("ids", [split(6 * number + 6) for number in range(COUNT)])
    by_color.from_structure_passes.source, by_color.from_structure_passes.strip = "STRIP", "ids"
    for strip in (sequence, strips["ids"]):
        put(strip, right_handle_offset=2)
    made = run(strips)
    sent = outputs(part, made)["report"]["passes"]
    red = [(6 * number + 6) / WIDTH for number in range(COUNT - 2)]  # of the two labels it has one
    above = sent["appearance_passes"]["id"]["means"] == [pytest.approx(1 / 4)]
    wanted = red if above else [1 - share for share in red]
    assert sent["structure_passes"]["id"]["shape"] == [COUNT - 2, HEIGHT, WIDTH, 1]
    assert sent["structure_passes"]["id"]["means"] == pytest.approx(wanted)
    assert recipe(made)["sources"]["structure_passes"]["label"] == "ids"
    assert outputs(part, run_again(strips, made))["report"]["passes"] == sent


def test_an_image_of_ids_stands_for_all_frames(by_color, server, sequence, strips, part):
    by_color.from_structure_passes.source = "IMAGE"
    by_color.from_structure_passes.image = generated("ids", split(18))
    sent = outputs(part, run(strips))["report"]["passes"]
    assert sent["structure_passes"]["id"]["shape"] == [HEIGHT, WIDTH, 1]
    both = sent["structure_passes"]["id"]["means"][0], sent["appearance_passes"]["id"]["means"][0]
    assert both in [pytest.approx((1 / 3, 1 / 4)), pytest.approx((2 / 3, 3 / 4))]


@dataclass(frozen=True)
class Read:
    """Pixels that are there already."""

    pixels: np.ndarray

    def get(self):
        return self.pixels


def test_ids_of_large_frames_are_thinned_and_transparent_ones_lie_over_black(part):
    frames = np.stack([split(200, RED, (0, 0, 0), (400, 600))] * 2)
    glass = np.dstack([split(0, right=RED), split(18, (255,) * 3, (0,) * 3)[..., :1]])
    pair = part("clip_guides").Pair((Read(frames), Read(glass)), ("“a”", "“b”"))
    ours, theirs = pair.labels(0), pair.labels(1)
    assert (ours.shape, theirs.shape) == ((2, 200, 300, 1), (HEIGHT, WIDTH, 1))
    red, black = ours[0, 0, 0, 0], ours[0, 0, -1, 0]
    assert red != black
    assert np.array_equal(theirs[..., 0] == red, np.tile(np.arange(WIDTH) < 18, (HEIGHT, 1)))


def test_ids_that_do_not_go_with_the_clip_are_named(by_color, server, sequence, strips, strip_of):
    chosen = by_color.from_structure_passes
    chosen.source = "STRIP"
    refused("Choose the strip of the structure passes, or None")
    strip_of("short", [split(6 + number) for number in range(COUNT - 3)])
    chosen.strip = "short"
    refused("“short” shows 5 frames, but “shot” 8")
    chosen.source, chosen.image = "IMAGE", generated("tall", split(9, shape=(WIDTH, HEIGHT)))
    refused(f"tall.* {HEIGHT} x {WIDTH}.*Give both the same shape|id is {HEIGHT} x {WIDTH}, but the picture is")
    chosen.image = generated("plain", split(0))
    refused("“plain”: all of it is of one colour")
    by_color.from_appearance_passes.source = "NONE"
    refused("passes of both pictures")
    strip_of("tall", [split(9, shape=(WIDTH, HEIGHT))] * COUNT)
    by_color.from_appearance_passes.source, chosen.source, chosen.strip = "IMAGE", "STRIP", "tall"
    refused(f"{HEIGHT} x {WIDTH}.* Give both the same shape")


def test_ids_by_color_on_one_side_and_passes_on_the_other_are_refused(by_color, rendered, server, sequence, strips):
    by_color.from_structure_passes.source = "FILE"
    by_color.from_structure_passes.path = str(rendered / "p.0003.exr")
    with pytest.raises(RuntimeError, match=r"IDs by color are needed of both|3 files"):
        run(strips)
    by_color.from_appearance_passes.source = "FILE"
    by_color.from_appearance_passes.path = str(rendered / "p.0003.exr")
    by_color.from_structure_passes.source = "IMAGE"
    by_color.from_structure_passes.image = generated("ids", split(18))
    refused("Structure passes: IDs by color are needed of both")


def test_a_strip_or_an_image_says_where_the_clip_is_changed(scene, matter, server, sequence, strips, strip_of, part):
    chosen = scene.restyle.frames_analogy.from_structure_mask
    masks = [split(6 * number + 6, (255,) * 3, (0,) * 3) for number in range(COUNT)]
    strip_of("mask", masks)
    chosen.source, chosen.strip = "STRIP", "mask"
    sent = outputs(part, run(strips))["report"]["mask"]
    assert sent["shape"] == [COUNT, HEIGHT, WIDTH, 3]
    assert sent["means"] == pytest.approx([mask.mean() for mask in masks])
    glass = np.dstack([np.full_like(masks[2], 255), masks[2][..., :1]])  # what is transparent is not meant
    chosen.source, chosen.image = "IMAGE", generated("one mask", glass)
    sent = outputs(part, run(strips))["report"]["mask"]
    assert (sent["shape"], sent["means"]) == ([1, HEIGHT, WIDTH, 3], [pytest.approx(masks[2].mean())])


def test_masks_that_do_not_go_with_the_clip_are_named(scene, matter, server, sequence, strips, strip_of):
    chosen = scene.restyle.frames_analogy.from_structure_mask
    strip_of("short", [split(6, (255,) * 3, (0,) * 3)] * 3)
    chosen.source, chosen.strip = "STRIP", "short"
    refused("Structure mask: “short” shows 3 frames, but “shot” 8")
    chosen.strip = "gone"
    refused("Structure mask: there is no strip “gone” in the scene “Scene”")
    chosen.source, chosen.image = "IMAGE", generated("black", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    refused("“black” is black everywhere. Paint white what is to be changed")


def test_lightness_guides_clips_too(scene, matter, server, sequence, strips):
    scene.restyle.frames_analogy.lightness_guide = 2.0
    assert recipe(run(strips))["parameters"]["lightness_guide"] == 2.0
