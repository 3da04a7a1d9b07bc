"""Mesh files as they are read: every vertex in its order, every bad file refused by name.

The witnesses are independent of what is tested: Restyle reads STL, OFF and GLB with trimesh, so these are held against
files made by hand and a few naive lines; PLY, which goes through plyfile, is held against trimesh.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mesh_files import areas, read_text

from restyle.errors import BadInputError
from restyle.meshfile import READABLE, WRITABLE, read_mesh, write_mesh

CUBE = trimesh.creation.box()


def obj_vertices(path: Path) -> np.ndarray:
    """The `v` lines of a file, read as naively as possible."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return np.array([[float(word) for word in words[1:4]] for words in lines if words and words[0] == "v"])


# Real files


@pytest.mark.parametrize(
    ("name", "vertices", "faces"),
    [
        ("candle.obj", 16960, 33916),  # with vn lines
        ("horse.obj", 21867, 43730),
        ("spot.obj", 11533, 23062),
        ("nasty_degenerate_capsule.obj", 5252, 10200),  # with vt and vn
        ("nasty_groups.obj", 1156, 2308),  # v and vn in turns, groups
        ("nasty_joined_tetrahedra.obj", 5, 8),  # trimesh makes 15 of these 5
        ("nasty_spider.obj", 762, 1368),
    ],
)
def test_real_obj_keeps_the_files_vertices_in_order(data_dir: Path, name: str, vertices: int, faces: int) -> None:
    path = data_dir / "meshes" / name
    read = read_mesh(path)
    assert read.mesh.faces.shape == (faces, 3)
    np.testing.assert_array_equal(read.vertices, obj_vertices(path))
    np.testing.assert_array_equal(read.mesh.vertices, read.vertices)
    assert len(read.vertices) == vertices


@pytest.mark.parametrize("name", ["bunny_nonmanifold.ply", "nasty_many_parts.ply"])
def test_real_ply_agrees_with_trimesh(data_dir: Path, name: str) -> None:
    path = data_dir / "meshes" / name
    theirs = trimesh.load_mesh(path, process=False)
    ours = read_mesh(path)
    np.testing.assert_allclose(ours.vertices, theirs.vertices, atol=1e-12)
    np.testing.assert_array_equal(ours.mesh.faces, theirs.faces)


@pytest.mark.parametrize(
    "name", ["featuretype.stl", "nasty_large_coordinates.stl", "nasty_soup.stl", "nasty_two_bodies.stl"]
)
def test_real_stl_keeps_the_files_vertices_in_order(data_dir: Path, name: str) -> None:
    path = data_dir / "meshes" / name
    data = path.read_bytes()
    if b"endsolid" in data:
        expected = np.array(re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data), float)
    else:
        count = struct.unpack_from("<I", data, 80)[0]
        rows = [struct.unpack_from("<9f", data, 84 + 50 * row + 12) for row in range(count)]
        expected = np.array(rows).reshape(-1, 3)
    read = read_mesh(path)
    np.testing.assert_array_equal(read.vertices, expected)
    np.testing.assert_array_equal(read.polygons.corners, np.arange(len(expected)))


NASTY = {  # None: it ends in a mesh; otherwise the words that its error holds
    "nasty_9_parts_rabbit.obj": None,
    "nasty_concave_ngon.obj": None,
    "nasty_degenerate_capsule.obj": None,
    "nasty_empty.obj": "no vertices",
    "nasty_groups.obj": None,
    "nasty_joined_tetrahedra.obj": None,
    "nasty_large_coordinates.stl": None,
    "nasty_long_line_box.obj": None,
    "nasty_malformed.obj": "line 28: a face refers to vertex 0",
    "nasty_many_parts.ply": None,
    "nasty_number_formats.obj": "line 11: 'v 1e+2 2.e+1 3.1+e2' is not a vertex",
    "nasty_points_only.obj": "8 vertices but no faces",
    "nasty_polygons.obj": None,
    "nasty_quad_box.obj": None,
    "nasty_soup.stl": None,
    "nasty_spider.obj": None,
    "nasty_two_bodies.stl": None,
    "nasty_wireframe_only.obj": "8 vertices but no faces",
    "nasty_wuson.obj": None,
}


def test_every_nasty_file_has_its_verdict(data_dir: Path) -> None:
    assert {path.name for path in (data_dir / "meshes").glob("nasty_*")} == set(NASTY)


