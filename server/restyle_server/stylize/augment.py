"""Random crops and perspectives of rendered pictures, all of one branch in a single resampling.

The distributions are those of torchvision's RandomResizedCrop followed by RandomPerspective, which the reference uses;
drawing them on the CPU makes them repeatable on every device, and composing both into one grid costs one `grid_sample`.
Source: Text2Mesh, section 3.2 and `main.py`; the redrawing of empty crops is TANGO's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

ASPECT = (3 / 4, 4 / 3)
TRIES = 10


@dataclass(frozen=True)
class Augmentation:
    """How pictures are varied before they are embedded.

    area: smallest and largest share of the picture that a crop takes.
    perspective, distortion: probability and strength of the perspective, in [0, 1].
    shared: one draw for all the views of a copy, as the reference does, or one per picture.
    object_share: crops are drawn again, up to ten times, until the object fills this share of them.
    fill: sRGB of what lies outside the picture after the perspective.
    """

    area: tuple[float, float]
    perspective: float = 0.8
    distortion: float = 0.5
    shared: bool = False
    object_share: float = 0.0
    fill: tuple[float, float, float] = (1.0, 1.0, 1.0)


def augment(
    images: Tensor, mask: Tensor, how: Augmentation, *, copies: int, resolution: int, generator: torch.Generator
) -> Tensor:
    """Varied copies (N, copies, 3, R, R) of rendered pictures.

    images: (N, 3, S, S) in [0, 1]; S a whole multiple of R.
    mask: (N, S, S) bool, where the object is.
    copies: how many of each picture.
    resolution: side R of the results, pixels.
    generator: a CPU generator.
    """
    views, size = images.shape[0], images.shape[-1]
    groups = 1 if how.shared else views
    windows = draw_crops(mask, groups, copies, how, generator).expand(views, copies, 4)
    warps = draw_perspectives(groups * copies, resolution, how, generator).view(groups, copies, 3, 3)
    warps = warps.expand(views, copies, 3, 3).to(images)
    line = torch.arange(resolution, device=images.device, dtype=images.dtype)
    y, x = torch.meshgrid(line, line, indexing="ij")
    target = torch.stack([x, y, torch.ones_like(x)], dim=-1).view(-1, 3)
    source = target @ warps.transpose(-1, -2)
    source = source[..., :2] / source[..., 2:]
    inside = ((source + 1).clamp(0, 1) * (resolution - source).clamp(0, 1)).prod(dim=-1)
    window = windows.to(images)[:, :, None]
    grid = 2 * (window[..., :2] + (source + 0.5) / resolution * window[..., 2:]) - 1
    if how.area[0] == 1.0 and size > resolution:
        # Whole pictures shrink: average first, since bilinear sampling would skip pixels.
        images = avg_pool2d(images, size // resolution)
    grid = grid.view(views, copies * resolution, resolution, 2)
    crops = grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    crops = crops.view(views, 3, copies, resolution, resolution).transpose(1, 2)
    cover = inside.view(views, copies, 1, resolution, resolution)
    return cover * crops + (1 - cover) * images.new_tensor(how.fill)[:, None, None]


def draw_crops(mask: Tensor, groups: int, copies: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Crop windows (groups, copies, 4) as left, top, width, height, in shares of the picture's side.

    A crop that does not fit, as nearly all do at area 1, is drawn again, and in the end is the whole picture.
    """
    area, aspect, left, top = torch.rand(4, groups, copies, TRIES, generator=generator)
    area = how.area[0] + (how.area[1] - how.area[0]) * area
    ratio = (math.log(ASPECT[0]) + math.log(ASPECT[1] / ASPECT[0]) * aspect).exp()
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()
    windows = torch.stack([left * (1 - width), top * (1 - height), width, height], dim=-1)
    fits = (width <= 1) & (height <= 1)
    share = object_share(mask, windows) if how.object_share > 0 else torch.ones_like(width)
    rank = torch.where(fits, torch.where(share >= how.object_share, 2.0, share), -1.0)
    best = rank.max(dim=-1)
    chosen = windows.gather(2, best.indices[..., None, None].expand(-1, -1, 1, 4)).squeeze(2)
    return torch.where(best.values[..., None] < 0, torch.tensor([0.0, 0.0, 1.0, 1.0]), chosen)


def object_share(mask: Tensor, windows: Tensor) -> Tensor:
    """Share of object pixels of `mask` (N, S, S) in windows (G, ..., 4); G is N, or 1 for the mean of the pictures."""
    size = mask.shape[-1]
    sums = torch.zeros(len(mask), size + 1, size + 1)
    sums[:, 1:, 1:] = mask.cpu().float().cumsum(1).cumsum(2)
    if len(windows) == 1:
        sums = sums.mean(dim=0, keepdim=True)
    low = (windows[..., :2] * size).round().long().clamp(0, size)
    high = ((windows[..., :2] + windows[..., 2:]) * size).round().long().clamp(0, size)
    which = torch.arange(len(sums)).view(-1, *[1] * (windows.dim() - 2))
    inside = (
        sums[which, high[..., 1], high[..., 0]]
        - sums[which, low[..., 1], high[..., 0]]
        - sums[which, high[..., 1], low[..., 0]]
        + sums[which, low[..., 1], low[..., 0]]
    )
    return inside / (high - low).prod(dim=-1).clamp_min(1)


def draw_perspectives(count: int, resolution: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Homographies (count, 3, 3) float64 from pixels of the result to pixels of the crop, some of them the identity."""
    reach = int(how.distortion * (resolution // 2)) + 1
    inwards = (torch.rand(count, 4, 2, generator=generator, dtype=torch.float64) * reach).floor()
    applied = torch.rand(count, generator=generator) < how.perspective
    last = resolution - 1.0
    corners = torch.tensor([[0.0, 0.0], [last, 0.0], [last, last], [0.0, last]], dtype=torch.float64)
    moved = (corners - inwards).abs()
    x, y = moved.unbind(-1)
    u, v = corners.expand_as(moved).unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    system = torch.cat(
        [
            torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1),
            torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1),
        ],
        dim=1,
    )
    solved = torch.linalg.solve(system, torch.cat([u, v], dim=1))
    warp = torch.cat([solved, torch.ones(count, 1, dtype=torch.float64)], dim=1).view(count, 3, 3)
    return torch.where(applied[:, None, None], warp, torch.eye(3, dtype=torch.float64))
