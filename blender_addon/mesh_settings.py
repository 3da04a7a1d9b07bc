"""How the panel of `stylize_mesh` is laid out, and which of its settings count; what is named nowhere is advanced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .restyle.jobs.stylize_mesh import IMAGES, PROMPTS, TARGET_MESHES, TARGETS

FRONT = ("preset", "seed", "variations")
LIMITS = ("change", "displacement_limit", "direction", "symmetry", "start", "proposal", "palette")
VIEW = ("anchor", "azimuth", "elevation")
OWN_PLACE = (*FRONT, *LIMITS, *VIEW, *(f"{name}_weight" for name in TARGETS), "object_prompts", "object_prompts_weight")

IDLE = {  # what a choice leaves without effect, which the job would refuse beside it
    ("change", "color"): ("displacement_limit", "direction", "geometry_prompt"),
    ("change", "displacement"): ("palette",),
    ("start", "grey"): ("proposal",),
    ("start", "existing"): ("proposal",),
    ("anchor", "search"): ("azimuth", "elevation"),
}


def idle(values: Mapping[str, Any]) -> set[str]:
    """The settings that have no effect with the values of the others: the panel greys them, and they are not sent."""
    return {name for (chosen, value), names in IDLE.items() if values.get(chosen) == value for name in names}


def without_idle(texts: Mapping[str, str], values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Texts and values without those that have no effect."""
    gone = idle(values)
    return (
        {name: text for name, text in texts.items() if name not in gone},
        {name: value for name, value in values.items() if name not in gone},
    )


def slots(names: tuple[str, ...], filled: set[str]) -> list[str]:
    """Of numbered inputs those to show: the filled ones and the next that is free."""
    free = next((name for name in names if name not in filled), None)
    return [name for name in names if name in filled or name == free]


def filled_targets(group: Any, chosen: set[str]) -> list[str]:
    """The targets that there are, in order; `chosen` names the pictures and meshes among them."""
    texts = [name for name in PROMPTS if getattr(group, name).strip()]
    return [*texts, *(name for name in (*IMAGES, *TARGET_MESHES) if name in chosen)]
