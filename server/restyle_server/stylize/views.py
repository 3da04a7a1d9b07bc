"""Pictures for the encoder: of one step, from new cameras and varied; and from fixed directions all around."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .augment import Augmentation, augment
from .cameras import Cameras, look_at_origin, sample_angles
from .judge import Judge
from .options import StylizeOptions
from .raster import Coverage, fill, surface, visibility
from .shade import shade

COLORS_AT_ONCE = 32
Anchor = tuple[float, float]  # azimuth and elevation, radians


@dataclass(frozen=True)
class Model:
    """What is seen: points (V, 3) in the unit sphere, +Y up; faces (F, 3); color (V, 3) sRGB."""

    points: Tensor
    faces: Tensor
    color: Tensor


@dataclass(frozen=True)
class Branch:
    """One of the terms of the loss (Text2Mesh, section 3.2): the whole, crops, or crops of the bare shape.

    copies: varied copies of each view. area: share of the picture that they take. share: of it that the object fills.
    weight: of each copy.
    """

    copies: int
    area: tuple[float, float]
    share: float
    weight: float

    def augmentation(self, options: StylizeOptions) -> Augmentation:
        """How its copies vary."""
        return Augmentation(
            self.area, options.perspective, options.distortion, options.shared_draws, self.share, options.fill
        )


def branches(options: StylizeOptions, *, relief: bool) -> tuple[Branch, ...]:
    """Global, local and, once there is relief, geometry."""
    share = options.object_share
    colored = (
        Branch(options.global_copies, options.global_area, 0.0, options.global_weight),
        Branch(options.local_copies, options.local_area, share, options.local_weight),
    )
    geometry = Branch(options.geometry_copies, options.geometry_area, share, options.geometry_weight)
    return (*colored, geometry) if relief and geometry.copies else colored


def take(
    models: Sequence[Model], judge: Judge, anchor: Anchor, views: int, generator: torch.Generator, *, relief: bool
) -> list[Tensor]:
    """Varied pictures (N, C, 3, R, R) of each model from the same N new cameras, the branches' copies in order."""
    options = judge.options
    cameras = new_cameras(judge, anchor, views, generator)
    seen = [photograph(cameras, model, judge) for model in models]
    taken = [
        [_varied(images, mask, branch, judge, generator) for branch in branches(options, relief=False)]
        for images, mask, _ in seen
    ]
    for branch in branches(options, relief=relief)[2:]:
        if not options.shared_views:
            cameras = new_cameras(judge, anchor, views, generator)
        for model, (_, mask, grey), pictures in zip(models, seen, taken, strict=True):
            if not options.shared_views:
                bare = Model(model.points, model.faces, torch.full_like(model.color, 0.5))
                grey, mask, _ = photograph(cameras, bare, judge)  # noqa: PLW2901  the other cameras' take its place
            pictures.append(_varied(grey, mask, branch, judge, generator))
    return [torch.cat(pictures, dim=1) for pictures in taken]


def new_cameras(judge: Judge, anchor: Anchor, views: int, generator: torch.Generator) -> Cameras:
    """The anchor view, and others about it."""
    options = judge.options
    azimuth, elevation = sample_angles(views, anchor, (options.azimuth_std, options.elevation_std), generator)
    return look_at_origin(azimuth.to(judge.background), elevation.to(judge.background))


def photograph(cameras: Cameras, model: Model, judge: Judge) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (N, 3, S, S), where the model is (N, S, S), and the pictures in grey."""
    options, views = judge.options, len(cameras.focal)
    if options.tight_views:
        cameras = cameras.fitted(model.points)
    size = judge.resolution * options.resolution_factor
    coverage = visibility(cameras, model.points, model.faces, size, cull=options.cull)
    seen = surface(cameras, model.points, model.faces, coverage, perspective_correct=options.perspective_correct)
    lit = shade(seen.interpolate(model.color), seen.normal, soft=options.soft_light)
    grey = shade(torch.full_like(lit, 0.5), seen.normal, soft=options.soft_light)
    both = fill(coverage, torch.cat([lit, grey], dim=1), judge.background.repeat(2), views)
    mask = torch.zeros(views * size * size, dtype=torch.bool, device=model.points.device)
    mask[coverage.pixel] = True
    return both[:, :3], mask.view(views, size, size), both[:, 3:]


def _varied(images: Tensor, mask: Tensor, branch: Branch, judge: Judge, generator: torch.Generator) -> Tensor:
    how = branch.augmentation(judge.options)
    return augment(images, mask, how, copies=branch.copies, resolution=judge.resolution, generator=generator)


@torch.no_grad()
def embed_all_around(
    model: Model,
    colors: Sequence[Tensor],
    judge: Judge,
    anchor: Anchor,
    *,
    views: int,
    zoom: float = 1.0,
    on_batch: Callable[[], None] | None = None,
) -> Tensor:
    """Embeddings (N, K, D) of the model in K colourings (V, 3) from N directions, the first of which is the anchor.

    on_batch: called every now and then; what it raises passes through.
    """
    azimuth = anchor[0] + 2 * math.pi * torch.arange(views, device=judge.device) / views
    cameras = look_at_origin(azimuth, torch.full_like(azimuth, anchor[1]))
    return embed_from(cameras, model, colors, judge, zoom=zoom, on_batch=on_batch)


@torch.no_grad()
def embed_from(
    cameras: Cameras,
    model: Model,
    colors: Sequence[Tensor],
    judge: Judge,
    *,
    zoom: float = 1.0,
    on_batch: Callable[[], None] | None = None,
) -> Tensor:
    """As `embed_all_around`, from given cameras."""
    options, views, points = judge.options, len(cameras.focal), model.points
    if options.tight_views:
        cameras = cameras.fitted(points)
    size = judge.resolution * options.resolution_factor
    coverage = visibility(cameras, points, model.faces, size, cull=options.cull)
    if zoom > 1:
        cameras = cameras.closer(_middles(coverage, views), zoom)
        coverage = visibility(cameras, points, model.faces, size, cull=options.cull)
    seen = surface(cameras, points, model.faces, coverage)
    embedded = []
    for start in range(0, len(colors), COLORS_AT_ONCE):
        color = torch.cat([seen.interpolate(each) for each in colors[start : start + COLORS_AT_ONCE]], dim=1)
        lit = shade(color.view(len(color), -1, 3), seen.normal[:, None], soft=options.soft_light)
        canvas = fill(coverage, lit.flatten(1), judge.background.repeat(lit.shape[1]), views)
        small = avg_pool2d(canvas, options.resolution_factor)
        embedded.append(judge.embed(small.view(views, lit.shape[1], 3, *small.shape[2:])))
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
