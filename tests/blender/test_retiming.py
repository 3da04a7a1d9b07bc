"""Strips that show other frames by a frame map: rendered in real Blender, frame for frame, and put back as before."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
COUNT = 120


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """The tools, from the folder of these tests."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("bar_codes", Path(__file__).with_name("bar_codes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def movie_24(bars, tmp_path_factory):
    return bars.movie(tmp_path_factory.mktemp("movies") / "bars24.mp4", 24, COUNT)


@pytest.fixture(scope="module")
def movie_30(bars, tmp_path_factory):
    return bars.movie(tmp_path_factory.mktemp("movies") / "bars30.mp4", 30, COUNT)


@pytest.fixture
def owner(scene, bars):
    bars.set_up(scene)
    return scene.sequence_editor_create()


@pytest.fixture
def strips(part, owner):
    return part("compat").strips_of(owner)


@pytest.fixture
def retiming(part):
    return part("retiming")


@pytest.fixture
def showing(part):
    return part("retiming_source").showing


@pytest.fixture
def movie(strips, owner, movie_24):
    """A strip of all frames of the movie, from frame 11 on in channel 2."""
    strip = strips.new_movie("shot", str(movie_24), 2, 11)
    owner.active_strip = strip
    return strip


def plan(count, length, seed=0):
    """(length,) positions in 0 .. count - 1 whose speed changes at random, now slow, now fast."""
    speeds = np.repeat(np.random.default_rng(seed).uniform(0.3, 5, length // 7 + 1), 7)[:length]
    positions = np.concatenate([[0], np.cumsum(speeds[:-1])])
    return positions / positions[-1] * (count - 1)


def nearest(positions):
    return np.floor(positions + 0.5).astype(np.int64)


def looks(strip):
    """Everything simple that Python sees of a strip, and its own properties."""
    seen = {}
    for rna in strip.bl_rna.properties:
        if rna.identifier == "strobe":
            continue  # Blender 4.2 sets it when it renders
        if rna.type in ("INT", "FLOAT", "STRING", "BOOLEAN", "ENUM") and not getattr(rna, "is_array", False):
            value = getattr(strip, rna.identifier)
            seen[rna.identifier] = round(value, 4) if isinstance(value, float) else value
    return seen | {"properties": dict(strip.items())}


def whole(scene, part):
    """Every strip of a scene, as `looks` sees it, and its curves."""
    curves = part("compat").fcurves(scene)
    paths = None if curves is None else sorted(curve.data_path for curve in curves)
    return {strip.name: looks(strip) for strip in part("compat").all_strips(scene.sequence_editor)[0]}, paths


def apply(retiming, showing, scene, strip, length, seed=0):
    """Retime by a random plan; returns the numbers of the frames of the file that are to be seen."""
    shown = showing(scene, strip)
    frames = nearest(plan(shown.count, length, seed))
    retiming.apply(scene, strip, shown, frames, recipe={"label": "plan"})
    order = shown.skip + shown.first + frames
    return list(COUNT - 1 - order if shown.reverse else order)


@pytest.mark.parametrize("seed", range(3))
def test_a_movie_shows_the_plan_frame_for_frame(scene, movie, retiming, showing, bars, part, tmp_path, seed):
    wanted = apply(retiming, showing, scene, movie, 50, seed)
    assert part("compat").strip_span(movie) == (11, 50)
    assert bars.shown(scene, range(11, 61), tmp_path) == wanted
    assert bars.shown(scene, (10, 61), tmp_path) == [-1, -1]


def test_a_trimmed_strip_among_others(scene, strips, movie, movie_24, retiming, showing, bars, tmp_path):
    strips.new_movie("before", str(movie_24), 2, -400)
    strips.new_movie("below", str(movie_24), 1, 1)
    movie.frame_offset_start, movie.frame_offset_end = 30, 17
    wanted = apply(retiming, showing, scene, movie, 40)
    assert (wanted[0], wanted[-1]) == (30, COUNT - 18)
    assert bars.shown(scene, range(41, 81), tmp_path) == wanted
    assert bars.shown(scene, (-399, 81), tmp_path) == [1, 80]


def test_a_strip_before_the_first_frame(scene, movie, retiming, showing, bars, tmp_path):
    movie.frame_start = -50
    wanted = apply(retiming, showing, scene, movie, 30)
    assert bars.shown(scene, range(-50, -20), tmp_path) == wanted


def test_a_reversed_strip(scene, movie, retiming, showing, bars, tmp_path):
    movie.use_reverse_frames = True
    movie.frame_offset_start = 10
    wanted = apply(retiming, showing, scene, movie, 40)
    assert (wanted[0], wanted[-1]) == (COUNT - 11, 0)
    assert bars.shown(scene, range(21, 61), tmp_path) == wanted


def test_frames_left_out_for_good(scene, movie, retiming, showing, bars, tmp_path):
    movie.animation_offset_start, movie.animation_offset_end = 20, 30
    start = int(movie.frame_final_start)
    wanted = apply(retiming, showing, scene, movie, 35)
    assert (wanted[0], wanted[-1]) == (20, COUNT - 31)
    assert bars.shown(scene, range(start, start + 35), tmp_path) == wanted


def test_numbered_pictures(scene, owner, strips, retiming, showing, part, bars, tmp_path):
    first = bars.sequence(part, tmp_path / "shot", 60)
    strip = strips.new_image("pictures", str(first), 1, 5)
    for number in range(1, 60):
        strip.elements.append(f"f{number:04}.png")
    strip.frame_offset_start = 8
    wanted = apply(retiming, showing, scene, strip, 25)
    assert (wanted[0], wanted[-1]) == (8, 59)
    assert bars.shown(scene, range(13, 38), tmp_path) == wanted


def test_a_strip_that_gets_longer(scene, movie, strips, movie_24, retiming, showing, bars, tmp_path, part):
    movie.frame_offset_end = 90
    wanted = apply(retiming, showing, scene, movie, 70)
    assert bars.shown(scene, range(11, 81), tmp_path) == wanted
    retiming.restore(scene, movie)
    strips.new_movie("next", str(movie_24), 2, 45)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match="“next” is in the way"):
        apply(retiming, showing, scene, movie, 70)
    assert whole(scene, part) == before


def test_restore_leaves_everything_exactly_as_it_was(
    scene, movie, strips, movie_24, retiming, showing, bars, part, tmp_path
):
    strips.new_movie("other", str(movie_24), 1, 1)
    movie.frame_offset_start, movie.frame_offset_end, movie.blend_alpha, movie.mute = 7, 9, 0.5, True
    before = whole(scene, part)
    actions = len(bpy.data.actions)
    apply(retiming, showing, scene, movie, 40)
    assert whole(scene, part) != before
    assert retiming.restore(scene, movie)
    assert whole(scene, part) == before
    assert (len(bpy.data.actions), scene.animation_data) == (actions, None)
    assert not retiming.restore(scene, movie)


def test_keys_that_were_there_stay(scene, movie, retiming, showing, part):
    movie.keyframe_insert("blend_alpha", frame=20)
    before = whole(scene, part)
    apply(retiming, showing, scene, movie, 40)
    retiming.restore(scene, movie)
    assert whole(scene, part) == before
    assert part("compat").fcurve(scene, movie, "blend_alpha") is not None


def test_applying_again_replaces(scene, movie, retiming, showing, bars, part, tmp_path, strips):
    before = whole(scene, part)
    apply(retiming, showing, scene, movie, 80, seed=1)
    wanted = apply(retiming, showing, scene, movie, 33, seed=2)
    assert len(strips) == 2
    assert bars.shown(scene, range(11, 44), tmp_path) == wanted
    retiming.restore(scene, movie)
    assert whole(scene, part) == before


def test_several_strips_each_have_their_own(scene, owner, strips, movie_24, retiming, showing, bars, tmp_path):
    wanted, made = {}, []
    for number, start in enumerate((1, 200, 400)):
        made.append(strips.new_movie(f"shot {number}", str(movie_24), 1, start))
        wanted[start] = apply(retiming, showing, scene, made[-1], 30, seed=number)
    for start, numbers in wanted.items():
        assert bars.shown(scene, range(start, start + 30), tmp_path) == numbers
    retiming.restore(scene, made[1])
    assert bars.shown(scene, range(200, 230), tmp_path) == list(range(30))
    assert bars.shown(scene, range(400, 430), tmp_path) == wanted[400]


def test_renamed_strips_are_found_again(scene, movie, strips, retiming, showing, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    effect = next(strip for strip in strips if strip.type == "SPEED")
    movie.name, effect.name = "renamed", "renamed too"
    assert retiming.disturbance(scene, movie) == ""
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    scene.sequence_editor.active_strip = effect
    assert retiming.chosen(scene) == movie
    retiming.restore(scene, movie)
    assert (len(strips), part("compat").strip_span(movie)) == (1, (11, COUNT))


def test_a_retimed_strip_inside_a_meta_strip(scene, strips, movie, retiming, showing, bars, part, tmp_path):
    meta = strips.new_meta("meta", 1, 1)
    movie.move_to_meta(meta)
    wanted = apply(retiming, showing, scene, movie, 40)
    assert [strip.name for strip in strips] == ["meta"]
    meta.frame_final_end = 200
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    retiming.restore(scene, movie)
    assert [strip.name for strip in part("compat").strips_of(meta)] == ["shot"]


# Clips of another rate than the scene's


def test_a_movie_of_a_faster_rate_that_plays_frame_for_frame(
    scene, strips, movie_30, retiming, showing, bars, tmp_path
):
    movie = strips.new_movie("shot", str(movie_30), 2, 11)
    wanted = apply(retiming, showing, scene, movie, 50)
    assert bars.shown(scene, range(11, 61), tmp_path) == wanted


@pytest.mark.parametrize(("fps", "clip"), [(24, 30), (30, 24), (60, 24), (25, 24)])
def test_a_movie_that_plays_at_its_own_rate(scene, owner, retiming, showing, bars, part, tmp_path, request, fps, clip):
    bars.set_up(scene, fps)
    movie = bars.add_as_the_artist_does(scene, request.getfixturevalue(f"movie_{clip}"), 11)
    whole_length = round(COUNT * fps / clip)
    assert part("compat").strip_span(movie) == (11, whole_length)
    before = whole(scene, part)

    def check(first, start):
        shown = showing(scene, movie)
        assert (shown.rate, shown.fps) == (clip / fps, clip)
        positions = plan(shown.count, 50)
        length = round(50 * fps / clip)
        places = np.minimum(np.arange(length) * clip / fps, 49)
        wanted = first + nearest(np.interp(places, np.arange(50), positions))
        retiming.apply(scene, movie, shown, retiming.frames_of(positions, shown, length), recipe={})
        assert bars.shown(scene, range(start, start + length), tmp_path) == list(wanted)
        assert bars.shown(scene, (start - 1, start + length), tmp_path) == [-1, -1]
        assert retiming.disturbance(scene, movie) == ""
        retiming.restore(scene, movie)

    check(0, 11)
    assert whole(scene, part) == before
    movie.frame_offset_start, movie.frame_offset_end = 13, 21
    before = whole(scene, part)
    check(int(np.ceil(13 * clip / fps)), 24)
    assert whole(scene, part) == before


# What the artist does with it afterwards


@pytest.mark.parametrize("selected", ["both", "source"])
def test_moved_by_hand_it_still_shows_the_plan_and_restores_there(
    scene, movie, strips, retiming, showing, bars, part, tmp_path, selected
):
    wanted = apply(retiming, showing, scene, movie, 40)
    for strip in strips:
        strip.select = strip == movie or selected == "both"
    with bars.sequencer(scene):
        bpy.ops.transform.seq_slide(value=(25, 0))
    assert bars.shown(scene, range(36, 76), tmp_path) == wanted
    assert retiming.disturbance(scene, movie) == ""
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (36, COUNT)
    assert bars.shown(scene, (36, 155), tmp_path) == [0, COUNT - 1]


def test_moved_by_a_script_it_says_so_and_is_mended(scene, movie, retiming, showing, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    movie.frame_start += 25
    assert "moved away from its keys" in retiming.disturbance(scene, movie)
    assert apply(retiming, showing, scene, movie, 40) == wanted
    assert retiming.disturbance(scene, movie) == ""
    assert bars.shown(scene, range(36, 76), tmp_path) == wanted


def test_a_copy_is_retimed_and_restored_by_itself(scene, movie, strips, retiming, showing, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    for strip in strips:
        strip.select = True
    with bars.sequencer(scene):
        bpy.ops.sequencer.duplicate()
        bpy.ops.transform.seq_slide(value=(200, 0))
    copy = next(strip for strip in strips if strip.type == "MOVIE" and strip != movie)
    assert bars.shown(scene, range(211, 251), tmp_path) == wanted
    retiming.restore(scene, copy)
    assert bars.shown(scene, range(211, 251), tmp_path) == list(range(40))
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    retiming.restore(scene, movie)
    assert [strip.type for strip in strips] == ["MOVIE", "MOVIE"]


def test_what_was_cut_or_lost_afterwards_is_said(scene, movie, strips, retiming, showing, part):
    apply(retiming, showing, scene, movie, 40)
    movie.frame_final_end -= 5
    assert "cut after it was retimed" in retiming.disturbance(scene, movie)
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (11, COUNT)
    apply(retiming, showing, scene, movie, 40)
    movie.frame_final_start += 5
    assert "start was moved" in retiming.disturbance(scene, movie)
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (11, COUNT)
    apply(retiming, showing, scene, movie, 40)
    strips.remove(next(strip for strip in strips if strip.type == "SPEED"))
    assert "Speed Control strip is gone" in retiming.disturbance(scene, movie)
    retiming.restore(scene, movie)
    assert (len(strips), part("compat").strip_span(movie)) == (1, (11, COUNT))


def test_restore_says_what_lies_in_the_way(scene, movie, movie_24, strips, retiming, showing, part):
    apply(retiming, showing, scene, movie, 40)
    strips.new_movie("next", str(movie_24), 2, 60)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match="“next” now lies there"):
        retiming.restore(scene, movie)
    assert whole(scene, part) == before


def test_saved_and_opened_again_it_is_the_same(scene, movie, retiming, showing, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    scene = bpy.context.scene
    movie = part("strips").named(scene, "shot")
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (11, COUNT)


# A place for it


def test_it_is_composited_where_the_strip_was(scene, movie, strips, movie_24, retiming, showing, bars, part, tmp_path):
    title = strips.new_movie("title", str(movie_24), 3, 30)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match=r"“title” lies right above “shot”.*1 channel up"):
        apply(retiming, showing, scene, movie, 40)
    assert whole(scene, part) == before
    title.channel = 4
    wanted = apply(retiming, showing, scene, movie, 40)
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted[:19] + list(range(21))
    strips.new_movie("before", str(movie_24), 2, -500)
    strips.new_movie("next", str(movie_24), 2, 131)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match="“next” is in the way"):
        apply(retiming, showing, scene, movie, 150)
    assert whole(scene, part) == before  # the earlier retiming is not lost


def test_look_and_mute_of_the_strip_are_those_of_its_effect(
    scene, movie, strips, movie_24, retiming, showing, bars, tmp_path
):
    strips.new_movie("below", str(movie_24), 1, 1)
    movie.blend_type, movie.blend_alpha, movie.mute = "REPLACE", 0.25, True
    apply(retiming, showing, scene, movie, 40)
    effect = next(strip for strip in strips if strip.type == "SPEED")
    assert (effect.blend_type, effect.blend_alpha, effect.mute) == ("REPLACE", 0.25, True)
    assert bars.shown(scene, (11,), tmp_path) == [10]


@pytest.mark.parametrize("fps", [24, 30])
def test_flip_scale_and_place_are_kept(scene, owner, movie_24, retiming, showing, bars, tmp_path, fps):
    bars.set_up(scene, fps)
    movie = bars.add_as_the_artist_does(scene, movie_24, 11)
    movie.use_flip_x, movie.transform.scale_y, movie.transform.offset_y = True, 0.5, 4
    shown = showing(scene, movie)
    frames = nearest(plan(shown.count, 20)) // 4 * 4  # there both rates have a frame at the same time
    places = 11 + np.rint(frames * fps / 24).astype(int)
    before = [picture_at(scene, place, tmp_path) for place in places.tolist()]
    retiming.apply(scene, movie, shown, retiming.frames_of(frames, shown, 20) if fps == 24 else frames, recipe={})
    after = [picture_at(scene, 11 + number, tmp_path) for number in range(20)]
    assert not np.array_equal(before[0], before[5])
    assert all(np.abs(one - other).max() < 0.02 for one, other in zip(before, after))


def picture_at(scene, frame, folder):
    """(H, W, 4) floats of what is shown at a frame."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "shown.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    floats = np.empty((image.size[1], image.size[0], 4), np.float32)
    image.pixels.foreach_get(floats.ravel())
    bpy.data.images.remove(image)
    return floats


# What cannot be retimed is refused in words


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda strip: setattr(strip, "lock", True), "locked"),
        (lambda strip: setattr(strip, "strobe", 2), "Strobe"),
        (lambda strip: setattr(strip, "frame_final_end", 400), "pulled out beyond its file"),
        (lambda strip: setattr(strip, "frame_final_end", 12), "single frame"),
        (lambda strip: setattr(strip, "filepath", "/nowhere/at all.mp4"), "does not exist"),
    ],
)
def test_strips_that_are_refused(scene, movie, showing, part, spoil, says):
    spoil(movie)
    with pytest.raises(part("restyle.errors").BadInputError, match=says):
        showing(scene, movie)


def test_kinds_of_strips_that_are_refused(scene, movie, strips, showing, part, bars, tmp_path):
    still = strips.new_image("still", str(bars.sequence(part, tmp_path / "one", 1)), 1, 300)
    made = [strips.new_meta("meta", 1, 1), strips.new_scene("scene", bpy.data.scenes.new("other"), 1, 500), still]
    effect = part("compat").new_speed_control(scene.sequence_editor, "effect", 7, movie)
    for strip, says in zip(
        [*made, effect, movie], ("meta strip", "scene strip", "one picture", "speed strip", "runs over")
    ):
        with pytest.raises(part("restyle.errors").BadInputError, match=says):
            showing(scene, strip)
    with pytest.raises(part("restyle.errors").BadInputError, match="Select a movie or image strip"):
        showing(scene, None)


def test_the_curve_is_drawn_where_the_speed_is(installed, part):
    curve = part("retime_curve")
    speed = np.repeat([1.0, 4.0], 96)
    picture = curve.draw({"speed": speed, "wanted": np.full(192, 8.0)}, {"cuts": [96]})
    low, high = curve.limits({"speed": speed})
    assert (low, high) == (0.5, 4.0)

    def filled(column, color):
        return np.flatnonzero((picture[:, column] == color).all(1))

    assert abs(filled(10, curve.SLOW).min() - 191 * 2 / 3) <= 2  # 1x is a third of the way from 0.5x to 4x
    assert filled(180, curve.FAST).min() <= 2
    assert len(filled(10, curve.FAST)) == 0
    assert (picture[1:, 96] == curve.CUT).all()
    assert (picture[0, :96] == curve.WANTED).all()
