"""How good is an analogy: does it look like B, is it laid out like A, are B's parts whole in it, are all of them there.

Judged from three finished pictures alone, without trained weights. All pictures are first shrunk by one factor, so that
the result's shorter side is at most `WORKING_SIDE`; an appearance picture that still has more pixels than the result is
shrunk to as many. Patch sizes and projections are none that an engine optimises.

Each term is 1 for perfect and 0 for no better than the trivial anchor of its kind, and may be negative:

    appearance   = 1 - SWD(result, B) / SWD(anchor, B)            sliced Wasserstein distance of 5 px and 11 px patches
    coherence    = 1 - d(result -> B) / d(anchor -> B)            d: mean over the 11 px and 17 px patches of the first
    completeness = 1 - d(B -> result) / d(B -> anchor)               of the RMS difference to its nearest in the second
    structure    = (s(result) - s(B)) / (1 - s(B))                s: correlation of the self-similarity with A's

The anchor of the first three is A in B's mean and covariance of colour, which by construction scores 0 in them; that of
the fourth is B itself. SCORE is the smallest of the four: handing back A recoloured, or B, gives 0.

Sliced Wasserstein distance of patches: Elnekave and Weiss, "Generating natural images with direct patch distributions
matching", ECCV 2022, section 3. Two-way patch distance: Simakov et al., "Summarizing visual data using bidirectional
similarity", CVPR 2008, equation 1, with root mean square patch distances.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, unfold

Pixels = NDArray[np.uint8]

WORKING_SIDE = 220
SWD_PATCHES = (5, 11)
SWD_SCALES = (1.0, 0.5, 0.25)
SWD_PROJECTIONS = 96
SWD_QUANTILES = 1024
SWD_SEED = 881_273
LARGE_PATCHES = (11, 17)
LARGE_QUERIES = 300
CELLS = 16
COPY_BLOCK = 32
COPY_SHIFT = 2
COPY_RMS = 0.03


@dataclass(frozen=True)
class Measures:
    """What is measured of a picture before anything is normalised; colours are from 0 to 1.

    swd: sliced Wasserstein distance of its patches to B's. from_b, to_result: mean RMS distance of its large patches to
    their nearest in B, and of B's to their nearest in it. correlation: of its self-similarity with A's.
    copied: the share of its blocks that B holds at the same place.
    """

    swd: float
    from_b: float
    to_result: float
    correlation: float
    copied: float


@dataclass(frozen=True)
class Scores(Measures):
    """The measures, and the four terms of the module's head that are made of them."""

    appearance: float
    structure: float
    coherence: float
    completeness: float

    @property
    def total(self) -> float:
        """The smallest of the four terms."""
        return min(self.appearance, self.structure, self.coherence, self.completeness)


class Judge:
    """Judges pictures as analogies of one pair, (H, W, 3) uint8 sRGB; keeps what the anchor was measured as."""

    def __init__(self, structure: Pixels, appearance: Pixels) -> None:
        self._pair = structure, appearance
        self._anchor = _tensor(recolour(structure, appearance))
        self._anchors: dict[torch.Size, Measures] = {}  # by the size of the result

    def score(self, result: Pixels) -> Scores:
        """How good `result`, of any size, is."""
        a, b, made = _working(*self._pair, result)
        if made.shape not in self._anchors:
            self._anchors[made.shape] = _measured(a, b, _to_size(self._anchor, made.shape[1], made.shape[2]))
        anchor, found = self._anchors[made.shape], _measured(a, b, made)
        like_b = structure_correlation(b, a)
        return Scores(
            **asdict(found),
            appearance=1 - _ratio(found.swd, anchor.swd),
            structure=(found.correlation - like_b) / max(1 - like_b, 1e-6),
            coherence=1 - _ratio(found.from_b, anchor.from_b),
            completeness=1 - _ratio(found.to_result, anchor.to_result),
        )


def score(structure: Pixels, appearance: Pixels, result: Pixels) -> Scores:
    """Judge `result` (H, W, 3) as an analogy of `structure` in the matter of `appearance`, all uint8 sRGB."""
    return Judge(structure, appearance).score(result)


