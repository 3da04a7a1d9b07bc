"""Pictures in the colours of one side, which every translation that climbs is kept in."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_VARIANCE = 1e-5  # of a channel in [-1, 1]: a flat picture has a palette, too


@torch.no_grad()
def palette(pictures: Tensor) -> Tensor:
    """(3, 4) float32: covariance (3, 3) and mean of the colours of all of (N, 3, H, W) together. On the CPU."""
    pixels = pictures.transpose(0, 1).flatten(1).double().cpu()
    least = LEAST_VARIANCE * torch.eye(3, dtype=torch.float64)
    covariance = torch.cov(pixels, correction=0) + least
    return torch.cat([covariance, pixels.mean(dim=1)[:, None]], dim=1).float()


def matched(pictures: Tensor, wanted: Tensor) -> Tensor:
    """`pictures` (N, 3, H, W) with the mean and covariance of colours of the palette `wanted`, by a linear map.

    The map counts as a constant where gradients are taken. Critics that normalise what they see hardly tell such a
    map from none, so they cannot teach it.
    Source: Pitie and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer",
    2007, section 3.3.
    """
    own, aim = palette(pictures).double(), wanted.double().cpu()
    root, inverse = _power(own[:, :3], 0.5), _power(own[:, :3], -0.5)
    linear = inverse @ _power(root @ aim[:, :3] @ root, 0.5) @ inverse
    offset = (aim[:, 3] - linear @ own[:, 3])[:, None, None].to(pictures)
    return torch.einsum("ij,njhw->nihw", linear.to(pictures), pictures) + offset


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = (vectors * values**exponent) @ vectors.T
    return power
