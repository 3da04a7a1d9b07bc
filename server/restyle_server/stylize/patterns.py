"""Two-colour patterns on surfaces, as places to start from: a small encoder refines a structure but seldom invents one.

Each pattern is a share of the second colour, (V,) in [0, 1], as a function of the surface alone. No pattern belongs to
a prompt; which one a run starts from, if any, the encoder decides (`starts.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

EDGE = 0.02
TABLE = 16


@dataclass(frozen=True)
class Chart:
    """Where a pattern is evaluated.

    points: (V, 3) in the unit sphere, +Y up.
    normals: (V, 3), unit length.
    across, along: (V,) coordinates on the surface, `along` upwards where the surface is not level.
    """

    points: Tensor
    normals: Tensor
    across: Tensor
    along: Tensor

    @staticmethod
    def of(points: Tensor, normals: Tensor) -> Chart:
        """Project every point (V, 3) along the axis that its normal (V, 3) is nearest to."""
        x, y, z = points.unbind(1)
        axis = normals.abs().argmax(dim=1)
        return Chart(points, normals, torch.where(axis == 0, z, x), torch.where(axis == 1, z, y))


def courses(chart: Chart, size: float) -> Tensor:
    """Rows of bricks, every other row shifted by half a brick; the second colour is the joint."""
    row = (chart.along / size).floor()
    across = chart.across / (2.2 * size) + 0.5 * (row % 2)
    return _joint(chart.along / size, size).maximum(_joint(across, 2.2 * size))


def tiles(chart: Chart, size: float) -> Tensor:
    """A square grid; the second colour is the joint."""
    return _joint(chart.along / size, size).maximum(_joint(chart.across / size, size))


def stripes(chart: Chart, size: float) -> Tensor:
    """Level bands of equal height."""
    return _band(chart.along / (2 * size), size)


def columns(chart: Chart, size: float) -> Tensor:
    """Upright bands of equal width."""
    return _band(chart.across / (2 * size), size)


def checks(chart: Chart, size: float) -> Tensor:
    """A chessboard."""
    level, upright = _band(chart.along / (2 * size), size), _band(chart.across / (2 * size), size)
    return level + upright - 2 * level * upright


def grain(chart: Chart, size: float) -> Tensor:
    """Upright wavering lines of uneven width, as in sawn timber."""
    slow = chart.points * torch.tensor([1.0, 0.3, 1.0], device=chart.points.device)
    return _band(chart.across / (2 * size) + 0.7 * _noise(slow, 2.0), 2 * size)


def cells(chart: Chart, size: float) -> Tensor:
    """Rounded stones; the second colour is the gap between them."""
    nearest, second = _worley(chart.points / (2 * size))
    return 1 - _step((second - nearest) * 2 * size, 0.3 * size)


def spots(chart: Chart, size: float) -> Tensor:
    """Round spots of the second colour."""
    nearest, _ = _worley(chart.points / (2.4 * size))
    return 1 - _step(nearest * 2.4 * size, 0.75 * size)


def mottle(chart: Chart, size: float) -> Tensor:
    """Smooth blotches."""
    return _step(_noise(chart.points, 0.35 / size), 0.0, 0.25)


def weave(chart: Chart, size: float) -> Tensor:
    """Strands over and under each other; the second colour is between them."""
    across, along = chart.across / size, chart.along / size
    level = (across.floor() + along.floor()) % 2 > 0
    width, length = torch.where(level, along, across), torch.where(level, across, along)
    width, length = width - width.floor(), length - length.floor()
    height = (math.pi * length).sin().clamp_min(0).sqrt() * (0.45 + 0.55 * (math.pi * width).sin())
    return 1 - _step(height, 0.35, 0.3)


def waves(chart: Chart, size: float) -> Tensor:
    """Wavering level bands that fork and end."""
    return _band(chart.along / (2 * size) + 0.8 * _noise(chart.points, 0.12 / size), size)


def zigzag(chart: Chart, size: float) -> Tensor:
    """Level bands that go up and down."""
    tooth = chart.across / (3 * size)
    return _band(chart.along / (2 * size) + 1.2 * (tooth - tooth.floor() - 0.5).abs(), size)


def diamonds(chart: Chart, size: float) -> Tensor:
    """A net of crossing diagonals of the second colour."""
    first, second = (chart.across + chart.along) / (1.5 * size), (chart.across - chart.along) / (1.5 * size)
    return _joint(first, 1.5 * size).maximum(_joint(second, 1.5 * size))


def hexagons(chart: Chart, size: float) -> Tensor:
    """A honeycomb; the second colour is its walls."""
    place = torch.stack([chart.across, chart.along], dim=1) / (1.6 * size)
    pitch = place.new_tensor([1.0, math.sqrt(3)])
    lattices = [(place - shift * pitch).remainder(pitch) - pitch / 2 for shift in (0.0, 0.5)]
    nearer = lattices[0].square().sum(dim=1) < lattices[1].square().sum(dim=1)
    x, y = torch.where(nearer[:, None], lattices[0], lattices[1]).abs().unbind(1)
    inside = 0.5 - x.maximum(x / 2 + y * math.sqrt(3) / 2)
    return 1 - _step(inside * 1.6 * size, max(0.12 * size, 0.5 * EDGE))


def sheen(chart: Chart, size: float) -> Tensor:
    """What polished metal mirrors of a dark horizon: it follows the normals and moves with neither camera nor lamp."""
    tilt = chart.normals[:, 1] + 0.15 * _noise(chart.points, 0.06 / size)
    return 1 - _step((tilt - 0.05).abs(), 0.14, 0.16)


PATTERNS: Mapping[str, Callable[[Chart, float], Tensor]] = MappingProxyType(
    {
        f.__name__: f
        for f in (
            courses,
            tiles,
            stripes,
            columns,
            checks,
            grain,
            cells,
            spots,
            mottle,
            weave,
            waves,
            zigzag,
            diamonds,
            hexagons,
            sheen,
        )
    }
)


def _step(value: Tensor, edge: float, width: float = EDGE) -> Tensor:
    t = ((value - edge) / width + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _joint(position: Tensor, size: float) -> Tensor:
    """1 at whole numbers of `position`, over an eighth of `size` or what a mesh can show."""
    distance = (position - position.round()).abs() * size
    return 1 - _step(distance, max(0.09 * size, 0.5 * EDGE))


def _band(position: Tensor, size: float) -> Tensor:
    """0 over half of every unit of `position` and 1 over the other."""
    return _step((2 * math.pi * position).sin() * size / math.pi, 0.0)


def _noise(points: Tensor, frequency: float) -> Tensor:
    """A smooth random function of standard deviation 1 / sqrt(2): a sum of waves."""
    generator = torch.Generator().manual_seed(0)
    waves = torch.randn(3, 24, generator=generator) * frequency
    phase = torch.rand(24, generator=generator)
    return (2 * math.pi * (points @ waves.to(points) + phase.to(points))).sin().sum(dim=1) / math.sqrt(24)


def _worley(points: Tensor) -> tuple[Tensor, Tensor]:
    """Distances (V,) to the nearest and second nearest of points scattered one per unit cube (Worley 1996)."""
    jitter = torch.rand(TABLE, TABLE, TABLE, 3, generator=torch.Generator().manual_seed(0)).to(points)
    cube = points.floor().long()
    distances = []
    for shift in torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * 3).to(cube):
        neighbour = cube + shift
        x, y, z = (neighbour % TABLE).unbind(1)
        distances.append((neighbour + jitter[x, y, z] - points).norm(dim=1))
    nearest = torch.stack(distances).topk(2, dim=0, largest=False).values
    return nearest[0], nearest[1]
