"""Every constant of the method under its own name, and the presets and modes that people choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True)
class GanOptions:
    """Settings of one training; the defaults are those of the published code for a structural analogy.

    size: side of the finest scale in pixels; of a picture that is not square, the side of a square of the same area.
    min_size: the same of the coarsest scale.
    max_size: a larger `size` gets no more scales than this one would.
    ratio: nominal ratio of the sides of neighbouring scales; the ratio in use meets `size` and `min_size` exactly.
    iterations: per scale; one step of the critics and one of the generators each.
    width, width_step, max_width: channels at the coarsest scale, scales after which they double, most channels.
    layers: convolutions per network.
    plain_scales: so many finest scales are not residual.
    critic_rate, generator_rate, betas: of the two Adam optimisers.
    penalty: weight of the gradient penalty.
    alpha, beta: weights of the reconstruction and of the cycle.
    structure_weight: weight of the structure side's adversarial term; that of the appearance side is 1.
    self_weight: weight of the critics on translated real pictures (frames only).
    noise: noise amplitude, in units of the reconstruction's root mean square error.
    samples: pictures that are drawn in the end.
    low_precision: bfloat16 inside networks where the processor has it; weights, norms, losses, the gradient penalty
        and all pictures stay float32.
    """

    size: int = 220
    min_size: int = 18
    max_size: int = 250
    ratio: float = 0.75
    iterations: int = 20_000
    width: int = 32
    width_step: int = 4
    max_width: int = 128
    layers: int = 5
    plain_scales: int = 2
    critic_rate: float = 1e-4
    generator_rate: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    penalty: float = 0.1
    alpha: float = 1.0
    beta: float = 10.0
    structure_weight: float = 1.0
    self_weight: float = 0.0
    noise: float = 0.1
    samples: int = 1
    low_precision: bool = True


_PAPER = GanOptions()
PRESETS = MappingProxyType(
    {
        "draft": replace(_PAPER, size=64, iterations=500),
        "standard": replace(_PAPER, size=160, iterations=2000),
        "paper": _PAPER,
    }
)


def options_for(mode: str, preset: str) -> GanOptions:
    """The settings of `mode` (analogy, paint, texture, style, text, frames) at `preset` (draft, standard, paper).

    Raises KeyError for a mode or a preset that does not exist. Source: the published commands of each mode. For `paint`
    these give the drawing as the second picture; here it is the structure, so its weight is `structure_weight`.
    """
    options = PRESETS[preset]
    changes: dict[str, dict[str, float]] = {
        "analogy": {},
        "texture": {},
        "style": {},
        "text": {"min_size": 25},
        "paint": {"critic_rate": 5e-4, "generator_rate": 1e-4, "structure_weight": 0.1},
        "frames": {"min_size": 25, "self_weight": 1.0} | ({"iterations": 24_000} if preset == "paper" else {}),
    }
    return replace(options, **changes[mode])  # type: ignore[arg-type]
