"""Cameras on a sphere about the origin, +Y up (research: Text2Mesh code, `render.py`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

DISTANCE = 2.0
# A unit sphere seen from DISTANCE fills exactly 60 degrees, so the normalised mesh always fits.
FOCAL = 1.0 / math.tan(math.radians(60.0) / 2.0)
TIGHT_MARGIN = 0.92


@dataclass(frozen=True)
class Cameras:
    """N pinhole cameras.

    rotation: (N, 3, 3), rows are the camera's right, up and backward axes.
    focal: (N,) scale from x / depth to normalised device coordinates.
    shift: (N, 2) added to normalised device coordinates.
    """

    rotation: Tensor
    focal: Tensor
    shift: Tensor

    def to_camera(self, points: Tensor) -> Tensor:
        """World points (V, 3) in the space of each camera (N, V, 3); what is seen has negative z."""
        backwards = points.new_tensor([0.0, 0.0, DISTANCE])
        return points @ self.rotation.transpose(1, 2) - backwards

    def to_pixels(self, points: Tensor, view: Tensor, size: int) -> Tensor:
        """Camera-space points (P, K, 3) of the views `view` (P,) as (P, K, 2) pixels; centres lie at whole numbers."""
        scale = (self.focal[view, None, None] / -points[..., 2:]) * points[..., :2]
        x, y = (scale + self.shift[view, None]).unbind(-1)
        return torch.stack([(x + 1) * (size / 2) - 0.5, (1 - y) * (size / 2) - 0.5], dim=-1)

    def fitted(self, points: Tensor) -> Cameras:
        """The same cameras, zoomed so that the world points (V, 3) fill each picture but for a margin."""
        seen = self.to_camera(points.detach())
        flat = seen[..., :2] / -seen[..., 2:]
        low, high = flat.amin(dim=1), flat.amax(dim=1)
        focal = 2 * TIGHT_MARGIN / (high - low).amax(dim=1).clamp_min(1e-6)
        return Cameras(self.rotation, focal, -focal[:, None] * (low + high) / 2)

    def closer(self, centre: Tensor, zoom: float) -> Cameras:
        """The same cameras, zoomed by a factor onto `centre` (N, 2), normalised device coordinates."""
        return Cameras(self.rotation, self.focal * zoom, (self.shift - centre) * zoom)


def look_at_origin(azimuth: Tensor, elevation: Tensor) -> Cameras:
    """Cameras at the angles (N,), radians; azimuth 0 looks from +X, azimuth pi/2 from +Z.

    The axes come from the angles and not from a cross product with +Y, so the poles are ordinary views.
    """
    cos_a, sin_a, cos_e, sin_e = azimuth.cos(), azimuth.sin(), elevation.cos(), elevation.sin()
    zero = torch.zeros_like(azimuth)
    # Beyond a pole the picture would hang upside down; turning it keeps +Y up, as look-at does.
    upright = torch.where(cos_e < 0, -1.0, 1.0).to(azimuth)[:, None]
    right = torch.stack([sin_a, zero, -cos_a], dim=1) * upright
    up = torch.stack([-sin_e * cos_a, cos_e, -sin_e * sin_a], dim=1) * upright
    back = torch.stack([cos_e * cos_a, sin_e, cos_e * sin_a], dim=1)
    focal = torch.full_like(azimuth, FOCAL)
    return Cameras(torch.stack([right, up, back], dim=1), focal, torch.zeros_like(right[:, :2]))


def sample_angles(
    views: int, centre: tuple[float, float], std: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Azimuths and elevations (views,), radians: the centre itself, then normal draws about it.

    centre, std: (azimuth, elevation), radians.
    Source: Text2Mesh code, `render_front_views`.
    """
    offsets = torch.randn(2, views, generator=generator)
    offsets[:, 0] = 0.0
    return centre[0] + std[0] * offsets[0], centre[1] + std[1] * offsets[1]