def _measured(a: Tensor, b: Tensor, made: Tensor) -> Measures:
    return Measures(
        swd=patch_swd(made, b),
        from_b=large_patch_distance(made, b),
        to_result=large_patch_distance(b, made),
        correlation=structure_correlation(made, a),
        copied=copy_rate(made, b),
    )


def recolour(structure: Pixels, appearance: Pixels) -> Pixels:
    """`structure` (H, W, 3) in the mean and covariance of `appearance`'s colours: the trivial colour transfer.

    The linear map is the optimal transport between the two normal distributions (Pitie and Kokaram 2007, "The linear
    Monge-Kantorovitch linear colour mapping for example-based colour transfer", section 3.3).
    """
    x, y = (picture.reshape(-1, 3).astype(np.float64) for picture in (structure, appearance))
    cov_x, cov_y = (np.cov(pixels.T) + 1e-3 * np.eye(3) if len(pixels) > 1 else np.eye(3) for pixels in (x, y))
    root = _power(cov_x, 0.5)
    inverse = _power(cov_x, -0.5)
    linear = inverse @ _power(root @ cov_y @ root, 0.5) @ inverse
    moved = (x - x.mean(axis=0)) @ linear.T + y.mean(axis=0)
    pixels: Pixels = np.clip(np.rint(moved), 0, 255).astype(np.uint8).reshape(structure.shape)
    return pixels


def shuffled_blocks(appearance: Pixels, height: int, width: int, block: int, seed: int) -> Pixels:
    """A (height, width, 3) picture of square blocks of `appearance` at random places: its matter without layout."""
    random = np.random.default_rng(seed)
    block = min(block, *appearance.shape[:2])
    made = np.zeros((height, width, 3), np.uint8)
    for top in range(0, height, block):
        for left in range(0, width, block):
            row = random.integers(appearance.shape[0] - block + 1)
            column = random.integers(appearance.shape[1] - block + 1)
            target = made[top : top + block, left : left + block]
            target[:] = appearance[row : row + target.shape[0], column : column + target.shape[1]]
    return made


def patch_swd(first: Tensor, second: Tensor) -> float:
    """Sliced Wasserstein-1 distance between the patches of two (3, H, W) pictures, mean over sizes and scales."""
    generator = torch.Generator().manual_seed(SWD_SEED)
    levels = (torch.arange(SWD_QUANTILES, dtype=torch.float32) + 0.5) / SWD_QUANTILES
    distances = []
    for scale in SWD_SCALES:
        pair = [_resize(picture, scale) for picture in (first, second)]
        for size in SWD_PATCHES:
            directions = torch.randn(3 * size * size, SWD_PROJECTIONS, generator=generator)
            directions /= directions.norm(dim=0)
            if min(*pair[0].shape[1:], *pair[1].shape[1:]) < size:
                continue
            quantiles = [_quantiles(_patches(picture, size) @ directions, levels) for picture in pair]
            distances.append(float((quantiles[0] - quantiles[1]).abs().mean()))
    return float(np.mean(distances))


