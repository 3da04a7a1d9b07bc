"""Text2Mesh as it is, from Blender: masks, several objects, variations, a style used again and baked."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
from stylize_parts import add, colors, offsets, positions, recipe, select  # noqa: E402  needs bpy

pytestmark = [pytest.mark.blender, pytest.mark.timeout(900)]


@pytest.fixture
def group(scene):
    group = scene.restyle.stylize_mesh
    group.prompt, group.model, group.use_iterations, group.iterations = "made of red brick", "mini", True, 2
    group.start = "grey"  # the search for another takes longer than all else
    return group


def both(obj, number):
    return offsets(obj, number), colors(obj, number)


def test_what_a_mask_leaves_out_stays_to_the_bit(scene, server, group):
    ball = add("ico_sphere", subdivisions=3)
    lower = [vertex.index for vertex in ball.data.vertices if vertex.co.z < 0]
    upper = [vertex.index for vertex in ball.data.vertices if vertex.co.z >= 0]
    ball.vertex_groups.new(name="Upper").add(upper, 1.0, "REPLACE")
    random = np.random.default_rng(1)
    painted = random.random((len(ball.data.vertices), 4), np.float32)
    ball.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT").data.foreach_set("color", painted.ravel())
    scene.restyle.mask = "Upper"
    bpy.ops.restyle.stylize_mesh()
    offset, color = both(ball, 1)
    assert not offset[lower].any()
    assert np.array_equal(color[lower], painted[lower, :3])
    assert offset[upper].any(axis=1).mean() > 0.9


def test_symmetry_is_across_an_axis_of_the_object_itself(scene, server, group):
    """The object is turned, stretched and elsewhere: none of these count. Across another axis the sides differ."""
    ball = add("uv_sphere", segments=24, ring_count=12, location=(3, 1, -2), rotation=(0.4, 0.9, 0.2), scale=(1, 2, 3))
    points = positions(ball.data)  # alike but for the last bits
    group.symmetry, group.start = "z", "auto"  # patterns have edges, which tell apart what hardly differs
    bpy.ops.restyle.stylize_mesh()
    offset, color = both(ball, 1)
    assert np.abs(offset).max() > 1e-3
    for other in ("x", "y", "z"):
        mirror = np.where(np.array(["x", "y", "z"]) == other, -1, 1)
        twin = np.linalg.norm(points[:, None] - points * mirror, axis=2).argmin(axis=1)
        apart = np.abs(color - color[twin]).max()
        if other == "z":
            assert apart < 1 / 510, "less than half a step of 8 bits"
            assert np.abs(offset - offset[twin] * mirror).max() < 1e-4
        else:
            assert apart > 1e-3, "or this would say nothing"


def test_a_style_gives_the_same_mesh_the_same_bits_and_another_its_own(scene, server, group, part):
    ball, cone = add("ico_sphere", "Ball", subdivisions=3), add("cone", "Cone", location=(4, 0, 0))
    select(ball)
    bpy.ops.restyle.stylize_mesh()
    assert bpy.ops.restyle.apply_style() == {"FINISHED"}
    for first, second in zip(both(ball, 1), both(ball, 2)):
        assert np.array_equal(first, second)
    select(cone)
    bpy.ops.restyle.apply_style()
    assert np.isfinite(both(cone, 1)[0]).all()
    size = part("styles").path_of(scene.restyle.style).stat().st_size
    print(f"a style's file has {size / 2**20:.2f} MiB")


def test_two_objects_get_one_look_and_variations_are_of_the_next_seeds(scene, server, group, part):
    ball, cube = add("ico_sphere", "Ball", subdivisions=2), add("cube", "Cube", location=(4, 0, 0))
    group.variations = 2
    select(ball, cube)
    bpy.ops.restyle.stylize_mesh()
    task = next(iter(part("session").session().tasks.values()))
    bpy.ops.restyle.apply(task_id=task.id, to="TARGET", variation=2)
    assert part("results").shown(ball) == part("results").shown(cube) == 2
    assert recipe(ball, 2)["parameters"]["seed"] == 1
    assert bpy.ops.restyle.run_again(number=2) == {"FINISHED"}
    for obj in (ball, cube):
        assert offsets(obj, 3) == pytest.approx(offsets(obj, 2), abs=1e-6)


def test_a_coarse_mesh_is_said_to_be_one_with_what_mends_it(scene, server, group):
    cube = add("cube")
    bpy.ops.restyle.stylize_mesh()
    made = recipe(cube)
    assert any("coarse" in warning for warning in made["warnings"])
    level = made["detail"]["level"]
    assert level > 1
    bpy.ops.restyle.finer_copy(method="SUBDIVIDE", level=level)
    bpy.ops.restyle.stylize_mesh()
    made = recipe(bpy.context.object)
    assert made["detail"]["level"] == 0
    assert not any("coarse" in warning for warning in made["warnings"])


def test_a_style_is_baked_to_textures_and_overlaps_are_warned_of(scene, server, group):
    ball = add("uv_sphere", "Ball", segments=16, ring_count=8)
    group.iterations = 4
    bpy.ops.restyle.stylize_mesh()
    scene.restyle.bake_style.size = 32
    assert bpy.ops.restyle.bake_style() == {"FINISHED"}
    colors = np.array(bpy.data.images["Ball colors"].pixels[:]).reshape(32, 32, 4)
    assert np.ptp(colors[..., :3]) > 0.02, "a look, and not one colour"
    for corner in ball.data.uv_layers[0].uv:
        corner.vector = (0.5 * (corner.vector[0] % 0.5), corner.vector[1])
    bpy.ops.restyle.bake_style()
    made = json.loads(bpy.data.images["Ball colors.001"]["restyle"])
    assert any("overlap" in warning.lower() for warning in made["warnings"])
