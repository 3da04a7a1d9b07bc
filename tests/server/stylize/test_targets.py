"""What a target is turned into: directions, their mixtures, and the branches that they guide."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from restyle.errors import BadInputError
from restyle_server.stylize import PRESETS, PerVertex, Target, TargetMesh, stylize
from restyle_server.stylize.anchor import best_anchor
from restyle_server.stylize.dominant import dominant_colors
from restyle_server.stylize.judge import Judge
from restyle_server.stylize.scene import Scene
from restyle_server.stylize.targets import Targets, picture_directions
from restyle_server.stylize.views import branches, take

from .conftest import TinyEncoder, sphere

CPU = torch.device("cpu")
OPTIONS = replace(PRESETS["standard"], low_precision=False, views=2)
SMALL = replace(OPTIONS, iterations=25, width=32, frequencies=16, depth=1, color_depth=1, displacement_depth=1,
                learning_rate=5e-3, sigma=1.0)  # fmt: skip
ANCHOR = (0.0, 0.0)
RED = np.zeros((40, 40, 3), np.uint8) + np.array([220, 30, 20], np.uint8)
BLUE = np.ascontiguousarray(RED[..., ::-1])


def targets(target: Target, options: object = OPTIONS) -> Targets:
    return Targets(target, Judge(TinyEncoder(), options, CPU), ANCHOR)


def text_direction(prompt: str) -> torch.Tensor:
    return normalize(TinyEncoder().encode_text([prompt]), dim=1)[0]


def test_one_prompt_is_its_own_direction_for_all_branches() -> None:
    made = targets(Target(texts=(("a red ball", 3.0),)))
    assert torch.equal(made.fixed, text_direction("a red ball").expand(3, -1))
    assert torch.equal(made.whole, made.fixed[:1])


def test_mixtures_are_weighted_sums_of_directions() -> None:
    made = targets(Target(texts=(("red", 1.0), ("blue", 3.0)), pictures=((RED, 4.0),)))
    picture = targets(Target(pictures=((RED, 1.0),))).fixed
    expected = (text_direction("red") + 3 * text_direction("blue") + 4 * picture) / 8
    torch.testing.assert_close(made.fixed, expected)
    assert made.text_share == 0.5
    same = targets(Target(texts=(("red", 10.0), ("blue", 30.0)), pictures=((RED, 40.0),)))
    torch.testing.assert_close(made.fixed, same.fixed)


def test_the_geometry_prompt_guides_the_bare_shape_alone() -> None:
    made = targets(Target(texts=(("a red ball", 1.0),), meshes=((mesh_of((0.1, 0.1, 0.9)), 1.0),), geometry="bark"))
    terms = branches(OPTIONS, relief=True)
    seen = torch.rand(2, sum(term.copies for term in terms), 32)
    rows = made.directions(terms, [seen])
    torch.testing.assert_close(rows[-1], text_direction("bark"))
    expected = 0.5 * text_direction("a red ball") + 0.5 * normalize(seen[:, 0].mean(dim=0), dim=0)
    torch.testing.assert_close(rows[0], expected)


def test_a_picture_is_compared_crop_with_crop() -> None:
    """A quarter of a chessboard is one colour to a crop and four to the whole, and the shape sees no hue."""
    judge = Judge(TinyEncoder(), replace(OPTIONS, local_area=(0.05, 0.05), perspective=0.0), CPU)
    board = np.kron(np.array([[1, 0], [0, 1]]), np.ones((64, 64)))[..., None]
    picture = (board * [220, 30, 20] + (1 - board) * [20, 30, 220]).astype(np.uint8)
    whole, crops, grey = picture_directions(picture, judge)
    plain = [picture_directions(each, judge) for each in (RED, BLUE)]
    mean = normalize(plain[0][1] + plain[1][1], dim=0)
    assert float(crops @ mean) > float(whole @ mean)
    turned = picture_directions(np.ascontiguousarray(picture[..., ::-1]), judge)
    assert float(grey @ turned[2]) > 0.99
    assert float(plain[0][0] @ plain[1][0]) < 0.9, "and yet red and blue are told apart"


def test_transparent_parts_do_not_count() -> None:
    judge = Judge(TinyEncoder(), OPTIONS, CPU)
    alpha = np.zeros((40, 40, 1), np.uint8)
    alpha[10:30, 10:30] = 255
    first = np.concatenate([RED, alpha], axis=2)
    second = first.copy()
    second[alpha[..., 0] == 0, :3] = [0, 255, 0]
    assert torch.equal(picture_directions(first, judge), picture_directions(second, judge))


@pytest.mark.parametrize("shape", [(16, 200), (200, 16), (16, 16), (90, 120)])
def test_pictures_of_any_shape(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    rows = picture_directions(picture, Judge(TinyEncoder(), OPTIONS, CPU))
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(3))


def mesh_of(color: tuple[float, float, float]) -> TargetMesh:
    points, faces = sphere()
    return TargetMesh(points * 3 + 8, faces, np.tile(color, (len(points), 1)))


def test_a_mesh_like_the_object_fits_perfectly() -> None:
    """The same shape in the same colours, from the same cameras: every branch's cosine is 1 but for the crops' draw."""
    options = replace(OPTIONS, perspective=0.0, local_area=(1.0, 1.0), geometry_area=(1.0, 1.0), object_share=0.0)
    judge = Judge(TinyEncoder(), options, CPU)
    color = (0.8, 0.2, 0.1)
    scene = Scene(*sphere(), Target(meshes=((mesh_of(color), 1.0),)), judge)
    model, _ = scene.targets.meshes[0]
    taken = take([model, model], judge, ANCHOR, 3, torch.Generator().manual_seed(0), relief=True)
    terms = branches(options, relief=True)
    embedded = judge.embed(taken[0])
    rows = scene.targets.directions(terms, [judge.embed(taken[1])])
    fit = scene.targets.fit(embedded, rows)
    assert fit.min() > 0.999
    whole = scene.embed_all_around(scene.points, [torch.tensor(color).expand(len(scene.points), 3)], views=8)
    assert float(scene.fit(whole)[0]) > 0.999


@pytest.mark.parametrize("kind", ["picture", "mesh", "mixture"])
@pytest.mark.parametrize(("color", "channel"), [((0.9, 0.1, 0.1), 0), ((0.1, 0.1, 0.9), 2)])
def test_every_kind_of_target_decides_the_colour(kind: str, color: tuple[float, float, float], channel: int) -> None:
    picture = (np.ones((40, 40, 3)) * color * 255).astype(np.uint8)
    target = {
        "picture": Target(pictures=((picture, 1.0),)),
        "mesh": Target(meshes=((mesh_of(color), 1.0),)),
        "mixture": Target(texts=(("a ball", 0.2),), pictures=((picture, 1.0),), meshes=((mesh_of(color), 1.0),)),
    }[kind]
    result = stylize(*sphere(), target, TinyEncoder(), SMALL, seed=0)
    assert result.colors.mean(axis=0).argmax() == channel
    assert np.mean(result.history[-5:]) > np.mean(result.history[:5])
    assert result.displacement.any()


def test_several_objects_keep_place_and_scale_and_get_their_own_look() -> None:
    points, faces = sphere()
    count = len(points)
    order = np.random.default_rng(0).permutation(2 * count)  # vertices of both, mixed
    both = np.concatenate([points, 5 * points + 100])[order]
    place = np.argsort(order)
    joined = place[np.concatenate([faces, faces + count])]
    owner = (order >= count).astype(int)
    texts = [Target(texts=((f"a {color} ball", 1.0),)) for color in ("red", "blue")]
    result = stylize(
        both, joined, texts, TinyEncoder(), replace(SMALL, iterations=60), seed=0, given=PerVertex(objects=owner)
    )
    assert [result.colors[owner == n].mean(axis=0).argmax() for n in (0, 1)] == [0, 2]
    sizes = [np.abs(result.displacement[owner == n]).max() for n in (0, 1)]
    assert sizes[0] <= SMALL.displacement_limit * 1.01
    assert sizes[1] > 2 * sizes[0], "limits follow each object's own size"
    outward = (both - np.where(owner[:, None] == 1, 100, 0)) / np.where(owner[:, None] == 1, 5, 1)
    np.testing.assert_allclose(result.normals, outward, atol=0.1)


def test_objects_with_one_target_share_one_look() -> None:
    """Equal places in equal objects get equal colours, whatever the objects' scale and place."""
    points, faces = sphere()
    both, joined = np.concatenate([points, 4 * points]), np.concatenate([faces, faces + len(points)])
    owner = np.repeat([0, 1], len(points))
    result = stylize(both, joined, "a red ball", TinyEncoder(), SMALL, seed=0, given=PerVertex(objects=owner))
    first, second = np.split(result.colors, 2)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_the_anchor_is_where_the_target_shows() -> None:
    """A shape with a spike to one side: a picture of that side is found from there."""
    points, faces = sphere(16, 24)
    spiked = points * np.where(points @ [0.0, 0.0, 1.0] > 0.93, 2.2, 1.0)[:, None]
    judge = Judge(TinyEncoder(), replace(OPTIONS, tight_views=False), CPU)
    probe = Scene(spiked, faces, "a ball", judge)
    grey = [torch.full_like(probe.points, 0.5)]
    for wanted in (0.0, math.pi / 2, math.pi):
        probe.anchor = (wanted, 0.2)
        seen = probe.embed_all_around(probe.points, grey, views=1)
        probe.targets.whole = normalize(seen[0], dim=1)
        azimuth, elevation = best_anchor(probe)
        assert azimuth == pytest.approx(wanted)
        assert elevation == pytest.approx(0.2)


