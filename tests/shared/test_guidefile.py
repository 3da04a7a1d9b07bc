"""Guides from files: equal colours become equal labels in both pictures, whatever the file did to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restyle import labels
from restyle.errors import BadInputError
from restyle.guidefile import read_guide
from restyle.kinds import passes

RANDOM = np.random.default_rng(0)
AREAS = np.repeat(np.repeat(np.array([[0, 1, 2], [2, 0, 1]]), 20, 0), 20, 1)  # (40, 60), labels of blocks
OTHER = np.repeat(np.repeat(np.array([[2, 1], [3, 0], [1, 1]]), 16, 0), 16, 1)  # (48, 32)
PALETTE = np.array([[250, 40, 40], [40, 250, 40], [40, 40, 250], [240, 240, 30]], np.uint8)


def assert_same_partition(ours: np.ndarray, theirs: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """The labels found are the planted ones, renamed by one rule for both pictures."""
    found = np.concatenate([ours[..., 0].ravel(), theirs[..., 0].ravel()])
    planted = np.concatenate([first.ravel(), second.ravel()])
    pairs = {(int(a), int(b)) for a, b in zip(found, planted)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(np.unique(planted))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(PALETTE[AREAS]).save(tmp_path / "a.png")
    Image.fromarray(PALETTE[OTHER]).save(tmp_path / "b.png")
    return tmp_path


def test_equal_colours_are_equal_labels(folder: Path) -> None:
    ours, theirs = read_guide("id", folder / "a.png", folder / "b.png")
    assert (ours.shape, theirs.shape) == ((40, 60, 1), (48, 32, 1))
    passes.validate({"id": ours})
    assert passes.is_labels(ours)
    assert_same_partition(ours, theirs, AREAS, OTHER)


def test_ids_that_differ_by_one_level_stay_apart(folder: Path) -> None:
    """An index pass saved as a picture: IDs 0, 1, 2, 3 are nearly black, in 8 bits and in 16."""
    for dtype in (np.uint8, np.uint16):
        Image.fromarray(AREAS.astype(dtype)).save(folder / "a.png")
        Image.fromarray(OTHER.astype(dtype)).save(folder / "b.png")
        assert_same_partition(*read_guide("id", folder / "a.png", folder / "b.png"), AREAS, OTHER)


def test_soft_edges_and_lossy_files_do_not_make_labels(folder: Path) -> None:
    soft = Image.fromarray(PALETTE[AREAS]).resize((240, 160), Image.Resampling.BICUBIC)
    soft.save(folder / "a.jpg", quality=75)
    ours, theirs = read_guide("id", folder / "a.jpg", folder / "b.png")
    inside = np.s_[40:60, 40:60], np.s_[40:60, 120:140], np.s_[120:140, 40:60]  # of blocks, away from their edges
    for block, area in zip(inside, (0, 1, 2)):
        expected = theirs[area == OTHER][0]
        assert (ours[block] == expected).all()
    assert len(np.unique(ours)) == 3


def test_a_clip_and_a_picture_share_their_labels(folder: Path) -> None:
    (folder / "ids").mkdir()
    clip = np.stack([np.roll(AREAS, 5 * number, axis=1) for number in range(3)])
    for number, areas in enumerate(clip):
        Image.fromarray(PALETTE[areas]).save(folder / "ids" / f"{number}.png")
    ours, theirs = read_guide("id", folder / "ids", folder / "b.png")
    assert ours.shape == (3, 40, 60, 1)
    assert_same_partition(ours, theirs, clip, OTHER)


def test_measures_are_levels(folder: Path) -> None:
    wide = RANDOM.integers(0, 65536, (4, 5), np.uint16)
    Image.fromarray(wide).save(folder / "depth.png")
    ours, theirs = read_guide("depth", folder / "depth.png", folder / "b.png")
    np.testing.assert_allclose(ours[..., 0], wide / 65535, atol=1e-6)
    np.testing.assert_allclose(theirs[..., 0], PALETTE[OTHER].mean(axis=2) / 255, atol=1e-6)
    ours, theirs = read_guide("normal", folder / "a.png", folder / "b.png")
    np.testing.assert_allclose(ours, PALETTE[AREAS] / 255, atol=1e-6)
    for array in (ours, theirs):
        passes.validate({"normal": array})
        assert not passes.is_labels(array)


def test_pictures_that_tell_nothing_apart_are_refused_by_name(folder: Path) -> None:
    Image.new("RGB", (9, 6), "red").save(folder / "flat.png")
    with pytest.raises(BadInputError, match=r"flat\.png: all of it is of one colour"):
        read_guide("id", folder / "a.png", folder / "flat.png")
    Image.fromarray(RANDOM.integers(0, 65536, (40, 60), np.uint16)).save(folder / "depth.png")
    with pytest.raises(BadInputError, match=r"depth\.png.*more than 256 values of 16 bits are no IDs"):
        read_guide("id", folder / "depth.png", folder / "b.png")
    with pytest.raises(BadInputError, match=r"none\.png: there is no such file"):
        read_guide("id", folder / "a.png", folder / "none.png")


def test_a_photo_as_ids_is_taken_by_its_main_colours(folder: Path) -> None:
    Image.fromarray(RANDOM.integers(0, 256, (90, 90, 3), np.uint8)).save(folder / "noise.png")
    ours, theirs = read_guide("id", folder / "noise.png", folder / "b.png")
    assert ours.max() < labels.MAX_LABELS
    assert len(np.unique(theirs)) == 4
