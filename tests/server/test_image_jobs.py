"""The jobs image_analogy and frames_analogy with the real engines, at small sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restyle.errors import BadInputError, CancelledError, UsageError
from restyle.jobs import declaration
from restyle.kinds import kind
from restyle.kinds.frames import Frames
from restyle_server import checkpoint
from restyle_server.analogy import gan
from restyle_server.context import JobContext
from restyle_server.jobs import frames_analogy, image_analogy
from restyle_server.jobs.analogy_parts import Reporter, duration, gan_options

RANDOM = np.random.default_rng(0)
GRASS = (np.array([40, 140, 50]) + RANDOM.integers(-30, 30, (36, 48, 3))).astype(np.uint8)
STONE = (np.array([120, 110, 130]) + RANDOM.integers(-40, 40, (32, 40, 1))).clip(0, 255).astype(np.uint8).repeat(1, 2)
STONE[10:22, 12:28] //= 3


class Surroundings:
    """A job's context that keeps what the job says, and ends it on request."""

    def __init__(self, folder: Path) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.previews: dict[str, np.ndarray] = {}
        self.interrupt: Callable[[str, dict[str, Any]], None] = lambda what, data: None
        self.folder = folder

    def run(self, job: str, parameters: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        """Run a job as the worker does: inputs and outputs are checked by kind."""
        declared = declaration(job)
        for port in declared.inputs:
            if port.name in inputs:
                kind(port.kind).validate(inputs[port.name])
        context = JobContext(
            device="cpu",
            scratch=self.folder,
            attempt=1,
            models_dir=self.folder,
            report=self._report,
            describe=self._describe,
            cancelled=lambda: False,
        )
        module = {"image_analogy": image_analogy, "frames_analogy": frames_analogy}[job]
        outputs = module.run(context, inputs, declared.check_parameters({"preset": "draft"} | parameters))
        ports = {port.name: port for port in declared.outputs}
        for name, value in outputs.items():
            kind(ports[name].kind).validate(value)
        assert {port.name for port in declared.outputs if not port.optional} <= set(outputs)
        return outputs

    def _describe(self, packed: Any) -> dict[str, Any]:
        return {"pixels": packed.array("pixels")}

    def _report(self, what: str, data: dict[str, Any]) -> None:
        self.said.append((what, data))
        if what == "preview":
            self.previews[data["name"]] = data["value"]["pixels"]
        self.interrupt(what, data)

    def warnings(self) -> list[str]:
        return [data["message"] for what, data in self.said if what == "warning"]


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path)


