"""A style as textures: colour, height and normals per texel, through a mesh's UV map.

Each texel stands for a point of the low-poly surface, where the style is asked directly; nothing passes through
vertices, so that a mesh of a few faces gets the detail of a dense one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn.functional import normalize

from restyle.errors import BadInputError

from .geometry import Floats, UpAxis, check_mesh
from .style import POINTS_AT_ONCE, Body, Place, Style, place
from .unwrap import Texels, area, in_tile, rasterise, tiles

MIDLEVEL = 32768 / 65535  # a level that 16 bits have, so that no displacement is exactly none
STEP = 0.5  # texels, over which slopes are taken
NOTICEABLE = 0.001
FLAT = (128, 128, 255)  # straight up, in a normal map


@dataclass(frozen=True)
class BakeOptions:
    """How textures are made.

    size: side, texels. padding: texels about each island that repeat its border. tile: UDIM tile; None if there is one.
    normals: whether to make a normal map.
    """

    size: int = 1024
    padding: int = 16
    tile: int | None = None
    normals: bool = False


@dataclass(frozen=True)
class Baked:
    """Square textures, the first row at the top (v = 1).

    colors: (S, S, 3) uint8 sRGB.
    heights: (S, S) float32, displacement in object units along the smooth normal.
    normals: (S, S, 3) uint8, tangent space, +Y up (as OpenGL and Blender have it), or None.
    scale: object units between black and white of a 16-bit height map whose grey `MIDLEVEL` is 0; 0 if all is flat.
    tile: of UDIM. covered: share of the texels that show the surface. overlap: share of these that show it twice.
    unmapped: share of the surface that has no place in the map. warnings: what the artist should know.
    """

    colors: NDArray[np.uint8]
    heights: NDArray[np.float32]
    normals: NDArray[np.uint8] | None
    scale: float
    tile: int
    covered: float
    overlap: float
    unmapped: float
    warnings: tuple[str, ...]


def bake(
    style: Style,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    uv: NDArray[Any] | None,
    options: BakeOptions,
    *,
    up: UpAxis,
    how: Place = "auto",
    existing: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    device: torch.device | str = "cpu",
    on_progress: Callable[[float], None] | None = None,
) -> Baked:
    """Sample a style per texel.

    vertices, faces, up, how, existing, weight: as in `style.apply`.
    uv: (F, 3, 2), the second coordinate upwards; `None` raises BadInputError, as do maps that leave their tile.
    on_progress: called with the share that is done; what it raises passes through.
    """
    positions, triangles = check_mesh(vertices, faces)
    if uv is None:
        raise BadInputError(
            "uv: the mesh has no UV map, so there is no place for a texture. Unwrap it first, in Blender: Edit Mode, "
            "select all, UV > Smart UV Project."
        )
    tile_of = tiles(uv)
    tile = _chosen(tile_of, options.tile)
    inside = np.where((tile_of == tile)[:, None, None], in_tile(uv, tile), 0.0)
    texels = rasterise(inside, options.size)
    body = place(style, positions, triangles, up=up, how=how, device=device)
    sampler = _Sampler(style, body, torch.from_numpy(triangles).to(device), texels, _tensors(existing, weight, device))
    frames = TangentFrames(body.points, sampler.faces, inside, options.size) if options.normals else None
    color, height, normal = sampler.all(frames, on_progress)
    nearest = _padding(texels, options.padding)
    unmapped = _share(_areas(positions[triangles]), tile_of == -1)
    spread = float(np.abs(height).max())
    return Baked(
        _texture(np.round(color * 255), texels, nearest).astype(np.uint8),
        _texture(height[:, None], texels, nearest, outside=0.0)[..., 0].astype(np.float32),
        None if normal is None else _texture(_levels(normal), texels, nearest, outside=FLAT).astype(np.uint8),
        spread / (1 - MIDLEVEL),
        tile,
        len(texels.pixel) / options.size**2,
        texels.overlap,
        unmapped,
        tuple(_warnings(texels.overlap, unmapped)),
    )


def _chosen(tile_of: NDArray[np.int64], wanted: int | None) -> int:
    present = [int(tile) for tile in np.unique(tile_of) if tile >= 0]
    if not present:
        raise BadInputError("uv: no face has any area in the UV map. Unwrap the mesh anew.")
    if wanted is None:
        if len(present) > 1:
            listed = ", ".join(map(str, present[:10]))
            raise BadInputError(f"uv: the map has {len(present)} UDIM tiles ({listed}); choose one of them with tile.")
        return present[0]
    if wanted not in present:
        raise BadInputError(f"uv: nothing lies in the UDIM tile {wanted}; there are {', '.join(map(str, present))}.")
    return wanted


def _warnings(overlap: float, unmapped: float) -> list[str]:
    found = []
    if overlap > NOTICEABLE:
        found.append(
            f"{overlap:.1%} of the texture stand for several places of the surface, whose faces overlap in the UV map; "
            "these all show what the first of them should. Unwrap without overlaps, unless it is meant to be mirrored."
        )
    if unmapped > NOTICEABLE:
        found.append(f"{unmapped:.1%} of the surface have no place in the UV map and no texture.")
    return found


def _tensors(
    existing: NDArray[Any] | None, weight: NDArray[Any] | None, device: torch.device | str
) -> tuple[Tensor | None, Tensor | None]:
    first, second = (
        None if each is None else torch.from_numpy(np.asarray(each, np.float32)).to(device)
        for each in (existing, weight)
    )
    return first, second


@dataclass(frozen=True)
class _Sampler:
    """What is asked of a style, texel by texel. attributes: the mesh's colours (V, 3) and weights (V,), if any."""

    style: Style
    body: Body
    faces: Tensor
    texels: Texels
    attributes: tuple[Tensor | None, Tensor | None]

    def all(
        self, frames: TangentFrames | None, on_progress: Callable[[float], None] | None
    ) -> tuple[Floats, Floats, Floats | None]:
        """Colours (T, 3) sRGB, heights (T,) in object units and, given frames, normals (T, 3) in tangent space."""
        count = len(self.texels.pixel)
        color, height, slope = np.empty((count, 3)), np.empty(count), np.zeros((count, 2))
        for start in range(0, count, POINTS_AT_ONCE):
            rows = slice(start, start + POINTS_AT_ONCE)
            color[rows], height[rows], slope[rows] = self._some(rows, frames)
            if on_progress:
                on_progress(min(1.0, (start + POINTS_AT_ONCE) / count))
        if frames is None:
            return color, height * self.body.radius, None
        normal = np.concatenate([-slope, np.ones((count, 1))], axis=1)
        return color, height * self.body.radius, normal / np.linalg.norm(normal, axis=1, keepdims=True)

    def _some(self, rows: slice, frames: TangentFrames | None) -> tuple[Floats, Floats, Floats]:
        device = self.faces.device
        face = torch.from_numpy(self.texels.face[rows]).to(device)
        weights = torch.from_numpy(self.texels.barycentric[rows]).float().to(device)
        corners = self.faces[face]
        points = _blend(self.body.points, corners, weights)
        normals = normalize(_blend(self.body.normals, corners, weights), dim=1)
        existing, weight = (
            None if each is None else _blend(each, self.faces[face], weights) for each in self.attributes
        )

        def ask(moved: Tensor) -> tuple[Tensor, Tensor]:
            own = existing if self.style.recipe.kind == "existing" else None
            return self.style.evaluate(
                moved, normals, plane=self.body.plane, start_color=own, existing=existing, weight=weight
            )

        color, height = ask(points)
        slopes = []
        for axis, step in frames.steps(face, weights, normals) if frames else ():
            raised = ask(points + axis * step[:, None])[1]
            slopes.append((raised - height) / step)
        slope = torch.stack(slopes, dim=1) if slopes else height.new_zeros(len(height), 2)
        return color.double().cpu().numpy(), height.double().cpu().numpy(), slope.double().cpu().numpy()


