"""The judge's own drawing of the 24 surfaces: colours and relief of the vertices of a mesh.

Every function takes a chart of the mesh and a random generator and returns sRGB (V, 3) and a height (V,) in [0, 1].
Each has more than one way of drawing, so that the judge learns the idea and not one picture of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from .fields import Chart, Floats, blend, looked_up, ramp, scattered, waves

Look = tuple[Floats, Floats]


def near(rng: Generator, *rgb: float) -> Floats:
    """A colour, somewhat lighter or darker and a little off in hue."""
    out: Floats = np.clip(np.array(rgb) * rng.uniform(0.85, 1.15) + rng.normal(0, 0.025, 3), 0.01, 0.99)
    return out


def upward(rng: Generator, lift: float) -> Floats:
    """A random direction, more likely upwards."""
    direction = rng.normal(size=3) + np.array([0.0, lift, 0.0])
    out: Floats = direction / np.linalg.norm(direction)
    return out


def masonry(chart: Chart, rng: Generator, bricks: list[Floats]) -> Look:
    """Bricks in running, third, stack or Flemish bond, each burnt a little differently, in mortar."""
    high = rng.uniform(0.1, 0.19)
    long = high * rng.uniform(1.9, 2.8)
    wobble = rng.uniform(0, 0.012)
    u, v = (c + wobble * waves(chart.points, rng, 3.0) for c in (chart.across, chart.along))
    row = np.floor(v / high)
    bond = rng.choice(4, p=(0.5, 0.2, 0.08, 0.22))
    short = 0.5 * long if bond == 3 else 0.0
    period = long + short
    shift = (0.5 * (row % 2), row % 3 / 3, 0 * row, 0.5 * (row % 2))[bond] * period
    place = (u + shift) % period
    second = place > long
    number = 2 * np.floor((u + shift) / period) + second
    left = np.where(second, place - long, place)
    side = np.minimum(left, np.where(second, period, long) - np.where(second, place, left))
    level = np.minimum(v % high, high - v % high)
    joint = rng.uniform(0.006, 0.014)
    mortar = 1 - ramp(joint, joint + rng.uniform(0.008, 0.02), np.minimum(side, level))
    tone = looked_up(rng, row + 500, number + 500)
    face = blend(blend(bricks[0], bricks[1], tone), bricks[2], 1.0 * (tone > rng.uniform(0.8, 1)))
    face *= (1 + 0.06 * waves(chart.points, rng, 6.0))[:, None]
    lime = (near(rng, 0.82, 0.79, 0.73), near(rng, 0.66, 0.64, 0.6), near(rng, 0.9, 0.88, 0.85))[rng.integers(3)]
    return blend(face, lime, mortar), 1 - mortar


def brick(chart: Chart, rng: Generator) -> Look:
    base = (near(rng, 0.66, 0.24, 0.16), near(rng, 0.74, 0.33, 0.2), near(rng, 0.56, 0.18, 0.14))[rng.integers(3)]
    return masonry(chart, rng, [base * 0.85, base * 1.12, base * 0.6])


def blue_brick(chart: Chart, rng: Generator) -> Look:
    base = (near(rng, 0.12, 0.22, 0.76), near(rng, 0.2, 0.36, 0.8), near(rng, 0.1, 0.2, 0.55))[rng.integers(3)]
    return masonry(chart, rng, [base * 0.85, base * 1.12, base * 0.6])


def wood(chart: Chart, rng: Generator) -> Look:
    """Timber sawn from a trunk whose heart lies inside the object or far from it; sometimes boards."""
    p = chart.points
    lying = rng.random() < 0.3
    grain, flat = (0, [1, 2]) if lying else (1, [0, 2])
    far = rng.uniform(0, 2.5)
    angle = rng.uniform(0, 2 * np.pi)
    q = p[:, flat] + far * np.array([np.cos(angle), np.sin(angle)])
    stretched = p.copy()
    stretched[:, grain] *= 0.3
    boards, seam = np.zeros(len(p)), np.zeros(len(p))
    if rng.random() < 0.35:
        wide = rng.uniform(0.16, 0.34)
        c = chart.along if lying else chart.across
        boards = np.floor(c / wide)
        seam = 1 - ramp(0.006, 0.02, np.minimum(c % wide, wide - c % wide))
    shift = looked_up(rng, boards + 99)
    ring = np.hypot(q[:, 0], q[:, 1]) * rng.uniform(7, 14) + 0.4 * waves(stretched, rng, 1.3, 2) + 5 * shift
    phase = ring % 1
    late = ramp(0.3, 0.95, phase) * (1 - ramp(0.95, 1.0, phase))
    thin = p.copy()
    thin[:, grain] *= 0.08
    fibre = waves(thin, rng, 9.0)
    pale, dark = ((0.72, 0.5, 0.28), (0.42, 0.24, 0.11)), ((0.55, 0.34, 0.18), (0.3, 0.16, 0.08))
    light = ((0.84, 0.64, 0.41), (0.58, 0.37, 0.19))
    a, b = (near(rng, *c) for c in (pale, dark, light)[rng.integers(3)])
    color = blend(a, b, np.clip(late + 0.1 * fibre, 0, 1)) * (1 + 0.12 * (shift - 0.5))[:, None]
    return blend(color, b * 0.45, seam), 1 - 0.4 * late - 0.6 * seam


def gold(chart: Chart, rng: Generator) -> Look:
    """Metal that mirrors a dark floor, a bright sky and a few lamps, as seen from one fixed place."""
    n = chart.normals
    if rng.random() < 0.35:  # hammered
        cells = scattered(chart.points, rng, rng.uniform(0.12, 0.25))
        away = chart.points - cells.seeds[cells.nearest]
        n = n + away * rng.uniform(1.0, 3.0)
    bend = rng.uniform(0.05, 0.25)
    n = n + bend * np.stack([waves(chart.points, rng, 0.8) for _ in range(3)], 1)
    n = n / np.linalg.norm(n, axis=1, keepdims=True)
    eye = rng.normal(size=3) * [1, 0.3, 1]
    eye /= np.linalg.norm(eye)
    mirrored = 2 * (n @ eye)[:, None] * n - eye
    light = 0.35 + 0.3 * ramp(-0.3, 0.6, mirrored[:, 1]) - 0.25 * np.exp(-((mirrored[:, 1] + 0.1) ** 2) / 0.03)
    for _ in range(int(rng.integers(2, 6))):
        light += 0.6 * ramp(0.75, 0.97, mirrored @ upward(rng, 0.6))
    shadow, middle, glint = near(rng, 0.42, 0.26, 0.05), near(rng, 0.86, 0.64, 0.14), near(rng, 1.0, 0.93, 0.6)
    low, high = ramp(0.1, 0.6, light), ramp(0.65, 1.1, light)
    return blend(blend(shadow, middle, low), glint, high), np.full(len(n), 0.5)


def cobblestone(chart: Chart, rng: Generator) -> Look:
    """Rounded stones about scattered seeds, with dark or sandy gaps."""
    cells = scattered(chart.points, rng, rng.uniform(0.16, 0.32))
    gap = rng.uniform(0.01, 0.03)
    inside = ramp(gap, gap + 0.04, cells.second - cells.first)
    tone = looked_up(rng, cells.nearest)
    base = (near(rng, 0.56, 0.55, 0.54), near(rng, 0.5, 0.49, 0.46), near(rng, 0.6, 0.57, 0.52))[rng.integers(3)]
    stone = base * (0.75 + 0.5 * tone)[:, None] * (1 + 0.08 * waves(chart.points, rng, 7.0))[:, None]
    dirt = (near(rng, 0.14, 0.13, 0.12), near(rng, 0.3, 0.26, 0.2))[rng.integers(2)]
    dome = inside * (1 - 0.5 * np.clip(cells.first / 0.2, 0, 1))
    return blend(np.broadcast_to(dirt, stone.shape), stone, inside), dome


def marble(chart: Chart, rng: Generator) -> Look:
    """White stone with grey veins where a warped sum of waves crosses zero."""
    p = chart.points + 0.12 * np.stack([waves(chart.points, rng, 1.2) for _ in range(3)], 1)
    vein = np.zeros(len(p))
    for k in range(int(rng.integers(2, 4))):
        line = np.abs(waves(p, rng, 0.7 + 0.4 * k))
        vein = np.maximum(vein, (1 - ramp(0.0, rng.uniform(0.15, 0.4), line)) * (0.9 - 0.25 * k))
    cloud = 0.5 + 0.3 * waves(p, rng, 0.8)
    base = blend(near(rng, 0.95, 0.95, 0.94), near(rng, 0.84, 0.84, 0.86), np.clip(cloud, 0, 1))
    return blend(base, near(rng, 0.45, 0.46, 0.5), vein * rng.uniform(0.6, 1)), np.full(len(p), 0.5)


def ice(chart: Chart, rng: Generator) -> Look:
    """Pale blue with deep places, white cracks and glints on its edges."""
    deep = ramp(-1, 1.3, waves(chart.points, rng, 1.2, 2))
    color = blend(near(rng, 0.8, 0.93, 0.99), near(rng, 0.5, 0.75, 0.93), deep)
    cells = scattered(chart.points, rng, rng.uniform(0.3, 0.6))
    crack = 1 - ramp(0.0, rng.uniform(0.015, 0.05), cells.second - cells.first)
    shine = ramp(0.6, 0.95, chart.normals @ upward(rng, 1.0))
    height = 0.5 * looked_up(rng, cells.nearest)
    white = np.clip(crack * rng.uniform(0.4, 1) + 0.5 * shine, 0, 1)
    return blend(color, np.array([0.98, 0.99, 1.0]), white), height


def lava(chart: Chart, rng: Generator) -> Look:
    """A black crust in plates, or streams, with a glow from yellow over orange to red between."""
    p = chart.points + 0.05 * np.stack([waves(chart.points, rng, 2.5) for _ in range(3)], 1)
    if rng.random() < 0.7:
        cells = scattered(p, rng, rng.uniform(0.22, 0.45))
        heat = 1 - ramp(0.0, rng.uniform(0.07, 0.16), cells.second - cells.first)
    else:
        heat = 1 - ramp(0.1, 0.75, np.abs(waves(p * [1, 0.6, 1], rng, 1.2)))
    heat = np.clip(heat + 0.12 * waves(p, rng, 4.0), 0, 1)
    crust, glow = near(rng, 0.1, 0.07, 0.07), near(rng, 0.9, 0.25, 0.03)
    color = blend(np.broadcast_to(crust, p.shape), near(rng, 0.55, 0.08, 0.02), ramp(0.05, 0.35, heat))
    return blend(blend(color, glow, ramp(0.3, 0.6, heat)), near(rng, 1, 0.85, 0.25), ramp(0.7, 1, heat)), 1 - heat


def moss(chart: Chart, rng: Generator) -> Look:
    """Cushions of many greens, with fine grain."""
    cells = scattered(chart.points, rng, rng.uniform(0.1, 0.2))
    cushion = 1 - np.clip(cells.first / 0.14, 0, 1) ** 2
    tone = 0.5 * looked_up(rng, cells.nearest) + 0.5 * cushion + 0.15 * waves(chart.points, rng, 9.0)
    color = blend(near(rng, 0.13, 0.22, 0.05), near(rng, 0.34, 0.47, 0.12), np.clip(tone, 0, 1))
    light = ramp(0.7, 1.1, tone + 0.2 * waves(chart.points, rng, 1.5))
    return blend(color, near(rng, 0.52, 0.6, 0.2), light), cushion


def wicker(chart: Chart, rng: Generator) -> Look:
    """Withies over and under stakes: plain weave, twill or basket weave."""
    wide, high = rng.uniform(0.09, 0.18), rng.uniform(0.06, 0.11)
    a, b = chart.across / wide, chart.along / high
    i, j = np.floor(a), np.floor(b)
    kind = rng.choice(3, p=(0.6, 0.2, 0.2))
    over = ((i + j) % 2, 1.0 * ((i + j) % 4 < 2), (i // 2 + j // 2) % 2)[kind]
    fa, fb = np.abs(a - i - 0.5) * 2, np.abs(b - j - 0.5) * 2
    across = np.sqrt(np.clip(1 - fb**2, 0, 1)) * np.sqrt(np.clip(1 - 0.8 * fa**2, 0, 1))
    upright = np.sqrt(np.clip(1 - fa**2, 0, 1)) * np.sqrt(np.clip(1 - 0.8 * fb**2, 0, 1))
    height = np.where(over > 0, across, upright)
    tan, shade = near(rng, 0.84, 0.66, 0.4), near(rng, 0.66, 0.46, 0.24)
    dark = near(rng, 0.26, 0.15, 0.07)
    strand = np.where(over > 0, looked_up(rng, j + 77), looked_up(rng, i + 777))
    color = blend(tan, shade, 0.55 * (1 - over) + 0.4 * strand)
    return blend(np.broadcast_to(dark, color.shape), color, ramp(0.15, 0.7, height)), height


def chocolate(chart: Chart, rng: Generator) -> Look:
    """A bar of bevelled pieces with a gloss, or a smooth glaze with drips."""
    base = (near(rng, 0.34, 0.18, 0.09), near(rng, 0.24, 0.12, 0.06), near(rng, 0.46, 0.27, 0.15))[rng.integers(3)]
    if rng.random() < 0.75:
        wide, high = rng.uniform(0.2, 0.36), rng.uniform(0.16, 0.26)
        u, v = chart.across % wide, chart.along % high
        edge = np.minimum(np.minimum(u, wide - u), np.minimum(v, high - v))
        height = ramp(0.0, 0.05, edge)
        lit = 0.3 * ((v > 0.7 * high) & (edge < 0.05)) - 0.35 * (edge < 0.014)
    else:
        height = 0.5 + 0.5 * np.sin(chart.points[:, 1] * rng.uniform(8, 14) + 1.2 * waves(chart.points, rng, 1.3))
        lit = 0.3 * ramp(0.8, 1, height) - 0.2 * (1 - height)
    return base * (1 + lit + 0.05 * waves(chart.points, rng, 2.0))[:, None], height


def honeycomb(chart: Chart, rng: Generator) -> Look:
    """Hexagonal wax cells filled to different heights: nearest of a triangular lattice's points."""
    pitch = rng.uniform(0.11, 0.2)
    u, v = (chart.across, chart.along) if rng.random() < 0.6 else (chart.along, chart.across)
    best = np.full((2, len(u)), 9.0)
    number = np.zeros((2, len(u)))
    for k in range(2):  # the lattice is two rectangular ones
        x, y = u / pitch - 0.5 * k, v / (pitch * np.sqrt(3)) - 0.5 * k
        i, j = np.round(x), np.round(y)
        dx, dy = np.abs(x - i), np.abs(y - j) * np.sqrt(3)
        # Distance in the hexagon's own norm: 0.5 on its walls.
        best[k], number[k] = np.maximum(dx, 0.5 * dx + np.sqrt(0.75) * dy), i * 37 + j + 1000 * k
    inside = best.argmin(0)
    wall = ramp(0.36, 0.46, best.min(0))
    fill = looked_up(rng, np.take_along_axis(number, inside[None], 0)[0] + 5000)
    honey = blend(near(rng, 0.72, 0.38, 0.03), near(rng, 0.95, 0.65, 0.1), fill)
    return blend(honey, near(rng, 0.98, 0.84, 0.42), wall), wall


