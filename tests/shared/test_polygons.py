"""Polygons as triangles: covered once, whatever their shape, without a fold where that is possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_files import areas

from restyle.meshfile import read_mesh
from restyle.meshfile.polygons import Polygons, triangulate


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.integers(0, 2**32 - 1))
def test_random_simple_polygons_are_covered_exactly_once(corners: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Star-shaped about the origin but not about any corner, then tilted: concave, of known area.
    angles = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * 2 * np.pi / corners
    radii = rng.uniform(0.1, 1, corners)
    flat = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    expected = 0.5 * np.sum(flat[:, 0] * np.roll(flat[:, 1], -1) - flat[:, 1] * np.roll(flat[:, 0], -1))
    turn = trimesh.transformations.random_rotation_matrix(rng.random(3))[:3, :3]
    vertices = np.pad(flat, ((0, 0), (0, 1))) @ turn.T
    faces = triangulate(vertices, Polygons(np.arange(corners), np.array([corners])))
    assert faces.shape == (corners - 2, 3)
    vectors = areas(vertices, faces)
    forward = vectors @ (turn @ (0, 0, 1))
    assert (forward >= -1e-12).all()
    assert forward.sum() == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 20), st.integers(0, 2**32 - 1))
def test_corners_on_straight_sides_stay_connected(corners: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = (np.arange(corners) + rng.uniform(0, 0.6, corners)) * 2 * np.pi / corners
    ring = np.round(np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(20, 60, (corners, 1))) * 4
    sides = [start + (end - start) * part / 4 for start, end in zip(ring, np.roll(ring, -1, axis=0))
             for part in sorted({0, *rng.integers(1, 4, rng.integers(0, 3))})]  # fmt: skip
    vertices = np.pad(np.array(sides), ((0, 0), (0, 1)))
    size = len(vertices)
    faces = triangulate(vertices, Polygons(np.arange(size), np.array([size])))
    vectors = areas(vertices, faces)[:, 2]
    outline = np.cross(vertices, np.roll(vertices, -1, axis=0))[:, 2].sum() / 2
    assert (vectors >= 0).all()
    assert vectors.sum() == pytest.approx(outline)
    edges = {(int(face[at - 1]), int(face[at])) for face in faces for at in range(3)}
    assert len(edges) == 3 * len(faces)
    # Every edge has its opposite but the polygon's own sides: nothing opens when a corner is moved.
    assert {edge for edge in edges if edge[::-1] not in edges} == {(at, (at + 1) % size) for at in range(size)}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 1)), min_size=3, max_size=12))
def test_broken_polygons_become_as_many_triangles_all_the_same(points: list[tuple[int, int, int]]) -> None:
    vertices = np.array(points, float)
    faces = triangulate(vertices, Polygons(np.arange(len(points)), np.array([len(points)])))
    assert faces.shape == (len(points) - 2, 3)
    assert faces.min() >= 0
    assert faces.max() < len(points)


def test_the_concave_ring_of_the_real_data_is_covered_once(data_dir: Path) -> None:
    read = read_mesh(data_dir / "meshes" / "nasty_concave_ngon.obj")
    corners = read.vertices[read.polygons.corners]
    outline = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0) / 2
    vectors = areas(read.vertices, read.mesh.faces)
    np.testing.assert_allclose(vectors.sum(axis=0), outline)
    assert np.linalg.norm(vectors, axis=1).sum() == pytest.approx(np.linalg.norm(outline))  # no triangle folds back


def test_concave_quads_and_big_convex_caps() -> None:
    dart = np.array([(0, 0, 0), (1, -1, 0), (0, 2, 0), (-1, -1, 0)], float)
    for first in range(4):
        faces = triangulate(dart, Polygons(np.roll(np.arange(4), first), np.array([4])))
        assert (areas(dart, faces)[:, 2] > 0).all()
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    assert len(triangulate(circle, Polygons(np.arange(20_000), np.array([20_000])))) == 19_998
