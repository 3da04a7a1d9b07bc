"""Retimed strips among others: composited where the strip was, each by itself, with its look and its own sound."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

from retiming_tools import apply, nearest, plan, whole  # noqa: E402
from strip_names import put  # noqa: E402

pytestmark = pytest.mark.blender
pytest_plugins = ["retiming_fixtures"]


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


def test_it_is_composited_where_the_strip_was(scene, movie, strips, movie_24, retiming, showing, bars, part, tmp_path):
    """A title above goes up a channel, and back on Restore; a longer strip that hits the next one is refused."""
    title = strips.new_movie("title", str(movie_24), 3, 30)
    before = whole(scene, part)
    wanted = apply(retiming, showing, scene, movie, 40)
    assert title.channel == 4
    assert bars.shown(scene, range(11, 51), tmp_path) == wanted[:19] + list(range(21))
    wanted = apply(retiming, showing, scene, movie, 30)
    assert title.channel == 4
    assert bars.shown(scene, range(11, 41), tmp_path) == wanted[:19] + list(range(11))
    retiming.restore(scene, movie)
    assert whole(scene, part) == before
    apply(retiming, showing, scene, movie, 40)
    strips.new_movie("before", str(movie_24), 2, -500)
    strips.new_movie("next", str(movie_24), 2, 131)
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match="“next” is in the way"):
        apply(retiming, showing, scene, movie, 150)
    assert whole(scene, part) == before  # the earlier retiming is not lost


@pytest.mark.parametrize("fps", [24, 30])  # 30: a copy and its Speed Control take two channels
def test_what_lies_above_keeps_its_order(scene, owner, movie_24, retiming, showing, bars, part, tmp_path, fps):
    """Text, pictures and a movie move up over each other; what lies elsewhere in time, or has room, stays."""
    bars.set_up(scene, fps)
    strips = part("compat").strips_of(owner)
    movie = bars.add_as_the_artist_does(scene, movie_24, 11)
    end = sum(part("compat").strip_span(movie))
    new, known = strips.new_effect, strips.bl_rna.functions["new_effect"].parameters.keys()
    length = {"length": 20} if "length" in known else {"frame_end": 40}
    made = {
        "text": new(name="text", type="TEXT", channel=2, frame_start=20, **length),
        "over": strips.new_movie("over", str(movie_24), 3, 35),
        "tuned": new(name="tuned", type="ADJUSTMENT", channel=5, frame_start=20, **length),
        "far": strips.new_movie("far", str(movie_24), 2, end + 300),
    }
    before = whole(scene, part)
    shown = showing(scene, movie)
    frames = nearest(plan(shown.count, 40))
    effect = retiming.apply(scene, movie, shown, frames, recipe={})
    assert effect.channel == (2 if fps == 24 else 3)
    channels = {name: strip.channel for name, strip in made.items()}
    assert channels == {
        "text": effect.channel + 1,
        "over": effect.channel + 2,
        "tuned": 5 if fps == 24 else 6,
        "far": 2,
    }
    assert bars.shown(scene, range(11, 20), tmp_path) == frames[:9].tolist()
    assert bars.shown(scene, range(42, 48), tmp_path) == list(range(7, 13))
    retiming.restore(scene, movie)
    assert whole(scene, part) == before


def test_a_strip_that_was_moved_since_stays_where_it_is(scene, movie, strips, movie_24, retiming, showing):
    """And none goes back down below one that came between."""
    titles = [strips.new_movie(f"title {number}", str(movie_24), 3 + number, 30) for number in range(2)]
    apply(retiming, showing, scene, movie, 40)
    assert [title.channel for title in titles] == [4, 5]
    titles[1].channel = 9
    between = strips.new_movie("between", str(movie_24), 3, 60)
    retiming.restore(scene, movie)
    assert [title.channel for title in (*titles, between)] == [4, 9, 3]


def test_a_locked_strip_above_is_not_moved(scene, movie, strips, movie_24, retiming, showing, part):
    title = strips.new_movie("title", str(movie_24), 3, 30)
    title.lock = True
    before = whole(scene, part)
    with pytest.raises(part("restyle.errors").BadInputError, match=r"“title” lies above “shot”.*locked.*channel 4"):
        apply(retiming, showing, scene, movie, 40)
    assert whole(scene, part) == before


def test_muted_channels_are_not_used(scene, owner, movie, strips, movie_24, retiming, showing, bars, tmp_path):
    owner.channels[3].mute = True
    wanted = apply(retiming, showing, scene, movie, 40)
    assert next(strip for strip in strips if strip.type == "SPEED").channel == 4
    assert bars.shown(scene, range(11, 21), tmp_path) == wanted[:10]


@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this bpy has no sound")
def test_of_a_movie_in_pieces_each_has_its_own_sound(scene, movie, strips, movie_24, part, tmp_path):
    import wave

    def piece(name, channel, first, last):
        strip = strips.new_sound(name, str(path), channel, 11)
        put(strip, left_handle=first, right_handle=last)
        return strip

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(80000))
    put(movie, right_handle=51)
    own, following, all_along = piece("own", 5, 11, 55), piece("next", 5, 55, 111), piece("long", 6, 11, 111)
    source = part("retiming_source")
    assert source.sounds_of(scene, movie) == []  # of another file
    for strip in (own, following, all_along):
        strip.sound.filepath = movie.filepath
    assert [strip.name for strip in source.sounds_of(scene, movie)] == ["own"]


def test_the_strips_that_are_meant(scene, movie, strips, movie_24, retiming, showing, part):
    """Selected ones with the active one; what was made for a strip stands for it; of closed meta strips nothing."""
    parts = part("retiming_parts")
    others = [strips.new_movie(f"other {number}", str(movie_24), 2, 200 * number) for number in (2, 1)]
    inner = strips.new_movie("inner", str(movie_24), 8, 900)
    meta = strips.new_meta("meta", 9, 900)
    inner.move_to_meta(meta)
    for strip in (*strips, inner):
        strip.select = False
    inner.select = others[0].select = True
    assert [strip.name for strip in parts.selected(scene)] == ["shot", "other 2"]
    apply(retiming, showing, scene, others[1], 40)
    for strip in strips:
        strip.select = strip.type == "SPEED"
    assert [strip.name for strip in parts.selected(scene)] == ["shot", "other 1"]


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
