"""How well a network tells sped-up windows from natural ones, by scenes that it was not trained on.

The headline is on regular copies: every frame against every second one. Scenes count alike, however long, and the
interval is by bootstrap over scenes, since windows of one scene are no independent witnesses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .curve import Floats, Greys, Judge, Sizes, look, resized, windowed
from .repeats import fresh

HOP = 4  # frames from one judged window to the next
DRAWS = 2000


@dataclass(frozen=True)
class Windows:
    """Logits of windows of one clip. natural: (n,) at its own speed; fast: (m,) sped up."""

    scene: str
    natural: Floats
    fast: Floats


@dataclass(frozen=True)
class Score:
    """Means over scenes with 95 % intervals: balanced accuracy at logit 0, and AUC within a scene; and each scene's."""

    accuracy: float
    accuracy_interval: tuple[float, float]
    auc: float
    auc_interval: tuple[float, float]
    scenes: dict[str, tuple[float, float]]


def windows(
    scene: str, greys: Greys, net: Judge, rate: float = 2.0, skips: np.random.Generator | None = None
) -> Windows:
    """Judge all windows of a clip (T, h, w) as it is and at `rate`, by regular strides, with `skips` by random ones.

    Frames that repeat the one before are left out first, as `curve.speediness` leaves them out.
    """
    with resized(greys, net) as sizes:
        kept = fresh(sizes[-1])
        places = copy_of(len(kept), rate) if skips is None else skipped(len(kept), rate, skips)
        natural, fast = (_logits(sizes, of, net) for of in (kept, kept[places]))
    return Windows(scene, natural, fast)


def _logits(sizes: Sizes, places: NDArray[np.int64], net: Judge) -> Floats:
    if len(places) < net.window:
        return np.empty(0)
    values, _, _ = look(sizes, places, net)
    return whole_windows(values, net.window)


