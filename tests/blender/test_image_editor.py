"""Pictures in the Image Editor and on objects, and while a job runs or Blender has gone on meanwhile."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from image_parts import HEIGHT, WIDTH, generated, noise, read, recipe, refused, run
from ticking import ticks_until_ended

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
QUICK_SERVER = True


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
    refused(panel, "fill needs the structure mask", generated("picture", noise()), mode="fill")
    hole = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    hole[3:9, 4:9] = 255
    panel.from_structure_mask = generated("hole", hole)
    (made,) = run(panel)
    assert sorted(recipe(made)["sources"]) == ["appearance", "structure_mask"]


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


def test_previews_and_progress_come_while_the_job_runs(send, server, part):
    task = send(generated("picture", noise(0, shape=(512, 512))), iterations=40)
    thumbnails, fractions, previews = part("thumbnails"), set(), set()

    def look():
        fractions.add(task.fraction)
        previews.update(thumbnails._collection or ())

    ticks = ticks_until_ended(part, task, look)
    assert task.error is None, task.why
    assert task.id in previews
    assert len(fractions) >= 3
    assert statistics.median(ticks) < 0.008, "the main thread waits for the job"


def test_a_cancelled_job_leaves_its_preview_to_be_kept(send, server, part, pump_until):
    pixels = noise()
    task = send(generated("picture", pixels), iterations=5000)
    pump_until(lambda: part("thumbnails")._collection)
    assert bpy.ops.restyle.cancel(task_id=task.id) == {"FINISHED"}
    pump_until(lambda: task.state.name == "CANCELLED")
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


def test_a_value_that_is_given_is_used(panel):
    assert not panel.use_granularity
    assert panel.granularity == 36, "what the job would most often take, to begin with"
    panel.granularity = 30
    assert panel.use_granularity
    panel.use_granularity = False
    assert panel.granularity == 30, "and can be left to the job again"
