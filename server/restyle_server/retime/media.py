"""Clips in: decoded once, forward, with memory that does not grow with their length.

The analysis needs small grey pictures only; they go to a nameless temporary file and are read back through a memory
map. Full pictures are decoded a second time, one by one, when the result is rendered (see render.py). Both passes
see the same frames in the same order, so that positions found by the one hold for the other: which of them stands at
which place of the constant-rate clip is a table (`Footage.shown`) made from their time stamps by the first.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restyle.errors import BadInputError, ResourcesError
from restyle.kinds.image import MAX_PIXELS
from restyle.moviefile import import_av, open_movie, reason
from restyle.picturefile import require_file
from restyle.words import counted

from .timing import Timing, timing
from .types import ClipInfo

if TYPE_CHECKING:
    import av

SIDE = 128  # pixels of the shorter side of the small greys
MAX_FRAMES = 500_000  # more than four hours at 30 frames per second
COPIED = 1024  # small greys moved at a time when a variable rate is resampled

Source = Path | IO[bytes] | Sequence[NDArray[np.uint8]]
OnStep = Callable[[float], object]  # called with the share that is done; may raise to stop


@dataclass(frozen=True)
class Footage:
    """A clip that was decoded once: what the analysis needs of it, and how to come by its pictures again.

    source: a path, a seekable file, or pictures, (H, W, 3) uint8 sRGB of one size. name: for messages.
    greys: (T, h, w) uint8 full range, upright, area-averaged, backed by a file. shown: (T,) int64, the decoded frame
    that each frame of the clip shows. start: seconds at which the first stands in the file, for the sound's sake.
    pixel_aspect: width of a pixel through its height, upright.
    """

    source: Source
    name: str
    info: ClipInfo
    greys: NDArray[np.uint8]
    shown: NDArray[np.int64]
    start: float = 0.0
    pixel_aspect: Fraction = Fraction(1)


def read(
    source: Source, fps: Fraction | None = None, side: int = SIDE, name: str = "", on_step: OnStep = float
) -> Footage:
    """Decode a clip once, into small greys.

    source: a path or a seekable file of a movie, or a sequence of pictures, (H, W, 3) uint8, which need `fps`.
    side: pixels of the shorter side of the greys; smaller clips stay as they are. name: for messages.
    A movie with damage is read as far as it goes, and `info.notes` say what is missing.
    Raises BadInputError that names the clip if nothing of it can be used, ResourcesError for a full disk.
    """
    name = name or (str(source) if isinstance(source, Path) else "the clip")
    if isinstance(source, Sequence):
        return _read_pictures(source, fps or Fraction(24), side, name, on_step)
    with opened(source, name) as container, closing(_Greys(side, name)) as greys:
        stream = picture_stream(container, name)
        expected = _expected(container, stream)
        tally = _Tally()
        times: list[float] = []
        for frame in decoded(container, stream, tally):
            greys.add(frame)
            times.append(float("nan") if frame.time is None else frame.time)
            on_step(min(1.0, len(times) / expected) if expected else 0.0)
        if not times:
            raise BadInputError(f"{name}: no picture in it can be decoded. Export it again.")
        found = timing(np.asarray(times), (stream.average_rate, stream.guessed_rate))
        require_frames(len(found.shown), name)
        start = times[0] if np.isfinite(times[0]) else 0.0
        info = ClipInfo(
            fps=found.fps,
            frames=len(found.shown),
            width=greys.width,
            height=greys.height,
            variable_rate=found.irregular > tally.damaged,
            has_sound=sound_stream(container) is not None,
            duration=float(len(found.shown) / found.fps),
            rotation=greys.rotation,
            notes=_notes(found, tally, _missing(container, stream, start, times[-1], found.fps), greys.sizes),
        )
        aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
        upright = 1 / aspect if greys.rotation % 180 else aspect
        return Footage(source, name, info, greys.resampled(found.shown), found.shown, start, upright)


def _read_pictures(
    pictures: Sequence[NDArray[np.uint8]], fps: Fraction, side: int, name: str, on_step: OnStep
) -> Footage:
    require_frames(len(pictures), name)
    with closing(_Greys(side, name)) as greys:
        for number, frame in enumerate(_picture_frames(pictures), 1):
            greys.add(frame)
            on_step(number / len(pictures))
        if len(greys.sizes) != 1:
            raise BadInputError(f"{name}: its pictures need one size, and there must be at least one of them.")
        info = ClipInfo(fps, len(pictures), greys.width, greys.height, duration=float(len(pictures) / fps))
        shown = np.arange(len(pictures))
        return Footage(pictures, name, info, greys.resampled(shown), shown)


def frames_of(footage: Footage) -> Iterator[av.VideoFrame]:
    """The decoded frames of a clip again, in the same order; those that `shown` counts."""
    if isinstance(footage.source, Sequence):
        yield from _picture_frames(footage.source)
        return
    with opened(footage.source, footage.name) as container:
        yield from decoded(container, picture_stream(container, footage.name), _Tally())


def forget(greys: NDArray[np.uint8]) -> None:
    """Let go of what was read of a memory map: it stays in the system's cache, but is this process's no longer."""
    mapped = getattr(greys, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def require_frames(count: int, name: str) -> None:
    """Raise BadInputError if a clip is too long."""
    if count > MAX_FRAMES:
        raise BadInputError(f"{name}: {count:,} frames are more than {MAX_FRAMES:,}. Cut the clip into pieces.")


def _picture_frames(pictures: Sequence[NDArray[np.uint8]]) -> Iterator[av.VideoFrame]:
    import av

    for picture in pictures:
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")


# Containers


@contextmanager
def opened(source: Path | IO[bytes], name: str) -> Iterator[av.container.InputContainer]:
    """A media file, open. Only real files: what names other files or addresses is refused.

    Raises BadInputError that names it if it is none.
    """
    if isinstance(source, Path):
        import_av(source)
        require_file(source, "a movie")
    else:
        source.seek(0)
    import av

    try:
        container = open_movie(source)
    except av.FFmpegError as error:
        raise BadInputError(
            f"{name}: it is not a movie that can be read ({reason(error)}). Export it again."
        ) from error
    with container:
        yield container


def picture_stream(container: av.container.InputContainer, name: str) -> av.VideoStream:
    """The stream of moving pictures; BadInputError if there is none, or a picture of it would be too large."""
    from av.stream import Disposition

    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving and not container.streams.audio:
        raise BadInputError(f"{name}: it is not a movie that can be read (its index is missing). Export it again.")
    if not moving:
        raise BadInputError(f"{name}: there are no moving pictures in it, only sound or a still. Choose a clip.")
    stream: av.VideoStream = moving[0]
    if stream.codec_context is None:
        raise BadInputError(f"{name}: its pictures are in a format that is not known here. Export it as H.264.")
    if stream.width * stream.height > MAX_PIXELS:
        raise BadInputError(f"{name}: {stream.width} x {stream.height} pixels are more than {MAX_PIXELS:,} in all.")
    stream.thread_type = "AUTO"
    return stream


def sound_stream(container: av.container.InputContainer) -> av.AudioStream | None:
    """The first stream of sound that can be decoded."""
    known = (stream for stream in container.streams.audio if stream.codec_context is not None)
    return next((stream for stream in known if stream.rate and stream.channels), None)


class _Tally:
    """What was found amiss while decoding: damaged packets and pictures."""

    def __init__(self) -> None:
        self.damaged = 0


def decoded(container: av.container.InputContainer, stream: av.VideoStream, tally: _Tally) -> Iterator[av.VideoFrame]:
    """Every picture that is whole. Damage costs the pictures that it hit, not the clip."""
    import av

    for packet in _packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            tally.damaged += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                tally.damaged += 1
            else:
                yield frame


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet[av.VideoStream] | None]:
    """The packets of a stream as far as the file goes; an empty one at the end, which flushes the decoder."""
    import av

    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        yield None


def _expected(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """About how many frames there will be, for progress; 0 if the file does not say."""
    seconds = (container.duration or 0) / 1e6
    return stream.frames or seconds * float(stream.average_rate or stream.guessed_rate or 0)


def _missing(
    container: av.container.InputContainer, stream: av.VideoStream, start: float, last: float, fps: Fraction
) -> float:
    """Seconds that the file promises behind its last picture; 0 unless they are more than a quarter of one."""
    if stream.duration is not None and stream.time_base is not None:
        promised, slack = float(stream.duration * stream.time_base), 0.25
    elif container.duration is not None:
        promised, slack = container.duration / 1e6, 1.0  # of all streams: sound may go on a little
    else:
        return 0.0
    missing = promised - (last - start + float(1 / fps))
    return missing if missing > slack else 0.0


def _notes(found: Timing, tally: _Tally, missing: float, sizes: set[tuple[int, int]]) -> tuple[str, ...]:
    notes = [found.note] if found.note else []
    if tally.damaged:
        notes.append(f"{tally.damaged} damaged {'frame was' if tally.damaged == 1 else 'frames were'} left out")
    if missing:
        count = round(missing * float(found.fps))
        notes.append(f"its pictures end {missing:.1f} s early: about {counted(count, 'frame')} of its end are lost")
    if len(sizes) > 1:
        notes.append("its pictures change size; all are scaled to the first")
    return tuple(notes)


# Small greys


def _upright_size(frame: av.VideoFrame) -> tuple[int, int, int]:
    rotation = round(frame.rotation / 90) * 90 % 360
    width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
    return width, height, rotation


def _small(size: int, scale: float) -> int:
    """A scaled size, a multiple of four: others take the scaler twice as long."""
    return max(4, 4 * round(size * scale / 4))


class _Greys:
    """Small grey pictures on their way into a temporary file that has no name and goes when the last reader goes."""

    def __init__(self, side: int, name: str) -> None:
        from av.video.reformatter import VideoReformatter

        self._side, self._name = side, name
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  see close
        self._reformatter = VideoReformatter()
        self._count = 0
        self.width = self.height = self.rotation = 0
        self.sizes: set[tuple[int, int]] = set()

    def add(self, frame: av.VideoFrame) -> None:
        from av.video.reformatter import ColorRange, Interpolation

        self.sizes.add((frame.width, frame.height))
        if self._count == 0:
            self.width, self.height, self.rotation = _upright_size(frame)
            scale = self._side / min(self.width, self.height)
            self._shape = (
                (self.height, self.width) if scale >= 1 else (_small(self.height, scale), _small(self.width, scale))
            )
        height, width = self._shape[::-1] if self.rotation % 180 else self._shape
        self._count += 1
        require_frames(self._count, self._name)
        small = self._reformatter.reformat(
            frame, width, height, "gray", interpolation=Interpolation.AREA, dst_color_range=ColorRange.JPEG, threads=1
        )
        self._write(np.rot90(small.to_ndarray(), self.rotation // 90))

    def close(self) -> None:
        """Close the file, which lives on for as long as it is mapped."""
        self._file.close()

    def _write(self, pixels: NDArray[Any]) -> None:
        try:
            self._file.write(np.ascontiguousarray(pixels).data)
            self._file.flush()
        except OSError as error:
            raise ResourcesError(
                f"{self._name}: there is no room for the analysis in {tempfile.gettempdir()} ({reason(error)})."
            ) from error

    def resampled(self, shown: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The map of the file, (T, h, w), with the pictures that `shown` counts."""
        whole = np.memmap(self._file, np.uint8, "r", shape=(self._count, *self._shape))
        if len(shown) == self._count and (shown == np.arange(self._count)).all():
            return whole
        self.close()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        for start in range(0, len(shown), COPIED):
            self._write(whole[shown[start : start + COPIED]])
            forget(whole)
        return np.memmap(self._file, np.uint8, "r", shape=(len(shown), *self._shape))
