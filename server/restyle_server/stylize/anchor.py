"""The anchor view: the one from which the bare shape shows most of what is wanted (Text2Mesh, section 3.3).

The paper chooses it so; the published code leaves it to its user. A ring of grey views is embedded and the best taken.
"""

from __future__ import annotations

import math

import torch

from .cameras import look_at_origin
from .scene import Scene
from .views import Anchor, Model, embed_from

AZIMUTHS = 16
ELEVATIONS = (0.2, 0.6283)  # radians: from about eye level, and as the published demos look
AT_ONCE = 8


@torch.no_grad()
def best_anchor(scene: Scene) -> Anchor:
    """Azimuth and elevation, radians, of the grey view that fits the target best."""
    around = 2 * math.pi * torch.arange(AZIMUTHS, device=scene.device) / AZIMUTHS
    azimuth = around.repeat(len(ELEVATIONS))
    elevation = torch.tensor(ELEVATIONS, device=scene.device).repeat_interleave(AZIMUTHS)
    grey = torch.full_like(scene.points, 0.5)
    model = Model(scene.points, scene.faces, grey)
    fits = []
    for some_azimuth, some_elevation in zip(
        *(torch.split(angle, AT_ONCE) for angle in (azimuth, elevation)), strict=True
    ):
        embedded = embed_from(look_at_origin(some_azimuth, some_elevation), model, [grey], scene.judge)
        fits.append(scene.fit(embedded.transpose(0, 1)))  # each view is a group of its own
    best = int(torch.cat(fits).argmax())
    return float(azimuth[best]), float(elevation[best])