def denim(chart: Chart, rng: Generator) -> Look:
    """Indigo twill, worn pale in places, with seams stitched twice in orange."""
    wear = ramp(0.2, 1.8, waves(chart.points, rng, 0.9, 2))
    twill = 0.5 + 0.5 * np.sin((chart.across + chart.along) * rng.uniform(60, 110))
    color = blend(near(rng, 0.16, 0.26, 0.48), near(rng, 0.33, 0.46, 0.68), np.clip(0.55 * twill + 0.5 * wear, 0, 1))
    every = rng.uniform(0.5, 1.1)
    c = chart.across if rng.random() < 0.7 else chart.along
    other = chart.along if c is chart.across else chart.across
    off = np.abs(c % every - 0.5 * every)
    thread = (np.abs(off - 0.03) < 0.011) & (other % 0.07 < 0.045)
    fold = 1 - ramp(0.0, 0.012, off)
    color = blend(color, near(rng, 0.1, 0.15, 0.3), fold)
    return blend(color, near(rng, 0.85, 0.55, 0.2), 1.0 * thread), 0.4 * twill + 0.5 * (off < 0.05)


def strawberry(chart: Chart, rng: Generator) -> Look:
    """Red flesh with pale yellow seeds in dimples, in rows or scattered."""
    pitch = rng.uniform(0.11, 0.19)
    if rng.random() < 0.5:
        far = scattered(chart.points, rng, pitch, 0.85).first
    else:
        row = np.floor(chart.along / pitch)
        a = chart.across / pitch + 0.5 * (row % 2)
        far = pitch * np.hypot((a % 1 - 0.5) * 1.4, chart.along / pitch % 1 - 0.5)
    size = rng.uniform(0.016, 0.03)
    seed, dimple = 1 - ramp(size, size + 0.012, far), np.exp(-((far / 0.05) ** 2))
    red = blend(near(rng, 0.86, 0.08, 0.1), near(rng, 0.7, 0.03, 0.07), dimple)
    red = blend(red, near(rng, 0.93, 0.3, 0.22), 0.4 * ramp(0.5, 2, waves(chart.points, rng, 0.8)))
    return blend(red, near(rng, 0.96, 0.84, 0.42), seed), 1 - dimple


