"""Variations that look different, and each nearly as good as the best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle_server.stylize import PRESETS, Stage, Step, optimise, prepare, variety
from restyle_server.stylize.starts import Recipe, Start
from restyle_server.stylize.variety import GOOD, varied

from .conftest import TinyEncoder, sphere

OPTIONS = replace(
    PRESETS["standard"],
    iterations=4,
    views=2,
    width=16,
    frequencies=16,
    depth=1,
    color_depth=1,
    displacement_depth=1,
    low_precision=False,
    search_anchor=False,
)
RED, PINK, BLUE, WHITE = (0.8, 0.1, 0.1), (0.85, 0.15, 0.15), (0.1, 0.1, 0.8), (0.9, 0.9, 0.9)


def start(kind: str, size: float, first: tuple, second: tuple = WHITE) -> Start:
    return Start(Recipe(kind, size, first, second), torch.zeros(1, 3), torch.zeros(1))


def chosen(ranked: list[tuple[Start, float]], count: int) -> list[int]:
    """Which of the ranked starts are taken."""
    starts = [each for each, _ in ranked]
    return [starts.index(each) for each in varied(ranked, count)]


def test_pattern_then_scale_then_colours() -> None:
    ranked = [
        (start("courses", 0.14, RED), -0.5),
        (start("courses", 0.14, PINK), -0.49),  # as good as the first, and the same to the eye
        (start("courses", 0.14, WHITE, RED), -0.485),  # its colours exchanged
        (start("courses", 0.08, RED), -0.48),
        (start("tiles", 0.14, RED), -0.47),
        (start("courses", 0.14, BLUE), -0.46),
        (start("cells", 0.08, RED), -0.45),
        (start("weave", 0.08, RED), -0.5 + GOOD + 0.01),  # no longer good
    ]
    assert chosen(ranked, 1) == [0]
    assert chosen(ranked, 4) == [0, 4, 3, 5]
    assert chosen(ranked, 5) == [0, 4, 3, 5, 6]
    assert chosen(ranked, 9) == [0, 4, 3, 5, 6], "there are no more that are good and new"


def test_what_is_missing_is_passed_over() -> None:
    solids = [(start("solid", 0.0, color), -0.5) for color in (RED, PINK, BLUE)]
    assert chosen(solids, 3) == [0, 2]


def stage(variations: int, **options: object) -> Stage:
    return prepare(*sphere(), "a red ball", TinyEncoder(), replace(OPTIONS, **options), variations=variations)


@pytest.fixture(scope="module")
def three() -> Stage:
    """Three looks, of which this encoder would not call all good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variety, "GOOD", 1.0)
        return stage(3, search_start=True)


def test_the_first_is_that_of_a_single_run(three: Stage) -> None:
    (alone,) = stage(1, search_start=True).starts
    assert [each.recipe for each in three.starts[0]] == [each.recipe for each in alone]
    assert len({starts[0].recipe for starts in three.starts}) == 3


def test_other_starts_make_other_results() -> None:
    several = stage(4, vary_start=True)
    assert len({starts[0].recipe for starts in several.starts}) == 4
    first, second = (optimise(several, seed=0, variation=number) for number in (0, 1))
    assert np.abs(first.colors - second.colors).mean() > 0.1


def test_without_a_choice_only_the_seeds_differ() -> None:
    assert [each[0].recipe for each in stage(3, vary_start=False).starts] == [Recipe("solid")] * 3


def test_plain_colours_that_the_encoder_likes() -> None:
    """The planted target is red, so that no green or blue one is among the first."""
    starts = stage(3, vary_start=True).starts
    assert starts[0][0].recipe == Recipe("solid")
    for each in starts[1:]:
        assert each[0].color.mean(dim=0).argmax() == 0


def test_a_variation_that_was_stopped_ends_in_the_same_bits(three: Stage) -> None:
    """Also the one that had not begun, whose start only the first one's checkpoint knows."""
    encoder, options = TinyEncoder(), replace(OPTIONS, search_start=True)
    states: list = []
    expected = [optimise(three, seed=n, variation=n, on_step=_keep(states)) for n in range(3)]
    mesh = sphere()
    seen = encoder.seen
    again = prepare(*mesh, "a red ball", encoder, options, variations=3, state=states[0])
    assert encoder.seen - seen < 50, "nothing is searched again"
    for number, state in ((1, states[5]), (2, None)):
        result = optimise(again, seed=number, variation=number, state=state)
        assert result.colors.tobytes() == expected[number].colors.tobytes()
        assert result.history == expected[number].history


def _keep(states: list):
    def on_step(step: Step) -> None:
        states.append(step.state())

    return on_step
