from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from restyle.errors import BadInputError, UsageError
from restyle_server.analogy.gan import (
    PRESETS,
    GanOptions,
    Step,
    inject,
    injectable,
    sample,
    train,
    train_frames,
    translate_frames,
)
from restyle_server.analogy.gan.chain import unpack
from restyle_server.analogy.gan.clock import Clock
from restyle_server.analogy.gan.colors import matched, palette
from restyle_server.analogy.gan.pyramid import resize, to_pictures, to_tensor

Picture = NDArray[np.uint8]
PAPER_SMALL = replace(
    PRESETS["paper"],
    size=26,
    min_size=20,
    width=6,
    max_width=6,
    iterations=2,
    plain_scales=1,
    low_precision=False,
)
TWO_SCALES = {"ratio": 0.5, "max_size": 13}


class Stop(Exception):
    """Raised by a caller that has had enough."""


def test_result_has_the_promised_form(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    steps: list[Step] = []
    result = train(disc, stripes, replace(small, samples=2), on_step=steps.append)
    assert result.picture.shape == (23, 30, 3)  # 40 : 52, as many pixels as 26 x 26
    assert result.reverse.shape == (26, 26, 3)
    assert [picture.shape for picture in result.samples] == [(23, 30, 3)] * 2
    np.testing.assert_array_equal(result.picture, inject(result.tensors, disc, steps[-1].scales))
    np.testing.assert_array_equal(result.samples, sample(result.tensors, 2))
    assert result.picture.dtype == result.reverse.dtype == np.uint8
    scales = steps[-1].scales
    assert [(step.scale, step.iteration) for step in steps] == [
        (scale, number) for scale in range(1, scales + 1) for number in range(1, small.iterations + 1)
    ]
    assert all(step.render().shape == result.picture.shape for step in steps)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert steps[0].seconds_left is None
    assert steps[-1].seconds_left == 0


def test_sixty_four_pixels_thirty_iterations(disc: Picture, stripes: Picture) -> None:
    """Finite losses, and a reconstruction that gets better at both scales and from the one to the other."""
    options = replace(PRESETS["paper"], size=64, min_size=40, iterations=30, width=8, max_width=8, **TWO_SCALES)
    steps: list[Step] = []
    result = train(disc, stripes, options, on_step=steps.append)
    assert result.reverse.shape == (64, 64, 3)
    assert len(steps) == 2 * 30
    assert all(np.isfinite(list(step.losses.values())).all() for step in steps)
    rebuilt = np.array([step.losses["reconstruction"] for step in steps]).reshape(2, 30)
    assert (rebuilt[:, -5:].mean(axis=1) < rebuilt[:, :5].mean(axis=1)).all()
    assert rebuilt[-1, -5:].mean() < 0.8 * rebuilt[0, :5].mean()


def test_the_draft_reconstructs_at_every_scale(disc: Picture, stripes: Picture) -> None:
    options = replace(
        PRESETS["draft"],
        size=26,
        min_size=20,
        iterations=40,
        finest_share=1.0,
        max_width=16,
        width=16,
        low_precision=False,
        **TWO_SCALES,
    )
    steps: list[Step] = []
    train(disc, stripes, options, on_step=steps.append)
    rebuilt = np.array([step.losses["reconstruction"] for step in steps]).reshape(-1, 40)
    assert len(rebuilt) > 1
    assert (rebuilt[:, -5:].mean(axis=1) < 0.5 * rebuilt[:, :5].mean(axis=1)).all()


def test_short_presets_give_the_promised_form(disc: Picture, stripes: Picture, short: GanOptions) -> None:
    steps: list[Step] = []
    result = train(disc, stripes, replace(short, samples=2), on_step=steps.append)
    scales = steps[-1].scales
    assert [(step.scale, step.iteration, step.iterations) for step in steps] == [
        (scale + 1, number, short.rounds(scale, scales))
        for scale in range(scales)
        for number in range(1, short.rounds(scale, scales) + 1)
    ]
    assert steps[-1].fraction == 1
    assert result.picture.shape == (23, 30, 3)
    assert result.reverse.shape == (26, 26, 3)
    np.testing.assert_array_equal(result.picture, inject(result.tensors, disc, 1))
    np.testing.assert_array_equal(result.samples, sample(result.tensors, 2))
    assert not np.array_equal(*result.samples)
    assert not np.array_equal(inject(result.tensors, disc, scales), result.picture)
    assert injectable(short) == range(1, scales + 1)
    with pytest.raises(UsageError, match=f"{scales + 1} is not .* 1 to {scales}\\."):
        inject(result.tensors, disc, scales + 1)


def test_injection_where_translations_climb(disc: Picture, stripes: Picture, short: GanOptions) -> None:
    """The structure is translated at the scale and redrawn by the appearance's scales above, with noise."""
    result = train(disc, stripes, short)
    device = torch.device("cpu")
    sizes, matter = unpack(result.tensors, "a", device).sizes, unpack(result.tensors, "b", device)
    colors = torch.from_numpy(result.tensors["b.colors"])
    base, drawn = resize(to_tensor(disc, device), sizes[-2]), torch.Generator().manual_seed(6)
    base = matched(base, colors)
    for scale in (-2, -1):
        base = resize(base, sizes[scale])
        noise = matter.amplitudes[scale] * torch.randn(base.shape, generator=drawn)
        base = matched(matter.generators[scale](base + noise, base), colors)
    expected = to_pictures(base)[0]
    np.testing.assert_array_equal(inject(result.tensors, disc, len(sizes) - 1, seed=6), expected)


@pytest.mark.parametrize(
    ("kind", "stops", "low_precision"), [("small", (1, 2, 5), False), ("small", (4,), True), ("short", (1, 3), True)]
)
def test_going_on_from_a_state_changes_no_bit(
    disc: Picture,
    stripes: Picture,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: str,
    stops: tuple[int, ...],
    low_precision: bool,
) -> None:
    """Within a scale, at its end and within the last; by way of a file."""
    options = replace(request.getfixturevalue(kind), low_precision=low_precision, iterations=2)
    losses: list[dict[str, float]] = []

    def watch(step: Step) -> None:
        losses.append(step.losses)
        if len(losses) in stops:
            save_file(step.state(), tmp_path / f"{len(losses)}.safetensors")

    expected = train(disc, stripes, options, seed=3, on_step=watch)
    for stop in stops:
        again: list[Step] = []
        state = load_file(tmp_path / f"{stop}.safetensors")
        result = train(disc, stripes, options, seed=3, on_step=again.append, state=state)
        assert [step.losses for step in again] == losses[stop:]
        np.testing.assert_array_equal(result.picture, expected.picture)
        np.testing.assert_array_equal(result.reverse, expected.reverse)
        assert result.tensors.keys() == expected.tensors.keys()
        for name, value in expected.tensors.items():
            np.testing.assert_array_equal(result.tensors[name], value)


def test_stopping_keeps_what_was_seen_last(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    options, number = replace(small, iterations=2), 3
    seen: list[Step] = []
    shown: list[Picture] = []

    def until(step: Step) -> None:
        seen.append(step)
        if len(seen) == number:
            raise Stop

    with pytest.raises(Stop):
        train(disc, stripes, options, on_step=until)
    train(disc, stripes, options, on_step=lambda step: shown.append(step.render()))
    np.testing.assert_array_equal(seen[-1].render(), shown[number - 1])
    assert not np.array_equal(shown[number - 2], shown[number - 1])


def test_frozen_scales_do_not_change(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    states: list[dict[str, NDArray]] = []
    train(disc, stripes, replace(small, iterations=2), on_step=lambda step: states.append(step.state()))
    last, end_of_first = states[-1], states[1]
    for side in "ab":
        for name in (name for name in last if name.startswith(f"{side}.0.")):
            learned = end_of_first[f"work.{side}.generator.{name.removeprefix(f'{side}.0.')}"]
            np.testing.assert_array_equal(last[name], learned)
    name = "work.a.generator.net.filters.1"
    assert not np.array_equal(states[0][name], end_of_first[name])


def test_networks_of_one_width_begin_where_the_last_ended(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    """Scales 1 and 2 have 6 channels, scale 3 has 8."""
    states: list[dict[str, NDArray]] = []
    options = replace(small, critic_rate=0.0, generator_rate=0.0, iterations=1)
    train(disc, stripes, options, on_step=lambda step: states.append(step.state()))
    for kind, prefix in (("generator", "net."), ("critic", "")):
        name = f"work.b.{kind}.{prefix}filters.1"
        np.testing.assert_array_equal(states[0][name], states[1][name])
        assert states[1][name].shape != states[2][name].shape


def test_same_seed_same_bits(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    options = replace(small, iterations=2)
    first, second, other = (train(disc, stripes, options, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.picture, second.picture)
    assert np.abs(first.picture.astype(int) - other.picture).max() > 3


def test_a_training_makes_colours_of_the_appearance(disc: Picture, small: GanOptions) -> None:
    """Blue and yellow become red and black, where neither is in the structure."""
    appearance = np.zeros((30, 30, 3), np.uint8)
    appearance[5:20, 5:20] = (220, 20, 20)
    options = replace(small, iterations=30, width=16, max_width=16, generator_rate=3e-3, critic_rate=6e-4, **TWO_SCALES)
    picture = train(disc, appearance, options).picture.astype(int)
    assert picture[..., 2].mean() < 40  # disc: 83
    assert picture[..., 0].max() > 120


def test_colours_get_the_mean_and_covariance_that_were_wanted() -> None:
    torch.manual_seed(2)
    mixing = torch.tensor([[0.2, 0.1, 0.0], [0.0, 0.1, 0.05], [0.1, 0.0, 0.1]])
    source = torch.einsum("ij,njhw->nihw", mixing, torch.rand(2, 3, 20, 30)) - 0.3
    wanted = torch.einsum("ij,njhw->nihw", mixing.T, torch.rand(1, 3, 25, 15)) + 0.2
    made = matched(source, palette(wanted)).transpose(0, 1).flatten(1).numpy()
    expected = wanted[0].flatten(1).numpy()
    np.testing.assert_allclose(made.mean(axis=1), expected.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(np.cov(made), np.cov(expected), atol=3e-5)
    flat = torch.full((1, 3, 4, 4), 0.5)
    assert matched(flat, palette(wanted)).isfinite().all()


@pytest.fixture(scope="module")
def trained() -> dict[str, NDArray]:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 24, 30, 3), dtype=np.uint8)
    return train(a, b, PAPER_SMALL).tensors


def test_tensors_survive_a_file(trained: dict[str, NDArray], tmp_path: Path) -> None:
    save_file(trained, tmp_path / "weights.safetensors")
    again = load_file(tmp_path / "weights.safetensors")
    for one, other in zip(sample(trained, 2, seed=4), sample(again, 2, seed=4)):
        np.testing.assert_array_equal(one, other)


def test_injection_above_the_top_is_plain_translation(trained: dict[str, NDArray], disc: Picture) -> None:
    device = torch.device("cpu")
    chain, matter = (unpack(trained, side, device) for side in "ab")
    given = resize(to_tensor(disc, device), chain.sizes[-1])
    expected = to_pictures(matter.generators[-1].translate(given))[0]
    np.testing.assert_array_equal(inject(trained, disc, len(chain.sizes) + 1), expected)


def test_injection_at_the_top_runs_one_generator_first(trained: dict[str, NDArray], disc: Picture) -> None:
    device = torch.device("cpu")
    chain, matter = (unpack(trained, side, device) for side in "ab")
    given = resize(to_tensor(disc, device), chain.sizes[-1])
    noise = torch.randn(given.shape, generator=torch.Generator().manual_seed(6))
    redrawn = chain.generators[-1](given + chain.amplitudes[-1] * noise, given)
    expected = to_pictures(matter.generators[-1].translate(redrawn))[0]
    np.testing.assert_array_equal(inject(trained, disc, len(chain.sizes), seed=6), expected)


@pytest.mark.parametrize("scale", [0, 5, 99, -1])
def test_injection_elsewhere_is_refused(trained: dict[str, NDArray], disc: Picture, scale: int) -> None:
    assert scale not in injectable(PAPER_SMALL)
    with pytest.raises(UsageError, match=f"^{scale} is not a scale .* 1 to 4\\."):
        inject(trained, disc, scale)


def test_clips_use_all_frames_and_one_noise(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    frames = [np.roll(disc, 4 * number, axis=1) for number in range(3)]
    options = replace(small, self_weight=1.0, iterations=2)
    result = train_frames(frames, stripes, options)
    alone = train_frames(frames[:1], stripes, options)
    assert any(not np.array_equal(result.tensors[name], alone.tensors[name]) for name in result.tensors)
    clip = list(translate_frames(result.tensors, [disc, disc, frames[1]]))
    np.testing.assert_array_equal(clip[0], clip[1])
    assert not np.array_equal(clip[0], clip[2])
    assert clip[0].shape == result.picture.shape


@pytest.mark.parametrize("bad", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3))])
def test_other_arrays_are_refused(disc: Picture, small: GanOptions, bad: NDArray) -> None:
    with pytest.raises(BadInputError, match="appearance"):
        train(disc, bad, small)
    with pytest.raises(BadInputError, match="structure"):
        train(bad, disc, small)


def test_frames_of_different_sizes_are_refused(disc: Picture, stripes: Picture, small: GanOptions) -> None:
    with pytest.raises(BadInputError, match="frame 1"):
        train_frames([disc, stripes], stripes, small)


def test_one_pixel_and_flat_pictures_work(small: GanOptions) -> None:
    one, flat = np.full((1, 1, 3), 7, np.uint8), np.full((500, 20, 3), 200, np.uint8)
    result = train(one, flat, replace(small, iterations=1))
    assert result.picture.shape == (26, 26, 3)


def test_time_left_is_overhead_and_work_of_what_is_to_do() -> None:
    clock = Clock([1.0, 4.0, 16.0], iterations=[10, 10, 5], pace=0.5)
    clock.overhead = 2.0
    assert clock._left(0, 0) == 10 * (2 + 0.5) + 10 * (2 + 2) + 5 * (2 + 8)
    assert clock._left(1, 7) == 3 * (2 + 2) + 5 * (2 + 8)
    assert clock._left(2, 5) == 0
