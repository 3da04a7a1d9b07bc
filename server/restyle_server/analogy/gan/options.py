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
    iterations: at the coarsest scale; one step of the critics and one of the generators each.
    finest_share: iterations at the finest scale as a share of those; the ones between fall in equal ratios.
    width, width_step, max_width: channels at the coarsest scale, scales after which they double, most channels.
    layers: convolutions per network.
    plain_scales: so many finest scales are not residual.
    critic_rate, generator_rate, betas: of the two Adam optimisers.
    penalty: weight of the gradient penalty.
    alpha, beta: weights of the reconstruction and of the cycle.
    structure_weight: weight of the structure side's adversarial term; that of the appearance side is 1.
    self_weight: weight of the critics on translated real pictures (frames only).
    noise: noise amplitude, in units of the reconstruction's root mean square error.
    first_noise: noise amplitude at the coarsest scale.
    climb: every scale adds to something: the coarsest to the blurred picture itself. A translation begins there with
        the other side's blurred picture and climbs as a drawn one does; after each scale it is given the mean and
        covariance of colours that its side has. Otherwise the coarsest scale draws of nothing but noise, and a
        translation is made of a drawn picture, at each scale anew.
    reflect: generators see pictures mirrored beyond their borders. Otherwise black.
    one_point: the gradient penalty looks at one fake of a step, drawn at random, for all of them.
    samples: pictures that are drawn in the end.
    low_precision: bfloat16 inside networks where the processor has it; weights, statistics, losses and all pictures
        stay float32.
    """

    size: int = 220
    min_size: int = 18
    max_size: int = 250
    ratio: float = 0.75
    iterations: int = 20_000
    finest_share: float = 1.0
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
    first_noise: float = 1.0
    climb: bool = False
    reflect: bool = False
    one_point: bool = False
    samples: int = 1
    low_precision: bool = True

    def rounds(self, scale: int, scales: int) -> int:
        """Iterations at `scale` of `scales`."""
        share: float = self.finest_share ** (scale / (scales - 1))
        return max(1, round(self.iterations * share))


_PAPER = GanOptions()
_SHORT = replace(  # what a few hundred iterations need
    _PAPER,
    min_size=20,
    ratio=0.5,
    finest_share=0.6,
    max_width=32,
    plain_scales=0,
    critic_rate=1e-3,
    generator_rate=1e-3,
    alpha=10.0,
    first_noise=0.1,
    climb=True,
    reflect=True,
    one_point=True,
)
PRESETS = MappingProxyType(
    {
        "draft": replace(_SHORT, size=128, iterations=250),
        "standard": replace(_SHORT, size=160, iterations=1500),
        "paper": _PAPER,
    }
)


def options_for(mode: str, preset: str) -> GanOptions:
    """The settings of `mode` (analogy, paint, texture, style, text, frames) at `preset` (draft, standard, paper).

    Raises KeyError for a mode or a preset that does not exist. Source: the published commands of each mode. For `paint`
    these give the drawing as the second picture; here it is the structure, so its weight is `structure_weight`. The
    short presets have rates of their own, and translate real frames anyway.
    """
    changes: dict[str, dict[str, float]] = {
        "analogy": {},
        "texture": {},
        "style": {},
        "text": {"min_size": 25},
        "paint": {"structure_weight": 0.1},
        "frames": {"min_size": 25},
    }
    published: dict[str, dict[str, float]] = {
        "paint": {"critic_rate": 5e-4, "generator_rate": 1e-4},
        "frames": {"self_weight": 1.0, "iterations": 24_000},
    }
    chosen = changes[mode] | (published.get(mode, {}) if preset == "paper" else {})
    return replace(PRESETS[preset], **chosen)  # type: ignore[arg-type]
