"""Colour classes as a person would name them, and which share of its surface each prompt must show in which class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .fields import Floats

Box = tuple[float, float, float, float, float, float]
# Least and most of hue (degrees, may be negative), saturation and value of the display-referred colour.
CLASSES: dict[str, Box] = {
    "red": (-25, 17, 0.45, 1.0, 0.35, 1.0),
    "brick red": (-20, 30, 0.3, 0.95, 0.22, 1.0),
    "glow": (-10, 58, 0.6, 1.0, 0.5, 1.0),
    "amber": (24, 54, 0.4, 1.0, 0.45, 1.0),
    "golden": (26, 58, 0.35, 1.0, 0.25, 1.0),
    "yellow": (44, 70, 0.45, 1.0, 0.5, 1.0),
    "cream": (20, 70, 0.12, 0.75, 0.6, 1.0),
    "tan": (18, 52, 0.2, 0.8, 0.4, 1.0),
    "brown": (5, 45, 0.25, 1.0, 0.1, 0.7),
    "dark brown": (-5, 45, 0.2, 1.0, 0.05, 0.55),
    "light green": (65, 140, 0.25, 0.9, 0.42, 1.0),
    "dark green": (70, 170, 0.3, 1.0, 0.08, 0.45),
    "green": (70, 175, 0.25, 1.0, 0.12, 1.0),
    "moss green": (52, 135, 0.3, 1.0, 0.08, 0.75),
    "army green": (45, 125, 0.15, 0.9, 0.12, 0.6),
    "blue": (198, 262, 0.35, 1.0, 0.2, 1.0),
    "denim blue": (203, 245, 0.25, 0.9, 0.15, 0.85),
    "pale blue": (180, 235, 0.06, 0.55, 0.65, 1.0),
    "white": (-180, 180, 0.0, 0.2, 0.72, 1.0),
    "pale": (-180, 180, 0.0, 0.42, 0.45, 1.0),
    "grey": (-180, 180, 0.0, 0.33, 0.2, 0.8),
    "veins": (-180, 180, 0.0, 0.2, 0.3, 0.78),
    "dark": (-180, 180, 0.0, 1.0, 0.0, 0.36),
    "black": (-180, 180, 0.0, 1.0, 0.0, 0.3),
}
HUES = ((-20, 15), (15, 45), (45, 70), (70, 165), (165, 200), (200, 255), (255, 300), (300, 340))

# Least shares of the covered pixels in colour classes; two names joined by + count together.
REQUIRED: dict[str, dict[str, float]] = {
    "brick": {"brick red": 0.4, "pale": 0.06},
    "blue brick": {"blue": 0.4, "pale": 0.06},
    "wood": {"tan+brown": 0.75, "brown": 0.1},
    "gold": {"golden": 0.65, "amber": 0.4},
    "cobblestone": {"grey": 0.45, "dark": 0.06},
    "marble": {"white": 0.55, "veins": 0.03},
    "ice": {"pale blue+white": 0.75, "pale blue": 0.35},
    "lava": {"dark": 0.2, "glow": 0.12},
    "moss": {"moss green": 0.7},
    "wicker": {"tan": 0.3, "dark brown": 0.06},
    "chocolate": {"dark brown": 0.55},
    "honeycomb": {"amber": 0.6},
    "denim": {"denim blue": 0.65},
    "strawberry": {"red": 0.55, "cream": 0.02},
    "watermelon": {"light green": 0.2, "dark green": 0.15},
    "scales": {"green": 0.4, "dark": 0.05},
    "mosaic": {},
    "camouflage": {"army green": 0.22, "army green+brown+dark": 0.75, "dark": 0.1},
    "zebra": {"white": 0.2, "black": 0.2},
    "leopard": {"tan": 0.35, "dark": 0.06},
    "stripes": {"red": 0.2, "white": 0.2},
    "checks": {"black": 0.22, "white": 0.22},
    "dots": {"yellow": 0.4, "blue": 0.06},
    "zigzag": {"green": 0.2, "white": 0.2},
}
MANY_HUES = 3  # of HUES, each on at least a twentieth of the surface: "mosaic"


def hsv(colors: Floats) -> tuple[Floats, Floats, Floats]:
    """Hue in degrees (-180 to 180), saturation and value of sRGB (N, 3)."""
    high, low = colors.max(1), colors.min(1)
    spread = np.maximum(high - low, 1e-9)
    r, g, b = colors.T
    hue = np.where(high == r, (g - b) / spread % 6, np.where(high == g, (b - r) / spread + 2, (r - g) / spread + 4))
    return (60 * hue + 180) % 360 - 180, (high - low) / np.maximum(high, 1e-9), high


def within(colors: Floats, box: Box) -> NDArray[np.bool_]:
    """Which of the colours (N, 3) lie in a class."""
    hue, saturation, value = hsv(colors)
    turned = (hue - box[0]) % 360
    inside: NDArray[np.bool_] = turned <= box[1] - box[0]
    return inside & (saturation >= box[2]) & (saturation <= box[3]) & (value >= box[4]) & (value <= box[5])


def shares(name: str, colors: Floats) -> dict[str, float]:
    """The share of colours (N, 3) in each class that a prompt asks for."""
    out = {}
    for classes in REQUIRED[name]:
        inside = [within(colors, CLASSES[one]) for one in classes.split("+")]
        out[classes] = float(np.any(inside, axis=0).mean())
    return out


def hue_count(colors: Floats) -> int:
    """How many of HUES cover at least a twentieth of the surface each, by saturated colours."""
    return sum(float(within(colors, (low, high, 0.3, 1.0, 0.25, 1.0)).mean()) >= 0.05 for low, high in HUES)


def colors_fit(name: str, colors: Floats) -> bool:
    """Whether the colours (N, 3) seen on a result are a prompt's, in at least the shares that it asks for."""
    if name == "mosaic":
        return hue_count(colors) >= MANY_HUES
    found = shares(name, colors)
    return all(found[classes] >= least for classes, least in REQUIRED[name].items())
