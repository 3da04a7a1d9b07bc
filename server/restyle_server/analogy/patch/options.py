"""Every constant of the patch engine under its own name, and the modes and presets that people choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from restyle.errors import UsageError

ColorAlignment = Literal["matched", "covariance", "rank", "off"]
MODES = ("analogy", "paint", "texture", "style", "text", "vary", "retarget", "fill")


@dataclass(frozen=True)
class PatchOptions:
    """Settings of one run; the defaults are those of mode `analogy`, preset `standard`.

    granularity: shorter side of the coarsest level, pixels. Small: the layout follows the appearance picture's objects;
        large: it follows the structure picture tightly.
    color_alignment: how the structure picture's colours become the appearance picture's before the start. "matched":
        by the self-similarity of both (see transport.py); "covariance"; "rank" of each channel; "off".
    structure_weight: how much the mean colours of the aligned structure picture about each place count for a match,
        against 1 for the patch itself; fades out towards the finest level.
    pull: share of the aligned structure picture itself, pixel by pixel, in the patches that are searched for, where it
        has the most contrast; a fifth of it where it is even, and half of all that at the finest level. What is
        searched for has the structure's lines, what is found is matter.
    pattern: how much the lightness of the aligned structure picture about each place counts for a match, against 1 for
        the patch itself, at every level; it has the mean and deviation of the matter's. So its lines get the darkest
        and lightest matter that there is, and contrasts are kept.
    contrast: how many times the deviation of what is searched for, along each main axis of the patches, may be raised
        to that of the matter's patches; 1 leaves it as it is.
    completeness: alpha of GPNN's normalised score; small uses every part of the appearance picture, 1 or more only what
        fits best.
    patch_size: side of the patches, pixels, at every level.
    ratio: of the sides of one level to the next finer one.
    iterations: rounds of matching and voting per level on the levels that are searched exactly.
    fine_iterations: rounds on the finer levels.
    exact_patches: most patches that a level may have to be searched exactly with the normalised score.
    search_pixels: matches of a larger picture are found at this size; the picture is then made from them at its own.
    noise: standard deviation of the noise added to the start, in units of that of its pixels.
    guide_until: share of the pyramid at which the caller's guides have faded out.
    coherence: a match that continues a neighbour's is taken where it is at most 1 plus this times as far as the
        nearest.
    vote_sigma: falloff of a patch's vote from its centre, pixels; small is sharp, large is smooth.
    fit: shrink an appearance picture of more pixels than the output to as many, so that whole pictures correspond.
    output_size: (height, width) of the result; None for the structure picture's.
    """

    granularity: int = 36
    color_alignment: ColorAlignment = "matched"
    structure_weight: float = 0.5
    pull: float = 0.0
    pattern: float = 0.0
    contrast: float = 1.3
    completeness: float = 0.003
    patch_size: int = 7
    ratio: float = 0.7
    iterations: int = 4
    fine_iterations: int = 2
    exact_patches: int = 6000
    search_pixels: int = 200_000
    noise: float = 0.0
    guide_until: float = 0.5
    coherence: float = 1.0
    vote_sigma: float = 1.0
    fit: bool = True
    output_size: tuple[int, int] | None = None


_MODES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "analogy": {},
        "paint": {"granularity": 28},
        # The matched layout is as coarse as its cells; shapes and patterns that stay need the picture itself.
        "texture": {
            "fit": False,
            "structure_weight": 0.0,
            "pull": 0.5,
            "pattern": 0.5,
            "contrast": 3.0,
            "color_alignment": "covariance",
        },
        "style": {
            "granularity": 48,
            "structure_weight": 0.0,
            "pull": 0.9,
            "contrast": 3.0,
            "color_alignment": "covariance",
        },
        "text": {},
        "vary": {"granularity": 16, "noise": 0.75, "structure_weight": 0.0},
        "retarget": {"structure_weight": 0.0},
        "fill": {"structure_weight": 0.0, "completeness": 1.0},
    }
)
_PRESETS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "draft": {"ratio": 0.6, "iterations": 2, "fine_iterations": 1, "exact_patches": 3000, "search_pixels": 60_000},
        "standard": {},
        "fine": {
            "ratio": 0.75,
            "iterations": 8,
            "fine_iterations": 3,
            "exact_patches": 12_000,
            "search_pixels": 500_000,
        },
    }
)
PRESETS = tuple(_PRESETS)


def options_for(mode: str = "analogy", preset: str = "standard") -> PatchOptions:
    """The settings of a mode at a preset; raises UsageError for a name that is neither."""
    if mode not in _MODES:
        raise UsageError(f"mode {mode!r} is not one of {', '.join(MODES)}.")
    if preset not in _PRESETS:
        raise UsageError(f"preset {preset!r} is not one of {', '.join(PRESETS)}.")
    return replace(PatchOptions(), **_MODES[mode], **_PRESETS[preset])
