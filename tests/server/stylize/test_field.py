from __future__ import annotations

import math

import pytest
import torch

from restyle_server.stylize.field import FourierFeatures, StyleField


def field(seed: int = 0) -> StyleField:
    return StyleField(
        frequencies=256,
        sigma=5.0,
        width=256,
        depth=4,
        color_depth=2,
        displacement_depth=2,
        generator=torch.Generator().manual_seed(seed),
    )


def test_size_of_the_published_network() -> None:
    assert field().features.width == 515
    assert sum(parameter.numel() for parameter in field().parameters()) == 659_460


def test_heads_start_at_zero() -> None:
    color, displacement = field()(torch.rand(7, 3))
    assert not color.any()
    assert not displacement.any()


def test_fourier_features_have_the_frequencies_they_should() -> None:
    """The mean frequency of a 3-D normal draw is sigma * sqrt(8 / pi), i.e. 1.6 sigma."""
    features = FourierFeatures(20_000, 5.0, torch.Generator().manual_seed(0))
    length = features.frequencies.norm(dim=0)
    assert float(length.mean()) == pytest.approx(5 * math.sqrt(8 / math.pi), rel=0.01)
    assert (length.diff() >= 0).all(), "low frequencies come first"
    few = FourierFeatures(2, 1.0, torch.Generator().manual_seed(0))
    point = torch.tensor([[0.1, 0.2, -0.3]])
    angle = 2 * math.pi * point @ few.frequencies
    torch.testing.assert_close(few(point), torch.cat([point, angle.sin(), angle.cos()], dim=1))


def test_progressive_encoding_reveals_low_frequencies_first() -> None:
    features = FourierFeatures(4, 3.0, torch.Generator().manual_seed(0))
    expected = [1.0, 1.0, 1.0, *[1.0, 0.5, 0.0, 0.0] * 2]
    torch.testing.assert_close(features.shown(0.375), torch.tensor(expected))
    assert features.shown(1.0).eq(1.0).all()


def random_heads(network: StyleField) -> StyleField:
    """Both outputs start at zero, where nothing could be told apart."""
    generator = torch.Generator().manual_seed(5)
    for head in (network.color_out, network.displacement_out):
        torch.nn.init.normal_(head.weight, generator=generator)
    return network


def test_hidden_features_change_nothing() -> None:
    """With a part revealed the field is that whose first layer is deaf to the rest."""
    points, network, deaf = torch.rand(50, 3), random_heads(field()), random_heads(field())
    with torch.no_grad():
        deaf.trunk[0].weight *= deaf.features.shown(0.3)
    partly, wholly = network(points, 0.3), deaf(points)
    torch.testing.assert_close(partly[0], wholly[0])
    torch.testing.assert_close(partly[1], wholly[1])
    assert (network(points)[0] - partly[0]).abs().max() > 0.01


def test_features_are_encoded_once_for_all_steps() -> None:
    points, network = torch.rand(50, 3), random_heads(field())
    encoded = network.encode(points)
    for revealed in (0.5, 1.0):
        for direct, from_features in zip(network(points, revealed), network.decode(encoded, revealed), strict=True):
            assert torch.equal(direct, from_features)


def test_low_precision_is_nearly_the_same() -> None:
    points, network = torch.rand(500, 3), random_heads(field())
    exact, rounded = network(points), network(points, low_precision=True)
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, one, atol=0.01, rtol=0)
        assert not torch.equal(other, one)


def test_seed_decides_the_network() -> None:
    states = [field(seed).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["trunk.0.weight"], states[2]["trunk.0.weight"])


def test_initial_weights_are_distributed_as_torchs() -> None:
    ours, theirs = field().trunk[2].weight.detach(), torch.nn.Linear(256, 256).weight.detach()
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.02)
    assert float(ours.abs().max()) == pytest.approx(1 / 16, rel=0.01)
