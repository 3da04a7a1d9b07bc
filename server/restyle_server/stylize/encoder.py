"""What the engine asks of a CLIP; `restyle_server.models.clip` has the implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class ClipEncoder(Protocol):
    """A frozen joint encoder of text and pictures.

    name: what the encoder is called in reports.
    resolution: side R of the square pictures it takes, pixels.
    is_stand_in: True for the small bundled model that stands in for a real CLIP.
    """

    name: str
    resolution: int
    device: torch.device
    is_stand_in: bool

    def encode_text(self, prompts: Sequence[str], /) -> Tensor:
        """Embed `prompts`: (N, D) float32, not normalised, no gradient."""
        ...

    def encode_image(self, images: Tensor, /) -> Tensor:
        """Embed (N, 3, R, R) display-referred sRGB pictures in [0, 1]: (N, D), differentiable to the pixels."""
        ...
