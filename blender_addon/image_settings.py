"""How the panels of image analogy are laid out, and which of their settings, guides and masks count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GUIDING = ("guide_weight", "lightness_guide")  # stand with the guides and not among what is advanced
_NEEDED = {  # what a mode cannot do without stands in front
    "fill": ("structure_mask",),
    "retarget": ("width", "height"),
}

_OF_ONE = {  # the modes that take the appearance alone, and what else each of them has no use for
    "vary": ("structure_mask",),
    "retarget": ("structure_mask",),
    "fill": ("width", "height"),
}
_GUIDES = ("structure_passes", "appearance_passes", *GUIDING)
_OF_PAIRS = ("structure", *_GUIDES, "both")
_IDLE = {  # what a choice leaves without effect, most of which the job would refuse beside it
    ("method", "patch"): ("inject",),
    ("method", "gan"): (*_GUIDES, "appearance_mask", "colors", "completeness", "field"),
    **{("mode", mode): (*_OF_PAIRS, *more) for mode, more in _OF_ONE.items()},
}


def idle(values: Mapping[str, Any]) -> set[str]:
    """The settings and inputs without effect beside the others' values: the panel greys them, and they are not sent."""
    return {name for (chosen, value), names in _IDLE.items() if values.get(chosen) == value for name in names}


def needed(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The settings and masks that the chosen mode cannot do without."""
    return _NEEDED.get(str(values.get("mode")), ())


def guideless(values: Mapping[str, Any]) -> str:
    """Why there are no guides; empty if there can be."""
    if values.get("method") == "gan":
        return "The method Gan takes no guides, and all of the appearance."
    return "With one picture there is nothing to guide." if values.get("mode") in _OF_ONE else ""