class TangentFrames:
    """The directions in which u and v grow on the smooth surface, one per corner, and how far a texel reaches there.

    Tangents are averaged over the faces that share a corner in the map and not over its seams, weighted by angle, and
    the bitangent is the cross product with the normal, as in Mikkelsen 2008, "Simulation of wrinkled surfaces
    revisited", which Blender and game engines follow.
    """

    def __init__(self, vertices: Tensor, faces: Tensor, uv: Floats, size: int) -> None:
        triangles = faces.cpu().numpy()
        points = vertices.double().cpu().numpy()[triangles]
        edges, sides = points[:, 1:] - points[:, :1], uv[:, 1:] - uv[:, :1]
        doubled = 2 * area(uv)
        safe = np.where(doubled == 0, 1.0, doubled)[:, None]
        along_u = (edges[:, 0] * sides[:, 1, 1:] - edges[:, 1] * sides[:, 0, 1:]) / safe
        along_v = (edges[:, 1] * sides[:, 0, :1] - edges[:, 0] * sides[:, 1, :1]) / safe
        sign = np.where(doubled < 0, -1.0, 1.0)
        self.sign = torch.from_numpy(sign).float().to(faces.device)
        steps = STEP / size * np.stack([np.linalg.norm(along, axis=1) for along in (along_u, along_v)], axis=1)
        self.step = torch.from_numpy(np.maximum(steps, 1e-5)).float().to(faces.device)
        self.tangent = torch.from_numpy(_shared(along_u, points, triangles, uv, sign)).float().to(faces.device)

    def steps(self, face: Tensor, weights: Tensor, normals: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Tangent and bitangent (K, 3), each with the length (K,) over which its slope is taken, in radii."""
        tangent, bitangent = self.directions(face, weights, normals)
        return [(tangent, self.step[face, 0]), (bitangent, self.step[face, 1])]

    def directions(self, face: Tensor, weights: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Tangent and bitangent (K, 3) at points of faces: (K,), barycentric (K, 3) and unit normals (K, 3)."""
        tangent = (weights[..., None] * self.tangent[face]).sum(dim=1)
        tangent = normalize(tangent - normals * (normals * tangent).sum(dim=1, keepdim=True), dim=1)
        return tangent, self.sign[face][:, None] * torch.linalg.cross(normals, tangent)


def _shared(along: Floats, points: Floats, triangles: NDArray[np.int64], uv: Floats, sign: Floats) -> Floats:
    """Unit directions (F, 3, 3): those of the faces (F, 3), averaged where corners are one in mesh and map."""
    following, preceding = np.roll(points, -1, axis=1) - points, np.roll(points, 1, axis=1) - points
    cosine = (following * preceding).sum(-1) / np.maximum(
        np.linalg.norm(following, axis=-1) * np.linalg.norm(preceding, axis=-1), 1e-300
    )
    angle = np.arccos(np.clip(cosine, -1, 1))
    unit = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-300)
    rows = np.concatenate([triangles[..., None], uv, np.repeat(sign[:, None, None], 3, axis=1)], axis=2).reshape(-1, 4)
    _, corner = np.unique(rows, axis=0, return_inverse=True)
    corner = corner.reshape(-1)
    weighted = (angle[..., None] * unit[:, None]).reshape(-1, 3)
    total = np.stack([np.bincount(corner, weighted[:, axis]) for axis in range(3)], axis=1)[corner]
    shared: Floats = (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-300)).reshape(-1, 3, 3)
    return shared


