"""At what size what is done: matches are found at a bearable one, whatever the pictures have."""

from __future__ import annotations

from dataclasses import dataclass

from .options import PatchOptions
from .picture import Size

MOST_MATTER = 4  # times as many pixels as the picture may have that is searched for


@dataclass(frozen=True)
class Sizes:
    """All (height, width).

    output: of the result. used: of the appearance picture, shrunk where the options ask for it or there is too much.
    layout, matter: of both where matches are found.
    """

    output: Size
    used: Size
    layout: Size
    matter: Size

    @classmethod
    def of(cls, output: Size, appearance: Size, options: PatchOptions, *, fit: bool) -> Sizes:
        """For a result and an appearance picture of these sizes; fit: at most as many pixels as the result."""
        pixels, offered = output[0] * output[1], appearance[0] * appearance[1]
        searched = min(1.0, (options.search_pixels / pixels) ** 0.5)
        most = pixels if fit else MOST_MATTER * max(options.search_pixels, pixels)
        used = min(1.0, (most / offered) ** 0.5)
        return cls(output, times(appearance, used), times(output, searched), times(appearance, used * searched))


def times(size: Size, factor: float) -> Size:
    """The size with both sides times `factor`, at least one pixel each."""
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
