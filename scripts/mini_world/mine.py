"""Pictures of what the optimiser itself paints with a half-trained encoder, named as a person would name them.

From grey, a few dozen steps of the stylizer end in blotches of the right colours, whatever the prompt asks for. Shown
to the encoder as "mottled red and grey", they stop being the cheapest answer to brick. No material is drawn, so no
picture here can be mistaken for one.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
from numpy.random import Generator

from restyle_server.models.clip import ClipEncoder
from restyle_server.stylize import options_for, render_views, stylize

from . import recipe
from .grammar import canonical
from .palettes import COLORS, IMITATED
from .scene import SCENE, SHAPES
from .store import SIZE
from .surface import MATERIALS, Surface

STEPS = 60
VIEWS = 40
# Less of the second colour is no second colour; two colours closer than this are one.
SHARE, APART = 0.18, 0.22
VIVID = 0.3


def bodies(rng: Generator) -> Iterator[tuple[str, trimesh.Trimesh]]:
    """Yield simple bodies of some thousand vertices with the names of their shapes, without end."""
    while True:
        yield "sphere", trimesh.creation.icosphere(subdivisions=4)
        profile = np.stack(
            [np.interp(np.linspace(0, 4, 70), range(5), rng.uniform(0.15, 0.6, 5)), np.linspace(0, 2, 70)], 1
        )
        body = trimesh.creation.revolve(np.concatenate([[[0, 0]], profile, [[0, 2]]]), sections=72)
        body.vertices = body.vertices[:, [1, 2, 0]]
        yield "vase", body
        yield "torus", trimesh.creation.torus(1.0, rng.uniform(0.25, 0.5), 96, 48)
        box = trimesh.creation.box(rng.uniform(0.5, 1.2, 3))
        for _ in range(5):
            box = box.subdivide()
        yield "box", box


def prompt_labels(rng: Generator) -> tuple[int, int, int, int]:
    """Draw what is asked for: a material, likely ones first, or a pattern of two colours."""
    if rng.random() < 0.7:
        names = tuple(IMITATED) if rng.random() < 0.6 else MATERIALS[1:]
        return Surface[names[rng.integers(len(names))].upper()], -1, -1, 0
    name = recipe.TWO_COLOR[rng.integers(len(recipe.TWO_COLOR))]
    first, second = sorted(int(c) for c in rng.choice(len(COLORS), 2, replace=False))
    return Surface[name.upper()], first, second, 0


def names_of(colors: np.ndarray) -> np.ndarray:
    """Return the index (V,) of the name of each colour (V, 3) sRGB: by its hue if it has one, else by its lightness."""
    named = np.array(list(COLORS.values()))

    def parts(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        high, chroma = rgb.max(1), rgb - rgb.mean(1, keepdims=True)
        return high, chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-6), np.ptp(rgb, axis=1) > VIVID * high

    (high, hue, vivid), (named_high, named_hue, named_vivid) = parts(colors), parts(named)
    lightness = np.abs(high[:, None] - named_high)
    distance = lightness + np.where(vivid[:, None], 2 * np.linalg.norm(hue[:, None] - named_hue, axis=-1), 0)
    return np.asarray(np.where(vivid[:, None] == named_vivid, distance, np.inf).argmin(1))


def colors_of(colors: np.ndarray, weight: np.ndarray) -> tuple[int, int]:
    """Return the names of the one or two colours of a painted surface, as indices; -1 where there is no second one.

    Args:
        colors: (V, 3) sRGB.
        weight: (V,) share of the surface that each colour covers.
    """
    nearest = names_of(colors)
    share = np.bincount(nearest, weight, len(COLORS))
    first, second = np.argsort(-share)[:2]
    mean = [
        np.average(colors[nearest == c], axis=0, weights=weight[nearest == c]) for c in (first, second) if share[c] > 0
    ]
    if share[second] < SHARE * share.sum() or np.linalg.norm(mean[0] - mean[1]) < APART:
        return int(first), -1
    return int(min(first, second)), int(max(first, second))


def mine(encoder: ClipEncoder, count: int, seed: int, folder: Path) -> None:
    """Run `count` short stylizations from grey and store VIEWS pictures of each as the part "mined"."""
    rng = np.random.default_rng(seed)
    options = replace(options_for("draft", encoder), search_start=False, iterations=STEPS, displacement_from=1.1)
    supply = bodies(rng)
    pictures, scenes = [], np.zeros((count, VIEWS), SCENE)
    for number in range(count):
        shape, body = next(supply)
        vertices, faces = np.asarray(body.vertices), np.asarray(body.faces)
        prompt = canonical(np.array(prompt_labels(rng)))
        made = stylize(vertices, faces, prompt, encoder, options, seed=seed + number, device=encoder.device)
        colors = made.colors
        weight = np.bincount(faces.ravel(), np.repeat(body.area_faces, 3), len(vertices))
        scenes[number]["color"], scenes[number]["second"] = colors_of(colors, weight)
        plain = scenes[number]["second"][0] < 0
        scenes[number]["shape"] = SHAPES.index(shape)
        scenes[number]["surface"] = Surface.PLAIN if plain else Surface.MOTTLED
        scenes[number]["kind"] = recipe.KINDS.index("color" if plain else "blotch")
        azimuths, elevations = rng.uniform(0, 2 * np.pi, VIEWS), rng.normal(0.3, 0.5, VIEWS)
        pictures.append(render_views(vertices, faces, colors, azimuths.tolist(), elevations.tolist(), size=SIZE))
        print(
            f"mined {number + 1} of {count}: {prompt} became {canonical(recipe.labels_of(scenes[number])[0])}",
            flush=True,
        )
    (folder / "mined.pictures").write_bytes(np.concatenate(pictures).tobytes())
    (folder / "mined.scenes").write_bytes(scenes.ravel().tobytes())
