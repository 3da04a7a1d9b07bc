"""Whether a mesh is fine enough for what the field draws on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Of Fourier features of deviation sigma the mean frequency is 1.6 sigma; four samples per wavelength show a wave.
EDGE_TIMES_SIGMA = 1 / (4 * 1.6)
FEW = 0.01  # share of the edges that may be longer: those of a flat lid or foot do no harm


@dataclass(frozen=True)
class Detail:
    """Edges against the field's waves, in radii of the unit sphere.

    longest: the edge that all but a hundredth are shorter than. limit: a quarter of the mean wavelength.
    share: of the edges that are longer than the limit. level: how often each edge must be halved to fit.
    """

    longest: float
    limit: float
    share: float
    level: int

    @property
    def fits(self) -> bool:
        """Whether the mesh shows what the field draws."""
        return self.level == 0

    @property
    def aliased(self) -> bool:
        """Whether the long edges show noise where the field draws waves: there are fewer than two samples in one."""
        return self.longest > 2 * self.limit


def detail(query: Tensor, faces: Tensor, sigma: float) -> Detail:
    """Compare the edges of faces (F, 3), between points (V, 3) where the field is asked, with its frequencies."""
    limit = EDGE_TIMES_SIGMA / sigma
    corners = query[faces]
    lengths = (corners - corners.roll(1, dims=1)).norm(dim=2).flatten()
    longest = float(lengths.kthvalue(max(1, math.ceil((1 - FEW) * len(lengths)))).values)
    level = max(0, math.ceil(math.log2(longest / limit))) if longest > 0 else 0
    return Detail(longest, limit, float((lengths > limit).to(torch.float32).mean()), level)
