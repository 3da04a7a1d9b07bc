"""The job stylize_mesh with the real engine and the bundled model, at small sizes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restyle.color import linear_to_srgb, srgb_to_linear
from restyle.errors import BadInputError, UsageError
from restyle.jobs import declaration
from restyle.jobs.stylize_mesh import variation
from restyle.kinds import Packed, kind
from restyle.kinds.mesh import Mesh
from restyle.styleset import separate
from restyle_server import checkpoint
from restyle_server.context import JobContext
from restyle_server.jobs import stylize_mesh
from restyle_server.jobs.style_parts import SHEET_ELEVATIONS
from restyle_server.jobs.stylize_inputs import MOST_ITERATIONS, options_of
from restyle_server.models.clip import load_mini
from restyle_server.stylize import render_views, result, starts, variety
from restyle_server.stylize.style import Style, apply

from .stylize.conftest import sphere

POINTS, FACES = sphere(10, 16)
BALL = Mesh(POINTS.astype(np.float32), FACES.astype(np.int32))
COUNT = len(POINTS)
QUICK = {"iterations": 2, "start": "grey"}
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)


class Stopped(Exception):
    """Stands for a kill."""


class Surroundings:
    """A job's context that keeps what the job says, and can end it."""

    def __init__(self, folder: Path, stop_at: str | None = None) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.shown: list[Packed] = []
        self.folder, self.stop_at = folder, stop_at

    def run(self, parameters: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        """Run the job as the worker does: parameters, inputs and outputs are checked."""
        declared = declaration("stylize_mesh")
        given = {"mesh": BALL} | inputs
        full = declared.check_parameters(QUICK | parameters)
        declared.check_together(full, set(given))
        context = JobContext(
            device="cpu",
            scratch=self.folder,
            attempt=1,
            models_dir=self.folder,
            report=self._report,
            describe=self._describe,
            cancelled=lambda: False,
        )
        outputs = stylize_mesh.run(context, given, full)
        ports = {port.name: port for port in declared.outputs}
        for name, value in outputs.items():
            kind(ports[name].kind).validate(value)
        assert {port.name for port in declared.outputs if not port.optional} <= set(outputs)
        return outputs

    def _describe(self, packed: Packed) -> dict[str, Any]:
        self.shown.append(packed)
        return {}

    def _report(self, what: str, data: dict[str, Any]) -> None:
        self.said.append((what, data))
        if self.stop_at and self.stop_at in data.get("message", ""):
            raise Stopped


@pytest.fixture(autouse=True)
def _small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylize_mesh, "SHEET_SIZE", 48)
    monkeypatch.setattr(result, "PREVIEW_SIZE", 48)


@pytest.fixture
def job(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path)


def test_a_prompt_alone(job: Surroundings) -> None:
    made = job.run({}, prompt="a ball made of red brick")
    assert made["attributes"]["colors"].shape == (COUNT, 3)
    assert made["report"]["iterations"] == 2
    assert made["report"]["ended"] == "iterations"
    assert "variations" not in made
    assert made["picture"].shape == (2 * 48, 4 * 48, 3)


def test_every_target_at_once(job: Surroundings) -> None:
    colors = np.full((COUNT, 3), 0.2, np.float32)
    made = job.run(
        {"image_weight": 0.5},
        prompt="a red ball",
        prompt_2="wood",
        geometry_prompt="a brick ball",
        image=PICTURE,
        image_2=PICTURE[:, :, [2, 1, 0]],
        target_mesh=BALL,
        target_mesh_attributes={"colors": colors},
    )
    assert np.isfinite(made["attributes"]["offset"]).all()


def test_the_mask_keeps_bits(job: Surroundings) -> None:
    colors = np.random.default_rng(1).random((COUNT, 3)).astype(np.float32)
    mask = np.clip(POINTS[:, 1], 0, 1).astype(np.float32)
    made = job.run({}, prompt="a red ball", vertex_attributes={"mask": mask, "colors": colors})["attributes"]
    kept, half = mask == 0, (mask > 0.1) & (mask < 0.5)
    assert made["colors"][kept].tobytes() == colors[kept].tobytes()
    assert not made["offset"][kept].any()
    changed = np.abs(made["colors"] - colors).max(axis=1)
    assert changed[half].min() > 0
    assert changed[mask > 0.9].max() > 0.1


