"""The judge's pictures: a mesh in vertex colours, through the stylizer's own renderer, whole and from near by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from restyle_server.stylize.cameras import Cameras, look_at_origin
from restyle_server.stylize.render import Shading, draw

from .fields import Floats, blend, chart, scattered, waves
from .judge_surfaces import SURFACES, Look
from .meshes import Integers, Mesh, draw_mesh
from .prompts import CLASSES, NAMES

Pictures = NDArray[np.uint8]
SIZE = 96
VIEWS = 3
# The distractors, of which there are more ways to look, come twice.
TURNS = (*range(len(CLASSES)), *range(len(NAMES), len(CLASSES)))
# Blotches in the colours of these would not be wrong: that is how they look.
BLOTCHY = ("gold", "marble", "ice", "lava", "moss", "denim", "camouflage")
IMITATED = tuple(name for name in NAMES if name not in BLOTCHY)
MISCOLOURED = tuple(name for name in NAMES if "brick" not in name)


def paint(name: str, mesh: Mesh, rng: Generator) -> Look:
    """Colours (V, 3) and height (V,) of a class on a mesh."""
    if name in SURFACES:
        return SURFACES[name](chart(mesh, rng), rng)
    flat = np.full(len(mesh.points), 0.5)
    if name == "plain":
        color = rng.random(3) ** 0.8
        return np.clip(color * (1 + 0.05 * waves(mesh.points, rng, 2.0))[:, None], 0, 1), flat
    if name == "miscoloured":
        color, height = SURFACES[MISCOLOURED[rng.integers(len(MISCOLOURED))]](chart(mesh, rng), rng)
        tint = rng.uniform(0.35, 1.0, 3)
        return color[:, rng.permutation([[1, 2, 0], [2, 0, 1]])[0]] * tint / tint.max(), height
    look = SURFACES[IMITATED[rng.integers(len(IMITATED))]](chart(mesh, rng), rng)[0]
    return imitation(mesh, look, rng, sharp=name == "patches"), flat


def imitation(mesh: Mesh, color: Floats, rng: Generator, *, sharp: bool) -> Floats:
    """The same colours (V, 3) in the same shares, but in blotches: smooth ones, or sharp-edged ones of two or three.

    The colours are laid out in the order of their strongest difference along a random function of place.
    """
    count = len(color)
    centred = color - color.mean(0)
    along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    ordered = color[np.argsort(along)]
    frequency = np.exp(rng.uniform(np.log(0.9), np.log(6.0)))
    rank = np.argsort(np.argsort(waves(mesh.points, rng, frequency, int(rng.integers(1, 3)))))
    if not sharp:
        # Between two colours lie their blends, as in a blurred picture.
        window = count // 12
        ends = np.repeat(ordered[:1], window, 0), np.repeat(ordered[-1:], window, 0)
        total = np.cumsum(np.concatenate([ends[0], ordered, ends[1]]), axis=0)
        blurred: Floats = (total[2 * window :] - total[: -2 * window]) / (2 * window)
        return blurred[rank]
    low, middle, high = np.quantile(along, [0.12, 0.5, 0.88])
    thirds = [ordered[int(q * (count - 1))] for q in (0.08, 0.5, 0.92)]
    if rng.random() < 0.3:  # cells instead of waves
        cells = scattered(mesh.points, rng, rng.uniform(0.2, 0.5))
        rank = rank[cells.nearest * 31 % count]
    place = rank / count
    out = blend(np.broadcast_to(thirds[0], color.shape), thirds[1], 1.0 * (place > (along < (low + middle) / 2).mean()))
    return blend(out, thirds[2], 1.0 * (place > (along < (middle + high) / 2).mean()))


def smoothed(values: Floats, faces: Integers, rounds: int) -> Floats:
    """Blur values (V, C) over the mesh: every vertex becomes the mean of itself and its neighbours."""
    tail, head = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
    degree = 1 + np.bincount(tail, minlength=len(values)) + np.bincount(head, minlength=len(values))
    for _ in range(rounds):
        columns = np.ascontiguousarray(values.T)
        total = [c + np.bincount(tail, c[head], len(c)) + np.bincount(head, c[tail], len(c)) for c in columns]
        values = np.stack(total, 1) / degree[:, None]
    return values


def weathered(color: Floats, mesh: Mesh, rng: Generator) -> Floats:
    """What an optimiser's field does to colours: blur, a cast, faint blotches, more or less contrast."""
    color = smoothed(color, mesh.faces, int(rng.choice(3, p=(0.55, 0.3, 0.15))))
    middle = color.mean(0)
    color = middle + (color - middle) * rng.uniform(0.75, 1.25)
    if rng.random() < 0.6:
        stain = np.stack([waves(mesh.points, rng, 1.5) for _ in range(3)], 1)
        color = color + rng.uniform(0, 0.05) * stain + rng.normal(0, 0.02, 3)
    return np.clip(color, 0.02, 0.98)


