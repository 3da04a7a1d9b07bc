"""Signed distance functions of the world's shapes, all inside the unit sphere and upright along +y.

Primitive distances and the smooth union follow Hart, "Sphere tracing" (1996); numbers of the shapes are in
`scene.SHAPES` order. Distances of lathed shapes are bounds, hence the factor on the march's step.
"""

# ruff: noqa: PLR0917, PLR0911 -- compiled code passes coordinates as scalars and branches per surface

from collections.abc import Sequence
from math import atan2, cos, floor, sin, sqrt

from .noise import Scene, cell_hash, cellular, fractal_noise, jit, smoothstep


@jit
def smooth_union(a: float, b: float, radius: float) -> float:
    """Return the polynomial smooth minimum of two distances."""
    h = max(radius - abs(a - b), 0.0) / radius
    return min(a, b) - h * h * radius * 0.25


@jit
def segment(
    x: float, y: float, z: float, ax: float, ay: float, az: float, bx: float, by: float, bz: float, radius: float
) -> float:
    """Return the distance to a capsule from a to b."""
    px, py, pz, dx, dy, dz = x - ax, y - ay, z - az, bx - ax, by - ay, bz - az
    t = (px * dx + py * dy + pz * dz) / (dx * dx + dy * dy + dz * dz + 1e-9)
    t = min(max(t, 0.0), 1.0)
    px, py, pz = px - t * dx, py - t * dy, pz - t * dz
    return sqrt(px * px + py * py + pz * pz) - radius


@jit
def box(x: float, y: float, z: float, hx: float, hy: float, hz: float, rounding: float) -> float:
    """Return the distance to a rounded box with the given half sizes."""
    qx, qy, qz = abs(x) - hx + rounding, abs(y) - hy + rounding, abs(z) - hz + rounding
    ox, oy, oz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
    return sqrt(ox * ox + oy * oy + oz * oz) + min(max(qx, qy, qz), 0.0) - rounding


@jit
def lathe(x: float, y: float, z: float, form: Sequence[float], smooth: bool) -> float:
    """Return a bound of the distance to a surface of revolution given by 8 radii from y = -0.9 to 0.9."""
    s = min(max((y + 0.9) / 1.8 * 7.0, 0.0), 6.9999)
    i = floor(s)
    t = s - i
    if smooth:
        t = t * t * (3 - 2 * t)
    radius = form[i] + (form[i + 1] - form[i]) * t
    side = (sqrt(x * x + z * z) - radius) * 0.7
    cap = abs(y) - 0.9
    if side > 0 and cap > 0:
        return sqrt(side * side + cap * cap)
    return max(side, cap)


@jit
def animal(x: float, y: float, z: float, f: Sequence[float]) -> float:
    """Return the distance to a four-legged animal with body, neck, head, legs and tail of varied proportions."""
    leg, body, neck, head = 0.35 + 0.3 * f[0], 0.17 + 0.12 * f[1], 0.1 + 0.35 * f[2], 0.1 + 0.08 * f[3]
    z = abs(z)
    d = segment(x, y, z, -0.42, 0.08, 0.0, 0.36, 0.08, 0.0, body)
    thick = 0.045 + 0.06 * f[4]
    d = smooth_union(d, segment(x, y, z, 0.38, 0.0, 0.13, 0.4, -0.15 - leg, 0.14, thick), 0.1)
    d = smooth_union(d, segment(x, y, z, -0.42, 0.0, 0.13, -0.46, -0.15 - leg, 0.14, thick), 0.1)
    d = smooth_union(d, segment(x, y, z, 0.4, 0.12, 0.0, 0.52 + 0.1 * f[5], 0.18 + neck, 0.0, 0.1), 0.12)
    hx, hy = 0.52 + 0.1 * f[5], 0.18 + neck
    d = smooth_union(d, segment(x, y, z, hx, hy, 0.0, hx + 0.08 + 0.2 * f[6], hy - 0.08, 0.0, head), 0.08)
    d = smooth_union(d, segment(x, y, z, hx - 0.02, hy + 0.06, 0.06, hx - 0.06, hy + 0.2, 0.1, 0.03), 0.04)
    return smooth_union(d, segment(x, y, z, -0.48, 0.14, 0.0, -0.72, -0.1 + 0.3 * f[7], 0.0, 0.04), 0.06)


@jit
def figure(x: float, y: float, z: float, f: Sequence[float]) -> float:
    """Return the distance to a standing figure."""
    z_body = z * (1.0 + 0.4 * f[0])
    x = abs(x)
    d = segment(x, y, z_body, 0.0, -0.1, 0.0, 0.0, 0.3, 0.0, 0.16 + 0.12 * f[1])
    d = smooth_union(d, segment(x, y, z, 0.0, 0.62 + 0.05 * f[2], 0.0, 0.0, 0.68, 0.0, 0.13 + 0.1 * f[3]), 0.1)
    d = smooth_union(d, segment(x, y, z, 0.2, 0.32, 0.0, 0.35 + 0.3 * f[4], 0.3 - 0.6 * f[5], 0.05, 0.07), 0.1)
    return smooth_union(d, segment(x, y, z, 0.1, -0.2, 0.0, 0.14 + 0.15 * f[6], -0.85, 0.0, 0.07 + 0.06 * f[7]), 0.1)


