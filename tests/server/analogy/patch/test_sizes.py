"""What is held as floats is bounded, whatever the pictures are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restyle_server.analogy.patch import Guide, PatchOptions
from restyle_server.analogy.patch.analogy import prepare
from restyle_server.analogy.patch.sizes import MOST_MATTER, Sizes

OPTIONS = PatchOptions()


@pytest.mark.parametrize("fit", [True, False])
@pytest.mark.parametrize("output", [(1, 1), (220, 220), (8192, 7800), (100, 60_000)])
@pytest.mark.parametrize("appearance", [(1, 1), (300, 400), (6500, 9800)])
def test_sizes_are_bounded_and_to_scale(output: tuple[int, int], appearance: tuple[int, int], fit: bool) -> None:
    sizes = Sizes.of(output, appearance, OPTIONS, fit=fit)
    assert sizes.output == output
    assert sizes.layout[0] * sizes.layout[1] <= 1.02 * OPTIONS.search_pixels
    assert sizes.matter[0] * sizes.matter[1] <= 1.02 * MOST_MATTER * OPTIONS.search_pixels
    assert all(used <= full for used, full in zip(sizes.used, appearance, strict=True))
    if fit:
        assert sizes.used[0] * sizes.used[1] <= max(1.02 * output[0] * output[1], sum(appearance))
    for axis in range(2):  # one scale for both, up to the rounding of a pixel
        assert abs(sizes.matter[axis] * output[axis] - sizes.used[axis] * sizes.layout[axis]) <= output[
            axis
        ] * 1.5 + max(sizes.used[axis], sizes.layout[axis])


def test_a_small_picture_is_searched_as_it_is() -> None:
    assert Sizes.of((300, 400), (250, 500), OPTIONS, fit=False) == Sizes((300, 400), (250, 500), (300, 400), (250, 500))


def test_nothing_of_a_large_picture_becomes_floats() -> None:
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    pixels[500:900, :1200] = 200
    ids = (pixels[..., :1] > 0).astype(np.float32)
    options = replace(OPTIONS, color_alignment="covariance")
    guide = Guide("id", ids, ids, labels=True)
    task, canvas, _ = prepare(
        pixels, pixels, options, guides=(guide,), appearance_mask=None, device="cpu", on_step=None
    )
    tensors = [task.start, task.matter, *(over for pair in task.guides for over in (pair.structure, pair.appearance))]
    assert max(tensor[0].numel() for tensor in tensors) <= 1.02 * OPTIONS.search_pixels
    assert canvas.matter is pixels
    labelled = task.guides[0].structure
    assert labelled.shape[0] == 2
    assert labelled[1].mean() / labelled.sum(dim=0).mean() == pytest.approx(ids.mean(), abs=0.01)
