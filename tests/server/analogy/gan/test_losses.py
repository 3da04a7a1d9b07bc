"""Penalties and whole losses against finite differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from restyle_server.analogy.gan import GanOptions
from restyle_server.analogy.gan.chain import Chain
from restyle_server.analogy.gan.colors import matched, palette
from restyle_server.analogy.gan.losses import gradient_penalty, mean_scores
from restyle_server.analogy.gan.networks import PatchNet, make_critic, make_generator
from restyle_server.analogy.gan.pair import Pair, Side

STEP = 1e-6


@pytest.fixture
def critic(doubles: None) -> PatchNet:
    torch.manual_seed(3)
    net = PatchNet(3, 1, layers=3, padding=0)
    for filters in net.filters:
        filters.data *= 20  # gradients of about 1, so that the penalty is neither flat nor huge
    return net


def random_picture(*size: int) -> Tensor:
    return torch.rand(1, 3, *size) * 2 - 1


def slope_along(function, weights: list[Tensor], direction: list[Tensor]) -> float:  # type: ignore[no-untyped-def]
    """Central difference along a direction of the weights; tiny, since slopes jump where a leaky ReLU turns."""
    values = []
    for sign in (1, -2, 1):
        for weight, change in zip(weights, direction):
            weight.data += sign * STEP * change
        values.append(float(function().detach()))
    return (values[0] - values[1]) / (2 * STEP)


def test_penalty_is_the_mean_squared_distance_of_slopes_from_one(critic: PatchNet) -> None:
    """Slopes by finite differences of every pixel; a picture against itself, so that the point between is known."""
    picture = random_picture(7, 8)
    slopes = torch.zeros_like(picture)
    with torch.no_grad():
        for place in range(picture.numel()):
            for sign in (1, -1):
                moved = picture.clone()
                moved.view(-1)[place] += sign * STEP
                slopes.view(-1)[place] += sign * critic(moved).sum() / (2 * STEP)
    expected = (slopes.square().sum(dim=1).sqrt() - 1).square().mean()
    found = gradient_penalty(critic, picture, [picture], torch.ones(1), torch.Generator())
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    assert expected > 0.01


def test_penalty_of_several_fakes_is_the_weighted_sum(critic: PatchNet) -> None:
    real, one, other = random_picture(9, 9), random_picture(9, 9), random_picture(9, 9)
    generator = torch.Generator()
    first = gradient_penalty(critic, real, [one], torch.ones(1), generator.manual_seed(1))
    second = gradient_penalty(critic, real, [other], torch.ones(1), generator)
    both = gradient_penalty(critic, real, [one, other], torch.tensor([2.0, 3.0]), generator.manual_seed(1))
    torch.testing.assert_close(both, 2 * first + 3 * second)


def test_penalty_gradient_agrees_with_finite_differences(critic: PatchNet) -> None:
    real, same, larger = random_picture(8, 9), random_picture(8, 9), random_picture(12, 7)
    weights = list(critic.parameters())
    generator = torch.Generator()

    def penalty() -> Tensor:
        return gradient_penalty(critic, real, [same, larger], torch.tensor([1.0, 0.5]), generator.manual_seed(2))

    gradients = torch.autograd.grad(penalty(), weights, allow_unused=True)
    direction = [0.01 * torch.randn_like(weight) for weight in weights]
    expected = sum(float((g * d).sum()) for g, d in zip(gradients, direction) if g is not None)
    assert slope_along(penalty, weights, direction) == pytest.approx(expected, rel=1e-4)


def test_scores_do_not_depend_on_company(critic: PatchNet) -> None:
    pictures = [random_picture(9, 9), random_picture(7, 11), random_picture(9, 9)]
    expected = torch.stack([critic(picture).mean() for picture in pictures])
    torch.testing.assert_close(mean_scores(critic, pictures), expected)


def test_one_point_stands_for_all_fakes(doubles: None, small: GanOptions) -> None:
    """Where both fakes are the real picture itself, the points between are known, and one tells of both."""
    terms = []
    for one_point in (False, True):
        pair = make_pair(replace(small, one_point=one_point), 0)
        real = {name: side.reals[:1] for name, side in pair.sides.items()}
        terms.append(pair.critic_terms(real, {name: [picture, picture] for name, picture in real.items()})[1])
    assert terms[0] > 0.1
    torch.testing.assert_close(*terms)


def make_pair(options: GanOptions, scale: int) -> Pair:
    """Both sides at `scale` over untrained frozen scales; a's pictures are larger than b's, and there are two of a."""
    generator = torch.Generator().manual_seed(5)
    sizes = {"a": [(14, 17), (18, 21)], "b": [(15, 13), (19, 17)]}
    sides = {}
    for name, own in sizes.items():
        chain = Chain(own)
        for number in range(scale):
            chain.append(make_generator(number, 3, options, torch.float64, generator), 0.3)
        reals = torch.rand(2 if name == "a" else 1, 3, *own[scale], generator=generator)
        maker = make_generator(scale, 3, options, torch.float64, generator)
        for filters in maker.net.filters:
            filters.data *= 5
        sides[name] = Side(chain, maker, make_critic(scale, options, torch.float64, generator), reals, 0.2)
    return Pair(scale, sides, options, generator)


@pytest.mark.parametrize("scale", [0, 1])
@pytest.mark.parametrize(("self_weight", "climb"), [(0.0, False), (0.7, False), (0.0, True)])
def test_a_step_follows_the_gradients_of_the_written_losses(
    doubles: None, small: GanOptions, scale: int, self_weight: float, climb: bool
) -> None:
    """With rates of zero a step leaves its gradients; they must be those of the losses as the paper writes them."""
    options = replace(
        small,
        critic_rate=0.0,
        generator_rate=0.0,
        alpha=0.8,
        beta=1.7,
        structure_weight=0.3,
        self_weight=self_weight,
        climb=climb,
    )
    pair = make_pair(options, scale)
    start = pair.generator.get_state()
    pair.step()
    fake_weights = [1.0, 1.0, self_weight][: 2 + (self_weight > 0)]

    def critics() -> Tensor:
        pair.generator.set_state(start)
        draw = pair.draw()
        total = torch.zeros(())
        for name, side in pair.sides.items():
            fakes = [fake.detach() for fake in draw.fakes[name]]
            for weight, fake in zip(fake_weights, fakes):
                total = total + weight * (side.critic(fake).mean() - side.critic(draw.real[name]).mean())
            penalty = gradient_penalty(side.critic, draw.real[name], fakes, torch.tensor(fake_weights), pair.generator)
            total = total + options.penalty * penalty
        return total

    def generators() -> Tensor:
        pair.generator.set_state(start)
        draw = pair.draw()
        total = torch.zeros(())
        for name, other, balance in (("a", "b", 0.3), ("b", "a", 1.0)):
            side = pair.sides[name]
            mixed = draw.mixed[name] if climb else side.generator.translate(draw.own[other])
            total = total - balance * (side.critic(mixed).mean() + side.critic(draw.own[name]).mean())
            if self_weight:
                total = total - balance * self_weight * side.critic(draw.fakes[name][2]).mean()
            total = total + 0.8 * (draw.rebuilt[name] - draw.real[name]).square().mean()
            there = draw.mixed[other] if climb else pair.sides[other].generator.translate(draw.own[name])
            layout = draw.real[name] if climb else draw.own[name]
            total = total + 1.7 * (side.generator.translate(there) - layout).square().mean()
        return total

    for function, kind in ((critics, "critic"), (generators, "generator")):
        weights = [weight for side in pair.sides.values() for weight in getattr(side, kind).parameters()]
        direction = [0.01 * torch.randn_like(weight) for weight in weights]
        expected = sum(float((weight.grad * change).sum()) for weight, change in zip(weights, direction))
        assert abs(expected) > 1e-5
        assert slope_along(function, weights, direction) == pytest.approx(expected, rel=1e-4)


def test_translations_climb_from_the_blurred_picture_at_the_coarsest_scale(doubles: None, short: GanOptions) -> None:
    """Without noise, so that every number is known; the picture halved and enlarged, in the colours that are wanted."""
    pair = make_pair(short, 1)
    colors = palette(torch.rand(1, 3, 9, 9))
    side = pair.sides["b"]
    side.amplitude, side.chain.amplitudes, side.chain.colors = 0.0, [0.0], colors
    draw = pair.draw()

    def sized(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        return torch.nn.functional.interpolate(picture, size, mode="bicubic", antialias=True).clamp(-1, 1)

    coarse = sized(draw.real["a"], (14, 17))
    base = matched(sized(sized(coarse, (7, 9)), (14, 17)), colors)
    base = sized(matched(side.chain.generators[0].translate(base), colors), (18, 21))
    torch.testing.assert_close(draw.mixed["b"], matched(side.generator.translate(base), colors))


@pytest.mark.parametrize("scale", [0, 1])
def test_climbing_pyramids_reconstruct_without_noise(doubles: None, short: GanOptions, scale: int) -> None:
    pair = make_pair(short, scale)
    pair.sides["a"].reals = pair.sides["a"].reals[:1]
    first, second = pair.draw(), pair.draw()
    for name in pair.sides:
        torch.testing.assert_close(first.rebuilt[name], second.rebuilt[name], rtol=0, atol=0)
        assert (first.own[name] - second.own[name]).abs().max() > 0.01


def test_noise_amplitude_is_a_tenth_of_the_reconstruction_error(doubles: None, small: GanOptions) -> None:
    pair = make_pair(small, 1)
    start = pair.generator.get_state()
    pair.set_amplitudes()
    pair.generator.set_state(start)
    for side in pair.sides.values():
        noise = torch.randn(2, 3, *side.chain.sizes[0], generator=pair.generator)[1:]
        rebuilt = side.chain.generators[0](0.3 * noise, torch.zeros_like(noise))
        rebuilt = torch.nn.functional.interpolate(rebuilt, side.chain.sizes[1], mode="bicubic", antialias=True)
        error = (side.reals - rebuilt.clamp(-1, 1)).square().mean().sqrt()
        assert side.amplitude == pytest.approx(0.1 * float(error), rel=1e-9)


def test_coarsest_scale_has_full_noise(small: GanOptions) -> None:
    pair = make_pair(small, 0)
    for side in pair.sides.values():
        side.amplitude = 1.0
    pair.set_amplitudes()
    assert [side.amplitude for side in pair.sides.values()] == [1.0, 1.0]
