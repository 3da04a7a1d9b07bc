"""Procedural triangle meshes that carry the judge's surfaces: turned, lumpy, boxy and put together from limbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from restyle_server.stylize.geometry import unit_sphere, vertex_normals

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """A mesh in the unit sphere, +Y up.

    points, normals: (V, 3).
    faces: (F, 3).
    turned: whether it is (nearly) a solid of revolution about y, so that patterns may be wrapped around it.
    """

    points: Floats
    normals: Floats
    faces: Integers
    turned: bool

    @staticmethod
    def of(points: Floats, faces: Integers, *, turned: bool) -> Mesh:
        """Bring a mesh of any size and place into the unit sphere."""
        points = unit_sphere(points, faces)[0]
        return Mesh(points, vertex_normals(points, faces), faces, turned)


def closed_grid(rows: int, columns: int) -> Integers:
    """Faces of a grid (rows, columns) whose last column joins the first one."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)


def revolve(radius: Callable[[Floats], Floats], height: Floats, columns: int) -> tuple[Floats, Integers]:
    """Turn a profile radius(height) about y."""
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    r = np.maximum(radius(height), 1e-3)[:, None]
    points = np.stack([r * np.cos(angle), np.broadcast_to(height[:, None], (len(height), columns)), r * np.sin(angle)])
    return points.reshape(3, -1).T.copy(), closed_grid(len(height), columns)


def turned(rng: Generator) -> Mesh:
    """A vase, pot, candlestick or column: a random smooth profile."""
    knots = rng.integers(4, 8)
    wide = rng.uniform(0.12, 0.5)
    at, size = np.linspace(-1, 1, knots), wide * rng.uniform(0.5, 1.6, knots)
    blur = np.exp(-0.5 * ((np.linspace(-1, 1, 81)[:, None] - np.linspace(-1, 1, 81)) / rng.uniform(0.03, 0.12)) ** 2)
    smooth = (blur / blur.sum(1, keepdims=True)) @ np.interp(np.linspace(-1, 1, 81), at, size)
    height = np.linspace(-1, 1, int(rng.integers(80, 150)))

    def radius(y: Floats) -> Floats:
        r: Floats = np.interp(y, np.linspace(-1, 1, 81), smooth)
        r[[0, -1]] = 0.0
        return r

    return Mesh.of(*revolve(radius, height, int(rng.integers(80, 130))), turned=True)


def ellipsoid(rng: Generator, rows: int, half: Floats, power: float = 1.0) -> tuple[Floats, Integers]:
    """A superellipsoid with half axes (3,); a power below 1 makes it boxy (Barr 1981)."""
    latitude, columns = np.linspace(-np.pi / 2, np.pi / 2, rows), 2 * rows
    longitude = np.linspace(0, 2 * np.pi, columns, endpoint=False) + rng.uniform(0, 6)

    def bent(x: Floats) -> Floats:
        out: Floats = np.sign(x) * np.abs(x) ** power
        return out

    c, s = bent(np.cos(latitude))[:, None], bent(np.sin(latitude))[:, None]
    unit = np.stack([c * bent(np.cos(longitude)), np.broadcast_to(s, (rows, columns)), c * bent(np.sin(longitude))])
    return unit.reshape(3, -1).T * half, closed_grid(rows, columns)


def lump(rng: Generator) -> Mesh:
    """A ball, egg, box or stone."""
    power = rng.choice([1.0, 1.0, 0.5, 0.25])
    points, faces = ellipsoid(rng, int(rng.integers(60, 85)), rng.uniform(0.5, 1.0, 3), power)
    waves = rng.normal(size=(3, 8)) * rng.uniform(0.8, 2.0)
    swell = np.sin(points @ waves + rng.uniform(0, 6, 8)).sum(1) / 8
    return Mesh.of(points * (1 + rng.uniform(0, 0.4) * swell)[:, None], faces, turned=power == 1.0)


def limbed(rng: Generator) -> Mesh:
    """A body, legs and a head as one mesh of ellipsoids that run into each other: an animal, a figure, a chair."""
    half = rng.uniform((0.45, 0.2, 0.2), (0.8, 0.4, 0.35))
    parts = [(np.zeros(3), half, rng.uniform(-0.2, 0.2), 64)]
    for side in (-1, 1):
        for end in (-1, 1):
            leg = np.array([rng.uniform(0.07, 0.13), rng.uniform(0.35, 0.6), rng.uniform(0.07, 0.13)])
            at = np.array([end * 0.75 * half[0], -half[1] - 0.6 * leg[1], side * 0.6 * half[2]])
            parts.append((at, leg, rng.uniform(-0.3, 0.3), 34))
    neck = np.array([0.9 * half[0], half[1], 0.0])
    parts.append((neck, rng.uniform((0.12, 0.25, 0.1), (0.2, 0.45, 0.18)), rng.uniform(-0.8, 0.0), 34))
    head = neck + np.array([0.2, 0.35, 0.0])
    parts.append((head, rng.uniform((0.15, 0.12, 0.1), (0.35, 0.2, 0.18)), rng.uniform(-0.4, 0.4), 34))
    points, faces, count = [], [], 0
    for at, size, tilt, rows in parts:
        part, triangles = ellipsoid(rng, rows, np.asarray(size), 0.8)
        cos, sin = np.cos(tilt), np.sin(tilt)
        points.append(part @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) + at)
        faces.append(triangles + count)
        count += len(part)
    return Mesh.of(np.concatenate(points), np.concatenate(faces), turned=False)


def ring(rng: Generator) -> Mesh:
    """A torus lying or standing."""
    rows, columns, thick = 140, 64, rng.uniform(0.25, 0.45)
    a, b = (np.linspace(0, 2 * np.pi, n, endpoint=n == rows) for n in (rows, columns))
    r = 1 + thick * np.cos(b)
    points = np.stack([np.outer(np.cos(a), r), np.outer(np.ones(rows), thick * np.sin(b)), np.outer(np.sin(a), r)])
    points = points[[0, 2, 1]] if rng.random() < 0.5 else points
    return Mesh.of(points.reshape(3, -1).T.copy(), closed_grid(rows, columns), turned=False)


def draw_mesh(rng: Generator) -> Mesh:
    """Draw one of them."""
    make = (turned, lump, limbed, ring)[rng.choice(4, p=(0.4, 0.2, 0.3, 0.1))]
    return make(rng)