@pytest.mark.parametrize("name", sorted(NASTY))
def test_nasty_file_ends_in_a_mesh_or_in_a_named_reason(data_dir: Path, tmp_path: Path, name: str) -> None:
    path, words = data_dir / "meshes" / name, NASTY[name]
    if words is None:
        read = read_mesh(path)
        write_mesh(tmp_path / "out.ply", read, np.full((len(read.mesh.vertices), 3), 0.5))
        np.testing.assert_array_equal(read_mesh(tmp_path / "out.ply").vertices, read.vertices)
    else:
        with pytest.raises(BadInputError) as caught:
            read_mesh(path)
        assert name in caught.value.message
        assert words in caught.value.message


# Reading


def test_obj_spellings(tmp_path: Path) -> None:
    text = (
        "\ufeff# comment\r\n v 0 0 0 \r\nv\t1 0 0 1.0\nv 1 1 0 0.5 0.5 0.5\nv 0 1 0\nvt 0 0\nvn 0 0 1\nv 9 9 9\n"
        "g a\nf 1/1/1 2/1/1 3/1/1\no b\nf -5//1 -3//1 \\\n -2//1\nf 1 2\nl 1 2\nf 1/1 2/1 3/1 4/1\n"
    )
    read = read_text(tmp_path, "a.obj", text)
    np.testing.assert_array_equal(read.vertices, [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (9, 9, 9)])
    np.testing.assert_array_equal(read.mesh.faces, [(0, 1, 2), (0, 2, 3), (0, 1, 2), (0, 2, 3)])
    np.testing.assert_array_equal(read.polygons.sizes, [3, 3, 4])
    assert read.mesh.up == "y"


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("mixed", [False, True])
def test_ply_with_other_elements_and_mixed_polygons(tmp_path: Path, order: str, mixed: bool) -> None:
    vertices = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 2, 0)]
    faces = [(0, 1, 2, 3), (3, 2, 4)] if mixed else [(0, 1, 2), (3, 2, 4)]
    header = (
        f"ply\nformat {order} 1.0\nelement camera 1\nproperty float a\nproperty list uchar short b\n"
        "element vertex 5\nproperty uchar red\nproperty double x\nproperty float y\nproperty float z\n"
        "element face 2\nproperty short m\nproperty list uchar uint vertex_index\nproperty list uchar float texcoord\n"
        "end_header\n"
    )
    if order == "ascii":
        body = "1.5 2 7 8\n" + "".join(f"9 {x} {y} {z}\n" for x, y, z in vertices)
        body += "".join(f"1 {len(face)} {' '.join(map(str, face))} 2 0.1 0.2\n" for face in faces)
        content = (header + body).encode()
    else:
        sign = "<" if "little" in order else ">"
        content = header.encode() + struct.pack(sign + "fBhh", 1.5, 2, 7, 8)
        content += b"".join(struct.pack(sign + "Bdff", 9, *vertex) for vertex in vertices)
        for face in faces:
            content += struct.pack(f"{sign}hB{len(face)}IBff", 1, len(face), *face, 2, 0.1, 0.2)
    read = read_text(tmp_path, "a.ply", content)
    np.testing.assert_array_equal(read.vertices, vertices)
    np.testing.assert_array_equal(read.polygons.corners, [corner for face in faces for corner in face])
    assert len(read.mesh.faces) == (3 if mixed else 2)


