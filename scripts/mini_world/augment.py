"""Random crops, perspective, blur, noise and light changes of a training batch, in torch.

The crops and perspectives cover those of the stylizer (Text2Mesh, sec. 3.2), so that what it shows is familiar.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Generator, Tensor


def uniform(rng: Generator, count: int, low: float, high: float) -> Tensor:
    """Return `count` uniform numbers."""
    return low + (high - low) * torch.rand(count, generator=rng)


def sampling_grid(count: int, size: int, rng: Generator) -> Tensor:
    """Return grids (N, size, size, 2) of random crops with flips, small rotations and perspective."""
    draw = torch.rand(count, generator=rng)
    area = torch.where(draw < 0.4, torch.ones(count), uniform(rng, count, 0.35, 1.0))
    area = torch.where(draw > 0.9, uniform(rng, count, 0.15, 0.35), area)
    aspect = torch.exp(uniform(rng, count, -0.28, 0.28)) * (area < 1) + 1.0 * (area == 1)
    wide, high = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    # Crops stay near the middle, where the object is.
    cx = (1 - wide) * 0.75 * uniform(rng, count, -1, 1)
    cy = (1 - high) * 0.75 * uniform(rng, count, -1, 1)
    flip = 1.0 - 2.0 * (torch.rand(count, generator=rng) < 0.5).float()
    angle = 0.12 * torch.randn(count, generator=rng)
    axis = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    tilt = (torch.rand(count, generator=rng) < 0.5).float()
    px, py = (tilt * uniform(rng, count, -0.3, 0.3) for _ in range(2))
    w = 1.0 + px[:, None, None] * x + py[:, None, None] * y
    x, y = x / w, y / w
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = cos * x - sin * y, sin * x + cos * y
    gx = cx[:, None, None] + (wide * flip)[:, None, None] * x
    return torch.stack([gx, cy[:, None, None] + high[:, None, None] * y], -1)


def soften(images: Tensor, rng: Generator) -> Tensor:
    """Blur some of the pictures and shrink-and-enlarge some others."""
    count, size = len(images), images.shape[-1]
    order = torch.randperm(count, generator=rng)
    blurred, shrunk = order[: count // 5], order[count // 5 : count // 3]
    images[blurred] = F.avg_pool2d(images[blurred], 3, 1, 1, count_include_pad=False)
    small = F.interpolate(images[shrunk], scale_factor=0.5, mode="area")
    images[shrunk] = F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
    return images


def augment(pictures: Tensor, size: int, rng: Generator) -> Tensor:
    """Return randomly changed pictures.

    Args:
        pictures: (N, S, S, 3) uint8.
        size: side of the result in pixels.
        rng: generator on the CPU.

    Returns:
        (N, 3, size, size) float32 in [0, 1].
    """
    count = len(pictures)
    images = pictures.permute(0, 3, 1, 2).float().div_(255.0)
    grid = sampling_grid(count, size, rng)
    # Perspective fills with white, as the stylizer does.
    images = F.grid_sample(images - 1.0, grid, padding_mode="zeros", align_corners=False) + 1.0
    images = soften(images, rng)
    gain = torch.exp(0.12 * torch.randn(count, 1, 1, 1, generator=rng))
    tone = 1.0 + 0.03 * torch.randn(count, 3, 1, 1, generator=rng)
    contrast = uniform(rng, count, 0.85, 1.15)[:, None, None, None]
    images = ((images - 0.5) * contrast + 0.5) * gain * tone
    level = (torch.rand(count, generator=rng) < 0.6) * uniform(rng, count, 0.0, 0.06)
    cloud = torch.randn(count, 3, 8, 8, generator=rng) * level[:, None, None, None]
    grain = torch.randn(images.shape, generator=rng) * level[torch.randperm(count, generator=rng)][:, None, None, None]
    images = images + grain + F.interpolate(cloud, size=(size, size), mode="bilinear", align_corners=False)
    return images.clamp_(0.0, 1.0)
