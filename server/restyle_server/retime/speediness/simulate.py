"""Simulated films of motion whose natural speed is known: the bodies of `scenes`, waves on water, a drive.

Every scene is filmed at a constant rate with an exposure of its own, from a tripod, a hand, or a camera that turns.
Waves on deep water obey w^2 = g k.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from .scenes import GRAVITY, SCENES, Floats, Scene, steps

SIZE = (64, 96)  # rows and columns of a simulated picture


@njit(cache=True)
def _draw(picture: Floats, capsules: Floats, shades: Floats, stripes: Floats) -> None:  # pragma: no cover (compiled)
    """Draw capsules (K, 5: x0, y0, x1, y1, radius in pixels) over a picture (h, w), in order, edges one pixel soft."""
    h, w = picture.shape
    for k in range(len(capsules)):
        x0, y0, x1, y1, r = capsules[k]
        dx, dy = x1 - x0, y1 - y0
        length2 = dx * dx + dy * dy + 1e-9
        for y in range(max(0, int(min(y0, y1) - r - 1)), min(h, int(max(y0, y1) + r + 2))):
            for x in range(max(0, int(min(x0, x1) - r - 1)), min(w, int(max(x0, x1) + r + 2))):
                u = ((x - x0) * dx + (y - y0) * dy) / length2
                u = min(1.0, max(0.0, u))
                ex, ey = x - x0 - u * dx, y - y0 - u * dy
                cover = r + 0.5 - np.sqrt(ex * ex + ey * ey)
                if cover > 0:
                    across = (ex * dy - ey * dx) / np.sqrt(length2) / (r + 1e-9)
                    shade = shades[k] + stripes[k, 0] * np.sin(stripes[k, 1] * u + stripes[k, 2] * across)
                    picture[y, x] += min(1.0, cover) * (shade - picture[y, x])


def clip(rng: np.random.Generator, frames: int = 96) -> NDArray[np.uint8]:
    """Simulate and film one random scene: (frames, 64, 96) uint8 at 24 to 30 frames per second."""
    fps = float(rng.choice([24.0, 25.0, 30.0, 30.0]))
    times = np.arange(frames) / fps + rng.uniform(0, 20)
    exposure = rng.choice([0.1, 0.25, 0.5, 0.9]) / fps
    kind = rng.random()
    if kind < 0.10:
        film = _water(rng, times)
    elif kind < 0.20:
        film = _drive(rng, times)
    else:
        scene = SCENES[rng.integers(len(SCENES))](rng)
        film = _film(rng, scene, times, exposure)
    low, high = np.percentile(film[:: frames // 4], (1, 99))
    film = (film - low) / max(high - low, 0.05) * rng.uniform(70, 210) + rng.uniform(0, 45)
    return np.asarray(np.clip(film + rng.normal(0, rng.uniform(0, 2.5), film.shape), 0, 255), np.uint8)


def _film(rng: np.random.Generator, scene: Scene, times: Floats, exposure: float) -> Floats:
    """Draw a scene at each time, averaged over three moments of the exposure, from a tripod or a hand."""
    rows, columns = SIZE
    kinds = len(scene.radii)
    shades = rng.uniform(0, 1, kinds)
    stripes = np.stack([rng.uniform(0, 0.3, kinds), rng.uniform(1, 10, kinds), rng.uniform(0, 5, kinds)], 1)
    moments = np.concatenate([times + part * exposure for part in (0.0, 0.5, 1.0)])
    scale = rows / scene.view
    shake = _hand(rng, moments) * scale * (0 if rng.random() < 0.5 else rng.uniform(0.2, 1) * scene.view)
    if rng.random() < 0.25:
        shake = shake + _pan(rng, moments) * rows
    joints = scene.joints(moments)
    x = (joints[..., 0::2] - scene.centre[0]) * scale + columns / 2 + shake[:, None, :1]
    y = rows / 2 - (joints[..., 1::2] - scene.centre[1]) * scale + shake[:, None, 1:]
    radii = np.broadcast_to(scene.radii * scale, x.shape[:2])
    capsules = np.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1], radii], -1)
    texture = _texture(rng, 192)
    grid = np.mgrid[:rows, :columns].astype(np.float64)
    film = np.empty((len(moments), rows, columns))
    backdrop = None
    for number in range(len(moments)):
        if backdrop is None or shake.any():
            moved = grid - shake[number, ::-1, None, None] + 40
            backdrop = map_coordinates(texture, moved, order=1, mode="wrap")
        film[number] = backdrop
        _draw(film[number], capsules[number], shades, stripes)
    return np.asarray(film.reshape(3, len(times), rows, columns).mean(0))


def _texture(rng: np.random.Generator, size: int) -> Floats:
    """Random wrapping picture (size, size) in [0, 1] with detail at several scales."""
    scales = np.array([1.0, 3.0, 8.0, 24.0])
    weights = rng.dirichlet((0.6, 1.0, 1.0, 1.0))
    layers = [gaussian_filter(rng.normal(size=(size, size)), s, mode="wrap") for s in scales]
    picture = sum(w * layer / layer.std() for w, layer in zip(weights, layers, strict=True))
    return np.asarray(0.5 + rng.uniform(0.03, 0.25) * picture)


def _hand(rng: np.random.Generator, times: Floats) -> Floats:
    """Sway (F, 2) of a hand-held camera as a share of the picture's height: drift below 1 Hz, tremor at 4 to 9 Hz."""
    bands = [(0.1, 1.0, 0.03), (1.0, 3.0, 0.008), (4.0, 9.0, 0.002)]
    out = np.zeros((len(times), 2))
    for low, high, size in bands:
        for _ in range(3):
            angle = 2 * np.pi * rng.uniform(low, high) * times[:, None] + rng.uniform(0, 7, 2)
            out += size / 3 * np.sin(angle)
    return out


