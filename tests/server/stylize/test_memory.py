"""What a step takes of memory: as planned, as counted by hand, and as measured while it runs."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from restyle.errors import ResourcesError
from restyle_server.models.clip import load_mini, random_openclip
from restyle_server.stylize import PRESETS, options_for
from restyle_server.stylize.judge import Judge
from restyle_server.stylize.memory import GIB, Need, Plan, available, kept_for_backward, need_of, plan_memory
from restyle_server.stylize.run import Run
from restyle_server.stylize.stage import prepare

from .conftest import TinyEncoder

CPU = torch.device("cpu")
REFERENCE = PRESETS["reference"]
SMALL = replace(REFERENCE, views=2, width=32, frequencies=16, depth=1, color_depth=1, displacement_depth=1)


def test_plans_fit_or_are_refused_with_numbers() -> None:
    need = Need(fixed=1.0 * GIB, vertex=10_000.0, picture=0.02 * GIB, vertices=1_000_000, pictures=45)
    whole = plan_memory(need, CPU, 100 * GIB)
    assert (whole.vertices_at_once, whole.pictures_at_once) == (None, None)
    assert whole.peak == pytest.approx((1 + 0.9) * GIB + 1e10)
    for memory in (1.2, 2.0, 4.0, 8.0):
        plan = plan_memory(need, CPU, memory * GIB)
        assert plan.peak <= memory * GIB
        assert plan.peak > 0.5 * memory * GIB or memory == 8.0, "and what there is, is used"
        assert plan.vertices_at_once is not None
    with pytest.raises(ResourcesError, match=r"needs 1\.0 GiB .* 0\.9 GiB are allowed.*1,000,000 vertices"):
        plan_memory(need, CPU, 0.9 * GIB)


def test_what_fits_whole_is_not_cut() -> None:
    dense = plan_memory(Need(GIB, 10_000.0, 0.02 * GIB, vertices=1_000_000, pictures=2), CPU, 4 * GIB)
    assert dense.vertices_at_once is not None
    assert dense.pictures_at_once is None
    many = plan_memory(Need(GIB, 10_000.0, 0.02 * GIB, vertices=2_000, pictures=400), CPU, 4 * GIB)
    assert many.vertices_at_once is None
    assert many.pictures_at_once is not None


def test_what_the_machine_has_is_not_counted_on_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("restyle_server.stylize.memory.Path", lambda _: limit)
    limit.write_text("max\n")
    total = available(CPU)
    assert total is not None
    limit.write_text(f"{10 * GIB}\n")
    assert available(CPU) == min(total, 10 * GIB), "a container has what it was given"
    limit.write_text("1000000\n")
    assert available(CPU) == 1_000_000
    monkeypatch.setattr("restyle_server.stylize.memory.available", lambda _: 10.0 * GIB)
    need = Need(fixed=9.0 * GIB, vertex=1.0, picture=1.0, vertices=1, pictures=1)
    with pytest.raises(ResourcesError, match=r"8\.5 GiB can be counted on here \(cpu\)"):
        plan_memory(need, CPU, None)


def test_what_is_kept_is_counted() -> None:
    """A product keeps both for the gradient of each; adding keeps nothing; the exponential keeps its result."""
    x, w = torch.rand(100, 50, requires_grad=True), torch.rand(50, 20, requires_grad=True)
    assert kept_for_backward(lambda: x @ w) == 4 * (100 * 50 + 50 * 20)
    assert kept_for_backward(lambda: x + 1) == 0
    assert kept_for_backward(x.exp) == 4 * 100 * 50


def test_needs_grow_with_what_causes_them() -> None:
    judge = Judge(TinyEncoder(), SMALL, CPU)
    small, large = need_of([(1000, 2000)], judge), need_of([(100_000, 200_000)], judge)
    assert large.fixed > small.fixed
    assert (large.vertex, large.picture) == (small.vertex, small.picture)
    wide = need_of([(1000, 2000)], Judge(TinyEncoder(), replace(SMALL, width=256), CPU))
    assert wide.vertex > 2 * small.vertex
    copies = SMALL.global_copies + SMALL.local_copies + SMALL.geometry_copies
    assert small.pictures == SMALL.views * copies
    assert need_of([(1000, 2000)] * 3, judge).pictures == 3 * 2 * copies, "two views of each object at least"
    apart, shared = (
        need_of([(1000, 2000)], Judge(TinyEncoder(), replace(SMALL, shared_views=shared), CPU))
        for shared in (False, True)
    )
    assert apart.fixed > shared.fixed, "the bare shape is drawn from cameras of its own"


class LinearEncoder(TinyEncoder):
    """Keeps its weights for the gradient, and nothing of a picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = torch.rand(3 * 32 * 32, width)

    def encode_image(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weights


class SquareEncoder(LinearEncoder):
    """Keeps each picture too, which is what a square's gradient takes."""

    def encode_image(self, images: Tensor) -> Tensor:
        return super().encode_image(images.square())


def test_the_encoders_weights_count_once_and_not_for_every_picture() -> None:
    thin, wide, square = (
        need_of([(100, 200)], Judge(encoder, SMALL, CPU))
        for encoder in (LinearEncoder(10), LinearEncoder(110), SquareEncoder(10))
    )
    assert wide.fixed - thin.fixed == 4 * 3 * 32 * 32 * 100
    assert square.fixed == thin.fixed
    assert (thin.picture, wide.picture, square.picture) == (0, 0, 4 * 3 * 32 * 32)


# ViT-B/32: 12 blocks of 50 tokens of 768 numbers. A block keeps of each token at least what goes into its four
# products (768 three times, 3,072 once) and the 3,072 before the activation, and less than four times that.
TOKENS = 12 * 50 * 4
KEPT_BY_VIT = (TOKENS * (3 * 768 + 2 * 3072), 4 * TOKENS * (3 * 768 + 2 * 3072))
WEIGHTS_OF_VIT = 12 * 12 * 768**2 * 4
# The field of `reference`: 8 hidden layers of 256 in all, each keeps its input, and with its gradients less than 6.
KEPT_BY_FIELD = (8 * 256 * 4, 6 * 8 * 256 * 4)


@pytest.fixture(scope="module")
def vit() -> Judge:
    return Judge(random_openclip("ViT-B-32-quickgelu"), REFERENCE, CPU)


@pytest.mark.parametrize(
    ("vertices", "card", "whole"), [(17_000, 6, True), (1_000_000, 12, False)], ids=["6 GiB", "12 GiB"]
)
def test_reference_fits_the_cards_that_it_is_promised_for(vit: Judge, vertices: int, card: int, whole: bool) -> None:
    need = need_of([(vertices, 2 * vertices)], vit)
    assert need.pictures == 45
    assert KEPT_BY_VIT[0] <= need.picture <= KEPT_BY_VIT[1]
    assert KEPT_BY_FIELD[0] <= need.vertex <= KEPT_BY_FIELD[1]
    assert need.fixed >= WEIGHTS_OF_VIT
    plan = plan_memory(need, CPU, card * GIB)
    assert (plan == Plan(None, None, plan.peak)) is whole
    pieces = plan.vertices_at_once or vertices, plan.pictures_at_once or 45
    least = WEIGHTS_OF_VIT + KEPT_BY_FIELD[0] * pieces[0] + KEPT_BY_VIT[0] * pieces[1]
    assert least < plan.peak <= card * GIB


class Living(TorchDispatchMode):
    """The most bytes of tensors that lived at once, of those made while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for storage in (leaf.untyped_storage() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)):
            if storage._cdata not in self._known | given:
                self._known.add(storage._cdata)
                self.now += storage.nbytes()
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def test_the_living_are_counted() -> None:
    with Living() as living:
        one = torch.zeros(1000)
        two = one.view(10, 100) + 1
        del one
        three = two * 2
        del two, three
        torch.ones(1500)
    assert (living.peak, living.now) == (8000, 0)


@pytest.mark.parametrize(
    ("preset", "changes", "rings", "memory"),
    [
        ("draft", {}, 3, None),
        ("draft", {"views": 1}, 5, None),
        ("reference", {"views": 2}, 3, None),
        ("reference", {"views": 1, "local_copies": 1, "geometry_copies": 1}, 5, None),  # vertices are what counts
        ("reference", {"views": 1, "local_copies": 1, "geometry_copies": 1}, 5, 0.12),
    ],
    ids=["draft", "draft, vertices", "pictures", "vertices", "pieces"],
)
def test_a_step_stays_within_its_plan(preset: str, changes: dict[str, Any], rings: int, memory: float | None) -> None:
    """And takes a third of it or more: a plan that is far too careful cuts into pieces what would fit."""
    encoder = load_mini()
    ball = trimesh.creation.icosphere(subdivisions=rings)
    options = replace(options_for(preset, encoder), search_start=False, displacement_from=0.0, **changes)
    limit = None if memory is None else memory * GIB
    stage = prepare(np.asarray(ball.vertices), np.asarray(ball.faces), "red", encoder, options, memory=limit)
    assert (stage.plan.vertices_at_once is None) is (memory is None)
    with Living() as living:
        Run(stage, seed=0).step()
    weights = sum(weight.nbytes for weight in encoder.model.visual.parameters())
    assert living.peak + weights <= stage.plan.peak <= 3 * (living.peak + weights)
