"""What goes wrong: bad objects, bad settings, servers that are not there, and scenes that change while a job runs.

Every case ends in words that an artist can act on, and in no lost result.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
QUICK_SERVER = True


@pytest.fixture
def ball(scene):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    bpy.ops.ed.undo_push(message="Ball")
    return bpy.context.object


def run(scene, prompt="a ball made of red brick"):
    settings = scene.restyle.stylize_mesh
    settings.prompt, settings.use_iterations, settings.iterations = prompt, True, 3
    return bpy.ops.restyle.stylize_mesh()


def stored(obj, part):
    return [result.number for result in part("results").stored(obj.data)]


# Objects and settings that cannot be sent


def test_without_a_mesh_the_button_says_what_to_do(scene):
    with pytest.raises(RuntimeError, match="Select a mesh object first"):
        run(scene)
    bpy.ops.object.camera_add()
    with pytest.raises(RuntimeError, match="is not a mesh"):
        run(scene)


def test_an_empty_mesh(scene):
    obj = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
    scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    with pytest.raises(RuntimeError, match="“Nothing” has no faces"):
        run(scene)


def test_edit_mode(scene, ball):
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit Mode first"):
        run(scene)
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vertices_that_are_no_numbers(scene, ball, value):
    position = ball.data.attributes["position"].data
    values = np.empty(len(position) * 3, np.float32)
    position.foreach_get("vector", values)
    values[7 * 3] = value
    position.foreach_set("vector", values)  # setting the coordinate itself would clip infinity
    with pytest.raises(RuntimeError, match=rf"“{ball.name}”: vertices\[7\]"):
        run(scene)


@pytest.mark.parametrize(
    ("prompt", "words"), [("", "there is no target"), ("  ", "there is no target"), ("x" * 10_000, "Shorten it")]
)
def test_prompts(scene, ball, prompt, words):
    with pytest.raises(RuntimeError, match=words):
        run(scene, prompt)


def test_linked_data(scene, ball, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (source, target):
        target.objects = source.objects
    bpy.context.scene.collection.objects.link(target.objects[0])
    bpy.context.view_layer.objects.active = target.objects[0]
    with pytest.raises(RuntimeError, match=r"linked from library\.blend"):
        run(bpy.context.scene)


def test_a_mesh_that_objects_share_changes_only_the_one(scene, ball, server, part):
    twin = ball.copy()
    scene.collection.objects.link(twin)
    twin.select_set(False)
    run(scene)
    assert part("results").shown(ball) == 1
    assert len(twin.modifiers) == 0
    bpy.context.view_layer.objects.active = twin
    bpy.ops.restyle.show_result(number=1)
    assert part("results").shown(twin) == 1


# Servers


def test_no_server_and_no_way_to_start_one(scene, ball, server_of_module, part):
    server_of_module.stop()
    bpy.context.preferences.addons["bl_ext.user_default.restyle"].preferences.server_python = ""
    path = os.environ.pop("PATH")
    try:
        with pytest.raises(RuntimeError, match="Set Server Python in Preferences"):
            run(scene)
    finally:
        os.environ["PATH"] = path


def test_an_interpreter_without_the_server(scene, ball, server_of_module, tmp_path):
    server_of_module.stop()
    preferences = bpy.context.preferences.addons["bl_ext.user_default.restyle"].preferences
    preferences.server_python = str(tmp_path / "no_such_python")
    with pytest.raises(RuntimeError, match=r"cannot be started with .*no_such_python"):
        run(scene)


def test_nobody_at_the_address(scene, ball, part):
    bpy.context.preferences.addons["bl_ext.user_default.restyle"].preferences.server_address = "127.0.0.1:9"
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1:9"):
        run(scene)


def test_another_machine_needs_online_access(scene, ball):
    assert not bpy.app.online_access
    preferences = bpy.context.preferences.addons["bl_ext.user_default.restyle"].preferences
    preferences.server_address = "tcp://192.0.2.1:5599"
    with pytest.raises(RuntimeError, match="online access is off"):
        run(scene)


def test_a_server_of_another_version(scene, ball, server, part, pump_until):
    session = part("session").session()
    session.link()
    pump_until(lambda: session.server.name == "ONLINE")  # ZeroMQ is there now, from the extension's wheels
    import msgpack
    import zmq

    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    router.RCVTIMEO = 20_000

    def answer():
        sender, frame, *_ = router.recv_multipart()
        error = {"code": "version_mismatch", "message": "The server speaks protocol 9.0 and the client 1.0."}
        router.send_multipart([sender, msgpack.packb({"re": msgpack.unpackb(frame)["id"], "error": error})])

    thread = threading.Thread(target=answer)
    thread.start()
    bpy.context.preferences.addons["bl_ext.user_default.restyle"].preferences.server_address = f"127.0.0.1:{port}"
    session.link()
    pump_until(lambda: session.server.name == "REFUSED")
    assert "protocol 9.0" in session.server_message
    session.close()
    thread.join()
    router.close(0)
    context.term()


def test_a_killed_server_leaves_blender_usable_and_its_job_goes_on_later(scene, ball, server, part, submit, pump_until):
    session = part("session").session()
    task = submit(ball, iterations=40)
    pump_until(lambda: task.fraction > 0)
    server.kill()
    pump_until(lambda: session.server.name == "LOST")
    assert session.server_message
    bpy.ops.mesh.primitive_cube_add()
    assert bpy.context.object.name == "Cube"
    session.pump()
    server.start()
    pump_until(lambda: task.state.name == "APPLIED")
    assert stored(ball, part) == [1]


def test_a_script_whose_server_was_killed_is_told_how_to_fetch(scene, ball, server, part, monkeypatch):
    module = part("session")
    monkeypatch.setattr(module, "LOST_SECONDS", 1.0)
    settings = scene.restyle.stylize_mesh
    settings.prompt, settings.use_iterations, settings.iterations = "made of gold", True, 60

    def kill_once_it_runs():
        while not any(task.fraction for task in module.session().tasks.values()):
            time.sleep(0.01)
        server.kill()

    threading.Thread(target=kill_once_it_runs).start()
    with pytest.raises(RuntimeError, match=r"bpy.ops.restyle.fetch\(job_id="):
        bpy.ops.restyle.stylize_mesh()
    task = next(iter(module.session().tasks.values()))
    monkeypatch.undo()
    server.start()
    assert bpy.ops.restyle.fetch(job_id=task.id) == {"FINISHED"}
    assert stored(ball, part) == [1]


def test_the_death_of_a_server_of_its_own_is_explained_until_it_runs_again(scene, server_of_module, part, pump_until):
    server_of_module.stop()
    session = part("session").session()
    bpy.ops.restyle.start_server()
    pump_until(lambda: session.server.name == "ONLINE")
    os.kill(session.info.pid, signal.SIGKILL)
    pump_until(lambda: session.server.name == "OFF")
    until = time.monotonic() + 2.5
    pump_until(lambda: time.monotonic() > until)
    assert "ended with code -9" in session.server_message
    bpy.ops.restyle.start_server()
    pump_until(lambda: session.server.name == "ONLINE")
    bpy.ops.restyle.stop_server()
    pump_until(lambda: session.server.name == "OFF")


@pytest.mark.skipif(os.name == "nt", reason="its interpreter is a shell script")
def test_a_server_of_its_own_that_is_slow_to_start_is_waited_for_with_words(
    scene, server_of_module, part, pump_until, tmp_path, monkeypatch
):
    server_of_module.stop()
    slow = tmp_path / "python"
    slow.write_text(f'#!/bin/sh\nsleep 4\nexec {os.environ["RESTYLE_SERVER_PYTHON"]} "$@"\n')
    slow.chmod(0o700)
    part("preferred").preferences().server_python = str(slow)
    monkeypatch.setattr(part("restyle.launch"), "SLOW_SECONDS", 0.5)
    session = part("session").session()
    bpy.ops.restyle.start_server()
    pump_until(lambda: "slow to start" in session.server_message)
    assert session.server.name == "STARTING"
    pump_until(lambda: session.server.name == "ONLINE")
    assert not session.server_message
    bpy.ops.restyle.stop_server()
    pump_until(lambda: session.server.name == "OFF")


def test_an_unknown_job(scene, ball, server):
    with pytest.raises(RuntimeError, match="no-such-job"):
        bpy.ops.restyle.fetch(job_id="no-such-job")


def test_cancelling(scene, ball, server, part, submit, pump_until):
    task = submit(ball, iterations=5000)
    pump_until(lambda: task.fraction > 0)
    assert bpy.ops.restyle.cancel(task_id=task.id) == {"FINISHED"}
    pump_until(lambda: task.state.name == "CANCELLED")
    assert stored(ball, part) == []
    assert bpy.ops.restyle.dismiss(task_id=task.id) == {"FINISHED"}
    assert not part("session").session().tasks


def test_a_flood_of_reports_is_taken_in_over_several_ticks(scene, server, part, pump_until):
    session, progress = part("session").session(), part("reports").Progress
    waiting = session.link().reports
    pump_until(lambda: session.server.name == "ONLINE")
    for _ in range(300_000):
        waiting.put(progress("of no job", []))
    session.pump()
    assert waiting.qsize() > 1000, "the main thread has gone back to Blender before all were taken in"
    pump_until(waiting.empty)


# Scenes that change while the job runs


def test_a_renamed_and_moved_object_gets_its_result(scene, ball, server, part, submit, pump_until):
    task = submit(ball)
    ball.name = "Other"
    ball.location.x = 3
    pump_until(lambda: task.state.name == "APPLIED")
    assert stored(ball, part) == [1]


def test_moved_vertices_are_no_hindrance(scene, ball, server, part, submit, pump_until):
    task = submit(ball)
    ball.data.vertices[0].co.z += 1
    pump_until(lambda: task.state.name == "APPLIED")


def test_a_changed_topology_is_never_indexed_blindly(scene, ball, server, part, submit, pump_until):
    sent = len(ball.data.vertices)
    task = submit(ball)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    pump_until(lambda: task.state.name == "BLOCKED")
    assert "no longer those that were sent" in task.why
    assert stored(ball, part) == []
    assert bpy.ops.restyle.apply(task_id=task.id, to="NEW") == {"FINISHED"}
    made = next(obj for obj in bpy.data.objects if obj.name.endswith("restyled"))
    assert len(made.data.vertices) == sent
    assert stored(made, part) == [1]


def test_the_same_counts_with_other_faces_are_a_changed_topology(scene, ball, server, part, submit, pump_until):
    task = submit(ball)
    ball.data.flip_normals()
    pump_until(lambda: task.state.name == "BLOCKED")


def test_a_deleted_object_can_be_made_from_its_result(scene, ball, server, part, submit, pump_until):
    positions = np.array([vertex.co[:] for vertex in ball.data.vertices], np.float32)
    task = submit(ball)
    bpy.ops.object.delete()
    pump_until(lambda: task.state.name == "BLOCKED")
    assert "no longer in this file" in task.why
    assert bpy.ops.restyle.apply(task_id=task.id, to="NEW") == {"FINISHED"}
    made = next(obj for obj in bpy.data.objects if obj.name.endswith("restyled"))
    assert np.array_equal(np.array([vertex.co[:] for vertex in made.data.vertices], np.float32), positions)


def test_a_new_object_of_the_same_name_is_not_taken_for_it(scene, ball, server, part, submit, pump_until):
    task = submit(ball)
    bpy.ops.object.delete()
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    pump_until(lambda: task.state.name == "BLOCKED")
    assert stored(bpy.context.object, part) == []
    assert bpy.ops.restyle.apply(task_id=task.id, to="ACTIVE") == {"FINISHED"}
    assert stored(bpy.context.object, part) == [1]


def test_edit_mode_puts_the_result_off(scene, ball, server, part, submit, pump_until):
    task = submit(ball)
    bpy.ops.object.mode_set(mode="EDIT")
    pump_until(lambda: "Leave Edit Mode" in task.message)
    assert task.state.name == "READY"
    bpy.ops.object.mode_set(mode="OBJECT")
    pump_until(lambda: task.state.name == "APPLIED")
    assert stored(ball, part) == [1]


def test_another_file_keeps_the_result_for_the_first(scene, ball, server, part, submit, pump_until, tmp_path):
    path = str(tmp_path / "first.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    name = ball.name
    task = submit(ball)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    bpy.context.object.name = name
    pump_until(lambda: task.state.name == "READY")
    part("session").session().pump()
    assert task.state.name == "READY"
    assert stored(bpy.context.object, part) == []
    bpy.ops.wm.open_mainfile(filepath=path)
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert stored(bpy.data.objects[name], part) == [1]


def test_a_blender_that_ended_finds_its_job_again(scene, ball, server, part, submit, pump_until):
    import addon_utils

    task = submit(ball)
    session = part("session").session()
    pump_until(lambda: task.state.name in ("QUEUED", "RUNNING"))
    before = task.before
    addon_utils.disable("bl_ext.user_default.restyle")
    addon_utils.enable("bl_ext.user_default.restyle")
    session = part("session").session()
    session.link()
    pump_until(lambda: task.id in session.tasks and session.tasks[task.id].state.name == "READY")
    found = session.tasks[task.id]
    assert found is not task
    assert np.array_equal(found.before.corners, before.corners)
    assert stored(ball, part) == [], "an earlier session's result is offered, not applied"
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    assert json.loads(ball.data["restyle.1"])["job_id"] == task.id


def test_undo_past_the_submit_still_finds_the_object(scene, ball, server, part, submit, pump_until):
    name = ball.name
    ball.location.x = 1
    bpy.ops.ed.undo_push(message="Move")
    task = submit(ball)
    bpy.ops.ed.undo()
    pump_until(lambda: task.state.name == "APPLIED")
    assert stored(bpy.data.objects[name], part) == [1]
