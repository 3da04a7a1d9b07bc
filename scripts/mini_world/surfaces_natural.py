"""Surfaces that grow, flow or weather: stone, plants, liquids, hides."""

# ruff: noqa: PLR0911, PLR0917 -- compiled code passes coordinates as scalars and branches per surface

from math import atan2, cos, floor, sin

from .noise import Scene, cell_hash, cellular, cellular2, fractal_noise, jit, smoothstep, value_noise
from .surface import Surface


@jit
def stones(scene: Scene, s: int, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Cobblestones in dark joints, rough rock, and facetted crystal."""
    k = 4.2 if s == Surface.COBBLESTONE else 2.6
    wobble = 0.25 * value_noise(x * 5, y * 5, z * 5, scene.seed + 31)
    near, far, tone = cellular(x * k + wobble, y * k, z * k + wobble, 0.85, scene.seed)
    grit = fractal_noise(x * 9, y * 9, z * 9, 3, scene.seed + 3)
    if s == Surface.COBBLESTONE:
        if scene.variant == 1:
            near, far, tone = cellular2(u * 4.6 + wobble, v * 5.2, 0.6, scene.seed)
        joint = 1.0 - smoothstep(0.03, 0.16, far - near)
        return tone, joint, 0.75 + 0.4 * grit, (1.0 - joint) * (1.0 - 0.5 * near)
    if s == Surface.CRYSTAL:
        edge = 1.0 - smoothstep(0.0, 0.06, far - near)
        return tone, 0.8 * edge, 0.6 + 0.7 * tone, 2.0 * tone * near + near
    rough = fractal_noise(x * 3, y * 3, z * 3, 4, scene.seed)
    crack = 1.0 - smoothstep(0.0, 0.05, far - near) if scene.variant else 0.0
    return smoothstep(0.3, 0.7, rough), 0.8 * crack, 0.75 + 0.45 * grit, 2.0 * rough - crack


@jit
def mineral(scene: Scene, s: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Marble, granite, concrete, rust, sand and snow."""
    fine = fractal_noise(x * 18, y * 18, z * 18, 2, scene.seed)
    broad = fractal_noise(x * 2, y * 2, z * 2, 3, scene.seed + 9)
    if s == Surface.MARBLE:
        turbulence = fractal_noise(x * 2.2, y * 2.2, z * 2.2, 4, scene.seed)
        if scene.variant == 1:
            near, far, _ = cellular(x * 1.7 + 2.2 * turbulence, y * 1.7, z * 1.7 + 2.2 * turbulence, 1.0, scene.seed)
            return 0.5 * broad, 0.9 * (1.0 - smoothstep(0.0, 0.09, far - near)), 1.0, 0.0
        vein = abs(sin(4.0 * (x + 0.7 * y) + 12.0 * turbulence))
        thin = 1.0 - smoothstep(0.0, 0.22, vein)
        return 0.7 * smoothstep(0.45, 0.75, broad), 0.85 * thin, 1.0, 0.0
    if s == Surface.GRANITE and scene.variant == 1:
        fleck = value_noise(x * 30, y * 30, z * 30, scene.seed)
        light = value_noise(x * 24, y * 24, z * 24, scene.seed + 1)
        return smoothstep(0.5, 0.62, light), smoothstep(0.62, 0.7, fleck), 0.9 + 0.2 * fine, 0.0
    if s == Surface.GRANITE:
        _, _, grain = cellular(x * 14, y * 14, z * 14, 1.0, scene.seed)
        _, _, flake = cellular(x * 19, y * 19, z * 19, 1.0, scene.seed + 1)
        return 1.0 if grain > 0.6 else 0.3 * grain, 1.0 if flake > 0.76 else 0.0, 0.9 + 0.2 * fine, 0.0
    if s == Surface.CONCRETE:
        near, _, hole = cellular(x * 6, y * 6, z * 6, 0.9, scene.seed)
        pit = (1.0 - smoothstep(0.08, 0.16, near)) if hole > 0.45 else 0.0
        board = 1.0 - smoothstep(0.0, 0.03, abs(y * 2.5 - floor(y * 2.5) - 0.5)) if scene.variant else 0.0
        return smoothstep(0.35, 0.65, broad), max(pit, 0.6 * board), 0.9 + 0.2 * fine, -pit
    if s == Surface.RUST:
        spread = fractal_noise(x * 3, y * 3, z * 3, 4, scene.seed)
        return smoothstep(0.38, 0.6, spread), smoothstep(0.6, 0.72, spread), 0.7 + 0.6 * fine, spread + 0.5 * fine
    if s == Surface.SAND:
        ripple = 0.5 + 0.5 * sin(16.0 * y + 9.0 * broad + 3.0 * sin(3.0 * x))
        t = 0.7 * ripple if scene.variant else 0.5 * broad
        return t, 0.5 if fine > 0.68 else 0.0, 0.85 + 0.3 * fine, 0.5 * t + 0.4 * fine
    drift = fractal_noise(x * 3, y * 3, z * 3, 3, scene.seed)
    return 0.8 * smoothstep(0.45, 0.8, drift), 1.0 if fine > 0.78 else 0.0, 1.0, 1.5 * drift


@jit
def fluid(scene: Scene, s: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Ice, lava, water, clouds and galaxies."""
    if s == Surface.LAVA:
        wobble = 0.4 * fractal_noise(x * 4, y * 4, z * 4, 2, scene.seed)
        near, far, _ = cellular(x * 3 + wobble, y * 3 + wobble, z * 3, 0.9, scene.seed)
        glow = 1.0 - smoothstep(0.04, 0.3, far - near)
        if scene.variant == 1:
            glow = 1.0 - smoothstep(0.0, 0.16, abs(fractal_noise(x * 2.6, y * 2.6, z * 2.6, 3, scene.seed) - 0.5))
        return smoothstep(0.1, 0.6, glow), smoothstep(0.6, 1.0, glow), 1.0, 1.0 - glow
    if s == Surface.WATER:
        wobble = 0.6 * fractal_noise(x * 3, y * 3, z * 3, 2, scene.seed)
        near, far, _ = cellular(x * 3.4 + wobble, y * 3.4 + wobble, z * 3.4, 0.9, scene.seed)
        light = 1.0 - smoothstep(0.0, 0.2, far - near)
        if scene.variant == 1:
            ripple = sin(20.0 * y + 8.0 * wobble + 4.0 * sin(3.0 * x + 2.0 * z))
            return 0.5 + 0.5 * ripple, smoothstep(0.75, 1.0, ripple), 1.0, 0.6 * ripple
        return near, 0.8 * light, 1.0, 0.7 * near
    if s == Surface.CLOUDS:
        puff = fractal_noise(x * 2.6, y * 3.2, z * 2.6, 4, scene.seed)
        return smoothstep(0.42, 0.6, puff), 0.5 * smoothstep(0.62, 0.75, puff), 1.0, 0.0
    if s == Surface.GALAXY:
        mist = fractal_noise(x * 2.2, y * 2.2, z * 2.2, 4, scene.seed)
        near, _, bright = cellular(x * 9, y * 9, z * 9, 0.9, scene.seed)
        star = (1.0 - smoothstep(0.06, 0.14, near)) if bright > 0.5 else 0.0
        return smoothstep(0.4, 0.7, mist), star, 1.0, 0.0
    near, far, tone = cellular(x * 2.4, y * 2.4, z * 2.4, 0.9, scene.seed)
    crack = 1.0 - smoothstep(0.0, 0.05, far - near)
    frost = fractal_noise(x * 4, y * 4, z * 4, 3, scene.seed)
    return smoothstep(0.3, 0.75, frost), 0.9 * crack, 0.92 + 0.12 * tone, 0.8 * tone


@jit
def plant(scene: Scene, s: int, x: float, y: float, z: float, u: float, v: float) -> tuple[float, float, float, float]:
    """Moss, grass, bark, cactus and watermelon rind."""
    fine = fractal_noise(x * 14, y * 14, z * 14, 2, scene.seed)
    if s == Surface.MOSS:
        tuft = fractal_noise(x * 6, y * 6, z * 6, 3, scene.seed)
        if scene.variant == 1:
            near, _, tone = cellular(x * 9, y * 9, z * 9, 0.9, scene.seed)
            return tone, 0.4 * smoothstep(0.4, 0.0, near), 1.1 - 0.8 * near + 0.3 * fine, 1.5 - 1.5 * near
        return smoothstep(0.3, 0.7, tuft), 0.6 * smoothstep(0.6, 0.75, fine), 0.55 + 0.8 * fine, 1.5 * tuft + fine
    if s == Surface.GRASS:
        lean = 0.5 * value_noise(x * 3, y * 3, z * 3, scene.seed)
        blade = value_noise(u * 26 + 4 * lean, v * 4.5 + 2 * lean, 0.0, scene.seed + 1)
        tip = v * 4 + 3.0 * value_noise(u * 20, 0.0, 0.0, scene.seed + 2)
        return blade, 0.5 * smoothstep(0.6, 0.9, blade), 0.55 + 0.5 * blade + 0.2 * (tip - floor(tip)), blade
    if s == Surface.BARK:
        bend = fractal_noise(x * 3, y * 1.2, z * 3, 3, scene.seed)
        if scene.variant == 1:
            near, far, tone = cellular2(u * 8.0 + bend, v * 2.6 + 2.0 * bend, 0.9, scene.seed)
            gap = 1.0 - smoothstep(0.04, 0.25, far - near)
            return 0.6 * tone + 0.3 * fine, gap, 0.75 + 0.4 * fine, 1.0 - gap
        ridge = abs(sin(u * 13.0 + 7.0 * bend))
        plate = smoothstep(0.1, 0.5, ridge) * (0.6 + 0.4 * smoothstep(0.1, 0.3, abs(sin(v * 7.0 + 9.0 * bend))))
        return 0.7 * fine, 1.0 - plate, 0.65 + 0.5 * plate * fine + 0.1, plate
    if s == Surface.CACTUS:
        if scene.variant == 1:
            near, _, _ = cellular(x * 6, y * 6, z * 6, 0.6, scene.seed)
            return smoothstep(0.2, 0.6, near), 1.0 - smoothstep(0.1, 0.2, near), 1.05 - 0.3 * near, 1.0 - near
        angle = u * 14.0
        rib = 0.5 + 0.5 * cos(angle)
        row = v / 0.11
        fv = row - floor(row) - 0.5
        spine = smoothstep(0.88, 0.95, rib) * (1.0 - smoothstep(0.15, 0.3, abs(fv)))
        return 1.0 - rib, spine, 0.75 + 0.3 * rib, rib
    wobble = 1.6 * (fractal_noise(x * 3, y * 3, z * 3, 3, scene.seed) - 0.5)
    wave = sin(u * 9.0 + 2.2 * wobble) if scene.variant else sin(atan2(z, x) * 6.0 + 2.2 * wobble)
    return smoothstep(-0.1, 0.35, wave), 0.2 * fine, 0.9 + 0.15 * fine, 0.0


@jit
def creature(
    scene: Scene, s: int, x: float, y: float, z: float, u: float, v: float
) -> tuple[float, float, float, float]:
    """Fur, feathers and (as the third hide with holes) cheese."""
    if s == Surface.CHEESE:
        near, _, size = cellular(x * 3.2, y * 3.2, z * 3.2, 0.8, scene.seed)
        hole = 1.0 - smoothstep(0.16 + 0.22 * size, 0.22 + 0.24 * size, near)
        return 0.4 * fractal_noise(x * 3, y * 3, z * 3, 2, scene.seed), hole, 1.0, -1.5 * hole
    if s == Surface.FUR:
        swirl = fractal_noise(x * 2, y * 2, z * 2, 2, scene.seed)
        if scene.variant == 1:
            lock = fractal_noise(x * 16 + 3 * swirl, y * 2.4 + 2 * swirl, z * 16, 3, scene.seed + 5)
            return smoothstep(0.35, 0.65, lock), 0.6 * smoothstep(0.6, 0.75, lock), 0.5 + 0.9 * lock, 2.0 * lock
        hair = value_noise(u * 34 + 9 * swirl, v * 5 + 4 * swirl, 0.3 * z, scene.seed)
        clump = fractal_noise(u * 7 + 5 * swirl, v * 2.4 + 2 * swirl, 0.3 * z, 2, scene.seed + 2)
        return smoothstep(0.3, 0.75, clump), 0.5 * smoothstep(0.65, 0.95, hair), 0.55 + 0.65 * hair, hair + clump
    row = floor(v / 0.16)
    a = u / 0.17 + 0.5 * (row - 2 * floor(row / 2))
    fa, fv = a - floor(a) - 0.5, v / 0.16 - row
    vane = 1.0 - smoothstep(0.3, 0.5, abs(fa) + 0.35 * (1.0 - fv))
    quill = 1.0 - smoothstep(0.02, 0.07, abs(fa))
    barb = 0.5 + 0.5 * sin(50.0 * (fv * 0.16 + abs(fa) * 0.12) * 4.0)
    tone = cell_hash(floor(a), int(row), 8, scene.seed)
    return 0.6 * tone + 0.3 * barb, max(1.0 - vane, 0.7 * quill) * 0.8, 0.65 + 0.4 * vane * fv + 0.1 * barb, vane * fv
