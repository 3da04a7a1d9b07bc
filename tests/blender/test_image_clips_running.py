"""Clips that cannot be sent, and clips while they are made: moved, deleted, cancelled, dismissed, without room."""

from __future__ import annotations

import numpy as np
import pytest
from clip_parts import COUNT, frame, frames_of, refused
from strip_names import put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["clip_fixtures"]
QUICK_SERVER = True


# What cannot be sent is said before anything is read


def test_no_strip(scene, editor, matter):
    refused("Select a movie or image strip first")


def test_strips_of_other_kinds(scene, editor, strips, matter):
    color = {"name": "color", "type": "COLOR", "channel": 1, "frame_start": 1}
    try:
        strip = strips.new_effect(**color, length=10)
    except TypeError:
        strip = strips.new_effect(**color, frame_end=10)
    editor.active_strip = strip
    refused("“color” is a color strip: render it")


def test_a_frame_that_is_missing(scene, sequence, tmp_path):
    (tmp_path / "shot" / "f003.png").unlink()
    refused(r"“shot” needs .*f003\.png, which does not exist")


def test_a_movie_that_is_none(scene, server, editor, strips, matter, tmp_path):
    good = tmp_path / "shot.mkv"
    good.write_bytes(b"this is no movie")
    strip = strips.new_movie("shot", str(good), 1, 1)
    if strip is None or not len(strip.elements):
        pytest.skip("this Blender does not even make a strip of it")
    editor.active_strip = strip
    refused("“shot” cannot be read|has no pictures")


def test_a_clip_that_is_too_long_is_refused_before_it_is_read(scene, sequence, part):
    put(sequence, duration=300_000)
    refused("Structure: frames: 300,000 frames of 54 x 36 are too much")


# While the job runs


@pytest.fixture
def cancelled(send, pump_until, part):
    """Send, and cancel when there is a preview of two frames."""

    def begin():
        task = send(iterations=5000)
        pump_until(lambda: part("thumbnails")._collection)
        bpy.ops.restyle.cancel(task_id=task.id)
        pump_until(lambda: task.state.name == "CANCELLED", 20)
        return task

    return begin


def test_a_strip_that_was_moved_is_followed(scene, server, sequence, strips, send, pump_until, part):
    put(sequence, left_handle_offset=2)
    task = send()
    put(sequence, content_start=30)
    sequence.channel = 6
    pump_until(lambda: task.state.name == "APPLIED")
    made = strips["shot restyled"]
    assert (part("compat").strip_span(made), made.channel) == ((32, COUNT - 2), 7)


def test_a_strip_that_was_deleted_can_be_replaced_by_its_result(
    scene, server, sequence, strips, send, pump_until, part
):
    task = send()
    strips.remove(sequence)
    pump_until(lambda: task.state.name == "BLOCKED")
    assert "“shot” is no longer in this file" in task.why
    assert bpy.ops.restyle.apply(task_id=task.id, to="NEW") == {"FINISHED"}
    made = strips["shot restyled"]
    assert (part("compat").strip_span(made), made.channel) == ((10, COUNT), 3)


def test_a_cancelled_job_gives_the_frames_so_far(scene, server, sequence, strips, cancelled):
    task = cancelled()
    assert bpy.ops.restyle.apply(task_id=task.id, to="TARGET") == {"FINISHED"}
    made = strips["shot restyled, unfinished"]
    got = frames_of(made)
    assert len(got) == 2
    assert all(np.array_equal(pixels, frame(number)) for number, pixels in enumerate(got))


@pytest.mark.parametrize("kept", [True, False])
def test_dismissing_deletes_the_files_unless_they_are_in_use(kept, scene, server, sequence, cancelled, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    task = cancelled()
    (folder,) = (tmp_path / "restyle").iterdir()
    assert len(list(folder.iterdir())) == 2
    if kept:
        bpy.ops.restyle.apply(task_id=task.id, to="TARGET")
    bpy.ops.restyle.dismiss(task_id=task.id)
    assert folder.exists() == kept


def test_cancelling_while_strips_are_read_leaves_nothing(
    scene, server, sequence, strip_of, send, pump_until, part, tmp_path, monkeypatch
):
    group, matter = scene.restyle.frames_analogy, bpy.data.images["matter"]
    strip_of("ids", [frame(number) for number in range(COUNT)])
    group.from_structure_passes.source, group.from_structure_passes.strip = "STRIP", "ids"
    group.from_appearance_passes.source, group.from_appearance_passes.image = "IMAGE", matter
    group.from_structure_mask.source, group.from_structure_mask.strip = "STRIP", "ids"
    being_read = tmp_path / "being_read"
    being_read.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(being_read))
    task = send()
    assert len(list(being_read.iterdir())) == 3
    bpy.ops.restyle.cancel(task_id=task.id)
    pump_until(lambda: task.state.name == "CANCELLED", 20)
    assert task.why
    assert not part("session").session()._link._outbox
    assert not list(being_read.iterdir())


def test_frames_that_cannot_be_written(scene, server, sequence, send, pump_until, part, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    (tmp_path / "restyle").write_text("a file where the folder should be")
    task = send()
    pump_until(lambda: task.state.name == "FAILED")
    assert "cannot be written" in task.why
    assert task.id in task.why or "job id" in task.why
