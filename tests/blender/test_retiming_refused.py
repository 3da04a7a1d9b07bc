"""What cannot be retimed is refused in words; and the curve is drawn where the speed is."""

from __future__ import annotations

import numpy as np
import pytest
from strip_names import put

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

pytestmark = pytest.mark.blender
pytest_plugins = ["retiming_fixtures"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda strip: setattr(strip, "lock", True), "locked"),
        (lambda strip: setattr(strip, "strobe", 2), "Strobe"),
        (lambda strip: put(strip, right_handle=400), "pulled out beyond its file"),
        (lambda strip: put(strip, right_handle=12), "single frame"),
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
