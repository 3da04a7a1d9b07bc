"""Things whose natural speed is known, since gravity, gaits and reaching movements set absolute time.

Every scene is in metres and seconds. Falling and swinging bodies follow g = 9.81 m/s2; gait frequencies follow leg
length (Alexander 1976, "Estimates of speeds of dinosaurs": equal Froude numbers); reaches and runs are minimum-jerk
curves (Flash and Hogan 1985), those of hands with durations by Fitts' law (1954).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAVITY = 9.81
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


def steps(places: Floats, begins: Floats, lasting: Floats, times: Floats) -> Floats:
    """Where (F, 2) is what goes from place to place (K + 1, 2) by minimum-jerk curves that begin at `begins` (K,)."""
    number = np.clip(np.searchsorted(begins, times, "right") - 1, 0, len(lasting) - 1)
    u = np.clip((times - begins[number]) / lasting[number], 0, 1)[:, None]
    smooth = u**3 * (10 - 15 * u + 6 * u**2)
    return np.asarray(places[number] * (1 - smooth) + places[number + 1] * smooth)


def balls(rng: np.random.Generator) -> Scene:
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


def juggler(rng: np.random.Generator) -> Scene:
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


def pendulums(rng: np.random.Generator) -> Scene:
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


def walker(rng: np.random.Generator) -> Scene:
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


def reacher(rng: np.random.Generator) -> Scene:
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
            place = steps(places[:, hand], begins[:, hand], lasting[:, hand], t)
            hx, hy = place[:, 0] + lean, place[:, 1]
            sx, sy = side * 0.2 + lean, still + 1.35
            ex, ey = (sx + hx) / 2 + side * 0.12, (sy + hy) / 2 - 0.14
            parts += [[sx, sy, ex, ey], [ex, ey, hx, hy], [hx, hy, hx + 0.03, hy + 0.05]]
        return np.stack([np.stack(part, -1) for part in parts], 1)

    return Scene(joints, radii, np.exp(rng.uniform(np.log(0.4), np.log(1.8))), (0.0, rng.uniform(1.0, 1.3)))


def animal(rng: np.random.Generator) -> Scene:
    """An animal seen from above that runs, stops and turns; its head looks about. Small ones are quicker."""
    length = np.exp(rng.uniform(np.log(0.06), np.log(0.9)))
    ground = length * rng.uniform(1.8, 5)
    places = np.cumsum(rng.normal(0, length * rng.uniform(0.4, 2.0), (60, 2)), 0)
    places = ground * (np.abs(places / ground % 2 - 1) - 0.5)  # folded into the ground that is seen
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=-1)
    # Peak speeds of 0.3 to 1.5 times sqrt(g l), as with gaits; a minimum-jerk curve's peak is 1.875 times its mean.
    lasting = 1.875 * gaps / (rng.uniform(0.3, 1.5, 59) * np.sqrt(GRAVITY * length)) + 0.1
    begins = np.cumsum(lasting + rng.exponential(rng.choice([0.1, 0.5, 1.2]), 59)) - lasting
    nod, swing = np.sqrt(GRAVITY / length) / (2 * np.pi) * rng.uniform(0.5, 1.5), rng.uniform(0.1, 0.6)
    radii = length * np.array([0.2, 0.13, 0.05])

    def joints(times: Floats) -> Floats:
        t = times % 25.0
        here = steps(places, begins, lasting, t)
        ahead = steps(places, begins, lasting, t + 0.25 * np.sqrt(length)) + 1e-3 * length
        heading = np.arctan2(ahead[:, 1] - here[:, 1], ahead[:, 0] - here[:, 0])
        look = heading + swing * np.sin(2 * np.pi * nod * times) * np.sin(1.3 * times)
        wag = heading + np.pi + swing * np.sin(2 * np.pi * nod * 1.3 * times)
        neck = here + 0.35 * length * np.stack([np.cos(heading), np.sin(heading)], 1)
        rump = 2 * here - neck
        nose = neck + 0.25 * length * np.stack([np.cos(look), np.sin(look)], 1)
        tail = rump + 0.4 * length * np.stack([np.cos(wag), np.sin(wag)], 1)
        return np.stack([np.concatenate(pair, 1) for pair in ((rump, neck), (neck, nose), (rump, tail))], 1)

    return Scene(joints, radii, ground * rng.uniform(0.8, 1.3), (0.0, 0.0))


def leaves(rng: np.random.Generator) -> Scene:
    """Grass, twigs and leaves in gusts: each sways at its own frequency, about that of a pendulum of its length."""
    count, size = 24, np.exp(rng.uniform(np.log(0.08), np.log(2.0)))
    lengths, thin = size * rng.uniform(0.4, 1.0, count), rng.uniform(0.02, 0.12)
    own = rng.uniform(0.7, 1.6, count) * np.sqrt(GRAVITY / lengths)
    phases, lean, roots = rng.uniform(0, 7, (2, count)), rng.normal(0, 0.3, count), rng.uniform(-1.2, 1.2, count) * size
    gusts, force = rng.uniform(0.3, 1.5, 2) * min(2.0, size**-0.5), rng.uniform(0.05, 0.4)

    def joints(times: Floats) -> Floats:
        t = times[:, None]
        wind = 1 + 0.6 * np.sin(gusts[0] * t - roots / size + phases[0, 0]) + 0.4 * np.sin(gusts[1] * t)
        angle = lean + force * wind * (
            0.6 + 0.5 * np.sin(own * t + phases[0]) + 0.2 * np.sin(1.7 * own * t + phases[1])
        )
        x, y = roots + lengths * np.sin(angle), lengths * np.cos(angle)
        return np.stack([np.broadcast_to(roots, x.shape), np.zeros_like(x), x, y], -1)

    return Scene(joints, lengths * thin, size * rng.uniform(0.8, 1.6), (0.0, 0.45 * size))


def crowd(rng: np.random.Generator) -> Scene:
    """Several walkers, seen from farther away."""
    walkers = [walker(rng) for _ in range(int(rng.integers(2, 5)))]
    tall = max(walker.view for walker in walkers)
    shifts = rng.uniform(-0.8, 0.8, (len(walkers), 2)) * tall * np.array([1.0, 0.3])

    def joints(times: Floats) -> Floats:
        moved = [walker.joints(times) + np.tile(shift, 2) for walker, shift in zip(walkers, shifts, strict=True)]
        return np.concatenate(moved, 1)

    return Scene(joints, np.concatenate([w.radii for w in walkers]), tall * rng.uniform(0.6, 1.3), (0.0, 0.3 * tall))


def traffic(rng: np.random.Generator) -> Scene:
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


SCENES = (
    *(balls, juggler, pendulums, walker, walker, crowd, traffic),
    *(reacher, reacher, reacher, animal, animal, leaves),
)
