"""Clips out of a real sequencer and back: the frames that the strip shows, as a strip above it, the rest untouched."""

from __future__ import annotations

import shutil
import wave

import numpy as np
import pytest
from clip_parts import COUNT, HEIGHT, WIDTH, frame, frames_of, run, run_again, shown_at
from image_parts import read, recipe
from strip_names import named, place, put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
HAS_SOUND = bpy.app.build_options.audaspace  # the bpy wheel of 4.2 has none

pytestmark = pytest.mark.blender
pytest_plugins = ["clip_fixtures"]
QUICK_SERVER = True


def test_a_sequence_comes_back_equal_to_the_bit_and_in_its_place(scene, server, sequence, strips, part, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    names = ("name", "channel", "mute", named(sequence, "content_start"), "directory")
    before = {name: getattr(sequence, name) for name in names}
    made = run(strips)
    assert (made.name, made.type, made.channel) == ("shot restyled", "IMAGE", 3)
    assert part("compat").strip_span(made) == (10, COUNT)
    assert made.directory.startswith("//restyle")
    assert all(np.array_equal(got, frame(number)) for number, got in enumerate(frames_of(made)))
    assert {name: getattr(sequence, name) for name in before} == before
    assert recipe(made)["sources"]["structure"]["name"] == "shot"
    assert np.array_equal(shown_at(scene, 13, tmp_path), frame(3))


@pytest.mark.skipif(not HAS_SOUND, reason="this bpy has no sound")
def test_sound_is_left_as_it_is(scene, server, sequence, strips, tmp_path):
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(np.arange(8000))).astype("<i2").tobytes())
    sound = strips.new_sound("tone", str(tmp_path / "tone.wav"), 3, 11)
    sound.volume = 0.5
    put(sound, left_handle_offset=2)
    lies = [named(sound, name) for name in ("content_start", "left_handle", "duration")]
    names = ("name", "channel", "mute", "volume", *lies)
    before = {name: getattr(sound, name) for name in names} | {"path": sound.sound.filepath}
    made = run(strips)
    assert made.channel == 4, "above the sound, which is beside the picture there"
    tone = strips["tone"]
    assert {name: getattr(tone, name) for name in names} | {"path": tone.sound.filepath} == before
    assert len(strips) == 3


def test_undo_takes_the_strip_in_one_step(scene, server, sequence, strips, part):
    run(strips)
    bpy.ops.ed.undo()
    assert [strip.name for strip in part("compat").strips_of(bpy.context.scene.sequence_editor)] == ["shot"]


def test_a_trimmed_strip_gives_what_it_shows(scene, server, sequence, strips, part):
    put(sequence, left_handle_offset=2, right_handle_offset=3)
    made = run(strips)
    assert part("compat").strip_span(made) == (12, 3)
    assert all(np.array_equal(got, frame(2 + number)) for number, got in enumerate(frames_of(made)))


def test_a_strip_whose_content_is_trimmed_and_reversed_gives_what_it_shows(scene, server, sequence, strips, tmp_path):
    put(sequence, content_trim_start=1, content_trim_end=2)
    sequence.use_reverse_frames = True
    first, length = place(sequence, "left_handle"), place(sequence, "duration")
    shown = [shown_at(scene, number, tmp_path) for number in range(first, first + length)]
    made = frames_of(run(strips))
    assert len(made) == len(shown) == COUNT - 3
    assert all(np.array_equal(*both) for both in zip(made, shown))
    assert np.array_equal(made[0], frame(COUNT - 3))


def test_one_picture_of_16_bits_that_is_held(scene, server, strip_of, matter, strips, part):
    still = strip_of("still", [np.full((HEIGHT, WIDTH), 0x8060, np.uint16)], 5, 1)
    put(still, duration=6)
    scene.sequence_editor.active_strip = still
    made = run(strips)
    assert part("compat").strip_span(made) == (1, 6)
    assert all(np.array_equal(got, np.full_like(got, 0x80)) for got in frames_of(made)), "rounded and not dithered"


