"""The kind `curve`, and the kind `frames` as a media file: what is taken survives, what is refused is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from restyle.codec import MAX_BLOB_BYTES, MAX_FRAMES, check_description
from restyle.errors import BadInputError, ProtocolError
from restyle.kinds import Packed, kind, media
from restyle.kinds.curve import Curve
from restyle.kinds.frames import Frames, MovieFile, pictures
from restyle.kinds.packed import DTYPES
from restyle.moviefile import READABLE
from restyle.resultfile import ResultFile

BYTES = np.random.default_rng(0).integers(0, 256, 1000, np.uint8)
LINE = np.linspace(0, 9, 5)


def survives(name: str, value: object) -> object:
    accepted = kind(name)
    accepted.validate(value)
    packed = accepted.pack(value)
    assert packed.kind == name
    assert all(array.dtype.name in DTYPES and array.flags.c_contiguous for array in packed.arrays.values())
    return accepted.unpack(packed)


@pytest.mark.parametrize(
    "value",
    [
        Curve({"source": LINE}, 24),
        Curve({"source": LINE, "speed": LINE.astype(np.float32)}, 23.976),
        Curve({"features": np.ones((3, 1024), np.float32)}, 30.0),
    ],
)
def test_a_curve_survives(value):
    back = survives("curve", value)
    np.testing.assert_equal(back.series, dict(value.series))
    assert back.fps == value.fps
    assert len(back) == len(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (LINE, "ndarray is not a restyle.Curve"),
        (Curve({}, 24), "at least one named"),
        (Curve([LINE], 24), "at least one named"),
        (Curve({str(number): LINE for number in range(17)}, 24), "17 series"),
        (Curve({"": LINE}, 24), "name ''"),
        (Curve({"a": LINE.tolist()}, 24), "a is a list"),
        (Curve({"a": LINE.astype(np.int64)}, 24), "int64"),
        (Curve({"a": LINE[None, None]}, 24), "shape"),
        (Curve({"a": LINE, "b": LINE[:2]}, 24), "different lengths"),
        (Curve({"a": LINE[:0]}, 24), "no frames"),
        (Curve({"a": np.array([0, np.nan])}, 24), r"a\[1\] is nan"),
        (Curve({"a": np.ones((2, 1025))}, 24), "1025 columns"),
        (Curve({"a": np.broadcast_to(1.0, (40_000, 1000))}, 24), "bytes"),
        (Curve({"a": LINE}, 0), "0 frames per second"),
        (Curve({"a": LINE}, float("nan")), "nan frames per second"),
    ],
)
def test_a_bad_curve_is_named(value, message):
    with pytest.raises(BadInputError, match=message):
        kind("curve").validate(value)


@pytest.mark.parametrize(
    "packed",
    [
        Packed("curve"),
        Packed("curve", {"fps": 24.0}),
        Packed("curve", {"fps": "24"}, {"a": LINE}),
        Packed("curve", {"fps": 24.0}, {"a": LINE, "b": LINE[1:]}),
        Packed("frames", {"suffix": ".mp4"}),
        Packed("frames", {"suffix": ".exe"}, {"part00": BYTES}),
        Packed("frames", {"suffix": [".mp4"]}, {"part00": BYTES}),
        Packed("frames", {"suffix": ".mp4"}, {"part00": BYTES.astype(np.int32)}),
        Packed("frames", {"suffix": ".mp4"}, {"part00": BYTES, "part01": BYTES[:0]}),
        Packed("frames", {"suffix": ".mp4", "first": "x"}, {"part00": BYTES}),
        Packed("frames", {"suffix": ".mp4", "first": -1}, {"part00": BYTES}),
        Packed("frames", {"suffix": ".mp4", "first": 5, "last": 4}, {"part00": BYTES}),
        Packed("frames", {"suffix": ".mp4"}, {f"part{number:02}": BYTES for number in range(17)}),
    ],
)
def test_what_a_peer_packed_wrongly_is_bad_input(packed):
    with pytest.raises(BadInputError):
        kind(packed.kind).unpack(packed)


@pytest.mark.parametrize(("part_bytes", "parts"), [(2000, 1), (1000, 1), (999, 2), (300, 4), (7, 16)])
def test_a_movie_file_travels_in_parts_and_comes_back(tmp_path: Path, monkeypatch, part_bytes: int, parts: int):
    monkeypatch.setattr(media, "PART_BYTES", part_bytes)
    path = tmp_path / "clip.MP4"
    path.write_bytes(BYTES.tobytes())
    value = MovieFile.of(path, first=3, last=9)
    assert len(value.parts) == parts
    assert isinstance(value.parts[0], np.memmap), "it is not read before it is needed"
    back = survives("frames", value)
    assert (back.suffix, back.first, back.last, back.size) == (".mp4", 3, 9, 1000)
    back.save(tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == BYTES.tobytes()
    with pytest.raises(BadInputError, match=r"back\.mp4: the folder .*no_such does not exist"):
        back.save(tmp_path / "no_such" / "back.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.mp4", "clip.MP4"]


def test_reading_and_seeking_are_those_of_a_real_file(tmp_path: Path):
    path = tmp_path / "clip.mkv"
    path.write_bytes(BYTES.tobytes())
    value = MovieFile(tuple(np.array_split(BYTES, [1, 2, 400, 401, 999])), ".mkv")
    random = np.random.default_rng(1)
    with path.open("rb") as real, value.open() as ours:
        for _ in range(300):
            whence = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)[random.integers(3)]
            offset = int(random.integers(-1100, 1100))
            outcomes = []
            for file in (real, ours):
                try:
                    outcomes.append((file.seek(offset, whence), file.read(int(abs(offset)) // 2), file.tell()))
                except (OSError, ValueError):
                    outcomes.append("refused")
                    file.seek(500)
            assert outcomes[0] == outcomes[1]
        real.seek(0)
        ours.seek(0)
        assert real.read() == ours.read()


def test_sizes_are_checked_before_anything_is_read(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.touch()
    with pytest.raises(BadInputError, match=r"clip\.mp4: the movie file is empty"):
        MovieFile.of(path)
    with path.open("wb") as file:
        file.truncate(media.MAX_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(BadInputError, match="over the limit"):
        MovieFile.of(path)
    with path.open("wb") as file:
        file.truncate(media.MAX_BYTES)
    largest = kind("frames").pack(MovieFile.of(path))
    assert len(largest.arrays) <= MAX_FRAMES
    for part in largest.arrays.values():
        assert check_description({"dtype": "uint8", "shape": list(part.shape)})[2] <= MAX_BLOB_BYTES
    with pytest.raises(BadInputError, match="no_such"):
        MovieFile.of(tmp_path / "no_such.mp4")
    (tmp_path / "clip.txt").write_bytes(b"text")
    with pytest.raises(BadInputError, match=r"'\.txt' is not one of"):
        MovieFile.of(tmp_path / "clip.txt")


def part(size: int = 9, shape: tuple[int, ...] | None = None, dtype: str = "uint8") -> dict[str, object]:
    return {"hash": "0" * 64, "dtype": dtype, "shape": list(shape or (size,))}


@pytest.mark.parametrize(
    ("meta", "arrays", "error", "message"),
    [
        ({"suffix": ".mp4"}, {"part00": part(dtype="float32")}, ProtocolError, "does not come as one"),
        ({"suffix": ".mp4"}, {"part00": part(shape=(3, 3))}, ProtocolError, "does not come as one"),
        ({"suffix": ".mp4"}, {f"part{number:02}": part() for number in range(17)}, ProtocolError, "not come as one"),
        ({"suffix": ".mp4"}, {}, BadInputError, "is empty"),
        ({"suffix": ".exe"}, {"part00": part()}, BadInputError, "'.exe' is not one of"),
        ({"suffix": None}, {"part00": part()}, BadInputError, "None is not one of"),
    ],
)
def test_a_result_that_does_not_come_as_a_file_is_refused(meta, arrays, error, message):
    described = {"kind": "frames", "meta": meta, "arrays": arrays}
    assert ResultFile.is_one(described)
    with pytest.raises(error, match=message):
        ResultFile.of(described, lambda use: None, 1.0)


def test_every_movie_that_is_read_may_travel():
    assert set(READABLE) <= set(media.SUFFIXES)


def test_a_job_of_pictures_refuses_a_file():
    clip = Frames(np.zeros((1, 2, 2, 3), np.uint8), 24)
    assert pictures(clip) is clip
    with pytest.raises(BadInputError, match="not a movie file"):
        pictures(MovieFile((BYTES,), ".mp4"))
