"""The ablation's parts: what each variant leaves out, and that vertices of their own are really optimised."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import bench_quality
from bench_quality import FreeVertices, Result, free_vertices, load, path_of, thresholds, varied
from restyle_server.models.clip import load_mini
from restyle_server.stylize import PRESETS, options_for, stylize
from restyle_server.stylize import run as engine_run


def test_each_variant_leaves_out_one_thing() -> None:
    options = PRESETS["standard"]
    assert varied(options, "full") == options
    assert varied(options, "no crops").local_area == varied(options, "no crops").geometry_area == (1.0, 1.0)
    assert varied(options, "no geometry").geometry_copies == 0
    assert varied(options, "no displacement").change == "color"
    assert set(bench_quality.VARIANTS) == {"full", "no crops", "no geometry", "no field", "no displacement"}


@pytest.mark.parametrize("variant", bench_quality.VARIANTS)
def test_every_variant_runs(variant: str) -> None:
    rng = np.random.default_rng(0)
    vertices = np.array([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]) + rng.normal(0, 0.1, (4, 3))
    faces = np.array([(0, 1, 3), (0, 2, 1), (0, 3, 2), (1, 2, 3)])
    encoder = load_mini()
    options = replace(options_for("draft", encoder), iterations=3, search_start=False, views=1, displacement_from=0.0)
    seen = []
    with free_vertices(4) if variant == "no field" else bench_quality.nullcontext():
        result = stylize(
            vertices,
            faces,
            "red",
            encoder,
            varied(options, variant),
            seed=0,
            on_step=lambda s: seen.append(s.surface()),
        )
    assert result.offset.any() == (variant != "no displacement")
    assert len(seen) == 3
    assert np.abs(seen[-1][0] - seen[0][0]).max() > 0
    np.testing.assert_allclose(seen[-1][1], result.offset, atol=1e-6)
    np.testing.assert_allclose(seen[-1][0], result.colors, atol=1e-6)


def test_free_vertices_share_nothing() -> None:
    field = FreeVertices(5)
    color, displacement = field(torch.zeros(5, 3))
    (color[2].sum() + displacement[2]).backward()
    assert field.color_out.weight.grad[2].all()
    assert not field.color_out.weight.grad[[0, 1, 3, 4]].any()
    with pytest.raises(ValueError, match="its own vertices"):
        field(torch.zeros(4, 3))
    with free_vertices(5):
        assert isinstance(engine_run.StyleField.of(PRESETS["draft"], generator=torch.Generator()), FreeVertices)
    assert engine_run.StyleField.__name__ == "StyleField"


def test_mini_is_asked_for_half_the_way(tmp_path: Path) -> None:
    result = Result(np.zeros((1, 3)), np.zeros((1, 3)), {0: 0.2, 10: 0.5, 20: 0.4}, 1.0)
    found = {("vase", "brick", "full"): result, ("vase", "brick", "no field"): result}
    assert thresholds(found, "mini") == {("vase", "brick"): pytest.approx(0.3)}
    assert thresholds(found, "ViT-B-32=x") == {("vase", "brick"): 0.22}
    assert load(path_of(tmp_path, "vase", "brick", "no field")) is None
