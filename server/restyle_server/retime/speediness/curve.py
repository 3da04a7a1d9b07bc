"""Speediness curves: how sped up each of several copies of a clip looks, frame by frame (SpeedNet, sections 3 and 4.1).

A copy at rate r shows every r-th frame. The network sees it whole, piece by piece with enough frames around each piece
that the pieces' borders leave no trace; its logits are averaged over a sliding window, belong to the window's middle
frame, and are interpolated to the clip's own frames.

Only whole strides are seen: a copy at 1.56x would show steps of one and of two frames, and look hurried by its jerks
alone. The logits at rates between are interpolated, linearly in the logarithm of the rate. For the same reason copies
are made of those frames that do not repeat the one before.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import Tensor

from ..types import Speediness
from .repeats import fresh, positions

RATES = tuple(1.25**i for i in range(10))  # the paper's copies: 1x to 7.45x
STRIDES = (1, 2, 3, 4, 6, 8)  # those that the network sees
LEAST_FPS, USUAL_FPS = 20.0, 30.0  # slower clips it cannot judge; of faster ones it sees every second, third, ... frame
PIECE = 192  # frames that are worked on at once, at most: more would not fit a core's cache
MAP_STEP = 4  # source frames from one picture of the map to the next
SHORTEST = 8  # frames of a copy below which its logits are those of the next slower copy
SURE_SECONDS = 1.0  # over which the evidence for "sure" is averaged
FAST = (2, 3, 4)  # strides whose logits are compared with those of stride 1 for it
STILL = 1.0  # grey levels that some part of the picture must change in a frame, or nothing moves
BLOCK = 8  # pixels of such a part

Floats = NDArray[np.float64]
Greys = NDArray[np.uint8]
Sizes = tuple[Greys, ...]  # one clip at several sizes, ascending


class Judge(Protocol):
    """What a network must have: see small.SpeedinessNet, s3dg.S3DG.

    window: frames over which its logits are averaged. piece: frames that it judges at once, margin: those that it sees
    around them. pixels: of a picture, at each size that it is to see. natural, rise: see `calibrated` and `speediness`.
    """

    window: int
    margin: int
    piece: int
    pixels: tuple[int, ...]
    natural: float
    rise: float

    def frames(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return per frame the logit (B, T), the features (B, T, C) and the map of logits (B, T, h', w')."""
        ...

    def parameters(self) -> Any:
        """Return its parameters, which stand on its device."""
        ...


def speediness(
    greys: Greys,
    fps: float,
    net: Judge,
    rates: Sequence[float] = RATES,
    on_step: Callable[[float], object] = float,
) -> Speediness:
    """Judge copies of a clip at `rates`.

    greys: (T, h, w) uint8, T >= 2, in memory or memory-mapped. fps: at which they are shown. rates: ascending,
    from 1.0. on_step: called with the share that is done; what it raises ends the work.
    A clip shorter than a window, or with fewer than 20 frames per second, is unsure throughout. Frames that repeat the
    one before count for nothing, and have its curves.
    """
    total, step = len(greys), base_step(fps)
    if fps < LEAST_FPS or (total - 1) // step + 1 < net.window:
        return unsure(rates, total)
    with resized(greys, net) as sizes:
        kept = fresh(sizes[-1], step)
        if len(kept) < net.window:
            return unsure(rates, total)
        seen, picture = see(sizes, kept, step, net, on_step)
        moves = moving(sizes[-1], fps, np.setdiff1d(np.arange(0, total, step), kept))
    seen = calibrated(seen, net.natural, moves)
    logits = interpolate(np.log2(STRIDES), seen, np.log2(rates))
    sure = moves & (rise(seen, fps) > net.rise)
    map_frames = np.arange(0, total, MAP_STEP, dtype=np.int64)
    return Speediness(np.array(rates, np.float64), 1 / (1 + np.exp(-logits)), sure, picture, map_frames)


def unsure(rates: Sequence[float], total: int) -> Speediness:
    """What there is to say of a clip of `total` frames that cannot be judged."""
    return Speediness(np.array(rates, np.float64), np.full((len(rates), total), 0.5), np.zeros(total, bool))


def see(
    sizes: Sizes, kept: NDArray[np.int64], step: int, net: Judge, on_step: Callable[[float], object] = float
) -> tuple[Floats, NDArray[np.float32]]:
    """Return the logits (S, T) of the copies of the frames `kept` at all STRIDES, and the map, the mean of theirs.

    kept, step: see `repeats.fresh`. A repeat has the logits of the frame that it repeats.
    """
    total, work, done = len(sizes[0]), sum(1 / stride for stride in STRIDES), 0.0
    shown = positions(total, step, kept)
    logits = np.empty((len(STRIDES), total))
    maps: list[Floats] = []
    for number, stride in enumerate(STRIDES):
        places = np.arange(0, len(kept), stride)
        if len(places) < SHORTEST and number:
            logits[number] = logits[number - 1]
            continue

        def report(share: float, before: float = done, part: float = 1 / stride) -> object:
            return on_step((before + share * part) / work)

        values, _, where = look(sizes, kept[places], net, report)
        logits[number] = interpolate(places, windowed(values, net.window), shown)
        shares = 1 / (1 + np.exp(-windowed(where, SHORTEST)))
        maps.append(interpolate(places, shares, shown[::MAP_STEP]))
        done += 1 / stride
    return logits, np.asarray(np.mean(maps, 0), np.float32)


def base_step(fps: float) -> int:
    """Return how many frames the network's step at 1x is, so that it sees about 30 a second."""
    return max(1, round(fps / USUAL_FPS))


