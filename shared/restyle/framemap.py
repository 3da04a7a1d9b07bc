"""Frame maps: for each frame of a retimed clip, the position in the source that it shows.

A map comes from a plan (the output `plan` of the job retime_clip), goes into a CSV table that people edit, and becomes
a few keys with straight lines between them, as an animation curve wants.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInputError
from .outfile import write_atomically

Positions = NDArray[np.float64]
COLUMNS = ("frame", "source", "shown", "seconds", "speed")
MAX_ROWS = 4_000_000


def nearest(source: Positions) -> NDArray[np.int64]:
    """The source frame (L,) that each position shows; halves go up, always, so that they keep their distance."""
    return np.floor(np.asarray(source) + 0.5).astype(np.int64)


def keys(source: Positions, tolerance: float = 0.5) -> tuple[NDArray[np.int64], Positions]:
    """Few keys: lines between them are never more than `tolerance` source frames away from the map.

    source: (L,), nondecreasing. Gives the frames (K,) and the values (K,), nondecreasing too.
    """
    source = np.asarray(source, np.float64)
    return _thread(source - tolerance, source + tolerance, source)


def exact_keys(source: Positions, margin: float = 0.02) -> tuple[NDArray[np.int64], Positions]:
    """Few keys: lines between them, rounded by `nearest`, show exactly the frames that the map shows.

    margin: source frames that the lines keep from where rounding would tip, for those who compute in float32.
    """
    shown = nearest(source).astype(np.float64)
    low, high = shown - 0.5 + margin, shown + 0.5 - margin
    return _thread(low, high, np.clip(source, low, high))


def at(keyed: tuple[NDArray[np.int64], Positions], length: int) -> Positions:
    """The positions (length,) on the lines between keys."""
    return np.interp(np.arange(length), *keyed)


def _thread(low: Positions, high: Positions, aim: Positions) -> tuple[NDArray[np.int64], Positions]:
    """A line of few pieces through gates [low, high], one per frame: each piece goes on for as long as any line can.

    The swing filter of Elmeleegy et al. 2009 with gates in place of a constant error: the slopes that pass through all
    gates so far are an interval, which a further gate narrows.
    """
    frames, values = [0], [float(aim[0])]
    flattest, steepest = 0.0, math.inf
    gates = list(zip(low.tolist(), high.tolist()))
    for frame in range(1, len(gates)):
        run = frame - frames[-1]
        under, over = ((gate - values[-1]) / run for gate in gates[frame])
        if max(flattest, under) > min(steepest, over):
            _end(frames, values, frame - 1, (flattest, steepest), aim)
            flattest, steepest, run = 0.0, math.inf, 1
            under, over = (gate - values[-1] for gate in gates[frame])
        flattest, steepest = max(flattest, under), min(steepest, over)
    if len(gates) > 1:
        _end(frames, values, len(gates) - 1, (flattest, steepest), aim)
    return np.array(frames, np.int64), np.array(values)


def _end(frames: list[int], values: list[float], frame: int, slopes: tuple[float, float], aim: Positions) -> None:
    """End the piece at `frame`, as near to where the map is as its slopes allow."""
    run = frame - frames[-1]
    slope = min(max((float(aim[frame]) - values[-1]) / run, slopes[0]), slopes[1])
    frames.append(frame)
    values.append(values[-1] + slope * run)


def write_table(path: Path, source: Positions, speed: Positions, fps: float) -> None:
    """Write a map as CSV: a row per frame of the result. All of it or nothing.

    speed: (T,), of each source frame. Raises BadInputError for a path that cannot be written, ResourcesError for a full
    disk.
    """
    rows = zip(
        range(len(source)),
        (f"{position:.6f}".rstrip("0").rstrip(".") for position in source),
        nearest(source).tolist(),
        (f"{frame / fps:.4f}" for frame in range(len(source))),
        (f"{rate:.4f}" for rate in np.interp(source, np.arange(len(speed)), speed)),
    )
    _write(path, COLUMNS, rows)


def write_series(
    path: Path, series: Mapping[str, NDArray[Any]], fps: float, names: Mapping[str, Sequence[str]]
) -> None:
    """Write series with a row for each frame of the source, (T,) or (T, C), as CSV; errors as of `write_table`.

    names: of the C columns of each series that has them; these come last.
    """
    columns = {"seconds": np.arange(len(next(iter(series.values())))) / fps}
    columns |= {name: values for name, values in series.items() if values.ndim == 1}
    for name, values in series.items():
        columns |= dict(zip(names[name], values.T)) if values.ndim == 2 else {}
    rows = zip(*((f"{value:.4f}" for value in values) for values in columns.values()))
    _write(path, ("frame", *columns), ((frame, *row) for frame, row in enumerate(rows)))


def _write(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(heading)
    table.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def read_table(path: Path) -> Positions:
    """The positions (L,) of a CSV table with the columns `frame` and `source`; further columns are not looked at.

    Raises BadInputError that names the row that is wrong.
    """
    from .picturefile import require_file

    require_file(path, "a table")
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: this is not a CSV table ({error}).") from error
    if not rows or not {"frame", "source"} <= set(rows[0]):
        raise BadInputError(f"{path}: it needs a first line with the columns frame and source, and rows below it.")
    if len(rows) > MAX_ROWS:
        raise BadInputError(f"{path}: {len(rows):,} rows are more than {MAX_ROWS:,}.")
    positions = np.empty(len(rows))
    for number, row in enumerate(rows):
        positions[number] = _position(path, number, row)
    if (falls := np.flatnonzero(np.diff(positions) < 0)).size:
        fall = int(falls[0])
        back = f"from {positions[fall]:g} to {positions[fall + 1]:g}"
        raise BadInputError(f"{path}: row {fall + 1} goes back in time, {back}.")
    return positions


def _position(path: Path, number: int, row: dict[str, str]) -> float:
    try:
        frame, position = float(row["frame"]), float(row["source"])
    except (TypeError, ValueError):
        raise BadInputError(f"{path}: row {number} has no numbers under frame and source.") from None
    if frame != number:
        raise BadInputError(f"{path}: row {number} is for frame {frame:g}; frames are counted from 0, none left out.")
    if not 0 <= position < 2**31:
        raise BadInputError(f"{path}: row {number} has the source {position:g}; source frames are counted from 0.")
    return position
