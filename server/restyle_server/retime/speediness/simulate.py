"""Simulated motion whose natural speed is known, since gravity, gaits and reaching movements set absolute time.

Every scene is drawn in metres and seconds and filmed at a constant rate with an exposure of its own. Falling and
swinging bodies follow g = 9.81 m/s2; gait frequencies follow leg length (Alexander 1976, "Estimates of speeds of
dinosaurs": equal Froude numbers); reaches are minimum-jerk curves (Flash and Hogan 1985) whose durations follow
Fitts' law (1954); waves on deep water obey w^2 = g k.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

GRAVITY = 9.81
SIZE = (64, 96)  # rows and columns of a simulated picture
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """Capsules over a background, in metres, y upwards from the floor.

    joints(t): (F,) seconds -> (F, K, 4) x0, y0, x1, y1 of K capsules. radii: (K,). view: metres across the picture's
    height. centre: x, y of the middle of the picture.
    """

    joints: Callable[[Floats], Floats]
    radii: Floats
    view: float
    centre: tuple[float, float]


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


def clip(rng: np.random.Generator, frames: int = 72) -> NDArray[np.uint8]:
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
        scene = _SCENES[rng.integers(len(_SCENES))](rng)
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


def _balls(rng: np.random.Generator) -> Scene:
    """Balls dropped and thrown, bouncing with a random restitution, dropped again after they have come to rest."""
    count = int(rng.integers(1, 4))
    height = rng.uniform(0.3, 2.5, count)
    bounce, phase = rng.uniform(0.5, 0.9, count), rng.uniform(0, 9, count)
    fall = np.sqrt(2 * height / GRAVITY)
    # A bounce that starts with speed v lasts 2 v / g; the sequence of speeds is geometric.
    speeds = np.sqrt(2 * GRAVITY * height)[:, None] * bounce[:, None] ** np.arange(1, 7)
    starts = fall[:, None] + np.concatenate([np.zeros((count, 1)), np.cumsum(2 * speeds / GRAVITY, 1)], 1)
    drift, x0 = rng.normal(0, 0.8, count), rng.normal(0, 0.6, count)
    radii = rng.uniform(0.05, 0.16, count) * height.max()

    def joints(times: Floats) -> Floats:
        t = (times[:, None] + phase) % (starts[:, -1] + 0.2)
        y = np.where(t < fall, height - GRAVITY * t**2 / 2, 0.0)
        for k in range(speeds.shape[1]):
            s = t - starts[:, k]
            flying = (s >= 0) & (t < starts[:, k + 1])
            y = np.where(flying, speeds[:, k] * s - GRAVITY * s**2 / 2, y)
        x = x0 + drift * (t - starts[:, -1] / 2)
        spin = 3 * drift * t
        reach = 0.5 * radii
        ends = (x - reach * np.cos(spin), y - reach * np.sin(spin), x + reach * np.cos(spin), y + reach * np.sin(spin))
        return np.asarray(np.stack(ends, -1) + np.array([0, 1, 0, 1]) * radii[:, None])

    top = height.max()
    return Scene(joints, radii, top * rng.uniform(1.1, 2.0), (0.0, top * 0.5))


def _juggler(rng: np.random.Generator) -> Scene:
    """Balls thrown from hand to hand: a flight of height h lasts sqrt(8 h / g)."""
    count, height, span = int(rng.integers(2, 6)), rng.uniform(0.25, 1.2), rng.uniform(0.2, 0.6)
    flight = np.sqrt(8 * height / GRAVITY)
    held = rng.uniform(0.15, 0.35)
    phases = np.arange(count) * 2 * (flight + held) / count
    radii = np.concatenate([[0.2, 0.11], np.full(4, 0.05), np.full(count, rng.uniform(0.03, 0.06))])

    def joints(times: Floats) -> Floats:
        t = (times[:, None] + phases) % (2 * (flight + held))
        side = np.where(t < flight + held, 1.0, -1.0)
        s = t % (flight + held)
        part = np.clip(s / flight, 0, 1)
        low = np.clip((s - flight) / held, 0, 1)  # carried in the hand, through a dip, back to the throw
        x = side * span * (part - 0.5) - side * 0.1 * span * np.sin(np.pi * low)
        y = 1.0 + 4 * height * part * (1 - part) - 0.12 * np.sin(np.pi * low)
        balls = np.stack([x, y, x + 0.01, y], -1)
        beat = np.pi * times / (flight + held)
        hands = []
        for sign in (-1, 1):
            hx = sign * span / 2 + 0.06 * np.cos(2 * beat + sign)
            hy = 0.98 + 0.08 * np.sin(2 * beat + sign)
            elbow = (np.full_like(hx, sign * 0.3), np.full_like(hx, 0.85))
            shoulder = (np.full_like(hx, sign * 0.2), np.full_like(hx, 1.3))
            hands += [np.stack([*shoulder, *elbow], -1), np.stack([*elbow, hx, hy], -1)]
        still = np.zeros_like(times)
        torso = np.stack([still, still + 0.8, still, still + 1.2], -1)
        head = np.stack([still, still + 1.55, still, still + 1.6], -1)
        return np.concatenate([np.stack([torso, head, *hands], 1), balls], 1)

    return Scene(joints, radii, rng.uniform(0.9, 2.2), (0.0, 1.0 + height / 2))


def _pendulums(rng: np.random.Generator) -> Scene:
    """Pendulums with large swings: theta'' = -g / l sin theta, integrated with the classic Runge-Kutta steps."""
    count = int(rng.integers(1, 4))
    lengths, swings = rng.uniform(0.15, 1.6, count), rng.uniform(0.2, 1.4, count)
    step, steps = 0.01, 3000
    angle, rate = swings * rng.choice([-1, 1], count), np.zeros(count)
    angles = np.empty((steps, count))
    for number in range(steps):
        angles[number] = angle
        a1, b1 = rate, -GRAVITY / lengths * np.sin(angle)
        a2, b2 = rate + step / 2 * b1, -GRAVITY / lengths * np.sin(angle + step / 2 * a1)
        a3, b3 = rate + step / 2 * b2, -GRAVITY / lengths * np.sin(angle + step / 2 * a2)
        a4, b4 = rate + step * b3, -GRAVITY / lengths * np.sin(angle + step * a3)
        angle = angle + step / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        rate = rate + step / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    top = lengths.max()
    anchors = (np.arange(count) - (count - 1) / 2) * top * 0.7
    radii = np.stack([np.full(count, 0.015 * top), rng.uniform(0.05, 0.14, count) * top], 1).ravel()

    def joints(times: Floats) -> Floats:
        swing = np.stack([np.interp(times, np.arange(steps) * step, angles[:, k]) for k in range(count)], 1)
        x, y = anchors + lengths * np.sin(swing), top - lengths * np.cos(swing)
        rods = np.stack([np.broadcast_to(anchors, x.shape), np.full_like(x, top), x, y], -1)
        bobs = np.stack([x, y, x + 0.02 * top, y], -1)
        return np.stack([rods, bobs], 2).reshape(len(times), 2 * count, 4)

    return Scene(joints, radii, top * rng.uniform(1.1, 1.9), (0.0, top * 0.5))


def _walker(rng: np.random.Generator) -> Scene:
    """A figure that walks or runs in place of a panning camera or across the picture."""
    leg = np.exp(rng.uniform(np.log(0.12), 0.0))  # from cats to adults: equal Froude numbers make gaits alike
    runs = rng.random() < 0.35
    froude = rng.uniform(0.6, 2.5) if runs else rng.uniform(0.08, 0.4)
    speed = np.sqrt(froude * GRAVITY * leg)
    stride = 2.3 * leg * froude**0.3  # Alexander 1976, eq. 1
    cadence = speed / stride
    crossing = rng.choice([0.0, 0.0, 1.0, -1.0])
    swing, bend = np.arcsin(min(0.9, stride / 4 / leg)), rng.uniform(0.5, 1.0) + 0.6 * runs
    phase, start = rng.uniform(0, 7), rng.uniform(-1, 1)
    radii = leg * np.array([0.1, 0.085, 0.1, 0.085, 0.06, 0.05, 0.06, 0.05, 0.17, 0.13])

    def joints(times: Floats) -> Floats:
        turn = 2 * np.pi * cadence * times + phase
        x = crossing * ((speed * times + start) % 6 - 3)
        lift = 0.03 * leg * (1 + 2 * runs) * np.cos(2 * turn)
        hip, neck = leg * 1.0 + lift, leg * 1.62 + lift
        parts = []
        for side in (0.0, np.pi):
            thigh = swing * np.sin(turn + side) + 0.1
            shin = thigh - bend * np.clip(np.cos(turn + side), 0, 1)
            kx, ky = x + 0.5 * leg * np.sin(thigh), hip - 0.5 * leg * np.cos(thigh)
            parts.append([x, hip, kx, ky])
            parts.append([kx, ky, kx + 0.5 * leg * np.sin(shin), ky - 0.5 * leg * np.cos(shin)])
        for side in (np.pi, 0.0):
            upper = 0.8 * swing * np.sin(turn + side)
            fore = upper + 0.3 + 1.0 * runs
            ex, ey = x + 0.35 * leg * np.sin(upper), neck - 0.35 * leg * np.cos(upper)
            parts.append([x, neck, ex, ey])
            parts.append([ex, ey, ex + 0.32 * leg * np.sin(fore), ey - 0.32 * leg * np.cos(fore)])
        parts.append([x, hip, x, neck])
        parts.append([x, neck + 0.16 * leg, x, neck + 0.26 * leg])
        return np.stack([np.stack(part, -1) for part in parts], 1)

    return Scene(joints, radii, leg * rng.uniform(1.6, 4.0), (0.0, leg * rng.uniform(0.7, 1.2)))


def _reacher(rng: np.random.Generator) -> Scene:
    """A seated figure whose hands reach from place to place: gestures, stacking, pouring."""
    places = rng.uniform((-0.45, 0.75), (0.45, 1.45), (80, 2, 2))
    rhythm = np.exp(rng.uniform(np.log(0.7), np.log(2.2)))  # lively and calm people
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=-1)
    lasting = rhythm * (0.12 + 0.16 * np.log2(1 + gaps / 0.04) * rng.uniform(0.8, 1.2, gaps.shape))
    pauses = rng.exponential(rng.choice([0.05, 0.3, 0.6]), gaps.shape) + 0.03
    begins = np.cumsum(np.concatenate([np.zeros((1, 2)), lasting + pauses]), 0)[:-1]
    radii = np.array([0.22, 0.12, 0.055, 0.045, 0.06, 0.055, 0.045, 0.06])
    sway = rng.uniform(0.0, 0.03)

    def joints(times: Floats) -> Floats:
        t = times % 25.0
        lean = sway * np.sin(2 * np.pi * 0.4 * rhythm * times)
        still = np.zeros_like(times)
        parts = [[lean, still + 0.7, lean, still + 1.2], [1.5 * lean, still + 1.58, 1.5 * lean, still + 1.66]]
        for hand, side in ((0, -1.0), (1, 1.0)):
            number = np.clip(np.searchsorted(begins[:, hand], t, "right") - 1, 0, len(gaps) - 1)
            u = np.clip((t - begins[number, hand]) / lasting[number, hand], 0, 1)[:, None]
            smooth = u**3 * (10 - 15 * u + 6 * u**2)  # minimum jerk
            place = places[number, hand] * (1 - smooth) + places[number + 1, hand] * smooth
            hx, hy = place[:, 0] + lean, place[:, 1]
            sx, sy = side * 0.2 + lean, still + 1.35
            ex, ey = (sx + hx) / 2 + side * 0.12, (sy + hy) / 2 - 0.14
            parts += [[sx, sy, ex, ey], [ex, ey, hx, hy], [hx, hy, hx + 0.03, hy + 0.05]]
        return np.stack([np.stack(part, -1) for part in parts], 1)

    return Scene(joints, radii, np.exp(rng.uniform(np.log(0.4), np.log(1.8))), (0.0, rng.uniform(1.0, 1.3)))


def _traffic(rng: np.random.Generator) -> Scene:
    """Cars that cross the picture at the speeds of streets."""
    count = int(rng.integers(2, 6))
    speeds = rng.uniform(6, 22) * rng.uniform(0.8, 1.2, count) * rng.choice([-1, 1], count)
    lanes, starts = rng.uniform(0, 8, count), rng.uniform(0, 60, count)
    radii = np.tile([0.7, 0.45], count)
    slope = rng.uniform(-0.5, 0.5)

    def joints(times: Floats) -> Floats:
        x = (starts + speeds * times[:, None]) % 60 - 30
        y = lanes + slope * x
        body = np.stack([x - 1.5, y - 1.5 * slope, x + 1.5, y + 1.5 * slope], -1)
        roof = np.stack([x - 0.7, y + 0.8, x + 0.7, y + 0.8], -1)
        return np.stack([body, roof], 2).reshape(len(times), 2 * count, 4)

    return Scene(joints, radii, rng.uniform(8, 24), (0.0, 4.0))


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


_SCENES = (_balls, _juggler, _pendulums, _walker, _walker, _reacher, _reacher, _reacher, _traffic)