def watermelon(chart: Chart, rng: Generator) -> Look:
    """Light green with dark, jagged meridians."""
    p = chart.points
    count = rng.integers(6, 11)
    tilt = rng.choice(2, p=(0.75, 0.25))
    around = np.arctan2(p[:, 2], p[:, 0]) if tilt == 0 else np.arctan2(p[:, 2], p[:, 1])
    jag = 0.09 * waves(p, rng, 4.0) + 0.16 * waves(p, rng, 1.5)
    band = np.abs((around * count / (2 * np.pi) + jag) % 1 - 0.5)
    dark = 1 - ramp(0.16, 0.26, band)
    light = blend(near(rng, 0.5, 0.74, 0.3), near(rng, 0.68, 0.82, 0.42), ramp(-1, 1, waves(p, rng, 4.0)))
    return blend(light, near(rng, 0.06, 0.28, 0.09), dark), np.full(len(p), 0.5)


def scales(chart: Chart, rng: Generator) -> Look:
    """Rounded scales in shifted rows, each lying over the next: the highest of the discs that reach a point."""
    pitch = rng.uniform(0.1, 0.18)
    u, v = chart.across / pitch, chart.along / (0.55 * pitch)
    top = np.full(len(u), -1.0)
    tone, edge = np.zeros(len(u)), np.ones(len(u))
    for k in (0, 1, 2):  # the row hung from above covers those below it
        row = np.floor(v) + k
        a = u + 0.5 * (row % 2)
        far = np.hypot(a % 1 - 0.5, (row - v) * 0.55 * 0.85) / 0.62
        hit = (far < 1) & (top < 0)
        top = np.where(hit, 1 - far, top)
        tone = np.where(hit, looked_up(rng, row + 300, np.floor(a) + 300), tone)
        edge = np.where(hit, far, edge)
    base = (near(rng, 0.25, 0.48, 0.24), near(rng, 0.36, 0.44, 0.16), near(rng, 0.14, 0.42, 0.34))[rng.integers(3)]
    color = blend(base * 0.75, np.clip(base * 1.3, 0, 1), 0.6 * tone + 0.4 * ramp(0, 0.5, top))
    rim = ramp(0.78, 0.97, edge)
    return blend(color, base * 0.22, rim), 1 - edge


