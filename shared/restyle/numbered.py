"""Files of which each has a number in its name, such as the frames of a shot: beauty.0001.png, beauty.0002.png.

A sequence is named by its folder, or by a pattern with the place of the number in it: renders/beauty.####.png or
renders/beauty.%04d.png.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

from .errors import BadInputError

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")  # of a file's name: what is before its last number, that, what is after
PLACE = re.compile(r"#+|%0?\d*d")


def sequence(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a numbered sequence in order; BadInputError if one is missing, or it is not one sequence.

    suffixes: of the files that are meant, in lower case.
    """
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder. Check the path.")
    found = _sequences(folder, suffixes)
    if not path.is_dir():
        head, tail = (re.escape(part) for part in PLACE.split(path.name, maxsplit=1))
        found = {
            key: files for key, files in found.items() if re.fullmatch(head, key[0]) and re.fullmatch(tail, key[1])
        }
    if not found:
        example = f"frame.0001{suffixes[0]}"
        raise BadInputError(f"{path}: no numbered pictures such as {example} are there. Check the path.")
    if len(found) > 1:
        (one, *_), (other, *_) = list(found.values())[:2]
        raise BadInputError(
            f"{path}: more than one sequence is there, such as those of {one[1].name} and {other[1].name}. Name one: "
            f"{folder / pattern(one[1].name)}"
        )
    numbered = sorted(next(iter(found.values())))
    _require_all(numbered)
    return [file for _, file in numbered]


def _sequences(folder: Path, suffixes: tuple[str, ...]) -> dict[tuple[str, str], list[tuple[int, Path]]]:
    """Numbered picture files by what their names have before and after the number."""
    found: dict[tuple[str, str], list[tuple[int, Path]]] = {}
    for file in sorted(folder.iterdir()):
        match = _NUMBERED.fullmatch(file.stem)
        if match and file.suffix.lower() in suffixes and not file.name.startswith("."):
            found.setdefault((match[1], match[3] + file.suffix), []).append((int(match[2]), file))
    return found


def pattern(name: str) -> str:
    """The name of the whole sequence that a numbered file is of; the name itself if it has no number."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  a name, not a path
    match = _NUMBERED.fullmatch(stem)
    return name if match is None else f"{match[1]}{'#' * len(match[2])}{match[3]}{suffix}"


def _require_all(numbered: list[tuple[int, Path]]) -> None:
    """Every number from first to last, or every n-th if the shot was rendered that way throughout."""
    steps = [after[0] - before[0] for before, after in pairwise(numbered)]
    if 0 in steps:
        one, other = numbered[steps.index(0)][1], numbered[steps.index(0) + 1][1]
        raise BadInputError(f"{other}: it has the same number as {one.name}. Remove one of the two.")
    if len(set(steps)) > 1:
        gap = next(place for place, step in enumerate(steps) if step > min(steps))
        number, before = numbered[gap]
        match = _NUMBERED.fullmatch(before.stem)
        assert match is not None  # noqa: S101  for the type checker
        missing = f"{match[1]}{number + min(steps):0{len(match[2])}}{match[3]}{before.suffix}"
        raise BadInputError(
            f"{before.with_name(missing)}: this frame is missing between {before.name} and "
            f"{numbered[gap + 1][1].name}. Render it, or name a folder with the frames that belong together."
        )
