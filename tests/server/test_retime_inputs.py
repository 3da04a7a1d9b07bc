"""What retime_clip is asked for becomes lengths, limits, locks and plans, to the very frame."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from movies import write_test_movie

from restyle.errors import BadInputError, UsageError
from restyle.jobs import declaration
from restyle.kinds.curve import Curve
from restyle.kinds.frames import MovieFile
from restyle.kinds.model import Model
from restyle_server.jobs.retime_inputs import Work, footage_of, given_plan, length_of, locks_of, options_of
from restyle_server.retime import media

FRAMES, RATE = 100, 25
NOISE = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
FOOTAGE = media.read([np.zeros((8, 8, 3), np.uint8)] * FRAMES, Fraction(RATE))


def parameters(**given: object) -> dict:
    return declaration("retime_clip").check_parameters(given)


def work(warnings: list[str] | None = None, weights: Model | None = None) -> Work:
    said = [] if warnings is None else warnings
    return Work(SimpleNamespace(device="cpu", warn=said.append, progress=lambda *_: None), parameters(), weights)


@pytest.mark.parametrize(
    ("given", "frames"),
    [({}, 50), ({"speed": 3.0}, 33), ({"duration": 2.0}, 50), ({"duration": 0.01}, 1), ({"frames": 7}, 7)],
)
def test_lengths(given: dict, frames: int) -> None:
    assert length_of(parameters(**given), FOOTAGE) == frames


@pytest.mark.parametrize(
    ("given", "speed", "limits"),
    [
        ({}, 1.0, (1, 8)),
        ({}, 6.0, (1, 12)),
        ({}, 0.8, (0.4, 1)),
        ({}, 0.25, (0.125, 0.5)),
        ({"min_speed": 0.1, "max_speed": 3.0}, 2.0, (0.1, 3)),
        ({"min_speed": 20.0}, 2.0, (20, 20)),
        ({"max_speed": 0.5}, 2.0, (0.5, 0.5)),
    ],
)
def test_limits_leave_room_around_the_speed_unless_they_are_given(
    given: dict, speed: float, limits: tuple[float, float]
) -> None:
    options = options_of(parameters(**given), speed)
    assert (options.min_speed, options.max_speed) == limits
    assert (options.smoothness, options.domain) == (0.3, "slowness")


def test_locks_by_seconds_and_by_values() -> None:
    values = np.full(FRAMES, 0.49)
    values[[10, 11]] = 0.5
    locks = Curve({"lock": values}, RATE)
    assert locks_of(locks, parameters(lock="1-2, 3.96-9"), FOOTAGE) == [(25, 49), (99, 224), (10, 11)]
    with pytest.raises(UsageError, match=r"lock: nothing is at 4 s, since the clip is 4\.00 s long"):
        locks_of(None, parameters(lock="1-2, 4-5"), FOOTAGE)


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("movies") / "clip.mkv"
    write_test_movie(path, NOISE, Fraction(RATE))
    return path


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [(None, None, (0, 20)), (5, None, (5, 20)), (None, 9, (0, 10)), (5, 5, (5, 6)), (19, 19, (19, 20))],
)
def test_a_part_of_a_file_is_all_that_there_is(
    movie: Path, first: int | None, last: int | None, shown: tuple[int, int]
) -> None:
    with footage_of(work(), MovieFile.of(movie, first, last)) as footage:
        assert footage.shown.tolist() == list(range(*shown))
        assert len(footage.greys) == footage.info.frames == shown[1] - shown[0]
        assert footage.info.duration == footage.info.frames / RATE
        assert footage.start == pytest.approx(shown[0] / RATE)  # where its sound begins
    assert footage.source.closed
    with (
        pytest.raises(BadInputError, match="clip: frame 20 is asked for, but its last one is 19"),
        footage_of(work(), MovieFile.of(movie, first, 20)),
    ):
        pass


def test_what_is_amiss_with_a_clip_is_said_of_it(tmp_path: Path) -> None:
    write_test_movie(tmp_path / "clip.mkv", NOISE, Fraction(5))
    content = np.frombuffer((tmp_path / "clip.mkv").read_bytes(), np.uint8)
    warnings: list[str] = []
    with footage_of(work(warnings), MovieFile((content[: len(content) // 2],), ".mkv")) as footage:
        assert 0 < footage.info.frames < 20
    assert [warning.split(" ")[0] for warning in warnings] == ["clip:"]


def test_a_map_is_a_plan() -> None:
    source = np.concatenate([np.arange(50.0), np.arange(50, 100, 3.0)])
    made = given_plan(Curve({"source": source}, RATE), FOOTAGE)
    np.testing.assert_array_equal(made.source, source)
    # From 49 to 50 it goes by one frame, from 50 to 53 by three: half way between the middles of both steps at 50.5.
    assert made.speed[[0, 49, 50, 52, 99]].tolist() == [1, 1, 1.5, 3, 3]
    assert given_plan(Curve({"source": np.array([99.0])}, RATE), FOOTAGE).speed.tolist() == [1] * FRAMES
    for bad, message in (([3, 2.9], "back in time"), ([-0.1, 5], "frames are 0 to 99"), ([0, 99.1], "runs from 0 to")):
        with pytest.raises(BadInputError, match=f"map: .*{message}"):
            given_plan(Curve({"source": np.array(bad)}, RATE), FOOTAGE)
    with pytest.raises(BadInputError, match="map: it must be one row"):
        given_plan(Curve({"source": np.zeros((5, 2))}, RATE), FOOTAGE)


def test_weights_of_no_network_are_refused() -> None:
    with pytest.raises(BadInputError, match="network: these are neither weights that"):
        _ = work(weights=Model({"a": np.zeros(2, np.float32)})).network


def test_parts_of_one_name_are_timed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    done = work()
    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", iter([1.0, 3.0, 10.0, 15.0]).__next__)
        patched.setattr(time, "process_time", iter([0.0, 1.0, 1.0, 1.5]).__next__)
        for _ in range(2):
            with done.stage("network", 0.0, 1.0, "Judging"):
                pass
    assert (done.seconds, done.cpu_seconds) == ({"network": 7.0}, {"network": 1.5})
