"""What bounds the output of a field: held exactly, and with a gradient left to follow."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from restyle_server.stylize import PRESETS
from restyle_server.stylize.controls import bounded, nearest_of

OPTIONS = PRESETS["standard"]
COUNT = 200


def wild(seed: int, *shape: int) -> torch.Tensor:
    """Outputs that no field should have, from nearly nothing to far out."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) * 10 ** torch.empty(shape).uniform_(-3, 3, generator=generator)


def some(options: object, **more: object) -> tuple[torch.Tensor, torch.Tensor]:
    start = torch.rand(COUNT, 3, generator=torch.Generator().manual_seed(5))
    return bounded(options, start, wild(0, COUNT).clamp(-1, 1), wild(1, COUNT, 3), wild(2, COUNT), relief=True, **more)


@pytest.mark.parametrize("direction", ["both", "out", "in"])
def test_limit_and_direction_hold_for_any_output(direction: str) -> None:
    _, displacement = some(replace(OPTIONS, direction=direction, displacement_limit=0.07))
    assert displacement.abs().max() <= 0.07
    assert displacement.abs().max() > 0.06
    assert (displacement >= 0).all() or direction != "out"
    assert (displacement <= 0).all() or direction != "in"
    assert (displacement.min() < 0 < displacement.max()) or direction != "both"


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_direction_begins_near_nothing_with_a_gradient(direction: str) -> None:
    relief = torch.zeros(COUNT, requires_grad=True)
    grey, none = torch.full((COUNT, 3), 0.5), torch.zeros(COUNT)
    options = replace(OPTIONS, direction=direction)
    _, displacement = bounded(options, grey, none, torch.zeros_like(grey), relief, relief=True)
    assert displacement.abs().max() < 0.1 * options.displacement_limit
    displacement.sum().backward()
    assert relief.grad.abs().min() > 0.3 * options.displacement_limit


def test_weight_zero_changes_nothing_and_one_changes_all() -> None:
    existing = torch.rand(COUNT, 3, generator=torch.Generator().manual_seed(9))
    weight = torch.linspace(0, 1, COUNT)
    color, displacement = some(OPTIONS, existing=existing, weight=weight)
    free_color, free_displacement = some(OPTIONS)
    assert torch.equal(color[0], existing[0])
    assert displacement[0] == 0
    assert torch.equal(color[-1], free_color[-1])
    assert torch.equal(displacement[-1], free_displacement[-1])
    middle = COUNT // 2
    expected = existing[middle] + weight[middle] * (free_color[middle] - existing[middle])
    torch.testing.assert_close(color[middle], expected)
    torch.testing.assert_close(displacement, weight * free_displacement)


def test_colour_only_and_displacement_only() -> None:
    existing = torch.rand(COUNT, 3)
    _, displacement = some(replace(OPTIONS, change="color"))
    assert not displacement.any()
    color, displacement = some(replace(OPTIONS, change="displacement"), existing=existing)
    assert torch.equal(color, existing)
    assert displacement.any()
    color, _ = some(replace(OPTIONS, change="displacement"))
    assert torch.equal(color, torch.full((COUNT, 3), 0.5))


def test_a_palette_holds_exactly() -> None:
    palette = ((0.9, 0.1, 0.05), (0.1, 0.1, 0.1), (1.0, 1.0, 1.0))
    color, _ = some(replace(OPTIONS, palette=palette))
    distance = (color[:, None] - torch.tensor(palette)).abs().sum(dim=2)
    assert (distance.amin(dim=1) == 0).all()
    assert len(torch.unique(color, dim=0)) == 3


def test_nearest_is_nearest_and_passes_a_gradient() -> None:
    palette = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    color = torch.rand(COUNT, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    chosen = nearest_of(color, palette)
    brute = [min(palette.tolist(), key=lambda p, c=c: sum((x - y) ** 2 for x, y in zip(p, c))) for c in color.tolist()]
    assert torch.equal(chosen.detach(), torch.tensor(brute))
    chosen[:, 0].sum().backward()
    assert (color.grad.abs().sum(dim=1) > 0).float().mean() > 0.5
    middle = torch.full((1, 3), 0.55, requires_grad=True)  # between black and white: more red is nearer to white
    nearest_of(middle, palette)[:, 2].sum().backward()
    assert middle.grad[0, 2] > 0


def test_a_start_in_black_or_white_can_still_change() -> None:
    change = torch.zeros(2, 3, requires_grad=True)
    color, _ = bounded(
        OPTIONS, torch.tensor([[0.0] * 3, [1.0] * 3]), torch.zeros(2), change, torch.zeros(2), relief=False
    )
    assert color[0].max() < 0.02
    assert color[1].min() > 0.98
    color.sum().backward()
    assert (change.grad > 1e-3).all()
