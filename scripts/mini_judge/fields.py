"""What the judge's surfaces are drawn with: charts of a mesh, sums of waves, and seeds scattered over the mesh itself.

`mini_world` evaluates lattice noise and lattice cells in space, at the points that rays hit; nothing of that is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from .meshes import Mesh

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """A mesh with coordinates to draw in.

    points, normals: (V, 3).
    across, along: (V,) lengths on the surface; `along` mostly upwards.
    """

    points: Floats
    normals: Floats
    across: Floats
    along: Floats


def chart(mesh: Mesh, rng: Generator) -> Chart:
    """Wrap a turned mesh about y, else project along x, y or z after a random turn."""
    points, normals = mesh.points, mesh.normals
    if mesh.turned and rng.random() < 0.8:
        radius = np.hypot(points[:, 0], points[:, 2])
        around = np.arctan2(points[:, 2], points[:, 0])
        flat = np.abs(normals[:, 1]) > 0.85
        across = np.where(flat, points[:, 0], around * radius.mean() * 1.15)
        return Chart(points, normals, across, np.where(flat, points[:, 2], points[:, 1]))
    turn = rng.uniform(-0.4, 0.4) if mesh.turned else rng.uniform(-0.15, 0.15)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    p, n = points @ matrix, np.abs(normals @ matrix)
    axis = n.argmax(1)
    across = np.where(axis == 0, p[:, 2], p[:, 0])
    along = np.where(axis == 1, p[:, 2], p[:, 1])
    return Chart(points, normals, across + rng.uniform(0, 1), along + rng.uniform(0, 1))


def waves(points: Floats, rng: Generator, frequency: float, octaves: int = 1) -> Floats:
    """A smooth random function (V,) of mean 0 and deviation about 1: plane waves in random directions."""
    total, weight = np.zeros(len(points)), 0.0
    for octave in range(octaves):
        vectors = rng.normal(size=(3, 20)) * frequency * 2.0**octave
        total += 0.55**octave * np.sin(points @ vectors * 2 + rng.uniform(0, 6.3, 20)).sum(1) * np.sqrt(0.1)
        weight += 0.55 ** (2 * octave)
    out: Floats = total / np.sqrt(weight)
    return out


def ramp(low: float, high: float, x: Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    out: Floats = t * t * (3 - 2 * t)
    return out


def blend(first: Floats, second: Floats, share: NDArray[Any]) -> Floats:
    """Mix colours (3,) or (V, 3) by a share (V,) of the second."""
    out: Floats = first + (second - first) * share[:, None]
    return out


def looked_up(rng: Generator, *numbers: NDArray[Any]) -> Floats:
    """A random number in [0, 1) for each tuple of whole numbers."""
    index = np.zeros(len(numbers[0]), np.int64)
    for number, stride in zip(numbers, (7919, 104_729, 1299)):
        index += number.astype(np.int64) * stride
    out: Floats = rng.random(8191)[index % 8191]
    return out


@dataclass(frozen=True)
class Cells:
    """Cells about seeds on the surface: number of the nearest seed, distances to it and to the next, and the seeds."""

    nearest: NDArray[np.int64]
    first: Floats
    second: Floats
    seeds: Floats


def scattered(points: Floats, rng: Generator, spacing: float, even: float = 0.75) -> Cells:
    """Scatter seeds over the vertices, none nearer to another than even * spacing (dart throwing, Cook 1986)."""
    pool = points[rng.permutation(len(points))[:3000]]
    seeds = [pool[0]]
    limit = (even * spacing) ** 2
    for candidate in pool[1:]:
        gap = np.asarray(seeds) - candidate
        if (gap * gap).sum(1).min() > limit:
            seeds.append(candidate)
    chosen = np.asarray(seeds)
    distance = torch.cdist(torch.from_numpy(points).float(), torch.from_numpy(chosen).float())
    near = distance.topk(min(2, len(chosen)), dim=1, largest=False)
    first, last = near.values[:, 0].double().numpy(), near.values[:, -1].double().numpy()
    return Cells(near.indices[:, 0].numpy(), first, last, chosen)
