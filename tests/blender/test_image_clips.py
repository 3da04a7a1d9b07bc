"""Clips out of a real sequencer and back: the frames that the strip shows, as a strip above it, the rest untouched."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")
HAS_SOUND = bpy.app.build_options.audaspace  # the bpy wheel of 4.2 has none

pytestmark = pytest.mark.blender
QUICK_SERVER = True
HEIGHT, WIDTH, COUNT = 36, 54, 8


def frame(number):
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def read_file(path):
    """(H, W, 3) uint8 of a picture file."""
    image = bpy.data.images.load(str(path))
    floats = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(floats)
    height = image.size[1]
    bpy.data.images.remove(image)
    return np.rint(floats.reshape(height, -1, 4)[::-1, :, :3] * 255).astype(np.uint8)


def frames_of(strip):
    """What an image strip's files hold."""
    folder = bpy.path.abspath(strip.directory)
    return [read_file(f"{folder}/{element.filename}") for element in strip.elements]


def shown_at(scene, number, tmp_path, size=(WIDTH, HEIGHT)):
    """What the sequencer shows at a frame."""
    (scene.render.resolution_x, scene.render.resolution_y), scene.render.resolution_percentage = size, 100
    scene.render.dither_intensity, scene.view_settings.view_transform = 0, "Standard"
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    scene.render.filepath = str(tmp_path / f"shown_{number}.png")
    scene.frame_set(number)
    bpy.ops.render.render(write_still=True)
    return read_file(scene.render.filepath)


@pytest.fixture
def editor(scene):
    return scene.sequence_editor_create()


@pytest.fixture
def strips(part, editor):
    """The collection of strips, by whatever name this version has."""
    return part("compat").strips_of(editor)


@pytest.fixture
def matter(scene):
    image = bpy.data.images.new("matter", 16, 16)
    scene.restyle.frames_analogy.from_appearance.image = image
    return image