def mosaic(chart: Chart, rng: Generator) -> Look:
    """Small tiles of many colours in pale grout: squares in rows, or broken pieces."""
    size = rng.uniform(0.09, 0.16)
    if rng.random() < 0.65:
        row = np.floor(chart.along / size)
        u = chart.across / size + (0.5 * (row % 2) if rng.random() < 0.2 else 0.0)
        fu, fv = u % 1, chart.along / size % 1
        gap = size * np.minimum(np.minimum(fu, 1 - fu), np.minimum(fv, 1 - fv))
        number, other = row + 400, np.floor(u) + 400
    else:
        cells = scattered(chart.points, rng, size * 1.2)
        gap, number, other = 0.5 * (cells.second - cells.first), 1.0 * cells.nearest, 0.0 * cells.nearest
    hues = np.stack([near(rng, *c) for c in TILES])[rng.permutation(len(TILES))[: int(rng.integers(4, 9))]]
    color = hues[(looked_up(rng, number, other) * len(hues)).astype(int)]
    color = color * (0.85 + 0.3 * looked_up(rng, other, number))[:, None]
    grout = 1 - ramp(0.006, 0.016, gap)
    return blend(np.clip(color, 0, 1), near(rng, 0.88, 0.87, 0.84), grout), 1 - grout


