"""Mesh files: OBJ, PLY, GLB, STL and OFF in; PLY, OBJ and GLB with vertex colours out.

What is read keeps every vertex of the file, in the file's order, also those that no face uses; what is written has
the same vertices in the same order, scale and place, and (from OBJ or PLY to OBJ or PLY) the same polygons, with the
texture coordinates of the file's first UV map. In GLB, where a vertex cannot have two of them, copies of some vertices
follow after all others. Normals and materials are not carried over.

Colours are scene linear in Python. In a file they are what its readers expect: sRGB in PLY (bytes) and OBJ (after
the coordinates), linear in GLB (COLOR_0, glTF 2.0 section 3.9.2).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..color import linear_to_srgb
from ..errors import BadInputError, UsageError
from ..kinds import mesh as mesh_kind
from ..kinds.mesh import Mesh
from ..kinds.packed import require_finite
from ..outfile import check_file, write_atomically
from . import library, obj, ply
from .polygons import Polygons, triangle_corners

__all__ = ["READABLE", "WRITABLE", "MeshFile", "check_output", "read_mesh", "write_mesh", "write_textured"]

READABLE = {
    ".obj": obj.read,
    ".ply": ply.read,
    ".glb": library.read_glb,
    ".stl": library.read_stl,
    ".off": library.read_off,
}
WRITABLE = (".ply", ".obj", ".glb")
MAX_BYTES = 1 << 30
# In these a vertex cannot have two normals or texture coordinates, so that whoever writes them splits it: the surface
# would crack along every seam when displaced. The job gets one vertex per position.
_SPLIT_FORMATS = (".stl", ".glb")


@dataclass(frozen=True)
class MeshFile:
    """A mesh as it stands in its file, and as a job wants it.

    vertices: (V, 3) float64, the file's own.
    polygons: the file's own faces.
    mesh: what a job gets: triangles, and one vertex per position where the format had to split vertices.
    mesh_vertex: (V,) int64, the vertex of `mesh` that each of the file's vertices became.
    """

    path: Path
    vertices: NDArray[np.float64]
    polygons: Polygons
    mesh: Mesh
    mesh_vertex: NDArray[np.int64]


def read_mesh(path: str | os.PathLike[str]) -> MeshFile:
    """Read a mesh file.

    Raises BadInputError that names the file, what is wrong with it, and where.
    """
    path = Path(path)
    reader = READABLE.get(path.suffix.lower())
    if reader is None:
        raise BadInputError(f"{path}: meshes are read from {', '.join(READABLE)} files. Export it as one of these.")
    _require_file(path)
    try:
        vertices, polygons = reader(path)
        require_finite("mesh", "vertices", vertices)
        # Coordinates near the largest float overflow here and are refused by name just after.
        with np.errstate(over="ignore", invalid="ignore"):
            corners = triangle_corners(vertices, polygons)
            faces = polygons.corners[corners].astype(np.int32)
            uv = None if polygons.uv is None else polygons.uv[corners].astype(np.float32)
            mesh_kind.validate(Mesh(vertices, faces, uv=uv))
    except BadInputError as error:
        raise BadInputError(f"{path}: {error.message.removeprefix('mesh: ')}") from error
    except OSError as error:
        raise BadInputError(f"{path}: it cannot be read: {error.strerror}.") from error
    mesh_vertex = np.arange(len(vertices))
    positions = vertices
    if path.suffix.lower() in _SPLIT_FORMATS:
        positions, mesh_vertex = np.unique(vertices, axis=0, return_inverse=True)
        mesh_vertex = mesh_vertex.reshape(-1)
        faces = mesh_vertex[faces].astype(np.int32)
    # STL comes from printing and CAD, where Z is up; the others are Y up by custom or by their standard.
    up: Literal["y", "z"] = "z" if path.suffix.lower() == ".stl" else "y"
    return MeshFile(path, vertices, polygons, Mesh(positions, faces, up, uv), mesh_vertex)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise BadInputError(f"{path}: this is a folder, not a mesh file.")
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file. Check the path.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadInputError(f"{path}: {size:,} bytes are more than the {MAX_BYTES:,} allowed. Decimate a copy first.")


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise UsageError or BadInputError unless a mesh can be written to `path`: known ending, writable folder."""
    path = Path(path)
    if path.suffix.lower() not in WRITABLE:
        raise UsageError(f"{path}: meshes are written as {', '.join(WRITABLE)}. Choose one of these endings.")
    check_file(path)


def write_mesh(
    path: str | os.PathLike[str],
    source: MeshFile,
    colors: NDArray[Any] | None = None,
    vertices: NDArray[Any] | None = None,
) -> None:
    """Write what became of `source` to a PLY, OBJ or GLB file, all of it or nothing.

    colors: (N, 3) scene linear, a row per vertex of `source.mesh`; vertices: (N, 3) displaced positions, likewise.
    Raises UsageError or BadInputError for a path that cannot be written, ResourcesError when the disk is full.
    """
    check_output(path)
    path = Path(path)
    points = source.vertices if vertices is None else np.asarray(vertices, np.float64)[source.mesh_vertex]
    linear = None if colors is None else np.clip(np.asarray(colors, np.float64), 0, 1)[source.mesh_vertex]
    if path.suffix.lower() == ".glb":
        corners = triangle_corners(points, source.polygons)
        faces = source.polygons.corners[corners].astype(np.int32)
        uv = None if source.polygons.uv is None else source.polygons.uv[corners]
        data = library.write_glb(points, faces, linear, uv)
    else:
        module = obj if path.suffix.lower() == ".obj" else ply
        data = module.write(points, source.polygons, None if linear is None else linear_to_srgb(linear))
    write_atomically(path, data)


def write_textured(
    path: str | os.PathLike[str], source: MeshFile, color: NDArray[np.uint8], normals: NDArray[np.uint8] | None = None
) -> None:
    """Write `source` with its UV map and textures (H, W, 3), sRGB and tangent space, to one GLB file.

    Raises BadInputError for a mesh without a UV map; otherwise as `write_mesh`.
    """
    path = Path(path)
    check_output(path)
    mesh = source.mesh
    if mesh.uv is None:
        raise BadInputError(f"{source.path}: it has no UV map, so textures have no place on it.")
    uv = mesh.uv.astype(np.float64)
    write_atomically(path, library.write_textured_glb(mesh.vertices, mesh.faces, uv, color, normals))
