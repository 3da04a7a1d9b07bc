"""The structure picture in the colours of the appearance picture, so that the first match is not misled."""

from __future__ import annotations

import torch
from torch import Tensor


def match_covariance(structure: Tensor, appearance: Tensor) -> Tensor:
    """`structure` (3, H, W) with the mean and the covariance of `appearance`'s colours, clipped to [0, 1].

    The map is the optimal transport between the two normal distributions: Pitie and Kokaram, "The linear
    Monge-Kantorovitch linear colour mapping for example-based colour transfer", 2007, section 3.3.
    """
    source, wanted = (picture.flatten(1).double() for picture in (structure, appearance))
    covariances = []
    for pixels in (source, wanted):
        centred = pixels - pixels.mean(dim=1, keepdim=True)
        covariances.append(centred @ centred.T / pixels.shape[1] + 1e-5 * torch.eye(3, device=pixels.device))
    root, inverse = _power(covariances[0], 0.5), _power(covariances[0], -0.5)
    linear = inverse @ _power(root @ covariances[1] @ root, 0.5) @ inverse
    moved = linear @ (source - source.mean(dim=1, keepdim=True)) + wanted.mean(dim=1, keepdim=True)
    return moved.float().clamp(0, 1).reshape(structure.shape)


def match_rank(structure: Tensor, appearance: Tensor) -> Tensor:
    """`structure` (3, H, W) with each channel's values replaced by those of the same rank in `appearance`."""
    channels = []
    for source, wanted in zip(structure.flatten(1), appearance.flatten(1), strict=True):
        ordered = wanted.sort().values
        # Equal values share the mean of their ranks, so that a flat area stays flat.
        _, inverse, counts = source.unique(return_inverse=True, return_counts=True)
        rank = (counts.cumsum(0).float() - (counts.float() + 1) / 2) / max(len(source) - 1, 1)
        place = rank[inverse] * (len(ordered) - 1)
        below = place.floor().long().clamp(0, len(ordered) - 1)
        above = (below + 1).clamp_max(len(ordered) - 1)
        channels.append(torch.lerp(ordered[below], ordered[above], place - below))
    return torch.stack(channels).reshape(structure.shape)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Power of a symmetric positive matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = (vectors * values.clamp_min(1e-12) ** exponent) @ vectors.T
    return result
