"""Movie files in and out through PyAV (FFmpeg's libraries), which is needed for nothing else."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import picturefile
from .errors import BadInputError, ResourcesError, UsageError
from .kinds.frames import Frames, check_size
from .outfile import check_file, replacing

if TYPE_CHECKING:
    import av

READABLE = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg")
WRITABLE = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}  # the container of each ending
HD_LINES = 720  # from here on, pictures that do not say so are BT.709, below BT.601
QUALITY = "16"  # x264's crf: no loss that the eye sees
# A playlist in disguise would otherwise have the decoder fetch addresses, or read other files, of its own choice.
ONLY_FILES = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,mxf,flv,ogg,asf",
}


def is_movie(path: Path) -> bool:
    """Whether the ending is that of a movie."""
    return path.suffix.lower() in READABLE


def read_movie(path: Path) -> Frames:
    """Every frame of a movie, upright, at its average rate.

    Raises BadInputError that names the file, UsageError if PyAV is not installed.
    """
    import_av(path)
    import av

    picturefile.require_file(path, "a movie")
    try:
        with open_movie(path) as container:
            return _decode(path, container)
    except av.FFmpegError as error:
        raise BadInputError(
            f"{path}: it is not a movie that can be read ({reason(error)}). Export it again."
        ) from error


def open_movie(source: Path | IO[bytes]) -> av.container.InputContainer:
    """A media file, open: itself and nothing that it may name. Raises what PyAV raises."""
    import av

    # Titles and comments of old cameras are in any encoding.
    file = str(source) if isinstance(source, Path) else source
    return av.open(file, "r", options=ONLY_FILES, metadata_errors="replace")


def _decode(path: Path, container: av.container.InputContainer) -> Frames:
    if not container.streams.video:
        raise BadInputError(f"{path}: there are no pictures in it.")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    pixels = bytearray()
    shape: tuple[int, ...] = ()
    count = 0
    for frame in container.decode(stream):
        count += 1
        _check_size(path, max(count, stream.frames), frame.height, frame.width)
        picture = _upright(frame)
        shape = shape or picture.shape
        if picture.shape != shape:
            raise BadInputError(f"{path}: its pictures change size at frame {count}. Export it at one size.")
        pixels += picture.tobytes()
    if count == 0:
        raise BadInputError(f"{path}: no picture in it can be decoded. Export it again.")
    rate = stream.average_rate or stream.guessed_rate or Fraction(24)
    return Frames(np.frombuffer(pixels, np.uint8).reshape(count, *shape), float(rate))


def _check_size(path: Path, count: int, height: int, width: int) -> None:
    try:
        check_size(count, height, width)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error.message.removeprefix('frames: ')}") from error


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    from av.video.reformatter import Colorspace

    unknown = int(frame.colorspace) == 2  # AVCOL_SPC_UNSPECIFIED
    said = (Colorspace.ITU709 if frame.height >= HD_LINES else Colorspace.ITU601) if unknown else None
    pixels = frame.reformat(format="rgb24", src_colorspace=said).to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def check_output(path: Path) -> None:
    """Raise UsageError or BadInputError unless a movie can be written to `path`."""
    if path.suffix.lower() not in WRITABLE:
        raise UsageError(f"{path}: movies are written as {', '.join(WRITABLE)}. Choose one of these endings.")
    import_av(path)
    check_file(path)


def write_movie(
    path: Path, frames: Frames, sound_of: Path | None = None, on_frame: Callable[[float], None] = lambda done: None
) -> None:
    """Write a movie (H.264), all of it or nothing, with the sound of another, packet by packet as it is there.

    Pictures of odd width or height get their last column or row twice, since the format knows even sizes only.
    Raises BadInputError for a path that cannot be written or sound that does not fit, ResourcesError for a full disk.
    """
    remedy = "" if sound_of is None else " If it is the sound that does not fit, a .mkv takes any."
    with new_movie(path, remedy) as target:
        _encode(target, frames, sound_of, on_frame)


@contextmanager
def new_movie(path: Path, remedy: str = "") -> Iterator[av.container.OutputContainer]:
    """A container to write into that becomes the file at `path` if all goes well, and nothing otherwise.

    remedy: a sentence for whoever reads that it could not be written.
    Raises BadInputError for a path or content that cannot be written, ResourcesError for a full disk.
    """
    check_output(path)
    import av

    try:
        with (
            replacing(path) as temporary,
            av.open(str(temporary), "w", format=WRITABLE[path.suffix.lower()]) as target,
        ):
            yield target
    except (av.FFmpegError, OSError) as error:
        kind = ResourcesError if error.errno == 28 else BadInputError  # ENOSPC
        raise kind(f"{path}: it cannot be written ({reason(error)}).{remedy}") from error


def _encode(
    target: av.container.OutputContainer, frames: Frames, sound_of: Path | None, on_frame: Callable[[float], None]
) -> None:

    stream = _video_stream(target, frames)
    if sound_of is None:
        _encode_pictures(target, stream, frames, on_frame)
        return
    with open_movie(sound_of) as source:
        copies = {sound.index: target.add_stream_from_template(sound) for sound in source.streams.audio}
        _encode_pictures(target, stream, frames, on_frame)
        pictures = source.streams.video[0]
        start = (pictures.start_time or 0) * (pictures.time_base or Fraction(0))  # where ours are at 0
        for packet in source.demux(*source.streams.audio) if copies else ():
            if packet.dts is None or packet.pts is None:
                continue  # the empty packet that ends a stream
            packet.dts -= round(start / packet.time_base)
            packet.pts -= round(start / packet.time_base)
            packet.stream = copies[packet.stream.index]
            target.mux(packet)


def _video_stream(target: av.container.OutputContainer, frames: Frames) -> Any:
    height, width = frames.pixels.shape[1:3]
    stream: Any = target.add_stream("libx264", rate=Fraction(frames.fps).limit_denominator(1001))
    stream.options = {"crf": QUALITY}
    stream.pix_fmt = "yuv420p"
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.codec_context.color_range = 1  # AVCOL_RANGE_MPEG
    stream.codec_context.colorspace = 1 if height >= HD_LINES else 6  # AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M
    return stream


def _encode_pictures(target: Any, stream: Any, frames: Frames, on_frame: Callable[[float], None]) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = frames.pixels.shape[1:3]
    space = Colorspace.ITU709 if height >= HD_LINES else Colorspace.ITU601
    for number, pixels in enumerate(frames.pixels, 1):
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        target.mux(
            stream.encode(frame.reformat(format="yuv420p", dst_colorspace=space, dst_color_range=ColorRange.MPEG))
        )
        on_frame(number / len(frames))
    target.mux(stream.encode())


def import_av(path: Path) -> None:
    """Raise UsageError unless PyAV is there."""
    if importlib.util.find_spec("av") is None:
        raise UsageError(
            f'{path}: movies need PyAV. Run: pip install "restyle[server]"; or use a folder of numbered pictures.'
        )


def reason(error: Exception) -> str:
    """What FFmpeg or the system says is wrong, without the path."""
    return str(getattr(error, "strerror", None) or error)