def test_controls_reach_the_engine(job: Surroundings) -> None:
    limits = {"displacement_limit": 0.02, "direction": "out", "change": "displacement"}
    made = job.run(limits, prompt="bark")
    displacement = made["attributes"]["displacement"]
    assert displacement.min() >= 0
    assert 0 < displacement.max() <= 0.02 * 1.001
    assert len(np.unique(made["attributes"]["colors"], axis=0)) == 1
    made = job.run({"palette": "#f00 #ffffff", "change": "color"}, prompt="a red ball")
    assert not made["attributes"]["displacement"].any()
    assert set(map(tuple, made["attributes"]["colors"].tolist())) <= {(1.0, 0.0, 0.0), (1.0, 1.0, 1.0)}


def test_variations_share_a_time_budget_that_nothing_else_ends() -> None:
    parameters = declaration("stylize_mesh").check_parameters({"seconds": 30.0, "variations": 3})
    options = options_of(parameters, load_mini(), BALL)
    assert (options.seconds, options.iterations) == (10.0, MOST_ITERATIONS)


def test_previews_have_colours_and_offsets_and_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colors = np.random.default_rng(1).random((COUNT, 3)).astype(np.float32)
    given = {"mask": (POINTS[:, 1] > 0).astype(np.float32), "colors": colors}
    made = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(stylize_mesh, "PREVIEW_SECONDS", seconds)
        monkeypatch.setattr(stylize_mesh, "PREVIEW_SHARE", math.inf)
        monkeypatch.setattr(stylize_mesh, "PREVIEW_BYTES", math.inf)
        job = Surroundings(tmp_path / str(seconds))
        job.folder.mkdir()
        made.append((job.run({}, prompt="a red ball", vertex_attributes=given)["attributes"], job))
    (watched, job), (unwatched, quiet) = made
    for name, array in unwatched.items():
        np.testing.assert_array_equal(watched[name], array)
    shown = [kind(packed.kind).unpack(packed) for packed in job.shown if packed.kind == "attributes"]
    assert [packed.kind for packed in quiet.shown] == ["image", "attributes"], "the first step is shown at once"
    assert len(shown) == 2
    away = np.abs(np.stack([each["colors"] - watched["colors"] for each in shown])).max(axis=(1, 2))
    assert away[0] > away[1], "each is nearer to the result"
    assert shown[1]["offset"].any()
    kept = given["mask"] == 0
    for each in shown:
        assert each["colors"][kept].tobytes() == colors[kept].tobytes()
        assert not each["offset"][kept].any()
        np.testing.assert_allclose(np.cross(each["offset"], POINTS), 0, atol=2e-3)  # along a sphere's normals


