"""Texture coordinates of mesh files: read from each format, kept with each polygon, and written again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from plyfile import PlyData

from restyle.errors import BadInputError
from restyle.kinds import kind
from restyle.kinds.mesh import Mesh
from restyle.meshfile import MeshFile, read_mesh, write_mesh, write_textured

# A quad and a triangle that share an edge; on the triangle's side it lies elsewhere in the map: a seam.
OBJ = """
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0.5 2 0.7
vt 0.1 0.1
vt 0.4 0.1
vt 0.4 0.4
vt 0.1 0.4
vt 0.6 0.6
vt 0.9 0.6 0.0
vt 0.75 0.9
f 1/1 2/2/9 3/3 4/4
f -2/5 -3/6 -1/-1
"""
QUAD = [(0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)]
TOP = [(0.6, 0.6), (0.9, 0.6), (0.75, 0.9)]


def read_text(folder: Path, text: str, name: str = "a.obj") -> MeshFile:
    path = folder / name
    path.write_text(text)
    return read_mesh(path)


def by_position(mesh: Mesh) -> set[tuple[float, ...]]:
    """Every corner as its place in space and in the map."""
    assert mesh.uv is not None
    corners = np.concatenate([mesh.vertices[mesh.faces], mesh.uv], axis=2).reshape(-1, 5)
    return {tuple(np.round(row, 5).tolist()) for row in corners}


def test_obj_corners_have_their_own_coordinates(tmp_path: Path) -> None:
    read = read_text(tmp_path, OBJ)
    np.testing.assert_array_equal(read.polygons.uv, QUAD + TOP)
    assert read.mesh.uv is not None
    assert read.mesh.uv.shape == (3, 3, 2)
    assert read.mesh.uv.dtype == np.float32
    position = {tuple(corner): place for corner, place in zip([(0, 0), (1, 0), (1, 1), (0, 1)], QUAD)}
    for face, places in zip(read.mesh.faces[:2], read.mesh.uv[:2]):
        for vertex, place in zip(face, places):
            assert tuple(place.tolist()) == pytest.approx(position[tuple(read.vertices[vertex, :2])])
    np.testing.assert_allclose(read.mesh.uv[2], TOP, rtol=1e-6)


def test_a_concave_polygon_keeps_the_coordinates_with_its_corners(tmp_path: Path) -> None:
    flat = np.array([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4), (-1, 2)])
    lines = [f"v {x} {y} 0\nvt {x / 10 + 0.2} {y / 10 + 0.1}" for x, y in flat]
    read = read_text(tmp_path, "\n".join([*lines, "f 2/2 3/3 4/4 5/5 6/6 1/1"]))
    assert read.mesh.uv is not None
    np.testing.assert_allclose(read.mesh.uv, read.mesh.vertices[read.mesh.faces][..., :2] / 10 + (0.2, 0.1), rtol=1e-6)


def test_polygons_without_coordinates_have_no_place(tmp_path: Path) -> None:
    read = read_text(tmp_path, OBJ.replace("f -2/5 -3/6 -1/-1", "f -2/5 -3 -1/-1"))
    assert read.mesh.uv is not None
    assert not read.mesh.uv[2].any()
    assert read.mesh.uv[:2].all()
    assert read_text(tmp_path, "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1//1 2 3").mesh.uv is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("vt 0.4 0.1", "vt 0.4 no", "line 8: 'vt 0.4 no' is not a texture coordinate"),
        ("vt 0.4 0.1", "vt", "line 8: 'vt' is not a texture coordinate"),
        ("2/2/9", "2/0", "line 14: a face refers to a texture coordinate that is not there"),
        ("2/2/9", "2/-9", "line 14: a face refers to a texture coordinate that is not there"),
        ("2/2/9", "2/99", "line 14: a face refers to texture coordinate 99, but there are 7"),
        ("2/2/9", "2/x", "line 14: .* is not a face"),
        ("vt 0.4 0.1", "vt 0.4 nan", r"uv\[0\]"),
    ],
)
def test_bad_coordinates_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        read_text(tmp_path, OBJ.replace(old, new))


@pytest.mark.parametrize("ending", [".obj", ".ply", ".glb"])
def test_what_is_written_has_the_map_of_its_source(tmp_path: Path, ending: str) -> None:
    source = read_text(tmp_path, OBJ)
    path = tmp_path / f"out{ending}"
    moved = source.mesh.vertices + np.array([0, 0, 1])
    write_mesh(path, source, np.full((5, 3), 0.25), moved)
    again = read_mesh(path)
    assert by_position(again.mesh) == by_position(Mesh(moved, source.mesh.faces, uv=source.mesh.uv))
    np.testing.assert_allclose(again.vertices[:5], moved, atol=1e-7, err_msg="the vertices keep their order")
    if ending == ".glb":
        assert len(again.vertices) == 7, "the seam's two vertices have a copy each"
        assert len(again.mesh.vertices) == 5, "which the job does not see"
    else:
        np.testing.assert_array_equal(again.polygons.sizes, [4, 3])
        np.testing.assert_array_equal(again.polygons.uv, QUAD + TOP)


def test_others_read_the_maps_that_are_written(tmp_path: Path) -> None:
    source = read_text(tmp_path, OBJ)
    write_mesh(tmp_path / "a.glb", source)
    loaded = trimesh.load(tmp_path / "a.glb", process=False).geometry
    (theirs,) = loaded.values()
    corners = np.concatenate([theirs.vertices, theirs.visual.uv], axis=1)[theirs.faces].reshape(-1, 5)
    assert {tuple(np.round(row, 5).tolist()) for row in corners} == by_position(source.mesh)
    write_mesh(tmp_path / "a.ply", source)
    lists = PlyData.read(tmp_path / "a.ply")["face"]["texcoord"]
    np.testing.assert_allclose(np.concatenate(list(lists)), np.array(QUAD + TOP).ravel())


def test_textures_go_into_one_glb(tmp_path: Path) -> None:
    source = read_text(tmp_path, OBJ)
    rng = np.random.default_rng(0)
    color, normals = rng.integers(0, 256, (2, 8, 8, 3), np.uint8)
    write_textured(tmp_path / "a.glb", source, color, normals)
    (theirs,) = trimesh.load(tmp_path / "a.glb", process=False).geometry.values()
    np.testing.assert_array_equal(np.asarray(theirs.visual.material.baseColorTexture.convert("RGB")), color)
    np.testing.assert_array_equal(np.asarray(theirs.visual.material.normalTexture.convert("RGB")), normals)
    assert by_position(read_mesh(tmp_path / "a.glb").mesh) == by_position(source.mesh)
    flat = trimesh.Trimesh(source.mesh.vertices, source.mesh.faces, process=False)
    np.testing.assert_allclose(theirs.vertex_normals[:5], flat.vertex_normals, atol=1e-5)
    np.testing.assert_allclose(
        theirs.vertex_normals[5:], flat.vertex_normals[2:4], atol=1e-5, err_msg="seams are smooth"
    )
    bare = read_text(tmp_path, "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3", "bare.obj")
    with pytest.raises(BadInputError, match="no UV map"):
        write_textured(tmp_path / "b.glb", bare, color)


def test_glb_of_others_is_read_with_the_second_coordinate_upwards(tmp_path: Path) -> None:
    box = trimesh.creation.box()
    coordinates = np.random.default_rng(0).random((len(box.vertices), 2))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (2, 2)))
    box.visual = trimesh.visual.TextureVisuals(coordinates, material=material)
    bare = trimesh.creation.icosphere(subdivisions=0)
    scene = trimesh.Scene([box, bare])
    (tmp_path / "a.glb").write_bytes(scene.export(file_type="glb"))
    mesh = read_mesh(tmp_path / "a.glb").mesh
    assert mesh.uv is not None
    place = dict(zip(map(tuple, np.round(box.vertices, 4).tolist()), coordinates))
    mapped = mesh.uv.any(axis=(1, 2))
    assert mapped.sum() == 12, "the part without a map has no place in it"
    for face, uv in zip(mesh.faces[mapped], mesh.uv[mapped]):
        expected = [place[tuple(np.round(mesh.vertices[vertex], 4).tolist())] for vertex in face]
        np.testing.assert_allclose(uv, expected, atol=1e-6)


@pytest.mark.parametrize("names", [("s", "t"), ("u", "v"), ("texture_u", "texture_v")])
def test_ply_coordinates_of_vertices(tmp_path: Path, names: tuple[str, str]) -> None:
    text = (
        "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        f"property float {names[0]}\nproperty float {names[1]}\nelement face 1\n"
        "property list uchar int vertex_indices\nend_header\n"
        "0 0 0 .1 .2\n1 0 0 .3 .2\n1 1 0 .3 .4\n0 1 0 .1 .4\n4 0 1 2 3\n"
    )
    mesh = read_text(tmp_path, text, "a.ply").mesh
    assert mesh.uv is not None
    np.testing.assert_allclose(mesh.uv, mesh.vertices[mesh.faces][..., :2] * 0.2 + (0.1, 0.2), rtol=1e-6)


def test_real_files_with_maps(data_dir: Path, tmp_path: Path) -> None:
    source = read_mesh(data_dir / "meshes" / "nasty_degenerate_capsule.obj")
    assert source.mesh.uv is not None
    assert len(source.mesh.uv) == len(source.mesh.faces)
    write_mesh(tmp_path / "a.obj", source)
    again = read_mesh(tmp_path / "a.obj")
    np.testing.assert_array_equal(again.mesh.uv, source.mesh.uv)
    np.testing.assert_array_equal(again.mesh.faces, source.mesh.faces)
    assert read_mesh(data_dir / "meshes" / "candle.obj").mesh.uv is None


TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
FACE = np.array([[0, 1, 2]], np.int32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_kind_carries_the_map(dtype: type) -> None:
    uv = np.array([[[0, 0], [1, 0], [0.3, 0.7]]], dtype)
    mesh = kind("mesh").unpack(kind("mesh").pack(Mesh(TRIANGLE, FACE, uv=uv)))
    np.testing.assert_array_equal(mesh.uv, uv)
    assert mesh.uv.dtype == dtype
    assert kind("mesh").unpack(kind("mesh").pack(Mesh(TRIANGLE, FACE))).uv is None


@pytest.mark.parametrize(
    ("uv", "words"),
    [
        (np.zeros((1, 3, 3), np.float32), "shape"),
        (np.zeros((2, 3, 2), np.float32), "for 2 faces, but there are 1"),
        (np.zeros((1, 3, 2), np.int32), "type"),
        (np.full((1, 3, 2), np.nan, np.float32), r"uv\[0\]"),
        ([[[0, 0]] * 3], "list"),
    ],
)
def test_the_kind_refuses_maps_that_do_not_fit(uv: object, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        kind("mesh").validate(Mesh(TRIANGLE, FACE, uv=uv))
