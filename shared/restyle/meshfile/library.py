"""STL, OFF and GLB through trimesh: vertices and triangles in; GLB also with texture coordinates, and with colours out.

Before trimesh decodes a file, a few lines look at what it claims, since trimesh allocates what is claimed, passes over
what is cut short, and puts zeros for what it cannot decode. OFF polygons come as trimesh cuts them: into fans.
"""

from __future__ import annotations

import io
import json
import struct
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MAX_DEPTH = 200  # trimesh's time to place a node grows with the square of its depth
_MAX_VIEW_BYTES = 1 << 30
# trimesh hands on attributes of names that begin so as they are.
_UV = "_TEXCOORD_0"
_FLOAT = 5126
_SHAPES = {"POSITION": ("VEC3", 3), "indices": ("SCALAR", 1), _UV: ("VEC2", 2)}
_NODE_KEYS = ("mesh", "children", "matrix", "translation", "rotation", "scale")
_EMPTY_ACCESSOR = {"componentType": 5121, "type": "SCALAR", "count": 0}
_EMPTY_VIEW = {"buffer": 0, "byteLength": 0}


@contextmanager
def reasons_named() -> Iterator[None]:
    """Turn whatever a library's parser raises into a BadInputError with its words."""
    try:
        # numpy 1 only warns where numpy 2 raises, and drops the rest of the text.
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="string or file could not be read")
            yield
    except (BadInputError, OSError):
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[:200]
        raise BadInputError(
            f"it cannot be understood ({words}). It may be damaged; export or copy it again."
        ) from error