TILES = (
    (0.8, 0.2, 0.15), (0.15, 0.35, 0.75), (0.95, 0.75, 0.2), (0.15, 0.6, 0.35), (0.5, 0.25, 0.6), (0.1, 0.65, 0.7),
    (0.9, 0.5, 0.2), (0.85, 0.45, 0.6), (0.3, 0.2, 0.15), (0.6, 0.8, 0.9),
)  # fmt: skip


def camouflage(chart: Chart, rng: Generator) -> Look:
    """Three or four army colours with hard, winding borders, lying or in small squares."""
    p = chart.points * [1, rng.uniform(1.0, 1.7), 1]
    if rng.random() < 0.15:
        p = np.floor(p / 0.06) * 0.06
    color = np.broadcast_to(near(rng, 0.3, 0.36, 0.18), p.shape)
    others = [near(rng, 0.55, 0.5, 0.33), near(rng, 0.15, 0.14, 0.1), near(rng, 0.36, 0.25, 0.14)]
    for other, level in zip(others[: int(rng.integers(2, 4))], (0.2, 0.75, 0.9)):
        color = blend(color, other, ramp(level - 0.1, level + 0.1, waves(p, rng, rng.uniform(1.3, 2.1), 2)))
    return color, np.full(len(p), 0.5)


