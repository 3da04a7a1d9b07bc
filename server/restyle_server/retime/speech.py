"""Where somebody speaks, so that it can be kept at a speed at which it is understood.

From the sound alone: what is clearly louder than the background in the band of speech, and comes and goes as syllables
do. Song and clapping pass for speech, which does no harm here; hum, wind and steady music do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_dilation, percentile_filter, uniform_filter1d
from scipy.signal import butter, sosfilt

from .media import Footage, opened, sound_stream
from .plan import Mask
from .sound import blocks

RATE = 8000  # samples per second; telephones do with it
BAND = (300.0, 3400.0)  # Hz
STEP = 0.02  # seconds of which one level is taken
BACKGROUND = 15.0  # seconds around, whose quiet tenth is the background
ABOVE = 9.0  # dB over the background
AUDIBLE = -55.0  # dB of full scale
SYLLABLES = 4.0  # dB by which the level varies within a second, at least
AROUND = 0.2  # seconds kept before and after
PAUSE = 0.5  # seconds; shorter ones belong to the speech


def speech(footage: Footage, on_step: Callable[[float], object] = float) -> Mask:
    """The frames (T,) of a clip in which somebody speaks; none in a clip without sound.

    on_step: called with the share that is done; may raise.
    """
    info = footage.info
    if not info.has_sound or isinstance(footage.source, Sequence):
        return np.zeros(info.frames, np.bool_)
    with opened(footage.source, footage.name) as container:
        stream = sound_stream(container)
        heard = blocks(container, stream, footage.start, RATE, "mono") if stream else iter(())
        levels = _levels(heard, info.duration, on_step)
    found = spoken(levels)
    moments = np.floor((np.arange(info.frames) + 0.5) / float(info.fps) / STEP).astype(np.int64)
    return np.where(moments < len(found), found[np.minimum(moments, len(found) - 1)], False)


def spoken(levels: NDArray[np.float64]) -> Mask:
    """Which of the levels (n,), in dB of full scale, one per STEP, are of speech or of a pause within it."""
    if len(levels) == 0:
        return np.zeros(1, np.bool_)
    quiet = percentile_filter(levels[::10], 10, size=max(1, round(BACKGROUND / STEP / 10)), mode="nearest")
    background = np.interp(np.arange(len(levels)), np.arange(len(quiet)) * 10, quiet)
    second = round(1 / STEP)
    audible = np.maximum(levels, AUDIBLE)
    mean = uniform_filter1d(audible, second, mode="nearest")
    varies = np.sqrt(np.maximum(uniform_filter1d(audible**2, second, mode="nearest") - mean**2, 0))
    loud = (levels > np.maximum(background + ABOVE, AUDIBLE)) & (varies > SYLLABLES)
    closed = binary_closing(np.pad(loud, second), np.ones(round(PAUSE / STEP)))[second:-second] | loud
    widened: Mask = binary_dilation(closed, np.ones(2 * round(AROUND / STEP) + 1))
    return widened


def _levels(
    sound: Iterator[NDArray[np.float32]], duration: float, on_step: Callable[[float], object]
) -> NDArray[np.float64]:
    """The level of each STEP in the band of speech, in dB of full scale, over the length of the clip."""
    size = round(STEP * RATE)
    band = butter(2, BAND, "bandpass", fs=RATE, output="sos")
    state = np.zeros((len(band), 2))
    levels: list[NDArray[np.float64]] = [np.empty(0)]
    rest = np.empty(0)
    count = 0
    for block in sound:
        if count > duration * RATE:
            break
        count += block.shape[1]
        filtered, state = sosfilt(band, block[0].astype(np.float64), zi=state)
        rest = np.concatenate([rest, filtered])
        whole = len(rest) // size * size
        levels.append(10 * np.log10((rest[:whole].reshape(-1, size) ** 2).mean(axis=1) + 1e-12))
        rest = rest[whole:]
        on_step(min(1.0, count / RATE / duration))
    return np.concatenate(levels)
