"""What stays the same while a field is optimised: the mesh in the unit sphere, the encoder, the embedded texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity, cross_entropy, normalize

from .cameras import look_at_origin
from .encoder import ClipEncoder
from .geometry import check_mesh, distinct_faces, to_y_up, unit_sphere, vertex_normals
from .options import StylizeOptions
from .raster import Coverage, fill, surface, visibility
from .shade import shade

SAME_MEANING = 0.9
COLORS_AT_ONCE = 32


class Scene:
    """A mesh (V vertices, F faces), a prompt and an encoder, on one device.

    points, normals: (V, 3) in the unit sphere, +Y up.
    object_normals: (V, 3) in the object's own axes.
    radius: of the unit sphere, object units.
    query: (V, 3), where the field is asked.
    low_precision: whether hidden layers compute in bfloat16.
    """

    def __init__(
        self,
        vertices: NDArray[Any],
        faces: NDArray[Any],
        prompt: str,
        encoder: ClipEncoder,
        options: StylizeOptions,
        *,
        device: torch.device,
    ) -> None:
        positions, triangles = check_mesh(vertices, faces)
        normalised, _, self.radius = unit_sphere(positions, triangles)
        self.object_normals = vertex_normals(normalised, triangles)
        self.encoder, self.options, self.device = encoder, options, device
        self.low_precision = uses_bfloat16(options, device)

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(to_y_up(array, options.up)).float().to(device)

        self.points, self.normals = tensor(normalised), tensor(self.object_normals)
        self.faces = torch.from_numpy(distinct_faces(triangles)).to(device)
        self.used = torch.from_numpy(np.unique(triangles)).to(device)
        self.query = _field_input(self.points, options)
        self.background = torch.tensor(options.background, device=device)
        with torch.no_grad():
            texts = normalize(encoder.encode_text([prompt, *options.contrasts]).to(device).float(), dim=1)
        # A caption that means the same as the prompt is no contrast to it.
        other = texts[1:] @ texts[0] < SAME_MEANING
        self.texts = torch.cat([texts[:1], texts[1:][other]])

    def deformed(self, displacement: Tensor) -> Tensor:
        """Vertices (V, 3) moved along their normals by (V,) radii and fitted into the unit sphere anew."""
        moved = self.points + self.normals * displacement[:, None]
        used = moved[self.used]
        centre = used.mean(dim=0)
        radius: Tensor = torch.linalg.vector_norm(used - centre, dim=1).amax()
        return (moved - centre) / radius

    def embed(self, pictures: Tensor) -> Tensor:
        """Embeddings (..., D) float32 of pictures (..., 3, R, R)."""
        images = pictures.flatten(0, -4).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low_precision):
            embedded = self.encoder.encode_image(images).float()
        grouped: Tensor = embedded.view(*pictures.shape[:-3], -1)
        return grouped

    def fit(self, embedded: Tensor) -> Tensor:
        """Cosine (K,) between the prompt and K groups of N views, (N, K, D).

        The views are averaged as they come, so that one the encoder is sure of counts more (`clipavg view`).
        """
        return cosine_similarity(embedded.mean(dim=0), self.texts[:1], dim=1)

    def misfit(self, embedded: Tensor) -> Tensor:
        """What is to be minimised for each of K groups of N views, (N, K, D): (K,)."""
        loss = -self.fit(embedded)
        if self.options.contrast_weight == 0:
            return loss
        likeness = self.options.contrast_scale * normalize(embedded, dim=-1) @ self.texts.T
        answer = torch.zeros(likeness.shape[:2].numel(), dtype=torch.long, device=likeness.device)
        mistaken = cross_entropy(likeness.flatten(0, 1), answer, reduction="none").view(likeness.shape[:2])
        return loss + self.options.contrast_weight * mistaken.mean(dim=0)

    @torch.no_grad()
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
        return torch.cat([self._look_around(points, colors, views, zoom, on_batch) for zoom in zooms])

    def _look_around(
        self,
        points: Tensor,
        colors: Sequence[Tensor],
        views: int,
        zoom: float,
        on_batch: Callable[[], None] | None,
    ) -> Tensor:
        azimuth = self.options.anchor_azimuth + 2 * math.pi * torch.arange(views, device=self.device) / views
        cameras = look_at_origin(azimuth, torch.full_like(azimuth, self.options.anchor_elevation))
        if self.options.tight_views:
            cameras = cameras.fitted(points)
        size = self.encoder.resolution * self.options.resolution_factor
        coverage = visibility(cameras, points, self.faces, size, cull=self.options.cull)
        if zoom > 1:
            cameras = cameras.closer(_middles(coverage, views), zoom)
            coverage = visibility(cameras, points, self.faces, size, cull=self.options.cull)
        seen = surface(cameras, points, self.faces, coverage)
        embedded = []
        for start in range(0, len(colors), COLORS_AT_ONCE):
            color = torch.cat([seen.interpolate(each) for each in colors[start : start + COLORS_AT_ONCE]], dim=1)
            lit = shade(color.view(len(color), -1, 3), seen.normal[:, None], soft=self.options.soft_light)
            canvas = fill(coverage, lit.flatten(1), self.background.repeat(lit.shape[1]), views)
            small = avg_pool2d(canvas, self.options.resolution_factor)
            embedded.append(self.embed(small.view(views, lit.shape[1], 3, *small.shape[2:])))
            if on_batch:
                on_batch()
        return torch.cat(embedded, dim=1)


def _middles(coverage: Coverage, views: int) -> Tensor:
    """The point on the object nearest to the middle of its picture, (N, 2) normalised device coordinates."""
    size, middles = coverage.size, []
    for view in range(views):
        pixel = coverage.pixel[coverage.view == view] % (size * size)
        place = torch.stack([2 * (pixel % size) + 1 - size, size - 1 - 2 * (pixel // size)], dim=1) / size
        centre = place.mean(dim=0) if len(place) else place.new_zeros(2)
        middles.append(place[(place - centre).norm(dim=1).argmin()] if len(place) else centre)
    return torch.stack(middles)


def uses_bfloat16(options: StylizeOptions, device: torch.device) -> bool:
    """Whether a run with these options computes in bfloat16 there."""
    wanted = options.low_precision_on_cpu if device.type == "cpu" else options.low_precision
    return wanted and _computes_bfloat16(device)


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32; processors without it emulate it slowly."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))


def _field_input(points: Tensor, options: StylizeOptions) -> Tensor:
    """Where the field is asked: the points, folded at the plane of symmetry and standardized if so wished."""
    query = points.clone()
    if options.symmetry is not None:
        axis = "xyz".index(options.symmetry)
        query[:, axis] = query[:, axis].abs()
    if options.standardize:
        query = (query - query.mean(dim=0)) / query.std(dim=0).clamp_min(1e-6)
    return query
