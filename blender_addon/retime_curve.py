"""The curve of a plan as a small picture, for a panel that is too narrow for the plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 192  # pixels; as large as a panel draws a picture
LINES = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)  # speeds with a line of their own
BACK, LINE, LINE_OF_1X, WANTED, CUT = (38, 38, 38), (62, 62, 62), (120, 120, 120), (235, 235, 235), (150, 60, 60)
SLOW, FAST = (240, 150, 50), (60, 120, 215)  # what hurries and is left alone; what is sped up


def draw(series: Mapping[str, NDArray[Any]], report: Mapping[str, Any]) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) uint8: the speed over the clip as an area, the wanted speed as a line, both on a log scale.

    series: `speed` and `wanted` (T,). report: the job's; its cuts are drawn too.
    """
    import numpy as np

    speed, wanted = (_columns(np.asarray(series[name], np.float64)) for name in ("speed", "wanted"))
    low, high = limits(series)
    row = lambda value: np.clip(np.rint((SIDE - 1) * (1 - np.log(value / low) / np.log(high / low))), 0, SIDE - 1)  # noqa: E731
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[:] = BACK
    share = np.clip(np.log(np.maximum(speed, 1)) / np.log(4), 0, 1)[:, None]
    colors = (np.array(SLOW) * (1 - share) + np.array(FAST) * share).astype(np.uint8)
    filled = np.arange(SIDE)[:, None] >= row(speed)[None]
    picture[filled] = np.broadcast_to(colors[None], picture.shape)[filled]
    for line in LINES:
        if low <= line <= high:
            picture[int(row(line))] = LINE_OF_1X if line == 1 else LINE
    frames = max(1, len(series["speed"]))
    for cut in report.get("cuts", ()):
        picture[:, min(SIDE - 1, int(cut * SIDE / frames))] = CUT
    places = row(wanted).astype(int)
    picture[places, np.arange(SIDE)] = WANTED
    return picture


def limits(series: Mapping[str, NDArray[Any]]) -> tuple[float, float]:
    """The lowest and the highest speed of the picture, both powers of two."""
    import numpy as np

    speed = np.asarray(series["speed"], np.float64)
    low, high = (float(np.log2(max(value, 1 / 64))) for value in (speed.min(), speed.max()))
    return 2.0 ** min(np.floor(low), -1), 2.0 ** max(np.ceil(high), 2)


def _columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """One value for each column of the picture."""
    import numpy as np

    places = (np.arange(SIDE) + 0.5) * len(values) / SIDE - 0.5
    return np.maximum(np.interp(places, np.arange(len(values)), values), 1 / 64)