def test_a_movie_gives_the_frames_that_blender_shows(scene, server, strips, matter, data_dir, tmp_path, part):
    movie = strips.new_movie("flower", str(data_dir / "videos" / "flower.mp4"), 1, 5)
    put(movie, left_handle_offset=20, duration=4)
    scene.sequence_editor.active_strip = movie
    made = run(strips)
    assert part("compat").strip_span(made) == (25, 4)
    made.mute = True
    size = (movie.elements[0].orig_width, movie.elements[0].orig_height)
    shown = [shown_at(scene, number, tmp_path, size) for number in range(25, 29)]
    assert all(np.array_equal(got, wanted) for got, wanted in zip(frames_of(made), shown))
    assert not np.array_equal(shown[0], shown[3])


def test_the_next_free_channel_is_taken_and_neighbours_stay(scene, server, sequence, strips, strip_of):
    places = {"over": (3, 12), "before": (4, 9), "behind": (4, 10 + COUNT)}
    for name, (channel, start) in places.items():
        strip_of(name, [frame(0)], channel, start)
    assert run(strips).channel == 4, "between the two that touch it"
    assert {name: (strips[name].channel, place(strips[name], "content_start")) for name in places} == places


def test_it_looks_as_the_source_is_laid_out(scene, server, sequence, strips, part):
    sequence.transform.offset_x, sequence.transform.scale_y = 7.0, 1.5
    sequence.crop.max_x, sequence.use_flip_x, sequence.blend_alpha = 5, True, 0.5
    made = run(strips)
    assert (made.transform.offset_x, made.transform.scale_y, made.crop.max_x) == (7.0, 1.5, 5)
    assert (made.use_flip_x, made.blend_alpha) == (True, 0.5)
    part("strips").same_look(sequence, made, 2 * WIDTH, HEIGHT)
    assert (made.transform.scale_x, made.transform.scale_y, made.crop.max_x) == (0.5, 1.5, 10), "of twice the width"


def test_a_strip_at_the_current_frame_is_a_picture_too(scene, server, sequence, matter):
    settings = scene.restyle.image_analogy
    settings.from_appearance.image = matter
    settings.from_structure.source, settings.from_structure.strip = "STRIP", "shot"
    scene.frame_set(15)
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    made = bpy.data.images["shot restyled"]
    assert np.array_equal(read(made)[..., :3], frame(5))
    scene.frame_set(99)
    with pytest.raises(RuntimeError, match="shows nothing at frame 99: it runs from 10 to 17"):
        bpy.ops.restyle.image_analogy()


def test_it_is_made_again_and_compared(scene, server, sequence, strips):
    made = run(strips)
    scene.sequence_editor.active_strip = made
    assert bpy.ops.restyle.compare_strip() == {"FINISHED"}
    assert made.mute
    bpy.ops.restyle.compare_strip()
    assert not made.mute
    again = run_again(strips, made, new_seed=True)
    assert (again.name, again.channel) == ("shot restyled.001", 4)
    first, second = recipe(made), recipe(again)
    assert first["sources"]["structure"] == second["sources"]["structure"]
    assert first["parameters"]["seed"] != second["parameters"]["seed"]


def test_pressing_twice_makes_two_results_of_one_strip(scene, server, sequence, strips, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    first = run(strips)
    assert scene.sequence_editor.active_strip == first
    again = run(strips)
    assert (again.name, again.channel) == ("shot restyled.001", 4)
    assert recipe(again)["sources"]["structure"]["name"] == "shot"
    shutil.rmtree(bpy.path.abspath(first.directory))
    assert all(np.array_equal(got, frame(number)) for number, got in enumerate(frames_of(again))), "in another folder"


def selected(strips):
    return sorted(strip.name for strip in strips if strip.select)


def test_the_result_is_selected_unless_the_artist_is_busy_elsewhere(scene, server, sequence, strips, strip_of, editor):
    strip_of("other", [frame(20)]).select = sequence.select = True
    run(strips)
    assert (editor.active_strip.name, selected(strips)) == ("shot restyled", ["shot restyled"])
    scene.restyle.frames_analogy.from_structure = "shot restyled"
    editor.active_strip, strips["other"].select = strips["other"], True
    assert run(strips).name == "shot restyled restyled", "a result that is chosen by name is a clip too"
    assert (editor.active_strip.name, selected(strips)) == ("other", ["other", "shot restyled"])
