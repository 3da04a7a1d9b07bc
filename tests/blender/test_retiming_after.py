"""What is done with a retimed strip afterwards: moved, copied, cut, saved, retimed again, restored."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

from retiming_tools import COUNT, apply, whole  # noqa: E402
from strip_names import place, put  # noqa: E402

pytestmark = pytest.mark.blender
pytest_plugins = ["retiming_fixtures"]


def test_restore_leaves_everything_exactly_as_it_was(
    scene, movie, strips, movie_24, retiming, showing, bars, part, tmp_path
):
    strips.new_movie("other", str(movie_24), 1, 1)
    put(movie, left_handle_offset=7, right_handle_offset=9)
    movie.blend_alpha, movie.mute = 0.5, True
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


def test_renamed_strips_are_found_again(scene, movie, strips, retiming, showing, disturbance, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    effect = next(strip for strip in strips if strip.type == "SPEED")
    movie.name, effect.name = "renamed", "renamed too"
    assert disturbance(scene, movie) == ""
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted
    scene.sequence_editor.active_strip = effect
    assert part("retiming_parts").chosen(scene) == movie
    retiming.restore(scene, movie)
    assert (len(strips), part("compat").strip_span(movie)) == (1, (11, COUNT))


@pytest.mark.parametrize("selected", ["both", "source"])
def test_moved_by_hand_it_still_shows_the_plan_and_restores_there(
    scene, movie, strips, retiming, showing, disturbance, bars, part, tmp_path, selected
):
    wanted = apply(retiming, showing, scene, movie, 40)
    for strip in strips:
        strip.select = strip == movie or selected == "both"
    with bars.sequencer(scene):
        bpy.ops.transform.seq_slide(value=(25, 0))
    assert bars.shown(scene, range(36, 76), tmp_path) == wanted
    assert disturbance(scene, movie) == ""
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (36, COUNT)
    assert bars.shown(scene, (36, 155), tmp_path) == [0, COUNT - 1]


def test_moved_by_a_script_it_says_so_and_is_mended(scene, movie, retiming, showing, disturbance, bars, part, tmp_path):
    wanted = apply(retiming, showing, scene, movie, 40)
    put(movie, content_start=place(movie, "content_start") + 25)
    assert "moved away from its keys" in disturbance(scene, movie)
    assert apply(retiming, showing, scene, movie, 40) == wanted
    assert disturbance(scene, movie) == ""
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


def test_what_was_cut_or_lost_afterwards_is_said(scene, movie, strips, retiming, showing, disturbance, part):
    apply(retiming, showing, scene, movie, 40)
    put(movie, right_handle=place(movie, "right_handle") - 5)
    assert "cut after it was retimed" in disturbance(scene, movie)
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (11, COUNT)
    apply(retiming, showing, scene, movie, 40)
    put(movie, left_handle=place(movie, "left_handle") + 5)
    assert "start was moved" in disturbance(scene, movie)
    retiming.restore(scene, movie)
    assert part("compat").strip_span(movie) == (11, COUNT)
    apply(retiming, showing, scene, movie, 40)
    strips.remove(next(strip for strip in strips if strip.type == "SPEED"))
    assert "Speed Control strip is gone" in disturbance(scene, movie)
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