@pytest.mark.parametrize("thin", [0, 2])
def test_the_anchor_is_not_a_view_of_an_edge(thin: int) -> None:
    """A slab whose edge is what is asked for: the best of the views that show seven tenths of it is taken."""
    points, faces = sphere(16, 24)
    points[:, thin] *= 0.1
    edges = (math.pi / 2, 3 * math.pi / 2) if thin == 0 else (0.0, math.pi)
    scene = Scene(points, faces, "a ball", Judge(TinyEncoder(), OPTIONS, CPU))
    scene.anchor = (edges[0], 0.2)
    seen = scene.embed_all_around(scene.points, [torch.full_like(scene.points, 0.5)], views=1)
    scene.targets.whole = normalize(seen[0], dim=1)
    azimuth, _ = best_anchor(scene)
    turned = abs(math.cos(azimuth - edges[0]))  # what a flat slab shows is the sine of this angle
    assert 0.3 < turned < 0.75, "as near to the edge as is allowed"


def test_dominant_colours_of_a_flag() -> None:
    stripes = torch.tensor([[0.8, 0.1, 0.1], [0.9, 0.9, 0.9], [0.1, 0.2, 0.7]])
    pixels = stripes[torch.tensor([0] * 500 + [1] * 300 + [2] * 200)]
    noise = 0.01 * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    found = torch.tensor(dominant_colors((pixels + noise).clamp(0, 1)))
    nearest = torch.cdist(stripes, found).amin(dim=1)
    assert nearest.max() < 0.05


BAD = [
    (Target(), "There is no target"),
    (Target(texts=(("red", 0.0),)), "weight 0"),
    (Target(pictures=((RED[:1, :1], 1.0),)), "1 x 1 pixels"),
    (
        Target(meshes=((TargetMesh(np.zeros((0, 3)), np.zeros((0, 3), int)), 1.0),)),
        "The target mesh: vertices is empty",
    ),
    (Target(meshes=((TargetMesh(np.zeros((3, 3)), np.array([[0, 1, 2]])), 1.0),)), "The target mesh: vertices"),
]


@pytest.mark.parametrize(("target", "part"), BAD, ids=[part for _, part in BAD])
def test_bad_targets_are_refused(target: Target, part: str) -> None:
    with pytest.raises(BadInputError, match=part):
        targets(target)
