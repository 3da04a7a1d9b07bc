"""Patterns, and the search for a start among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from restyle_server.stylize import PRESETS
from restyle_server.stylize.judge import Judge
from restyle_server.stylize.patterns import PATTERNS, Chart
from restyle_server.stylize.scene import Scene
from restyle_server.stylize.starts import KINDS, PALETTE, Recipe, Start, grey, ranked_starts, solid

from .conftest import TinyEncoder, sphere

CPU = torch.device("cpu")
OPTIONS = replace(PRESETS["standard"], low_precision=False)


def dense_chart() -> Chart:
    points = normalize(torch.randn(40_000, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    return Chart.of(points, points)


@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize("size", [0.08, 0.14])
def test_patterns_have_two_colours_and_repeat(kind: str, size: float) -> None:
    share = PATTERNS[kind](dense_chart(), size)
    assert share.min() >= 0
    assert share.max() <= 1
    clear = float(((share < 0.1) | (share > 0.9)).float().mean())
    assert clear > 0.5, "more of the surface in one of the colours than between them"
    assert 0.05 < float(share.mean()) < 0.8
    assert torch.equal(share, PATTERNS[kind](dense_chart(), size))


def test_courses_are_rows_of_shifted_bricks() -> None:
    height = torch.linspace(-0.7, 0.7, 1401)
    wall = Chart(
        torch.stack([torch.zeros_like(height), height, torch.ones_like(height)], dim=1),
        torch.tensor([[0.0, 0.0, 1.0]]).expand(1401, 3),
        height * 0 + 0.07,
        height,
    )
    joints = (PATTERNS["courses"](wall, 0.1) > 0.5).int().diff().eq(1).sum()
    assert joints in (13, 14, 15), "a joint every 0.1 of the height"
    across = torch.linspace(-1, 1, 4001)
    rows = [
        PATTERNS["courses"](Chart(*torch.zeros(2, 4001, 3), across, torch.full_like(across, row)), 0.1)
        for row in (0.05, 0.15)
    ]
    middles = [float(across[(row > 0.9) & (across > 0)][0]) for row in rows]
    assert abs(abs(middles[0] - middles[1]) - 0.11) < 0.02


@pytest.mark.parametrize(("color", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_search_finds_the_colour(color: str, channel: int) -> None:
    scene = Scene(*sphere(), f"a {color} ball", Judge(TinyEncoder(), OPTIONS, CPU))
    start = ranked_starts(scene)[0][0]
    assert start.color.mean(dim=0).argmax() == channel
    assert (
        _misfit(scene, start)
        < min(_misfit(scene, grey(scene)), *(_misfit(scene, _plain(scene, c)) for c in PALETTE)) + 0.05
    )


def _plain(scene: Scene, color: tuple[float, ...]) -> Start:
    return solid(scene, color)


def _misfit(scene: Scene, start: Start) -> float:
    return float(scene.misfit(scene.embed_all_around(scene.points, [start.color], views=4))[0])


def test_all_candidates_are_embedded_alike() -> None:
    """Embedding many colourings at once gives what embedding each alone gives."""
    scene = Scene(*sphere(), "a red ball", Judge(TinyEncoder(), OPTIONS, CPU))
    colors = [torch.rand(len(scene.points), 3, generator=torch.Generator().manual_seed(n)) for n in range(40)]
    together = scene.embed_all_around(scene.points, colors, views=3, zooms=(1.0, 2.0))
    assert together.shape[:2] == (6, 40)
    alone = scene.embed_all_around(scene.points, colors[37:38], views=3, zooms=(1.0, 2.0))
    torch.testing.assert_close(together[:, 37:38], alone)


def test_close_up_shows_the_object_larger() -> None:
    encoder = TinyEncoder()
    seen: list[torch.Tensor] = []
    encode = encoder.encode_image
    scene = Scene(*sphere(), "a red ball", Judge(encoder, OPTIONS, CPU))
    encoder.encode_image = lambda images: (seen.append(images), encode(images))[1]
    scene.embed_all_around(scene.points, [torch.zeros(len(scene.points), 3)], views=2, zooms=(1.0, 3.0))
    dark = [float((pictures < 0.5).float().mean()) for pictures in seen]
    assert dark[1] > 1.2 * dark[0]


def test_captions_that_mean_the_same_are_no_contrasts() -> None:
    options = replace(OPTIONS, contrasts=("a red thing", "a blue thing", "a green thing"))
    scene = Scene(*sphere(), "a red ball", Judge(TinyEncoder(), options, CPU))
    assert len(scene.targets.contrasts) == 1 + 2
    np.testing.assert_allclose(scene.targets.contrasts.norm(dim=1), 1.0, rtol=1e-5)


def test_a_recipe_makes_its_start_again() -> None:
    scene = Scene(*sphere(), "a blue ball", Judge(TinyEncoder(), OPTIONS, CPU))
    start = ranked_starts(scene)[0][0]
    again = Recipe.from_numbers(start.recipe.numbers()).on(scene.points, scene.normals)
    assert again.recipe == start.recipe
    assert torch.equal(again.color, start.color)
    assert torch.equal(again.relief, start.relief)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_recipe_survives_as_numbers(kind: str) -> None:
    recipe = Recipe(kind, 0.14, (0.1, 0.2, 0.3), (0.9, 0.8, 0.7))
    assert Recipe.from_numbers(recipe.numbers()) == recipe
