"""Mesh files as they are written: the same vertices and polygons, colours as each format's readers expect them.

Read again here, and by trimesh, and by a few naive lines.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from mesh_files import read_text

from restyle.errors import BadInputError, ResourcesError, UsageError
from restyle.meshfile import MeshFile, check_output, read_mesh, write_mesh

CUBE = trimesh.creation.box()


@pytest.fixture
def quads(tmp_path: Path) -> MeshFile:
    """A pyramid with a quad, triangles, and a vertex that no face uses."""
    text = "v 0 0 0\nv 1 0 0\nv 0.1 0.2 1000000.3\nv 1 0 1\nv 0 0 1\nv .5 1 .5\nf 1 2 4 5\nf 1 6 2\nf 2 6 4\n"
    return read_text(tmp_path, "quads.obj", text)


UP = np.array((0.0, 0.0, 1.0))
LINEAR = np.array([(0, 0.5, 1), (0.0021, 0.2140, 1.7), (1, 1, 1), (0, 0, 0), (-1, 0.1, 0.9), (0.5, 0.5, 0.5)])
SRGB = np.array([(0, 188, 255), (7, 127, 255), (255, 255, 255), (0, 0, 0), (0, 89, 243), (188, 188, 188)])  # by table


@pytest.mark.parametrize("ending", [".ply", ".obj"])
def test_written_vertices_polygons_and_srgb_colours(quads: MeshFile, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out{ending}"
    write_mesh(out, quads, LINEAR)
    again = read_mesh(out)
    np.testing.assert_array_equal(again.vertices, quads.vertices)
    np.testing.assert_array_equal(again.polygons.corners, quads.polygons.corners)
    np.testing.assert_array_equal(again.polygons.sizes, quads.polygons.sizes)
    if ending == ".obj":
        colors = np.array([line.split()[4:] for line in out.read_text().splitlines() if line.startswith("v ")], float)
        np.testing.assert_allclose(colors * 255, SRGB, atol=0.6)
    else:
        row = np.dtype([("xyz", "<f8", 3), ("rgb", "u1", 3)])
        body = out.read_bytes().split(b"end_header\n", 1)[1]
        np.testing.assert_array_equal(np.frombuffer(body, row, 6)["rgb"], SRGB)


def test_ply_of_triangles_is_read_by_trimesh(tmp_path: Path) -> None:
    read = read_text(tmp_path, "cube.off", CUBE.export(file_type="off"))
    write_mesh(tmp_path / "out.ply", read, np.full((8, 3), 0.5))
    theirs = trimesh.load_mesh(tmp_path / "out.ply", process=False)
    np.testing.assert_allclose(theirs.vertices, CUBE.vertices)
    np.testing.assert_array_equal(theirs.faces, CUBE.faces)
    assert (theirs.visual.vertex_colors[:, :3] == 188).all()


def test_polygons_of_more_than_255_corners_survive_ply(tmp_path: Path) -> None:
    angles = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    lines = [f"v {np.cos(angle)!r} {np.sin(angle)!r} 0" for angle in angles.tolist()]
    text = "\n".join(line.replace("np.float64(", "").replace(")", "") for line in lines)
    disc = read_text(tmp_path, "disc.obj", text + "\nf " + " ".join(map(str, range(1, 301))) + "\nf 1 2 3\n")
    write_mesh(tmp_path / "disc.ply", disc)
    np.testing.assert_array_equal(read_mesh(tmp_path / "disc.ply").polygons.sizes, [300, 3])


def test_glb_holds_linear_float_colours_and_displaced_vertices(quads: MeshFile, tmp_path: Path) -> None:
    write_mesh(tmp_path / "out.glb", quads, LINEAR, vertices=quads.vertices + UP)
    data = (tmp_path / "out.glb").read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    primitive = document["meshes"][0]["primitives"][0]
    assert set(primitive["attributes"]) == {"POSITION", "COLOR_0"}
    accessor = document["accessors"][primitive["attributes"]["COLOR_0"]]
    assert (accessor["componentType"], accessor["type"], accessor["count"]) == (5126, "VEC3", 6)
    view = document["bufferViews"][accessor["bufferView"]]
    colors = np.frombuffer(data, "<f4", 18, 28 + size + view["byteOffset"]).reshape(6, 3)
    np.testing.assert_allclose(colors, np.clip(LINEAR, 0, 1), atol=1e-7)
    view = document["bufferViews"][document["accessors"][primitive["attributes"]["POSITION"]]["bufferView"]]
    points = np.frombuffer(data, "<f4", 18, 28 + size + view["byteOffset"]).reshape(6, 3)
    np.testing.assert_array_equal(points, (quads.vertices + UP).astype(np.float32))
    view = document["bufferViews"][document["accessors"][primitive["indices"]]["bufferView"]]
    faces = np.frombuffer(data, "<u4", 12, 28 + size + view["byteOffset"]).reshape(4, 3)
    np.testing.assert_array_equal(faces, quads.mesh.faces)
    np.testing.assert_array_equal(read_mesh(tmp_path / "out.glb").polygons.corners, faces.ravel())


def test_a_path_that_cannot_be_written_is_refused_before(tmp_path: Path) -> None:
    for name, error, words in [
        ("out.stl", UsageError, ".ply, .obj, .glb"),
        ("out", UsageError, ".ply"),
        ("no/such/out.ply", BadInputError, "does not exist"),
        ("folder.ply", BadInputError, "is a folder"),
    ]:
        (tmp_path / "folder.ply").mkdir(exist_ok=True)
        with pytest.raises(error, match=words):
            check_output(tmp_path / name)


def test_a_full_disk_leaves_the_earlier_file_whole(quads: MeshFile, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    write_mesh(tmp_path / "out.ply", quads)
    before = (tmp_path / "out.ply").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises((BadInputError, ResourcesError), match=r"out\.ply"):
            write_mesh(tmp_path / "out.ply", quads, LINEAR)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "out.ply").read_bytes() == before
    assert [path.name for path in tmp_path.glob(".out*")] == []
