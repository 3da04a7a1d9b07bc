"""The small network: what its frames depend on, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from restyle_server.retime.speediness import load_small
from restyle_server.retime.speediness.small import (
    BUNDLED,
    REACH,
    REST,
    SpeedinessNet,
    around_frames,
    contrast,
    moves,
    spread_of,
)
from restyle_server.retime.speediness.train import write_weights


@pytest.fixture(name="net")
def _net() -> SpeedinessNet:
    """Random, with statistics of normalisation that are not the trivial ones."""
    torch.manual_seed(0)
    net = SpeedinessNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval().requires_grad_(False)


def film(frames: int, height: int = 48, width: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, frames, height, width), np.uint8))


@pytest.mark.parametrize("shape", [(2, 33, 47), (16, 48, 64), (21, 51, 90)])
def test_any_size_gives_a_logit_per_frame_and_their_mean_per_clip(
    net: SpeedinessNet, shape: tuple[int, int, int]
) -> None:
    clip = film(*shape)
    values, features, where = net.frames(clip)
    assert values.shape == (1, shape[0])
    assert features.shape == (1, shape[0], 194)
    assert where.shape[:2] == (1, shape[0])
    torch.testing.assert_close(net(clip), values.mean(1))


def test_a_frame_depends_on_no_frame_beyond_the_margin(net: SpeedinessNet) -> None:
    clip = film(80)
    other = clip.clone()
    other[:, 60:] = film(20, seed=1)
    before, after = net.frames(clip)[0][0], net.frames(other)[0][0]
    first = int((before != after).nonzero()[0])
    assert 60 - net.margin <= first < 60
    assert torch.equal(before[: 60 - net.margin], after[: 60 - net.margin])


def test_where_things_are_does_not_matter_only_that_they_are_there(net: SpeedinessNet) -> None:
    # Spatial maximum: a feature map and the same one with its cells shuffled have the same features.
    volume, lively = net.volume(film(16, 96, 128))
    cells = volume.flatten(3)
    shuffled = cells[..., torch.randperm(cells.shape[-1])]
    features = net.features(film(16, 96, 128)).transpose(1, 2)
    torch.testing.assert_close(shuffled.amax(3), features[:, :-2])
    torch.testing.assert_close(lively, features[:, -2:])


def test_contrast_and_brightness_do_not_matter() -> None:
    torch.manual_seed(1)
    clip = 60 + 40 * torch.rand(1, 20, 24, 24)
    one, other = (contrast(film, spread_of(film)) for film in (clip, 2 * clip - 30))
    torch.testing.assert_close(
        one, other, rtol=0.35, atol=0.05
    )  # but for NOISE, which keeps noise from being stretched
    noise = torch.full((1, 20, 24, 24), 100.0) + 0.5 * torch.rand(1, 20, 24, 24)
    assert contrast(noise, spread_of(noise)).abs().max() < 0.5


def waves(right: float, down: float, rate: float = 1.0) -> torch.Tensor:
    """A pattern (1, 12, 48, 64) that goes so many pixels per frame, all of it, at a speed that grows evenly from 0."""
    t = rate * torch.arange(12.0)[:, None, None]
    x = torch.arange(64.0) - right * t**2 / 20
    y = torch.arange(48.0)[:, None] - down * t**2 / 20
    return (120 + 30 * torch.sin(x / 4) + 30 * torch.sin(y / 5 + 1) + 15 * torch.sin((x + y) / 7))[None]


def test_flow_is_what_was_planted_whatever_the_contrast() -> None:
    clip = waves(1.5, -1.0)
    for film in (clip, 0.5 * clip + 60):
        found = moves(film, spread_of(film))[0, :, 2:, 6:-6, 6:-6].median(-1).values.median(-1).values
        t = torch.arange(2.0, 12)
        steps = torch.stack([1.5 * torch.ones(10), -torch.ones(10)]) * (2 * t - 1) / 20 / 2  # at half the size
        torch.testing.assert_close(torch.sinh(found[:2]) / 4, steps, rtol=0.12, atol=0.03)
        sizes = torch.exp((found[2:] - 1) / 0.7) - REST
        torch.testing.assert_close(sizes[0], steps.norm(dim=0), rtol=0.12, atol=0.03)
        torch.testing.assert_close(sizes[1], torch.full((10,), np.hypot(1.5, 1.0) / 20), rtol=0.15, atol=0.03)


def test_at_twice_the_rate_two_steps_are_one_and_their_change_is_four_times_as_large() -> None:
    films = waves(0.8, 0.5), waves(0.8, 0.5, 2.0)
    once, twice = (torch.exp((moves(film, spread_of(film))[0, 2:] - 1) / 0.7) - REST for film in films)
    (once, changed), (twice, changed_twice) = (
        part[..., 6:-6, 6:-6].flatten(2).median(2).values for part in (once, twice)
    )
    torch.testing.assert_close(twice[2:6], once[3:11:2] + once[4:12:2], rtol=0.03, atol=0.0)
    torch.testing.assert_close(changed_twice, 4 * changed, rtol=0.06, atol=0.0)


def test_the_mean_around_a_frame_takes_what_there_is() -> None:
    values = torch.arange(12.0)[None, None]
    half = REACH // 2
    brute = [values[0, 0, max(0, t - half) : t + half + 1].mean() for t in range(12)]
    torch.testing.assert_close(around_frames(values)[0, 0], torch.stack(brute))


def test_weights_come_back_as_they_were(net: SpeedinessNet, tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", net, {"natural": "-0.75", "rise": "1.25"})
    again = load_small("cpu", tmp_path / "w.safetensors")
    clip = film(20)
    assert torch.equal(net(clip), again(clip))
    assert (again.natural, again.rise) == (-0.75, 1.25)
    assert not again.training


def test_the_bundled_weights_are_small_and_say_what_they_are() -> None:
    assert BUNDLED.stat().st_size <= 4_000_000
    with safe_open(BUNDLED, "pt") as file:
        metadata = file.metadata()
    assert {"recipe", "footage", "licence", "metrics", "natural", "rise"} <= set(metadata)
    parameters = sum(p.numel() for p in load_small().parameters())
    assert 300_000 < parameters < 700_000