def test_off_counts_on_either_line_and_colours_behind_faces(tmp_path: Path) -> None:
    body = "4 1 0\n0 0 0\n1 0 0  # corner\n1 1 0\n0 1 0\n4 0 1 2 3  255 0 0\n"
    for text in ("OFF\n" + body, "# made by hand\nOFF " + body):
        read = read_text(tmp_path, "a.off", text)
        assert read.vertices.shape == (4, 3)
        np.testing.assert_array_equal(read.vertices, [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
        np.testing.assert_array_equal(read.mesh.faces, [(0, 1, 2), (2, 3, 0)])


def test_off_of_mixed_polygons_keeps_the_vertices(tmp_path: Path) -> None:
    text = "OFF 6 3 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n.5 2 0\n9 9 9\n4 0 1 2 3\n2 0 1\n3 3 2 4\n"
    read = read_text(tmp_path, "a.off", text)
    np.testing.assert_array_equal(read.vertices[3:], [(0, 1, 0), (0.5, 2, 0), (9, 9, 9)])
    assert {frozenset(face) for face in read.mesh.faces.tolist()} == {
        frozenset(face) for face in [(0, 1, 2), (0, 2, 3), (2, 3, 4)]
    }


def stl_bytes(form: str) -> bytes:
    """The cube; in the text form as two solids."""
    triangles = CUBE.triangles.astype(np.float32)
    if form == "binary":
        rows = [struct.pack("<12fH", 0, 0, 0, *triangle.ravel(), 7) for triangle in triangles]
        return b"solid as some begin".ljust(80) + struct.pack("<I", len(rows)) + b"".join(rows)
    lines = []
    for triangle in triangles:
        corners = "".join(f"vertex {x!r} {y!r} {z!r}\n" for x, y, z in triangle.tolist())
        lines.append(f"facet normal 0 0 1\nouter loop\n{corners}endloop\nendfacet\n")
    halves = "".join(lines[:6]), "".join(lines[6:])
    return f"solid z\n{halves[0]}endsolid z\nsolid a\n{halves[1]}endsolid a\n".encode()


@pytest.mark.parametrize("form", ["binary", "text"])
def test_stl_is_welded_for_the_job_and_spread_back(tmp_path: Path, form: str) -> None:
    read = read_text(tmp_path, "a.stl", stl_bytes(form))
    assert read.vertices.shape == (36, 3)
    assert read.mesh.vertices.shape == (8, 3)
    assert read.mesh.up == "z"
    np.testing.assert_array_equal(read.mesh.vertices[read.mesh_vertex], read.vertices)
    np.testing.assert_allclose(read.vertices, CUBE.triangles.reshape(-1, 3), atol=1e-6)
    # A displaced cube stays closed: the copies of a corner go where the corner goes.
    write_mesh(tmp_path / "out.ply", read, vertices=read.mesh.vertices * 1.5)
    np.testing.assert_array_equal(read_mesh(tmp_path / "out.ply").vertices, read.vertices * 1.5)


TETRAHEDRON = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], "<f4")
TETRAHEDRON_FACES = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)], "<u2")


def tetrahedra(nodes: list[dict[str, object]], **changes: object) -> bytes:
    """A GLB file of `nodes`; mesh 0 is a tetrahedron, mesh 1 two of them, a line, and points."""
    shape = {"attributes": {"POSITION": 0, "NORMAL": 2, "COLOR_0": 77}, "indices": 1, "material": 55}
    document = {
        "nodes": nodes,
        "meshes": [
            {"primitives": [shape]},
            {"primitives": [shape, {**shape, "mode": 1}, {**shape, "mode": 0}, shape]},
            {"primitives": [{**shape, "mode": 1}]},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
            {"componentType": 5126, "count": 4, "type": "VEC3", "sparse": {}},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 24},
            {"buffer": 0, "byteOffset": 10**9, "byteLength": 10**12},
        ],
        "buffers": [{"byteLength": 72}],
    } | changes
    return glb_bytes(document, TETRAHEDRON.tobytes() + TETRAHEDRON_FACES.tobytes())


def test_glb_nodes_are_placed_in_the_files_order_whatever_stands_beside_them(tmp_path: Path) -> None:
    mirror = np.diag([-2.0, 1, 1, 1])
    mirror[:3, 3] = 1, 2, 3
    nodes: list[dict[str, object]] = [
        {"name": "world", "mesh": 0, "children": [1, 3], "camera": 0, "extras": {"name": 3}},
        {"name": "twin", "mesh": 1, "matrix": mirror.T.ravel().tolist()},
        {"name": "twin", "mesh": 0, "translation": [5, 0, 0]},
        {"mesh": 2, "children": [4], "scale": [1, 1, 3]},
        {"name": "twin", "mesh": 0},
    ]
    read = read_text(tmp_path, "a.glb", tetrahedra(nodes, scenes=[{"nodes": [0, 2]}], cameras=[{}]))
    mirrored = TETRAHEDRON * (-2, 1, 1) + (1, 2, 3)
    expected = [TETRAHEDRON, mirrored, mirrored, TETRAHEDRON + np.array((5, 0, 0)), TETRAHEDRON * (1, 1, 3)]
    np.testing.assert_allclose(read.vertices, np.concatenate(expected), atol=1e-6)
    corners = read.vertices[read.polygons.corners].reshape(-1, 4, 3, 3)
    volumes = np.linalg.det(corners).sum(axis=1)
    # A surface turned inside out by the mirroring would count negatively.
    np.testing.assert_allclose(volumes, [1, 2, 2, 1, 3], rtol=1e-5)