@jit
def blob(x: float, y: float, z: float, f: Sequence[float], seed: int) -> float:
    """Return the distance to a smooth union of six balls and rods."""
    d = sqrt(x * x + y * y + z * z) - 0.3 - 0.2 * f[0]
    for i in range(5):
        cx = 1.2 * cell_hash(i, 1, 0, seed) - 0.6
        cy = 1.4 * cell_hash(i, 2, 0, seed) - 0.7
        cz = 1.2 * cell_hash(i, 3, 0, seed) - 0.6
        d = smooth_union(d, segment(x, y, z, 0.4 * cx, 0.4 * cy, 0.4 * cz, cx, cy, cz, 0.08 + 0.2 * f[i + 1]), 0.22)
    return d


@jit
def chair(x: float, y: float, z: float, f: Sequence[float]) -> float:
    """Return the distance to a chair, or a table where the back is low."""
    seat, wide, leg = -0.1 + 0.15 * f[0], 0.38 + 0.2 * f[1], 0.04 + 0.05 * f[2]
    d = box(x, y - seat, z, wide, 0.06 + 0.05 * f[3], wide, 0.03)
    height = (seat + 0.8) * 0.5
    d = min(d, box(abs(x) - wide + leg, y - seat + height, abs(z) - wide + leg, leg, height, leg, 0.02))
    back = 0.4 * f[4]
    return min(d, box(x, y - seat - back, z + wide - 0.05, wide, back + 0.02, 0.05, 0.03))


@jit
def base_distance(scene: Scene, x: float, y: float, z: float) -> float:
    """Return the distance from a point to the undisplaced shape."""
    kind: int = scene.shape
    f: Sequence[float] = scene.form
    if kind == 0:
        return sqrt(x * x + y * y + z * z) - 0.85
    if kind == 1:
        wide = 1.25 + 0.35 * f[0] + 0.25 * y
        return (sqrt(x * x * wide * wide + y * y + z * z * wide * wide) - 0.9) / wide
    if kind == 2:
        return box(x, y, z, 0.3 + 0.3 * f[0], 0.3 + 0.35 * f[1], 0.3 + 0.3 * f[2], 0.02 + 0.12 * f[3])
    if kind == 3:
        ring = 0.5 + 0.12 * f[0]
        q = sqrt(x * x + z * z) - ring
        return sqrt(q * q + y * y) - 0.14 - 0.2 * f[1]
    if kind == 4:
        return segment(x, y, z, 0.0, -0.5, 0.0, 0.0, 0.5, 0.0, 0.22 + 0.2 * f[0])
    if kind == 11:
        return animal(x, y, z, f)
    if kind == 12:
        return figure(x, y, z, f)
    if kind == 13:
        return blob(x, y, z, f, scene.seed)
    if kind == 14:
        return chair(x, y, z, f)
    return lathe(x, y, z, f, kind in {5, 6})


@jit
def base_normal(scene: Scene, x: float, y: float, z: float, e: float) -> tuple[float, float, float]:
    """Return the unit gradient of the undisplaced distance (tetrahedral differences)."""
    a = base_distance(scene, x + e, y - e, z - e)
    b = base_distance(scene, x - e, y - e, z + e)
    c = base_distance(scene, x - e, y + e, z - e)
    d = base_distance(scene, x + e, y + e, z + e)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@jit
def relief_height(scene: Scene, x: float, y: float, z: float) -> float:
    """Return the displacement in [0, 1] at a point of the undisplaced surface."""
    k: float = scene.relief_scale
    g: int = scene.geometry
    if g == 3:
        ribs = floor(3.0 * k) if scene.cylindrical else 0.0
        return 0.5 + 0.5 * cos(ribs * atan2(z, x) if scene.cylindrical else 8.0 * k * (x + 0.7 * z))
    if g == 5:
        # Creases run along the level lines of a noise, as in crumpled cloth.
        fold = 7.0 * fractal_noise(x * k, y * k, z * k, 2, scene.seed) + 0.8 * k * y
        return abs(sin(fold * 1.6))
    near, far, _ = cellular(x * k, y * k, z * k, 0.7, scene.seed)
    if g == 1:
        return sqrt(max(1.0 - 2.2 * near * near, 0.0))
    if g == 2:
        return sqrt(max(1.0 - 2.3 * near, 0.0)) * max(1.0 - 2.3 * near, 0.0)
    return smoothstep(0.02, 0.16, far - near)


@jit
def distance(scene: Scene, x: float, y: float, z: float) -> float:
    """Return the distance to the displaced surface."""
    d = base_distance(scene, x, y, z)
    amplitude: float = scene.relief
    if amplitude == 0.0:
        return d
    if d > 1.5 * amplitude + 0.02:
        return d - amplitude
    # Cells are evaluated on the undisplaced surface: in free space they would give floating balls.
    nx, ny, nz = base_normal(scene, x, y, z, 0.01)
    return (d - amplitude * relief_height(scene, x - d * nx, y - d * ny, z - d * nz)) * 0.7
