"""Which frames training clips show, and that pairs are of one place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from restyle_server.retime.speediness.footage import Clip, Track
from restyle_server.retime.speediness.sampling import EVEN_FAST, FAST, LENGTH, NORMAL, Sampler, offsets


def moving_square(frames: int = 80) -> np.ndarray:
    film = np.full((frames, 64, 96), 40, np.uint8)
    for t in range(frames):
        film[t, 20:40, t // 2 : t // 2 + 20] = 220
    return film


def clip(film: np.ndarray, name: str = "one") -> Clip:
    return Clip(name, name, name, Track(film), ())


@pytest.mark.parametrize("fast", [False, True])
def test_offsets_have_the_rates_of_their_class(fast: bool) -> None:
    rng = np.random.default_rng(0)
    low, high = (min(FAST[0], EVEN_FAST[0]), max(FAST[1], EVEN_FAST[1])) if fast else NORMAL
    rates = []
    for _ in range(600):
        steps = offsets(rng, fast, 1000)
        assert len(steps) == LENGTH
        assert steps[0] in (0, 1)  # a rounded start
        assert (np.diff(steps) >= 1).all()
        rates.append((steps[-1] - steps[0]) / (LENGTH - 1))
    assert low - 0.08 < np.mean(rates) < high + 0.08
    # Each of the three kinds is there: even strides, and uneven ones.
    assert (np.array(rates) % 1 == 0).mean() > 0.25


def test_random_skips_have_the_paper_s_probability() -> None:
    rng = np.random.default_rng(1)
    gaps = np.concatenate([np.diff(offsets(rng, True, 10_000)) for _ in range(3000)])
    # Only random skips make gaps of five and more, with probability (1 - 1/f)^4 for f from 1.7 to 2.2, in a quarter;
    # strides of four never do.
    f = np.linspace(*FAST, 100)
    expected = ((1 - 1 / f) ** 4).mean() / 4
    np.testing.assert_allclose((gaps >= 5).mean(), expected, rtol=0.15)


@pytest.mark.parametrize("limit", [36, 40, 72])
def test_offsets_stay_within_the_clip(limit: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(500):
        for fast in (False, True):
            assert offsets(rng, fast, limit)[-1] < limit


def test_batches_hold_natural_clips_first_and_then_the_same_ones_faster() -> None:
    sampler = Sampler([clip(moving_square())], [], 0.0, 3)
    batch = sampler.batch(6)
    assert batch.clips.shape[:2] == (12, LENGTH)
    assert batch.clips.shape[2] == batch.clips.shape[3]
    assert batch.labels.tolist() == [0.0] * 6 + [1.0] * 6
    assert batch.clips.min() >= 0
    assert batch.clips.max() <= 255
    change = torch.diff(batch.clips, dim=1).abs().mean((1, 2, 3))
    assert change[6:].mean() > 1.3 * change[:6].mean()


def test_still_clips_are_passed_over_where_others_move() -> None:
    still = np.full((80, 64, 96), 90, np.uint8)
    sampler = Sampler([clip(still, "still"), clip(moving_square(), "moving")], [], 0.0, 4)
    moved = torch.diff(sampler.batch(24).clips, dim=1).abs().amax((1, 2, 3)) > 25
    assert moved.float().mean() > 0.9


def test_the_same_seed_draws_the_same_batches() -> None:
    one, other = (Sampler([clip(moving_square())], [], 0.0, 5).batch(4).clips for _ in range(2))
    assert torch.equal(one, other)


def test_an_encoded_version_that_is_sped_up_already_is_not_sped_up_again() -> None:
    film = moving_square()
    fast = Track(film[::2], 2.0)
    sampler = Sampler([Clip("one", "one", "one", Track(film), ((Track(film), fast), (Track(film), fast)))], [], 0.0, 6)
    speeds = []
    for _ in range(40):
        batch = sampler.batch(1)
        speeds.append(torch.diff(batch.clips, dim=1).abs().mean((1, 2, 3)))
    seen = {id(track) for _ in range(60) for track in sampler._tracks(sampler.footage[0])}
    assert id(fast) in seen
    ratio = torch.stack(speeds)[:, 1] / torch.stack(speeds)[:, 0]
    assert 1.2 < ratio.median() < 4.0
