"""Meshes as arrays: checks at the border, normals, and the unit sphere that the method works in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from restyle.errors import BadInputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
UpAxis = Literal["y", "z"]
LEAST_AREA = 1e-3  # of all faces, square radii; a strip as long as the object and thinner than a tenth of a pixel
SAME_PLACE = 0.1  # radii; a subdivided copy shrinks a little, and is the same object all the same


def check_mesh(vertices: NDArray[Any], faces: NDArray[Any]) -> tuple[Floats, Integers]:
    """Return the mesh as float64 vertices and int64 faces, or say what is wrong with it.

    vertices: (V, 3) real, object units.
    faces: (F, 3) integer, indices into `vertices`.
    Raises BadInputError naming the array and the first bad row.
    """
    vertices, faces = np.asarray(vertices), np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype.kind not in "fiu":
        raise BadInputError(f"vertices must be a (V, 3) array of numbers, not {vertices.shape} {vertices.dtype}.")
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise BadInputError(
            f"faces must be an (F, 3) array of integers, not {faces.shape} {faces.dtype}; triangulate the mesh first."
        )
    if len(vertices) == 0:
        raise BadInputError("vertices is empty: the mesh has no vertices, so there is nothing to stylize.")
    if len(faces) == 0:
        raise BadInputError("faces is empty: the mesh has no faces; only surfaces can be stylized.")
    points = vertices.astype(np.float64)
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise BadInputError(f"vertices[{row}] is {points[row].tolist()}: coordinates must be finite. Clean the mesh.")
    triangles = faces.astype(np.int64)
    bad = ((triangles < 0) | (triangles >= len(points))).any(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise BadInputError(
            f"faces[{row}] is {triangles[row].tolist()}: indices must be 0 to {len(points) - 1}. Export the mesh anew."
        )
    return points, triangles


def distinct_faces(faces: Integers) -> Integers:
    """The faces (F, 3) with three different corners, each once: copies of a face change no picture, but cost time.

    Raises BadInputError if none is left.
    """
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    if len(faces) == 0:
        raise BadInputError("faces: every one repeats a vertex, so there is no surface. Clean the mesh.")
    # The smallest corner first, by turning, so that the same face in another order of its corners is found too.
    turned = np.take_along_axis(faces, (faces.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    first: Integers = np.sort(np.unique(turned, axis=0, return_index=True)[1])
    return faces[first]


def unit_sphere(vertices: Floats, faces: Integers) -> tuple[Floats, Floats, float]:
    """Move the mesh into the unit sphere about the centroid of its vertices: (normalised, centre, radius).

    Only vertices that a face uses count, so that a stray point cannot shrink the object.
    Raises BadInputError when these vertices all lie in one place, or the faces are too thin for any of them to be seen.
    Source: Text2Mesh code, `Normalization/` (mean of the vertices, largest distance from it).
    """
    used = vertices[np.unique(faces)]
    centre: Floats = used.mean(axis=0)
    radius = float(np.linalg.norm(used - centre, axis=1).max())
    if not radius > 1e-12 * float(np.abs(used).max()):
        raise BadInputError("vertices: those of the faces all lie in one point, so the mesh has no size.")
    normalised = (vertices - centre) / radius
    corners = normalised[faces]
    edges = corners[:, 1:] - corners[:, :1]
    area = 0.5 * float(np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum())
    if area < LEAST_AREA:
        raise BadInputError(
            f"faces: their area is {area:.1g} of the object's radius squared, so they are lines of which nothing can "
            "be seen. Thicken the mesh, or take away the vertices far from the rest."
        )
    return normalised, centre, radius


@dataclass(frozen=True)
class Frame:
    """Where an object is: its unit sphere and its box, in its own coordinates turned so that +Y is up.

    centre, low, high: (3,), object units. radius: object units.
    """

    centre: tuple[float, float, float]
    radius: float
    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @staticmethod
    def of(vertices: NDArray[Any], faces: NDArray[Any], up: UpAxis) -> Frame:
        """That of a mesh; BadInputError for one that cannot be used."""
        points, triangles = check_mesh(vertices, faces)
        _, centre, radius = unit_sphere(points, triangles)
        used = points[np.unique(triangles)]
        corners = to_y_up(np.stack([used.min(axis=0), used.max(axis=0)]), up)
        return Frame(
            _triple(to_y_up(centre[None], up)[0]), radius, _triple(corners.min(axis=0)), _triple(corners.max(axis=0))
        )

    def is_place_of(self, other: Frame) -> bool:
        """Whether the other object fills the same box, so that it is the same thing at another density."""
        apart = np.abs(np.array([self.low, self.high]) - np.array([other.low, other.high])).max()
        return bool(apart <= SAME_PLACE * self.radius)


def vertex_normals(vertices: Floats, faces: Integers) -> Floats:
    """Unit normals (V, 3), the normals of the adjacent faces weighted by their angle at the vertex.

    A vertex without a usable face gets its direction from the origin, so that every normal is finite.
    Source: Thuermer and Wuethrich 1998, "Computing vertex normals from polygonal facets".
    """
    corners = vertices[faces]
    following: Floats = np.roll(corners, -1, axis=1) - corners
    preceding: Floats = np.roll(corners, 1, axis=1) - corners
    crossed: Floats = np.cross(following[:, 0], preceding[:, 0])
    face_normals = _unit(crossed)
    angles: Floats = np.arccos(np.clip((_unit(following) * _unit(preceding)).sum(-1), -1.0, 1.0))
    weighted = angles[..., None] * face_normals[:, None]
    total: Floats = np.stack(
        [np.bincount(faces.ravel(), weighted[..., axis].ravel(), len(vertices)) for axis in range(3)], axis=1
    )
    normals = _unit(total)
    lost = np.linalg.norm(normals, axis=1) < 0.5
    normals[lost] = _unit(vertices[lost])
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0.0, 1.0, 0.0)
    return normals


def to_y_up(vectors: Floats, up: UpAxis) -> Floats:
    """Turn (N, 3) vectors so that the axis `up` becomes +Y, the renderer's up."""
    return vectors if up == "y" else np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def from_y_up(vectors: Floats, up: UpAxis) -> Floats:
    """The inverse of `to_y_up`."""
    return vectors if up == "y" else np.stack([vectors[:, 0], -vectors[:, 2], vectors[:, 1]], axis=1)


def _triple(vector: Floats) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z


def _unit(vectors: Floats) -> Floats:
    length: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-30)
