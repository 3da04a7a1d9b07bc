"""The spatio-temporal map of speediness laid over its clip: blue and green hurry, yellow and orange dawdle.

(SpeedNet, section 5.4: what a class activation map of the network shows before it is pooled.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .media import Footage
from .planes import BT709, from_planes, matrix_of, planes
from .render import Roll, write_frames

if TYPE_CHECKING:
    import av

# sRGB, from slow (0) to sped up (1): orange, yellow, green, blue
STOPS = np.array([0.0, 0.35, 0.65, 1.0])
COLOURS = np.array([[235, 95, 15], [240, 205, 30], [50, 170, 80], [35, 85, 215]], np.float32)
TINT, VEIL = 160, 50  # 256ths of the colour, and of its lightness, that are laid over the picture
WIDTH = 0.6  # cells of the map over which its values run into each other (a Gaussian's sigma)
LUMA = {True: (0.2126, 0.7152, 0.0722), False: (0.299, 0.587, 0.114)}  # weights of BT.709 and BT.601


def render_heat(
    path: Path,
    footage: Footage,
    speeds: NDArray[np.float32],
    frames: NDArray[np.int64],
    *,
    on_step: Callable[[float], object] = float,
) -> None:
    """Write a clip at its own speed under its map: a movie of as many frames, without sound, whole or not at all.

    speeds: (T', h, w) in [0, 1], 0 where what moves looks slow, 1 where it looks sped up.
    frames: (T',) the clip's frames that they belong to, ascending; those in between are interpolated.
    on_step: called with the share that is done after each frame; what it raises ends the work.
    Raises BadInputError for a path that cannot be written, ResourcesError for a full disk.
    """
    overlaid = _overlaid(footage, speeds, frames)
    write_frames(path, footage, overlaid, count=footage.info.frames, sound=None, on_step=on_step)


def _overlaid(footage: Footage, speeds: NDArray[np.float32], frames: NDArray[np.int64]) -> Iterator[av.VideoFrame]:
    info = footage.info
    roll = Roll(footage)
    spread = [_spread((size + 1) // 2, n) for size, n in zip((info.height, info.width), speeds.shape[1:])]
    for place, wanted in enumerate(footage.shown):
        plain = roll.at(int(wanted))
        # einsum, since waking the threads of a BLAS for so little takes longer than the sums.
        fine = np.einsum("yh,xh->yx", spread[0] @ at_frame(speeds, frames, place), spread[1])
        yield overlay(plain, fine, matrix_of(plain, info.height) == BT709)


def at_frame(speeds: NDArray[np.float32], frames: NDArray[np.int64], place: int) -> NDArray[np.float32]:
    """The map (h, w) at a frame, between those that there are."""
    after = int(np.clip(np.searchsorted(frames, place), 0, len(frames) - 1))
    before = max(after - 1, 0)
    if frames[after] <= place or frames[after] == frames[before]:
        return np.asarray(speeds[after])
    share = np.float32(max(0.0, (place - frames[before]) / (frames[after] - frames[before])))
    return np.asarray(speeds[before] * (1 - share) + speeds[after] * share)


def overlay(frame: av.VideoFrame, speeds: NDArray[np.float32], hd: bool) -> av.VideoFrame:
    """A yuv420p frame (H, W) tinted by speeds (H/2, W/2), in BT.709 if `hd`, else in BT.601."""
    luma, u, v = planes(frame)
    level = np.clip(speeds * 255, 0, 255).astype(np.uint8)
    lightness, *tints = (table[level] for table in _colours(hd))
    lightness = np.repeat(np.repeat(lightness, 2, axis=0), 2, axis=1)
    y, cb, cr = (
        ((plane * np.uint16(256 - share) + colour * np.uint16(share) + np.uint16(128)) >> 8).astype(np.uint8)
        for plane, colour, share in ((luma, lightness, VEIL), (u, tints[0], TINT), (v, tints[1], TINT))
    )
    return from_planes((y, cb, cr), like=frame)


@cache
def _colours(hd: bool) -> NDArray[np.uint8]:
    """(3, 256) Y'CbCr of limited range for speeds 0 to 1."""
    steps = np.linspace(0, 1, 256)
    rgb = np.stack([np.interp(steps, STOPS, COLOURS[:, channel]) for channel in range(3)], axis=1) / 255
    red, green, blue = LUMA[hd]
    luma = rgb @ np.array([red, green, blue])
    cb, cr = (rgb[:, 2] - luma) / (2 - 2 * blue), (rgb[:, 0] - luma) / (2 - 2 * red)
    return np.rint([16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr]).astype(np.uint8)


def _spread(size: int, cells: int) -> NDArray[np.float32]:
    """(size, cells): the weights of the cells of one axis at each pixel along it, which sum to one."""
    places = (np.arange(size) + 0.5) / size * cells - 0.5
    weights = np.exp(-0.5 * ((places[:, None] - np.arange(cells)) / WIDTH) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
