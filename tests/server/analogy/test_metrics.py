"""The judge: perfect is 1, the anchors are 0, and each term sees what it is for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import wasserstein_distance

from restyle_server.analogy import metrics
from restyle_server.analogy.metrics import recolour, score, shuffled_blocks

Pixels = NDArray[np.uint8]


def noise(height: int, width: int, seed: int, grain: int = 6) -> Pixels:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


A, B = noise(64, 72, 0, grain=11) // 2 + 60, noise(60, 66, 1, grain=4)


def tensor(picture: Pixels) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255


def test_the_appearance_picture_is_perfect_in_all_but_structure() -> None:
    scores = score(A, B, B)
    assert scores.appearance == pytest.approx(1, abs=0.05)
    assert scores.coherence == pytest.approx(1, abs=0.01)
    assert scores.completeness == pytest.approx(1, abs=0.01)
    assert scores.structure == pytest.approx(0, abs=1e-6)
    assert scores.copied == 1
    assert scores.total == pytest.approx(0, abs=1e-6)


def test_the_recoloured_structure_has_structure_and_nothing_else() -> None:
    scores = score(A, B, recolour(A, B))
    assert scores.structure > 0.8
    assert (scores.appearance, scores.coherence, scores.completeness) == pytest.approx((0, 0, 0), abs=1e-6)
    assert scores.copied == 0


def test_shuffled_blocks_have_the_matter_but_no_structure() -> None:
    scores = score(A, B, shuffled_blocks(B, 64, 72, 24, seed=3))
    assert scores.appearance > 0.3
    assert scores.coherence > 0.3
    assert scores.structure < 0.2


def test_half_of_the_matter_is_coherent_but_incomplete() -> None:
    half = score(A, B, np.concatenate([B[:, :33], B[:, :33]]))
    assert half.coherence > 0.8
    assert half.completeness < 0.7


def test_a_blurred_picture_is_less_coherent_than_a_sharp_one() -> None:
    blurred = np.asarray(Image.fromarray(B).resize((16, 15)).resize((66, 60), Image.Resampling.BICUBIC))
    assert score(A, B, blurred).coherence < 0.7


def test_recolouring_reaches_mean_and_covariance() -> None:
    mild = B // 4 + 90
    moved = recolour(A, mild).reshape(-1, 3).astype(float)
    wanted = mild.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(moved.mean(axis=0), wanted.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(wanted.T), atol=0.03 * np.trace(np.cov(wanted.T)))


def test_large_patch_distance_is_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "LARGE_PATCHES", (5,))
    monkeypatch.setattr(metrics, "LARGE_QUERIES", 10**9)
    first, second = noise(14, 15, 3), noise(12, 17, 4)
    rows = [
        np.lib.stride_tricks.sliding_window_view(p / 255.0, (5, 5), axis=(0, 1)).reshape(-1, 75)
        for p in (first, second)
    ]
    wanted = np.sqrt(((rows[0][:, None] - rows[1][None]) ** 2).mean(-1).min(1)).mean()
    assert metrics.large_patch_distance(tensor(first), tensor(second)) == pytest.approx(wanted, rel=1e-3)


def test_quantile_distance_is_scipys_wasserstein() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0, 1, 4000), random.normal(0.7, 2, 5500)
    levels = (torch.arange(4096) + 0.5) / 4096
    quantiles = [metrics._quantiles(torch.from_numpy(v)[:, None].float(), levels) for v in (first, second)]
    ours = float((quantiles[0] - quantiles[1]).abs().mean())
    assert ours == pytest.approx(wasserstein_distance(first, second), rel=0.01)


def test_self_similarity_ignores_colour_and_polarity() -> None:
    assert metrics.structure_correlation(tensor(A), tensor(255 - A)) == pytest.approx(1, abs=1e-4)
    assert metrics.structure_correlation(tensor(A), tensor(A[..., ::-1])) == pytest.approx(1, abs=1e-4)
    assert abs(metrics.structure_correlation(tensor(A), tensor(noise(64, 72, 9, grain=11)))) < 0.3


def test_swd_sees_scrambled_pixels_that_have_the_same_colours() -> None:
    random = np.random.default_rng(0)
    scrambled = random.permutation(B.reshape(-1, 3)).reshape(B.shape)
    assert metrics.patch_swd(tensor(B), tensor(B)) == 0
    rolled = np.roll(B, 20, axis=1)
    assert metrics.patch_swd(tensor(scrambled), tensor(B)) > 3 * metrics.patch_swd(tensor(rolled), tensor(B))