def _blend(attribute: Tensor, corners: Tensor, weights: Tensor) -> Tensor:
    """A vertex attribute (V, ...) at points of faces: corners (K, 3), weights (K, 3)."""
    flat = attribute.view(len(attribute), -1)
    blended = (weights[..., None] * flat[corners]).sum(dim=1)
    return blended.view(-1, *attribute.shape[1:])


def _padding(texels: Texels, padding: int) -> NDArray[np.int64]:
    """For every texel the index of the covered one that it repeats, (S, S); -1 beyond the padding."""
    number = np.full((texels.size, texels.size), -1, np.int64)
    number.flat[texels.pixel] = np.arange(len(texels.pixel))
    distance, (row, column) = distance_transform_edt(number < 0, return_indices=True)
    return np.where(distance <= padding, number[row, column], -1)


def _texture(values: NDArray[Any], texels: Texels, nearest: NDArray[np.int64], outside: Any = None) -> NDArray[Any]:
    """Values (T, C) as a picture (S, S, C); beyond the padding `outside`, or their mean for mip maps."""
    ground = values.mean(axis=0) if outside is None else np.asarray(outside, np.float64)
    return np.where((nearest < 0)[..., None], ground, values[nearest])


def _areas(triangles: Floats) -> Floats:
    crossed = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths: Floats = np.linalg.norm(crossed, axis=1) / 2
    return lengths


def _levels(normal: Floats) -> Floats:
    levels: Floats = np.round(normal * 127 + 128)  # so that straight up is exactly (128, 128, 255)
    return levels


def _share(areas: Floats, chosen: NDArray[np.bool_]) -> float:
    return float(areas[chosen].sum() / max(areas.sum(), 1e-300))
