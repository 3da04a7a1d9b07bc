"""The matching of cells and the colour alignments against planted answers and closed forms."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

from restyle_server.analogy.patch.colors import match_covariance, match_rank
from restyle_server.analogy.patch.search import nothing
from restyle_server.analogy.patch.transport import fused_gromov_wasserstein, matched_layout, sinkhorn


def points(count: int, dims: int, seed: int) -> torch.Tensor:
    return torch.rand(count, dims, generator=torch.Generator().manual_seed(seed))


def test_a_turned_and_shuffled_cloud_is_matched_point_by_point() -> None:
    cloud = points(40, 3, 0) ** 2 * torch.tensor([3.0, 1.5, 0.7])
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1))).Q
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    other = (cloud @ rotation.T)[order]
    coupling = fused_gromov_wasserstein(cloud, other, torch.zeros(40, 40), 0.0, nothing)
    found = coupling.argmax(dim=1)
    assert float((order[found] == torch.arange(40)).float().mean()) > 0.9


def test_sky_stays_above_though_its_colour_is_that_of_the_other_s_ground() -> None:
    """A bright sky over a dark city, a dark sky over a bright one."""
    noise = 0.05 * points(3, 40 * 40, 0).view(3, 40, 40)
    bright_above = noise + torch.linspace(0.8, 0.1, 40).round()[None, :, None] * 0.6
    dark_above = bright_above.flip(1)
    recoloured = match_covariance(bright_above, dark_above)
    wanted = matched_layout(bright_above, recoloured, dark_above, (), nothing).wanted
    assert wanted[:3, :8].mean() < 0.2
    assert wanted[:3, 12:].mean() > 0.4


def test_masses_are_kept() -> None:
    coupling = fused_gromov_wasserstein(points(30, 4, 0), points(45, 4, 1), points(30, 45, 2), 0.3, nothing)
    torch.testing.assert_close(coupling.sum(dim=0), torch.full((45,), 1 / 45), rtol=0.02, atol=1e-5)
    torch.testing.assert_close(coupling.sum(dim=1), torch.full((30,), 1 / 30), rtol=0.1, atol=1e-4)


def test_sinkhorn_nears_the_best_assignment() -> None:
    cost = points(25, 25, 4)
    mass = torch.full((25,), 1 / 25)
    best = cost[linear_sum_assignment(cost.numpy())].mean()
    reached = (sinkhorn(cost / 0.01, mass, mass) * cost).sum()
    assert float(best) - 1e-4 <= float(reached) < float(best) + 0.02


def test_covariance_alignment_has_the_wanted_moments() -> None:
    structure = 0.45 + 0.1 * points(3, 20 * 30, 0).view(3, 20, 30)
    appearance = 0.5 + 0.05 * torch.randn(3, 25, 25, generator=torch.Generator().manual_seed(1))
    aligned = match_covariance(structure, appearance).flatten(1)
    torch.testing.assert_close(aligned.mean(dim=1), appearance.flatten(1).mean(dim=1), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.cov(aligned), torch.cov(appearance.flatten(1)), atol=3e-5, rtol=0.02)


def test_rank_alignment_has_the_wanted_distribution_and_keeps_the_order() -> None:
    structure, appearance = points(3, 400, 0).view(3, 20, 20), points(3, 400, 1).view(3, 20, 20) ** 3
    aligned = match_rank(structure, appearance)
    for before, after, wanted in zip(structure, aligned, appearance, strict=True):
        torch.testing.assert_close(after.flatten().sort().values, wanted.flatten().sort().values, atol=1e-5, rtol=0)
        assert np.array_equal(rankdata(before), rankdata(after))


def test_rank_alignment_keeps_flat_areas_flat() -> None:
    structure = torch.zeros(3, 10, 10)
    structure[:, 5:] = 1
    aligned = match_rank(structure, points(3, 100, 0).view(3, 10, 10))
    assert all(len(half.unique()) == 1 for channel in aligned for half in (channel[:5], channel[5:]))
