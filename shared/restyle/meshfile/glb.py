"""Binary glTF 2.0: every mesh of the scene, in place, in; vertices with colours and triangles out.

A reader of our own, since trimesh walks the nodes of a scene from the last to the first, so that the file's order of
vertices is lost, and allocates what a file claims before it looks. A writer of our own, since trimesh stores colours
in 8 bits, and glTF's colours are linear: dark tones would show steps.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons

_MAGIC, _JSON, _BIN = b"glTF", b"JSON", b"BIN\0"
_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MAX_DEPTH = 200


def read(data: bytes) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) in the scene's coordinates and triangles; BadInputError says what is wrong."""
    try:
        return _Scene(data).read()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        # The JSON part may hold anything anywhere: what does not fit surfaces as one of these.
        raise BadInputError(f"its description of the scene is broken ({type(error).__name__}: {error}).") from error


class _Scene:
    """The two chunks of a file and what was gathered from them."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != _MAGIC or len(data) < 20:
            raise BadInputError("it does not begin with glTF; is it a GLB file at all?")
        version, length = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8))
        if version != 2:
            raise BadInputError(f"it is glTF version {version}; only version 2 is read. Export it again.")
        if length > len(data):
            raise BadInputError(
                f"its header claims {length:,} bytes, but the file has {len(data):,}. It was cut short; copy it again."
            )
        chunks, at = dict[bytes, bytes](), 12
        while at + 8 <= length:
            size = int.from_bytes(data[at : at + 4], "little")
            chunks.setdefault(data[at + 4 : at + 8], data[at + 8 : min(at + 8 + size, length)])
            at += 8 + size
        self.json: dict[str, Any] = json.loads(chunks[_JSON])
        self.binary = chunks.get(_BIN, b"")
        self.vertices: list[NDArray[np.float64]] = []
        self.faces: list[NDArray[np.int64]] = []
        self.vertex_count = self.face_count = 0

    def read(self) -> tuple[NDArray[np.float64], Polygons]:
        """Walk the scene from its roots, first child first."""
        scenes, nodes = self.json.get("scenes", []), self.json.get("nodes", [])
        roots = scenes[self.json.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
        stack = [(int(root), np.eye(4), 0) for root in reversed(list(roots))]
        seen = set[int]()
        while stack:
            index, parent, depth = stack.pop()
            if index in seen or depth > _MAX_DEPTH:
                raise BadInputError(f"its nodes do not form a tree: node {index} is reached twice or too deep.")
            seen.add(index)
            node = nodes[index]
            matrix = parent @ _local_matrix(node)
            if "mesh" in node:
                for primitive in self.json["meshes"][node["mesh"]]["primitives"]:
                    self._add(primitive, matrix)
            stack += [(int(child), matrix, depth + 1) for child in reversed(node.get("children", []))]
        vertices = np.concatenate([np.empty((0, 3)), *self.vertices])
        faces = np.concatenate([np.empty((0, 3), np.int64), *self.faces])
        return vertices, Polygons(faces.ravel(), np.full(len(faces), 3, np.int64))

    def _add(self, primitive: dict[str, Any], matrix: NDArray[np.float64]) -> None:
        mode = primitive.get("mode", _TRIANGLES)
        if mode not in (_TRIANGLES, _STRIP, _FAN):
            return
        points = self._accessor(primitive["attributes"]["POSITION"], 3).astype(np.float64)
        if "indices" in primitive:
            corners = self._accessor(primitive["indices"], 1).astype(np.int64).ravel()
        else:
            corners = np.arange(len(points))
        if corners.size and corners.max() >= len(points):
            raise BadInputError(f"a face refers to vertex {corners.max()}, but its part has {len(points):,} vertices.")
        faces = _triangles(corners, mode)
        if np.linalg.det(matrix[:3, :3]) < 0:
            faces = faces[:, ::-1]  # a mirroring turns the surface inside out (glTF 2.0, 3.7.4)
        self.vertices.append(points @ matrix[:3, :3].T + matrix[:3, 3])
        self.faces.append(faces + self.vertex_count)
        self.vertex_count += len(points)
        self.face_count += len(faces)
        # Instances repeat a part without taking any bytes of the file.
        if self.vertex_count > MAX_VERTICES or self.face_count > MAX_FACES:
            raise BadInputError(f"its parts have more than {MAX_VERTICES:,} vertices or {MAX_FACES:,} faces in all.")

    def _accessor(self, index: int, columns: int) -> NDArray[Any]:
        """The numbers (n, columns) of an accessor, which must lie within the file."""
        accessor = self.json["accessors"][index]
        if "bufferView" not in accessor or "sparse" in accessor:
            used = ", ".join(self.json.get("extensionsRequired", [])) or "sparse or missing data"
            raise BadInputError(f"it stores its geometry with {used}, which is not read. Export without compression.")
        view = self.json["bufferViews"][accessor["bufferView"]]
        if "uri" in self.json["buffers"][view["buffer"]] or view["buffer"] != 0:
            raise BadInputError("its numbers are in other files. Export one binary .glb.")
        dtype = np.dtype(_COMPONENTS[accessor["componentType"]])
        count, stride = int(accessor["count"]), int(view.get("byteStride", columns * dtype.itemsize))
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        end = start + (count - 1) * stride + columns * dtype.itemsize
        if {1: "SCALAR", 3: "VEC3"}[columns] != accessor["type"] or min(count, start, stride) < 0:
            raise BadInputError(f"accessor {index} is not what the geometry needs.")
        if count == 0:
            return np.empty((0, columns), dtype)
        if end > len(self.binary):
            raise BadInputError(
                f"accessor {index} claims {count:,} values up to byte {end:,} of {len(self.binary):,}. "
                "It was cut short; export or copy it again."
            )
        values: NDArray[Any] = np.ndarray((count, columns), dtype, self.binary, start, (stride, dtype.itemsize))
        if accessor.get("normalized") and dtype.kind != "f":
            return np.maximum(values / np.iinfo(dtype).max, -1.0)
        return values


def _local_matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 4) from the node's matrix (column-major) or its translation, rotation (x, y, z, w) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = (float(part) for part in node.get("rotation", (0, 0, 0, 1)))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = np.array(node.get("translation", (0, 0, 0)), np.float64)
    return matrix


def _triangles(corners: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    if mode == _TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    count = max(len(corners) - 2, 0)
    at = np.arange(count)[:, None]
    if mode == _FAN:
        return np.concatenate([np.broadcast_to(corners[:1], (count, 1)), corners[at + np.array((1, 2))]], axis=1)
    # Every second triangle of a strip is wound the other way (glTF 2.0, 3.7.2.1).
    return corners[at + np.where(at % 2, (0, 2, 1), (0, 1, 2))]


def write(vertices: NDArray[np.float64], faces: NDArray[np.int32], colors: NDArray[np.float64] | None) -> bytes:
    """A GLB file with one mesh: vertices (V, 3), faces (F, 3), colors (V, 3) linear in [0, 1] as COLOR_0."""
    points = vertices.astype("<f4")
    parts = {"POSITION": points, "indices": faces.astype("<u4").ravel()}
    if colors is not None:
        parts["COLOR_0"] = colors.astype("<f4")
    views: list[dict[str, int]] = []
    accessors: list[dict[str, Any]] = []
    offset = 0
    for name, array in parts.items():
        is_index = name == "indices"
        # 34963 and 34962: element array buffer and array buffer, as in WebGL.
        target = 34963 if is_index else 34962
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": target})
        kind = {"componentType": 5125 if is_index else 5126, "type": "SCALAR" if is_index else "VEC3"}
        accessors.append({"bufferView": len(accessors), "count": len(array), **kind})
        offset += array.nbytes
    accessors[0] |= {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    attributes = {name: at for at, name in enumerate(parts) if name != "indices"}
    material = {"pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 1}, "doubleSided": True}
    document = {
        "asset": {"version": "2.0", "generator": "Restyle"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 1, "material": 0}]}],
        "materials": [material],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(array.tobytes() for array in parts.values())  # all are multiples of 4 bytes: no padding needed
    chunks = _chunk(_JSON, text) + _chunk(_BIN, binary)
    return _MAGIC + (2).to_bytes(4, "little") + (12 + len(chunks)).to_bytes(4, "little") + chunks


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "little") + kind + content
