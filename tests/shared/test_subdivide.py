"""Finer copies of meshes, and the colours that mesh files carry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restyle.color import linear_to_srgb
from restyle.errors import BadInputError
from restyle.meshfile import read_mesh, write_mesh
from restyle.meshfile.colors import read_colors
from restyle.meshfile.subdivide import LONGEST, level_for, subdivided

CUBE = """v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    path = tmp_path / "cube.obj"
    path.write_text(CUBE)
    return path


def area_and_volume(vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float]:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2), float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("level", [0, 1, 3])
def test_shape_and_euler_number_stay(cube: Path, level: int) -> None:
    source = read_mesh(cube)
    height = {"height": source.mesh.vertices[:, 2].astype(np.float32)}
    finer, values = subdivided(source, level, height)
    faces = finer.mesh.faces
    assert len(faces) == 12 * 4**level
    assert area_and_volume(finer.mesh.vertices, faces) == pytest.approx((6.0, 1.0))
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    assert len(finer.mesh.vertices) - len(edges) + len(faces) == 2
    np.testing.assert_array_equal(finer.mesh.vertices[:8], source.mesh.vertices)
    np.testing.assert_allclose(values["height"], finer.mesh.vertices[:, 2])


def test_texture_coordinates_follow(tmp_path: Path) -> None:
    path = tmp_path / "flat.obj"
    path.write_text("v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n")
    finer, _ = subdivided(read_mesh(path), 2, {})
    corners = finer.mesh.vertices[finer.mesh.faces]
    np.testing.assert_allclose(finer.mesh.uv, corners[..., :2] / 2, atol=1e-6)
    write_mesh(tmp_path / "out.obj", finer)
    np.testing.assert_allclose(read_mesh(tmp_path / "out.obj").mesh.uv, finer.mesh.uv, atol=1e-6)


def test_the_level_is_the_first_that_fits(cube: Path) -> None:
    source = read_mesh(cube)
    level = level_for(source.mesh)
    radius = np.sqrt(3) / 2
    assert np.sqrt(2) / radius / 2**level <= LONGEST < np.sqrt(2) / radius / 2 ** (level - 1)
    assert level_for(subdivided(source, level, {})[0].mesh) == 0
    with pytest.raises(BadInputError, match="0 to 6 times"):
        subdivided(source, 7, {})


@pytest.mark.parametrize("ending", [".ply", ".obj"])
def test_colours_that_were_written_are_read(cube: Path, ending: str) -> None:
    source = read_mesh(cube)
    assert read_colors(source) is None
    linear = np.random.default_rng(0).random((8, 3))
    out = cube.with_suffix(ending).with_stem("colored")
    write_mesh(out, source, linear)
    found = read_colors(read_mesh(out))
    np.testing.assert_allclose(linear_to_srgb(found), linear_to_srgb(linear), atol=0.003)
