"""Movies whose frames carry their number as a bar code, which survives any codec, and sound made by formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

BITS = 12
Pixels = NDArray[np.uint8]


def numbered(count: int, height: int = 48, width: int = 96) -> Pixels:
    """(count, height, width, 3): above, the number in BITS columns, black or white; below, a coloured ramp."""
    bits = np.arange(count)[:, None] >> np.arange(BITS) & 1
    columns = np.arange(width) * BITS // width
    pictures = np.empty((count, height, width, 3), np.uint8)
    pictures[:, : height // 2] = (30 + 200 * bits)[:, columns][:, None, :, None]
    pictures[:, height // 2 :] = np.linspace([60, 120, 200], [200, 90, 40], width)[None, None]
    return pictures


def number_of(picture: Pixels) -> int:
    """The number on a picture, (H, W) or (H, W, 3)."""
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    height, width = grey.shape
    rows = grey[height // 8 : height // 2 - height // 8]
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return int(((rows[:, centres].mean(axis=0) > 128) << np.arange(BITS)).sum())


def write_movie(
    path: Path,
    pictures: Iterable[Pixels],
    fps: Fraction = Fraction(24),
    *,
    times: Sequence[float] | None = None,
    sound: NDArray[np.float32] | None = None,
    layout: str = "stereo",
    rate: int = 48_000,
    codec: str = "libx264",
    format: str = "yuv420p",
    options: dict[str, str] | None = None,
    delay: float = 0.0,
) -> Path:
    """A movie made with PyAV directly: frames at `times` (seconds) or at `fps`; sound (n,) from `delay` seconds on."""
    import av

    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream(codec, rate=fps)
        stream.pix_fmt = format
        stream.options = {"crf": "8", "preset": "ultrafast"} if codec == "libx264" else {}
        stream.options = {**stream.options, **(options or {})}
        heard: Any = None if sound is None else target.add_stream("aac", rate=rate, layout=layout)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if times is None else round(times[number] * 1000)
            frame.time_base = 1 / fps if times is None else Fraction(1, 1000)
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
        if heard is not None:
            assert sound is not None
            channels = av.AudioLayout(layout).nb_channels
            wave = np.repeat(sound.astype(np.float32)[None], channels, axis=0)
            for start in range(0, len(sound), 1024):
                block = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(wave[:, start : start + 1024]), format="fltp", layout=layout
                )
                block.sample_rate = rate
                block.pts, block.time_base = start + round(delay * rate), Fraction(1, rate)
                target.mux(heard.encode(block))
            target.mux(heard.encode())
    return path


def numbers_in(path: Path) -> list[int]:
    """The numbers on the frames of a movie, decoded with PyAV directly."""
    import av

    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.fixture(name="numbered", scope="session")
def _numbered() -> Callable[..., Pixels]:
    return numbered


@pytest.fixture(name="number_of", scope="session")
def _number_of() -> Callable[[Pixels], int]:
    return number_of


@pytest.fixture(name="numbers_in", scope="session")
def _numbers_in() -> Callable[[Path], list[int]]:
    return numbers_in


@pytest.fixture(name="write_movie", scope="session")
def _write_movie() -> Callable[..., Path]:
    return write_movie
