"""How long a run takes and when it ends, how it is cut into pieces, and what holds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle.errors import BadInputError
from restyle_server.stylize import PRESETS, PerVertex, Step, StylizeResult, stylize
from restyle_server.stylize.detail import detail
from restyle_server.stylize.judge import Judge
from restyle_server.stylize.query import field_input, folded, symmetry_plane
from restyle_server.stylize.stage import prepare
from restyle_server.stylize.stopping import GAIN, settled
from restyle_server.stylize.text2mesh import optimise

from .conftest import TinyEncoder, sphere

CPU = torch.device("cpu")
SMALL = replace(
    PRESETS["standard"],
    iterations=8,
    views=2,
    width=32,
    frequencies=16,
    depth=1,
    color_depth=1,
    displacement_depth=1,
    learning_rate=5e-3,
    sigma=1.0,
    low_precision=False,
)


def run(options: object = SMALL, mesh: tuple | None = None, **more: object) -> StylizeResult:
    return stylize(*(mesh or sphere()), "a red ball", TinyEncoder(), options, seed=1, **more)


def test_a_time_budget_ends_a_run_and_displacement_has_its_share_of_it() -> None:
    steps: list[Step] = []
    result = run(replace(SMALL, iterations=20_000, seconds=0.6, displacement_from=0.5), on_step=steps.append)
    assert result.ended == "seconds"
    assert 1 <= len(result.history) < 20_000
    assert result.displacement.any()
    assert steps[-1].share == 1.0
    assert all(step.iteration <= step.iterations for step in steps)


def test_one_step_is_made_however_short_the_time() -> None:
    stage = prepare(*sphere(), "a red ball", TinyEncoder(), replace(SMALL, seconds=1.0))
    result = optimise(stage, seed=0, spent=100.0)
    assert (len(result.history), result.ended) == (1, "seconds")


def test_time_that_was_spent_before_a_kill_counts() -> None:
    options = replace(SMALL, seconds=3600.0)
    states = []
    run(options, on_step=lambda step: states.append(step.state()))
    halfway = states[3] | {"seconds": np.array(4000.0)}
    result = run(options, state=halfway)
    assert (len(result.history), result.ended) == (4, "seconds")


def test_settled_means_no_gain_over_a_whole_window() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 400)
    rising = np.linspace(0.2, 0.6, 400) + noise
    assert not any(settled(rising[:n].tolist(), 40) for n in range(400))
    flat = np.concatenate([np.linspace(0.2, 0.6, 200), np.full(200, 0.6)]) + noise
    ended = next(n for n in range(400) if settled(flat[:n].tolist(), 40))
    assert 220 < ended < 320
    assert not settled([0.5] * 79, 40)
    assert settled([0.5] * 80, 40)
    assert not settled([0.5] * 40 + [0.5 + 2 * GAIN] * 40, 40)
    assert not settled([0.5] * 1000, 0)


def test_an_early_stop_waits_for_the_displacement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restyle_server.stylize.stopping.GAIN", 1.0)  # nothing is gain enough
    result = run(replace(SMALL, iterations=40, displacement_from=0.5, patience=3))
    assert result.ended == "settled"
    assert len(result.history) == 20 + 2 * 3
    assert result.displacement.any()
    colored = run(replace(SMALL, iterations=40, displacement_from=0.5, patience=3, change="color"))
    assert len(colored.history) == 2 * 3


def test_pieces_change_the_order_of_sums_and_nothing_else() -> None:
    whole = run()
    encoder = TinyEncoder()
    given: list[int] = []
    encode = encoder.encode_image
    encoder.encode_image = lambda images: (given.append(len(images)), encode(images))[1]
    stage = prepare(*sphere(), "a red ball", encoder, SMALL)
    stage = replace(stage, plan=replace(stage.plan, vertices_at_once=50, pictures_at_once=3))
    for scene in stage.scenes:
        scene.judge.pictures_at_once = 3
    given.clear()
    cut = optimise(stage, seed=1)
    assert max(given) == 3
    np.testing.assert_allclose(cut.history, whole.history, atol=1e-4)
    np.testing.assert_allclose(cut.colors, whole.colors, atol=1e-3)


@pytest.mark.parametrize(("up", "axis"), [("y", "x"), ("y", "y"), ("y", "z"), ("z", "x"), ("z", "y"), ("z", "z")])
def test_symmetry_is_across_the_objects_own_axis(up: str, axis: str) -> None:
    """The sphere is shifted: the plane is the middle of its box and not the origin."""
    points, faces = sphere()
    column = "xyz".index(axis)
    mirror = np.ones(3)
    mirror[column] = -1
    result = run(replace(SMALL, symmetry=axis, up=up, iterations=4), (points + np.array([10.0, -3.0, 5.0]), faces))
    twin = np.abs(points[:, None] - points[None] * mirror).sum(axis=2).argmin(axis=1)
    assert np.abs(result.colors - result.colors[twin]).max() < 1e-4
    other = np.ones(3)
    other[(column + 1) % 3] = -1
    across = np.abs(points[:, None] - points[None] * other).sum(axis=2).argmin(axis=1)
    assert np.abs(result.colors - result.colors[across]).max() > 1e-3


def test_folding_keeps_one_half_and_mirrors_the_other() -> None:
    options = replace(SMALL, symmetry="x", standardize=True)
    points = torch.tensor([[1.0, 2.0, 3.0], [5.0, 2.0, 3.0], [4.5, 1.0, 0.0]])
    plane = symmetry_plane(points, options)
    assert plane == 3.0, "the middle of the box, wherever the points are dense"
    normals = torch.tensor([[-0.6, 0.8, 0.0], [0.6, 0.8, 0.0], [-0.8, 0.0, 0.6]])
    sides, turned = folded(points, normals, options, plane)
    torch.testing.assert_close(sides, torch.tensor([[2.0, 2.0, 3.0], [2.0, 2.0, 3.0], [1.5, 1.0, 0.0]]))
    torch.testing.assert_close(turned, normals[[1, 1, 2]])
    query, moments = field_input(points, options, plane=plane)
    torch.testing.assert_close(query.mean(dim=0), torch.zeros(3))
    again, _ = field_input(points[:2], options, plane=plane, moments=moments)
    assert torch.equal(query[:2], again), "a part of it by what the whole was standardized with"


def test_twins_but_for_rounding_become_the_same_to_the_bit() -> None:
    random = np.random.default_rng(0)
    points, normals = random.integers(-90, 90, (2, 500, 3)) / 100
    mirror = np.array([-1, 1, 1])
    both = [
        torch.from_numpy(np.concatenate([half, half * mirror + random.uniform(-rough, rough, half.shape)])).float()
        for half, rough in ((points, 2e-6), (normals, 2e-4))
    ]
    for side in folded(*both, replace(SMALL, symmetry="x"), 0.0):
        first, second = side[:500], side[500:]
        assert torch.equal(first[points[:, 0] != 0], second[points[:, 0] != 0])


def test_the_level_makes_the_edges_short_enough() -> None:
    points, faces = (torch.as_tensor(array) for array in sphere())
    for sigma in (1.0, 3.0, 5.0, 12.0):
        found = detail(points, faces, sigma)
        halved = found.longest / 2**found.level
        assert halved <= found.limit
        assert found.level == 0 or 2 * halved > found.limit
        assert found.fits == (found.share <= 0.01)
    assert found.limit == pytest.approx(0.157 / 12, rel=0.01)
    assert found.aliased


def test_existing_colours_are_the_start() -> None:
    colors = np.random.default_rng(0).uniform(0.1, 0.9, (len(sphere()[0]), 3))
    options = replace(SMALL, existing_start=True, iterations=1, learning_rate=1e-6)
    result = run(options, given=PerVertex(colors=colors))
    np.testing.assert_allclose(result.colors, colors, atol=1e-3)
    with pytest.raises(BadInputError, match="no colours to start from"):
        run(options)


def test_a_mask_keeps_what_it_covers_to_the_bit() -> None:
    points = sphere()[0]
    weight = np.clip(points[:, 1], 0, 1)
    colors = np.random.default_rng(0).uniform(0, 1, (len(points), 3)).astype(np.float32)
    result = run(given=PerVertex(weight=weight, colors=colors))
    kept = weight == 0
    assert result.colors[kept].tobytes() == colors[kept].tobytes()
    assert not result.offset[kept].any()
    assert (points[kept] + result.offset[kept]).tobytes() == points[kept].tobytes()
    assert np.abs(result.colors[~kept] - colors[~kept]).max() > 0.1
    assert result.offset[~kept].any()


def test_low_precision_is_of_the_learning_and_not_of_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """On every machine the style, and so the result, is evaluated in float32; scores hardly change."""
    exact = run()
    monkeypatch.setattr("restyle_server.stylize.judge._computes_bfloat16", lambda _: True)
    steps: list[tuple] = []
    rough = run(replace(SMALL, low_precision=True), on_step=lambda step: steps.append(step.surface()))
    assert rough.history != exact.history
    np.testing.assert_allclose(rough.history, exact.history, atol=0.02)
    color, _ = rough.styles[0].field(torch.from_numpy(sphere()[0]).float())
    np.testing.assert_allclose(rough.colors, 0.5 + torch.tanh(color.detach()) / 2, atol=1e-5)
    np.testing.assert_array_equal(steps[-1][0], rough.colors)
    judge = Judge(TinyEncoder(), replace(SMALL, low_precision=True), CPU)
    assert (judge.low_precision, judge.field_low_precision) == (False, True)