def test_glb_without_a_scene_shows_all_its_nodes(tmp_path: Path) -> None:
    read = read_text(tmp_path, "a.glb", tetrahedra([{"mesh": 0}, {"children": [0]}, {"mesh": 0}]))
    assert read.vertices.shape == (8, 3)


def test_glb_translation_rotation_scale_strips_and_short_indices(tmp_path: Path) -> None:
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)], "<f4")
    half = float(np.sqrt(0.5))
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [5, 0, 0]},
                  {"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 1, 1]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 5}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
                      {"bufferView": 1, "componentType": 5121, "count": 4, "type": "SCALAR"}],
        "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 4}],
        "buffers": [{"byteLength": 52}],
    }  # fmt: skip
    read = read_text(tmp_path, "a.glb", glb_bytes(document, points.tobytes() + bytes([0, 1, 2, 3])))
    np.testing.assert_allclose(read.vertices, [(5, 0, 0), (5, 2, 0), (4, 0, 0), (4, 2, 0)], atol=1e-6)
    np.testing.assert_array_equal(areas(read.mesh.vertices, read.mesh.faces), [(0, 0, 1), (0, 0, 1)])


def glb_bytes(document: object, binary: bytes = b"") -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


# Bad input

PLY_HEAD = "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\n"
PLY_TAIL = "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
BAD = [
    ("prose.obj", "Dear reader,\nverily this is a letter.\n", "no vertices"),
    ("binary.obj", bytes(range(256)) * 4, "no vertices"),
    ("nan.obj", "v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n", r"vertices\[1\]"),
    ("infinite.obj", "v 0 0 0\nv 1 0 0\nv 0 1e999 0\nf 1 2 3\n", r"vertices\[2\]"),
    ("huge.obj", "v -1e308 0 0\nv 1e308 0 0\nv 0 1e308 0\nf 1 2 3\n", "extent"),
    ("point.obj", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "extent"),
    ("range.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\n\nf 1 2 4\n", "line 5: a face refers to vertex 4"),
    ("back.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -9\n", "line 4"),
    ("far.obj", f"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 {10**30}\n", f"line 4: a face refers to vertex {10**30}"),
    ("below.obj", f"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -{10**30}\n", f"line 4: a face refers to vertex -{10**30}"),
    ("word.obj", "v 0 0 0\nf 1 two 3\n", "line 2"),
    ("two.obj", "v 0 0\n", "line 1: 'v 0 0'"),
    ("claims.ply", PLY_HEAD.format(2_000_000_000) + PLY_TAIL, "claims 2,000,000,000 x vertex"),
    ("short.ply", PLY_HEAD.format(4_000_000) + PLY_TAIL + "abc", "cut short"),
    ("negative.ply", PLY_HEAD.format(-3) + PLY_TAIL, "claims -3 x vertex"),
    ("twice.ply", PLY_HEAD.format(1) + "property float y\n" + PLY_TAIL + " " * 64, "two properties"),
    ("flat.ply", PLY_HEAD.format(1) + PLY_TAIL.replace("float z", "float w") + " " * 600, "no z"),
    ("headless.ply", "ply\nformat ascii 1.0\n", "no PLY header"),
    ("format.ply", "ply\nelement vertex 1\nproperty float x\nend_header\n0\n", "format"),
    ("words.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\nbig\n", "vertex.* malformed"),
    ("claims.off", "OFF\n2000000000 1 0\n", "claims 2,000,000,000 vertices"),
    ("short.off", "OFF\n3 1 0\n0 0 0\n", "cut short"),
    ("word.off", "OFF\n1 1 0\n0 0 zero\n3 0 0 0\n", "zero"),
    ("range.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "outside the range"),
    ("less.off", "OFF\n3 -1 0\n0 0 0\n1 0 0\n0 1 0\n", "claims 3 vertices and -1 faces"),
    ("counts.off", "OFF\n", "cannot be understood"),
    ("face.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "claims 3 corners"),
    ("prose.off", "Dear reader,", "does not begin with OFF"),
    ("prose.stl", "Dear reader,", "no STL file"),
    ("claims.stl", b"\0" * 80 + struct.pack("<I", 2_000_000_000), "claims 2,000,000,000 triangles"),
    ("cut.stl", stl_bytes("binary")[:-30], "12 triangles"),
    ("half.stl", stl_bytes("text")[:-30], "not complete"),
    ("short.stl", "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\n", "not complete"),
    ("word.stl", "solid a\nvertex 0 0 0\nvertex 1 0 0\nvertex a b c\nendsolid a\n", "could not be read"),
    ("none.stl", b"\0" * 84, "no vertices"),
    ("prose.glb", "Dear reader, this is a letter.", "does not begin with glTF"),
    ("old.glb", struct.pack("<4sIIII", b"glTF", 1, 20, 0, 0), "version 1"),
    ("short.glb", struct.pack("<4sIIII", b"glTF", 2, 900, 0, 0), "cut short"),
    ("list.glb", glb_bytes([1, 2]), "cannot be understood"),
    ("cycle.glb", glb_bytes({"nodes": [{"children": [0]}], "scenes": [{"nodes": [0]}]}), "tree"),
    ("empty.glb", glb_bytes({}), "no vertices"),
]


def accessor(**changes: object) -> dict[str, object]:
    """A scene whose only mesh has an accessor with `changes`."""
    positions = {"bufferView": 0, "componentType": 5126, "count": 1, "type": "VEC3"} | changes
    return {
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [positions],
        "bufferViews": [{"buffer": 0, "byteLength": 12}],
        "buffers": [{"byteLength": 12}],
    }


BAD += [
    ("count.glb", glb_bytes(accessor(count=2_000_000_000), b"\0" * 12), "claims 2,000,000,000 values"),
    ("none.glb", glb_bytes(accessor(bufferView=7), b"\0" * 12), "IndexError"),
    ("offset.glb", glb_bytes(accessor(byteOffset=-8), b"\0" * 12), "cannot be understood"),
    ("type.glb", glb_bytes(accessor(type="MAT4"), b"\0" * 12), "is MAT4"),
    ("sparse.glb", glb_bytes(accessor(sparse={}), b"\0" * 12), "sparse"),
    ("normalized.glb", glb_bytes(accessor(normalized=True), b"\0" * 12), "normalized"),
    ("fan.glb", glb_bytes({"meshes": [{"primitives": [{"attributes": {}, "mode": 6}]}]}), "fans"),
    ("beside.glb", tetrahedra([{"mesh": 0}], buffers=[{"uri": "other.bin", "byteLength": 72}]), "other files"),
    ("deep.glb", tetrahedra([{"children": [at + 1]} for at in range(5000)] + [{"mesh": 0}]), "too deep"),
    ("shared.glb", tetrahedra([{"children": [1, 2]}, {"children": [2]}, {"mesh": 0}]), "node 2 is reached twice"),
    ("instances.glb", glb_bytes(accessor(count=100_000) | {"nodes": [{"mesh": 0}] * 51}, b"\0" * 300_000), "5,000,000"),
    ("draco.glb", glb_bytes({**accessor(sparse={}), "extensionsRequired": ["KHR_draco"]}), "KHR_draco"),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_file_is_refused_by_name_and_reason(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        read_text(tmp_path, name, content)
    assert name in caught.value.message


def test_folder_missing_file_and_unknown_ending(tmp_path: Path) -> None:
    (tmp_path / "folder.obj").mkdir()
    for name, words in [("folder.obj", "folder"), ("missing.ply", "no such file"), ("a.blend", r"\.obj, \.ply")]:
        with pytest.raises(BadInputError, match=words) as caught:
            read_mesh(tmp_path / name)
        assert name in caught.value.message


@pytest.mark.parametrize("ending", sorted(READABLE))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_never_crash(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    whole = CUBE.export(file_type=ending[1:])
    damaged = bytearray(whole.encode() if isinstance(whole, str) else whole)
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))]
    with contextlib.suppress(BadInputError):
        read = read_text(tmp_path, f"damaged{ending}", bytes(damaged))
        assert 0 <= read.mesh.faces.min() <= read.mesh.faces.max() < len(read.mesh.vertices)


def test_writable_formats_are_readable() -> None:
    assert set(WRITABLE) <= set(READABLE)
