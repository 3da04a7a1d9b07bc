"""The searches against brute force over every pair."""

from __future__ import annotations

import pytest
import torch

from restyle_server.analogy.patch.patches import Basis, main_axes, vote
from restyle_server.analogy.patch.search import nearest_by_tree, nearest_exact


def rows(count: int, dims: int, seed: int) -> torch.Tensor:
    return torch.rand(count, dims, generator=torch.Generator().manual_seed(seed))


def squared(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return (queries.double()[:, None] - keys.double()[None]).square().sum(dim=-1)


def test_exact_search_is_brute_force() -> None:
    queries, keys = rows(301, 12, 0), rows(407, 12, 1)
    assert torch.equal(nearest_exact(queries, keys), squared(queries, keys).argmin(dim=1))


def test_normalised_search_is_brute_force() -> None:
    queries, keys = rows(301, 12, 0), rows(407, 12, 1)
    distances = squared(queries, keys)
    wanted = (distances / (0.05 + distances.amin(dim=0))).argmin(dim=1)
    assert torch.equal(nearest_exact(queries, keys, completeness=0.05), wanted)
    # The two scores really differ, or the test above would show nothing.
    assert not torch.equal(wanted, distances.argmin(dim=1))


def test_normalised_score_uses_more_of_the_keys() -> None:
    queries, keys = rows(400, 12, 0), rows(400, 12, 1)
    plain, fair = nearest_exact(queries, keys), nearest_exact(queries, keys, completeness=0.005)
    assert len(fair.unique()) > 1.1 * len(plain.unique())


@pytest.mark.parametrize("completeness", [None, 0.01])
def test_chunks_change_nothing(completeness: float | None) -> None:
    queries, keys = rows(301, 12, 0), rows(407, 12, 1)
    whole = nearest_exact(queries, keys, completeness, chunks=(1000, 1000))
    assert torch.equal(nearest_exact(queries, keys, completeness, chunks=(7, 13)), whole)


def test_tree_is_exact_without_tolerance_and_never_worse_than_its_tolerance() -> None:
    queries, keys = rows(500, 8, 0), rows(3000, 8, 1)
    distances = squared(queries, keys).sqrt()
    best = distances.amin(dim=1)
    assert torch.equal(nearest_by_tree(queries, keys, eps=0.0), distances.argmin(dim=1))
    found = nearest_by_tree(queries, keys, eps=1.0)
    reached = distances[torch.arange(500), found]
    assert (reached <= 2 * best + 1e-6).all()
    assert reached.mean() < 1.2 * best.mean()


def test_tick_is_called_between_chunks_and_may_stop_the_search() -> None:
    class Stop(Exception):
        pass

    calls = 0

    def tick() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stop

    with pytest.raises(Stop):
        nearest_exact(rows(100, 4, 0), rows(100, 4, 1), tick=tick, chunks=(10, 10))
    assert calls == 3


def test_main_axes_keep_all_of_a_picture_of_few_dimensions() -> None:
    # A sum of three plane waves: its patches lie in a space of seven dimensions (two per wave, and the mean).
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    picture = torch.stack([torch.sin(0.4 * x), torch.sin(0.3 * y + 0.1 * x), torch.cos(0.2 * x - 0.5 * y)])
    short, whole = main_axes(picture, 5, 7).describe(picture), Basis(5, None).describe(picture)
    near, far = (torch.cdist(rows.double(), rows.double())[::37] for rows in (short, whole))
    torch.testing.assert_close(near, far, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_vote_of_true_places_gives_the_picture_back(stride: int) -> None:
    picture = torch.rand(3, 21, 25, generator=torch.Generator().manual_seed(3))
    corners = torch.meshgrid(torch.arange(0, 17, stride), torch.arange(0, 21, stride), indexing="ij")
    torch.testing.assert_close(vote(picture, *corners, torch.rand(5, 5) + 0.1, stride), picture)


def test_vote_is_the_weighted_mean_pixel_by_pixel() -> None:
    generator = torch.Generator().manual_seed(5)
    matter = torch.rand(3, 9, 8, generator=generator)
    rows, columns = torch.randint(0, 7, (4, 3), generator=generator), torch.randint(0, 6, (4, 3), generator=generator)
    weights = torch.rand(3, 3, generator=generator) + 0.1
    made = vote(matter, rows, columns, weights, 2)
    total, mass = torch.zeros_like(made), torch.zeros(made.shape[1:])
    for y in range(4):
        for x in range(3):
            for i in range(3):
                for j in range(3):
                    total[:, 2 * y + i, 2 * x + j] += weights[i, j] * matter[:, rows[y, x] + i, columns[y, x] + j]
                    mass[2 * y + i, 2 * x + j] += weights[i, j]
    torch.testing.assert_close(made, total / mass)