def _pan(rng: np.random.Generator, times: Floats) -> Floats:
    """Turns of a camera (F, 2) in picture heights: from view to view by minimum-jerk curves, with rests between."""
    views = np.cumsum(rng.normal(0, (0.35, 0.08), (16, 2)), 0)
    lasting, rests = rng.uniform(0.8, 2.5, 15), rng.exponential(1.0, 15)
    return steps(views, np.cumsum(lasting + rests) - lasting, lasting, times - times.min())


def _water(rng: np.random.Generator, times: Floats) -> Floats:
    """Waves on deep water seen at a slant: brightness is the slope towards a light."""
    rows, columns = SIZE
    across = np.exp(rng.uniform(np.log(0.4), np.log(8.0)))  # metres of water in the picture's height, nearest
    near = np.linspace(rng.uniform(1.2, 3.0), 1.0, rows)[:, None]
    x = (np.arange(columns)[None] - columns / 2) / rows * across * near
    y = np.cumsum(np.broadcast_to(near**2, (rows, 1)), 0) / rows * across
    wind, light = rng.uniform(0, 2 * np.pi, 2)
    film = np.zeros((len(times), rows, columns), np.float32)
    for _ in range(18):
        length = across * np.exp(rng.uniform(np.log(0.08), np.log(1.2)))
        k = 2 * np.pi / length
        heading = wind + rng.normal(0, 0.7)
        place = (k * (np.cos(heading) * x + np.sin(heading) * y)).astype(np.float32)
        angle = place[None] - (np.sqrt(GRAVITY * k) * times[:, None, None] - rng.uniform(0, 7)).astype(np.float32)
        film += np.float32(np.cos(heading - light) * rng.uniform(0.5, 1)) * np.cos(angle)
    return np.asarray(np.tanh(film * rng.uniform(0.2, 0.6)) * 0.3 + 0.5, np.float64)


def _drive(rng: np.random.Generator, times: Floats) -> Floats:
    """The road from a moving car or bicycle: a textured ground plane, dashes on it, and posts beside it."""
    rows, columns = SIZE
    speed, height, focal = rng.uniform(3, 30), rng.uniform(1.1, 1.6), rng.uniform(0.7, 1.3) * rows
    horizon = rows * rng.uniform(0.3, 0.5)
    texture = _texture(rng, 256)
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    depth = np.where(y > horizon + 1, height * focal / np.maximum(y - horizon, 1.0), 200.0)
    side = (x - columns / 2) * depth / focal
    fade = np.clip(12.0 / depth, 0, 1)
    sky = map_coordinates(_texture(rng, 192), [y, x], order=1, mode="wrap")
    lane, period = rng.uniform(1.2, 2.0), rng.uniform(8, 14)
    trees = rng.uniform(0, 80, 14)
    places, sizes = rng.choice([-1, 1], 14) * rng.uniform(3, 9, 14), rng.uniform(1.5, 5, 14)
    shades, stripes = rng.uniform(0, 1, 14), np.tile([0.15, 9.0, 2.0], (14, 1))
    film = np.empty((len(times), rows, columns))
    for number, travelled in enumerate(speed * (times - times[0])):
        along = depth + travelled
        ground = map_coordinates(texture, [along * 16, side * 16], order=1, mode="wrap")
        ground = 0.5 + (ground - 0.5) * fade
        dash = (np.abs(np.abs(side) - lane) < 0.09) & ((along % period < period * 0.4) | (side > 0))
        picture = np.where(y > horizon + 1, np.where(dash, 1.0, ground), sky)
        far = (trees - travelled) % 80 + 1.5
        px, pr = columns / 2 + places / far * focal, sizes / far * focal
        base = horizon + height / far * focal
        posts = np.stack([px, base, px, base - pr, 0.15 * pr], 1)[np.argsort(-far)]
        _draw(picture, posts, shades[np.argsort(-far)], stripes)
        film[number] = picture
    return film
