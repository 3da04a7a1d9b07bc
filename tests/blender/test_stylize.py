"""A real server, a real Blender: an object goes out, a result comes back, undo takes it away again."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
from stylize_parts import colors, evaluated, offsets, positions, recipe  # noqa: E402  needs bpy
from ticking import ticks_until_ended  # noqa: E402

pytestmark = [pytest.mark.blender, pytest.mark.timeout(900)]


def set_panel(scene, prompt, iterations=3, **values):
    settings = scene.restyle.stylize_mesh
    settings.prompt, settings.use_iterations, settings.iterations = prompt, True, iterations
    for name, value in values.items():
        setattr(settings, name, value)


def check_result(obj, number, part):
    """The result on the object is what the server says it is, and shows as it must."""
    with part("restyle").connect(start=False) as client:
        outputs = client.result(recipe(obj, number)["job_id"]).outputs
    offset = outputs["attributes"]["offset"]
    assert np.isfinite(offset).all()
    assert np.abs(offset).max() > 0
    assert np.array_equal(offsets(obj, number), offset)
    assert np.array_equal(colors(obj, number), outputs["attributes"]["colors"])
    compat, results = part("compat"), part("results")
    for strength in (0.0, 0.5, 1.0):
        compat.set_modifier_input(results.modifier(obj), "Strength", strength)
        assert positions(evaluated(obj)) == pytest.approx(positions(obj.data) + strength * offset, abs=1e-5)
    return outputs


def test_a_primitive_is_stylized_and_undo_takes_one_step(scene, server, part):
    bpy.ops.mesh.primitive_uv_sphere_add()
    bpy.ops.ed.undo_push(message="Sphere")
    name = bpy.context.object.name
    base = positions(bpy.context.object.data)
    set_panel(scene, "a ball made of red brick")
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    check_result(bpy.data.objects[name], 1, part)

    bpy.ops.ed.undo()
    obj = bpy.data.objects[name]
    assert not [key for key in obj.data.attributes.keys() if key.startswith("restyle")]  # noqa: SIM118
    assert len(obj.modifiers) == 0
    assert np.array_equal(positions(evaluated(obj)), base)

    bpy.ops.ed.redo()
    assert part("results").shown(bpy.data.objects[name]) == 1


def test_the_candle_is_stylized_as_imported(scene, server, part, data_dir):
    bpy.ops.wm.obj_import(filepath=str(data_dir / "meshes" / "candle.obj"))
    obj = bpy.context.object
    assert len(obj.data.vertices) == 16_960
    assert part("meshes").export(obj).up == "y", "the importer turned the object, so that its own y points up"
    set_panel(scene, "a candle made of red brick")
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    outputs = check_result(obj, 1, part)
    assert outputs["attributes"]["colors"].shape == (16_960, 3)


def test_run_again_repeats_and_a_new_seed_varies(scene, server, part):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=3)
    obj = bpy.context.object
    set_panel(scene, "a ball of gold", seed=5)
    bpy.ops.restyle.stylize_mesh()
    scene.restyle.stylize_mesh.prompt = "something else"
    assert bpy.ops.restyle.run_again(number=1) == {"FINISHED"}
    assert bpy.ops.restyle.run_again(number=1, new_seed=True) == {"FINISHED"}
    first, same, other = (offsets(obj, number) for number in (1, 2, 3))
    assert np.array_equal(first, same), "the same seed on the CPU is bit-equal"
    assert not np.array_equal(first, other)
    assert {recipe(obj, number)["texts"]["prompt"] for number in (1, 2, 3)} == {"a ball of gold"}
    assert recipe(obj, 3)["parameters"]["seed"] != 5


def test_polygons_and_loose_vertices_keep_their_order(scene, server, part):
    bpy.ops.mesh.primitive_cylinder_add(vertices=12)  # its caps are polygons of 12 corners
    obj = bpy.context.object
    obj.data.vertices.add(1)
    obj.data.vertices[-1].co = (0, 0, 5)
    set_panel(scene, "made of wood")
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    check_result(obj, 1, part)


def test_unknown_words_are_named(scene, server, part):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    set_panel(scene, "made of frobnicated brick", model="mini")
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    warnings = recipe(bpy.context.object)["warnings"]
    assert any("frobnicated" in warning for warning in warnings)
    assert any("restyle models download" in warning for warning in warnings)


def test_the_main_thread_does_not_wait_for_the_job(scene, server, part, submit):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
    task = submit(bpy.context.object, iterations=8)
    ticks = ticks_until_ended(part, task)
    assert task.error is None, task.why
    assert statistics.median(ticks) < 0.008


def test_a_killed_server_leaves_blender_usable_and_the_job_resumes(scene, server, part, submit, pump_until):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    obj = bpy.context.object
    session = part("session").session()
    task = submit(obj, iterations=4)
    pump_until(lambda: task.fraction > 0, 300)
    server.kill()
    pump_until(lambda: session.server.name == "LOST")
    assert session.server_message
    bpy.ops.mesh.primitive_cube_add()
    assert bpy.context.object.name == "Cube"
    server.start()
    pump_until(lambda: task.state.name == "APPLIED", 600)
    check_result(obj, 1, part)
