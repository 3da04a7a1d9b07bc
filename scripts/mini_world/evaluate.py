"""Scores of a trained encoder on pictures it has not seen, half of them of combinations it has not seen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from . import store
from .grammar import canonical
from .recipe import COLOR_NAMES, KINDS, held_out, labels_of
from .scene import GEOMETRIES
from .surface import SURFACES
from .tokens import unique_rows

Encode = Callable[[Tensor], Tensor]
EncodeText = Callable[[list[str]], Tensor]


def embed_pictures(pictures: np.ndarray, encode: Encode, size: int) -> Tensor:
    """Return unit embeddings (N, D) of uint8 pictures."""
    parts = torch.split(small(pictures, size), 250)
    return torch.cat([F.normalize(encode(part).float(), dim=-1) for part in parts])


def small(pictures: np.ndarray, size: int) -> Tensor:
    """Return uint8 pictures (N, S, S, 3) as the encoder takes them, (N, 3, size, size) float32 in [0, 1]."""
    parts = [torch.tensor(part).permute(0, 3, 1, 2).float() / 255.0 for part in np.array_split(pictures, 16)]
    shrunk = [F.interpolate(p, size=(size, size), mode="bilinear", antialias=True, align_corners=False) for p in parts]
    return torch.cat(shrunk).clamp(0, 1)


def one_of_twenty(similarity: Tensor, own: np.ndarray, pools: list[np.ndarray], rng: np.random.Generator) -> float:
    """Return how often the own caption beats 19 others drawn from each picture's pool."""
    right = 0
    for k, pool in enumerate(pools):
        others = rng.choice(pool, min(19, len(pool)), replace=False)
        right += bool((similarity[k, own[k]] > similarity[k, torch.from_numpy(others)]).all())
    return right / len(pools)


def score(folder: Path, encode: Encode, encode_text: EncodeText, size: int) -> dict[str, float]:
    """Return the table of scores: top-1 of 20 (random and hard), materials, colours, geometry, structure."""
    pictures, scenes = store.load(folder, "test")
    labels = labels_of(scenes)
    tuples, own = unique_rows(labels)
    with torch.no_grad():
        texts = F.normalize(encode_text([canonical(t) for t in tuples]).float(), dim=-1)
        similarity = embed_pictures(pictures, encode, size) @ texts.T
    rng = np.random.default_rng(0)
    distance = (tuples[:, None] != tuples[None]).sum(-1)
    everyone = np.arange(len(tuples))
    random_pools = [everyone[everyone != i] for i in own]
    hard_pools = [everyone[(everyone != i) & (distance[i] <= 1)] for i in own]
    hard_pools = [
        near if len(near) >= 19 else np.concatenate([near, rng.choice(far, 19 - len(near))])
        for near, far in zip(hard_pools, random_pools, strict=True)
    ]
    unseen = np.array([held_out(row) for row in labels])
    result = {}
    # Held-out combinations are compared with seen ones, not with the easier single materials.
    combined = (labels[:, 1] >= 0) | (labels[:, 3] > 0)
    for name, mask in (("held_out", unseen), ("seen", combined & ~unseen), ("single", ~combined)):
        rows = np.flatnonzero(mask)
        part = similarity[rows]
        result[f"{name}_top1_of_20"] = one_of_twenty(part, own[rows], [random_pools[i] for i in rows], rng)
        result[f"{name}_hard_20"] = one_of_twenty(part, own[rows], [hard_pools[i] for i in rows], rng)
    result |= by_attribute(similarity, scenes, labels, tuples)
    return result | by_structure(folder, encode, encode_text, size)


def by_structure(folder: Path, encode: Encode, encode_text: EncodeText, size: int) -> dict[str, float]:
    """Return how often a material's prompt prefers the material to its imitation: the area under the ROC curve."""
    (fakes, fake_scenes), (pictures, scenes) = (store.load(folder, name) for name in ("test_imitations", "test"))
    natural = (scenes["color"] < 0) & (scenes["geometry"] == 0)
    result = {}
    for name in ("brick", "wood", "cobblestone", "wicker"):
        number = SURFACES.index(name)
        real = pictures[natural & (scenes["surface"] == number)]
        fake = fakes[fake_scenes["imitates"] == number]
        with torch.no_grad():
            text = F.normalize(encode_text([f"an object made of {name}"]).float(), dim=-1)[0]
            high, low = (embed_pictures(part, encode, size) @ text for part in (real, fake))
        result[f"structure_{name}"] = float((high[:, None] > low[None]).float().mean())
    return result


def by_attribute(similarity: Tensor, scenes: np.ndarray, labels: np.ndarray, tuples: np.ndarray) -> dict[str, float]:
    """Return how often the attribute is right when only captions that differ in that attribute compete."""
    hits = attribute_hits(similarity, scenes, labels, tuples)
    return {title: float(np.mean([right for _, right in found])) for title, found in hits.items()}


def by_word(folder: Path, encode: Encode, encode_text: EncodeText, size: int) -> dict[str, dict[str, float]]:
    """Return the same shares apart for every word: {"material_surface": {"brick": 0.98, ...}, "color": ...}."""
    pictures, scenes = store.load(folder, "test")
    labels = labels_of(scenes)
    tuples, _ = unique_rows(labels)
    with torch.no_grad():
        texts = F.normalize(encode_text([canonical(t) for t in tuples]).float(), dim=-1)
        similarity = embed_pictures(pictures, encode, size) @ texts.T
    names = {"color": COLOR_NAMES, "geometry": GEOMETRIES, "tinted_color": COLOR_NAMES}
    table: dict[str, dict[str, float]] = {}
    for title, found in attribute_hits(similarity, scenes, labels, tuples).items():
        words = names.get(title, SURFACES)
        values = np.array(found)
        table[title] = {words[v]: float(values[values[:, 0] == v, 1].mean()) for v in np.unique(values[:, 0])}
    return table


def attribute_hits(
    similarity: Tensor, scenes: np.ndarray, labels: np.ndarray, tuples: np.ndarray
) -> dict[str, list[tuple[int, bool]]]:
    """Return per attribute and picture the true value and whether it won among captions that differ in it alone."""
    result: dict[str, list[tuple[int, bool]]] = {}
    for k, (kind, row) in enumerate(zip(scenes["kind"], labels, strict=True)):
        name = KINDS[kind]
        free = {"material": 0, "tinted": 0, "color": 1, "pattern": 0}.get(name)
        checks = [] if free is None else [(f"{name}_surface" if free == 0 else "color", free)]
        checks += [("geometry", 3)] if name == "color" else []
        checks += [("tinted_color", 1)] if name == "tinted" else []
        for title, column in checks:
            rest = [c for c in range(4) if c != column]
            rivals = np.flatnonzero((tuples[:, rest] == row[rest]).all(1))
            best = tuples[rivals[int(similarity[k, torch.from_numpy(rivals)].argmax())]]
            result.setdefault(title, []).append((int(row[column]), bool(best[column] == row[column])))
    return result
