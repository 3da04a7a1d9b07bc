"""Variations, styles that are used again, textures: quick stand-ins for the jobs, and at the end the real ones."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
from stylize_parts import add, evaluated, offsets, positions, recipe, select  # noqa: E402  needs bpy

pytestmark = pytest.mark.blender
QUICK_SERVER = True
SIDE = 16


@pytest.fixture
def group(scene, part):
    shutil.rmtree(part("styles").folder())
    group = scene.restyle.stylize_mesh
    group.prompt, group.use_iterations, group.iterations = "made of gold: 100 %", True, 2
    scene.restyle.bake_style.size = SIDE
    return group


# Results


def test_the_original_is_shown_and_the_result_again(scene, server, group, part):
    obj = add("ico_sphere", subdivisions=2)
    paint = obj.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT").name
    bpy.ops.restyle.stylize_mesh()
    moved = positions(evaluated(obj))
    assert bpy.ops.restyle.show_original() == {"FINISHED"}
    assert np.array_equal(positions(evaluated(obj)), positions(obj.data))
    assert obj.data.attributes.active_color_name == paint
    assert part("results").is_original(obj)
    assert not obj.modifiers[0].show_render
    bpy.ops.restyle.show_original()
    assert obj.modifiers[0].show_render
    assert np.array_equal(positions(evaluated(obj)), moved)
    assert obj.data.attributes.active_color_name == "restyle.1.color"


def test_unused_results_are_those_that_no_object_shows(scene, server, group, part):
    obj = add("ico_sphere", subdivisions=1)
    for seed in range(3):
        group.seed = seed
        bpy.ops.restyle.stylize_mesh()
    twin = obj.copy()
    scene.collection.objects.link(twin)
    part("results").show(twin, part("results").stored(obj.data)[0])
    assert bpy.ops.restyle.remove_unused() == {"FINISHED"}
    assert [result.number for result in part("results").stored(obj.data)] == [1, 3]
    assert "restyle.2.offset" not in obj.data.attributes


# Variations


def test_one_of_several_variations_is_applied_by_a_click_and_kept_once(scene, server, group, part):
    obj = add("ico_sphere", subdivisions=2)
    group.variations, group.seed = 3, 10
    bpy.ops.restyle.stylize_mesh()
    task = next(iter(part("session").session().tasks.values()))
    assert (task.state.name, task.variations, task.applied) == ("APPLIED", 3, 1)
    assert sorted(part("thumbnails")._collection) == [f"{task.id}.{number}" for number in (1, 2, 3)]
    for number, place in ((3, 2), (2, 3), (3, 2), (1, 1)):
        assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET", variation=number) == {"FINISHED"}
        assert part("results").shown(obj) == place
    for place, seed in ((1, 10), (2, 12), (3, 11)):
        assert offsets(obj, place) == pytest.approx((0.1 + seed / 1000) * positions(obj.data), abs=1e-6)
        parameters = recipe(obj, place)["parameters"]
        again = {"seed": seed, "proposal": seed - 9, "variations": 1}
        assert again.items() <= parameters.items(), "each can be made again by itself"
    assert len(part("results").stored(obj.data)) == 3
    with pytest.raises(RuntimeError, match="has no variation 4"):
        bpy.ops.restyle.apply(task_id=task.id, to="TARGET", variation=4)
    bpy.ops.restyle.dismiss(task_id=task.id)
    assert not part("thumbnails")._collection


def test_the_sheet_of_variations_is_an_image_and_its_tiles_are_cut_right(scene, server, group, part):
    add("ico_sphere", subdivisions=1)
    group.variations = 5  # three columns, two rows
    bpy.ops.restyle.stylize_mesh()
    task = next(iter(part("session").session().tasks.values()))
    tiles = task.arrived["tiles"]
    assert [(tile.shape, int(tile.min()), int(tile.max())) for tile in tiles] == [
        ((8, 8, 3), 20 * number, 20 * number) for number in range(5)
    ]
    assert bpy.ops.restyle.show_sheet(task_id=task.id) == {"FINISHED"}
    sheet = next(image for image in bpy.data.images if image.name.endswith("variations"))
    assert tuple(sheet.size) == (24, 16)


# Styles


def test_every_result_leaves_a_style_that_outlives_its_file(scene, server, group, part):
    add("ico_sphere", subdivisions=1)
    bpy.ops.restyle.stylize_mesh()
    styles = part("styles")
    (name,) = styles.names()
    assert styles.label(name) == "made of gold 100"
    assert scene.restyle.style == name == styles.with_key(recipe(bpy.context.object, 1)["job_id"][:8])
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    assert bpy.ops.restyle.apply_style(style=name) == {"FINISHED"}
    obj = bpy.context.object
    assert offsets(obj, 1) == pytest.approx(0.1 * positions(obj.data), abs=1e-6)
    assert recipe(obj, 1)["label"] == "made of gold 100"


def test_the_result_that_is_shown_says_which_style_is_used(scene, server, group, part):
    obj = add("ico_sphere", subdivisions=1)
    for seed in (1, 2):
        group.seed = seed
        bpy.ops.restyle.stylize_mesh()
    bpy.ops.restyle.show_result(number=1)
    bpy.ops.restyle.apply_style()
    assert offsets(obj, 3) == pytest.approx(0.101 * positions(obj.data), abs=1e-6)


def test_every_variation_has_a_style_which_a_click_chooses(scene, server, group, part):
    obj = add("ico_sphere", subdivisions=1)
    group.variations, group.seed = 3, 20
    bpy.ops.restyle.stylize_mesh()
    task = next(iter(part("session").session().tasks.values()))
    styles = part("styles")
    assert len(styles.names()) == 3
    assert styles.names()[0] == scene.restyle.style, "the first is the newest"
    assert {styles.label(name) for name in styles.names()} == {"made of gold 100"}
    for number, applied in ((3, 0.122), (2, 0.121), (3, 0.122), (1, 0.120)):
        bpy.ops.restyle.apply(task_id=task.id, to="TARGET", variation=number)
        bpy.ops.restyle.apply_style()
        made = part("results").stored(obj.data)[-1]
        assert offsets(obj, made.number) == pytest.approx(applied * positions(obj.data), abs=1e-6)
        bpy.ops.restyle.remove_result(number=made.number)
    bpy.ops.restyle.show_result(number=2)
    assert recipe(obj, 2)["variation"] == 3
    assert scene.restyle.style == styles.with_key(f"{task.id[:8]}-3")


def test_every_object_of_a_job_has_a_style_which_is_named_after_it(scene, server, group, part):
    cube, ball = add("cube", "Old box"), add("ico_sphere", "Ball", subdivisions=1)
    group.variations = 2
    select(ball, cube)
    bpy.ops.restyle.stylize_mesh()
    styles, job_id = part("styles"), recipe(cube)["job_id"]
    assert sorted(map(styles.label, styles.names())) == 2 * ["made of gold 100 Ball"] + 2 * ["made of gold 100 Old box"]
    assert scene.restyle.style == f"made of gold 100 Ball {job_id[:8]}", "of the active one"
    for active, key in ((cube, "-1-2"), (ball, "")):
        select(active)
        bpy.ops.restyle.show_result(number=1)
        assert scene.restyle.style == styles.with_key(f"{job_id[:8]}{key}") != ""
    select(cube)
    bpy.ops.restyle.apply(task_id=next(iter(part("session").session().tasks)), to="TARGET", variation=2)
    assert scene.restyle.style == f"made of gold 100 Old box {job_id[:8]}-2-2"
    assert bpy.ops.restyle.apply_style() == {"FINISHED"}
    assert offsets(cube, 3) == pytest.approx((0.101 + 0.5) * positions(cube.data), abs=1e-6)


def test_a_style_goes_onto_every_selected_object_and_can_be_run_again(scene, server, group, part):
    source, first, second = add("cube", "S"), add("ico_sphere", "A"), add("uv_sphere", "B")
    second.vertex_groups.new(name="Top").add([0], 1.0, "REPLACE")
    select(source)
    bpy.ops.restyle.stylize_mesh()
    select(second, first)
    assert bpy.ops.restyle.apply_style() == {"FINISHED"}
    for obj in (first, second):
        assert offsets(obj, 1) == pytest.approx(0.1 * positions(obj.data), abs=1e-6)
    assert bpy.ops.restyle.run_again(number=1) == {"FINISHED"}
    scene.restyle.mask = "Top"
    select(second)
    bpy.ops.restyle.apply_style()
    with part("restyle").connect(start=False) as client:
        came = client.result(recipe(second, 3)["job_id"]).outputs["report"]["inputs"]
    assert came["vertex_attributes"]["mask"]["sum"] == 1.0


def test_files_of_styles_are_taken_and_deleted(scene, server, group, part, tmp_path):
    add("cube")
    bpy.ops.restyle.stylize_mesh()
    styles = part("styles")
    copied = tmp_path / "Bark.safetensors"
    shutil.copyfile(styles.path_of(scene.restyle.style), copied)
    assert bpy.ops.restyle.add_style(filepath=str(copied)) == {"FINISHED"}
    assert scene.restyle.style == "Bark"
    assert bpy.ops.restyle.add_style(filepath=str(copied)) == {"FINISHED"}
    assert scene.restyle.style == "Bark 2"
    assert bpy.ops.restyle.remove_style() == {"FINISHED"}
    assert "Bark 2" not in styles.names()
    assert bpy.ops.restyle.apply_style(style=str(copied)) == {"FINISHED"}
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RuntimeError, match=r"broken\.safetensors"):
        bpy.ops.restyle.add_style(filepath=str(tmp_path / "broken.safetensors"))
    with pytest.raises(RuntimeError, match="There is no style “gone”"):
        bpy.ops.restyle.apply_style(style="gone")


def test_without_any_style_it_says_where_they_come_from(scene, server, group):
    add("cube")
    with pytest.raises(RuntimeError, match="every stylized mesh leaves one"):
        bpy.ops.restyle.apply_style()


# Textures


def test_textures_come_as_packed_images_in_a_material_of_the_object(scene, server, group, part):
    obj = add("uv_sphere", "Ball")
    own = bpy.data.materials.new("Own")
    obj.data.materials.append(own)
    bpy.ops.restyle.stylize_mesh()
    bpy.ops.ed.undo_push(message="Before")
    assert bpy.ops.restyle.bake_style() == {"FINISHED"}
    (slot,) = obj.material_slots
    assert (slot.link, slot.material.name.split(":")[0]) == ("OBJECT", "Ball")
    assert list(obj.data.materials) == [own], "the mesh keeps its own, also for other objects"
    assert not obj.modifiers[0].show_viewport, "else the relief would be there twice"
    nodes = slot.material.node_tree.nodes
    images = {node.image.name: node.image for node in nodes if node.type == "TEX_IMAGE"}
    assert sorted(images) == ["Ball colors", "Ball displacement"]
    assert all(image.packed_file is not None for image in images.values())
    colors = np.array(images["Ball colors"].pixels[:]).reshape(SIDE, SIDE, 4)
    assert colors[:, :, 0] == pytest.approx(np.tile(np.linspace(0, 1, SIDE), (SIDE, 1)), abs=0.003)
    relief = images["Ball displacement"]
    assert relief.colorspace_settings.name == "Non-Color"
    node = next(node for node in nodes if node.type == "DISPLACEMENT")
    scale, middle = (node.inputs[name].default_value for name in ("Scale", "Midlevel"))
    levels = np.array(relief.pixels[:]).reshape(SIDE, SIDE, -1)[..., 0]
    expected = np.tile(np.linspace(-0.1, 0.1, SIDE), (SIDE, 1))
    assert (levels - middle) * scale == pytest.approx(expected, abs=1e-5), "16 bits, not 8"
    assert node.outputs["Displacement"].is_linked
    bpy.ops.ed.undo()
    obj = bpy.data.objects["Ball"]
    assert [slot.material.name for slot in obj.material_slots] == ["Own"]
    assert obj.modifiers[0].show_viewport


def test_a_normal_map_takes_the_place_of_the_relief(scene, server, group):
    obj = add("uv_sphere", "Ball")
    bpy.ops.restyle.stylize_mesh()
    scene.restyle.bake_style.normal_map = True
    bpy.ops.restyle.bake_style()
    nodes = obj.material_slots[0].material.node_tree.nodes
    bent = next(node for node in nodes if node.type == "NORMAL_MAP")
    assert bent.outputs["Normal"].is_linked
    assert bent.inputs["Color"].links[0].from_node.image.colorspace_settings.name == "Non-Color"
    assert not next(node for node in nodes if node.type == "DISPLACEMENT").outputs["Displacement"].is_linked


def test_the_uv_map_that_renders_take_goes_corner_by_corner(scene, part):
    obj = add("cube")
    obj.data.uv_layers.new(name="Other")
    mesh = part("meshes").export(obj, uv=True)
    layer = next(layer for layer in obj.data.uv_layers if layer.active_render)
    obj.data.calc_loop_triangles()
    for triangle in obj.data.loop_triangles:
        expected = [tuple(layer.uv[corner].vector) for corner in triangle.loops]
        assert mesh.uv[triangle.index].tolist() == [list(pair) for pair in expected]


def test_without_a_uv_map_it_offers_one(scene, server, group):
    obj = add("uv_sphere")
    obj.data.uv_layers.remove(obj.data.uv_layers[0])
    bpy.ops.restyle.stylize_mesh()
    with pytest.raises(RuntimeError, match="has no UV map"):
        bpy.ops.restyle.bake_style()
    assert bpy.ops.restyle.unwrap() == {"FINISHED"}
    assert obj.mode == "OBJECT"
    assert obj.select_get()
    assert len(obj.data.uv_layers) == 1
    assert bpy.ops.restyle.bake_style() == {"FINISHED"}


# Finer copies


def test_a_subdivided_copy_has_the_shape_and_what_the_mesh_has(scene, server, group, part):
    obj = add("cube", "Box")
    obj.vertex_groups.new(name="Top").add([0, 1, 2, 3], 1.0, "REPLACE")
    obj.modifiers.new("Bend", "SIMPLE_DEFORM")
    bpy.ops.restyle.stylize_mesh()
    assert recipe(obj, 1)["detail"]["level"] == 2
    assert bpy.ops.restyle.finer_copy(method="SUBDIVIDE", level=2) == {"FINISHED"}
    made = bpy.context.object
    assert made != obj
    assert len(made.data.vertices) == 98
    assert np.abs(positions(made.data)).max() == pytest.approx(1.0), "simple: a cube stays a cube"
    assert [modifier.type for modifier in made.modifiers] == ["SIMPLE_DEFORM"]
    assert made.modifiers[0].show_viewport
    assert not part("results").stored(made.data)
    assert len(made.data.uv_layers) == 1
    assert part("meshes").weights(made, "Top").sum() > 4
    assert obj.hide_get()
    assert [result.number for result in part("results").stored(obj.data)] == [1], "the object keeps what it has"


def test_remeshed_and_modified_copies(scene, part):
    obj = add("cube", "Box")
    obj.modifiers.new("Fine", "SUBSURF").levels = 2
    assert bpy.ops.restyle.finer_copy(method="MODIFIERS") == {"FINISHED"}
    assert (len(bpy.context.object.data.vertices), len(bpy.context.object.modifiers)) == (98, 0)
    obj.hide_set(False)
    select(obj)
    assert bpy.ops.restyle.finer_copy(method="REMESH", edge=0.1) == {"FINISHED"}
    made = bpy.context.object
    assert len(made.data.vertices) > 2000
    assert [modifier.type for modifier in made.modifiers] == ["SUBSURF"]
