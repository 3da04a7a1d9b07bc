"""The finished picture: a field of matches, found at a bearable size, voted at full size from full-size matter.

So a picture of 64 megapixels costs no more search than one of 0.2, and no more memory than its bytes a few times over:
it is made in strips, and nothing of full size is held as floats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .picture import Pixels, Size, shared
from .synthesis import Field

STRIP_PIXELS = 1 << 17
NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class Canvas:
    """What the finished picture is made of.

    size: (height, width). matter: (h, w, 3) uint8, at the picture's own scale.
    appearance: (height, width) of the picture that the matter is, maybe shrunk: the field points into that.
    kept: (H, W, 3) uint8, which the picture is where `change`, (H, W) in [0, 1], is 0; both None to change all.
    """

    size: Size
    matter: Pixels
    appearance: Size
    kept: Pixels | None = None
    change: Tensor | None = None


def render(
    field: Field, canvas: Canvas, sigma: float, device: torch.device, tick: Callable[[float], None]
) -> tuple[Pixels, NDArray[np.int32]]:
    """The picture (H, W, 3) and the appearance pixels behind it (H, W, 2).

    sigma: falloff of the vote of the patches about their centres, pixels of the field. So the seams between pieces are
        as wide as they were found; sharper ones show the field's own pixels as blocks.
    tick: called with the share that is done, after each strip.
    """
    height, width = canvas.size
    rows, columns = (_Axis.of(field, axis, canvas.size[axis], sigma, device) for axis in range(2))
    matter = shared(np.ascontiguousarray(canvas.matter)).reshape(-1, 3).to(device)
    made = np.empty((height, width, 3), np.uint8)
    places = np.empty((height, width, 2), np.int32)
    step = max(1, STRIP_PIXELS // width)
    for top in range(0, height, step):
        part = slice(top, min(top + step, height))
        strip = _voted(field, rows.cut(part), columns, matter, canvas.matter.shape)
        if canvas.kept is not None and canvas.change is not None:
            kept = shared(canvas.kept[part]).to(device).float()
            strip = torch.lerp(kept, strip, canvas.change[part, :, None])
        made[part] = strip.round().clamp_(0, 255).to(torch.uint8).cpu().numpy()
        places[part] = _places(field, rows.cut(part), columns, canvas).cpu().numpy()
        tick(part.stop / height)
    return made, places


@dataclass(frozen=True)
class _Axis:
    """Which patches of the field vote for the pixels of one axis, `count` for each of N pixels.

    patch: (count, N) int64, their number. inside: (count, N), how far in the pixel's centre lies, pixels of the field.
    weight: (count, N), 0 where a patch does not reach. factor: pixels of the picture per pixel of the field.
    """

    patch: Tensor
    inside: Tensor
    weight: Tensor
    factor: float

    @classmethod
    def of(cls, field: Field, axis: int, length: int, sigma: float, device: torch.device) -> _Axis:
        """For a picture of `length` pixels along the axis, and a normal falloff of `sigma` pixels of the field."""
        factor = length / field.shape[axis]
        centre = (torch.arange(length, dtype=torch.float64, device=device) + 0.5) / factor
        count = -(-field.size // field.stride)
        patch = (centre / field.stride).long()[None] - torch.arange(count, device=device)[:, None]
        inside = centre - patch * field.stride
        reaches = (patch >= 0) & (patch < field.rows.shape[axis]) & (inside < field.size)
        far = torch.where(reaches, (inside - field.size / 2).square(), torch.inf)
        # In units of the nearest patch's weight, which alone may be too small to tell from 0.
        weight = torch.exp((far.amin(dim=0) - far) / (2 * sigma**2))
        return cls(patch, inside, torch.where(weight < NEGLIGIBLE, 0.0, weight), factor)

    def cut(self, part: slice) -> _Axis:
        """Of some of the pixels."""
        return _Axis(self.patch[:, part], self.inside[:, part], self.weight[:, part], self.factor)

    def nearest(self) -> tuple[Tensor, Tensor]:
        """The patch (N,) whose centre is nearest, and how far in it the pixel lies."""
        best = self.weight.argmax(dim=0, keepdim=True)
        return self.patch.gather(0, best)[0], self.inside.gather(0, best)[0]

    def source(self, corner: Tensor, inside: Tensor, side: int) -> Tensor:
        """The matter's pixel for patches with that corner, as many times enlarged as the picture is."""
        return ((corner + inside) * self.factor).long().clamp_(0, side - 1)


def _voted(field: Field, rows: _Axis, columns: _Axis, matter: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The weighted mean (H, W, 3) of what all patches say; matter (h * w, 3) uint8 of that shape."""
    total = torch.zeros(rows.patch.shape[1], columns.patch.shape[1], 3, device=matter.device)
    for down in range(len(rows.patch)):
        above = torch.nonzero(rows.weight[down])
        for across in range(len(columns.patch)):
            beside = torch.nonzero(columns.weight[across])[:, 0]
            i, j = rows.patch[down, above], columns.patch[across, beside][None]
            row = rows.source(field.rows[i, j], rows.inside[down, above], shape[0])
            column = columns.source(field.columns[i, j], columns.inside[across, beside], shape[1])
            weight = (rows.weight[down, above] * columns.weight[across, beside]).float()
            total[above, beside[None]] += matter[row * shape[1] + column].float() * weight[..., None]
    mass = rows.weight.sum(dim=0)[:, None] * columns.weight.sum(dim=0)
    return total / mass.float()[..., None]


def _places(field: Field, rows: _Axis, columns: _Axis, canvas: Canvas) -> Tensor:
    """Row and column (H, W, 2) int32 of the appearance pixel that the nearest patch puts at each place."""
    (i, down), (j, across) = rows.nearest(), columns.nearest()
    corners = field.rows[i[:, None], j], field.columns[i[:, None], j]
    used = canvas.matter.shape
    found = [rows.source(corners[0], down[:, None], used[0]), columns.source(corners[1], across, used[1])]
    for axis in range(2):
        if used[axis] != canvas.appearance[axis]:
            found[axis] = ((found[axis] * 2 + 1) * canvas.appearance[axis]) // (2 * used[axis])
    return torch.stack(found, dim=-1).to(torch.int32)
