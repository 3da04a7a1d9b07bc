from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from restyle.errors import BadInputError
from restyle_server.stylize.geometry import check_mesh, distinct_faces, to_y_up, unit_sphere, vertex_normals

VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
FACES = np.array([[0, 1, 2]])


@pytest.mark.parametrize(
    ("vertices", "faces", "said"),
    [
        (np.zeros((0, 3)), FACES, "vertices is empty"),
        (VERTICES, np.zeros((0, 3), int), "faces is empty"),
        (np.where(VERTICES == 1, np.nan, VERTICES), FACES, r"vertices\[1\]"),
        (np.array([[0, 0, 0], [0, 1, 0], [np.inf, 0, 0]]), FACES, r"vertices\[2\]"),
        (VERTICES, np.array([[0, 1, 2], [0, 1, 3]]), r"faces\[1\] is \[0, 1, 3\]"),
        (VERTICES, np.array([[-1, 1, 2]]), r"faces\[0\]"),
        (VERTICES[:, :2], FACES, r"vertices must be a \(V, 3\)"),
        (VERTICES.ravel(), FACES, r"vertices must be"),
        (VERTICES.astype(str), FACES, r"vertices must be"),
        (VERTICES, np.array([[0, 1, 2, 0]]), r"faces must be .* triangulate"),
        (VERTICES, FACES.astype(float), r"faces must be"),
    ],
)
def test_bad_mesh_is_named(vertices: np.ndarray, faces: np.ndarray, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        check_mesh(vertices, faces)


def test_copies_of_a_face_and_faces_without_area_are_dropped() -> None:
    faces = np.array([[2, 0, 1], [0, 1, 2], [0, 2, 1], [3, 3, 1], [1, 2, 0], [1, 2, 3]])
    assert distinct_faces(faces).tolist() == [[2, 0, 1], [0, 2, 1], [1, 2, 3]]  # the other side of a face is another
    with pytest.raises(BadInputError, match="repeats a vertex"):
        distinct_faces(np.array([[0, 0, 1]]))


def test_mesh_without_size() -> None:
    with pytest.raises(BadInputError, match="no size"):
        unit_sphere(np.full((3, 3), 7.0), FACES)


def test_unit_sphere_round_trip_ignores_stray_vertices() -> None:
    vertices = np.concatenate([VERTICES * 1e-5 + 1e3, [[9e9, 0, 0]]])
    normalised, centre, radius = unit_sphere(vertices, FACES)
    assert np.linalg.norm(normalised[:3], axis=1).max() == pytest.approx(1.0)
    np.testing.assert_allclose(normalised * radius + centre, vertices, rtol=1e-12)


@pytest.mark.parametrize("name", ["candle.obj", "chair2.obj", "max_planck.obj"])
def test_normals_agree_with_trimesh(data_dir: Path, name: str) -> None:
    mesh = trimesh.load(data_dir / "meshes" / name, process=False)
    mesh = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    ours = vertex_normals(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, rtol=1e-9)
    agreement = (
        ours
        * trimesh.geometry.weighted_vertex_normals(len(mesh.vertices), mesh.faces, mesh.face_normals, mesh.face_angles)
    ).sum(axis=1)
    assert agreement.min() > 0.999


def test_normals_are_finite_everywhere() -> None:
    """Isolated vertices, a face of no area, two faces that cancel out, and a vertex at the origin."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5], [2, 2, 2], [0, 0, 0]])
    normals = vertex_normals(vertices, np.array([[0, 1, 2], [0, 2, 1], [4, 4, 1]]))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_z_up_turns_without_mirroring() -> None:
    turned = to_y_up(np.eye(3), "z")
    np.testing.assert_array_equal(turned[2], [0, 1, 0])
    assert np.linalg.det(turned) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("vertices", "faces"),
    [
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], FACES),
        ([[0, 0, 0], [2, 0, 0], [2, 1e-4, 0], [0, 1e-4, 0]], [[0, 1, 2], [0, 2, 3]]),
        ([[1e39, 0, 0], [1, 0, 0], [0, 1, 0]], FACES),
    ],
    ids=["a line", "a hair", "a stray corner"],
)
def test_what_is_too_thin_to_be_seen_is_refused(vertices: list[list[float]], faces: object) -> None:
    with pytest.raises(BadInputError, match="lines of which nothing can be seen"):
        unit_sphere(np.array(vertices, float), np.array(faces))
