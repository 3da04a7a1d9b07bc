"""The jobs apply_style and bake_style with a style of the real engine, as a worker runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from restyle.color import linear_to_srgb
from restyle.errors import BadInputError, CancelledError
from restyle.jobs import declaration
from restyle.kinds import kind
from restyle.kinds.mesh import Mesh
from restyle.kinds.model import Model
from restyle_server.context import JobContext
from restyle_server.jobs import apply_style, bake_style
from restyle_server.jobs.style_parts import sheet_angles
from restyle_server.stylize import PRESETS, render_views
from restyle_server.stylize.field import StyleField
from restyle_server.stylize.geometry import Frame
from restyle_server.stylize.starts import Recipe
from restyle_server.stylize.style import Style, apply

MODULES = {"apply_style": apply_style, "bake_style": bake_style}


@pytest.fixture(autouse=True)
def _small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES.values():
        monkeypatch.setattr(module, "SHEET_SIZE", 64)


def plane(cells: int = 6) -> Mesh:
    """A bent sheet with a UV map."""
    x, y = np.meshgrid(np.linspace(-1, 1, cells + 1), np.linspace(-1, 1, cells + 1))
    vertices = np.stack([x.ravel(), y.ravel(), 0.3 * x.ravel() ** 2], axis=1)
    a = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + cells + 2], 1), np.stack([a, a + cells + 2, a + cells + 1], 1)])
    return Mesh(vertices, faces.astype(np.int32), uv=(0.5 + 0.45 * vertices[faces][..., :2]).astype(np.float32))


def style_of(mesh: Mesh) -> Style:
    """A style that no optimisation has touched: stripes, over which a random network writes."""
    sizes = {"frequencies": 8, "sigma": 1.0, "width": 16, "depth": 1, "color_depth": 1, "displacement_depth": 1}
    network = StyleField(**sizes, generator=torch.Generator().manual_seed(1))
    for layer in (network.color_out, network.displacement_out):
        torch.nn.init.normal_(layer.weight, std=2.0, generator=torch.Generator().manual_seed(2))
    options = replace(PRESETS["standard"], low_precision=False, **sizes)
    recipe = Recipe("stripes", 0.14, (0.9, 0.2, 0.1), (0.1, 0.3, 0.8))
    about = {"prompt": "a striped sheet"}
    return Style(network, options, recipe, Frame.of(mesh.vertices, mesh.faces, mesh.up), about=about)


def stored(style: Style) -> Model:
    return Model(*style.pack())


def run(
    folder: Path,
    job: str,
    parameters: dict[str, Any] | None = None,
    *,
    cancelled: bool = False,
    progress: list[float] | None = None,
    **inputs: Any,
) -> tuple[dict[str, Any], list[str]]:
    """Outputs and warnings of a job; inputs and outputs are checked by kind, and travel."""
    declared = declaration(job)
    warnings = []

    def report(what: str, data: dict[str, Any]) -> None:
        if what == "warning":
            warnings.append(data["message"])
        elif what == "progress" and progress is not None:
            progress.append(data["fraction"])

    context = JobContext(
        device="cpu",
        scratch=folder,
        attempt=1,
        models_dir=folder,
        report=report,
        describe=lambda packed: {},
        cancelled=lambda: cancelled,
    )
    declared.check_inputs(set(inputs))
    kinds = {port.name: kind(port.kind) for port in declared.inputs}
    received = {}
    for name, value in inputs.items():
        kinds[name].validate(value)
        received[name] = kinds[name].unpack(kinds[name].pack(value))
    outputs = MODULES[job].run(context, received, declared.check_parameters(parameters or {}))
    ports = {port.name: port for port in declared.outputs}
    for name, value in outputs.items():
        kind(ports[name].kind).validate(value)
    assert {port.name for port in declared.outputs if not port.optional} <= set(outputs)
    return outputs, warnings


def test_apply_gives_what_the_engine_gives(tmp_path: Path) -> None:
    mesh = plane()
    style = style_of(mesh)
    outputs, warnings = run(tmp_path, "apply_style", mesh=mesh, style=stored(style))
    expected = apply(style, mesh.vertices, mesh.faces, up="y")
    np.testing.assert_array_equal(outputs["attributes"]["offset"], expected.offset)
    np.testing.assert_allclose(linear_to_srgb(outputs["attributes"]["colors"]), expected.colors, atol=1e-5)
    assert outputs["report"]["style"] == {"prompt": "a striped sheet"}
    assert warnings == []
    assert np.ptp(expected.colors) > 0.3
    assert np.abs(expected.offset).max() > 0.01
    views = [angles[:1] for angles in sheet_angles(style.options.anchor_azimuth)]
    drawn = render_views(mesh.vertices + expected.offset, mesh.faces, expected.colors, *views, size=64)[0]
    np.testing.assert_array_equal(outputs["picture"][:64, :64], drawn)


def test_apply_keeps_what_the_mask_says(tmp_path: Path) -> None:
    mesh = plane()
    count = len(mesh.vertices)
    mask = (np.arange(count) % 2).astype(np.float32)
    colors = np.random.default_rng(0).random((count, 3), np.float32)
    given = {"mask": mask, "colors": colors}
    outputs, _ = run(tmp_path, "apply_style", mesh=mesh, style=stored(style_of(mesh)), vertex_attributes=given)
    np.testing.assert_allclose(outputs["attributes"]["colors"][::2], colors[::2], atol=1e-5)
    assert not outputs["attributes"]["offset"][::2].any()
    assert outputs["attributes"]["offset"][1::2].any()


@pytest.mark.parametrize("job", ["apply_style", "bake_style"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mask": np.ones(3, np.float32)}, r"mask has the shape \(3,\), but the mesh has 49 vertices"),
        ({"mask": np.full(49, 1.5, np.float32)}, "mask has values outside 0 to 1"),
        ({"colors": np.ones((49, 4), np.float32)}, r"colors has the shape \(49, 4\)"),
        ({"smell": np.ones(49, np.float32)}, "'smell' is not known"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(tmp_path: Path, job: str, given: Any, words: str) -> None:
    mesh = plane()
    with pytest.raises(BadInputError, match=words):
        run(tmp_path, job, mesh=mesh, style=stored(style_of(mesh)), vertex_attributes=given)


@pytest.mark.parametrize("job", ["apply_style", "bake_style"])
def test_what_is_no_style_is_refused(tmp_path: Path, job: str) -> None:
    other = Model({"weights": np.zeros(3, np.float32)}, {"what": "speediness"})
    with pytest.raises(BadInputError, match="not a style"):
        run(tmp_path, job, mesh=plane(), style=other)


def test_bake_makes_textures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restyle_server.context.PROGRESS_INTERVAL", 0.0)
    mesh, progress = plane(), list[float]()
    parameters = {"size": 96, "padding": 4, "normal_map": True}
    outputs, warnings = run(
        tmp_path, "bake_style", parameters, progress=progress, mesh=mesh, style=stored(style_of(mesh))
    )
    assert any(0.05 < fraction <= 0.9 for fraction in progress), "and so it can be cancelled"
    report = outputs["report"]
    assert outputs["colors"].shape == outputs["normals"].shape == (96, 96, 3)
    heights = outputs["displacement"]["displacement"]
    assert heights.shape == (96, 96, 1)
    levels = heights / report["scale"] + report["midlevel"]
    assert 0 <= levels.min() <= levels.max() <= 1
    assert report["largest"] == pytest.approx(np.abs(heights).max())
    assert report["covered"] == pytest.approx(0.81, abs=0.04)
    assert report["overlap"] == report["unmapped"] == 0
    assert (report["tile"], report["warnings"], warnings) == (1001, [], [])
    # At a vertex's place the texture shows what the style gives that vertex, but where a stripe ends just there.
    expected = apply(style_of(mesh), mesh.vertices, mesh.faces, up="y")
    places = 0.5 + 0.45 * mesh.vertices[:, :2]
    shown = outputs["colors"][((1 - places[:, 1]) * 96).astype(int), (places[:, 0] * 96).astype(int)] / 255
    assert np.median(np.abs(shown - expected.colors)) < 0.02


def test_bake_draws_the_mesh_in_its_textures(tmp_path: Path) -> None:
    mesh = plane(2)
    outputs, _ = run(tmp_path, "bake_style", {"size": 256}, mesh=mesh, style=stored(style_of(mesh)))
    picture = outputs["picture"].astype(int)
    assert picture.shape == (2 * 64, 4 * 64, 3)
    drawn = (picture.max(axis=2) - picture.min(axis=2)) > 40
    assert drawn.mean() > 0.02, "its colours are there, though no vertex has them"
    reds, blues = picture[drawn][:, 0], picture[drawn][:, 2]
    assert (reds > blues + 40).any()
    assert (blues > reds + 40).any()


def test_bake_warns_and_refuses_in_words(tmp_path: Path) -> None:
    mesh = plane()
    style = stored(style_of(mesh))
    assert mesh.uv is not None
    doubled = replace(mesh, uv=np.where(np.arange(72)[:, None, None] < 36, mesh.uv, mesh.uv[:1]))
    outputs, warnings = run(tmp_path, "bake_style", {"size": 64}, mesh=doubled, style=style)
    assert "overlap" in warnings[0]
    assert outputs["report"]["warnings"] == warnings
    with pytest.raises(BadInputError, match=r"no UV map.*Smart UV Project"):
        run(tmp_path, "bake_style", mesh=replace(mesh, uv=None), style=style)
    with pytest.raises(BadInputError, match="nothing lies in the UDIM tile 1005; there are 1001"):
        run(tmp_path, "bake_style", {"tile": 1005}, mesh=mesh, style=style)


@pytest.mark.parametrize("job", ["apply_style", "bake_style"])
def test_a_cancel_ends_it(tmp_path: Path, job: str) -> None:
    mesh = plane()
    with pytest.raises(CancelledError):
        run(tmp_path, job, cancelled=True, mesh=mesh, style=stored(style_of(mesh)))