def read_stl(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (3 F, 3) and triangles of an STL file, binary or text; BadInputError says what is wrong."""
    data = path.read_bytes()
    claimed = int.from_bytes(data[80:84], "little")
    # Binary files may begin with the word "solid" too: what tells them apart is whether the length fits.
    if len(data) < 84 or len(data) != 84 + 50 * claimed:
        if data[:512].lstrip()[:5].lower() != b"solid" or b"\0" in data[:512]:
            raise BadInputError(
                f"its header claims {claimed:,} triangles, for which its {len(data):,} bytes are too few or too many. "
                "It was cut short, or is no STL file; export or copy it again."
            )
        if not data[-200:].rstrip().splitlines()[-1].strip().lower().startswith(b"endsolid"):
            raise BadInputError("its last solid is not complete. It was cut short; export or copy it again.")
    from trimesh.exchange.stl import load_stl

    with reasons_named():
        # Not through load_scene, which merges the vertices of text files with several solids.
        loaded = load_stl(io.BytesIO(data))
        solids = loaded["geometry"].values() if "geometry" in loaded else [loaded]
        points = np.concatenate([np.empty((0, 3)), *(solid["vertices"] for solid in solids)])
    return points, Polygons(np.arange(len(points)), np.full(len(points) // 3, 3, np.int64))


def read_off(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and triangles of an OFF text file; BadInputError says what is wrong."""
    data = path.read_bytes()
    lines = [words for line in data.splitlines() if (words := line.split(b"#", 1)[0].split())]
    head = [word for words in lines[:2] for word in words]
    if not head or not head[0].endswith(b"OFF"):
        raise BadInputError("it does not begin with OFF; is it an OFF text file at all?")
    with reasons_named():
        vertices, faces = int(head[1]), int(head[2])
        # The counts may follow the word on its own line or stand on the next.
        rows = lines[1 if len(lines[0]) > 1 else 2 :]
        if min(vertices, faces) < 0 or vertices + faces > len(rows):
            raise BadInputError(
                f"it claims {vertices:,} vertices and {faces:,} faces, but {len(rows):,} lines follow. "
                "It was cut short; export or copy it again."
            )
        for row in rows[vertices : vertices + faces]:
            if int(row[0]) >= len(row):
                raise BadInputError(f"a face claims {int(row[0]):,} corners, but its line has {len(row) - 1}.")
        # Without comments and empty lines, at which trimesh joins lines.
        return _load(b"\n".join(map(b" ".join, lines)), "off")


def read_glb(path: Path) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) in the scene's coordinates and triangles of a binary glTF 2.0 file, in its nodes' order.

    Raises BadInputError that says what is wrong.
    """
    data = path.read_bytes()
    if data[:4] != b"glTF" or len(data) < 20:
        raise BadInputError("it does not begin with glTF; is it a GLB file at all?")
    version, length, size = struct.unpack_from("<III", data, 4)
    if version != 2:
        raise BadInputError(f"it is glTF version {version}; only version 2 is read. Export it again.")
    if length > len(data):
        raise BadInputError(
            f"its header claims {length:,} bytes, but the file has {len(data):,}. It was cut short; copy it again."
        )
    with reasons_named():
        document = _geometry_of(json.loads(data[20 : 20 + size]), len(data))
        text = json.dumps(document).encode()
        head = data[:8] + struct.pack("<II", len(text) + length - size, len(text)) + data[16:20]
        return _load(head + text + data[20 + size : length], "glb")


def _load(data: bytes, file_type: str) -> tuple[NDArray[np.float64], Polygons]:
    import trimesh

    # From bytes, not from a path, so that a file cannot make trimesh open others beside it.
    scene = trimesh.load_scene(io.BytesIO(data), file_type=file_type, process=False)
    frames = list(scene.graph.nodes_geometry)
    if file_type == "glb":
        frames.sort(key=lambda frame: int(frame.split("_")[0]))  # trimesh walks from the last node to the first
    vertices, faces, count = [np.empty((0, 3))], [np.empty((0, 3), np.int64)], 0
    uv, mapped = [np.empty((0, 3, 2))], False
    for frame in frames:
        matrix, name = scene.graph[frame]
        part = scene.geometry[name]
        corners = np.asarray(part.faces, np.int64).reshape(-1, 3)
        Polygons(corners.ravel(), np.full(len(corners), 3)).require_in_range(len(part.vertices))
        # Overflow shows as coordinates that are not finite, which are refused by name.
        with np.errstate(over="ignore", invalid="ignore"):
            vertices.append(trimesh.transform_points(part.vertices, matrix))
            mirrored = np.linalg.det(matrix[:3, :3]) < 0  # which turns the surface inside out (glTF 2.0, 3.7.4)
        corners = corners[:, ::-1] if mirrored else corners
        faces.append(corners + count)
        count += len(part.vertices)
        coordinates = part.vertex_attributes.get(_UV)
        mapped |= coordinates is not None
        # glTF counts the second coordinate downwards (3.8.4.2).
        flip = np.zeros((*corners.shape, 2)) if coordinates is None else coordinates[corners] * (1, -1) + (0, 1)
        uv.append(flip)
    triangles = np.concatenate(faces)
    coordinates = np.concatenate(uv).reshape(-1, 2) if mapped else None
    return np.concatenate(vertices), Polygons(triangles.ravel(), np.full(len(triangles), 3, np.int64), coordinates)


def _geometry_of(document: dict[str, Any], size: int) -> dict[str, Any]:
    """The part of a glTF document that places triangles, with nodes named by their index; `size` bytes hold it all."""
    if any("uri" in buffer for buffer in document.get("buffers", [])):
        raise BadInputError("its numbers are in other files. Export one binary .glb.")
    accessors = document.get("accessors", [])
    meshes = [{"primitives": _surfaces(mesh["primitives"], accessors)} for mesh in document.get("meshes", [])]
    drawn = [index for index, mesh in enumerate(meshes) if mesh["primitives"]]
    nodes = []
    for index, node in enumerate(document.get("nodes", [])):
        kept = {key: node[key] for key in _NODE_KEYS if key in node}
        if kept.get("mesh") not in drawn:
            kept.pop("mesh", None)
        nodes.append({"name": str(index)} | kept)
    _require_tree(nodes)
    used = _used_accessors(document, meshes, nodes, size)
    viewed = {accessors[index]["bufferView"] for index in used}
    views = [view if index in viewed else _EMPTY_VIEW for index, view in enumerate(document.get("bufferViews", []))]
    if sum(view["byteLength"] for view in views) > _MAX_VIEW_BYTES:
        raise BadInputError(f"its parts claim more than {_MAX_VIEW_BYTES:,} bytes in all. Decimate a copy first.")
    return {
        "asset": {"version": "2.0"},
        "scene": document.get("scene", 0),
        "scenes": document.get("scenes") or [{"nodes": _roots(nodes)}],
        "nodes": nodes,
        "meshes": meshes,
        "accessors": [each if index in used else _EMPTY_ACCESSOR for index, each in enumerate(accessors)],
        "bufferViews": views,
        "buffers": document.get("buffers", []),
    }


def _surfaces(primitives: list[dict[str, Any]], accessors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The primitives that are no points or lines, without what is neither their shape nor their UV map."""
    if any(primitive.get("mode") == _FAN for primitive in primitives):
        raise BadInputError("it has triangle fans, which are not read. Export it with plain triangles.")
    return [
        {"attributes": {"POSITION": primitive["attributes"]["POSITION"]} | _uv_map(primitive["attributes"], accessors)}
        | {key: primitive[key] for key in ("indices", "mode") if key in primitive}
        for primitive in primitives
        if primitive.get("mode", _TRIANGLES) in (_TRIANGLES, _STRIP)
    ]


