from __future__ import annotations

import pytest
import torch

from restyle_server.stylize.shade import light, shade


def test_reference_light_on_known_normals() -> None:
    """Facing the camera 0.771, along (1, 1, 1) saturated, away from it black: Text2Mesh code with kaolin's SH."""
    normals = torch.tensor([[0.0, 0, 1], [1, 1, 1], [-1, -1, -1]])
    normals = torch.nn.functional.normalize(normals, dim=1)
    assert light(normals, soft=False).squeeze(1).tolist() == pytest.approx([0.77069730, 1.0, 0.0])


def test_soft_light_is_close_and_has_no_dead_zones() -> None:
    normals = torch.nn.functional.normalize(torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    normals.requires_grad_()
    soft = light(normals, soft=True)
    assert (soft - light(normals, soft=False)).abs().max() < 0.1
    assert 0 <= soft.min() <= soft.max() <= 1
    (gradient,) = torch.autograd.grad(soft.sum(), normals)
    assert (gradient.norm(dim=1) > 1e-3).all()


def test_shade_clamps_colours() -> None:
    lit = shade(torch.tensor([[2.0, 0.5, -1.0]]), torch.tensor([[0.0, 0.0, 1.0]]), soft=False)
    assert lit.tolist() == [pytest.approx([0.7706973, 0.38534865, 0.0])]