def look(
    sizes: Sizes,
    places: NDArray[np.int64],
    net: Judge,
    on_step: Callable[[float], object] = float,
    keep_features: bool = False,
) -> tuple[Floats, NDArray[np.float32], Floats]:
    """Return the logit (n,), the features (n, C) and the map of logits (n, h', w') of the frames at `places`.

    Logits and features are the means over the sizes, since what is near moves too far to be seen at a large size, and
    what is far too little at a small one; the map is that of the largest. Features are (0, C) unless they are kept:
    of an hour of film they fill a tenth of a gigabyte.
    """
    device = next(net.parameters()).device
    length = min(PIECE, net.piece)
    parts = []
    for begin in range(0, len(places), length):
        first, last = max(0, begin - net.margin), min(len(places), begin + length + net.margin)
        keep = slice(begin - first, begin - first + length)
        answers = []
        for small in sizes:
            piece = torch.from_numpy(np.ascontiguousarray(small[places[first:last]]))[None].to(device)
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=halves(device.type)):
                answers.append([values[0, keep].float().cpu().numpy() for values in net.frames(piece)])
        logits, features, maps = zip(*answers)
        parts.append((np.mean(logits, 0), np.mean(features, 0)[: None if keep_features else 0], maps[-1]))
        on_step(min(1.0, (begin + length) / len(places)))
    values, vectors, where = (np.concatenate(part) for part in zip(*parts))
    return values.astype(np.float64), vectors, where.astype(np.float64)


@functools.cache
def halves(device: str) -> bool:
    """Whether half precision is at home on this processor: it takes a third of the time there, and longer elsewhere."""
    able = torch.cpu.get_capabilities()
    return device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextmanager
def resized(greys: Greys, net: Judge) -> Iterator[Sizes]:
    """The clip (T, h, w) at the sizes that a network wants, in temporary files, so that memory stays flat."""
    with ExitStack() as files:
        yield tuple(shrink(greys, pixels, files.enter_context(tempfile.TemporaryFile())) for pixels in net.pixels)


def shrink(greys: Greys, pixels: int, file: Any) -> Greys:
    """Return greys (T, h, w) with at most about `pixels` per picture, kept in `file`."""
    total, height, width = greys.shape
    scale = min(1.0, (pixels / (height * width)) ** 0.5)
    size = (max(8, round(height * scale)), max(8, round(width * scale)))
    small = np.memmap(file, np.uint8, "w+", shape=(total, *size))
    for begin in range(0, total, PIECE):
        piece = torch.from_numpy(greys[begin : begin + PIECE].astype(np.float32))[None]
        resized = F.interpolate(piece, size, mode="bilinear", antialias=True)[0]
        small[begin : begin + PIECE] = resized.round().to(torch.uint8).numpy()
    return small


def windowed(values: Floats, window: int) -> Floats:
    """Mean of (n, ...) over the `window` frames around each, fewer at the ends."""
    n = len(values)
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)])
    begins = np.maximum(np.arange(n) - window // 2, 0)
    ends = np.minimum(np.arange(n) + (window + 1) // 2, n)
    counts = (ends - begins).reshape(n, *[1] * (values.ndim - 1))
    return np.asarray((sums[ends] - sums[begins]) / counts)


def interpolate(places: NDArray[Any], values: Floats, wanted: NDArray[Any]) -> Floats:
    """Interpolate values (n, ...) known at ascending places (n,) linearly to the wanted ones (m,), constant outside."""
    along = np.interp(wanted, places, np.arange(len(places)))
    low = np.floor(along).astype(int)
    high = np.minimum(low + 1, len(places) - 1)
    part = (along - low).reshape(len(wanted), *[1] * (values.ndim - 1))
    return np.asarray(values[low] * (1 - part) + values[high] * part)


def calibrated(logits: Floats, natural: float, moves: NDArray[np.bool_]) -> Floats:
    """Shift logits (S, T), strides by frames, so that the strip as it is looks natural, on the median of what moves.

    natural: the usual logit of a clip at its own speed. From scene to scene the network's level is off by more than a
    doubling of the speed changes it, while within a scene it tells the two well (scripts/bench_speediness.py); so the
    strip is its own reference, and only differences within it count.
    """
    return logits - (float(np.median(logits[0, moves] if moves.any() else logits[0])) - natural)


def rise(seen: Floats, fps: float) -> Floats:
    """How much more sped up (T,) the fast copies look than the clip, from logits (S, T) at STRIDES, over a second.

    Where speeding up changes nothing, the network does not see the speed.
    """
    fast = np.mean([seen[STRIDES.index(stride)] for stride in FAST], 0)
    return windowed(fast - seen[0], max(1, round(SURE_SECONDS * fps)))


def moving(small: Greys, fps: float, repeated: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each frame (T,) whether any part of the picture changes within the second around it.

    repeated: frames that repeat the one before, and do not count.
    """
    total = len(small)
    rows, columns = small.shape[1] // BLOCK, small.shape[2] // BLOCK
    change = np.zeros(total)
    for begin in range(0, total, PIECE):
        piece = small[max(0, begin - 1) : begin + PIECE, : rows * BLOCK, : columns * BLOCK].astype(np.float32)
        # The mean of a block before the difference: noise cancels in it, motion of edges does not.
        blocks = piece.reshape(len(piece), rows, BLOCK, columns, BLOCK).mean((2, 4))
        largest = np.abs(np.diff(blocks, axis=0)).max((1, 2))
        change[begin + (begin == 0) : begin + PIECE] = largest
    window, new = max(1, round(SURE_SECONDS * fps)), np.ones(total)
    new[repeated] = 0
    return np.asarray(windowed(change * new, window) > STILL * windowed(new, window))