def zebra(chart: Chart, rng: Generator) -> Look:
    """Black and white bands that wander, fork and change in width; upright on a body, level on legs."""
    p = chart.points
    lying = rng.random() < 0.6
    phase = (p[:, 1] if lying else p[:, 0] + 0.5 * p[:, 2]) * rng.uniform(3, 5.5)
    phase = phase + rng.uniform(0.25, 0.5) * waves(p, rng, 1.1) + 0.06 * waves(p, rng, 4.0)
    wave = np.sin(2 * np.pi * phase) + 0.35 * waves(p, rng, 1.2)
    dark, pale = near(rng, 0.06, 0.05, 0.05), near(rng, 0.93, 0.92, 0.88)
    return blend(pale, dark, ramp(-0.15, 0.15, wave)), np.full(len(p), 0.5)


def leopard(chart: Chart, rng: Generator) -> Look:
    """Tan fur with broken dark rosettes and brown hearts."""
    cells = scattered(chart.points, rng, rng.uniform(0.15, 0.24), 0.8)
    far = cells.first + 0.008 * waves(chart.points, rng, 5.0)
    size = rng.uniform(0.045, 0.06)
    ring = ramp(size - 0.025, size - 0.01, far) * (1 - ramp(size + 0.012, size + 0.028, far))
    ring *= ramp(-0.9, -0.4, waves(chart.points, rng, 6.0))
    heart = 1 - ramp(size - 0.015, size, far)
    tan, brown = near(rng, 0.86, 0.63, 0.3), near(rng, 0.63, 0.38, 0.15)
    pale = blend(tan, near(rng, 0.93, 0.82, 0.6), ramp(0, 1.5, -chart.points[:, 1]))
    return blend(blend(pale, brown, heart), near(rng, 0.1, 0.07, 0.05), ring), np.full(len(far), 0.5)


