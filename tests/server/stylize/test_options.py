from __future__ import annotations

import math
from dataclasses import fields

import pytest

from restyle_server.stylize import PRESETS, options_for

PUBLISHED = {
    # `demo/run_candle.sh` and the defaults of `main.py`
    "iterations": 1500,
    "views": 5,
    "frequencies": 256,
    "sigma": 5.0,
    "width": 256,
    "depth": 4,
    "color_depth": 2,
    "displacement_depth": 2,
    "displacement_limit": 0.1,
    "global_copies": 1,
    "local_copies": 4,
    "geometry_copies": 4,
    "global_area": (1.0, 1.0),
    "local_area": (0.1, 0.1),
    "geometry_area": (0.1, 0.1),
    "learning_rate": 5e-4,
    "lr_decay": 0.9,
    "decay_step": 100,
    "background": (1.0, 1.0, 1.0),
    "anchor_azimuth": 1.96349,
    "anchor_elevation": 0.6283,
    "azimuth_std": math.pi / 2,  # frontview_std 4: N(0, 1) * 2 pi / 4
    "elevation_std": math.pi / 4,
    "standardize": False,
    "symmetry": None,
    # constants of the code
    "perspective": 0.8,
    "distortion": 0.5,
    "fill": (1.0, 1.0, 1.0),
    "resolution_factor": 1,
    "progressive_iterations": 87,  # when `tau` of the published encoding has everything on
    "displacement_from": 0.0,
    "shared_draws": True,
    "object_share": 0.0,
    "tight_views": False,
    "shared_views": False,
    "cull": True,
    "perspective_correct": False,
    "soft_light": False,
    "global_weight": 1.0,
    "local_weight": 1.0,
    "geometry_weight": 1.0,
    # what the reference does not have
    "contrasts": (),
    "contrast_weight": 0.0,
    "contrast_scale": 8.0,  # of no use at that weight
    "color_penalty": 0.0,
    "search_start": False,
    "displacement_penalty": 0.0,
    "change": "both",
    "direction": "both",
    "palette": (),
    "search_anchor": False,
    "existing_start": False,
    "vary_start": False,
    "seconds": None,
    "patience": 0,
    "low_precision": False,
    "low_precision_on_cpu": False,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_reference_preset_is_the_published_one(name: str) -> None:
    assert getattr(PRESETS["reference"], name) == PUBLISHED[name]


def test_images_per_iteration() -> None:
    options = PRESETS["reference"]
    assert options.views * (options.global_copies + options.local_copies + options.geometry_copies) == 45


def test_the_reference_leaves_out_nothing_that_could_change() -> None:
    assert {field.name for field in fields(PRESETS["reference"])} == {*PUBLISHED, "up"}


def test_only_a_real_model_searches_its_main_view(encoder: object) -> None:
    assert options_for("standard", encoder).search_anchor
    assert options_for("reference", encoder) == PRESETS["reference"]
    encoder.is_stand_in = True
    assert not options_for("standard", encoder).search_anchor


def test_unknown_preset(encoder: object) -> None:
    with pytest.raises(KeyError):
        options_for("best", encoder)