def embossed(mesh: Mesh, height: Floats, amount: float) -> Floats:
    """Points (V, 3) of the mesh moved along their normals by amount * (height - 1/2)."""
    return mesh.points + mesh.normals * (amount * (height - 0.5))[:, None]


def photograph(
    mesh: Mesh, points: Floats, color: Floats, cameras: Cameras, *, size: int = SIZE, shading: Shading = "lit"
) -> Pictures:
    """Pictures (N, size, size, 3) on white."""
    return draw(
        cameras, torch.from_numpy(points).float(), torch.from_numpy(mesh.faces), torch.from_numpy(color).float(),
        size=size, background=(1.0, 1.0, 1.0), shading=shading,
    )  # fmt: skip


def around(points: Floats, azimuth: Floats, elevation: Floats, zoom: float, rng: Generator | None = None) -> Cameras:
    """Cameras that see all of the points (V, 3), or `zoom` times nearer onto a point of the surface that faces them."""
    tensor = torch.from_numpy(points).float()
    cameras = look_at_origin(torch.from_numpy(azimuth).float(), torch.from_numpy(elevation).float()).fitted(tensor)
    if zoom <= 1.0:
        return cameras
    seen = cameras.to_camera(tensor)
    flat = cameras.focal[:, None, None] * seen[..., :2] / -seen[..., 2:] + cameras.shift[:, None]
    chosen = []
    for view in range(len(azimuth)):
        if rng is None:  # the vertex nearest to the middle of all
            index = int((flat[view] - flat[view].mean(0)).norm(dim=1).argmin())
        else:  # one of those that lie nearest to the camera, so that the surface faces it
            index = int(rng.choice(np.argsort(-seen[view, :, 2].numpy())[: len(points) // 6]))
        chosen.append(flat[view, index])
    return cameras.closer(torch.stack(chosen), zoom)


def draw_pictures(count: int, seed: int) -> tuple[Pictures, NDArray[np.int64]]:
    """Draw `count` objects of the classes in turn: pictures (count * VIEWS, SIZE, SIZE, 3) and their classes."""
    rng = np.random.default_rng(seed)
    pictures, classes = [], []
    for number in range(count):
        kind = TURNS[number % len(TURNS)]
        if number % 4 == 0:
            mesh = draw_mesh(rng)
        color, height = paint(CLASSES[kind], mesh, rng)
        points = embossed(mesh, height, rng.uniform(0, 0.03) if rng.random() < 0.7 else 0.0)
        color = weathered(color, mesh, rng)
        for zoom in (1.0, rng.uniform(1.3, 3.0)):
            views = 1 if zoom == 1.0 else VIEWS - 1
            azimuth, elevation = rng.uniform(0, 6.283, views), np.clip(rng.normal(0.25, 0.35, views), -1.2, 1.2)
            cameras = around(points, azimuth, elevation, zoom, rng)
            pictures.append(photograph(mesh, points, color, cameras))
        classes += [kind] * VIEWS
    return np.concatenate(pictures), np.array(classes)


def load_mesh(path: Path, *, turned: bool) -> Mesh:
    """Read a mesh from a file, for ground truth on the very meshes that are stylized."""
    import trimesh

    loaded = trimesh.load_mesh(path, process=False)
    points, faces = np.asarray(loaded.vertices, dtype=np.float64), np.asarray(loaded.faces, dtype=np.int64)
    return Mesh.of(points, faces, turned=turned)
