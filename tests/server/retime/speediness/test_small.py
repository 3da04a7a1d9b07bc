"""The small network: what its frames depend on, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from restyle_server.retime.speediness import load_small
from restyle_server.retime.speediness.small import BUNDLED, REACH, SpeedinessNet, around_frames, contrast
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
    assert features.shape == (1, shape[0], 192)
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
    volume = net.volume(film(16, 96, 128))
    cells = volume.flatten(3)
    shuffled = cells[..., torch.randperm(cells.shape[-1])]
    torch.testing.assert_close(shuffled.amax(3), net.features(film(16, 96, 128)).transpose(1, 2))


def test_contrast_and_brightness_do_not_matter() -> None:
    torch.manual_seed(1)
    clip = 60 + 40 * torch.rand(1, 20, 24, 24)
    one, other = contrast(clip), contrast(2 * clip - 30)
    torch.testing.assert_close(
        one, other, rtol=0.35, atol=0.05
    )  # but for NOISE, which keeps noise from being stretched
    still = contrast(torch.full((1, 20, 24, 24), 100.0) + 0.5 * torch.rand(1, 20, 24, 24))
    assert still.abs().max() < 0.5


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
