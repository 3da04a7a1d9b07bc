"""What the tests of retimed strips share: a plan at random, applied, and all that is seen of strips."""

from __future__ import annotations

import numpy as np

COUNT = 120  # frames of the movies


def plan(count, length, seed=0):
    """(length,) positions in 0 .. count - 1 whose speed changes at random, now slow, now fast."""
    speeds = np.repeat(np.random.default_rng(seed).uniform(0.3, 5, length // 7 + 1), 7)[:length]
    positions = np.concatenate([[0], np.cumsum(speeds[:-1])])
    return positions / positions[-1] * (count - 1)


def nearest(positions):
    return np.floor(positions + 0.5).astype(np.int64)


def looks(strip):
    """Everything simple that Python sees of a strip, and its own properties."""
    seen = {}
    for rna in strip.bl_rna.properties:
        if rna.identifier == "strobe" or getattr(rna, "is_deprecated", False):
            continue  # Blender 4.2 sets it when it renders; or it has a new name, which is among them
        if rna.type in ("INT", "FLOAT", "STRING", "BOOLEAN", "ENUM") and not getattr(rna, "is_array", False):
            value = getattr(strip, rna.identifier)
            seen[rna.identifier] = round(value, 4) if isinstance(value, float) else value
    return seen | {"properties": dict(strip.items())}


def whole(scene, part):
    """Every strip of a scene, as `looks` sees it, and its curves."""
    curves = part("compat").fcurves(scene)
    paths = None if curves is None else sorted(curve.data_path for curve in curves)
    return {strip.name: looks(strip) for strip in part("compat").all_strips(scene.sequence_editor)[0]}, paths


def apply(retiming, showing, scene, strip, length, seed=0):
    """Retime by a random plan; returns the numbers of the frames of the file that are to be seen."""
    shown = showing(scene, strip)
    frames = nearest(plan(shown.count, length, seed))
    retiming.apply(scene, strip, shown, frames, recipe={"label": "plan"})
    order = shown.skip + shown.first + frames
    return list(COUNT - 1 - order if shown.reverse else order)
