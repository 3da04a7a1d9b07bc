from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle.errors import BadInputError
from restyle_server.analogy.gan import PRESETS
from restyle_server.analogy.gan.pyramid import check_picture, resize, scale_sizes, to_pictures, to_tensor

# Sides that the published code's formula gives.
PUBLISHED = {
    (220, 18): [19, 24, 30, 39, 49, 63, 81, 104, 134, 172, 220],
    (220, 25): [25, 32, 41, 52, 66, 84, 107, 136, 173, 220],
    (64, 18): [18, 23, 28, 34, 42, 52, 64],
    (400, 18): [19, 25, 34, 46, 63, 85, 116, 158, 216, 294, 400],
}


@pytest.mark.parametrize(("size", "min_size"), PUBLISHED)
def test_square_sizes_are_the_published_ones(size: int, min_size: int) -> None:
    options = replace(PRESETS["paper"], size=size, min_size=min_size)
    assert scale_sizes(300, 300, options) == [(side, side) for side in PUBLISHED[size, min_size]]


@pytest.mark.parametrize(("height", "width"), [(300, 400), (1080, 1920), (700, 200)])
def test_other_pictures_keep_aspect_and_area(height: int, width: int) -> None:
    sizes = scale_sizes(height, width, PRESETS["paper"])
    assert len(sizes) == 11
    rows, columns = sizes[-1]
    assert rows / columns == pytest.approx(height / width, rel=0.02)
    assert rows * columns == pytest.approx(220**2, rel=0.02)


def test_very_long_pictures_stay_large_enough_for_a_critic() -> None:
    assert min(min(size) for size in scale_sizes(10, 1000, PRESETS["draft"])) == 13


def test_size_below_the_coarsest_still_gives_two_scales() -> None:
    assert scale_sizes(50, 50, replace(PRESETS["paper"], size=18)) == [(18, 18), (18, 18)]


def test_pictures_survive_the_way_there_and_back() -> None:
    picture = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    tensor = to_tensor(picture, torch.device("cpu"))
    assert (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_pictures(tensor)[0], picture)


def test_shrinking_averages_and_enlarging_keeps_a_ramp() -> None:
    checkers = torch.ones(1, 3, 32, 32)
    checkers[..., ::2] = -1
    assert resize(checkers, (8, 8))[..., 2:-2].abs().max() < 0.05  # picking pixels would give -1 or 1
    ramp = torch.linspace(-0.8, 0.8, 16).expand(1, 3, 16, 16)
    larger = resize(ramp, (32, 32))[0, 0, 0]
    exact = torch.from_numpy(np.interp((np.arange(32) + 0.5) / 2 - 0.5, np.arange(16), ramp[0, 0, 0].numpy()))
    torch.testing.assert_close(larger[4:-4].double(), exact[4:-4], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_other_arrays_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(BadInputError, match="structure"):
        check_picture(picture, "structure")
