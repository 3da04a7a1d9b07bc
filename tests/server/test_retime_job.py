"""The job retime_clip with the real engines, on small clips."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from restyle.errors import BadInputError, CancelledError, UsageError
from restyle.jobs import declaration
from restyle.jobs.retime_clip import spans
from restyle.kinds import kind
from restyle.kinds.curve import Curve
from restyle.kinds.frames import Frames, MovieFile
from restyle.kinds.model import Model
from restyle_server.context import JobContext
from restyle_server.jobs import retime_clip
from restyle_server.retime import media

RATE = 25


def moving(speeds: np.ndarray, height: int = 64, width: int = 96) -> np.ndarray:
    """A square that moves by `speeds` (T - 1,) pixels per frame, to and fro, on a ground of blotches: (T, H, W, 3)."""
    random = np.random.default_rng(0)
    ground = random.integers(60, 120, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
    skin = random.integers(130, 250, (8, 8)).repeat(3, 0).repeat(3, 1)
    way = np.concatenate([[0.0], np.cumsum(speeds)])
    span = width - 24
    places = np.abs((way + span) % (2 * span) - span).round().astype(int)
    clip = np.repeat(ground[None], len(places), axis=0)
    for picture, place in zip(clip, places):
        picture[20:44, place : place + 24] = skin
    return np.repeat(clip[..., None], 3, axis=3).astype(np.uint8)


class Surroundings:
    """A job's context that keeps what the job says, and can end it."""

    def __init__(self, folder: Path) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.interrupt: Callable[[dict[str, Any]], None] = lambda data: None
        self.folder = folder

    def run(self, inputs: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        """Run the job as the worker does: inputs and outputs are checked by kind, and pass through it."""
        declared = declaration("retime_clip")
        full = declared.check_parameters(parameters)
        declared.check_inputs(set(inputs))
        declared.check_together(full, set(inputs))
        ports = {port.name: kind(port.kind) for port in (*declared.inputs, *declared.outputs)}
        travelled = {name: ports[name].unpack(ports[name].pack(value)) for name, value in inputs.items()}
        context = JobContext(
            device="cpu",
            scratch=self.folder,
            attempt=1,
            models_dir=self.folder,
            report=self._report,
            describe=lambda packed: {},
            cancelled=lambda: False,
        )
        outputs = retime_clip.run(context, travelled, full)
        for name, value in outputs.items():
            ports[name].validate(value)
        assert {port.name for port in declared.outputs if not port.optional} <= set(outputs)
        return {name: ports[name].unpack(ports[name].pack(value)) for name, value in outputs.items()}

    def _report(self, what: str, data: dict[str, Any]) -> None:
        self.said.append((what, data))
        self.interrupt(data)

    def warnings(self) -> list[str]:
        return [data["message"] for what, data in self.said if what == "warning"]


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path)


SLOW_AND_FAST = np.repeat([0.5, 4.0, 0.5], [80, 60, 79])


@pytest.fixture(scope="module")
def clip() -> Frames:
    return Frames(moving(SLOW_AND_FAST), RATE)


def frames_of(movie: MovieFile) -> media.Footage:
    return media.read(movie.open())


def test_planted_speeds_are_found_and_the_movie_has_the_length(around: Surroundings, clip: Frames):
    made = around.run({"clip": clip}, method="motion", speed=2.0)
    assert len(made["plan"]) == made["report"]["frames"] == 110
    speed = made["speeds"].series["speed"]
    assert len(speed) == 220
    assert speed[90:130].max() < 1.5 < speed[:60].min()
    assert speed[160:].min() > 1.5
    footage = frames_of(made["movie"])
    assert footage.info.frames == 110
    assert footage.info.fps == RATE
    assert made["report"]["method"] == "motion"
    assert made["report"]["seconds"].keys() >= {"decode", "cuts", "flow", "solve", "plot", "encode"}
    assert made["picture"].shape[2] == 3
    assert around.warnings() == []


@pytest.mark.parametrize(
    ("parameters", "frames"),
    [
        ({"speed": 3.0}, 73),
        ({"duration": 3.0}, 75),
        ({"frames": 111}, 111),
        ({"speed": 0.5}, 440),
        ({"speed": 20.0}, 11),
        ({"duration": 6.0, "min_speed": 0.5, "max_speed": 3.0}, 150),
        ({"domain": "speed"}, 110),
        ({"method": "uniform"}, 110),
        ({"smoothness": 0.0}, 110),
    ],
)
def test_every_way_to_say_the_length(around: Surroundings, clip: Frames, parameters: dict[str, Any], frames: int):
    made = around.run({"clip": clip}, **({"method": "motion", "render": False} | parameters))
    source = made["plan"].series["source"]
    assert len(source) == frames
    assert "movie" not in made
    if parameters.get("method") == "uniform":
        np.testing.assert_allclose(np.diff(source), 2.0)


