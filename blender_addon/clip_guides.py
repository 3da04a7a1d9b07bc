"""Pictures and strips that say what belongs together, or where a clip is changed. For the link's thread.

In pictures of IDs equal colours mean equal things. Which colours there are is known only when both sides are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .restyle.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Reading(Protocol):
    """Pixels on their way: (H, W, 3 or 4) uint8, or (N, H, W, 3) of a clip."""

    def get(self) -> NDArray[np.uint8] | None:
        """The pixels, or None while they are being read."""

    def close(self) -> None:
        """Stop reading."""


@dataclass
class Pair:
    """The two sides of a guide by colours, structure and appearance, each with the name that messages have for it."""

    readings: tuple[Reading, Reading]
    names: tuple[str, str]
    _pixels: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _labels: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def labels(self, side: int) -> NDArray[np.uint8] | None:
        """Of one side (0 or 1), or None while anything is being read; BadInputError for what tells nothing apart."""
        from .restyle.exrfile import thinned
        from .restyle.labels import labelled

        for number, reading in enumerate(self.readings):
            if number not in self._pixels and (got := reading.get()) is not None:
                # Without the copy all of the clip would be kept.
                self._pixels[number] = thinned(got).copy() if got.ndim == 4 else _opaque(got)
        if len(self._pixels) < len(self.readings):
            return None
        if self._labels is None:
            self._labels = labelled(self._pixels[0], self._pixels[1], self.names)
        return self._labels[side]


@dataclass(frozen=True)
class Side:
    """One side of such a guide, as the kind `passes`."""

    pair: Pair
    number: int

    def get(self) -> dict[str, Any] | None:
        """The labels, or None."""
        labels = self.pair.labels(self.number)
        return None if labels is None else {"id": labels}

    def close(self) -> None:
        """Stop reading this side."""
        self.pair.readings[self.number].close()


@dataclass(frozen=True)
class FrameMask:
    """A mask for every frame of a clip, or one picture for all of them, as the kind `frames`."""

    reading: Reading
    name: str
    fps: float

    def get(self) -> Any | None:
        """The mask as a clip, or None; BadInputError if it is black everywhere."""
        from .restyle import Frames

        pixels = self.reading.get()
        if pixels is None:
            return None
        mask = pixels if pixels.ndim == 4 else _opaque(pixels)[None]
        if not mask.any():
            raise BadInputError(f"“{self.name}” is black everywhere. Paint white what is to be changed.")
        return Frames(mask, self.fps)

    def close(self) -> None:
        """Stop reading."""
        self.reading.close()


def _opaque(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) of a picture over black."""
    import numpy as np

    if pixels.shape[2] == 3:
        return pixels
    over_black = np.rint(pixels[..., :3] * (pixels[..., 3:] / np.float32(255)))
    return np.ascontiguousarray(over_black, np.uint8)
