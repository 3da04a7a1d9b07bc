"""From where an object is looked at to be judged: the same for results, drawings and imitations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fields import Floats
from .meshes import Mesh
from .pictures import Pictures, around, photograph

AZIMUTHS: Floats = np.array([0.3 + np.pi / 4 * number for number in range(8)])
ELEVATIONS = np.array([0.2, 0.5, -0.15, 0.35] * 2)
CLOSE, MIDDLE = 2.0, 1.5
CLOSE_SIZE = 128


@dataclass(frozen=True)
class Seen:
    """An object from eight directions.

    lit: (16, 96, 96, 3), whole and from near by, in the stylizer's light, for the second model.
    bare, bare_masks: (8, 96, 96, 3) and (8, 96, 96), whole, colours without light.
    close, close_masks: (8, 128, 128, 3) and (8, 128, 128), from nearer, colours without light.
    """

    lit: Pictures
    bare: Pictures
    bare_masks: NDArray[np.bool_]
    close: Pictures
    close_masks: NDArray[np.bool_]

    @property
    def whole(self) -> Pictures:
        """The pictures (8, 96, 96, 3) of the whole object in light."""
        return self.lit[: len(AZIMUTHS)]

    def surface_colors(self) -> Floats:
        """The colours (N, 3) in [0, 1] of all covered pixels."""
        out: Floats = self.bare[self.bare_masks] / 255.0
        return out


def look(mesh: Mesh, colors: Floats) -> Seen:
    """Look at a mesh in vertex colours (V, 3)."""
    whole, near, middle = (around(mesh.points, AZIMUTHS, ELEVATIONS, zoom) for zoom in (1.0, CLOSE, MIDDLE))
    lit = [photograph(mesh, mesh.points, colors, cameras) for cameras in (whole, near)]
    bare = photograph(mesh, mesh.points, colors, whole, shading="unlit")
    close = photograph(mesh, mesh.points, colors, middle, size=CLOSE_SIZE, shading="unlit")
    black = np.zeros_like(colors)
    masks = [
        (photograph(mesh, mesh.points, black, cameras, size=size, shading="unlit") == 0).all(-1)
        for cameras, size in ((whole, bare.shape[1]), (middle, CLOSE_SIZE))
    ]
    return Seen(np.concatenate(lit), bare, masks[0], close, masks[1])
