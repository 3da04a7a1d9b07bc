"""Several objects in one job, masks, colours, targets and views: what goes out, and that it comes back in its place."""

from __future__ import annotations

import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
from mathutils import Euler, Matrix, Vector  # noqa: E402  it comes with bpy
from stylize_parts import add, offsets, positions, recipe, select  # noqa: E402  needs bpy

pytestmark = pytest.mark.blender
QUICK_SERVER = True


@pytest.fixture
def group(scene):
    group = scene.restyle.stylize_mesh
    group.prompt, group.use_iterations, group.iterations = "made of gold", True, 2
    return group


@pytest.fixture
def sent(part):
    """What came to the server of the job that made a result: the description in its report, and the parameters."""

    def find(obj, number=1):
        job_id = recipe(obj, number)["job_id"]
        with part("restyle").connect(start=False) as client:
            result = client.result(job_id)
        return result.outputs["report"]["inputs"], result.status.parameters

    return find


# Several objects


def test_each_object_gets_its_own_part_of_one_job(scene, server, group, sent):
    cube, ball = add("cube", "A", size=3), add("ico_sphere", "B", subdivisions=2, location=(5, 0, 0))
    select(ball, cube)
    bpy.ops.ed.undo_push(message="Two")
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    inputs, _ = sent(ball)
    assert inputs["mesh"]["vertices"] == 8 + 42
    assert inputs["vertex_attributes"]["object"] == {"shape": [50], "sum": 8.0}, "the active object is the first"
    for obj in (cube, ball):  # the stand-in moves each vertex by 0.1 of its own place
        assert offsets(obj) == pytest.approx(0.1 * positions(obj.data), abs=1e-6)
    assert recipe(cube)["job_id"] == recipe(ball)["job_id"]
    bpy.ops.ed.undo()
    assert not any(key.startswith("restyle.") for name in "AB" for key in bpy.data.objects[name].data.keys())  # noqa: SIM118


def test_objects_that_are_y_up_and_z_up_go_together_and_each_gets_its_own_directions_back(scene, server, group, sent):
    random = np.random.default_rng(3)
    lying = add("ico_sphere", "Imported", subdivisions=2, rotation=(math.pi / 2, 0, 0))
    standing = add("ico_sphere", "Made here", subdivisions=2)
    for obj in (lying, standing):
        moved = positions(obj.data) * random.uniform(0.5, 2.0, (len(obj.data.vertices), 1)).astype(np.float32)
        obj.data.vertices.foreach_set("co", moved.ravel())
    select(lying, standing)
    bpy.ops.restyle.stylize_mesh()
    assert sent(lying)[0]["mesh"]["up"] == "y"
    for obj in (lying, standing):
        assert np.array_equal(offsets(obj), positions(obj.data) * np.float32(0.1))


