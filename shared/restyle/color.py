"""Between scene-linear light, which Blender computes with, and display-referred sRGB, which files and CLIP hold.

Source: IEC 61966-2-1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def srgb_to_linear(encoded: NDArray[Any]) -> NDArray[np.float32]:
    """Scene-linear values of sRGB values in [0, 1], any shape."""
    encoded = np.asarray(encoded, dtype=np.float64)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def linear_to_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """The sRGB values of scene-linear values, any shape; what lies outside [0, 1] is clipped."""
    linear = np.clip(np.asarray(linear, dtype=np.float64), 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded.astype(np.float32)
