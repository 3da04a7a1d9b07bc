"""What stays the same while a field is optimised: one object in the unit sphere, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import BadInputError

from .controls import bounded
from .geometry import Frame, check_mesh, distinct_faces, to_y_up, unit_sphere, vertex_normals
from .judge import Judge
from .query import field_input, folded, symmetry_plane
from .targets import Target, Targets
from .views import Anchor, Model, embed_all_around


class Scene:
    """An object (V vertices, F faces), its target and an encoder, on one device.

    points, normals: (V, 3) in the unit sphere, +Y up.
    object_normals: (V, 3) in the object's own axes.
    radius, frame: of the unit sphere, object units; and where the object was.
    plane, chart: of symmetry, and points and normals folded at it; where there is none, they are as they are.
    query, moments: (V, 3) where the field is asked, and by what it was standardized.
    existing, weight: (V, 3) sRGB and (V,) in [0, 1], or None: the colours there were, and how much may change.
    anchor: the view about which the others are drawn.
    """

    def __init__(
        self,
        vertices: NDArray[Any],
        faces: NDArray[Any],
        target: Target | Targets | str,
        judge: Judge,
        *,
        existing: NDArray[Any] | None = None,
        weight: NDArray[Any] | None = None,
    ) -> None:
        device, options = judge.device, judge.options
        positions, triangles = check_mesh(vertices, faces)
        normalised, _, self.radius = unit_sphere(positions, triangles)
        self.frame = Frame.of(positions, triangles, options.up)
        self.object_normals = vertex_normals(normalised, triangles)
        self.judge, self.options, self.device = judge, options, device

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(to_y_up(array, options.up)).float().to(device)

        self.points, self.normals = tensor(normalised), tensor(self.object_normals)
        self.faces = torch.from_numpy(distinct_faces(triangles)).to(device)
        self.used = torch.from_numpy(np.unique(triangles)).to(device)
        self.plane = symmetry_plane(self.points[self.used], options)
        self.chart = folded(self.points, self.normals, options, self.plane)
        self.query, self.moments = field_input(self.points, options, plane=self.plane)
        self.existing = _per_vertex("colors", existing, (len(positions), 3), device)
        self.weight = _per_vertex("mask", weight, (len(positions),), device)
        self.anchor: Anchor = (options.anchor_azimuth, options.anchor_elevation)
        wanted = Target(texts=((target, 1.0),)) if isinstance(target, str) else target
        self.targets = wanted if isinstance(wanted, Targets) else Targets(wanted, judge, self.anchor)

    def deformed(self, displacement: Tensor) -> Tensor:
        """Vertices (V, 3) moved along their normals by (V,) radii and fitted into the unit sphere anew."""
        moved = self.points + self.normals * displacement[:, None]
        used = moved[self.used]
        centre = used.mean(dim=0)
        radius: Tensor = torch.linalg.vector_norm(used - centre, dim=1).amax()
        return (moved - centre) / radius

    def shown(self, color: Tensor) -> Tensor:
        """What palette and mask make of a start's colour (V, 3)."""
        if self.weight is None and not self.options.palette:
            return color
        nothing = torch.zeros_like(color)
        bare = nothing[:, 0]
        options = replace(self.options, change="color")  # of a run without colour too the start has a pattern
        return bounded(options, color, bare, nothing, bare, relief=False, existing=self.existing, weight=self.weight)[0]

    def fit(self, embedded: Tensor) -> Tensor:
        """Cosine (K,) between the target and K groups of N views, (N, K, D)."""
        return self.targets.fit(embedded)

    def misfit(self, embedded: Tensor) -> Tensor:
        """What is to be minimised for each of K groups of N views of the whole, (N, K, D): (K,)."""
        return self.targets.misfit(embedded)

    def embed_all_around(
        self,
        points: Tensor,
        colors: Sequence[Tensor],
        *,
        views: int,
        zooms: Sequence[float] = (1.0,),
        on_batch: Callable[[], None] | None = None,
    ) -> Tensor:
        """Embeddings (N, K, D) of the mesh at `points` (V, 3) in K colourings (V, 3), seen from fixed views.

        views, zooms: each of the directions is taken at each of the zooms, so that N is their product.
        on_batch: called every now and then; what it raises passes through.
        """
        model = Model(points, self.faces, colors[0])
        embedded = [
            embed_all_around(model, colors, self.judge, self.anchor, views=views, zoom=zoom, on_batch=on_batch)
            for zoom in zooms
        ]
        return torch.cat(embedded)


def _per_vertex(name: str, values: NDArray[Any] | None, shape: tuple[int, ...], device: torch.device) -> Tensor | None:
    """Values in [0, 1], a row per vertex, on the device; BadInputError says what is wrong with them."""
    if values is None:
        return None
    array = np.asarray(values, np.float32)
    if array.shape != shape:
        raise BadInputError(f"{name}: it has the shape {array.shape}, but the mesh has {shape[0]:,} vertices.")
    if not np.isfinite(array).all() or array.min(initial=0) < 0 or array.max(initial=0) > 1:
        raise BadInputError(f"{name}: its values must lie within 0 and 1.")
    if name == "mask" and not array.any():
        raise BadInputError("mask: it is 0 everywhere, so nothing may change. Give some vertices a weight.")
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
