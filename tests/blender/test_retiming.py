"""Strips that show other frames by a frame map: rendered in real Blender, frame for frame."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

from retiming_tools import COUNT, apply, nearest, plan, whole  # noqa: E402
from strip_names import place, put  # noqa: E402

pytestmark = pytest.mark.blender
pytest_plugins = ["retiming_fixtures"]


@pytest.mark.parametrize("seed", range(3))
def test_a_movie_shows_the_plan_frame_for_frame(scene, movie, retiming, showing, bars, part, tmp_path, seed):
    wanted = apply(retiming, showing, scene, movie, 50, seed)
    assert part("compat").strip_span(movie) == (11, 50)
    assert bars.shown(scene, range(11, 61), tmp_path) == wanted
    assert bars.shown(scene, (10, 61), tmp_path) == [-1, -1]


def test_a_trimmed_strip_among_others(scene, strips, movie, movie_24, retiming, showing, bars, tmp_path):
    strips.new_movie("before", str(movie_24), 2, -400)
    strips.new_movie("below", str(movie_24), 1, 1)
    put(movie, left_handle_offset=30, right_handle_offset=17)
    wanted = apply(retiming, showing, scene, movie, 40)
    assert (wanted[0], wanted[-1]) == (30, COUNT - 18)
    assert bars.shown(scene, range(41, 81), tmp_path) == wanted
    assert bars.shown(scene, (-399, 81), tmp_path) == [1, 80]


def test_a_strip_before_the_first_frame(scene, movie, retiming, showing, bars, tmp_path):
    put(movie, content_start=-50)
    wanted = apply(retiming, showing, scene, movie, 30)
    assert bars.shown(scene, range(-50, -20), tmp_path) == wanted


def test_a_reversed_strip(scene, movie, retiming, showing, bars, tmp_path):
    movie.use_reverse_frames = True
    put(movie, left_handle_offset=10)
    wanted = apply(retiming, showing, scene, movie, 40)
    assert (wanted[0], wanted[-1]) == (COUNT - 11, 0)
    assert bars.shown(scene, range(21, 61), tmp_path) == wanted


def test_frames_left_out_for_good(scene, movie, retiming, showing, bars, tmp_path):
    put(movie, content_trim_start=20, content_trim_end=30)
    start = int(place(movie, "left_handle"))
    wanted = apply(retiming, showing, scene, movie, 35)
    assert (wanted[0], wanted[-1]) == (20, COUNT - 31)
    assert bars.shown(scene, range(start, start + 35), tmp_path) == wanted


def test_numbered_pictures(scene, owner, strips, retiming, showing, part, bars, tmp_path):
    first = bars.sequence(part, tmp_path / "shot", 60)
    strip = strips.new_image("pictures", str(first), 1, 5)
    for number in range(1, 60):
        strip.elements.append(f"f{number:04}.png")
    put(strip, left_handle_offset=8)
    wanted = apply(retiming, showing, scene, strip, 25)
    assert (wanted[0], wanted[-1]) == (8, 59)
    assert bars.shown(scene, range(13, 38), tmp_path) == wanted


def test_a_strip_that_gets_longer(scene, movie, strips, movie_24, retiming, showing, bars, tmp_path, part):
    put(movie, right_handle_offset=90)
    wanted = apply(retiming, showing, scene, movie, 70)
    assert bars.shown(scene, range(11, 81), tmp_path) == wanted
    retiming.restore(scene, movie)
    strips.new_movie("next", str(movie_24), 2, 45)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match="“next” is in the way"):
        apply(retiming, showing, scene, movie, 70)
    assert whole(scene, part) == before


def test_a_retimed_strip_inside_a_meta_strip(scene, strips, movie, retiming, showing, bars, part, tmp_path):
    meta = strips.new_meta("meta", 1, 1)
    movie.move_to_meta(meta)
    wanted = apply(retiming, showing, scene, movie, 40)
    assert [strip.name for strip in strips] == ["meta"]
    put(meta, right_handle=200)
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    retiming.restore(scene, movie)
    assert [strip.name for strip in part("compat").strips_of(meta)] == ["shot"]


def test_a_movie_of_a_faster_rate_that_plays_frame_for_frame(
    scene, strips, movie_30, retiming, showing, bars, tmp_path
):
    movie = strips.new_movie("shot", str(movie_30), 2, 11)
    wanted = apply(retiming, showing, scene, movie, 50)
    assert bars.shown(scene, range(11, 61), tmp_path) == wanted


@pytest.mark.parametrize(("fps", "clip"), [(24, 30), (30, 24), (60, 24), (25, 24)])
def test_a_movie_that_plays_at_its_own_rate(
    scene, owner, retiming, showing, disturbance, bars, part, tmp_path, request, fps, clip
):
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
        assert disturbance(scene, movie) == ""
        retiming.restore(scene, movie)

    check(0, 11)
    assert whole(scene, part) == before
    put(movie, left_handle_offset=13, right_handle_offset=21)
    before = whole(scene, part)
    check(int(np.ceil(13 * clip / fps)), 24)
    assert whole(scene, part) == before
