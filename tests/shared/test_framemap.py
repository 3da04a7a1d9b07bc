"""Frame maps: few keys that keep what they promise, and tables that come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restyle.errors import BadInputError
from restyle.framemap import at, exact_keys, keys, nearest, read_table, write_table

RANDOM = np.random.default_rng(0)


def maps() -> list[np.ndarray]:
    """Smooth and abrupt speeds, slow motion, holds, whole and half positions."""
    speeds = [np.full(400, 2.0), np.full(400, 1.5), np.full(300, 0.3), np.repeat([1.0, 6.0, 1.0, 0.0, 2.5], 90)]
    speeds += [1.25 ** RANDOM.integers(-2, 10, 40).repeat(RANDOM.integers(1, 60)) for _ in range(8)]
    speeds += [1 + 3 * np.sin(np.arange(700) / 60) ** 2, RANDOM.uniform(0, 5, 300)]
    return [np.concatenate([[0.0], np.cumsum(speed)]) for speed in speeds] + [np.zeros(1), np.array([0.0, 7.25])]


@pytest.mark.parametrize("source", maps())
@pytest.mark.parametrize("tolerance", [0.5, 0.1, 2.0])
def test_lines_between_keys_stay_near_the_map(source, tolerance):
    frames, values = keys(source, tolerance)
    assert np.abs(at((frames, values), len(source)) - source).max() <= tolerance + 1e-9
    assert (np.diff(values) >= 0).all()
    assert (np.diff(frames) > 0).all()
    assert frames[0] == 0
    assert frames[-1] == len(source) - 1


@pytest.mark.parametrize("source", maps())
def test_exact_keys_show_the_very_frames_of_the_map(source):
    frames, values = exact_keys(source)
    drawn = np.interp(np.arange(len(source), dtype=np.float32), frames.astype(np.float32), values.astype(np.float32))
    np.testing.assert_array_equal(nearest(drawn.astype(np.float32)), nearest(source))
    assert (np.diff(values) >= 0).all()


def test_keys_are_few():
    steady = np.arange(1000) * 2.0
    assert len(keys(steady)[0]) == len(exact_keys(steady)[0]) == 2
    ramps = np.interp(np.arange(1001), [0, 300, 500, 1000], [0, 300, 1100, 1900])
    assert len(keys(ramps, 0.5)[0]) <= 5  # four corners


def test_halves_keep_their_distance():
    np.testing.assert_array_equal(nearest(np.arange(6) + 0.5), np.arange(1, 7))


def test_a_table_comes_back(tmp_path: Path):
    source = np.round(np.cumsum(RANDOM.uniform(0, 4, 50)), 6)
    speed = RANDOM.uniform(1, 4, 200)
    path = tmp_path / "map.csv"
    write_table(path, source, speed, 25.0)
    np.testing.assert_array_equal(read_table(path), source)
    lines = path.read_text().splitlines()
    assert lines[0] == "frame,source,shown,seconds,speed"
    frame, position, shown, seconds, rate = lines[26].split(",")
    assert (frame, float(position), int(shown), seconds) == ("25", source[25], nearest(source)[25], "1.0000")
    assert float(rate) == pytest.approx(np.interp(source[25], np.arange(200), speed), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line with the columns"),
        ("frame,source\n", "first line with the columns"),
        ("a,b\n1,2\n", "first line with the columns"),
        ("frame,source\n0,0\n1,x\n", "row 1 has no numbers"),
        ("frame,source\n0,0\n1\n", "row 1 has no numbers"),
        ("frame,source\n0,0\n2,1\n", "row 1 is for frame 2"),
        ("frame,source\n0,5\n1,4\n", "row 1 goes back in time"),
        ("frame,source\n0,-1\n", "row 0 has the source -1"),
        ("frame,source\n0,nan\n", "row 0 has the source nan"),
        ("frame,source\n0,1e300\n", "row 0 has the source"),
    ],
)
def test_a_bad_table_names_its_row(tmp_path: Path, text: str, message: str):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_table(path)
    path.write_bytes(b"\xff\xfe\x00frame")
    with pytest.raises(BadInputError, match="not a CSV"):
        read_table(path)
