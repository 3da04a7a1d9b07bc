from __future__ import annotations

import numpy as np
import pytest

from restyle.errors import BadInputError
from restyle_server.stylize import contact_sheet, render_views


def test_pictures_of_a_ball(ball: tuple) -> None:
    colors = np.tile([0.9, 0.2, 0.1], (len(ball[0]), 1))
    lit = render_views(*ball, colors, [0.0, 2.0], [0.0, 1.57], size=64, background=(0.0, 0.0, 1.0))
    assert (lit.shape, lit.dtype) == ((2, 64, 64, 3), np.uint8)
    assert (lit[:, 0, 0] == [0, 0, 255]).all()
    assert (lit[:, 32, 32, 0].astype(int) - lit[:, 32, 32, 2] > 100).all()
    bare = render_views(*ball, colors, [0.0], [0.0], size=64, shading="unlit")
    assert np.abs(bare[0, 20:44, 20:44].astype(int) - [230, 51, 26]).max() <= 1


def test_edges_are_smooth(ball: tuple) -> None:
    """2 x 2 samples per pixel leave pixels between the object's and the background's colour."""
    picture = render_views(*ball, np.zeros((len(ball[0]), 3)), [0.0], [0.0], size=64, shading="unlit")[0, ..., 0]
    assert set(np.unique(picture)) == {0, 64, 128, 191, 255}


def test_z_up(ball: tuple) -> None:
    vertices = ball[0] * [1.0, 1.0, 3.0]
    colors = np.zeros((len(vertices), 3))
    tall = render_views(vertices, ball[1], colors, [0.3], [0.0], size=64, up="z")[0, ..., 0] < 128
    assert tall.any(axis=1).sum() > 2 * tall.any(axis=0).sum()


def test_bad_mesh(ball: tuple) -> None:
    with pytest.raises(BadInputError, match="vertices"):
        render_views(ball[0] * np.nan, ball[1], ball[0], [0.0], [0.0], size=16)


def test_contact_sheet() -> None:
    pictures = np.stack([np.full((2, 3, 3), value, np.uint8) for value in range(5)])
    sheet = contact_sheet(pictures, columns=2)
    assert sheet.shape == (6, 6, 3)
    assert sheet[::2, ::3, 0].tolist() == [[0, 1], [2, 3], [4, 255]]
