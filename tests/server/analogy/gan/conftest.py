"""Small pictures made by formula, and settings that train them in a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from restyle_server.analogy.gan import PRESETS, GanOptions

Picture = NDArray[np.uint8]


@pytest.fixture
def doubles() -> Iterator[None]:
    """Everything that is made inside is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def disc() -> Picture:
    """40 x 52: a bright disc on dark blue."""
    rows, columns = np.mgrid[:40, :52]
    inside = (rows - 20) ** 2 + (columns - 18) ** 2 < 120
    return np.where(inside[..., None], (230, 190, 40), (20, 30, 90)).astype(np.uint8)


@pytest.fixture
def stripes() -> Picture:
    """36 x 36: red and green stripes."""
    columns = np.arange(36) // 4 % 2
    return np.broadcast_to(np.where(columns[None, :, None], (200, 40, 30), (30, 160, 60)), (36, 36, 3)).astype(np.uint8)


@pytest.fixture
def small() -> GanOptions:
    """Three scales of narrow networks, in float32: for so few channels bfloat16 takes longer."""
    return replace(
        PRESETS["paper"],
        size=26,
        min_size=20,
        width=6,
        max_width=8,
        width_step=2,
        iterations=7,
        plain_scales=1,
        low_precision=False,
    )


@pytest.fixture
def short(small: GanOptions) -> GanOptions:
    """The same in the way of the short presets."""
    names = ("size", "min_size", "ratio", "width", "max_width", "width_step", "low_precision")
    return replace(PRESETS["draft"], **{name: getattr(small, name) for name in names}, iterations=7, finest_share=0.5)