def whole_windows(values: Floats, window: int) -> Floats:
    """Means of values (n,) over the windows that lie wholly in them, one every HOP."""
    half = window // 2
    return windowed(values, window)[half : len(values) - (window + 1) // 2 + 1 : HOP]


def skipped(total: int, rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frames (n,) of which each is skipped with probability 1 - 1 / rate (SpeedNet, section 3.3)."""
    return np.flatnonzero(rng.random(total) < 1 / rate)


def score(judged: Sequence[Windows], threshold: float = 0.0) -> Score:
    """Sum up windows by scenes. Scenes without windows on one of the sides are left out."""
    scenes: dict[str, tuple[float, float]] = {}
    for scene in sorted({one.scene for one in judged}):
        natural = np.concatenate([one.natural for one in judged if one.scene == scene])
        fast = np.concatenate([one.fast for one in judged if one.scene == scene])
        if len(natural) and len(fast):
            scenes[scene] = (balanced(natural, fast, threshold), auc(natural, fast))
    table = np.array(list(scenes.values()))
    means = table.mean(0)
    low, high = np.quantile(bootstrap(table), (0.025, 0.975), axis=0)
    return Score(
        float(means[0]), (float(low[0]), float(high[0])), float(means[1]), (float(low[1]), float(high[1])), scenes
    )


def bootstrap(table: Floats, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Means (draws, k) of a table (n, k) over rows drawn with replacement."""
    rng = np.random.default_rng(seed)
    return np.asarray(table[rng.integers(len(table), size=(draws, len(table)))].mean(1))


def balanced(natural: Floats, fast: Floats, threshold: float = 0.0) -> float:
    """The mean of the two classes' shares of right answers."""
    return float(((natural <= threshold).mean() + (fast > threshold).mean()) / 2)


def auc(natural: Floats, fast: Floats) -> float:
    """The chance that a sped-up window has the greater logit, ties by half."""
    order = np.sort(natural)
    below = np.searchsorted(order, fast, "left") + np.searchsorted(order, fast, "right")
    return float(below.mean() / 2 / len(natural))


def by_rate(greys: Greys, net: Judge, rates: Sequence[float]) -> Floats:
    """Mean logit (N,) of a clip's copies at each rate; NaN where the copy is shorter than a window."""
    with resized(greys, net) as sizes:
        kept = fresh(sizes[-1])
        values = [_logits(sizes, kept[copy_of(len(kept), rate)], net) for rate in rates]
    return np.array([value.mean() if len(value) else np.nan for value in values])


def logistic(
    features: Floats, labels: NDArray[np.bool_], weights: Floats | None = None
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Fit a logistic regression by Newton's method with a slight ridge.

    Returns its coefficients (k + 1,), the constant last, and the function features (n, k) -> logits (n,).
    """
    mean, spread = features.mean(0), features.std(0) + 1e-9
    share = np.full(len(features), 1.0) if weights is None else weights
    share = share / share.sum()
    x = np.concatenate([(features - mean) / spread, np.ones((len(features), 1))], 1)
    ridge = 1e-4 * np.eye(x.shape[1])
    found = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -40, 40)))
        step = np.linalg.solve(
            x.T @ (x * (share * p * (1 - p))[:, None]) + ridge, x.T @ (share * (p - labels)) + ridge @ found
        )
        found = found - step * min(1.0, 4.0 / (np.abs(step).max() + 1e-9))  # far from the end, Newton oversteps
    slopes = found[:-1] / spread
    coefficients = np.append(slopes, found[-1] - slopes @ mean)
    return coefficients, lambda values: np.asarray(values @ coefficients[:-1] + coefficients[-1])


def scale(judged: Sequence[Windows]) -> tuple[float, float]:
    """Fit a and b so that a * logit + b is the log odds of "sped up"; scenes and classes count alike."""
    logits, labels, weights = [], [], []
    for scene in sorted({one.scene for one in judged}):
        for fast in (False, True):
            parts = [one.fast if fast else one.natural for one in judged if one.scene == scene]
            values = np.concatenate(parts)
            logits.append(values)
            labels.append(np.full(len(values), fast))
            weights.append(np.full(len(values), 1 / max(1, len(values))))
    found, _ = logistic(np.concatenate(logits)[:, None], np.concatenate(labels), np.concatenate(weights))
    return float(found[0]), float(found[1])


def referenced(one: Windows) -> Windows:
    """Return windows whose clip is its own reference: the median of its logits at 1x is nought."""
    return scaled(one, (1.0, -float(np.median(one.natural))))


def left_out(sources: Sequence[str], fitted: Sequence[Windows], told: Sequence[Windows]) -> Score:
    """Score what is `told` of clips by logits whose scale is fitted on `fitted`, each source's without its own.

    sources: of each clip.
    """
    out = []
    for source in sorted(set(sources)):
        by = scale([one for its, one in zip(sources, fitted, strict=True) if its != source])
        out += [scaled(one, by) for its, one in zip(sources, told, strict=True) if its == source]
    return score(out)


def scaled(one: Windows, by: tuple[float, float]) -> Windows:
    """Return windows whose logits are a * logit + b."""
    return Windows(one.scene, by[0] * one.natural + by[1], by[0] * one.fast + by[1])


def motion_features(small: Greys, places: NDArray[np.int64], window: int) -> Floats:
    """Features (n, 4) of windows for the baseline without a network: how much moves, in all and at its most.

    Change in contrast units, its mean and 95th percentile, and the same of normal flow |dI/dt| / |grad I| in pixels.
    """
    rows = []
    before = small[places[0]].astype(np.float64)
    for place in places:
        now = small[place].astype(np.float64)
        change = np.abs(now - before)
        slope = np.hypot(*np.gradient(now))
        flow = change / (slope + 4.0)
        rows.append(
            [
                change.mean() / (now.std() + 6),
                np.quantile(change, 0.95) / (now.std() + 6),
                flow.mean(),
                np.quantile(flow, 0.95),
            ]
        )
        before = now
    return np.log(1e-3 + np.stack([whole_windows(column, window) for column in np.array(rows).T], 1))


def copy_of(total: int, rate: float) -> NDArray[np.int64]:
    """Frames (n,) that a regular copy shows: the nearest ones."""
    return np.asarray(np.floor(np.arange(int((total - 1) / rate) + 1) * rate + 0.5), np.int64)