@pytest.fixture
def sequence(part, strips, editor, matter, tmp_path):
    """An image strip of COUNT frames, from frame 10 on in channel 2."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"f{number:03}.png").write_bytes(part("rasters").png(frame(number)))
    strip = strips.new_image("shot", str(folder / "f000.png"), 2, 10)
    for number in range(1, COUNT):
        strip.elements.append(f"f{number:03}.png")
    editor.active_strip = strip
    bpy.ops.ed.undo_push(message="Strip")
    return strip


def run(strips):
    before = {strip.name for strip in strips}
    assert bpy.ops.restyle.frames_analogy() == {"FINISHED"}
    (made,) = (strip for strip in strips if strip.name not in before)
    return made


def test_a_sequence_comes_back_equal_to_the_bit_and_in_its_place(scene, server, sequence, strips, part, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    before = {name: getattr(sequence, name) for name in ("name", "channel", "mute", "frame_start", "directory")}
    made = run(strips)
    assert (made.name, made.type, made.channel) == ("shot restyled", "IMAGE", 3)
    assert part("compat").strip_span(made) == (10, COUNT)
    assert made.directory.startswith("//restyle")
    assert all(np.array_equal(got, frame(number)) for number, got in enumerate(frames_of(made)))
    assert {name: getattr(sequence, name) for name in before} == before
    assert json.loads(made["restyle"])["sources"]["structure"]["name"] == "shot"
    assert np.array_equal(shown_at(scene, 13, tmp_path), frame(3))


@pytest.mark.skipif(not HAS_SOUND, reason="this bpy has no sound")
def test_sound_is_left_as_it_is(scene, server, sequence, strips, tmp_path):
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(np.arange(8000))).astype("<i2").tobytes())
    sound = strips.new_sound("tone", str(tmp_path / "tone.wav"), 3, 11)
    sound.volume, sound.frame_offset_start = 0.5, 2
    names = ("name", "channel", "mute", "volume", "frame_start", "frame_final_start", "frame_final_duration")
    before = {name: getattr(sound, name) for name in names} | {"path": sound.sound.filepath}
    made = run(strips)
    assert made.channel == 4, "above the sound, which is beside the picture there"
    tone = next(strip for strip in strips if strip.type == "SOUND")
    assert {name: getattr(tone, name) for name in names} | {"path": tone.sound.filepath} == before
    assert len(strips) == 3


def test_undo_takes_the_strip_in_one_step(scene, server, sequence, strips):
    run(strips)
    bpy.ops.ed.undo()
    editor = bpy.context.scene.sequence_editor
    collection = editor.strips if hasattr(editor, "strips") else editor.sequences
    assert [strip.name for strip in collection] == ["shot"]


def test_a_trimmed_strip_gives_what_it_shows(scene, server, sequence, strips, part):
    sequence.frame_offset_start, sequence.frame_offset_end = 2, 3
    made = run(strips)
    assert part("compat").strip_span(made) == (12, 3)
    assert all(np.array_equal(got, frame(2 + number)) for number, got in enumerate(frames_of(made)))


def test_a_reversed_strip_is_given_as_it_is_shown(scene, server, sequence, strips, tmp_path):
    sequence.use_reverse_frames = True
    shown = [shown_at(scene, number, tmp_path) for number in (10, 11, 17)]
    made = frames_of(run(strips))
    assert all(np.array_equal(made[number], wanted) for number, wanted in zip((0, 1, 7), shown))
    assert np.array_equal(made[0], frame(COUNT - 1))


def test_one_picture_that_is_held(scene, server, sequence, strips, part):
    still = strips.new_image("still", str(bpy.path.abspath(sequence.directory)) + "/f004.png", 5, 1)
    still.frame_final_duration = 6
    scene.sequence_editor.active_strip = still
    made = run(strips)
    assert part("compat").strip_span(made) == (1, 6)
    assert all(np.array_equal(got, frame(4)) for got in frames_of(made))


def test_a_movie_gives_the_frames_that_blender_shows(scene, server, strips, matter, data_dir, tmp_path, part):
    movie = strips.new_movie("flower", str(data_dir / "videos" / "flower.mp4"), 1, 5)
    movie.frame_offset_start = 20
    movie.frame_final_duration = 4
    scene.sequence_editor.active_strip = movie
    made = run(strips)
    assert part("compat").strip_span(made) == (25, 4)
    made.mute = True
    size = (movie.elements[0].orig_width, movie.elements[0].orig_height)
    shown = [shown_at(scene, number, tmp_path, size) for number in range(25, 29)]
    assert all(np.array_equal(got, wanted) for got, wanted in zip(frames_of(made), shown))
    assert not np.array_equal(shown[0], shown[3])


def test_the_next_free_channel_is_taken_and_neighbours_stay(scene, server, sequence, strips, tmp_path):
    path = str(bpy.path.abspath(sequence.directory)) + "/f000.png"
    over = strips.new_image("over", path, 3, 12)
    away = strips.new_image("away", path, 4, 200)
    made = run(strips)
    assert made.channel == 4
    assert (over.channel, over.frame_start, away.channel, away.frame_start) == (3, 12, 4, 200)


def test_it_looks_as_the_source_is_laid_out(scene, server, sequence, strips):
    sequence.transform.offset_x, sequence.transform.scale_y = 7.0, 1.5
    sequence.crop.max_x, sequence.use_flip_x, sequence.blend_alpha = 5, True, 0.5
    made = run(strips)
    assert (made.transform.offset_x, made.transform.scale_y, made.crop.max_x) == (7.0, 1.5, 5)
    assert (made.use_flip_x, made.blend_alpha) == (True, 0.5)


def test_a_strip_at_the_current_frame_is_a_picture_too(scene, server, sequence, matter):
    settings = scene.restyle.image_analogy
    settings.from_appearance.image = matter
    settings.from_structure.source, settings.from_structure.strip = "STRIP", "shot"
    scene.frame_set(15)
    assert bpy.ops.restyle.image_analogy() == {"FINISHED"}
    made = bpy.data.images["shot restyled"]
    floats = np.empty(WIDTH * HEIGHT * 4, np.float32)
    made.pixels.foreach_get(floats)
    pixels = np.rint(floats.reshape(HEIGHT, WIDTH, 4)[::-1, :, :3] * 255).astype(np.uint8)
    assert np.array_equal(pixels, frame(5))
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
    assert bpy.ops.restyle.repeat(strip=made.name, new_seed=True) == {"FINISHED"}
    again = next(strip for strip in strips if strip.name == "shot restyled.001")
    assert again.channel == 4
    first, second = json.loads(made["restyle"]), json.loads(again["restyle"])
    assert first["sources"]["structure"] == second["sources"]["structure"]
    assert first["parameters"]["seed"] != second["parameters"]["seed"]


def test_pressing_twice_makes_two_results_of_one_strip(scene, server, sequence, strips):
    scene.sequence_editor.active_strip = run(strips)
    again = run(strips)
    assert (again.name, again.channel) == ("shot restyled.001", 4)
    assert json.loads(again["restyle"])["sources"]["structure"]["name"] == "shot"
    scene.restyle.frames_analogy.from_structure = "shot restyled"
    assert run(strips).name == "shot restyled restyled"


# What cannot be sent


def refused(words):
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.restyle.frames_analogy()


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
    sequence.frame_final_duration = 300_000
    refused("Structure: frames: 300,000 frames of 54 x 36 are too much")


# While it runs


@pytest.fixture
def send(part, scene):
    """Send as the operator does in a window, without waiting."""

    def begin(**values):
        job = part("restyle.jobs").declaration("frames_analogy")
        choices = part("settings").choices(scene.restyle.frames_analogy, job)
        return part("session").session().submit(job.name, None, {}, values, choices)

    return begin


def test_a_strip_that_was_moved_is_followed(scene, server, sequence, strips, send, pump_until, part):
    sequence.frame_offset_start = 2
    task = send()
    sequence.frame_start, sequence.channel = 30, 6
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


def test_the_frames_of_a_clip_lie_in_a_folder_of_their_own(scene, server, sequence, strips, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    first, second = run(strips), None
    scene.sequence_editor.active_strip = strips["shot"]
    second = run(strips)
    assert first.directory != second.directory
    shutil.rmtree(bpy.path.abspath(first.directory))
    assert all(np.array_equal(got, frame(number)) for number, got in enumerate(frames_of(second)))


# Guides


@pytest.fixture
def rendered(scene, tmp_path):
    """OpenEXR MultiLayer files of three frames in which a cube of index 3 comes nearer and grows."""
    bpy.ops.mesh.primitive_cube_add(location=(0, 0, -6))
    cube = bpy.context.object
    cube.pass_index = 3
    for number in (1, 2, 3):
        cube.location.z = -10 + 2 * number
        cube.keyframe_insert("location", frame=number)
    bpy.ops.object.camera_add(location=(0, 0, 2))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    for name in ("use_pass_object_index", "use_pass_z", "use_pass_normal"):
        setattr(bpy.context.view_layer, name, True)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    folder = tmp_path / "passes"
    scene.render.filepath = str(folder / "p.####")
    scene.frame_start, scene.frame_end = 1, 3
    bpy.ops.render.render(animation=True)
    return folder


@pytest.fixture
def guided(scene, rendered, matter):
    """The settings of the panel, with the last frame's passes for the appearance."""
    group = scene.restyle.frames_analogy
    group.from_appearance_passes.source = "FILE"
    group.from_appearance_passes.path = str(rendered / "p.0003.exr")
    return group


