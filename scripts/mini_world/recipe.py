"""Draws scene records: which surfaces, colours, shapes, lights and views the world holds, and how often."""

import hashlib
from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.random import Generator

from .palettes import COLORS, IMITATED, NATURAL, OWN_JOINTS, TINTABLE
from .scene import GEOMETRIES, LOOKS, SCENE, SHAPES
from .surface import MATERIALS, SURFACES

KINDS = ("material", "tinted", "color", "pattern", "animal", "blotch")
KIND_SHARE = (0.34, 0.25, 0.18, 0.11, 0.04, 0.08)
COLOR_NAMES = tuple(COLORS)
# The prompts that people try first are drawn more often.
MATERIAL_WEIGHT = {"brick": 3.0, "wood": 3.0, "gold": 3.0}
TWO_COLOR = ("stripes", "dots", "checks", "zigzag", "plaid")
ANIMAL = ("zebra", "leopard", "camouflage")
BLOTCH = ("mottled", "patches")
STRUCTURES = ("mottled", "patches", "plain", "stripes", "checks", "plaid", "zigzag", "dots")
# What an optimiser paints on its way to brick, wood or gold; named, it stops being the cheap answer to them.
LIKELY_BLOTCHES = (
    ("red", "grey"), ("red", "white"), ("brown", "red"), ("brown", "black"), ("brown", "orange"), ("yellow", "brown"),
    ("yellow", "orange"), ("black", "white"), ("grey", "brown"), ("red", "orange"), ("yellow", "white"),
)  # fmt: skip
# How many drawings a surface has, where not two.
VARIANTS = {"brick": 4, "wood": 4, "stripes": 4, "gold": 3, "silver": 3, "copper": 3, "dots": 3, "patches": 3}
HELD_OUT_SHARE = 9


def surface_id(name: str) -> int:
    """Return the number of a surface."""
    return SURFACES.index(name)


def labels_of(scenes: np.ndarray) -> np.ndarray:
    """Return the attributes that captions speak of, (N, 4) int64: surface, colour, second colour, geometry."""
    return np.stack([scenes[name].astype(np.int64) for name in ("surface", "color", "second", "geometry")], 1)


def held_out(labels: Sequence[int] | np.ndarray) -> bool:
    """Tell whether a combination is kept from training; single natural materials never are."""
    surface, color, second, geometry = (int(label) for label in labels)
    if color < 0 and geometry == 0:
        return False
    digest = hashlib.sha256(f"{surface},{color},{second},{geometry}".encode()).digest()
    return digest[0] % HELD_OUT_SHARE == 0


def draw_attributes(rng: Generator) -> tuple[int, int, int, int, int]:
    """Draw kind, surface, colour, second colour and geometry."""
    kind = int(rng.choice(len(KINDS), p=KIND_SHARE))
    name, color, second, geometry = "plain", -1, -1, 0
    if KINDS[kind] == "material":
        names = MATERIALS[1:]
        weight = np.array([MATERIAL_WEIGHT.get(n, 1.0) for n in names])
        name = names[rng.choice(len(names), p=weight / weight.sum())]
        geometry = int(rng.integers(1, len(GEOMETRIES))) if rng.random() < 0.15 else 0
    elif KINDS[kind] == "tinted":
        name = tuple(TINTABLE)[rng.integers(len(TINTABLE))]
        allowed = [i for i, c in enumerate(COLOR_NAMES) if c not in TINTABLE[name]]
        color = int(rng.choice(allowed))
    elif KINDS[kind] == "color":
        color = int(rng.integers(len(COLOR_NAMES)))
        geometry = int(rng.integers(1, len(GEOMETRIES))) if rng.random() < 0.6 else 0
    elif KINDS[kind] == "animal":
        name = ANIMAL[rng.integers(len(ANIMAL))]
    else:
        choices = TWO_COLOR if KINDS[kind] == "pattern" else BLOTCH
        name = choices[rng.integers(len(choices))]
        color, second = (int(c) for c in rng.choice(len(COLOR_NAMES), 2, replace=False))
        if KINDS[kind] == "blotch" and rng.random() < 0.45:
            pair = LIKELY_BLOTCHES[rng.integers(len(LIKELY_BLOTCHES))]
            color, second = (COLOR_NAMES.index(c) for c in pair)
        if name != "dots":
            color, second = min(color, second), max(color, second)
    return kind, surface_id(name), color, second, geometry


def jittered(rng: Generator, rgb: Sequence[float], amount: float) -> np.ndarray:
    """Vary a colour in brightness and a little in hue."""
    value = np.asarray(rgb) * (1 + amount * rng.uniform(-1, 1)) + 0.35 * amount * rng.uniform(-1, 1, 3)
    return np.clip(value, 0.0, 1.0)


