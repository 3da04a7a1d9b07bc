"""Adaptive speedup from the sequencer with a real server: analyze, see, apply, bake, restore."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from strip_names import place, put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
COUNT = 120
HAS_SOUND = bpy.app.build_options.audaspace  # the bpy wheel of 4.2 has none
ADD_SOUND = """
import sys, av, numpy as np
source, path = sys.argv[1:]
rate = 48000
with av.open(source) as pictures, av.open(path, "w") as movie:
    copied = movie.add_stream_from_template(pictures.streams.video[0])
    sound = movie.add_stream("aac", rate=rate, layout="mono")
    for packet in pictures.demux(video=0):
        if packet.dts is not None:
            packet.stream = copied
            movie.mux(packet)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * rate) / rate)).astype(np.float32)
    for start in range(0, len(tone) - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
        frame.rate, frame.pts = rate, start
        movie.mux(sound.encode(frame))
    movie.mux(sound.encode())
"""


@pytest.fixture(scope="module")
def bars():
    spec = importlib.util.spec_from_file_location("bar_codes", Path(__file__).with_name("bar_codes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def file(bars, tmp_path_factory):
    """A movie of COUNT bar codes at 24 frames per second, with a tone for sound."""
    folder = tmp_path_factory.mktemp("movies")
    silent = bars.movie(folder / "silent.mp4", 24, COUNT)
    subprocess.run([os.environ["RESTYLE_SERVER_PYTHON"], "-c", ADD_SOUND, silent, folder / "bars.mp4"], check=True)
    return folder / "bars.mp4"


@pytest.fixture
def group(scene, bars):
    bars.set_up(scene)
    scene.sequence_editor_create()
    group = scene.restyle.retime_clip
    group.method, group.speed = "motion", 2.0
    return group


@pytest.fixture
def strips(part, scene, group):
    return part("compat").strips_of(scene.sequence_editor)


@pytest.fixture
def movie(scene, strips, file):
    """A strip of the movie from frame 11 on in channel 2; active."""
    strip = strips.new_movie("shot", str(file), 2, 11)
    scene.sequence_editor.active_strip = strip
    bpy.ops.ed.undo_push(message="Strip")
    return strip


@pytest.fixture
def spans(part):
    return part("compat").strip_span


def newest(part):
    return list(part("session").session().tasks.values())[-1]


def plan_of(part):
    """The frames of the file that the newest plan shows, as the job says it."""
    return list(np.floor(newest(part).result.outputs["plan"].series["source"] + 0.5).astype(int))


def test_the_curve_is_seen_before_anything_changes_and_then_shown_frame_for_frame(
    scene, server, movie, strips, spans, part, bars, tmp_path
):
    assert bpy.ops.restyle.retime_clip() == {"FINISHED"}
    assert (len(strips), spans(movie)) == (1, (11, COUNT))
    assert [tile.shape for tile in newest(part).arrived["tiles"]] == [(192, 192, 3)]
    wanted = plan_of(part)
    assert len(wanted) == COUNT // 2
    assert bpy.ops.restyle.retime_apply() == {"FINISHED"}
    assert spans(movie) == (11, 60)
    assert bars.shown(scene, range(11, 71), tmp_path) == wanted
    assert scene.sequence_editor.active_strip.type == "SPEED"
    assert bpy.ops.restyle.retime_restore() == {"FINISHED"}
    assert (len(strips), spans(movie)) == (1, (11, COUNT))
    assert bars.shown(scene, (11, 130), tmp_path) == [0, COUNT - 1]


def test_each_step_is_one_undo(scene, server, movie):
    bpy.ops.restyle.retime_clip()
    bpy.ops.restyle.retime_apply()

    def state():
        editor = bpy.context.scene.sequence_editor
        collection = editor.strips if hasattr(editor, "strips") else editor.sequences
        return sorted((strip.type, place(strip, "duration")) for strip in collection)

    assert state() == [("MOVIE", 60), ("SPEED", 60)]
    bpy.ops.restyle.retime_restore()
    bpy.ops.ed.undo_push(message="Restore")  # as a window does after an operator
    bpy.ops.ed.undo()
    assert state() == [("MOVIE", 60), ("SPEED", 60)]
    bpy.ops.ed.undo()
    assert state() == [("MOVIE", COUNT)]


def test_a_trimmed_strip_of_a_length_with_locks(scene, server, group, movie, spans, part, bars, tmp_path):
    put(movie, left_handle_offset=20, right_handle_offset=10)
    group.frames = 50
    scene.timeline_markers.new("1x", frame=41)
    scene.timeline_markers.new("/1x", frame=56)
    bpy.ops.restyle.retime_clip()
    wanted = [20 + number for number in plan_of(part)]
    locked = wanted.index(31), wanted.index(44)
    assert wanted[locked[0] : locked[1]] == list(range(31, 44))
    bpy.ops.restyle.retime_apply()
    assert spans(movie) == (31, 50)
    assert bars.shown(scene, range(31, 81), tmp_path) == wanted
    group.frames = 30
    bpy.ops.restyle.retime_clip()
    again = [20 + number for number in plan_of(part)]
    bpy.ops.restyle.retime_apply()
    assert bars.shown(scene, range(31, 61), tmp_path) == again
    bpy.ops.restyle.retime_restore()
    assert spans(movie) == (31, 90)


def test_numbered_pictures_played_backwards(scene, server, group, strips, part, bars, tmp_path):
    first = bars.sequence(part, tmp_path / "shot", 40)
    strip = strips.new_image("pictures", str(first), 1, 5)
    for number in range(1, 40):
        strip.elements.append(f"f{number:04}.png")
    strip.use_reverse_frames = True
    scene.sequence_editor.active_strip = strip
    bpy.ops.restyle.retime_clip()
    wanted = [39 - number for number in plan_of(part)]
    bpy.ops.restyle.retime_apply()
    assert bars.shown(scene, range(5, 25), tmp_path) == wanted


def test_a_movie_that_plays_at_its_own_rate(scene, server, group, file, part, bars, spans, tmp_path):
    bars.set_up(scene, 30)
    movie = bars.add_as_the_artist_does(scene, file, 11)
    assert spans(movie) == (11, 150)
    bpy.ops.restyle.retime_clip()
    plan = newest(part).result.outputs["plan"].series["source"]
    bpy.ops.restyle.retime_apply()
    places = np.minimum(np.arange(75) * 24 / 30, len(plan) - 1)
    wanted = list(np.floor(np.interp(places, np.arange(len(plan)), plan) + 0.5).astype(int))
    assert bars.shown(scene, range(11, 86), tmp_path) == wanted
    bpy.ops.restyle.retime_restore()
    assert spans(movie) == (11, 150)


def test_bake_puts_the_movie_in_its_place(scene, server, movie, strips, spans, part, bars, tmp_path):
    bpy.ops.restyle.retime_clip()
    wanted = plan_of(part)
    assert bpy.ops.restyle.retime_bake() == {"FINISHED"}
    made = next(strip for strip in strips if strip.type == "MOVIE" and strip != movie)
    assert (spans(made), movie.mute, spans(movie)) == ((11, 60), True, (11, COUNT))
    assert bars.shown(scene, range(11, 71), tmp_path) == wanted
    bpy.ops.restyle.retime_restore()
    assert ([strip.name for strip in strips], movie.mute) == (["shot"], False)


def test_bake_of_what_was_applied_shows_the_same(scene, server, movie, strips, part, bars, tmp_path):
    bpy.ops.restyle.retime_clip()
    wanted = plan_of(part)
    bpy.ops.restyle.retime_apply()
    bpy.ops.restyle.retime_bake()
    assert sorted(strip.type for strip in strips) == ["MOVIE", "MOVIE"]
    assert bars.shown(scene, range(11, 71), tmp_path) == wanted


@pytest.mark.skipif(not HAS_SOUND, reason="this bpy has no sound")
def test_the_sound_goes_along(scene, server, movie, strips, spans, file, part):
    own = strips.new_sound("own", str(file), 1, 11)
    bpy.ops.restyle.retime_clip()
    bpy.ops.restyle.retime_apply()
    (made,) = (strip for strip in strips if strip.type == "SOUND" and strip != own)
    assert (own.mute, spans(made)[0]) == (True, 11)
    assert abs(spans(made)[1] - 60) <= 1
    bpy.ops.restyle.retime_restore()
    assert (own.mute, sorted(strip.name for strip in strips)) == (False, ["own", "shot"])
    assert [sound.name for sound in bpy.data.sounds] == [own.sound.name]


def test_several_selected_strips_each_get_their_own(scene, server, movie, strips, spans, file, part, bars, tmp_path):
    """Two pieces of one film and a locked one: a job each with the same settings, applied together, restored singly."""
    second, locked = strips.new_movie("second", str(file), 2, 11), strips.new_movie("locked", str(file), 5, 11)
    put(movie, right_handle=71)
    put(second, left_handle=71)
    locked.lock = True
    assert bpy.ops.restyle.retime_clip(selected=True) == {"FINISHED"}
    tasks = list(part("session").session().tasks.values())[-2:]
    assert [task.target.name for task in tasks] == ["shot", "second"]
    assert [task.result.outputs["report"]["frames"] for task in tasks] == [30, 30]
    plans = [np.floor(task.result.outputs["plan"].series["source"] + 0.5).astype(int) for task in tasks]
    assert bpy.ops.restyle.retime_apply(every=True) == {"FINISHED"}
    assert (spans(movie), spans(second), spans(locked)) == ((11, 30), (71, 30), (11, COUNT))
    locked.mute = True
    assert bars.shown(scene, range(11, 41), tmp_path) == plans[0].tolist()
    assert bars.shown(scene, range(71, 101), tmp_path) == (60 + plans[1]).tolist()
    scene.sequence_editor.active_strip = movie
    assert bpy.ops.restyle.retime_restore() == {"FINISHED"}
    assert (spans(movie), spans(second)) == ((11, 60), (71, 30))
    assert bars.shown(scene, range(71, 101), tmp_path) == (60 + plans[1]).tolist()
    assert bpy.ops.restyle.retime_restore(selected=True) == {"FINISHED"}
    assert (len(strips), spans(second)) == (3, (71, 60))


def test_a_renamed_and_moved_strip_is_found_and_a_cut_one_refused(scene, server, movie, strips, spans, part):
    bpy.ops.restyle.retime_clip()
    movie.name = "renamed"
    put(movie, content_start=200)
    bpy.ops.restyle.retime_apply()
    assert spans(movie) == (200, 60)
    bpy.ops.restyle.retime_restore()
    bpy.ops.restyle.retime_clip()
    put(movie, right_handle=place(movie, "right_handle") - 3)
    with pytest.raises(RuntimeError, match="was cut or changed since it was analyzed"):
        bpy.ops.restyle.retime_apply()
    assert (len(strips), spans(movie)) == (1, (200, COUNT - 3))


def test_what_cannot_be_is_said(scene, server, group, movie, strips):
    group.speed, group.use_max_speed, group.max_speed = 3.0, True, 2.0
    with pytest.raises(RuntimeError, match=r"speed|length|frames"):
        bpy.ops.restyle.retime_clip()
    movie.lock = True
    assert not bpy.ops.restyle.retime_clip.poll()
    assert not bpy.ops.restyle.retime_restore.poll()
    scene.sequence_editor.active_strip = None
    assert not bpy.ops.restyle.retime_clip.poll()
    assert len(strips) == 1


def test_a_movie_of_varying_rate_is_baked_but_not_mapped(scene, server, group, strips, file, part, tmp_path):
    """As a stand-in for such a file: the plan says another rate than Blender does."""
    scene.sequence_editor.active_strip = movie = strips.new_movie("shot", str(file), 2, 11)
    bpy.ops.restyle.retime_clip()
    task = newest(part)
    curve = task.result.outputs["plan"]
    task.result.outputs["plan"] = type(curve)(curve.series, 23.0)
    with pytest.raises(RuntimeError, match="varying frame rate"):
        bpy.ops.restyle.retime_apply()
    assert [strip.name for strip in strips] == [movie.name]