def test_locks_by_seconds_and_by_values(around: Surroundings, clip: Frames):
    values = np.zeros(220)
    values[10:20] = 1
    made = around.run(
        {"clip": clip, "locks": Curve({"lock": values}, RATE)}, method="motion", render=False, lock="4-5,8-9"
    )
    assert made["report"]["locked"] == [[10, 19], [100, 124], [200, 219]]
    for first, last in made["report"]["locked"]:
        np.testing.assert_allclose(made["speeds"].series["speed"][first : last + 1], 1.0)
    with pytest.raises(BadInputError, match="219 values, but the clip has 220"):
        around.run({"clip": clip, "locks": Curve({"lock": values[1:]}, RATE)}, method="motion", render=False)


def test_what_is_impossible_is_refused_before_the_long_part(around: Surroundings, clip: Frames):
    with pytest.raises(UsageError, match=r"from 28 to 220 frames"):
        around.run({"clip": clip}, frames=10, max_speed=8.0, method="motion")
    assert not any("motion" in data.get("message", "") for _, data in around.said)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"duration": 2.0, "frames": 9}, "the one or the other"),
        ({"min_speed": 3.0, "max_speed": 2.0}, "above max_speed"),
        ({"lock": "5-3"}, "not a stretch"),
        ({"lock": "a"}, "not a stretch"),
        ({"blend": True, "render": False}, "none is made"),
        ({"speed": 0.0}, "outside its range"),
        ({"method": "magic"}, "not one of"),
    ],
)
def test_what_does_not_go_together(around: Surroundings, clip: Frames, parameters: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        around.run({"clip": clip}, **parameters)


def test_spans_are_read():
    assert spans("") == ()
    assert spans(" 3.5-6, 12 - 14.25,.5-1") == ((3.5, 6.0), (12.0, 14.25), (0.5, 1.0))


def test_a_still_clip_makes_the_network_unsure_and_motion_decides(around: Surroundings):
    still = Frames(np.repeat(moving(np.zeros(0)), 60, axis=0), RATE)
    made = around.run({"clip": still}, heat=True, render=False)
    assert (made["report"]["method"], made["report"]["unsure"]) == ("motion", [[0, 59]])
    assert "since sped-up copies look no more hurried; motion energy decides" in around.warnings()[0]
    assert "no map" in around.warnings()[1]
    np.testing.assert_allclose(made["speeds"].series["speed"], 2.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("parts", "rate", "why"),
    [
        ((40,), 12.5, "it has 12.5 frames per second, and 20 are needed"),
        ((12,), 25, "it has 12 frames, and 16 are needed"),
        ((30,), 60, "it has 30 frames, and 31 are needed"),
        ((31,), 60, ""),
        ((14, 15, 11), 25, "its longest shot has 15 frames, and 16 are needed"),
    ],
)
def test_why_the_network_cannot_tell_is_said(around: Surroundings, parts: tuple[int, ...], rate: float, why: str):
    shots = [moving(np.full(count - 1, 3.0)) ^ np.uint8(255 * (number % 2)) for number, count in enumerate(parts)]
    made = around.run({"clip": Frames(np.concatenate(shots), rate)}, render=False)
    assert len(made["report"]["cuts"]) == len(parts) - 1
    told = " ".join(around.warnings())
    assert f"since {why}; motion energy decides instead." in told if why else "needed" not in told


def test_what_motion_decides_in_its_place_is_what_it_decides_when_asked(around: Surroundings, clip: Frames):
    slow = Frames(clip.pixels, 12.5)
    plans = [around.run({"clip": slow}, method=method, render=False)["plan"] for method in ("speednet", "motion")]
    np.testing.assert_array_equal(plans[0].series["source"], plans[1].series["source"])
    assert np.ptp(np.diff(plans[0].series["source"])) > 1


def test_the_network_decides_where_it_can(around: Surroundings, data_dir: Path):
    clip = MovieFile.of(data_dir / "videos" / "toy_frog.mp4", first=10, last=109)
    made = around.run({"clip": clip}, heat=True, wav=True, features=True, speed=1.5)
    report = made["report"]
    assert report["source_frames"] == 100
    assert report["frames"] == len(made["plan"]) == 67
    movie = frames_of(made["movie"])
    assert movie.info.frames == 67
    assert movie.info.has_sound
    assert made["sound"].suffix == ".wav"
    if report["method"] == "speednet":
        assert made["speeds"].series["speediness"].shape == (100, 10)
        assert frames_of(made["heat"]).info.frames == 100
    assert made["features"].series["vectors"].ndim == 2
    # What is shown first is frame 10 of the file.
    whole = media.read(data_dir / "videos" / "toy_frog.mp4").greys.astype(int)
    shown = movie.greys.astype(int)
    expected = whole[10 + np.floor(made["plan"].series["source"] + 0.5).astype(int)]
    assert np.abs(shown - expected).mean() < 3
    assert np.abs(shown[0] - whole[14]).mean() > 2 * np.abs(shown[0] - whole[10]).mean()


def test_a_part_that_is_not_there(around: Surroundings, data_dir: Path):
    clip = MovieFile.of(data_dir / "videos" / "sign_walk.mp4", first=10, last=500)
    with pytest.raises(BadInputError, match="frame 500 is asked for, but its last one is 88"):
        around.run({"clip": clip}, method="motion")


def test_a_map_is_shown_as_it_is(around: Surroundings, clip: Frames):
    source = np.concatenate([np.arange(0, 60, 3.0), np.full(10, 60.0), np.arange(60, 219, 1.5)])
    made = around.run({"clip": clip, "map": Curve({"source": source}, RATE)})
    np.testing.assert_array_equal(made["plan"].series["source"], source)
    assert frames_of(made["movie"]).info.frames == len(source)
    assert made["report"]["method"] == "map"
    for bad, message in ((source[::-1].copy(), "back in time"), (source + 5, "frames are 0 to 219")):
        with pytest.raises(BadInputError, match=message):
            around.run({"clip": clip, "map": Curve({"source": bad}, RATE)})
    with pytest.raises(UsageError, match="locks would change nothing"):
        around.run({"clip": clip, "map": Curve({"source": source}, RATE)}, lock="1-2")


def test_a_cancel_ends_it_and_leaves_no_movie(around: Surroundings, clip: Frames, tmp_path: Path):
    def stop(data: dict[str, Any]) -> None:
        if data.get("message") == "Writing the movie":
            raise CancelledError("stop")

    around.interrupt = stop
    with pytest.raises(CancelledError):
        around.run({"clip": clip}, method="motion")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_movie(around: Surroundings):
    with pytest.raises(BadInputError, match="not a movie that can be read"):
        around.run({"clip": MovieFile((np.arange(200, dtype=np.uint8),), ".mp4")})


def test_pictures_of_a_fractional_rate(around: Surroundings):
    clip = Frames(moving(np.full(40, 1.0)), 24000 / 1001)
    made = around.run({"clip": clip}, method="motion")
    assert frames_of(made["movie"]).info.fps == Fraction(24000, 1001)
    assert made["report"]["rate"] == [24000, 1001]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_clips_of_hardly_any_frames(around: Surroundings, frames: int):
    clip = Frames(moving(np.full(frames - 1, 1.0)), RATE)
    for method in ("speednet", "motion", "uniform"):
        made = around.run({"clip": clip}, method=method, speed=1.0)
        assert len(made["plan"]) == frames
        assert frames_of(made["movie"]).info.frames == frames


@pytest.mark.parametrize(
    ("length", "said"), [(10.0, ["network: judging this clip takes about 5 min on cpu."]), (301.0, [])]
)
def test_of_weights_that_take_long_it_is_said_once(monkeypatch: pytest.MonkeyPatch, length: float, said: list[str]):
    warnings: list[str] = []
    shares: list[float] = []
    context = SimpleNamespace(device="cpu", warn=warnings.append)
    work = retime_clip.Work(context, {}, Model({"a": np.zeros(1)}))
    clock = iter([100.0, 130.0])
    with monkeypatch.context() as patched:
        patched.setattr(retime_clip.time, "monotonic", lambda: next(clock))
        step = retime_clip._estimating(work, length, shares.append)
        for share in (0.0, 0.1, 0.2):
            step(share)
    assert shares == [0.0, 0.1, 0.2]
    assert [message[: len(start)] for message, start in zip(warnings, said, strict=True)] == said