def passes_sent(part, made):
    with part("restyle").connect(start=False) as client:
        return client.result(json.loads(made["restyle"])["job_id"]).outputs["report"]["passes"]


def test_passes_go_with_the_frames_that_the_strip_shows(guided, rendered, server, sequence, strips, editor, part):
    for number in range(4, COUNT + 1):
        shutil.copy(rendered / "p.0001.exr", rendered / f"p.{number:04}.exr")
    guided.from_structure_passes.source = "FILE"
    guided.from_structure_passes.path = str(rendered / "p.0001.exr")
    made = run(strips)
    sent = passes_sent(part, made)
    assert sorted(sent["structure_passes"]) == ["depth", "normal", "object"]
    assert sent["structure_passes"]["object"]["shape"] == [COUNT, HEIGHT, WIDTH, 1]
    assert sent["structure_passes"]["object"]["dtype"] == "uint8"
    assert sent["appearance_passes"]["object"]["shape"] == [HEIGHT, WIDTH, 1]
    sizes = sent["structure_passes"]["object"]["means"]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    assert sizes[3:] == [sizes[0]] * 5
    assert sent["appearance_passes"]["object"]["means"] == [sizes[2]]
    before = {strip.name for strip in strips}
    assert bpy.ops.restyle.repeat(strip=made.name) == {"FINISHED"}
    (again,) = (strip for strip in strips if strip.name not in before)
    assert passes_sent(part, again) == sent
    sequence.frame_offset_start, sequence.use_reverse_frames = 4, True
    editor.active_strip = sequence
    turned = passes_sent(part, run(strips))["structure_passes"]["object"]["means"]
    assert turned == [sizes[3], sizes[2], sizes[1], sizes[0]]


def test_passes_that_do_not_go_with_the_pictures_are_named(guided, rendered, server, sequence, strips, part):
    guided.from_structure_passes.source = "FILE"
    guided.from_structure_passes.path = str(rendered / "p.0002.exr")
    with pytest.raises(RuntimeError, match=r"3 files such as p\.0001\.exr .* but “shot” has 8 pictures"):
        run(strips)
    (rendered / "p.0002.exr").rename(rendered / "p.0004.exr")
    guided.from_structure_passes.path = str(rendered / "p.0003.exr")
    with pytest.raises(RuntimeError, match=r"p\.0002\.exr: this frame is missing"):
        run(strips)
    alone = rendered / "still.exr"
    shutil.copy(rendered / "p.0003.exr", alone)
    guided.from_structure_passes.path = str(alone)
    sent = passes_sent(part, run(strips))
    (mean,) = sent["appearance_passes"]["object"]["means"]
    assert sent["structure_passes"]["object"]["means"] == [mean] * COUNT


def test_passes_of_one_side_are_refused(guided, server, sequence, strips):
    with pytest.raises(RuntimeError, match="passes of both"):
        run(strips)


def test_a_render_is_taken_as_the_appearance_of_a_clip(guided, server, scene, part):
    guided.from_appearance_passes.source = "NONE"
    assert bpy.ops.restyle.keep_render(job="frames_analogy") == {"FINISHED"}
    assert guided.from_appearance.image.name == "Render kept"
    assert guided.from_appearance_passes.source == "FILE"
    assert "object" in part("restyle.exrfile").guides(Path(guided.from_appearance_passes.path))
