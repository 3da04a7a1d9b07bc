"""Draw a sheet of the surfaces: `cd scripts && python -m mini_world.sheet ../docs/pictures/mini_world.jpg`."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from . import recipe
from .store import SIZE
from .surface import SURFACES
from .tracer import render_all

ACROSS, PER_SURFACE = 3, 4


def sheet() -> Image.Image:
    """Return four pictures of every surface, three surfaces to a row, in the order of `Surface`."""
    pool = recipe.draw_scenes(6000, 7)
    chosen = [pool[pool["surface"] == number][:PER_SURFACE] for number in range(len(SURFACES))]
    blank = -len(SURFACES) % ACROSS
    scenes = np.concatenate(chosen)
    pictures = np.full((len(scenes) + blank * PER_SURFACE, SIZE, SIZE, 3), 255, np.uint8)
    render_all(scenes, pictures[: len(scenes)])
    rows = pictures.reshape(-1, ACROSS * PER_SURFACE, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(-1, ACROSS * PER_SURFACE * SIZE, 3))


if __name__ == "__main__":
    sheet().save(Path(sys.argv[1]), quality=72)
