"""Contact sheets that people choose from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SHARE = 0.09  # of a picture's height that a number takes


def numbered(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, H, W, 3), each with its number from 1 in the upper left corner."""
    font = ImageFont.load_default(max(10, round(SHARE * pictures.shape[1])))
    marked = []
    for number, picture in enumerate(pictures, 1):
        image = Image.fromarray(picture)
        ImageDraw.Draw(image).text((pictures.shape[2] // 32, 0), str(number), fill=(90, 90, 90), font=font)
        marked.append(np.asarray(image))
    return np.stack(marked)