def test_turning_puts_up_where_up_is_and_mirrors_nothing(part):
    turned = part("meshes").turned
    to_y, to_z = [[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    assert turned(np.eye(3), "z", "y").tolist() == to_y
    assert turned(np.eye(3), "y", "z").tolist() == to_z
    assert np.linalg.det(to_y) == np.linalg.det(to_z) == 1


def test_objects_that_share_a_mesh_are_sent_once_and_all_show_the_result(scene, server, group, sent, part):
    first, other = add("cube", "First"), add("ico_sphere", "Other", subdivisions=1)
    twin = first.copy()
    scene.collection.objects.link(twin)
    select(first, twin, other)
    bpy.ops.restyle.stylize_mesh()
    assert sent(first)[0]["mesh"]["vertices"] == 8 + 12
    assert [part("results").shown(obj) for obj in (first, twin, other)] == [1, 1, 1]
    assert offsets(other) == pytest.approx(0.1 * positions(other.data), abs=1e-6)


def test_own_prompts_go_in_the_order_of_the_objects(scene, server, group, sent):
    objs = [add("cube", name, location=(3 * place, 0, 0)) for place, name in enumerate("CAB")]
    objs[1].restyle.prompt = "made of  moss"
    select(*objs)
    bpy.ops.restyle.stylize_mesh()
    assert sent(objs[0])[1]["object_prompts"] == "\nmade of moss\n", "the active object first, then by name"
    select(objs[1])
    bpy.ops.restyle.stylize_mesh()
    assert sent(objs[1], 2)[1]["object_prompts"] == "", "an object alone has the prompt in front"


def test_run_again_takes_all_objects_of_the_job(scene, server, group, sent):
    cube, ball = add("cube", "A"), add("ico_sphere", "B", subdivisions=1)
    select(ball, cube)
    bpy.ops.restyle.stylize_mesh()
    select(cube)
    cube.name = "Renamed"
    assert bpy.ops.restyle.run_again(number=1, new_seed=True) == {"FINISHED"}
    assert sent(cube, 2)[0]["mesh"]["vertices"] == 8 + 12
    assert np.array_equal(sent(ball, 2)[0]["vertex_attributes"]["object"]["sum"], 8)
    bpy.data.objects.remove(ball)
    with pytest.raises(RuntimeError, match="not all of them are here"):
        bpy.ops.restyle.run_again(number=1)


def test_an_object_that_is_gone_blocks_all_until_it_is_made_anew_in_its_place(scene, server, part, submit, pump_until):
    cube, ball = add("cube", "A"), add("ico_sphere", "B", subdivisions=1, location=(1, 2, 3), scale=(1, 1, 2))
    bpy.context.view_layer.update()
    task = submit([cube, ball])
    matrix, shape = ball.matrix_world.copy(), positions(ball.data)
    bpy.data.objects.remove(ball)
    pump_until(lambda: task.state.name == "BLOCKED")
    assert "“B” is no longer in this file" in task.why
    assert "restyle.1" not in cube.data
    assert bpy.ops.restyle.apply(task_id=task.id, to="NEW") == {"FINISHED"}
    made = bpy.data.objects["B restyled"]
    bpy.context.view_layer.update()
    assert "restyle.1" in cube.data, "what still fits gets its part"
    assert np.array_equal(positions(made.data), shape)
    assert np.allclose(np.array(made.matrix_world), np.array(matrix))


def test_records_of_several_objects_are_found_again(scene, server, part, submit, pump_until, installed):
    import addon_utils

    cube, ball = add("cube", "A"), add("ico_sphere", "B", subdivisions=1)
    task = submit([cube, ball])
    pump_until(lambda: task.state.name in ("QUEUED", "RUNNING"))
    addon_utils.disable(installed)
    addon_utils.enable(installed)
    session = part("session").session()
    session.link()
    pump_until(lambda: task.id in session.tasks and session.tasks[task.id].state.name == "READY")
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert offsets(ball) == pytest.approx(0.1 * positions(ball.data), abs=1e-6)


def test_what_is_selected_beside_meshes_is_left_alone_but_a_bad_mesh_is_named(scene, server, group):
    cube = add("cube", "A")
    bpy.ops.object.light_add()
    select(bpy.context.object, cube)
    assert bpy.ops.restyle.stylize_mesh() == {"FINISHED"}
    empty = bpy.data.objects.new("Bare", bpy.data.meshes.new("Bare"))
    scene.collection.objects.link(empty)
    select(cube, empty)
    with pytest.raises(RuntimeError, match="“Bare” has no faces"):
        bpy.ops.restyle.stylize_mesh()


# What the vertices have


def test_a_vertex_group_is_the_mask_and_the_colours_that_there_are_go_along(scene, server, group, sent, part):
    cube = add("cube")
    red = bpy.data.materials.new("Red")
    part("compat").use_nodes(red)
    surface = next(node for node in red.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = (0.5, 0.25, 0.125, 1)
    cube.data.materials.append(red)
    top = cube.vertex_groups.new(name="Top")
    top.add([0, 1], 0.25, "REPLACE")
    top.add([2], 1.0, "REPLACE")
    scene.restyle.mask = "Top"
    bpy.ops.restyle.stylize_mesh()
    attributes = sent(cube)[0]["vertex_attributes"]
    assert attributes["mask"] == {"shape": [8], "sum": pytest.approx(1.5)}
    assert attributes["colors"] == {"shape": [8, 3], "sum": pytest.approx(8 * 0.875)}
    assert recipe(cube)["sources"]["vertex_attributes"]["name"] == "Top"
    scene.restyle.mask = ""
    bpy.ops.restyle.run_again(number=1)
    assert sent(cube, 2)[0]["vertex_attributes"]["mask"]["sum"] == pytest.approx(1.5), "a result keeps its own limits"


def test_a_mask_that_no_object_has_is_an_error_and_one_that_some_have_limits_these(scene, server, group, sent):
    cube, ball = add("cube", "A"), add("ico_sphere", "B", subdivisions=1)
    scene.restyle.mask = "Top"
    with pytest.raises(RuntimeError, match="has no vertex group “Top”"):
        bpy.ops.restyle.stylize_mesh()
    cube.vertex_groups.new(name="Top")
    select(cube, ball)
    bpy.ops.restyle.stylize_mesh()
    assert sent(cube)[0]["vertex_attributes"]["mask"] == {"shape": [20], "sum": 12.0}


@pytest.mark.parametrize(("domain", "kind"), [("POINT", "FLOAT_COLOR"), ("CORNER", "BYTE_COLOR")])
def test_the_active_colour_attribute_is_what_it_starts_from(scene, server, group, sent, domain, kind):
    cube = add("cube")
    layer = cube.data.color_attributes.new("Paint", kind, domain)
    for element in layer.data:
        element.color = (1, 0, 0, 1)
    cube.data.color_attributes.active_color = cube.data.color_attributes["Paint"]
    bpy.ops.restyle.stylize_mesh()
    assert "vertex_attributes" not in sent(cube)[0], "they are sent only when they count"
    cube.data.attributes.active_color_name = "Paint"
    group.start = "existing"
    bpy.ops.restyle.stylize_mesh()
    assert sent(cube, 2)[0]["vertex_attributes"]["colors"] == {"shape": [8, 3], "sum": pytest.approx(8.0)}


def test_a_change_of_the_shape_alone_leaves_colours_and_materials(scene, server, group, part):
    cube = add("cube")
    group.change = "displacement"
    bpy.ops.restyle.stylize_mesh()
    assert "restyle.1.color" not in cube.data.attributes
    own = bpy.data.materials.new("Own")
    cube.data.materials.append(own)
    part("compat").set_modifier_input(part("results").modifier(cube), "Show Colors", True)
    mesh = cube.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    assert {mesh.materials[polygon.material_index].name for polygon in mesh.polygons} == {"Own"}


# Targets


def test_a_mesh_to_look_like_goes_as_it_is_seen(scene, server, group, sent):
    add("cube", "Model", size=1, location=(9, 9, 9))
    model = bpy.context.object
    model.scale, model.rotation_euler = (1, 2, 4), Euler((0, 0, math.pi / 2))
    model.modifiers.new("Fine", "SUBSURF").subdivision_type = "SIMPLE"
    layer = model.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT")
    for element in layer.data:
        element.color = (0.5, 0.5, 0.5, 1)
    ball = add("ico_sphere", "Ball", subdivisions=1)
    group.prompt, group.from_target_mesh = "", model
    bpy.ops.restyle.stylize_mesh()
    inputs, parameters = sent(ball)
    assert "prompt" not in inputs
    assert (inputs["target_mesh"]["vertices"], inputs["target_mesh"]["up"]) == (26, "z")
    assert inputs["target_mesh"]["extent"] == pytest.approx([2, 1, 4], abs=1e-5)
    assert inputs["target_mesh_attributes"]["colors"] == {"shape": [26, 3], "sum": pytest.approx(26 * 1.5)}
    assert recipe(ball)["label"] == "Model"
    group.prompt, group.target_mesh_weight = "made of gold", 0.5
    bpy.ops.restyle.stylize_mesh()
    inputs, parameters = sent(ball, 2)
    assert (inputs["prompt"], parameters["target_mesh_weight"]) == ("made of gold", 0.5)


@pytest.mark.parametrize("scale", [(1, 2, 3), (-1, 2, 3)])
def test_the_outside_of_a_mirrored_mesh_stays_outside(scene, part, scale):
    cube = add("cube", size=1)
    cube.scale = scale
    mesh, _ = part("meshes").as_seen(cube, bpy.context.evaluated_depsgraph_get())
    assert np.linalg.det(mesh.vertices[mesh.faces].astype(float)).sum() / 6 == pytest.approx(6, rel=1e-5)


def test_pictures_and_prompts_are_mixed_and_run_again_finds_them(scene, server, group, sent):
    ball = add("ico_sphere", "Ball", subdivisions=1)
    image = bpy.data.images.new("Leaf", 16, 8)
    image.generated_color = (0, 1, 0, 1)
    group.from_image.image, group.prompt_2, group.geometry_prompt = image, "made of bark", "a leaf"
    group.prompt_weight, group.image_weight = 2.0, 3.0
    bpy.ops.restyle.stylize_mesh()
    group.from_image.image, group.prompt_2, image.name = None, "", "Leaf renamed"
    inputs, parameters = sent(ball)
    assert inputs["image"] == {"shape": [8, 16, 3], "mean": pytest.approx(85)}
    assert (inputs["prompt_2"], inputs["geometry_prompt"]) == ("made of bark", "a leaf")
    assert (parameters["prompt_weight"], parameters["image_weight"]) == (2, 3)
    image.name = "Leaf"
    bpy.ops.restyle.run_again(number=1)
    assert sent(ball, 2)[0] == inputs


def test_no_target_at_all_and_settings_that_do_not_go_together(scene, server, group, sent):
    ball = add("ico_sphere", subdivisions=1)
    group.prompt = " "
    with pytest.raises(RuntimeError, match="there is no target"):
        bpy.ops.restyle.stylize_mesh()
    group.prompt, group.prompt_weight = "made of gold", 0.0
    with pytest.raises(RuntimeError, match="all targets have the weight 0"):
        bpy.ops.restyle.stylize_mesh()
    group.prompt_weight, group.palette = 1.0, "#12"
    with pytest.raises(RuntimeError, match="is not a colour"):
        bpy.ops.restyle.stylize_mesh()
    group.palette, group.change, group.direction, group.geometry_prompt = "", "color", "out", "a shell"
    bpy.ops.restyle.stylize_mesh()
    assert sent(ball)[1]["direction"] == "both", "what the panel greys out is not sent"
    assert "geometry_prompt" not in sent(ball)[0]


def test_a_mesh_to_look_like_that_is_empty_or_gone(scene, server, group):
    bare = bpy.data.objects.new("Bare", bpy.data.meshes.new("Bare"))
    scene.collection.objects.link(bare)
    add("cube")
    group.from_target_mesh = bare
    with pytest.raises(RuntimeError, match="Target mesh: “Bare”: it has no vertices"):
        bpy.ops.restyle.stylize_mesh()


# Palette and view


def test_swatches_are_the_palette(scene, server, group, sent):
    cube = add("cube")
    group.palette = "#102030"
    bpy.ops.restyle.stylize_mesh()
    assert sent(cube)[1]["palette"] == "#102030", "what a script has set counts while there are no swatches"
    for _ in range(3):
        assert bpy.ops.restyle.palette_add() == {"FINISHED"}
    group.swatch_0 = (1.0, 0.5, 0.0)
    bpy.ops.restyle.palette_remove()
    bpy.ops.restyle.stylize_mesh()
    assert sent(cube, 2)[1]["palette"] == "#ff8000 #808080"


@pytest.mark.parametrize("turn", [0.0, 50.0])
@pytest.mark.parametrize("lying", [False, True])
def test_the_main_view_is_where_the_camera_stands(scene, group, turn, lying):
    """A camera in front of the object (-Y in Blender) is azimuth 90; one on +X is azimuth 0; above is elevation."""
    cube = add("cube", location=(1, 2, 3))
    cube.rotation_euler = Euler((math.pi / 2 if lying else 0, 0, math.radians(turn)))
    bpy.ops.object.camera_add()
    scene.camera = bpy.context.object
    select(cube)
    for direction, azimuth, elevation in (((1, 0, 0), 0, 0), ((0, -1, 0), 90, 0), ((1, 0, 1), 0, 45)):
        spin = Matrix.Rotation(math.radians(turn), 3, "Z")
        scene.camera.location = cube.location + 7 * (spin @ Vector(direction))
        bpy.context.view_layer.update()
        group.anchor = "search"
        assert bpy.ops.restyle.view_from(source="CAMERA") == {"FINISHED"}
        assert (group.anchor, group.use_azimuth, group.use_elevation) == ("auto", True, True)
        assert [group.azimuth, group.elevation] == pytest.approx([azimuth, elevation], abs=1e-3)


def test_the_main_view_is_what_the_3d_view_shows(scene, group):
    cube = add("cube", location=(1, 2, 3))
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    view = area.spaces.active.region_3d
    view.view_perspective, view.view_location, view.view_distance = "ORTHO", (0, 0, 0), 30
    view.view_rotation = Euler((math.radians(90), 0, 0)).to_quaternion()  # the front view
    with bpy.context.temp_override(window=window, area=area, region=region):
        assert bpy.ops.restyle.view_from(source="VIEW") == {"FINISHED"}
    assert [group.azimuth, group.elevation] == pytest.approx([90, 0], abs=1e-3)
    view.view_perspective, view.view_location, view.view_distance = "PERSP", cube.location, 8
    view.view_rotation = Euler((math.radians(60), 0, math.radians(90))).to_quaternion()  # from the right, 30 up
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.restyle.view_from(source="VIEW")
    assert [group.azimuth, group.elevation] == pytest.approx([0, 30], abs=1e-3)


def test_a_view_without_camera_or_3d_view_says_what_to_do(scene, group):
    add("cube")
    with pytest.raises(RuntimeError, match="has no camera"):
        bpy.ops.restyle.view_from(source="CAMERA")
    with pytest.raises(RuntimeError, match="in a 3D View only"):
        bpy.ops.restyle.view_from(source="VIEW")
