"""Movies made with PyAV directly, and what is in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np


def write_test_movie(path: Path, pixels: np.ndarray, fps: Fraction, *, sound: str | None = None) -> None:
    """A movie of pictures (N, H, W, 3) uint8, with a second of a tone that begins with it, in the codec `sound`."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pixels.shape[1:3]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "4"}
        tone = container.add_stream(sound, rate=48_000) if sound else None
        for picture in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if tone is not None:
            wave = (0.3 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2, axis=0), format="fltp", layout="stereo")
            frame.sample_rate = 48_000
            container.mux(tone.encode(frame))
            container.mux(tone.encode())


def sound_of(path: Path) -> list[bytes]:
    """The packets of its sound, as they are."""
    import av

    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
