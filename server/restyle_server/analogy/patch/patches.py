"""Patches: descriptions to search by, and the vote that turns a field of matches into a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, unfold

SAMPLE = 8000


@dataclass(frozen=True)
class Basis:
    """Describes a patch by its coordinates along the main axes of the keys, or by its pixels where `axes` is None.

    axes: (dims, 3, p, p). Distances in the description are at most those between the patches, and nearly the same.
    """

    size: int
    axes: Tensor | None

    def describe(self, picture: Tensor, stride: int = 1) -> Tensor:
        """All patches of (3, H, W) at every `stride`-th row and column, as rows (N, dims)."""
        if self.axes is None:
            return unfold(picture[None], self.size, stride=stride)[0].T.contiguous()
        return conv2d(picture[None], self.axes, stride=stride)[0].flatten(1).T.contiguous()


def main_axes(picture: Tensor, size: int, dims: int) -> Basis:
    """The `dims` directions along which the patches of (3, H, W) vary most (from at most `SAMPLE` of them)."""
    count = (picture.shape[1] - size + 1) * (picture.shape[2] - size + 1)
    stride = max(1, int((count / SAMPLE) ** 0.5))
    sample = unfold(picture[None], size, stride=stride)[0].T
    centred = (sample - sample.mean(dim=0)).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    axes = vectors[:, -dims:].T.float().reshape(-1, 3, size, size)
    return Basis(size, axes.contiguous())


def falloff(size: int, sigma: float, like: Tensor) -> Tensor:
    """Weights (size, size) of a patch's pixels in the vote: normal in the distance from its centre, sigma in pixels."""
    offset = torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2
    bell = torch.exp(-offset.square() / (2 * sigma**2))
    return bell[:, None] * bell[None]


def vote(matter: Tensor, rows: Tensor, columns: Tensor, weights: Tensor, stride: int) -> Tensor:
    """Weighted mean of what overlapping patches say about each pixel: (3, H, W), as far as the patches reach.

    matter: (3, h, w). rows, columns: (ny, nx) top left corners of the matches. weights: (p, p), see falloff.
    stride: of the patches in the picture, pixels.
    """
    size, width = len(weights), matter.shape[2]
    flat = matter.flatten(1).T.contiguous()
    first = rows * width + columns
    ny, nx = rows.shape
    shape = (stride * (ny - 1) + size, stride * (nx - 1) + size)
    total, mass = matter.new_zeros(*shape, 3), matter.new_zeros(*shape, 1)
    for i in range(size):
        for j in range(size):
            at = slice(i, i + stride * (ny - 1) + 1, stride), slice(j, j + stride * (nx - 1) + 1, stride)
            total[at] += flat[first + (i * width + j)] * weights[i, j]
            mass[at] += weights[i, j]
    return (total / mass).permute(2, 0, 1)
