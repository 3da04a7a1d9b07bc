"""Guides from passes: equal things have equal values, and a pass lies where its picture is."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.errors import BadInputError
from restyle_server.analogy import patch
from restyle_server.analogy.guides import comparable, fitted, guides, lightness, lightness_of_frames

IDS = np.array([[7, 7, 300], [7, 9, 300]], np.int32)[..., None]
OTHER = np.array([[300], [9], [7]], np.int32)[..., None]
RAMP = np.linspace(2, 10, 6, dtype=np.float32).reshape(2, 3, 1)


def test_labels_are_numbered_alike() -> None:
    ours, theirs, remarks = comparable({"id": IDS}, {"id": OTHER})
    assert ours["id"][..., 0].tolist() == [[0, 0, 2], [0, 1, 2]]
    assert theirs["id"][..., 0].tolist() == [[2], [1], [0]]
    assert remarks == []


def test_labels_that_the_appearance_lacks_are_remarked() -> None:
    *_, remarks = comparable({"id": IDS}, {"id": OTHER[:2]})
    assert remarks == ["50% of the structure has labels in 'id' that the appearance lacks."]


def test_depth_runs_from_near_to_far_on_each_side_and_over_a_whole_clip() -> None:
    clip = np.stack([RAMP, RAMP + 8])  # 2 to 18
    sky = np.where(RAMP == 10, np.float32(1e10), RAMP * 100)
    ours, theirs, _ = comparable({"depth": clip}, {"depth": sky})
    assert ours["depth"].shape == (2, 2, 3, 1)
    assert ours["depth"][0].max() < 0.55 < ours["depth"][1].mean()
    assert (ours["depth"].min(), ours["depth"].max()) == (0, 1)
    assert theirs["depth"].flat[0] == 0
    assert theirs["depth"].flat[-1] == 1  # what is not there is farthest
    assert (np.diff(theirs["depth"].ravel()) >= 0).all()


def test_normals_keep_their_relation_between_the_pictures() -> None:
    up = np.broadcast_to(np.float32([0, 0, 1]), (2, 3, 3))
    side = np.broadcast_to(np.float32([-1, 0, 0]), (4, 4, 3))
    ours, theirs, _ = comparable({"normal": up}, {"normal": side})
    np.testing.assert_allclose(ours["normal"][0, 0], [0.5, 0.5, 1])
    np.testing.assert_allclose(theirs["normal"][0, 0], [0, 0.5, 0.5])
    flat = np.zeros((2, 3, 3), np.float32)
    assert np.isfinite(comparable({"normal": flat}, {"normal": flat})[0]["normal"]).all()


def test_a_guide_of_another_size_is_laid_over_its_picture() -> None:
    ours, theirs, _ = comparable({"id": IDS}, {"id": OTHER})
    (guide,) = guides(ours, theirs, (4, 6), (3, 1), 2.0)
    assert (guide.name, guide.weight, guide.labels) == ("id", 2.0, True)
    np.testing.assert_array_equal(guide.structure[..., 0], np.repeat(np.repeat(ours["id"][..., 0], 2, 0), 2, 1))
    np.testing.assert_array_equal(guide.appearance, theirs["id"])
    half = fitted(np.repeat(np.repeat(RAMP, 2, 0), 2, 1), (2, 3), "depth")
    assert half.shape == (2, 3, 1)
    assert abs(half.mean() - RAMP.mean()) < 1e-5


@pytest.mark.parametrize(
    ("structure", "appearance", "said"),
    [
        ({"id": IDS}, {"depth": RAMP}, "the structure has 'id', the appearance 'depth'"),
        ({"id": IDS}, {"id": RAMP}, "id is not the same kind of data"),
        ({"n": np.zeros((2, 3, 3), np.float32)}, {"n": RAMP}, "n is not the same kind of data"),
        ({"id": IDS.reshape(6, 1, 1)}, {"id": OTHER}, "structure_passes: id is 1 x 6, but the picture is 300 x 200"),
        ({"id": IDS}, {"id": OTHER[None]}, r"appearance_passes: id has the shape \(1, 3, 1, 1\)"),
    ],
)
def test_passes_that_do_not_fit_are_named(structure: dict, appearance: dict, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        guides(*comparable(structure, appearance)[:2], (200, 300), (3, 1), 1.0)


def test_lightness_is_the_share_of_darker_pixels() -> None:
    picture = np.array([[[0, 0, 0], [9, 9, 9], [9, 9, 9], [255, 255, 255]]], np.uint8)
    guide = lightness(picture, 255 - picture[:, :1], 2.0)
    np.testing.assert_allclose(guide.structure[..., 0], [[1 / 8, 1 / 2, 1 / 2, 7 / 8]])
    np.testing.assert_allclose(guide.appearance, [[[1 / 2]]])
    assert guide.weight == 2.0


def test_lightness_leads_where_colours_mislead() -> None:
    red, blue = np.array([[1, 0.25, 0.25]]), np.array([[0.25, 0.25, 1]])
    grain = np.random.default_rng(0).uniform(0.9, 1.0, (64, 64, 1))
    left = np.arange(64)[None, :, None] < 32

    def picture(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (255 * grain * np.where(left, one, other)).astype(np.uint8)

    structure, appearance = picture(red, 0.35 * blue), picture(0.35 * red, blue)
    options = patch.PatchOptions(granularity=16)
    blues = []
    for guides_given in ((), (lightness(structure, appearance, 10.0),)):
        made = patch.analogy(structure, appearance, options, guides=guides_given, seed=0).picture.astype(int)
        blues.append(np.mean(made[:, :24, 2] > made[:, :24, 0]))  # the light half: red by colour, blue by lightness
    assert blues[0] < 0.1
    assert blues[1] > 0.9


def test_lightness_of_a_clip_is_that_of_all_its_frames() -> None:
    dark, light = np.full((1, 1, 2, 3), 10, np.uint8), np.full((1, 1, 2, 3), 90, np.uint8)
    frames = np.concatenate([dark, light, light, light])
    of_frame = lightness_of_frames(frames, dark[0], 2.0)
    assert [float(of_frame(number).structure.mean()) for number in range(4)] == pytest.approx(
        [1 / 8, 5 / 8, 5 / 8, 5 / 8]
    )
    alone = lightness(frames[1], dark[0], 2.0)
    assert float(alone.structure.mean()) == pytest.approx(1 / 2)
    np.testing.assert_array_equal(of_frame(1).appearance, alone.appearance)
    assert of_frame(3).weight == 2.0