def draw_palette(rng: Generator, surface: int, color: int, second: int) -> np.ndarray:
    """Draw three colours for a surface in the given tint(s)."""
    name = SURFACES[surface]
    if second >= 0:
        pair = [jittered(rng, COLORS[COLOR_NAMES[c]], 0.14) for c in (color, second)]
        if name not in ("dots",) and rng.random() < 0.5:
            pair.reverse()
        return np.stack([*pair, pair[1]])
    if name == "plain":
        base = jittered(rng, COLORS[COLOR_NAMES[color]], 0.16)
        return np.stack([base, base, base])
    options = NATURAL[name]
    palette = np.stack([jittered(rng, c, 0.12) for c in options[rng.integers(len(options))]])
    if color >= 0:
        tint = jittered(rng, COLORS[COLOR_NAMES[color]], 0.14)
        level = palette.mean(1) / palette[0].mean()
        joint = palette[2]
        floor = 0.10 if COLOR_NAMES[color] == "black" else 0.0
        palette = np.clip(tint * level[:, None] + floor * (level[:, None] - 1).clip(0), 0, 1)
        if name in OWN_JOINTS:
            palette[2] = joint
    return palette


def lathe_profile(rng: Generator, shape: str) -> np.ndarray:
    """Draw the 8 radii of a vase, bottle, candle, cylinder, cone or bowl, bottom to top."""
    if shape == "vase":
        knots = [rng.uniform(0.15, 0.35), rng.uniform(0.3, 0.55), rng.uniform(0.15, 0.35), rng.uniform(0.2, 0.4)]
        return np.interp(np.linspace(0, 3, 8), range(4), knots)
    if shape == "bottle":
        body, neck = rng.uniform(0.22, 0.38), rng.uniform(0.07, 0.14)
        return np.array([body, body, body, body, body * 0.95, neck * 1.5, neck, neck])
    if shape == "candle":
        stick, foot = rng.uniform(0.1, 0.3), rng.uniform(0.25, 0.45)
        return np.array([foot, foot * rng.uniform(0.4, 1), *[stick] * 5, stick * rng.uniform(0.1, 1)])
    if shape == "cylinder":
        return np.full(8, rng.uniform(0.2, 0.42))
    if shape == "cone":
        return np.linspace(rng.uniform(0.35, 0.42), 0.02, 8)
    return np.linspace(rng.uniform(0.1, 0.2), rng.uniform(0.3, 0.42), 8) ** rng.uniform(0.6, 1.0)


def rotation(rng: Generator, angle: float) -> np.ndarray:
    """Return a random turn about y followed by a tilt of about `angle` radians."""
    turn, tilt, about = rng.uniform(0, 2 * pi), angle * rng.normal(), rng.uniform(0, 2 * pi)
    axis = np.array([np.cos(about), 0.0, np.sin(about)])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    tilted = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    around = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    return np.asarray(tilted @ around)


def draw_view(rng: Generator, scene: np.ndarray) -> None:
    """Draw the camera as Text2Mesh does: any azimuth, elevation about 20 degrees, and close crops."""
    scene["azimuth"] = rng.uniform(0, 2 * pi)
    scene["elevation"] = np.clip(rng.normal(0.3, 0.5), -1.4, 1.4)
    # Wide views fill the picture as the stylizer's do; the closer half shows structure.
    zoom = rng.uniform(1.6, 3.6) if rng.random() < 0.5 else rng.uniform(0.95, 1.5)
    scene["zoom"] = zoom
    scene["offset"] = rng.uniform(-1, 1, 2) * (0.4 * max(1 - 1 / zoom, 0.0) + 0.05)


def draw_look(rng: Generator, scene: np.ndarray) -> None:
    """Draw light, facets, blur and background; half of the pictures look as the stylizer's own renders."""
    look = int(rng.choice(len(LOOKS), p=(0.55, 0.25, 0.20)))
    scene["look"] = look
    light = rng.normal(size=3) + np.array([0.0, 0.8, 1.2])
    scene["light"] = light / np.linalg.norm(light)
    scene["ambient"] = rng.uniform(0.25, 0.55)
    scene["gloss"] = rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0
    scene["bump"] = rng.uniform(0.002, 0.014) if rng.random() < 0.7 else 0.0
    if LOOKS[look] == "text2mesh":
        scene["facet"] = rng.uniform(0.008, 0.05) if rng.random() < 0.8 else 0.0
        scene["blur"] = rng.uniform(0.5, 1.4) * max(float(scene["zoom"]) ** 0.5, 1.0) if rng.random() < 0.65 else 0.0
        level = rng.choice([1.0, 0.0, rng.uniform(0.2, 0.8)], p=(0.8, 0.1, 0.1))
        scene["background"] = level
        return
    scene["facet"] = rng.uniform(0.008, 0.03) if rng.random() < 0.2 else 0.0
    if rng.random() < 0.4:
        scene["background"] = rng.choice([1.0, 0.0, rng.uniform(0.2, 0.8)])
    else:
        scene["background"] = rng.uniform(0.1, 1.0, (2, 3))
        scene["clutter"] = rng.uniform(0, 0.5) if rng.random() < 0.5 else 0.0


