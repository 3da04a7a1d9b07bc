"""The anchor view: the one from which the bare shape shows most of what is wanted (Text2Mesh, section 3.3).

The paper chooses it so; the published code leaves it to its user. A ring of grey views is embedded and the best taken,
of those that show much of the surface: an encoder is easily taken with the end of a horse or the edge of a guitar, and
what is seen from there says little about the rest.
"""

from __future__ import annotations

import math

import torch

from .cameras import look_at_origin
from .raster import visibility
from .scene import Scene
from .views import Anchor, Model, embed_from

AZIMUTHS = 16
ELEVATIONS = (0.2, 0.6283)  # radians: from about eye level, and as the published demos look
AT_ONCE = 8
SHOWN = 0.7  # of what the view shows that shows most, at one scale for all
SIZE = 64  # pixels of the pictures in which that is counted


@torch.no_grad()
def best_anchor(scene: Scene) -> Anchor:
    """Azimuth and elevation, radians, of the grey view that fits the target best, of those that show enough."""
    around = 2 * math.pi * torch.arange(AZIMUTHS, device=scene.device) / AZIMUTHS
    azimuth = around.repeat(len(ELEVATIONS))
    elevation = torch.tensor(ELEVATIONS, device=scene.device).repeat_interleave(AZIMUTHS)
    grey = torch.full_like(scene.points, 0.5)
    model = Model(scene.points, scene.faces, grey)
    fits, shown = [], []
    for some in torch.split(torch.stack([azimuth, elevation]), AT_ONCE, dim=1):
        cameras = look_at_origin(*some)
        embedded = embed_from(cameras, model, [grey], scene.judge)
        fits.append(scene.fit(embedded.transpose(0, 1)))  # each view is a group of its own
        seen = visibility(cameras, model.points, model.faces, SIZE, cull=False)
        shown.append(torch.bincount(seen.view, minlength=some.shape[1]))
    area = torch.cat(shown)
    best = int(torch.cat(fits).where(area >= SHOWN * area.amax(), -torch.inf).argmax())
    return float(azimuth[best]), float(elevation[best])