def large_patch_distance(first: Tensor, second: Tensor) -> float:
    """Mean RMS distance from large patches of `first` (3, H, W), on a regular grid, to their nearest in `second`."""
    distances = []
    for wanted in LARGE_PATCHES:
        size = min(wanted, *first.shape[1:], *second.shape[1:])
        rows, columns = first.shape[1] - size + 1, first.shape[2] - size + 1
        step = max(1, round((rows * columns / LARGE_QUERIES) ** 0.5))
        grid = torch.stack(
            [
                first[:, r : r + size, c : c + size].reshape(-1)
                for r in range(step // 2 % rows, rows, step)
                for c in range(step // 2 % columns, columns, step)
            ]
        )
        best = torch.full((len(grid),), torch.inf)
        keys = second.shape[1] - size + 1
        strip = max(1, 8192 // (second.shape[2] - size + 1))
        for top in range(0, keys, strip):
            patches = _patches(second[:, top : min(top + strip, keys) + size - 1], size)
            squared = patches.square().sum(1)[None] - 2 * grid @ patches.T
            best = torch.minimum(best, squared.min(dim=1).values)
        mean_square = (best + grid.square().sum(1)).clamp_min(0) / grid.shape[1]
        distances.append(float(mean_square.sqrt().mean()))
    return float(np.mean(distances))


def structure_correlation(first: Tensor, second: Tensor) -> float:
    """Correlation of the self-similarities of two (3, H, W) pictures: blind to which colours, polarity or size.

    Self-similarity: distances between all pairs of 16 x 16 cells, each described by its mean and deviation of colour
    (after Shechtman and Irani, "Matching local self-similarities across images and videos", CVPR 2007).
    """
    similarities = []
    for picture in (first, second):
        cells = torch.nn.functional.adaptive_avg_pool2d(torch.cat([picture, picture.square()]), CELLS)
        mean, square = cells.flatten(1).T.split(3, dim=1)  # type: ignore[no-untyped-call]
        described = torch.cat([mean, (square - mean.square()).clamp_min(0).sqrt()], dim=1)
        upper = torch.triu_indices(CELLS**2, CELLS**2, 1)
        distances = torch.cdist(described, described)[upper[0], upper[1]]
        similarities.append(distances - distances.mean())
    norms = similarities[0].norm() * similarities[1].norm()
    return float((similarities[0] * similarities[1]).sum() / norms) if norms > 1e-9 else 0.0


def copy_rate(result: Tensor, appearance: Tensor) -> float:
    """Share of 32 px blocks of `result` that lie, within 2 px and nearly the same, at the same place of `appearance`.

    The same place: the block's centre at the same share of the height and width.
    """
    block = min(COPY_BLOCK, *result.shape[1:], *appearance.shape[1:])
    copied = []
    for top in range(0, result.shape[1] - block + 1, block):
        for left in range(0, result.shape[2] - block + 1, block):
            wanted = result[:, top : top + block, left : left + block]
            row = round((top + block / 2) / result.shape[1] * appearance.shape[1] - block / 2)
            column = round((left + block / 2) / result.shape[2] * appearance.shape[2] - block / 2)
            best = 1.0
            for r in range(row - COPY_SHIFT, row + COPY_SHIFT + 1):
                for c in range(column - COPY_SHIFT, column + COPY_SHIFT + 1):
                    if 0 <= r <= appearance.shape[1] - block and 0 <= c <= appearance.shape[2] - block:
                        there = appearance[:, r : r + block, c : c + block]
                        best = min(best, float((wanted - there).square().mean().sqrt()))
            copied.append(best < COPY_RMS)
    return float(np.mean(copied))


def _working(structure: Pixels, appearance: Pixels, result: Pixels) -> tuple[Tensor, Tensor, Tensor]:
    """The three pictures (3, H, W) float32 in [0, 1] at the size they are judged at."""
    made, b = _tensor(result), _tensor(appearance)
    scale = min(1.0, WORKING_SIDE / min(made.shape[1:]))
    made, b = _resize(made, scale), _resize(b, scale)
    b = _resize(b, min(1.0, (made[0].numel() / b[0].numel()) ** 0.5))
    return _to_size(_tensor(structure), made.shape[1], made.shape[2]), b, made


def _tensor(picture: Pixels) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def _resize(picture: Tensor, scale: float) -> Tensor:
    height, width = (max(1, round(side * scale)) for side in picture.shape[1:])
    return _to_size(picture, height, width)


def _to_size(picture: Tensor, height: int, width: int) -> Tensor:
    if picture.shape[1:] == (height, width):
        return picture
    return interpolate(picture[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0]


def _patches(picture: Tensor, size: int) -> Tensor:
    """All size x size patches of a (C, H, W) picture as rows (N, C * size * size)."""
    return unfold(picture[None], size)[0].T


def _quantiles(values: Tensor, levels: Tensor) -> Tensor:
    """The quantiles of every column of (N, P) at `levels` (Q,), linear in between: (Q, P)."""
    ordered = values.sort(dim=0).values
    place = (levels * len(ordered) - 0.5).clamp(0, len(ordered) - 1)
    below = place.floor().long()
    above = (below + 1).clamp_max(len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], (place - below)[:, None])


def _ratio(value: float, reference: float) -> float:
    """`value` in units of the anchor's; an anchor that is already perfect leaves nothing to gain, only to lose."""
    return value / max(reference, 1e-4)


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    result: NDArray[np.float64] = (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T
    return result
