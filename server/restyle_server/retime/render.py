"""A clip along a plan as a movie: decoded once, forward, one picture at a time, at a constant rate and exact length."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restyle.errors import BadInputError
from restyle.framemap import nearest
from restyle.moviefile import new_movie

from .media import Footage, frames_of
from .planes import blended, matrix_of, video_frame
from .types import Plan

if TYPE_CHECKING:
    import av

# Without B frames and arithmetic coding x264 takes two thirds of the time, for files that are a tenth larger; as the
# former makes pictures half a decibel better, the quality is that of the usual crf, 16. Editors seek faster, too.
CODING = {"preset": "superfast", "crf": "17", "x264-params": "bframes=0:cabac=0"}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}  # of sound, by the number of its channels
SOUND_RATE = 96_000  # bits per second and channel


def render(
    path: Path,
    footage: Footage,
    plan: Plan,
    *,
    blend: bool = False,
    sound: Path | None = None,
    on_step: Callable[[float], object] = float,
) -> None:
    """Write a clip along a plan: a movie of exactly len(plan.source) frames, whole or not at all.

    blend: mix the two source frames around each position, rather than to show the nearer one.
    sound: a 16-bit WAV of the same length, which goes in as AAC (see sound.py).
    on_step: called with the share that is done after each frame; what it raises ends the work.
    Raises BadInputError for a path that cannot be written, ResourcesError for a full disk.
    """
    frames = _mixed(footage, plan.source) if blend else _nearest(footage, plan.source)
    write_frames(path, footage, frames, count=len(plan.source), sound=sound, on_step=on_step)


def _nearest(footage: Footage, source: NDArray[np.float64]) -> Iterator[av.VideoFrame]:
    roll = Roll(footage)
    for number in footage.shown[np.clip(nearest(source), 0, footage.info.frames - 1)]:
        yield roll.at(int(number))


def _mixed(footage: Footage, source: NDArray[np.float64]) -> Iterator[av.VideoFrame]:
    last = footage.info.frames - 1
    roll = Roll(footage)
    for position in np.clip(source, 0, last):
        first = int(position)
        share = float(position - first)
        before, after = (int(footage.shown[min(number, last)]) for number in (first, first + 1))
        if before == after or share < 1 / 512:
            yield roll.at(before)
        else:
            earlier = roll.at(before)
            yield blended(earlier, roll.at(after), share)


class Roll:
    """A clip's decoded frames, asked for by number, forward; the one asked for before the latest is at hand as well."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._frames = enumerate(frames_of(footage))
        self._number = -1
        self._latest: av.VideoFrame | None = None
        self._ready: dict[int, av.VideoFrame] = {}

    def at(self, number: int) -> av.VideoFrame:
        """The picture as the encoder takes it; of a file that ends earlier than it did before, the last one."""
        while self._number < number and (found := next(self._frames, None)) is not None:
            self._number, self._latest = found
        if self._latest is None:
            raise BadInputError(f"{self._footage.name}: it has changed while it was worked on. Try again.")
        number = min(number, self._number)
        if number not in self._ready:
            info = self._footage.info
            picture = video_frame(self._latest, info.width, info.height, info.rotation)
            self._ready = dict([*self._ready.items()][-1:]) | {number: picture}
        return self._ready[number]


def write_frames(
    path: Path,
    footage: Footage,
    frames: Iterable[av.VideoFrame],
    *,
    count: int,
    sound: Path | None,
    on_step: Callable[[float], object],
) -> None:
    """Write yuv420p frames of even size at the rate of a clip, with the sound of a WAV beside them."""
    info = footage.info
    frames = iter(frames)
    first = next(frames)
    with ExitStack() as stack:
        track = stack.enter_context(wave.open(str(sound), "rb")) if sound else None
        target = stack.enter_context(new_movie(path))
        stream = _picture_stream(target, first, footage)
        heard: Any = _sound_stream(target, track) if track else None
        for number, frame in enumerate(chain([first], frames), 1):
            target.mux(stream.encode(_timed(frame, number - 1, info.fps)))
            if track:
                _mux_sound(target, heard, track, round(number / info.fps * track.getframerate()))
            on_step(number / count)
        target.mux(stream.encode())
        if track:
            _mux_sound(target, heard, track, track.getnframes())
            target.mux(heard.encode())


def _picture_stream(target: Any, first: av.VideoFrame, footage: Footage) -> Any:
    fps = footage.info.fps
    stream = target.add_stream("libx264", rate=fps)
    # A key frame every second, so that editors can jump about in it.
    stream.options = CODING | {"g": str(max(1, round(fps)))}
    stream.pix_fmt = "yuv420p"
    stream.width, stream.height = first.width, first.height
    context = stream.codec_context
    context.sample_aspect_ratio = footage.pixel_aspect
    context.color_range = 1  # AVCOL_RANGE_MPEG
    context.colorspace = matrix_of(first, footage.info.height)
    context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
    return stream


def _timed(frame: av.VideoFrame, number: int, fps: Fraction) -> av.VideoFrame:
    frame.pts, frame.time_base = number, 1 / fps
    frame.pict_type = 0  # none; that of its source would be taken for a wish
    return frame


def _sound_stream(target: Any, track: wave.Wave_read) -> Any:
    channels = track.getnchannels()
    stream = target.add_stream("aac", rate=track.getframerate(), layout=LAYOUTS[channels])
    stream.bit_rate = SOUND_RATE * channels
    return stream


def _mux_sound(target: Any, stream: Any, track: wave.Wave_read, until: int) -> None:
    """Encode the sound up to a sample, so that it lies in the file beside the pictures that it belongs to."""
    import av

    start = track.tell()
    samples = np.frombuffer(track.readframes(max(0, until - start)), "<i2")
    if not samples.size:
        return
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout=LAYOUTS[track.getnchannels()])
    frame.sample_rate = track.getframerate()
    frame.pts, frame.time_base = start, Fraction(1, frame.sample_rate)
    target.mux(stream.encode(frame))