def bands(chart: Chart, rng: Generator) -> Floats:
    """The direction in which stripes follow each other."""
    way = rng.choice(3, p=(0.5, 0.3, 0.2))
    out: Floats = (chart.along, chart.across, 0.7071 * (chart.across + chart.along))[way]
    return out


def flat(first: Floats, second: Floats, share: Floats) -> Look:
    """Two paints without relief."""
    return blend(first, second, share), np.full(len(share), 0.5)


def stripes(chart: Chart, rng: Generator) -> Look:
    wide = rng.uniform(0.16, 0.4)
    f = np.abs(bands(chart, rng) / wide % 1 - 0.5) * wide
    share = rng.uniform(0.36, 0.64)
    red, white = near(rng, 0.82, 0.08, 0.09), near(rng, 0.94, 0.94, 0.93)
    return flat(red, white, ramp(-0.012, 0.012, f - 0.5 * share * wide))


def checks(chart: Chart, rng: Generator) -> Look:
    size = rng.uniform(0.13, 0.28)
    turn = rng.choice([0.0, 0.0, np.pi / 4])
    u = np.cos(turn) * chart.across + np.sin(turn) * chart.along
    v = np.cos(turn) * chart.along - np.sin(turn) * chart.across
    odd = np.sin(np.pi * u / size) * np.sin(np.pi * v / size)
    return flat(near(rng, 0.06, 0.06, 0.06), near(rng, 0.93, 0.93, 0.92), ramp(-0.08, 0.08, odd))


def dots(chart: Chart, rng: Generator) -> Look:
    pitch = rng.uniform(0.17, 0.3)
    kind = rng.integers(3)
    if kind == 0:
        far = scattered(chart.points, rng, pitch, 0.9).first
    else:
        row = np.floor(chart.along / pitch)
        a = chart.across / pitch + 0.5 * (row % 2) * (kind == 1)
        far = pitch * np.hypot(a % 1 - 0.5, chart.along / pitch % 1 - 0.5)
    size = pitch * rng.uniform(0.2, 0.33)
    return flat(near(rng, 0.93, 0.86, 0.1), near(rng, 0.1, 0.2, 0.8), 1 - ramp(size - 0.01, size + 0.01, far))


def zigzag(chart: Chart, rng: Generator) -> Look:
    wide, high = rng.uniform(0.2, 0.34), rng.uniform(0.15, 0.28)
    u, v = (chart.across, chart.along) if rng.random() < 0.75 else (chart.along, chart.across)
    f = v / high + 2 * rng.uniform(0.45, 0.8) * np.abs(u / wide % 1 - 0.5)
    share = ramp(-0.05, 0.05, np.abs(f % 1 - 0.5) - 0.25)
    return flat(near(rng, 0.1, 0.55, 0.17), near(rng, 0.94, 0.94, 0.93), share)


SURFACES: Mapping[str, Callable[[Chart, Generator], Look]] = MappingProxyType(
    {
        "brick": brick, "blue brick": blue_brick, "wood": wood, "gold": gold, "cobblestone": cobblestone,
        "marble": marble, "ice": ice, "lava": lava, "moss": moss, "wicker": wicker, "chocolate": chocolate,
        "honeycomb": honeycomb, "denim": denim, "strawberry": strawberry, "watermelon": watermelon, "scales": scales,
        "mosaic": mosaic, "camouflage": camouflage, "zebra": zebra, "leopard": leopard, "stripes": stripes,
        "checks": checks, "dots": dots, "zigzag": zigzag,
    }
)  # fmt: skip
