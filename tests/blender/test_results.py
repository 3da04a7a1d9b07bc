"""Results on a mesh, without a server: what is stored and shown, and that the artist's own work stays as it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender

RECIPE = {
    "label": "made of moss",
    "job": "stylize_mesh",
    "texts": {"prompt": "made of moss"},
    "parameters": {"seed": 1},
}


@pytest.fixture
def results(part: Callable[[str], Any], scene: Any) -> Any:
    return part("results")


@pytest.fixture
def cube(scene: Any) -> Any:
    bpy.ops.mesh.primitive_cube_add()
    return bpy.context.object


def arrays(obj: Any, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    count = len(obj.data.vertices)
    return {
        "colors": random.random((count, 3), np.float32),
        "offset": random.standard_normal((count, 3), np.float32) * np.float32(0.2),
    }


def positions(mesh: Any) -> np.ndarray:
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


def evaluated(obj: Any) -> Any:
    return obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def colors(mesh: Any, name: str) -> np.ndarray:
    values = np.empty(len(mesh.vertices) * 4, np.float32)
    mesh.attributes[name].data.foreach_get("color", values)
    return values.reshape(-1, 4)


def apply(results: Any, obj: Any, seed: int = 0) -> tuple[Any, dict[str, np.ndarray]]:
    made = arrays(obj, seed)
    stored = results.store(obj.data, made, RECIPE)
    results.show(obj, stored, colors=True)
    return stored, made


def test_the_evaluated_mesh_moves_by_strength_times_offset(results, cube, part):
    base = positions(cube.data)
    _, made = apply(results, cube)
    for strength in (0.0, 0.5, 1.0, -2.0):
        part("compat").set_modifier_input(results.modifier(cube), "Strength", strength)
        assert positions(evaluated(cube)) == pytest.approx(base + strength * made["offset"], abs=1e-6)
    assert np.array_equal(positions(cube.data), base), "the base mesh must not move"


def test_colours_are_stored_linear_and_handed_on_bit_by_bit(results, cube):
    stored, made = apply(results, cube)
    attribute = cube.data.attributes[f"{stored.prefix}.color"]
    assert (attribute.data_type, attribute.domain) == ("FLOAT_COLOR", "POINT")
    assert np.array_equal(colors(cube.data, attribute.name)[:, :3], made["colors"])
    assert np.array_equal(colors(evaluated(cube), "restyle.color")[:, :3], made["colors"])
    linear, encoded = made["colors"][0, 0], attribute.data[0].color_srgb[0]
    assert encoded == pytest.approx(1.055 * linear ** (1 / 2.4) - 0.055, abs=1e-3)


def test_results_stand_side_by_side_and_are_switched_by_number(results, cube):
    first, made_first = apply(results, cube, 1)
    second, made_second = apply(results, cube, 2)
    assert [result.number for result in results.stored(cube.data)] == [1, 2]
    assert len(cube.modifiers) == 1
    for result, made in ((first, made_first), (second, made_second), (first, made_first)):
        results.show(cube, result)
        assert results.shown(cube) == result.number
        assert positions(evaluated(cube)) == pytest.approx(positions(cube.data) + made["offset"], abs=1e-6)
        assert np.array_equal(colors(evaluated(cube), "restyle.color")[:, :3], made["colors"])
        assert cube.data.attributes.active_color_name == f"{result.prefix}.color"
    assert results.stored(cube.data)[0].recipe == RECIPE


def test_removing_a_result_leaves_no_trace_of_it(results, cube):
    before = set(cube.data.attributes.keys())
    apply(results, cube, 1)
    apply(results, cube, 2)
    results.remove(cube, 1)
    assert results.shown(cube) == 2
    third, made = apply(results, cube, 3)
    assert third.number == 3, "beside those it has"
    assert positions(evaluated(cube)) == pytest.approx(positions(cube.data) + made["offset"], abs=1e-6)
    apply(results, cube, 4)
    for number, newest in ((4, 3), (3, 2), (2, None)):
        results.remove(cube, number)
        assert results.shown(cube) == newest
    assert set(cube.data.attributes.keys()) == before
    assert results.stored(cube.data) == []
    assert len(cube.modifiers) == 0


def test_all_objects_share_one_group_and_one_material(results, scene):
    for _ in range(3):
        bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=6)
        apply(results, bpy.context.object)
    assert len(bpy.data.node_groups) == 1
    assert len(bpy.data.materials) == 1


def test_a_node_group_that_the_artist_called_restyle_is_left_alone(results, cube):
    theirs = bpy.data.node_groups.new("Restyle", "GeometryNodeTree")
    apply(results, cube)
    assert results.modifier(cube).node_group != theirs
    assert len(theirs.nodes) == 0


def test_materials_and_their_slots_stay(results, cube, part):
    own = bpy.data.materials.new("Own")
    cube.data.materials.append(own)
    stored = results.store(cube.data, arrays(cube), RECIPE)
    results.show(cube, stored, colors=False)
    assert list(cube.data.materials) == [own]
    used = {polygon.material_index for polygon in evaluated(cube).polygons}
    assert {evaluated(cube).materials[index].name for index in used} == {"Own"}
    part("compat").set_modifier_input(results.modifier(cube), "Show Colors", True)
    used = {polygon.material_index for polygon in evaluated(cube).polygons}
    assert {evaluated(cube).materials[index].name for index in used} == {"Restyle"}
    assert list(cube.data.materials) == [own]


def test_the_offset_comes_before_the_artists_modifiers(results, cube):
    cube.modifiers.new("Subdivision", "SUBSURF").levels = 2
    apply(results, cube)
    assert [modifier.type for modifier in cube.modifiers] == ["NODES", "SUBSURF"]
    assert len(evaluated(cube).vertices) == 98


def test_shape_keys_stay_and_add_up(results, cube):
    cube.shape_key_add(name="Basis")
    key = cube.shape_key_add(name="Up", from_mix=False)
    for point in key.data:
        point.co.z += 1
    key.value = 0.5
    _, made = apply(results, cube)
    expected = positions(cube.data) + made["offset"] + np.float32([0, 0, 0.5])
    assert positions(evaluated(cube)) == pytest.approx(expected, abs=1e-6)


def test_a_copy_of_the_object_keeps_its_results(results, cube):
    _, made = apply(results, cube)
    copy = cube.copy()
    copy.data = cube.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    assert [result.label for result in results.stored(copy.data)] == ["made of moss"]
    assert positions(evaluated(copy)) == pytest.approx(positions(cube.data) + made["offset"], abs=1e-6)


def test_results_survive_saving_and_loading(results, cube, tmp_path):
    _, made = apply(results, cube)
    name, expected = cube.name, positions(cube.data) + made["offset"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    loaded = bpy.data.objects[name]
    assert results.shown(loaded) == 1
    assert results.stored(loaded.data)[0].recipe == RECIPE
    assert positions(evaluated(loaded)) == pytest.approx(expected, abs=1e-6)


def test_cycles_renders_the_linear_colour(results, cube, tmp_path):
    stored = results.store(cube.data, {"colors": np.tile(np.float32([0.8, 0.1, 0.02]), (8, 1))}, RECIPE)
    results.show(cube, stored, colors=True)
    shader = next(node for node in bpy.data.materials["Restyle"].node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Base Color"].is_linked
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("White")
    part_of_world = scene.world.node_tree or (setattr(scene.world, "use_nodes", True), scene.world.node_tree)[1]
    part_of_world.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location = (0, 0, 3)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine, scene.cycles.samples, scene.view_settings.view_transform = "CYCLES", 16, "Raw"
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.render.filepath = str(tmp_path / "render.png")
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(scene.render.filepath)
    picture.colorspace_settings.name = "Non-Color"
    pixels = np.array(picture.pixels[:]).reshape(32, 32, 4)[8:24, 8:24].mean((0, 1))
    assert pixels[1] / pixels[0] == pytest.approx(0.1 / 0.8, abs=0.1)
    assert pixels[0] > 0.5


def test_a_result_of_100_000_vertices(results, scene):
    """How long it takes is printed: the goal is 20 ms on a quiet machine."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=316, y_subdivisions=316)
    obj = bpy.context.object
    seconds = []
    for seed in range(3):
        made = arrays(obj, seed)
        started = time.thread_time()
        results.show(obj, results.store(obj.data, made, RECIPE), colors=True)
        bpy.context.view_layer.update()
        seconds.append(time.thread_time() - started)
    print(f"store and show, {len(obj.data.vertices):,} vertices: {min(seconds) * 1e3:.1f} ms of processor time at best")
    assert np.array_equal(positions(evaluated(obj)), positions(obj.data) + made["offset"])
    assert np.array_equal(colors(evaluated(obj), "restyle.color")[:, :3], made["colors"])
