"""Two-colour patterns, animal markings, and the blotches that an optimiser paints when it does not know better."""

# ruff: noqa: PLR0917, PLR0911 -- compiled code passes coordinates as scalars and branches per surface

from math import floor, sin, sqrt

from .noise import Scene, cellular, cellular2, fractal_noise, jit, smoothstep
from .surface import Surface


@jit
def ruled(scene: Scene, which: int, x: float, y: float, z: float, u: float, v: float) -> float:
    """Stripes, dots, checks, zigzag and plaid."""
    if which == Surface.STRIPES:
        c = (v, u, (u + v) * 0.7071, y)[scene.variant]
        f = c / 0.3 - floor(c / 0.3)
        return smoothstep(-0.06, 0.06, abs(f - 0.5) - 0.15 - 0.2 * scene.detail)
    if which == Surface.DOTS:
        row = floor(v / 0.22)
        a = u / 0.22 + (0.5 * (row - 2 * floor(row / 2)) if scene.variant < 2 else 0.0)
        fa, fb = a - floor(a) - 0.5, v / 0.22 - row - 0.5
        return 1.0 - smoothstep(-0.05, 0.05, sqrt(fa * fa + fb * fb) - 0.22 - 0.1 * scene.detail)
    if which == Surface.CHECKS:
        a, b = (u / 0.24, v / 0.24) if scene.variant == 0 else ((u + v) / 0.3, (u - v) / 0.3)
        return (floor(a) + floor(b)) - 2.0 * floor((floor(a) + floor(b)) / 2.0)
    if which == Surface.ZIGZAG:
        if scene.variant == 1:
            u, v = v, u
        a = u / 0.26 - floor(u / 0.26)
        f = v / 0.2 + abs(a - 0.5) * 1.4
        return smoothstep(-0.08, 0.08, abs(f - floor(f) - 0.5) - 0.25)
    a, b = u / 0.36 - floor(u / 0.36), v / 0.36 - floor(v / 0.36)
    if scene.variant == 1:
        # Two broad bands and a thin line between them, as in a tartan.
        a = 0.0 if 0.6 < a < 0.66 or 0.76 < a < 0.82 else a + 0.01
        b = 0.0 if 0.6 < b < 0.66 or 0.76 < b < 0.82 else b + 0.01
    return 0.5 * (1.0 if a < 0.42 else 0.0) + 0.5 * (1.0 if b < 0.42 else 0.0)


@jit
def pattern(
    scene: Scene, which: int, x: float, y: float, z: float, u: float, v: float
) -> tuple[float, float, float, float]:
    """Return a pattern; the first palette colour is the ground of dots and leopard spots."""
    seed = scene.seed
    if which < Surface.ZEBRA:
        return ruled(scene, which, x, y, z, u, v), 0.0, 1.0, 0.0
    if which == Surface.ZEBRA:
        bend = fractal_noise(x * 1.7, y * 1.7, z * 1.7, 2, seed)
        c = (y + 0.35 * x) * 1.9 + 2.6 * bend + (2.0 * x if scene.variant else 0.0)
        return smoothstep(-0.15, 0.15, sin(6.2832 * c)), 0.0, 1.0, 0.0
    if which == Surface.LEOPARD:
        near, _, size = cellular(x * 4.4, y * 4.4, z * 4.4, 0.8, seed)
        gap = fractal_noise(x * 9, y * 9, z * 9, 2, seed + 4)
        ring = smoothstep(0.12, 0.2, near) * (1.0 - smoothstep(0.3, 0.4, near))
        ring *= smoothstep(0.36, 0.44, gap)
        if scene.variant == 1:
            return 0.2, 1.0 - smoothstep(0.24, 0.32, near + 0.3 * gap - 0.15), 1.0, 0.0
        inside = 1.0 - smoothstep(0.12, 0.22, near)
        return 0.8 * inside * size + 0.2 * inside, ring, 1.0, 0.0
    if which == Surface.CAMOUFLAGE:
        if scene.variant == 1:
            wobble = fractal_noise(x * 5, y * 5, z * 5, 2, seed + 3)
            _, _, tone = cellular(x * 3 + wobble, y * 4 + wobble, z * 3, 0.9, seed)
            return 1.0 if tone > 0.66 else 0.0, 1.0 if tone < 0.33 else 0.0, 1.0, 0.0
        first = fractal_noise(x * 2.4, y * 3, z * 2.4, 3, seed)
        second = fractal_noise(x * 2.4 + 9, y * 3 + 4, z * 2.4, 3, seed + 8)
        return smoothstep(0.49, 0.51, first), smoothstep(0.55, 0.57, second), 1.0, 0.0
    if which == Surface.MOTTLED:
        k = 2.2 + 4.0 * scene.detail
        cloud = fractal_noise(x * k, y * k, z * k, 1 + scene.variant, seed)
        return smoothstep(0.25, 0.75, cloud), 0.0, 1.0, 0.4 * cloud * scene.variant
    if scene.variant == 0:
        k = 1.6 + 2.5 * scene.detail
        cloud = fractal_noise(x * k, y * k, z * k, 2, seed)
        return smoothstep(0.46, 0.54, cloud), 0.0, 1.0, 0.0
    near, far, tone = cellular2(u * 3 + y, v * 3, 0.9, seed)
    if scene.variant == 1:
        near, far, tone = cellular(x * 3, y * 3, z * 3, 0.9, seed)
    return tone, 0.0, 1.0, 0.0 if scene.variant == 1 else 0.5 * (far - near)
