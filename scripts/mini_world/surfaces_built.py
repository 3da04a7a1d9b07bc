"""Surfaces made by people: masonry, timber, metal, cloth."""

# ruff: noqa: PLR0911, PLR0917 -- compiled code passes coordinates as scalars and branches per surface

from math import cos, exp, floor, sin, sqrt

from .noise import Scene, cell_hash, cellular, cellular2, fractal_noise, jit, smoothstep, value_noise
from .surface import Surface


@jit
def brick(scene: Scene, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Courses of bricks in mortar; the variants differ in bond, proportion and wear."""
    high = 0.15
    wide = high * (1.8 + 0.9 * scene.detail)
    if scene.variant == 2:
        u += 0.02 * (value_noise(x * 6, y * 6, z * 6, scene.seed) - 0.5)
        v += 0.02 * (value_noise(x * 6 + 9, y * 6, z * 6, scene.seed) - 0.5)
    row = floor(v / high)
    shift = 0.0 if scene.variant == 3 else 0.5 * (row - 2.0 * floor(row / 2.0))
    column = floor(u / wide + shift)
    fu, fv = u / wide + shift - column, v / high - row
    joint = 0.008 + 0.012 * cell_hash(7, 7, 7, scene.seed)
    edge = min(min(fu, 1 - fu) * wide, min(fv, 1 - fv) * high)
    mortar = 1.0 - smoothstep(joint, joint + 0.012, edge)
    tone = cell_hash(int(row), int(column), 3, scene.seed)
    grit = fractal_noise(x * 14, y * 14, z * 14, 2, scene.seed + 5)
    return tone * (0.5 + 0.5 * scene.detail), mortar, 0.82 + 0.36 * grit, (1.0 - mortar) * (0.8 + 0.2 * grit)


@jit
def wood(scene: Scene, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Annual rings, straight grain, planks or flame figure."""
    variant = scene.variant
    seam = 0.0
    if variant == 2:
        plank = floor(u / 0.34)
        offset = 9.0 * cell_hash(int(plank), 1, 1, scene.seed)
        y, v = y + offset, v + offset
        fu = u / 0.34 - plank
        seam = 1.0 - smoothstep(0.02, 0.07, min(fu, 1 - fu))
    if variant == 0:
        radius = sqrt((x + 0.5) ** 2 + (z + 0.2) ** 2)
        coordinate = radius * 7.0 + 2.2 * fractal_noise(x * 2, y * 0.5, z * 2, 2, scene.seed)
    elif variant == 3:
        coordinate = 9.0 * fractal_noise(x * 2.4, y * 0.45, z * 2.4, 2, scene.seed)
    else:
        coordinate = u * 6.0 + 3.5 * fractal_noise(u * 2.5, v * 0.5, 0.3 * (x + z), 3, scene.seed)
    ring = coordinate - floor(coordinate)
    grain = smoothstep(0.25, 0.75, ring) * (1.0 - smoothstep(0.85, 1.0, ring))
    fibre = value_noise(x * 30, y * 2.5, z * 30, scene.seed + 3)
    knot, _, _ = cellular(x * 0.9, y * 0.6, z * 0.9, 0.9, scene.seed + 17)
    spot = (1.0 - smoothstep(0.05, 0.13, knot)) if scene.detail > 0.5 else 0.0
    dark = min(0.9 * grain + 0.35 * (fibre - 0.3) + spot, 1.0)
    return max(dark, 0.0), max(seam, 0.6 * spot), 0.92 + 0.16 * fibre, 0.6 - 0.4 * dark - 0.6 * seam


@jit
def metal(
    scene: Scene, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float, float]:
    """Polished, hammered or brushed metal whose reflections are fixed to the object, as vertex colours must be."""
    k, height = scene.scale, 0.0
    if scene.variant == 1:
        near, _, _ = cellular(x * 5 * k, y * 5 * k, z * 5 * k, 0.8, scene.seed)
        height = near * near
        nx, ny, nz = nx + 0.6 * (near - 0.4), ny + 0.5 * (near - 0.4), nz - 0.4 * (near - 0.4)
    elif scene.variant == 2:
        streak = 0.35 * (value_noise(x * 3, y * 60, z * 3, scene.seed) - 0.5)
        nx, ny = nx + streak, ny + streak
    else:
        wave = 0.7 * (fractal_noise(x * 2.5 * k, y * 2.5 * k, z * 2.5 * k, 2, scene.seed) - 0.5)
        ny += wave
        height = 0.3 * wave
    f = scene.frame
    up = f[1, 0] * nx + f[1, 1] * ny + f[1, 2] * nz
    side = f[0, 0] * nx + f[0, 1] * ny + f[0, 2] * nz
    horizon = exp(-18.0 * (up - 0.05) ** 2)
    band = exp(-30.0 * (up - 0.55 - 0.15 * side) ** 2) + 0.7 * exp(-40.0 * (side - 0.65) ** 2)
    dark = min(0.6 * horizon + 0.3 * smoothstep(0.1, -0.9, up), 1.0)
    return dark, min(band, 1.0), 0.95 + 0.1 * sin(3.0 * side), height


@jit
def mosaic(scene: Scene, u: float, v: float) -> tuple[float, float, float, float]:
    """Small tiles in grout, in many hues or in shades of one."""
    size = 0.13
    if scene.variant == 1:
        near, far, tone = cellular2(u / size, v / size, 0.8, scene.seed)
        grout = 1.0 - smoothstep(0.06, 0.18, far - near)
        return -0.001 - 0.99 * tone if scene.color < 0 else tone, grout, 0.8 + 0.3 * tone, 1.0 - grout
    column, row = floor(u / size), floor(v / size)
    fu, fv = u / size - column, v / size - row
    grout = 1.0 - smoothstep(0.05, 0.11, min(fu, 1 - fu, fv, 1 - fv))
    tone = cell_hash(int(column), int(row), 5, scene.seed)
    t = -0.001 - 0.99 * tone if scene.color < 0 else tone
    return t, grout, 0.8 + 0.3 * cell_hash(int(column), int(row), 6, scene.seed), 1.0 - grout


@jit
def knit(u: float, v: float) -> tuple[float, float]:
    """Return colour weight and height of one row of V-shaped stitches."""
    wide, high = 0.12, 0.1
    column = floor(u / wide)
    fu = u / wide - column
    lift = abs(fu - 0.5) * 1.2
    fv = v / high + lift - floor(v / high + lift)
    strand = 4.0 * fv * (1 - fv) * (0.35 + 0.65 * smoothstep(0.0, 0.12, min(fu, 1 - fu)))
    strand *= 0.5 + 0.5 * smoothstep(0.0, 0.1, abs(fu - 0.5))
    return strand, floor(v / high + lift)


@jit
def weave(u: float, v: float, size: float) -> tuple[float, float]:
    """Return the height of an over-and-under weave and which strand lies on top."""
    a, b = u / size, v / size
    i, j = floor(a), floor(b)
    fa, fb = a - i, b - j
    over = (i + j) - 2.0 * floor((i + j) / 2.0)
    across, along = (fa, fb) if over > 0.5 else (fb, fa)
    return sin(3.14159 * along) ** 0.6 * (0.45 + 0.55 * sin(3.14159 * across)), over


@jit
def hexagon(a: float, b: float) -> float:
    """Return the distance to the border of the regular hexagonal cell around a point, 0.5 in its middle."""
    high = 1.7320508
    best_a, best_b = a - floor(a) - 0.5, b - high * floor(b / high) - 0.5 * high
    shifted_a, shifted_b = a + 0.5 - floor(a + 0.5) - 0.5, b + 0.5 * high - high * floor(b / high + 0.5) - 0.5 * high
    if shifted_a * shifted_a + shifted_b * shifted_b < best_a * best_a + best_b * best_b:
        best_a, best_b = shifted_a, shifted_b
    return 0.5 - max(abs(best_a), 0.5 * abs(best_a) + 0.8660254 * abs(best_b))


@jit
def fabric(scene: Scene, s: int, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Wicker, crochet, leather, denim, paper and rope."""
    fuzz = fractal_noise(x * 16, y * 16, z * 16, 2, scene.seed)
    if s == Surface.WICKER:
        h, over = weave(u * (0.6 if scene.variant else 1.0), v, 0.1)
        return 0.35 * over + 0.4 * fuzz - 0.1, 1.0 - smoothstep(0.15, 0.5, h), 0.6 + 0.5 * h, h
    if s == Surface.CROCHET:
        if scene.variant == 1:
            near, _, tone = cellular2(u / 0.11, v / 0.11, 0.15, scene.seed)
            h, row = max(1.0 - 1.7 * near * near, 0.0), 1.0 * floor(v / 0.22)
        else:
            h, row = knit(u, v)
        t = 0.4 * fuzz
        if scene.detail > 0.6 and scene.color < 0:
            t = -0.001 - 0.99 * cell_hash(int(row), 9, 9, scene.seed)
        return t, 1.0 - smoothstep(0.05, 0.35, h), 0.6 + 0.45 * h, h
    if s == Surface.LEATHER:
        near, far, _ = cellular(x * 15, y * 15, z * 15, 0.9, scene.seed)
        if scene.variant == 1:
            near, far, _ = cellular2(u * 11 + 0.5 * fuzz, v * 18, 0.95, scene.seed)
        crack = 1.0 - smoothstep(0.02, 0.14, far - near)
        return 0.8 * fractal_noise(x * 2, y * 2, z * 2, 2, scene.seed), 0.45 * crack, 0.9 + 0.2 * fuzz, 1.0 - crack
    if s == Surface.DENIM:
        twill = 0.5 + 0.5 * cos(75.0 * (u + v))
        worn = smoothstep(0.45, 0.75, fractal_noise(x * 1.7, y * 1.7, z * 1.7, 3, scene.seed))
        stitch = 1.0 if abs(abs(u) - 0.3) < 0.012 and (v * 14 - floor(v * 14)) < 0.6 else 0.0
        return 0.5 * twill + 0.2 * fuzz, max(0.45 * worn, stitch), 0.92 + 0.16 * fuzz, 0.4 * twill
    if s == Surface.ROPE:
        if scene.variant == 1:
            u, v = v, u
        a = v / 0.13
        fv = a - floor(a)
        twist = (u / 0.09 + 1.3 * fv) - floor(u / 0.09 + 1.3 * fv)
        h = sin(3.14159 * fv) ** 0.6 * (0.5 + 0.5 * sin(3.14159 * twist))
        return 0.5 * fuzz, 1.0 - smoothstep(0.1, 0.5, h), 0.65 + 0.4 * h, h
    near, far, tone = cellular(x * 1.6, y * 1.6, z * 1.6, 0.9, scene.seed)
    if scene.variant == 1:
        crease = abs(2.0 * fractal_noise(x * 2.4, y * 2.4, z * 2.4, 2, scene.seed) - 1.0)
        return 0.6 * crease, 0.5 * (1.0 - smoothstep(0.0, 0.08, crease)), 0.88 + 0.3 * crease, 2.5 * crease
    fold = smoothstep(0.0, 0.25, far - near)
    return 0.25 * tone + 0.2 * fuzz, 0.35 * (1.0 - fold), 0.86 + 0.2 * tone, tone + 0.6 * fold


@jit
def tiled(scene: Scene, s: int, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Chocolate squares, honeycomb, scales and strawberry seeds: things in a lattice."""
    fuzz = fractal_noise(x * 5, y * 5, z * 5, 2, scene.seed)
    if s == Surface.CHOCOLATE:
        a, b = u / 0.3, v / 0.22
        fa, fb = a - floor(a), b - floor(b)
        h = smoothstep(0.0, 0.2, min(fa, 1 - fa, fb, 1 - fb))
        if scene.variant == 1:
            h = 0.5 + 0.5 * sin(9.0 * y + 6.0 * fuzz)
        return 0.5 * fuzz, 0.25 * smoothstep(0.5, 1.0, h) * fuzz, 0.7 + 0.35 * h, h
    if s == Surface.HONEYCOMB:
        h = hexagon(u / 0.15, v / 0.15) if scene.variant else hexagon(v / 0.12, u / 0.12)
        wall = 1.0 - smoothstep(0.06, 0.2, h)
        return 0.9 - 1.4 * h, wall, 0.85 + 0.2 * fuzz, wall
    if s == Surface.SCALES:
        if scene.variant == 1:
            a, b = u / 0.13 + v / 0.13, u / 0.13 - v / 0.13
            fa, fb = a - floor(a), b - floor(b)
            rim = min(fa, 1 - fa, fb, 1 - fb)
            tone = cell_hash(floor(a), floor(b), 4, scene.seed)
            return 0.7 * tone, 1.0 - smoothstep(0.04, 0.16, rim), 0.75 + 0.7 * rim, rim * 2.0
        best, tone = -9.0, 0.0
        for k in range(2):
            row = floor(v / 0.07) - k
            a = u / 0.14 + 0.5 * (row - 2 * floor(row / 2))
            fa = a - floor(a) - 0.5
            fv = v / 0.07 - row
            h = 1.0 - sqrt(fa * fa * 3.4 + (fv * 0.5) ** 2)
            if h > best - 0.001 and (k == 0 or best < 0.32):
                best, tone = h, cell_hash(floor(a), int(row), 4, scene.seed)
        edge = 1.0 - smoothstep(0.02, 0.35, best)
        return 0.7 * tone, edge, 0.65 + 0.5 * best, best
    if scene.variant == 1:
        near, _, _ = cellular2(u * 7.5, v * 6.0, 0.7, scene.seed)
        pip = 1.0 - smoothstep(0.12, 0.22, near)
        return 0.5 * fuzz, pip, 0.85 + 0.25 * min(near, 0.7), -pip
    row = floor(v / 0.16)
    a = u / 0.16 + 0.5 * (row - 2 * floor(row / 2))
    fa, fb = a - floor(a) - 0.5, v / 0.16 - row - 0.5
    seed = 1.0 - smoothstep(0.1, 0.2, sqrt(fa * fa * 2.2 + fb * fb))
    return 0.6 * fuzz, seed, 0.95 + 0.1 * fuzz, -seed