def analogy(around: Surroundings, parameters: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    return around.run("image_analogy", parameters or {}, **({"structure": STONE, "appearance": GRASS} | inputs))


def test_the_result_has_the_structures_size_and_the_appearances_colours(around: Surroundings) -> None:
    outputs = analogy(around)
    assert outputs["picture"].shape == STONE.shape
    assert np.abs(outputs["picture"].mean((0, 1)) - GRASS.mean((0, 1))).max() < 12
    report = outputs["report"]
    assert (report["method"], report["mode"], report["preset"]) == ("patch", "analogy", "draft")
    assert (report["options"]["width"], report["options"]["height"]) == (40, 32)
    assert report["options"]["granularity"] > 0
    assert set(outputs) == {"picture", "report"}


@pytest.mark.parametrize(
    ("given", "size"), [({"width": 60}, (48, 60)), ({"height": 16}, (16, 20)), ({"width": 30, "height": 50}, (50, 30))]
)
def test_another_size(around: Surroundings, given: dict[str, int], size: tuple[int, int]) -> None:
    assert analogy(around, given)["picture"].shape[:2] == size


def test_seeds_samples_both_ways_and_the_field(around: Surroundings) -> None:
    outputs = analogy(around, {"samples": 3, "both": True, "field": True, "seed": 4})
    assert set(outputs) == {"picture", "sample_2", "sample_3", "reverse", "field", "report"}
    assert outputs["reverse"].shape == GRASS.shape
    assert not np.array_equal(outputs["picture"], outputs["sample_2"])
    assert not np.array_equal(outputs["sample_2"], outputs["sample_3"])
    np.testing.assert_array_equal(analogy(around, {"seed": 5})["picture"], outputs["sample_2"])
    np.testing.assert_array_equal(around.previews["sample_3"], outputs["sample_3"])
    rows, columns = outputs["field"]["row"][..., 0], outputs["field"]["column"][..., 0]
    assert rows.shape == STONE.shape[:2]
    assert 0 <= rows.min() <= rows.max() < 36
    assert 0 <= columns.min() <= columns.max() < 48


def test_transparent_matter_is_not_used(around: Surroundings) -> None:
    """The right half of the appearance is red, but transparent: no red may appear."""
    colors = GRASS.copy()
    colors[:, 24:] = (255, 0, 0)
    alpha = np.full((36, 48, 1), 255, np.uint8)
    alpha[:, 24:] = 0
    picture = analogy(around, appearance=np.concatenate([colors, alpha], 2))["picture"]
    assert (picture[..., 0] < 110).all()
    mask = (alpha[..., 0] > 0).astype(np.float32)
    assert (analogy(around, appearance=colors, appearance_mask=mask)["picture"][..., 0] < 110).all()
    with pytest.raises(BadInputError, match="appearance_mask: it leaves nothing"):
        analogy(around, appearance=np.concatenate([colors, alpha], 2), appearance_mask=1 - mask)
    with pytest.raises(BadInputError, match="appearance: it is transparent everywhere"):
        analogy(around, appearance=np.concatenate([colors, alpha * 0], 2))


def test_the_result_is_as_transparent_as_the_structure(around: Surroundings) -> None:
    alpha = np.zeros((32, 40, 1), np.uint8)
    alpha[8:24, 8:24] = 255
    picture = analogy(around, structure=np.concatenate([STONE, alpha], 2))["picture"]
    np.testing.assert_array_equal(picture[..., 3:], alpha)
    assert analogy(around, {"width": 80}, structure=np.concatenate([STONE, alpha], 2))["picture"].shape == (64, 80, 4)


@pytest.mark.parametrize("given", [{}, {"method": "gan", "iterations": 1}])
def test_what_the_structure_mask_leaves_out_stays(around: Surroundings, given: dict[str, Any]) -> None:
    mask = np.zeros((16, 20), np.float32)  # half as large as the picture
    mask[:, 10:] = 1
    picture = analogy(around, given, structure_mask=mask)["picture"]
    assert np.abs(picture[:, :18].astype(int) - STONE[:, :18]).max() <= 1
    assert np.abs(picture[:, 22:].astype(int) - STONE[:, 22:]).mean() > 10


def test_one_picture_modes(around: Surroundings) -> None:
    def one(parameters: dict[str, Any], **inputs: Any) -> np.ndarray:
        return around.run("image_analogy", parameters, appearance=GRASS, **inputs)["picture"]

    assert one({"mode": "vary"}).shape == GRASS.shape
    assert one({"mode": "retarget", "width": 70}).shape == (36, 70, 3)
    hole = np.zeros((36, 48), np.float32)
    hole[10:20, 10:25] = 1
    filled = one({"mode": "fill"}, structure_mask=hole)
    np.testing.assert_array_equal(filled[hole == 0], GRASS[hole == 0])
    assert not np.array_equal(filled, GRASS)
    with pytest.raises(BadInputError, match="structure_mask is 30 x 10, but the picture is 48 x 36"):
        one({"mode": "fill"}, structure_mask=np.ones((10, 30), np.float32))


@pytest.mark.parametrize("size", [(4, 4), (12, 16), (20, 28)])
def test_every_seed_varies_even_the_noise_of_a_tiny_picture(around: Surroundings, size: tuple[int, int]) -> None:
    picture = RANDOM.integers(0, 256, (*size, 3), np.uint8)
    made = [
        around.run("image_analogy", {"mode": "vary", "seed": seed}, appearance=picture)["picture"] for seed in range(3)
    ]
    for first, second in combinations([*made, picture], 2):
        assert np.abs(first.astype(int) - second).mean() > 10


@pytest.mark.parametrize("tiny", ["structure", "appearance", "both"])
def test_a_single_pixel_works(around: Surroundings, tiny: str) -> None:
    inputs = {"structure": STONE, "appearance": GRASS}
    for name in inputs:
        if tiny in (name, "both"):
            inputs[name] = inputs[name][:1, :1]
    picture = analogy(around, **inputs)["picture"]
    assert picture.shape == inputs["structure"].shape
    if tiny != "structure":
        assert np.abs(picture.astype(int) - GRASS[0, 0]).max() <= 1


def test_guides_decide_where_colours_cannot(around: Surroundings) -> None:
    """Left is labelled 1 in the structure, and so is the dark half of the appearance."""
    matter = np.repeat(np.array([[60], [180]], np.uint8), 18, 0).repeat(48, 1)[..., None].repeat(3, 2)
    ours = np.zeros((32, 40, 1), np.int32)
    ours[:, :20] = 1
    theirs = (matter[..., :1] == 60).astype(np.int32)
    grey = np.full((32, 40, 3), 128, np.uint8)
    passes = {"structure_passes": {"id": ours}, "appearance_passes": {"id": theirs}}
    picture = analogy(around, {"guide_weight": 5.0}, structure=grey, appearance=matter, **passes)["picture"]
    assert picture[:, :17].mean() < 80
    assert picture[:, 23:].mean() > 160


# The networks


GAN = {"method": "gan", "preset": "draft", "iterations": 2}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pyramids from 16 to 24 pixels."""
    for module in (image_analogy, frames_analogy):
        monkeypatch.setattr(module, "gan_options", lambda *given: replace(gan_options(*given), size=24, min_size=16))


def test_settings_reach_the_networks() -> None:
    parameters = declaration("image_analogy").check_parameters(GAN | {"granularity": 40, "samples": 3})
    options = gan_options(parameters, "paint")
    assert (options.min_size, options.iterations, options.samples) == (40, 2, 3)
    assert options.structure_weight == 0.1  # of the mode


class Killed(Exception):
    pass


def test_a_training_that_was_killed_goes_on_to_the_same_result(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restyle_server.context.PROGRESS_INTERVAL", 0.0)
    monkeypatch.setattr(checkpoint, "INTERVAL", math.inf)
    whole = Surroundings(tmp_path / "whole")
    whole.folder.mkdir()
    undisturbed = analogy(whole, GAN | {"both": True, "samples": 2, "iterations": 3})
    assert set(undisturbed) == {"picture", "sample_2", "reverse", "report"}
    assert undisturbed["picture"].shape == STONE.shape
    assert not list(whole.folder.iterdir())

    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)

    def kill(what: str, data: dict[str, Any]) -> None:
        if what == "progress" and "Scale 2" in data["message"] and "round 2" in data["message"]:
            raise Killed

    around.interrupt = kill
    with pytest.raises(Killed):
        analogy(around, GAN | {"both": True, "samples": 2, "iterations": 3})
    (saved,) = around.folder.glob("checkpoint-*.safetensors")
    around.interrupt = lambda what, data: None
    around.said.clear()
    again = analogy(around, GAN | {"both": True, "samples": 2, "iterations": 3})
    rounds = [data["message"] for what, data in around.said if what == "progress" and "Scale" in data["message"]]
    assert rounds[0].startswith("Scale 2 of")
    for name in ("picture", "sample_2", "reverse"):
        np.testing.assert_array_equal(again[name], undisturbed[name])
    assert saved.exists()


@pytest.mark.parametrize("preset", ["draft", "paper"])
def test_injection_gives_the_structure_itself_to_the_networks(around: Surroundings, preset: str) -> None:
    """The short presets do so anyway, at the coarsest scale; the published way is to draw a picture like it."""
    plain, first, second = (
        analogy(around, GAN | {"preset": preset} | extra)["picture"] for extra in ({}, {"inject": 1}, {"inject": 2})
    )
    assert np.array_equal(plain, first) == (preset == "draft")
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("preset", "inject", "allowed"),
    [("draft", 4, r"Give 1 .* to 3\.$"), ("paper", 6, r"Give 1 .* to 5; 5 translates the picture as it is\.$")],
)
def test_injection_elsewhere_is_refused_before_the_training(
    around: Surroundings, preset: str, inject: int, allowed: str
) -> None:
    given = {"preset": preset, "method": "gan", "inject": inject}
    with pytest.raises(UsageError, match=f"^inject: {inject} is not a scale of this training. {allowed}"):
        analogy(around, given)
    with pytest.raises(UsageError, match=f"^inject: {inject} is not"):
        around.run("frames_analogy", given, structure=clip(), appearance=GRASS)
    assert not [data for what, data in around.said if what == "progress" and "Scale" in data["message"]]


def test_a_long_training_on_a_cpu_is_said_once(around: Surroundings) -> None:
    reporter = Reporter(
        JobContext(
            device="cpu",
            scratch=around.folder,
            attempt=1,
            models_dir=around.folder,
            report=around._report,
            describe=around._describe,
            cancelled=lambda: False,
        )
    )
    for minutes in (None, 90, 80, 20):
        left = None if minutes is None else 60.0 * minutes
        step = gan.Step(1, 3, 5, 9, {}, 0.1, left, render=lambda: STONE, state=dict)
        reporter.gan_step(step, "standard")
    assert len(around.warnings()) == len(reporter.warnings) == 1
    assert "takes about 1.5 h on this CPU" in around.warnings()[0]


def test_a_long_training_on_a_cpu_is_said_and_leaves_a_picture(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restyle_server.jobs.analogy_parts.PREVIEW_SECONDS", 0.0)

    def cancel(what: str, data: dict[str, Any]) -> None:
        if what == "warning":
            raise CancelledError("enough")

    around.interrupt = cancel
    with pytest.raises(CancelledError):
        analogy(around, GAN | {"preset": "standard", "iterations": 20})
    assert "gan with the preset standard takes about" in around.warnings()[0]
    assert around.previews["picture"].ndim == 3


# Clips


def clip(count: int = 3) -> Frames:
    return Frames(np.stack([np.roll(STONE, 2 * number, axis=1) for number in range(count)]), 25.0)


def test_every_frame_is_shown_when_it_is_done(around: Surroundings) -> None:
    outputs = around.run("frames_analogy", {}, structure=clip(), appearance=GRASS)
    assert outputs["frames"].pixels.shape == (3, 32, 40, 3)
    assert outputs["frames"].fps == 25
    assert sorted(around.previews) == ["frame 000001", "frame 000002", "frame 000003"]
    for number, (_, picture) in enumerate(sorted(around.previews.items())):
        np.testing.assert_array_equal(picture, outputs["frames"].pixels[number])
    fractions = [data["fraction"] for what, data in around.said if what == "progress"]
    assert fractions == sorted(fractions)
    assert 0 <= outputs["report"]["flicker"] < 0.1
    one = around.run("frames_analogy", {}, structure=clip(1), appearance=GRASS)
    assert one["report"]["flicker"] is None


def test_a_cancelled_clip_has_the_frames_so_far(around: Surroundings) -> None:
    def cancel(what: str, data: dict[str, Any]) -> None:
        if what == "preview" and data["name"] == "frame 000002":
            raise CancelledError("enough")

    around.interrupt = cancel
    with pytest.raises(CancelledError):
        around.run("frames_analogy", {}, structure=clip(), appearance=GRASS)
    assert sorted(around.previews) == ["frame 000001", "frame 000002"]


def test_a_clip_that_was_killed_goes_on_at_its_frame(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    undisturbed = Surroundings(tmp_path / "whole").run("frames_analogy", {}, structure=clip(5), appearance=GRASS)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr("restyle_server.context.PROGRESS_INTERVAL", 0.0)

    def kill(what: str, data: dict[str, Any]) -> None:
        if what == "progress" and data["message"].startswith("Frame 4 of 5"):
            raise Killed

    around.interrupt = kill
    with pytest.raises(Killed):
        around.run("frames_analogy", {}, structure=clip(5), appearance=GRASS)
    around.interrupt = lambda what, data: None
    around.said.clear()
    around.previews.clear()
    again = around.run("frames_analogy", {}, structure=clip(5), appearance=GRASS)
    assert next(
        data["message"] for what, data in around.said if data.get("message", "").startswith("Frame")
    ).startswith("Frame 4")
    np.testing.assert_array_equal(again["frames"].pixels, undisturbed["frames"].pixels)
    np.testing.assert_array_equal(around.previews["frame 000001"], undisturbed["frames"].pixels[0])


def test_a_clip_has_its_own_size_and_guides(around: Surroundings) -> None:
    ids = np.zeros((3, 32, 40, 1), np.uint8)
    ids[:, 10:22, 12:28] = 1
    theirs = np.zeros((36, 48, 1), np.uint8)
    theirs[:, 24:] = 1
    inputs = {"structure": clip(), "appearance": GRASS, "appearance_passes": {"id": theirs}}
    made = around.run("frames_analogy", {"width": 20}, **inputs, structure_passes={"id": ids})
    assert made["frames"].pixels.shape == (3, 16, 20, 3)
    with pytest.raises(BadInputError, match="id has 2 frames, but the clip has 3"):
        around.run("frames_analogy", {}, **inputs, structure_passes={"id": ids[:2]})


def test_matter_of_a_clip_can_be_masked(around: Surroundings) -> None:
    colors = GRASS.copy()
    colors[:, 24:] = (255, 0, 0)
    mask = np.ones((36, 48), np.float32)
    mask[:, 24:] = 0
    made = around.run("frames_analogy", {}, structure=clip(2), appearance=colors, appearance_mask=mask)
    assert (made["frames"].pixels[..., 0] < 110).all()


def test_a_clip_by_networks(around: Surroundings) -> None:
    outputs = around.run("frames_analogy", GAN, structure=clip(2), appearance=GRASS)
    assert outputs["frames"].pixels.shape == (2, 32, 40, 3)
    assert "frame 000002" in around.previews


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (90, "2 min"), (5400, "1.5 h"), (86400 * 3, "3 days"), (1e400, "? s")],
)
def test_times_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