def imitate(rng: Generator, scene: np.ndarray) -> None:
    """Give a scene the colours of a material, but a structure that is not the material's."""
    while True:
        names = tuple(IMITATED)
        weight = np.array([4.0 if n in MATERIAL_WEIGHT else 1.0 for n in names])
        name = names[rng.choice(len(names), p=weight / weight.sum())]
        colors = tuple(COLOR_NAMES.index(c) for c in IMITATED[name])
        structure = STRUCTURES[rng.choice(len(STRUCTURES), p=(0.36, 0.22, 0.14, 0.08, 0.08, 0.05, 0.03, 0.04))]
        second = -1 if structure == "plain" else max(colors)
        color = colors[0] if structure == "plain" else min(colors)
        if structure == "dots":
            color, second = colors
        # Stripes in the colours of wood do look like wood.
        striped_wood = name == "wood" and structure in ("stripes", "zigzag")
        if not striped_wood and not held_out((surface_id(structure), color, second, 0)):
            break
    palette = draw_palette(rng, surface_id(name), -1, -1)
    # The material's two most different colours, in either order.
    pair = palette[[0, 2]] if np.ptp(palette[[0, 2]], 0).sum() > np.ptp(palette[[0, 1]], 0).sum() else palette[[0, 1]]
    if structure not in ("plain", "dots") and rng.random() < 0.3:
        pair = pair[::-1]
    scene["surface"], scene["color"], scene["second"] = surface_id(structure), color, second
    scene["kind"] = KINDS.index("color" if structure == "plain" else "blotch" if structure in BLOTCH else "pattern")
    scene["palette"] = np.stack([*pair, pair[1]])
    scene["geometry"], scene["relief"], scene["variant"] = 0, 0.0, rng.integers(2)
    scene["imitates"] = surface_id(name)


def draw_scene(rng: Generator, held: bool) -> np.ndarray:
    """Draw one scene whose combination is (or is not) among the held-out ones."""
    scene = np.zeros((), SCENE)
    while True:
        kind, surface, color, second, geometry = draw_attributes(rng)
        if held_out((surface, color, second, geometry)) == held:
            break
    scene["kind"], scene["surface"], scene["color"], scene["second"] = kind, surface, color, second
    scene["geometry"], scene["seed"] = geometry, rng.integers(1, 1 << 30)
    shape = SHAPES[rng.integers(len(SHAPES))]
    scene["shape"] = SHAPES.index(shape)
    lathed = shape in ("vase", "bottle", "candle", "cylinder", "cone", "bowl")
    scene["form"] = lathe_profile(rng, shape) if lathed else rng.random(8)
    scene["cylindrical"] = int((lathed or shape in ("sphere", "egg", "capsule")) and rng.random() < 0.8)
    scene["relief"] = (0.0, 0.05, 0.13, 0.042, 0.035, 0.055)[geometry] * rng.uniform(0.7, 1.4)
    scene["relief_scale"] = (0.0, 7.0, 5.5, 4.5, 4.0, 2.6)[geometry] * rng.uniform(0.75, 1.3)
    scene["variant"] = rng.integers(VARIANTS.get(SURFACES[surface], 2))
    scene["scale"] = np.exp(rng.uniform(np.log(0.6), np.log(1.35)))
    scene["detail"] = rng.random()
    scene["frame"] = rotation(rng, 0.12)
    if scene["cylindrical"] == 0 and shape in ("box", "chair"):
        scene["frame"] = np.eye(3)
    scene["palette"] = draw_palette(rng, surface, color, second)
    draw_view(rng, scene)
    draw_look(rng, scene)
    return scene


def draw_scenes(count: int, seed: int, held_share: float = 0.0) -> np.ndarray:
    """Draw `count` scene records; `held_share` of them show held-out combinations."""
    rng = np.random.default_rng(seed)
    scenes = np.zeros(count, SCENE)
    for i in range(count):
        scenes[i] = draw_scene(rng, rng.random() < held_share)
    return scenes


def draw_imitations(count: int, seed: int) -> np.ndarray:
    """Draw `count` scenes in the colours of materials but without their structure; `imitates` says which."""
    rng = np.random.default_rng(seed)
    scenes = np.zeros(count, SCENE)
    for i in range(count):
        scene = draw_scene(rng, False)
        imitate(rng, scene)
        scenes[i] = scene
    return scenes
