"""Clips while they are made: moved, deleted, cancelled, dismissed, without room on the disk."""

from __future__ import annotations

import numpy as np
import pytest
from clip_parts import COUNT, frame, frames_of
from strip_names import put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["clip_fixtures"]
QUICK_SERVER = True


@pytest.fixture
def send(part, scene):
    """Send as the operator does in a window, without waiting."""

    def begin(**values):
        job = part("restyle.jobs").declaration("frames_analogy")
        choices = part("settings").choices(scene.restyle.frames_analogy, job)
        return part("session").session().submit(job.name, None, {}, values, choices)

    return begin


def test_a_strip_that_was_moved_is_followed(scene, server, sequence, strips, send, pump_until, part):
    put(sequence, left_handle_offset=2)
    task = send()
    put(sequence, content_start=30)
    sequence.channel = 6
    pump_until(lambda: task.state.name == "APPLIED")
    made = next(strip for strip in strips if strip.name == "shot restyled")
    assert (part("compat").strip_span(made), made.channel) == ((32, COUNT - 2), 7)


def test_a_strip_that_was_deleted_can_be_replaced_by_its_result(
    scene, server, sequence, strips, send, pump_until, part
):
    task = send()
    strips.remove(sequence)
    pump_until(lambda: task.state.name == "BLOCKED")
    assert "“shot” is no longer in this file" in task.why
    assert bpy.ops.restyle.apply(task_id=task.id, to="NEW") == {"FINISHED"}
    made = next(strip for strip in strips if strip.name == "shot restyled")
    assert (part("compat").strip_span(made), made.channel) == ((10, COUNT), 3)


def test_a_cancelled_job_gives_the_frames_so_far(scene, server, sequence, strips, send, pump_until, part):
    task = send(iterations=5000)
    pump_until(lambda: part("thumbnails")._collection)
    bpy.ops.restyle.cancel(task_id=task.id)
    pump_until(lambda: task.state.name == "CANCELLED", 20)
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    made = next(strip for strip in strips if strip.name == "shot restyled, unfinished")
    got = frames_of(made)
    assert len(got) == 2
    assert all(np.array_equal(pixels, frame(number)) for number, pixels in enumerate(got))


@pytest.mark.parametrize("kept", [True, False])
def test_dismissing_deletes_the_files_unless_they_are_in_use(
    kept, scene, server, sequence, send, pump_until, part, tmp_path
):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    task = send(iterations=5000)
    pump_until(lambda: part("thumbnails")._collection)
    bpy.ops.restyle.cancel(task_id=task.id)
    pump_until(lambda: task.state.name == "CANCELLED", 20)
    (folder,) = (tmp_path / "restyle").iterdir()
    assert len(list(folder.iterdir())) == 2
    if kept:
        bpy.ops.restyle.apply(task_id=task.id, to="TARGET")
    bpy.ops.restyle.dismiss(task_id=task.id)
    assert folder.exists() == kept


def test_cancelling_while_the_strip_is_read_leaves_nothing(scene, server, sequence, send, pump_until, part):
    task = send()
    reading = part("session").session()._link
    bpy.ops.restyle.cancel(task_id=task.id)
    pump_until(lambda: task.state.name == "CANCELLED", 20)
    assert not reading._outbox
    assert task.why


def test_frames_that_cannot_be_written(scene, server, sequence, send, pump_until, part, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    (tmp_path / "restyle").write_text("a file where the folder should be")
    task = send()
    pump_until(lambda: task.state.name == "FAILED")
    assert "cannot be written" in task.why
    assert task.id in task.why or "job id" in task.why
