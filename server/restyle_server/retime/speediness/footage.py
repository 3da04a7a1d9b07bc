"""Footage for training: films decoded once to small grey frames, with what makes them unfit said in words."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restyle.moviefile import is_movie, open_movie

from . import simulate

SIDE = 96  # pixels of a cached picture's shorter side
LONGEST = 900  # frames that are kept of a film
SHORTEST, SLOWEST = 40, 20.0  # frames, frames per second
Greys = NDArray[np.uint8]


@dataclass(frozen=True)
class Track:
    """One version of a clip: frames (F, h, w) uint8, already sped up by `speed` before they were encoded."""

    frames: Greys
    speed: float = 1.0


@dataclass(frozen=True)
class Clip:
    """A clip in several versions. source: whose footage it is; scene: what is seen; both are kept together in a fold.

    plain: as decoded. coded: pairs of (at its speed, sped up twice and then encoded), by codec.
    """

    name: str
    source: str
    scene: str
    plain: Track
    coded: tuple[tuple[Track, ...], ...]

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.plain.frames)


def read(folders: Iterable[Path], cache: Path, log: Callable[[str], None] = print) -> tuple[list[Clip], list[str]]:
    """Return the clips of the films in folders, decoded into `cache` if they are not there yet, and those refused."""
    clips, refused = [], []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if is_movie(path)):
        found = film(path, cache, log)
        if isinstance(found, str):
            refused.append(f"{path.name}: {found}")
        else:
            clips.append(found)
    return clips, refused


def film(path: Path, cache: Path, log: Callable[[str], None] = print) -> Clip | str:
    """Return the clip of a film, decoded into `cache` if it is not there yet; or why it is refused."""
    with path.open("rb") as file:
        folder = cache / hashlib.file_digest(file, "sha256").hexdigest()[:16]
    if not (folder / "done.json").exists():
        log(f"decoding {path.name}")
        _build(path, folder)
    if reason := json.loads((folder / "done.json").read_text())["refused"]:
        return str(reason)
    words = path.stem.split("_")
    return _load(folder, path.stem, words[0], "_".join(words[:2]))


def simulated(count: int, seed: int, cache: Path) -> list[Clip]:
    """Return `count` simulated clips, made where they are not in `cache` yet."""
    path = cache / f"simulated_{count}_{seed}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, np.stack([_simulate(np.random.default_rng([seed, number])) for number in range(count)]))
        part.replace(path)
    films = np.load(path, mmap_mode="r")
    return [Clip(f"simulated {k}", "simulated", "simulated", Track(film), ()) for k, film in enumerate(films)]


def _simulate(rng: np.random.Generator) -> Greys:
    """Simulate a clip, half of the time as a codec shows it."""
    film = simulate.clip(rng)
    return film if rng.random() < 0.5 else through_h264(film, int(rng.integers(20, 32)))


def _load(folder: Path, name: str, source: str, scene: str) -> Clip:
    def track(part: str, speed: float) -> Track:
        return Track(np.load(folder / f"{part}.npy", mmap_mode="r"), speed)

    coded = tuple((track(codec, 1.0), track(f"{codec}_fast", 2.0)) for codec in ("h264", "jpeg"))
    return Clip(name, source, scene, track("plain", 1.0), coded)


def _build(path: Path, folder: Path) -> None:
    """Decode a film and encode its versions."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, reason = decode(path)
    if not reason:
        rng = np.random.default_rng(len(frames))
        np.save(folder / "plain.npy", frames)
        for speed, ending in ((1, ""), (2, "_fast")):
            np.save(folder / f"h264{ending}.npy", through_h264(frames[::speed], int(rng.integers(22, 34))))
            np.save(folder / f"jpeg{ending}.npy", through_jpeg(frames[::speed], int(rng.integers(25, 70))))
    (folder / "done.json").write_text(json.dumps({"refused": reason}))


def decode(path: Path, side: int = SIDE, longest: int = LONGEST) -> tuple[Greys, str]:
    """Return the first frames of a film as (F, h, w) uint8 with even sides, and why it is unfit for training, or ''."""
    import av

    frames: list[Greys] = []
    times: list[float] = []
    try:
        with open_movie(path) as container:
            if not container.streams.video:
                return np.empty((0, 0, 0), np.uint8), "there are no pictures in it"
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            scale = side / min(stream.width, stream.height)
            width, height = (max(2, 2 * round(length * scale / 2)) for length in (stream.width, stream.height))
            for frame in container.decode(stream):
                small = frame.reformat(width, height, "gray", interpolation="AREA")
                frames.append(np.asarray(small.to_ndarray(), np.uint8))
                times.append(float(frame.time or 0.0))
                if len(frames) == longest:
                    break
    except av.FFmpegError as error:
        if not frames:
            return np.empty((0, 0, 0), np.uint8), f"it cannot be read ({error})"
    greys = np.stack(frames) if frames else np.empty((0, 0, 0), np.uint8)
    return greys, unfit(greys, np.array(times))


def unfit(frames: Greys, times: NDArray[np.float64]) -> str:
    """Return why frames (F, h, w) shown at times (F,) in seconds cannot teach natural speed, or ''."""
    if len(frames) < SHORTEST:
        return f"it has {len(frames)} frames; {SHORTEST} are needed"
    steps = np.diff(times)
    if (steps > 0).any() and np.median(steps) > 1 / SLOWEST + 1e-4:
        return f"it has {1 / np.median(steps):.1f} frames per second; {SLOWEST:.0f} are needed"
    if (steps > 0).any() and np.mean(np.abs(steps / np.median(steps) - 1) > 0.3) > 0.05:
        return "its frame rate varies"
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean((1, 2))
    repeated = np.mean(change < 0.02 * np.median(change) + 1e-3)
    # Of 24 frames per second shown as 60, most repeat the one before, so that the median is such a frame's.
    mostly = np.mean(change < 0.05 * np.quantile(change, 0.9) + 1e-3)
    if mostly > 0.45:
        repeated = mostly
    if repeated > 0.1:
        return f"{repeated:.0%} of its frames repeat the one before: its rate is not its own, or nothing moves"
    return ""


def through_h264(frames: Greys, crf: int) -> Greys:
    """Encode and decode frames (F, h, w) uint8 of even sides by H.264 at a quality."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        # By macroblock trees or several threads, no two runs would write the same.
        options = {"crf": str(crf), "mbtree": "0"}
        stream: Any = container.add_stream("libx264", rate=Fraction(30), options=options)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = frames.shape[1:]
        stream.thread_count = 1
        for frame in frames:
            grey = av.VideoFrame.from_ndarray(frame, "gray")
            container.mux(stream.encode(grey.reformat(format="yuv420p", threads=1)))  # threads cost more than they save
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as decoded:
        films = [frame.reformat(format="gray", threads=1).to_ndarray() for frame in decoded.decode(video=0)]
    return np.asarray(np.stack(films), np.uint8)


def through_jpeg(frames: Greys, quality: int) -> Greys:
    """Encode and decode frames (F, h, w) uint8 by JPEG at a quality."""
    out = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=quality)
        out.append(np.asarray(Image.open(file)))
    return np.stack(out)
