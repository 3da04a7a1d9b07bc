"""Sheets of all prompts on all meshes: with captions, or shuffled under numbers for an open guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .pictures import Pictures
from .prompts import NAMES

COLUMNS, CAPTION, GAP = 4, 20, 8


def sheet(cells: Mapping[str, Pictures], order: Sequence[str], captions: Sequence[str]) -> Image.Image:
    """Lay out cells of pictures (N, S, S, 3) side by side, four to a row, each under its caption."""
    across, size = len(next(iter(cells.values()))), next(iter(cells.values())).shape[1]
    wide, high = across * size + GAP, size + CAPTION + GAP
    canvas = Image.new("RGB", (COLUMNS * wide, -(-len(order) // COLUMNS) * high), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    for number, (name, caption) in enumerate(zip(order, captions)):
        left, top = number % COLUMNS * wide, number // COLUMNS * high
        draw.text((left + 4, top + 1), caption, fill="black", font=font)
        for column, picture in enumerate(cells[name]):
            canvas.paste(Image.fromarray(picture), (left + column * size, top + CAPTION))
    return canvas


def shuffled(seed: int) -> list[str]:
    """The prompts in an order that gives nothing away; the same for the same seed."""
    return [NAMES[index] for index in np.random.default_rng(seed).permutation(len(NAMES))]
