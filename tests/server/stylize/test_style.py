"""Styles on their own: the bits of their run, other densities, other meshes, other axes, and files that lie."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle.errors import BadInputError
from restyle.kinds.model import Model, decode, encode
from restyle_server.stylize import PRESETS, StylizeResult, stylize
from restyle_server.stylize import style as module
from restyle_server.stylize.objects import PerVertex
from restyle_server.stylize.style import Style, apply

from .conftest import TinyEncoder, sphere

SMALL = replace(
    PRESETS["standard"],
    iterations=4,
    views=2,
    width=16,
    frequencies=16,
    depth=1,
    color_depth=1,
    displacement_depth=1,
    learning_rate=2e-2,
    sigma=1.0,
    low_precision=False,
)
SEARCHED = replace(SMALL, search_start=True)


def run(mesh: tuple, options=SMALL, prompt: str = "a red ball", **more: object) -> StylizeResult:
    return stylize(*mesh, prompt, TinyEncoder(), options, seed=1, **more)


def stored(style: Style) -> Style:
    """What comes back from a file."""
    model = decode(encode(Model(*style.pack())))
    return Style.unpack(model.arrays, model.metadata)


def egg(up: str = "y") -> tuple:
    """No two of its directions are alike."""
    vertices, faces = sphere(14, 22)
    x, y, z = (vertices * (0.6, 1.0, 0.4) + (0.1, 0.0, 0.02) * vertices[:, 1:2] ** 2).T
    return np.stack([x, y, z] if up == "y" else [x, -z, y], axis=1), faces


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        SEARCHED,
        replace(SMALL, standardize=True, symmetry="x"),
        replace(SMALL, symmetry="z", up="z"),
        replace(SMALL, progressive_iterations=9),
        replace(SMALL, displacement_from=1.0),
        replace(SMALL, direction="out", palette=((0.9, 0.1, 0.1), (0.1, 0.1, 0.1))),
        replace(SMALL, change="color"),
        replace(SMALL, change="displacement"),
    ],
    ids=lambda options: "-".join(
        f"{name}={value}" for name, value in vars(options).items() if value != getattr(SMALL, name)
    ),
)
def test_a_stored_style_gives_its_own_mesh_the_same_bits(options: object) -> None:
    mesh = egg(options.up)
    result = run(mesh, options)
    again = apply(stored(result.styles[0]), *mesh, up=options.up)
    np.testing.assert_array_equal(again.colors, result.colors)
    np.testing.assert_array_equal(again.displacement, result.displacement)
    np.testing.assert_array_equal(again.offset, result.offset)
    assert np.ptp(result.colors) > 0.01 or options.change == "displacement"


def test_large_meshes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS_AT_ONCE", 100)
    mesh = egg()
    result = run(mesh)
    again = apply(stored(result.styles[0]), *mesh, up="y")
    np.testing.assert_array_equal(again.colors, result.colors)
    np.testing.assert_array_equal(again.offset, result.offset)


def test_existing_colours_and_mask_are_taken_from_the_mesh() -> None:
    mesh = egg()
    rng = np.random.default_rng(0)
    colors = rng.random((len(mesh[0]), 3), np.float32)
    weight = rng.random(len(mesh[0]), np.float32) * (rng.random(len(mesh[0])) > 0.3)
    result = run(mesh, replace(SMALL, existing_start=True), given=PerVertex(weight=weight, colors=colors))
    again = apply(stored(result.styles[0]), *mesh, up="y", existing=colors, weight=weight)
    np.testing.assert_array_equal(again.colors, result.colors)
    np.testing.assert_array_equal(again.offset, result.offset)
    np.testing.assert_array_equal(again.colors[weight == 0], colors[weight == 0])
    assert not again.offset[weight == 0].any()


def test_several_objects_have_a_style_each() -> None:
    vertices, faces = egg()
    both = np.concatenate([vertices, vertices * 3 + (9, 0, 0)]), np.concatenate([faces, faces + len(vertices)])
    objects = np.repeat([0, 1], len(vertices))
    result = run(both, SEARCHED, given=PerVertex(objects=objects))
    for number, part in enumerate((slice(None, len(vertices)), slice(len(vertices), None))):
        again = apply(stored(result.styles[number]), both[0][part], faces, up="y")
        np.testing.assert_array_equal(again.colors, result.colors[part])
        np.testing.assert_array_equal(again.offset, result.offset[part])


def subdivided(vertices: np.ndarray, faces: np.ndarray) -> tuple:
    """Every edge halved on one side only, so that the middle of the vertices moves; the old vertices come first."""
    upper = vertices[faces].mean(axis=1)[:, 1] > 0
    a, b, c = faces[upper].T
    middle = len(vertices) + np.arange(len(a))
    added = vertices[faces[upper]].mean(axis=1)
    split = [np.stack(each, axis=1) for each in ((a, b, middle), (b, c, middle), (c, a, middle))]
    return np.concatenate([vertices, added]), np.concatenate([faces[~upper], *split])


def test_a_denser_copy_gets_the_same_look_in_the_same_places() -> None:
    mesh = egg()
    result = run(mesh)
    dense = subdivided(*mesh)
    moved = np.linalg.norm(dense[0].mean(axis=0) - mesh[0].mean(axis=0))
    assert moved > 0.05, "its own unit sphere would be elsewhere"
    style = stored(result.styles[0])
    count = len(mesh[0])
    again = apply(style, *dense, up="y")
    np.testing.assert_allclose(again.colors[:count], result.colors, atol=1e-5)
    np.testing.assert_allclose(again.displacement[:count], result.displacement, atol=1e-6)
    own = apply(style, *dense, up="y", how="fit")
    assert np.abs(own.colors[:count] - result.colors).max() > 1e-3


def test_another_mesh_is_fitted_at_any_size_and_axis() -> None:
    result = run(egg())
    style = stored(result.styles[0])
    vertices, faces = egg("z")
    other = apply(style, vertices * 50 + (1000, 0, 3), faces, up="z")
    np.testing.assert_allclose(other.colors, result.colors, atol=1e-4)
    np.testing.assert_allclose(other.displacement, result.displacement * 50, atol=1e-3)
    x, y, z = result.offset.T * 50
    np.testing.assert_allclose(other.offset, np.stack([x, -z, y], axis=1), atol=1e-3)
    ball = apply(style, *sphere(), up="y")
    assert ball.colors.shape == (len(sphere()[0]), 3)
    assert 0 <= ball.colors.min() <= ball.colors.max() <= 1


def test_original_coordinates_continue_the_field() -> None:
    """A part of the object that is cut off is coloured as it was on the whole."""
    vertices, faces = egg()
    result = run((vertices, faces))
    upper = faces[(vertices[faces][..., 1] > 0.2).all(axis=1)]
    part = apply(stored(result.styles[0]), vertices, upper, up="y", how="original")
    used = np.unique(upper)
    np.testing.assert_allclose(part.colors[used], result.colors[used], atol=1e-5)
    assert not part.displacement[np.setdiff1d(np.arange(len(vertices)), used)].any(), "loose vertices stay"


def test_about_is_kept() -> None:
    style = replace(run(egg()).styles[0], about={"prompt": "a red ball", "seed": 1})
    assert stored(style).about == {"prompt": "a red ball", "seed": 1}


def changed(**changes: object) -> tuple[dict, dict]:
    arrays, plain = run(egg(), replace(SMALL, iterations=1)).styles[0].pack()
    plain = json.loads(json.dumps(plain))
    for path, value in changes.items():
        *way, last = path.split("__")
        at = plain
        for step in way:
            at = at[step]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return arrays, plain


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"what": "speediness"}, "not a style"),
        ({"what": None}, "not a style"),
        ({"form": 2}, "the form 2; this Restyle reads 1"),
        ({"options__from_the_future": 1}, "unknown 'from_the_future'"),
        ({"options__width": 10**9}, "width is 1000000000"),
        ({"options__frequencies": "many"}, "frequencies is many"),
        ({"options__width": 17}, "size mismatch|state_dict"),
        ({"options": 5}, "damaged"),
        ({"recipe__kind": "plaid"}, "unknown start 'plaid'"),
        ({"frame__radius": None}, "damaged"),
        ({"look": 3}, "look 3 of 1"),
        ({"looks": 10**9}, "look 0 of 1000000000"),
        ({"revealed": "all"}, "damaged"),
    ],
)
def test_files_that_lie_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        Style.unpack(*changed(**changes))


def test_missing_and_misshapen_arrays_are_refused() -> None:
    arrays, plain = changed()
    with pytest.raises(BadInputError, match="damaged"):
        Style.unpack({name: value for name, value in arrays.items() if "color_out" not in name}, plain)
    with pytest.raises(BadInputError, match="damaged"):
        Style.unpack(arrays | {"field.color_out.weight": np.zeros((2, 2), np.float32)}, plain)
    with pytest.raises(BadInputError, match="damaged"):
        Style.unpack(arrays | {"moments.mean": np.zeros(2, np.float32)}, plain)


def test_it_can_be_evaluated_anywhere() -> None:
    style = run(egg()).styles[0]
    points = torch.rand(7, 3)
    color, height = style.evaluate(points, torch.nn.functional.normalize(points, dim=1))
    assert color.shape == (7, 3)
    assert height.shape == (7,)
    assert not color.requires_grad
