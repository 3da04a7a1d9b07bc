"""Sphere tracing of scene records to small sRGB pictures (Hart, "Sphere tracing", 1996).

The camera is Text2Mesh's: field of view 60 degrees, 2 units from the centre, up +y (render.py of threedle/text2mesh).
Colour is traced apart from light, so that it can be blurred as a colour field on vertices would blur it.
"""

# ruff: noqa: PLR0917 -- compiled code passes coordinates as scalars and branches per surface

from math import cos, exp, sin, sqrt

import numpy as np
from numba import prange

from .noise import Scene, fractal_noise, jit, parallel_jit
from .shapes import base_normal, distance
from .surfaces import evaluate

TAN_HALF_FOV = 0.57735027
SH_CONSTANT, SH_LINEAR = 0.28209479, 0.48860251


@jit
def hue(h: float) -> tuple[float, float, float]:
    """Return a saturated colour for a hue in (0, 1)."""
    return (
        0.52 + 0.42 * cos(6.2832 * h),
        0.5 + 0.42 * cos(6.2832 * (h - 0.333)),
        0.5 + 0.42 * cos(6.2832 * (h - 0.667)),
    )


@jit
def march(scene: Scene, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Return the ray parameter of the first hit, or -1."""
    b = ox * dx + oy * dy + oz * dz
    disc = b * b - (ox * ox + oy * oy + oz * oz) + 1.3
    if disc <= 0.0:
        return -1.0
    root = sqrt(disc)
    t, end = max(-b - root, 0.02), -b + root
    for _ in range(90):
        d = distance(scene, ox + t * dx, oy + t * dy, oz + t * dz)
        if d < 0.0012 * t:
            return t
        t += 0.9 * d
        if t > end:
            return -1.0
    return t if d < 0.01 else -1.0


@jit
def shading_normal(scene: Scene, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the normal of the displaced surface, constant over a facet where the scene has facets."""
    e = 0.004
    if scene.facet > 0.0:
        e = 0.5 * scene.facet
        x = (np.floor(x / scene.facet) + 0.5) * scene.facet
        y = (np.floor(y / scene.facet) + 0.5) * scene.facet
        z = (np.floor(z / scene.facet) + 0.5) * scene.facet
    a = distance(scene, x + e, y - e, z - e)
    b = distance(scene, x - e, y - e, z + e)
    c = distance(scene, x - e, y + e, z - e)
    d = distance(scene, x + e, y + e, z + e)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@jit
def bumped(
    scene: Scene,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    bx: float,
    by: float,
    bz: float,
    height: float,
    e: float,
) -> tuple[float, float, float]:
    """Tilt the normal by the slope of the surface's height (Blinn 1978)."""
    tx, ty, tz = ny, -nx, 0.0
    if abs(nz) > 0.9:
        tx, ty, tz = 0.0, nz, -ny
    length = sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / length, ty / length, tz / length
    sx, sy, sz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    h1 = evaluate(scene, x + e * tx, y + e * ty, z + e * tz, bx, by, bz)[3]
    h2 = evaluate(scene, x + e * sx, y + e * sy, z + e * sz, bx, by, bz)[3]
    k = scene.bump / e
    g1, g2 = min(max(k * (h1 - height), -1.6), 1.6), min(max(k * (h2 - height), -1.6), 1.6)
    nx, ny, nz = nx - g1 * tx - g2 * sx, ny - g1 * ty - g2 * sy, nz - g1 * tz - g2 * sz
    length = sqrt(nx * nx + ny * ny + nz * nz)
    return nx / length, ny / length, nz / length


@jit
def light_of(scene: Scene, right: float, up: float, back: float) -> tuple[float, float]:
    """Return diffuse and specular light for a camera-space normal."""
    if scene.look == 0:
        return min(max(SH_CONSTANT + SH_LINEAR * (right + up + back), 0.0), 1.0), 0.0
    lx, ly, lz = scene.light
    facing = right * lx + up * ly + back * lz
    if scene.look == 2:
        return scene.ambient + (1.0 - scene.ambient) * (0.5 + 0.5 * facing), 0.0
    half = sqrt(lx * lx + ly * ly + (lz + 1.0) ** 2)
    glint = max((right * lx + up * ly + back * (lz + 1.0)) / half, 0.0) ** 40
    return scene.ambient + (1.05 - scene.ambient) * max(facing, 0.0), scene.gloss * glint


@jit
def blur_inside(color: np.ndarray, mask: np.ndarray, sigma: float, scratch: np.ndarray) -> None:
    """Blur a picture within its mask, in place (separable Gaussian)."""
    n = mask.shape[0]
    radius = int(2.5 * sigma) + 1
    for axis in range(2):
        for i in range(n):
            for j in range(n):
                if not mask[i, j]:
                    continue
                total, r, g, b = 0.0, 0.0, 0.0, 0.0
                for o in range(-radius, radius + 1):
                    p, q = (i + o, j) if axis else (i, j + o)
                    if 0 <= p < n and 0 <= q < n and mask[p, q]:
                        w = exp(-0.5 * (o / sigma) ** 2)
                        total += w
                        r += w * color[p, q, 0]
                        g += w * color[p, q, 1]
                        b += w * color[p, q, 2]
                scratch[i, j, 0], scratch[i, j, 1], scratch[i, j, 2] = r / total, g / total, b / total
        for i in range(n):
            for j in range(n):
                if mask[i, j]:
                    color[i, j] = scratch[i, j]


@jit
def albedo(scene: Scene, t1: float, t2: float, shade: float) -> tuple[float, float, float]:
    """Return the surface colour for palette weights."""
    p = scene.palette
    if t1 < 0.0:
        r, g, b = hue(-t1)
    else:
        r = p[0, 0] + (p[1, 0] - p[0, 0]) * t1
        g = p[0, 1] + (p[1, 1] - p[0, 1]) * t1
        b = p[0, 2] + (p[1, 2] - p[0, 2]) * t1
    r, g, b = r * shade, g * shade, b * shade
    return r + (p[2, 0] - r) * t2, g + (p[2, 1] - g) * t2, b + (p[2, 2] - b) * t2


@jit
def render(scene: Scene, picture: np.ndarray) -> None:
    """Render one scene into a uint8 (R, R, 3) picture."""
    n = picture.shape[0]
    color = np.zeros((n, n, 3), np.float32)
    light = np.zeros((n, n, 2), np.float32)
    mask = np.zeros((n, n), np.bool_)
    ca, sa, ce, se = cos(scene.azimuth), sin(scene.azimuth), cos(scene.elevation), sin(scene.elevation)
    bx, by, bz = ce * ca, se, ce * sa
    rx, rz = sa, -ca
    ux, uy, uz = -se * ca, ce, -se * sa
    step = 2.0 * TAN_HALF_FOV / (n * scene.zoom) * 1.2
    for i in range(n):
        for j in range(n):
            a = ((2 * j + 1 - n) / n / scene.zoom + scene.offset[0]) * TAN_HALF_FOV
            b = ((n - 2 * i - 1) / n / scene.zoom + scene.offset[1]) * TAN_HALF_FOV
            dx, dy, dz = a * rx + b * ux - bx, b * uy - by, a * rz + b * uz - bz
            length = sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx / length, dy / length, dz / length
            t = march(scene, 2 * bx, 2 * by, 2 * bz, dx, dy, dz)
            if t < 0.0:
                continue
            x, y, z = 2 * bx + t * dx, 2 * by + t * dy, 2 * bz + t * dz
            mx, my, mz = base_normal(scene, x, y, z, 0.01)
            nx, ny, nz = shading_normal(scene, x, y, z)
            t1, t2, shade, height = evaluate(scene, x, y, z, mx, my, mz)
            if scene.bump > 0.0:
                nx, ny, nz = bumped(scene, x, y, z, nx, ny, nz, mx, my, mz, height, max(step, 0.008))
            diffuse, glint = light_of(
                scene, nx * rx + nz * rz, nx * ux + ny * uy + nz * uz, nx * bx + ny * by + nz * bz
            )
            mask[i, j] = True
            color[i, j, 0], color[i, j, 1], color[i, j, 2] = albedo(scene, t1, t2, shade)
            light[i, j, 0], light[i, j, 1] = diffuse, glint
    if scene.blur > 0.0:
        blur_inside(color, mask, scene.blur, np.empty_like(color))
    for i in range(n):
        w = i / (n - 1)
        for j in range(n):
            noise = 0.0
            if not mask[i, j] and scene.clutter > 0.0:
                noise = scene.clutter * (fractal_noise(8.0 * j / n, 8.0 * i / n, 0.5, 3, scene.seed + 99) - 0.5)
            for c in range(3):
                if mask[i, j]:
                    value = min(max(color[i, j, c], 0.0), 1.0) * light[i, j, 0] + light[i, j, 1]
                else:
                    value = scene.background[1, c] * (1 - w) + scene.background[0, c] * w + noise
                picture[i, j, c] = int(255.0 * min(max(value, 0.0), 1.0) + 0.5)


@parallel_jit
def render_all(scenes: np.ndarray, pictures: np.ndarray) -> None:
    """Render every scene record into pictures (N, R, R, 3) uint8, over all cores."""
    for k in prange(len(scenes)):
        render(scenes[k], pictures[k])
