"""The sound of a clip along its frame map, at its own pitch, with no drift however long it is.

Waveform-similarity overlap-add (WSOLA; Verhelst and Roelands, ICASSP 1993): the result is made of overlapping pieces
of the source. Where each piece should come from follows from the frame map alone, so that errors never add up; it is
moved from there by at most SEARCH seconds, to where it continues the piece before it best, so that joins are not heard.
At 1x the best continuation is the source itself, which then comes out sample for sample.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from restyle.errors import BadInputError, ResourcesError
from restyle.moviefile import reason
from restyle.outfile import replacing

from .media import Footage, opened, sound_stream
from .types import Plan

if TYPE_CHECKING:
    import av

RATES = (32_000, 44_100, 48_000)  # kept; sound of any other rate becomes 48 kHz
HOP = 0.02  # seconds of a join; a piece lasts twice that, about what one sound of speech does
SEARCH = 0.012  # seconds that a piece may be moved: in both directions together, a period of the deepest voice
CENTERED = 1e-3  # how much worse, in correlation, a continuation may be that stands where the map wants it
FADE = 1.25  # from the speed at which sound begins to fade to the one at which it is gone
SLOWEST = 0.25  # the speed at which it begins to fade downwards: a piece that is repeated more often buzzes
AROUND = 0.1  # seconds on either side from which the speed at a moment is taken
SILENCE = 3e-4  # root mean square below which nothing is heard (-70 dB)
SAME = 0.999  # correlation of two pieces from which they are one and the same
HELD = 0.05  # seconds by which time stamps may stray before a gap is filled or an overlap cut

CHANNELS = {"5.1": 6, "stereo": 2, "mono": 1}  # of the layouts that are written; others become the next smaller one
WAV_BYTES = (1 << 32) - 4096

Samples = NDArray[np.float32]  # (channels, n) in [-1, 1]


def retime_sound(
    footage: Footage,
    plan: Plan,
    path: Path,
    *,
    mute_above: float = 4.0,
    on_step: Callable[[float], object] = float,
) -> bool:
    """Write the sound of a clip along the plan as a 16-bit WAV, whole or not at all; False if it has none.

    It lasts exactly len(plan.source) / plan.fps seconds, rounded to a sample, in one, two or six (5.1) channels.
    mute_above: the speed from which sound fades; at 1.25 times that speed it is gone.
    on_step: called with the share that is done; what it raises ends the work.
    Raises ResourcesError for a full disk, BadInputError for a path that cannot be written.
    """
    if not footage.info.has_sound or isinstance(footage.source, Sequence):
        return False
    with opened(footage.source, footage.name) as container:
        stream = sound_stream(container)
        if stream is None:
            return False
        rate = stream.rate if stream.rate in RATES else 48_000
        layout = next(name for name, channels in CHANNELS.items() if stream.channels >= channels)
        track = Track(blocks(container, stream, footage.start, rate, layout), CHANNELS[layout])
        count = round(len(plan.source) / plan.fps * rate)
        if count * track.channels * 2 > WAV_BYTES:
            raise BadInputError(f"{path}: {count / rate / 3600:.1f} hours of sound do not fit a WAV. Cut the clip.")
        with _wav(path, track.channels, rate) as target:
            for block in stretched(track, Map(plan, rate), count, mute_above=mute_above):
                target.writeframes(np.rint(np.clip(block.T, -1, 1) * 32767).astype("<i2").tobytes())
                on_step(target.tell() / count)
    return True


@dataclass(frozen=True)
class Map:
    """From samples of the result to samples of the source."""

    plan: Plan
    rate: int

    def __call__(self, sample: NDArray[np.float64]) -> NDArray[np.float64]:
        """The source sample heard at each sample of the result: frame l of it begins at l / fps."""
        source = self.plan.source
        slope = source[-1] - source[-2] if len(source) > 1 else 1.0
        knots = np.append(source, source[-1] + slope)
        frames = sample / self.rate * float(self.plan.fps)
        return np.asarray(np.interp(frames, np.arange(len(knots)), knots) / float(self.plan.fps) * self.rate)

    def speed(self, sample: NDArray[np.float64]) -> NDArray[np.float64]:
        """How fast the source passes around each sample of the result."""
        end = len(self.plan.source) / float(self.plan.fps) * self.rate
        low, high = (np.clip(sample + side * AROUND * self.rate, 0, end) for side in (-1, 1))
        return np.asarray((self(high) - self(low)) / np.maximum(high - low, 1))


def stretched(track: Track, where: Map, count: int, *, mute_above: float = 4.0) -> Iterator[Samples]:
    """`count` samples of a track along a map, in blocks (channels, n) float32.

    track: gives the samples from one place to another, asked for forward only.
    """
    hop, search = round(HOP * where.rate), round(SEARCH * where.rate)
    edges = np.arange(-(-count // hop) + 1) * float(hop)
    # A piece spans two hops and is loudest in its middle, which therefore has to stand where the map says.
    ideal = np.rint(where(np.minimum(edges + hop, count))).astype(int) - hop
    gains = _gains(where.speed(np.minimum(edges, count)), mute_above)
    rise = np.sin(np.arange(0.5, hop) / hop * np.pi / 2).astype(np.float32) ** 2
    before: int | None = None  # where the piece before this one came from
    for k in range(len(edges) - 1):
        length = min(hop, count - k * hop)
        if gains[k] == gains[k + 1] == 0:
            before = None
            track.forget(int(ideal[k + 1]) - search)
            yield np.zeros((track.channels, length), np.float32)
            continue
        if before is None:
            before = int(ideal[k])
            block = track.span(before, before + hop)
        else:
            tail = track.span(before + hop, before + 2 * hop)
            before = int(ideal[k]) + _continuation(tail, track.span(ideal[k] - search, ideal[k] + search + hop))
            block = _joined(tail, track.span(before, before + hop), rise)
        track.forget(min(before + hop, int(ideal[k + 1]) - search))
        ramp = np.linspace(gains[k], gains[k + 1], hop, endpoint=False, dtype=np.float32)
        yield (block * ramp)[:, :length]


def _gains(speeds: NDArray[np.float64], mute_above: float) -> NDArray[np.float64]:
    fast = np.interp(speeds, [mute_above, mute_above * FADE], [1.0, 0.0])
    slow = np.interp(speeds, [SLOWEST / FADE, SLOWEST], [0.0, 1.0])
    return np.asarray(fast * slow)


def _continuation(tail: Samples, area: Samples) -> int:
    """How far from the middle of `area` (channels, n + 2s) the piece begins that is most like `tail` (channels, n)."""
    wanted, found = tail.mean(axis=0, dtype=np.float64), area.mean(axis=0, dtype=np.float64)
    loudness = float(wanted @ wanted)
    if loudness < SILENCE**2 * len(wanted):
        return 0  # nothing to continue: back to where the map wants it
    size = scipy.fft.next_fast_len(len(found), real=True)
    product = scipy.fft.rfft(found, size) * np.conj(scipy.fft.rfft(wanted, size))
    places = len(found) - len(wanted) + 1
    alike = scipy.fft.irfft(product, size)[:places]
    total = np.concatenate([[0.0], np.cumsum(found**2)])
    energy = (total[len(wanted) :] - total[:places]) * loudness
    off = np.arange(places) - places // 2
    score = alike / np.sqrt(np.maximum(energy, loudness**2 * 1e-9)) - CENTERED * (off / (places // 2)) ** 2
    return int(off[np.argmax(score)])


def _joined(tail: Samples, head: Samples, rise: Samples) -> Samples:
    """From one piece into the next, at an even loudness.

    The power of a sum depends on how alike its parts are: weights that add up to one are right for a voice that goes
    on, but would have wind and water, where no two pieces are alike, pulse by 3 dB at every join.
    """
    mixed = tail + rise * (head - tail)
    power = float((tail * tail).sum()) * float((head * head).sum())
    alike = min(max(float((tail * head).sum()) / np.sqrt(power), 0.0), 1.0) if power > 0 else 1.0
    if alike > SAME:
        return mixed
    return np.asarray(mixed / np.sqrt(1 - 2 * (1 - alike) * rise * (1 - rise)), np.float32)


class Track:
    """Samples that come block by block, of which the latest stretch is at hand; silence before and after them."""

    def __init__(self, blocks: Iterator[Samples], channels: int) -> None:
        self.channels = channels
        self._blocks = blocks
        self._kept = 0  # samples before this one are not asked for any more
        self._first = 0  # which sample of the track the first one at hand is
        self._held = np.zeros((channels, 0), np.float32)

    def span(self, start: int, stop: int) -> Samples:
        """(channels, stop - start); nothing before what was forgotten may be asked for."""
        self._fetch(stop)
        out = np.zeros((self.channels, stop - start), np.float32)
        first, last = max(start, self._first), min(stop, self._first + self._held.shape[1])
        if last > first:
            out[:, first - start : last - start] = self._held[:, first - self._first : last - self._first]
        return out

    def forget(self, before: int) -> None:
        """Drop what stands before a sample, now or when it comes."""
        self._kept = max(self._kept, before)
        self._drop()

    def _fetch(self, stop: int) -> None:
        while self._first + self._held.shape[1] < stop and (block := next(self._blocks, None)) is not None:
            self._held = np.concatenate([self._held, block], axis=1)
            self._drop()

    def _drop(self) -> None:
        count = min(max(self._kept - self._first, 0), self._held.shape[1])
        self._held = self._held[:, count:]
        self._first += count


def blocks(
    container: av.container.InputContainer, stream: Any, start: float, rate: int, layout: str
) -> Iterator[Samples]:
    """The sound from `start` seconds on, where gaps in its time stamps are silent and overlaps are cut."""
    import av

    resampler: Any = None
    kind: tuple[str, str, int] | None = None
    clock: float | None = None  # seconds at which the next frame should stand
    owed = 0  # samples to leave out, or, below 0, to be silent for
    for frame in _frames(container, stream):
        time = frame.time if frame.time is not None else clock if clock is not None else start
        if kind != (frame.format.name, frame.layout.name, frame.sample_rate):
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = av.AudioResampler("fltp", layout, rate)
        expected = start if clock is None else clock
        if clock is None or abs(time - expected) > HELD:
            owed += round((expected - time) * rate)
        else:
            time = expected
        clock = time + frame.samples / frame.sample_rate
        for part in resampler.resample(frame):
            block = part.to_ndarray()
            while owed < 0:
                yield np.zeros((block.shape[0], min(-owed, rate)), np.float32)
                owed = min(owed + rate, 0)
            left = block[:, owed:]
            owed -= block.shape[1] - left.shape[1]
            if left.shape[1]:
                yield left
    for part in resampler.resample(None) if resampler else ():
        yield part.to_ndarray()


def _frames(container: av.container.InputContainer, stream: Any) -> Iterator[av.AudioFrame]:
    """Every frame of sound that is whole, as far as the file goes."""
    import av

    with suppress(av.FFmpegError):
        for packet in container.demux(stream):
            with suppress(av.FFmpegError):
                yield from stream.decode(packet)


@contextmanager
def _wav(path: Path, channels: int, rate: int) -> Iterator[wave.Wave_write]:
    """A WAV file to write into that is there when all went well, and not at all otherwise."""
    try:
        with replacing(path) as temporary, temporary.open("wb") as file, wave.open(file, "wb") as target:
            target.setnchannels(channels)
            target.setsampwidth(2)
            target.setframerate(rate)
            yield target
    except OSError as error:
        kind = ResourcesError if error.errno == 28 else BadInputError  # ENOSPC
        raise kind(f"{path}: it cannot be written ({reason(error)}).") from error
