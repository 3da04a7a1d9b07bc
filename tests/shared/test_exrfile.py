"""Render passes from OpenEXR files: of one picture, and of a clip, thinned so that all of it can be sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exr_files import write_exr, write_passes

from restyle.errors import BadInputError
from restyle.exrfile import FRAME_BYTES, FramePasses, guides, read, thinning
from restyle.guidefile import read_passes
from restyle.kinds import passes

IDS = np.repeat(np.arange(5, dtype=np.float32)[None], 4, axis=0)
DEPTH = np.linspace(1, 9, 20, dtype=np.float32).reshape(4, 5)


def whole(files: list[Path]) -> dict[str, np.ndarray]:
    frames = FramePasses(files)
    while frames.read_one():
        pass
    return frames.get()


def test_channels_come_as_they_were_written(tmp_path: Path) -> None:
    found = read(write_exr(tmp_path / "a.exr", {"R": DEPTH, "ViewLayer.Depth.Z": IDS}))
    assert sorted(found) == ["R", "ViewLayer.Depth.Z"]
    assert np.array_equal(found["R"], DEPTH)
    assert np.array_equal(found["ViewLayer.Depth.Z"], IDS)


def test_guides_are_labels_and_measures(tmp_path: Path) -> None:
    found = guides(write_passes(tmp_path / "a.exr", IDS, DEPTH))
    passes.validate(found)
    assert (found["object"].dtype, found["depth"].dtype) == (np.int32, np.float32)
    assert np.array_equal(found["object"][..., 0], IDS)
    assert np.array_equal(found["depth"][..., 0], DEPTH)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "buffer"),
        (b"\x89PNG" + bytes(50), "not an OpenEXR file"),
        (b"\x76\x2f\x31\x01\x02\0\0\0", "cannot be read"),
    ],
)
def test_what_is_none_is_refused_by_its_path(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=said) as caught:
        guides(path)
    assert str(path) in caught.value.message


def test_a_picture_without_passes_says_which_are_meant(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="has none of the passes Object Index"):
        guides(write_exr(tmp_path / "a.exr", {"R": DEPTH}))


def test_frames_are_stacked_in_order_and_one_file_may_stand_for_several(tmp_path: Path) -> None:
    files = [write_passes(tmp_path / f"{number}.exr", IDS + 300 * number, DEPTH) for number in range(2)]
    found = whole([files[1], files[0], files[1]])
    passes.validate(found)
    assert found["object"].dtype == np.uint16
    assert np.array_equal(found["object"][..., 0], [IDS + 300, IDS, IDS + 300])
    assert found["depth"].shape == (3, 4, 5, 1)


def test_a_frame_with_other_passes_is_named(tmp_path: Path) -> None:
    files = [write_passes(tmp_path / "0.exr", IDS, DEPTH), write_passes(tmp_path / "1.exr", IDS)]
    with pytest.raises(BadInputError, match=r"1\.exr: its passes are not those of 0\.exr"):
        whole(files)
    files[1] = write_passes(tmp_path / "1.exr", IDS[:3], DEPTH[:3])
    with pytest.raises(BadInputError, match="another size"):
        whole(files)


@pytest.mark.parametrize(("count", "height", "width"), [(1, 4, 5), (150, 480, 854), (870, 480, 854), (9000, 200, 200)])
def test_thinned_frames_can_be_sent_and_keep_what_counts(count: int, height: int, width: int) -> None:
    step = thinning(count, height, width)
    rows, columns = -(-height // step), -(-width // step)
    assert count * rows * columns * 3 * 4 <= FRAME_BYTES
    if count <= 150:
        assert min(rows, columns) >= min(200, height, width)


def test_large_frames_are_thinned_alike_and_labels_stay_labels(tmp_path: Path) -> None:
    ids = np.kron(IDS, np.ones((150, 150), np.float32))
    found = whole([write_passes(tmp_path / "0.exr", ids)])["object"]
    assert found.shape == (1, 200, 250, 1)
    assert np.array_equal(found[0, ..., 0], np.kron(IDS, np.ones((50, 50))))


def test_passes_of_a_sequence_and_a_picture(tmp_path: Path) -> None:
    for number in (1, 2):
        write_passes(tmp_path / f"p.{number:04}.exr", IDS + number, DEPTH)
    theirs = write_passes(tmp_path / "painting.exr", IDS)
    ours, other = read_passes(tmp_path / "p.####.exr", theirs)
    assert list(ours) == list(other) == ["object"]
    assert np.array_equal(ours["object"][..., 0], [IDS + 1, IDS + 2])
    write_exr(theirs, {f"ViewLayer.Normal.{axis}": DEPTH for axis in "XYZ"})
    with pytest.raises(BadInputError, match=r"it has object, depth, but .*painting\.exr has normal"):
        read_passes(tmp_path / "p.0001.exr", theirs)
    (tmp_path / "p.0001.exr").rename(tmp_path / "p.0004.exr")
    write_passes(tmp_path / "p.0001.exr", IDS)
    with pytest.raises(BadInputError, match=r"p\.0003\.exr: this frame is missing"):
        read_passes(tmp_path / "p.%04d.exr", theirs)