def _uv_map(attributes: dict[str, Any], accessors: list[dict[str, Any]]) -> dict[str, Any]:
    """The first UV map, if it is stored as plain floats, one pair per vertex."""
    if (index := attributes.get("TEXCOORD_0")) is None:
        return {}
    accessor, points = accessors[index], accessors[attributes["POSITION"]]
    plain = accessor.get("componentType") == _FLOAT and accessor.get("type") == "VEC2" and "sparse" not in accessor
    return {_UV: index} if plain and "bufferView" in accessor and accessor["count"] == points["count"] else {}


def _used_accessors(
    document: dict[str, Any], meshes: list[dict[str, Any]], nodes: list[dict[str, Any]], size: int
) -> set[int]:
    """The indices of the accessors that the meshes refer to, which must be stored plainly and not claim too much."""
    uses = Counter(node["mesh"] for node in nodes if "mesh" in node)
    totals = Counter[str]()
    used = set[int]()
    for number, mesh in enumerate(meshes):
        for primitive in mesh["primitives"]:
            for name, index in (primitive["attributes"] | {"indices": primitive.get("indices")}).items():
                if index is None:
                    continue
                accessor = document["accessors"][index]
                if "bufferView" not in accessor or "sparse" in accessor or accessor.get("normalized"):
                    how = ", ".join(document.get("extensionsRequired", [])) or "sparse, missing or normalized data"
                    raise BadInputError(f"it stores its geometry with {how}, which is not read. Export it plainly.")
                kind, columns = _SHAPES[name]
                if accessor["type"] != kind:
                    raise BadInputError(f"accessor {index} is {accessor['type']}, which is not what geometry needs.")
                if not 0 <= accessor["count"] * columns <= size:
                    raise BadInputError(
                        f"accessor {index} claims {accessor['count']:,} values, more than its {size:,} bytes hold. "
                        "It was cut short; export or copy it again."
                    )
                used.add(index)
                totals[name] += accessor["count"] * max(1, uses[number])
    # Instances repeat a part without taking any bytes of the file.
    if totals["POSITION"] > MAX_VERTICES or totals["indices"] > 3 * MAX_FACES:
        raise BadInputError(f"its parts have more than {MAX_VERTICES:,} vertices or {MAX_FACES:,} faces in all.")
    return used


def _roots(nodes: list[dict[str, Any]]) -> list[int]:
    """The nodes that are nobody's child."""
    return sorted(set(range(len(nodes))) - {child for node in nodes for child in node.get("children", [])})


def _require_tree(nodes: list[dict[str, Any]]) -> None:
    """Raise BadInputError for nodes that are reached twice, or deeper than trimesh can place in good time."""
    parents = dict[int, int]()
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            if parents.setdefault(child, index) != index:
                raise BadInputError(f"its nodes do not form a tree: node {child} is reached twice.")
    for index in range(len(nodes)):
        at, depth = index, 0
        while at in parents:
            at, depth = parents[at], depth + 1
            if depth > _MAX_DEPTH:
                raise BadInputError(f"its nodes do not form a tree: node {index} is its own child, or too deep.")


