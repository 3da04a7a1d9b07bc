"""Training: the loss in numbers, going on where it was, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("numba")

from restyle_server.retime.speediness import footage, measure
from restyle_server.retime.speediness.sampling import Sampler
from restyle_server.retime.speediness.simulate import clip
from restyle_server.retime.speediness.small import SpeedinessNet
from restyle_server.retime.speediness.train import Options, follow, loss, one_cycle, progress, train


def test_the_loss_is_cross_entropy_and_a_margin() -> None:
    logits, labels = torch.tensor([-1.0, 0.5, 2.0, 1.0]), torch.tensor([0.0, 0, 1, 1])
    p = 1 / (1 + np.exp(-logits.numpy()))
    entropy = -np.log(np.where(labels.numpy() > 0, p, 1 - p)).mean()
    margin = np.log1p(np.exp(2.0 - np.array([3.0, 0.5]))).mean()
    assert float(loss(logits, labels, Options(margin=2.0, margin_weight=0.5))) == pytest.approx(entropy + 0.5 * margin)


def test_the_learning_rate_ramps_up_and_falls_to_nothing() -> None:
    shares = [one_cycle(done, 0.1) for done in np.linspace(0, 1, 101)]
    assert np.argmax(shares) == 10
    assert max(shares) == pytest.approx(1.0)
    assert shares[-1] == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(shares[10:]) <= 0).all()


def test_the_average_follows() -> None:
    one, other = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    other.weight.data.fill_(3.0)
    other.num_batches_tracked.fill_(7)
    follow(one, other, 0.75)
    torch.testing.assert_close(one.weight.data, torch.full((2,), 1.5))
    assert int(one.num_batches_tracked) == 7


@pytest.fixture(name="sampler")
def _sampler(tmp_path: Path) -> Sampler:
    return Sampler([], footage.simulated(4, 11, tmp_path), 1.0, 0)


def test_a_stopped_training_goes_on_where_it_was(sampler: Sampler, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"

    options = Options(minutes=0.03, pairs=1, save_every=0.0)
    train(sampler, options, checkpoint)
    spent, step = progress(checkpoint)
    before = load_file(checkpoint)
    assert step >= 1
    assert spent >= 1.8
    left = Options(minutes=(spent + 2) / 60, pairs=1, save_every=0.0, rate=0.0)
    train(sampler, left, checkpoint)
    after = load_file(checkpoint)
    assert progress(checkpoint)[0] > spent
    assert progress(checkpoint)[1] > step
    assert torch.equal(after["net.head.weight"], before["net.head.weight"])  # its learning rate is nothing
    # The optimiser has counted on, and did not begin anew.
    assert after["adam.0.step"] - before["adam.0.step"] == progress(checkpoint)[1] - step


def test_it_starts_from_given_weights(sampler: Sampler, tmp_path: Path) -> None:
    torch.manual_seed(9)
    given = SpeedinessNet()
    net = train(sampler, Options(minutes=1e-30, pairs=1), tmp_path / "run.safetensors", given.state_dict())
    for one, other in zip(net.parameters(), given.parameters()):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_a_minute_on_simulated_motion_teaches_speed(tmp_path: Path) -> None:
    sampler = Sampler([], footage.simulated(150, 12, tmp_path), 1.0, 0)
    losses: list[str] = []
    net = train(sampler, Options(minutes=1.5, pairs=8, average=0.9), tmp_path / "run.safetensors", log=losses.append)
    rng = np.random.default_rng(999)
    judged = [measure.windows(str(k), clip(rng, 96), net) for k in range(30)]
    natural, fast = (np.concatenate([getattr(one, side) for one in judged]) for side in ("natural", "fast"))
    assert measure.auc(natural, fast) > 0.6
