"""The solver against general ones, and the plan against what it promises: length, limits, locks, cuts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from restyle.errors import UsageError
from restyle_server.retime.plan import (
    PlanOptions,
    limits,
    output_length,
    plan,
    regions_of,
    speedup_vector,
)
from restyle_server.retime.solver import Problem, inverse, itself, solve
from restyle_server.retime.types import Speediness

FPS = Fraction(30)


def objective(problem: Problem, x: np.ndarray) -> float:
    """The sums of the module's head, written out."""
    fit = sum(w * (value - d) ** 2 for w, value, d in zip(problem.weight, x, problem.wanted))
    bend = sum(a * (after - before) ** 2 for a, before, after in zip(problem.smooth, x, x[1:]))
    return 0.5 * float(fit + bend)


def random_problem(random: np.random.Generator, frames: int, *, slowness: bool) -> Problem:
    wanted = random.uniform(1, 8, frames)
    low, high = np.full(frames, 1.0), np.full(frames, 8.0)
    locked = random.random(frames) < 0.1
    high[locked] = 1.0
    if slowness:
        wanted, low, high = 1 / wanted, 1 / high, 1 / low
    smooth = random.uniform(0, 20, max(frames - 1, 0)) * (random.random(max(frames - 1, 0)) > 0.2)
    return Problem(wanted, random.uniform(0.05, 1, frames), smooth, low, high)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("slowness", [True, False])
