"""Every constant of the method under its own name, and the presets that people choose from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from .encoder import ClipEncoder
from .geometry import UpAxis

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class StylizeOptions:
    """Settings of one stylization; the defaults are those of the published demos (`demo/*.sh`, candle and alien).

    iterations: optimiser steps.
    views: pictures rendered per step.
    resolution_factor: rendered side / side that the encoder takes.
    frequencies, sigma: number and standard deviation of the field's Fourier features.
    width, depth, color_depth, displacement_depth: of the field's layers.
    progressive_iterations: steps over which the Fourier features are revealed, low frequencies first; 0 for at once.
    symmetry: make the field symmetric across this axis of the object, about the middle of its box.
    standardize: divide the field's input by its standard deviation, axis by axis.
    displacement_limit: largest displacement, in radii of the unit sphere.
    displacement_from: share of the run after which displacement begins; colour is alone before.
    change: what may change at all: colour, displacement or both.
    direction: whether displacement may go outwards, inwards or both ways.
    palette: sRGB colours, one of which every vertex gets; empty for any colour.
    global_copies, local_copies, geometry_copies: augmented copies per view: of the whole, of crops, of grey crops.
    global_area, local_area, geometry_area: smallest and largest share of the picture that these take.
    perspective, distortion: probability and strength of their perspective.
    shared_draws: one random draw for all the views of a copy.
    object_share: a crop is drawn again until the object fills this share of it.
    fill: sRGB outside the picture after a perspective.
    background: sRGB behind the object.
    anchor_azimuth, anchor_elevation: of the first view, radians, +Y up.
    search_anchor: take the view from which the bare shape fits the target best as the first instead.
    azimuth_std, elevation_std: spread of the others about it, radians.
    tight_views: zoom every view onto the object.
    shared_views: render displacement alone from the same views as colour.
    cull, perspective_correct, soft_light: of the renderer.
    global_weight, local_weight, geometry_weight: of the three loss terms.
    learning_rate, lr_decay, decay_step: of Adam, and its factor every so many steps.
    contrasts, contrast_weight, contrast_scale: captions that must fit less, weight and logit scale of that term.
    color_penalty: weight of the mean squared change of the colour logits from the start.
    displacement_penalty: weight of the mean squared change of the displacement from the start, in units of its limit.
    search_start: begin from what the encoder likes best among plain colours and patterns of two, not from grey.
    existing_start: begin from the colours that the mesh has instead.
    vary_start: without either, variations after the first begin from plain colours that the encoder likes.
    seconds: time after which the run ends, whatever the number of its steps; None for no such limit.
    patience: the run ends once this many steps have brought no better score; 0 never ends it early.
    low_precision: bfloat16 in the field's hidden layers and, on CUDA, in the encoder, while the field learns.
    low_precision_on_cpu: then in the encoder on a CPU too.
    up: which axis of the mesh points up.
    """

    iterations: int = 1500
    views: int = 5
    resolution_factor: int = 1
    frequencies: int = 256
    sigma: float = 5.0
    width: int = 256
    depth: int = 4
    color_depth: int = 2
    displacement_depth: int = 2
    progressive_iterations: int = 87
    symmetry: Literal["x", "y", "z"] | None = None
    standardize: bool = False
    displacement_limit: float = 0.1
    displacement_from: float = 0.0
    change: Literal["both", "color", "displacement"] = "both"
    direction: Literal["both", "out", "in"] = "both"
    palette: tuple[Triple, ...] = ()
    global_copies: int = 1
    local_copies: int = 4
    geometry_copies: int = 4
    global_area: tuple[float, float] = (1.0, 1.0)
    local_area: tuple[float, float] = (0.1, 0.1)
    geometry_area: tuple[float, float] = (0.1, 0.1)
    perspective: float = 0.8
    distortion: float = 0.5
    shared_draws: bool = True
    object_share: float = 0.0
    fill: Triple = (1.0, 1.0, 1.0)
    background: Triple = (1.0, 1.0, 1.0)
    anchor_azimuth: float = 1.96349
    anchor_elevation: float = 0.6283
    search_anchor: bool = False
    azimuth_std: float = math.pi / 2
    elevation_std: float = math.pi / 4
    tight_views: bool = False
    shared_views: bool = False
    cull: bool = True
    perspective_correct: bool = False
    soft_light: bool = False
    global_weight: float = 1.0
    local_weight: float = 1.0
    geometry_weight: float = 1.0
    learning_rate: float = 5e-4
    lr_decay: float = 0.9
    decay_step: int = 100
    contrasts: tuple[str, ...] = ()
    contrast_weight: float = 0.0
    contrast_scale: float = 8.0
    color_penalty: float = 0.0
    displacement_penalty: float = 0.0
    search_start: bool = False
    existing_start: bool = False
    vary_start: bool = False
    seconds: float | None = None
    patience: int = 0
    low_precision: bool = False
    low_precision_on_cpu: bool = False
    up: UpAxis = "y"


_REFERENCE = StylizeOptions()
# What the product changes: a renderer without dead zones and holes, views that the object fills, crops that hit it.
_STANDARD = replace(
    _REFERENCE,
    iterations=500,
    views=4,
    local_copies=2,
    geometry_copies=1,
    local_area=(0.1, 0.4),
    shared_draws=False,
    object_share=0.5,
    tight_views=True,
    shared_views=True,
    cull=False,
    perspective_correct=True,
    soft_light=True,
    learning_rate=1e-3,
    progressive_iterations=0,
    vary_start=True,
    low_precision=True,
)
_DRAFT = replace(
    _STANDARD, iterations=100, views=3, width=128, frequencies=128, depth=2, color_depth=1, displacement_depth=1
)
PRESETS = MappingProxyType({"draft": _DRAFT, "standard": _STANDARD, "reference": _REFERENCE})

_COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey", "turquoise")
# fmt: off
_SURFACES = (
    "brick", "wood", "gold", "silver", "copper", "cobblestone", "marble", "rust", "ice", "lava", "moss", "bark",
    "wicker", "crochet", "leather", "sand", "chocolate", "cheese", "denim", "snow", "fur", "scales", "concrete",
    "paper", "crystal", "mosaic",
)
# fmt: on
_PATTERNS = ("striped", "checkered", "mottled")
CONTRASTS = (
    *(f"a {color} object" for color in _COLORS),
    *(f"an object made of {surface}" for surface in _SURFACES),
    *(f"a {pattern} {color} and {other} object" for pattern in _PATTERNS for color, other in pairwise(_COLORS)),
)


def options_for(preset: str, encoder: ClipEncoder) -> StylizeOptions:
    """The settings of `preset`, suited to `encoder`; raises KeyError for a preset that does not exist.

    A stand-in sees little and is easily fooled, so it gets all sides of the object, large pictures for its small input,
    a start that it likes, captions to tell apart, colour before relief and little of the latter. The reference stays
    as published for every encoder.
    """
    options = PRESETS[preset]
    if preset == "reference":
        return options
    if not encoder.is_stand_in:
        return replace(options, search_anchor=True)  # which a stand-in, that knows no objects, cannot judge
    return replace(
        options,
        iterations=options.iterations if preset == "draft" else 300,
        views=4,
        resolution_factor=2,
        frequencies=96,
        sigma=3.0,
        width=96,
        depth=2,
        color_depth=1,
        displacement_depth=1,
        local_area=(0.1, 0.5),
        geometry_area=(0.1, 0.5),
        azimuth_std=math.pi,
        elevation_std=0.35,
        displacement_limit=0.015,
        displacement_from=0.5,
        displacement_penalty=0.2,
        learning_rate=2e-3,
        contrasts=CONTRASTS,
        contrast_weight=0.3,
        contrast_scale=8.0,
        color_penalty=0.3,
        search_start=True,
        low_precision_on_cpu=True,  # its convolutions gain; a transformer took 1.45 times as long
    )