@pytest.mark.parametrize(
    ("name", "value", "kinds"),
    [
        ("PREVIEW_SHARE", 1e-9, ["image", "attributes"]),
        ("PREVIEW_BYTES", 1e-3, ["image", "attributes"]),
        ("PREVIEW_VERTICES", COUNT - 1, ["image", "image"]),
    ],
)
def test_previews_take_a_bounded_share_of_time_and_disk(
    job: Surroundings, monkeypatch: pytest.MonkeyPatch, name: str, value: float, kinds: list[str]
) -> None:
    for constant in ("PREVIEW_SHARE", "PREVIEW_BYTES"):
        monkeypatch.setattr(stylize_mesh, constant, 1e9)
    monkeypatch.setattr(stylize_mesh, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(stylize_mesh, name, value)
    job.run({}, prompt="a red ball")
    assert [packed.kind for packed in job.shown] == kinds


def test_every_variation_and_every_object_leaves_its_style(job: Surroundings) -> None:
    both = Mesh(
        np.concatenate([BALL.vertices, 3 * BALL.vertices + 7]), np.concatenate([BALL.faces, BALL.faces + COUNT])
    )
    owner = np.repeat([0, 1], COUNT).astype(np.float32)
    parameters = {"variations": 2, "seed": 4, "object_prompts": "\na blue ball"}
    made = job.run(parameters, prompt="a red ball", mesh=both, vertex_attributes={"object": owner})
    styles = separate(made["styles"])
    about = [style.metadata["about"] for style in styles]
    assert [(each["variation"], each["object"]) for each in about] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [each["seed"] for each in about] == [4, 4, 5, 5]
    assert [each["prompt"] for each in about] == ["a red ball", "a blue ball"] * 2
    assert made["style"].metadata == styles[0].metadata
    for style, each in zip(styles, about, strict=True):
        own = slice(0, COUNT) if each["object"] == 1 else slice(COUNT, None)
        body = Mesh(np.ascontiguousarray(both.vertices[own]), BALL.faces)
        applied = apply(Style.unpack(style.arrays, style.metadata), body.vertices, body.faces, up=body.up)
        result = variation(made["variations"], each["variation"])
        np.testing.assert_allclose(srgb_to_linear(applied.colors), result["colors"][own], atol=1e-5)
        np.testing.assert_allclose(applied.displacement, result["displacement"][own], atol=1e-5)


def test_variations_are_the_runs_of_their_seeds(job: Surroundings, tmp_path: Path) -> None:
    sweep = job.run({"seed": 5, "variations": 3}, prompt="a red ball")
    assert [each["seed"] for each in sweep["report"]["variations"]] == [5, 6, 7]
    assert sweep["variations_picture"].shape == (2 * 48, 2 * 48, 3)
    (tmp_path / "alone").mkdir()
    alone = Surroundings(tmp_path / "alone").run({"seed": 7}, prompt="a red ball")["attributes"]
    unpacked = variation(sweep["variations"], 3)
    np.testing.assert_array_equal(unpacked["colors"], alone["colors"])
    np.testing.assert_array_equal(unpacked["displacement"], alone["displacement"])
    np.testing.assert_allclose(unpacked["offset"], alone["offset"], atol=1e-6)


@pytest.fixture
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few starts to choose among, one look at each, and more of them good."""
    few = {name: starts.PATTERNS[name] for name in ("stripes", "spots", "courses")}
    values = {"PATTERNS": few, "COLORS": 1, "REFINEMENTS": (), "SIZES": (0.14,), "ROUNDS": ((2, (1.0,)),)}
    for name, value in values.items():
        monkeypatch.setattr(starts, name, value)
    monkeypatch.setattr(variety, "GOOD", 1.0)


@pytest.mark.usefixtures("short_search")
def test_a_killed_sweep_goes_on_where_it_was_and_a_variation_is_made_again_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr("restyle_server.context.PROGRESS_INTERVAL", 0.0)
    parameters = {"iterations": 4, "start": "auto"}
    sweep = parameters | {"seed": 5, "variations": 2}
    stopped = Surroundings(tmp_path, stop_at="Variation 2 of 2: step 3")
    with pytest.raises(Stopped):
        stopped.run(sweep, prompt="a red ball")
    again = Surroundings(tmp_path)
    resumed = again.run(sweep, prompt="a red ball")
    messages = [data["message"] for what, data in again.said if what == "progress"]
    assert not [message for message in messages if "Variation 1" in message or "Choosing" in message]
    assert [message.split(" of 4")[0][-1] for message in messages if "Variation 2" in message] == ["3", "4"]
    first, second = (style.metadata["recipe"] for style in separate(resumed["styles"]))
    assert first["kind"] != second["kind"], "or the proposal would make no difference"
    (tmp_path / "alone").mkdir()
    alone = Surroundings(tmp_path / "alone").run(parameters | {"seed": 6, "proposal": 2}, prompt="a red ball")
    unpacked = variation(resumed["variations"], 2)
    np.testing.assert_array_equal(unpacked["colors"], alone["attributes"]["colors"])
    np.testing.assert_array_equal(unpacked["displacement"], alone["attributes"]["displacement"])


def test_two_objects_with_prompts_of_their_own(job: Surroundings) -> None:
    both = Mesh(
        np.concatenate([BALL.vertices, 3 * BALL.vertices + 7]), np.concatenate([BALL.faces, BALL.faces + COUNT])
    )
    owner = np.repeat([0, 1], COUNT).astype(np.float32)
    made = job.run(
        {"object_prompts": "a red ball\na blue ball", "iterations": 15},
        mesh=both,
        vertex_attributes={"object": owner},
    )
    first, second = np.split(made["attributes"]["colors"], 2)
    assert first[:, 0].mean() > first[:, 2].mean()
    assert second[:, 2].mean() > second[:, 0].mean()
    assert made["picture"].shape == (2 * 48, 4 * 48, 3)
    attributes, views = made["attributes"], made["report"]["views"]
    for number, (azimuth, _) in enumerate(views):
        own, shown = slice(number * COUNT, (number + 1) * COUNT), made["picture"][number * 48 :][:48, :48]
        moved, flat = (
            render_views(points, FACES, linear_to_srgb(attributes["colors"][own]),
                         [math.radians(azimuth)], SHEET_ELEVATIONS[:1], size=48)[0].astype(int)
            for points in (both.vertices[own] + attributes["offset"][own], both.vertices[own])
        )  # fmt: skip
        assert np.abs(shown - moved).max() <= 1
        assert np.abs(shown - flat).max() > 2, "the relief is seen"


BAD = [  # parameters, inputs, part of the message
    ({}, {}, "there is no target"),
    ({"prompt_weight": 0}, {"prompt": "red"}, "weight 0"),
    ({}, {"image": PICTURE[:1, :1]}, "1 x 1 pixels"),
    ({}, {"image": np.zeros((30, 30, 4), np.uint8)}, "transparent everywhere"),
    ({}, {"prompt": "red", "vertex_attributes": {"mask": np.ones(5, np.float32)}}, "mask has 5 rows"),
    ({}, {"prompt": "red", "vertex_attributes": {"mask": np.zeros(COUNT, np.float32)}}, "0 everywhere"),
    ({}, {"prompt": "red", "vertex_attributes": {"mask": np.full(COUNT, 2, np.float32)}}, "within 0 and 1"),
    ({}, {"prompt": "red", "vertex_attributes": {"moss": np.ones(COUNT, np.float32)}}, "'moss' is not one of"),
    ({"start": "existing"}, {"prompt": "red"}, "existing colours"),
    (
        {"start": "existing"},
        {"prompt": "red", "vertex_attributes": {"mask": np.ones(COUNT, np.float32)}},
        "no colours to start from",
    ),
    ({"change": "color", "displacement_limit": 0.1}, {"prompt": "red"}, "displacement_limit"),
    ({"change": "color", "direction": "out"}, {"prompt": "red"}, "direction"),
    ({"change": "color"}, {"prompt": "red", "geometry_prompt": "bark"}, "geometry_prompt"),
    ({"change": "displacement", "displacement_limit": 0}, {"prompt": "red"}, "change nothing"),
    ({"change": "displacement", "palette": "#fff"}, {"prompt": "red"}, "palette"),
    ({"palette": "#ff red"}, {"prompt": "red"}, "'#ff' is not a colour"),
    ({"anchor": "search", "azimuth": 10}, {"prompt": "red"}, "anchor"),
    ({"seconds": 10, "iterations": 20}, {"prompt": "red"}, "seconds"),
    ({"object_prompts": "a\nb"}, {"prompt": "red"}, "object_prompts"),
    (
        {"object_prompts": "a\nb\nc"},
        {"prompt": "red", "vertex_attributes": {"object": np.zeros(COUNT, np.float32)}},
        "3 lines for 1 objects",
    ),
    ({}, {"prompt": "red", "vertex_attributes": {"object": np.full(COUNT, 3, np.float32)}}, "count from 0"),
    (
        {},
        {"prompt": "red", "vertex_attributes": {"object": (np.arange(COUNT) % 2).astype(np.float32)}},
        "joins two objects",
    ),
    (
        {},
        {"prompt": "red", "target_mesh_attributes": {"colors": np.zeros((3, 3), np.float32)}},
        "no target_mesh that they belong to",
    ),
    (
        {},
        {"target_mesh": BALL, "target_mesh_attributes": {"colors": np.zeros((3, 3), np.float32)}},
        "The target mesh: its colors",
    ),
]


@pytest.mark.parametrize(("parameters", "inputs", "part"), BAD, ids=[part for _, _, part in BAD])
def test_bad_input_is_named(job: Surroundings, parameters: dict[str, Any], inputs: dict[str, Any], part: str) -> None:
    with pytest.raises((BadInputError, UsageError), match=part.replace("(", r"\(")):
        job.run(parameters, **inputs)


def test_a_coarse_mesh_is_warned_of(job: Surroundings) -> None:
    made = job.run({"model": "mini"}, prompt="a red ball")
    coarse = [warning for warning in made["report"]["warnings"] if "coarse" in warning]
    assert len(coarse) == 1
    assert "--subdivide 4" in coarse[0]