def test_the_solver_is_as_good_as_a_general_one(seed: int, slowness: bool):
    random = np.random.default_rng(seed)
    problem = random_problem(random, int(random.integers(1, 20)), slowness=slowness)
    measure = itself if slowness else inverse
    ends = sorted((measure(problem.low)[0].sum(), measure(problem.high)[0].sum()))
    total = random.uniform(*ends)
    ours = solve(problem, total, measure)
    assert measure(ours)[0].sum() == pytest.approx(total, rel=1e-9)
    assert (ours >= problem.low - 1e-12).all()
    assert (ours <= problem.high + 1e-12).all()
    if slowness:
        start, condition = (
            np.clip(problem.wanted, problem.low, problem.high),
            {"type": "eq", "fun": lambda x: x.sum() - total},
        )
        theirs = minimize(
            lambda x: objective(problem, x),
            start,
            bounds=list(zip(problem.low, problem.high)),
            constraints=[condition],
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        assert objective(problem, ours) <= theirs.fun * (1 + 1e-7) + 1e-9
        return
    # In the speed domain the mean of S is what the method fixes: no other curve of this mean may be better.
    mean = ours.sum()
    theirs = minimize(
        lambda x: objective(problem, x),
        ours + random.normal(0, 0.1, len(ours)),
        bounds=list(zip(problem.low, problem.high)),
        constraints=[{"type": "eq", "fun": lambda x: x.sum() - mean}],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert objective(problem, ours) <= theirs.fun * (1 + 1e-7) + 1e-9


def test_without_bounds_it_is_the_dense_solution_of_the_kkt_system():
    random = np.random.default_rng(3)
    frames = 60
    weight, smooth, wanted = (
        random.uniform(0.1, 1, frames),
        random.uniform(0, 50, frames - 1),
        random.normal(0, 1, frames),
    )
    steps = np.diff(np.eye(frames), axis=0)
    matrix = np.diag(weight) + steps.T @ np.diag(smooth) @ steps
    kkt = np.block([[matrix, np.ones((frames, 1))], [np.ones((1, frames)), np.zeros((1, 1))]])
    expected = np.linalg.solve(kkt, np.concatenate([weight * wanted, [5.0]]))[:frames]
    wide = np.full(frames, 1e6)
    np.testing.assert_allclose(solve(Problem(wanted, weight, smooth, -wide, wide), 5.0), expected, atol=1e-9)


def bumpy(random: np.random.Generator, frames: int) -> np.ndarray:
    return np.repeat(1.25 ** random.integers(0, 10, frames // 25 + 1), 25)[:frames]


@pytest.mark.parametrize("seed", range(100))
def test_the_length_is_exact_and_the_limits_hold(seed: int):
    random = np.random.default_rng(seed)
    frames = int(random.integers(2, 3000))
    options = PlanOptions(
        max_speed=float(random.uniform(4, 10)),
        smoothness=float(random.choice([0.0, 0.1, 0.5, 3.0])),
        domain="speed" if seed % 3 == 0 else "slowness",
    )
    length = output_length(frames, random.uniform(1, options.max_speed))
    cuts = random.integers(0, frames, 3).tolist()
    made = plan(bumpy(random, frames), FPS, length, options, cuts=cuts, sure=random.random(frames) < 0.9)
    assert len(made.source) == length
    assert (np.diff(made.source) >= 0).all()
    assert made.source.min() >= 0
    assert made.source.max() <= frames - 1
    assert (1 / made.speed).sum() == pytest.approx(length, rel=1e-8)
    slack = 1 + 0.51 / length  # a whole number of frames
    assert made.speed.min() >= 1 / slack - 1e-9
    assert made.speed.max() <= options.max_speed * slack + 1e-9


def test_the_whole_clip_is_shown_from_end_to_end():
    random = np.random.default_rng(5)
    made = plan(bumpy(random, 900), FPS, 300)
    assert made.source[0] == 0
    assert made.source[-1] + made.speed[-1] == pytest.approx(900, abs=0.1)
    for frame, position in enumerate(made.source[:-1]):  # each source frame takes 1 / S of an output frame
        whole = int(position)
        elapsed = sum(1 / made.speed[:whole]) + (position - whole) / made.speed[whole]
        assert elapsed == pytest.approx(frame, abs=1e-5)


def test_a_clip_that_tolerates_the_same_everywhere_is_retimed_uniformly():
    for wanted in (1.0, 3.0, 8.0):
        made = plan(np.full(500, wanted), FPS, 250)
        np.testing.assert_allclose(made.source, np.arange(250) * 2.0)


def test_slow_parts_stay_slow_and_the_rest_pays():
    wanted = np.full(900, 6.0)
    wanted[300:500] = 1.0
    made = plan(wanted, FPS, 450)
    assert made.speed[330:470].max() < 1.1
    assert made.speed[:200].mean() > 2.5
    assert made.speed[600:].mean() > 2.5
    steps = np.abs(np.diff(made.speed))
    assert steps.max() < 0.3  # a change of speed takes its time


def test_where_it_is_not_sure_it_follows_its_surroundings():
    wanted = np.full(600, 2.0)
    wanted[200:400] = 8.0
    sure = np.ones(600, np.bool_)
    sure[200:400] = False
    made = plan(wanted, FPS, 300, sure=sure)
    np.testing.assert_allclose(made.speed, 2.0, atol=1e-6)


def test_a_cut_is_not_smoothed_across():
    wanted = np.where(np.arange(600) < 300, 1.0, 6.0)
    linked, parted = (plan(wanted, FPS, 300, cuts=cuts) for cuts in ((), (300,)))
    assert np.abs(np.diff(parted.speed[:300])).max() < 1e-6
    assert np.abs(np.diff(parted.speed[300:])).max() < 1e-6
    assert parted.speed[300] - parted.speed[299] > 1.5
    assert linked.speed[300] - linked.speed[299] < 0.2
    assert parted.cuts == (300,)


@pytest.mark.parametrize("seed", range(20))
def test_no_position_lies_between_two_shots(seed: int):
    random = np.random.default_rng(seed)
    cuts = sorted(set(random.integers(1, 400, 40).tolist()))
    options = PlanOptions(min_speed=0.25)
    made = plan(bumpy(random, 400), FPS, int(random.integers(150, 700)), options, cuts=cuts)
    inside = made.source[made.source % 1 > 0]
    assert not set(np.ceil(inside).astype(int).tolist()) & set(cuts)
    assert (np.diff(made.source) >= 0).all()


def test_locked_regions_play_frame_by_frame():
    random = np.random.default_rng(1)
    for seed in range(20):
        made = plan(
            bumpy(random, 1000), FPS, 380 + 7 * seed, locked=[(700, 780), (120, 200), (150, 240), (-5, -2), (999, 1200)]
        )
        assert made.locked == ((120, 240), (700, 780), (999, 999))
        for first, last in ((120, 240), (700, 780)):
            np.testing.assert_allclose(made.speed[first : last + 1], 1.0)
            within = made.source[(made.source >= first) & (made.source <= last)]
            np.testing.assert_allclose(np.diff(within), 1.0, atol=2e-6)
            shown = np.floor(within + 0.5)
            np.testing.assert_array_equal(np.diff(shown), 1.0)


def test_a_limit_of_its_own_for_each_frame():
    most = np.full(600, np.inf)
    most[200:300] = 1.5
    made = plan(np.full(600, 4.0), FPS, 250, most=most)
    assert made.speed[200:300].max() <= 1.5 + 1e-9
    assert made.speed[:100].min() > 2
    slowest, fastest = limits(600, PlanOptions(min_speed=2.0), most=most)
    assert (fastest >= slowest).all(), "a limit below the lowest speed is that speed"


@pytest.mark.parametrize(("length", "locked"), [(11, ()), (101, ()), (20, ((0, 79),)), (60, ((0, 99),))])
def test_what_is_not_possible_is_refused_with_what_is(length: int, locked: tuple[tuple[int, int], ...]):
    with pytest.raises(UsageError, match=r"(from [\d,]+ to|only) [\d,]+ frames are") as caught:
        plan(np.full(100, 3.0), FPS, length, locked=locked)
    words = caught.value.message.replace(",", "").split()
    found = [int(words[words.index(word) + 1]) for word in ("from", "to", "only") if word in words]
    fewest, largest = found[0], found[-1]
    for possible in (fewest, largest):
        assert len(plan(np.full(100, 3.0), FPS, possible, locked=locked).source) == possible
    assert not fewest <= length <= largest


@pytest.mark.parametrize("frames", [1, 2, 3, 1001, 997])
def test_the_very_ends_of_what_is_possible(frames: int):
    for speed in (1.0, 8.0):
        made = plan(bumpy(np.random.default_rng(0), frames), FPS, output_length(frames, speed), PlanOptions())
        assert len(made.source) == output_length(frames, speed)


def test_slow_motion():
    wanted = np.where(np.arange(200) < 100, 0.5, 2.0)
    made = plan(wanted, FPS, 400, PlanOptions(min_speed=0.2, max_speed=4.0))
    assert len(made.source) == 400
    assert made.source[-1] <= 199
    assert made.speed[:80].max() < made.speed[120:].min()


def test_the_papers_form_has_the_same_length_but_another_curve():
    wanted = np.where((np.arange(900) // 150) % 2 == 0, 1.0, 7.0)
    made = {domain: plan(wanted, FPS, 450, PlanOptions(domain=domain)) for domain in ("slowness", "speed")}
    assert len(made["speed"].source) == len(made["slowness"].source) == 450
    assert np.abs(made["speed"].speed - made["slowness"].speed).max() > 0.1
    # The mean of S that the paper fixes is not the speed of the result.
    assert made["speed"].speed.mean() > 2.1


def test_the_speedup_vector_is_the_highest_rate_that_looks_normal():
    rates = np.array([1.0, 1.5, 3.0])
    curves = np.array([[0.1, 0.9, 0.2, 0.9], [0.3, 0.9, 0.6, 0.2], [0.4, 0.9, 0.9, 0.9]])
    found = speedup_vector(Speediness(rates, curves, np.ones(4, np.bool_)))
    np.testing.assert_array_equal(found, [3.0, 1.0, 1.0, 1.5])


def test_regions_of_a_mask():
    mask = np.array([1, 1, 0, 0, 1, 0, 1], np.bool_)
    assert regions_of(mask) == ((0, 1), (4, 4), (6, 6))
    assert regions_of(~mask) == ((2, 3), (5, 5))
    assert regions_of(np.zeros(3, np.bool_)) == ()
