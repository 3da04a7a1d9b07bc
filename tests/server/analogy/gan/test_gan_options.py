from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from restyle_server.analogy.gan import PRESETS, options_for

PUBLISHED = {
    # defaults of the published `train.py`, with beta as in all its published commands
    "size": 220,
    "min_size": 18,
    "max_size": 250,
    "ratio": 0.75,
    "iterations": 20_000,
    "width": 32,
    "width_step": 4,
    "max_width": 128,
    "layers": 5,
    "plain_scales": 2,
    "critic_rate": 1e-4,
    "generator_rate": 5e-4,
    "betas": (0.5, 0.999),
    "penalty": 0.1,
    "alpha": 1.0,
    "beta": 10.0,
    "structure_weight": 1.0,
    "self_weight": 0.0,
    "noise": 0.1,
    # what it does not have
    "finest_share": 1.0,
    "first_noise": 1.0,
    "climb": False,
    "reflect": False,
    "one_point": False,
}


def test_paper_preset_is_the_published_one() -> None:
    settings = asdict(options_for("analogy", "paper"))
    assert {name: settings[name] for name in PUBLISHED} == PUBLISHED
    assert set(settings) - set(PUBLISHED) == {"samples", "low_precision"}


def test_modes_change_what_their_published_commands_change() -> None:
    paper = options_for("analogy", "paper")
    assert options_for("texture", "paper") == options_for("style", "paper") == paper
    assert options_for("text", "paper").min_size == 25
    paint = options_for("paint", "paper")
    assert (paint.critic_rate, paint.generator_rate, paint.structure_weight) == (5e-4, 1e-4, 0.1)
    frames = options_for("frames", "paper")
    assert (frames.min_size, frames.self_weight, frames.iterations) == (25, 1.0, 24_000)


def test_smaller_presets_take_less() -> None:
    draft, standard, paper = (PRESETS[name] for name in ("draft", "standard", "paper"))
    assert draft.size < standard.size < paper.size
    assert draft.iterations < standard.iterations < paper.iterations
    assert options_for("frames", "draft").iterations == draft.iterations


@pytest.mark.parametrize("mode", ["analogy", "texture", "style", "text", "paint", "frames"])
def test_short_presets_keep_their_rates_in_every_mode(mode: str) -> None:
    options = options_for(mode, "draft")
    assert (options.critic_rate, options.generator_rate) == (1e-3, 1e-3)
    assert options.self_weight == 0


def test_iterations_fall_in_equal_ratios_to_the_share_of_the_finest() -> None:
    options = replace(PRESETS["paper"], iterations=800, finest_share=0.25)
    assert [options.rounds(scale, 3) for scale in range(3)] == [800, 400, 200]
    assert [PRESETS["paper"].rounds(scale, 11) for scale in (0, 5, 10)] == [20_000] * 3
    assert replace(options, iterations=1).rounds(2, 3) == 1


def test_unknown_names() -> None:
    with pytest.raises(KeyError):
        options_for("analogy", "reference")
    with pytest.raises(KeyError):
        options_for("vary", "draft")