def write_glb(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int32],
    colors: NDArray[np.float64] | None,
    uv: NDArray[np.float64] | None = None,
) -> bytes:
    """A GLB file with one mesh: vertices (V, 3), faces (F, 3), colors (V, 3) linear in [0, 1] as COLOR_0 floats.

    uv: (F, 3, 2); a vertex with several texture coordinates gets copies, which follow after all vertices.
    """
    import trimesh

    attributes: dict[str, Any] = {}
    triangles: NDArray[Any] = faces
    if uv is not None:
        vertex, triangles, coordinates = _split_at_seams(faces, uv, len(vertices))
        vertices, colors = vertices[vertex], None if colors is None else colors[vertex]
        attributes[_UV] = (coordinates * (1, -1) + (0, 1)).astype("<f4")
    if colors is not None:
        # Of its own, trimesh stores colours in 8 bits; glTF's are linear, so that dark tones would show steps.
        attributes["_COLOR_0"] = colors.astype("<f4")
    mesh = trimesh.Trimesh(vertices, triangles, process=False, vertex_attributes=attributes)
    scene: Any = trimesh.Scene(mesh)  # its export has no types
    return bytes(scene.export(file_type="glb", include_normals=False, tree_postprocessor=_finish))


def write_textured_glb(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int32],
    uv: NDArray[np.float64],
    color: NDArray[np.uint8],
    normals: NDArray[np.uint8] | None,
) -> bytes:
    """A GLB file with one smooth mesh in textures: vertices (V, 3), faces (F, 3), uv (F, 3, 2).

    color, normals: (H, W, 3), the base colour in sRGB and the tangent-space normal map (+Y up, as in glTF), if any.
    """
    import trimesh
    from PIL import Image

    vertex, triangles, coordinates = _split_at_seams(faces, uv, len(vertices))
    # Of the whole surface: normals of the split one would show its seams.
    smooth = trimesh.Trimesh(vertices, faces, process=False).vertex_normals[vertex]
    visuals: Any = trimesh.visual  # without types
    material = visuals.material.PBRMaterial(
        baseColorTexture=Image.fromarray(color),
        normalTexture=None if normals is None else Image.fromarray(normals),
        metallicFactor=0.0,
        roughnessFactor=1.0,
        doubleSided=True,
    )
    visual = visuals.TextureVisuals(coordinates, material=material)
    mesh = trimesh.Trimesh(vertices[vertex], triangles, vertex_normals=smooth, visual=visual, process=False)
    scene: Any = trimesh.Scene(mesh)
    return bytes(scene.export(file_type="glb", include_normals=True))


def _split_at_seams(
    faces: NDArray[np.int32], uv: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """One vertex per texture coordinate: the vertex that each is (N,), faces (F, 3), and coordinates (N, 2)."""
    rows = np.concatenate([faces.reshape(-1, 1), uv.reshape(-1, 2)], axis=1)
    pairs, first, index = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    of_vertex = pairs[:, 0].astype(np.int64)
    # The first pair of each vertex takes the vertex's own place, those without a face stay, the others follow.
    own = np.unique(of_vertex, return_index=True)[1]
    place = np.full(len(pairs), -1)
    place[own] = of_vertex[own]
    others = np.flatnonzero(place < 0)
    place[others] = count + np.arange(len(others))
    vertex = np.concatenate([np.arange(count), of_vertex[others]])
    coordinates = np.zeros((len(vertex), 2))
    coordinates[place] = uv.reshape(-1, 2)[first]
    return vertex, place[index.reshape(-1)].reshape(-1, 3), coordinates


def _finish(tree: dict[str, Any]) -> None:
    """Give colours and UV map the names that viewers know, and the mesh a matt material that shows them."""
    primitive = tree["meshes"][0]["primitives"][0]
    attributes = primitive["attributes"]
    primitive["attributes"] = {name.removeprefix("_"): index for name, index in attributes.items()}
    tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 1}, "doubleSided": True}]
    primitive["material"] = 0
