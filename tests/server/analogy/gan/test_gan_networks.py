from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm

from restyle_server.analogy.gan import PRESETS
from restyle_server.analogy.gan.networks import PatchNet, make_critic, make_generator, width_at
from restyle_server.analogy.gan.norm import normalize


def published(net: PatchNet, beyond: str = "zeros") -> nn.Sequential:
    """The same weights in torch's own layers, with batch normalisation."""
    layers: list[nn.Module] = []
    for filters, gain, shift in zip(net.filters, net.gains, net.shifts):
        after, before = filters.shape[:2]
        convolution = nn.Conv2d(before, after, 3, padding=net.padding, padding_mode=beyond)
        layers += [convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        layers[-3].weight, layers[-2].weight, layers[-2].bias = filters, gain, shift
    layers.append(nn.Conv2d(net.filters[-1].shape[1], len(net.bias), 3, padding=net.padding, padding_mode=beyond))
    layers[-1].weight, layers[-1].bias = net.filters[-1], net.bias
    return nn.Sequential(*layers)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("twice", [False, True])
def test_a_batch_is_what_batch_normalised_single_pictures_are(doubles: None, padding: int, twice: bool) -> None:
    net = PatchNet(5, 2, layers=4, padding=padding)
    pictures = torch.rand(3, 3, 14, 17) * 2 - 1
    alone = published(net)
    expected = torch.cat([alone(picture) for picture in pictures.split(1)])
    torch.testing.assert_close(net(pictures, twice=twice), expected)
    assert expected.shape == ((3, 2, 14, 17) if padding else (3, 2, 6, 9))


@pytest.mark.parametrize("twice", [False, True])
def test_gradients_are_those_of_batch_normalised_single_pictures(doubles: None, twice: bool) -> None:
    net = PatchNet(5, 2, layers=4, padding=0)
    pictures = torch.rand(2, 3, 12, 12)
    weights = [*net.filters, *net.gains, *net.shifts, net.bias]
    alone = published(net)
    ours = torch.autograd.grad(net(pictures, twice=twice).square().sum(), weights)
    theirs = torch.autograd.grad(sum(alone(picture).square().sum() for picture in pictures.split(1)), weights)
    for one, other in zip(ours, theirs):
        torch.testing.assert_close(one, other)


def test_what_is_beyond_the_borders_mirrors_what_is_inside(doubles: None) -> None:
    net = PatchNet(5, 3, layers=4, padding=1, reflect=True)
    picture = torch.rand(1, 3, 9, 12)
    torch.testing.assert_close(net(picture), published(net, "reflect")(picture))
    across = net(torch.rand(1, 3, 9, 1).expand(1, 3, 9, 12))
    torch.testing.assert_close(across, across[..., :1].expand_as(across))  # no frame where nothing changes sideways
    framed = PatchNet(5, 3, layers=4, padding=1)(torch.rand(1, 3, 9, 1).expand(1, 3, 9, 12))
    assert (framed - framed[..., :1]).abs().max() > 0.01


def test_low_precision_gradients_are_near_the_exact_ones() -> None:
    torch.manual_seed(1)
    exact, low = PatchNet(16, 1, layers=5, padding=0), PatchNet(16, 1, layers=5, padding=0, precision=torch.bfloat16)
    low.load_state_dict(exact.state_dict())
    picture = torch.rand(1, 3, 24, 24)
    for twice in (False, True):
        ours, theirs = (
            torch.cat([g.flatten() for g in torch.autograd.grad(net(picture, twice=twice).mean(), [*net.filters])])
            for net in (low, exact)
        )
        assert ours.dtype == torch.float32
        assert 0 < (ours - theirs).norm() / theirs.norm() < 0.1


def test_a_critic_sees_eleven_pixels() -> None:
    critic = make_critic(0, PRESETS["paper"], torch.float32, None)
    assert critic(torch.rand(1, 3, 40, 30)).shape == (1, 1, 30, 20)


def test_coarse_generators_add_and_the_two_finest_replace() -> None:
    options, picture = PRESETS["paper"], torch.full((1, 3, 20, 20), 5.0)
    made = [make_generator(scale, 11, options, torch.float32, None) for scale in range(11)]
    assert [generator.residual for generator in made] == [True] * 9 + [False] * 2
    assert made[8].translate(picture).min() > 3.9
    assert made[9].translate(picture).abs().max() < 1.0


def test_widths_double_every_four_scales_up_to_the_limit() -> None:
    assert [width_at(scale, PRESETS["paper"]) for scale in range(14)] == [32] * 4 + [64] * 4 + [128] * 6


def second(norm: Callable[..., Tensor], x: Tensor, gain: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
    """Gradients of something that itself contains a gradient."""
    weight = torch.linspace(-1, 1, x.numel()).view_as(x)
    outcome = torch.tanh(norm(x, gain, shift) * weight).sum()
    (slope,) = torch.autograd.grad(outcome, x, create_graph=True)
    return torch.autograd.grad(slope.square().sum() + slope.flatten()[0].exp(), (x, gain, shift))


def test_norm_has_right_first_and_second_derivatives(doubles: None) -> None:
    torch.manual_seed(0)
    x, gain, shift = (torch.randn(*shape, requires_grad=True) for shape in ((2, 3, 4, 5), (3,), (3,)))
    assert torch.autograd.gradcheck(normalize, (x, gain, shift))
    theirs = second(lambda x, gain, shift: group_norm(x, 3, gain, shift), x, gain, shift)
    for one, other in zip(second(normalize, x, gain, shift), theirs):
        torch.testing.assert_close(one, other)
