"""Weights that somebody gives: of either network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from . import s3dg, small
from .curve import Judge


def network_of(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any], device: torch.device | str) -> Judge:
    """The network that these weights and their metadata are of, ready for inference; BadInputError if of none."""
    if s3dg.is_s3dg(arrays):
        return s3dg.of_arrays(arrays, about, device)
    return small.of_arrays(arrays, about, device)
