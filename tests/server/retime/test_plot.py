"""The plot draws what it is given, for clips of any length, and shows what it should at the right places."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from restyle_server.retime.plan import PlanOptions, plan
from restyle_server.retime.plot import BLUE, GREEN, LEFT, RED, WIDTH, Measured, draw
from restyle_server.retime.types import Plan, Speediness

FPS = Fraction(25)


def near(picture: np.ndarray, color: tuple[int, int, int], tolerance: int = 40) -> np.ndarray:
    """Where the picture has about that colour, (H, W) bool."""
    return (np.abs(picture.astype(int) - color).max(axis=2) <= tolerance) if len(color) == 3 else np.empty(0)


def a_plan(frames: int, **options: object) -> Plan:
    wanted = np.where(np.arange(frames) % 200 < 100, 1.0, 6.0)
    return plan(wanted, FPS, max(1, frames // 2), PlanOptions(), **options)


@pytest.mark.parametrize("frames", [1, 2, 13, 700, 1300, 50_000])
def test_clips_of_any_length(frames: int):
    made = a_plan(frames)
    random = np.random.default_rng(0)
    speediness = Speediness(1.25 ** np.arange(10.0), random.random((10, frames)), random.random(frames) < 0.7)
    greys = np.broadcast_to(np.uint8(90), (frames, 12, 20))
    for measured in (
        None,
        Measured(greys=greys),
        Measured(speediness=speediness),
        Measured(energy=random.random(frames), greys=greys),
        Measured(energy=np.zeros(frames)),
    ):
        picture = draw(made, "a title", measured)
        assert picture.shape[1:] == (WIDTH, 3)
        assert picture.dtype == np.uint8


def test_cuts_and_locks_stand_where_they_are():
    made = a_plan(800, cuts=(200,), locked=[(400, 599)])
    picture = draw(made, "")
    inner = WIDTH - LEFT - 24
    panel = picture[90:300]
    red = near(panel, RED).any(axis=0).nonzero()[0]
    assert abs(np.median(red) - (LEFT + inner / 4)) <= 2
    green = near(panel, GREEN, 6).sum(axis=0) > 100
    assert abs(green.nonzero()[0][0] - (LEFT + inner / 2)) <= 2
    assert abs(green.nonzero()[0][-1] - (LEFT + inner * 3 / 4)) <= 2


def test_the_line_is_higher_where_it_is_faster():
    made = a_plan(400)
    picture = draw(made, "")
    inner = WIDTH - LEFT - 24
    slow, fast = (
        near(picture[64:314, LEFT + round(share * inner)][:, None], BLUE)[:, 0].nonzero()[0].mean()
        for share in (0.1, 0.37)
    )
    assert fast < slow - 50  # rows are counted from above
    flat = draw(replace(made, speed=np.full(400, 2.0), wanted=np.full(400, 2.0)), "")
    rows = [near(flat[64:314, column][:, None], BLUE)[:, 0].nonzero()[0].mean() for column in (200, 900)]
    assert abs(rows[0] - rows[1]) < 1
