"""The engine's promises, on planted pictures at small sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from restyle.errors import BadInputError, UsageError
from restyle_server.analogy.patch import (
    MODES,
    PRESETS,
    Guide,
    PatchOptions,
    Step,
    analogy,
    fill,
    options_for,
    retarget,
    vary,
)
from restyle_server.analogy.patch.synthesis import Task, _contrasted, _Level, _pattern_rows

Pixels = NDArray[np.uint8]
SMALL = PatchOptions(granularity=16, ratio=0.5, iterations=2, fine_iterations=1)


def noise(height: int, width: int, seed: int, grain: int = 3) -> Pixels:
    """Smooth coloured noise with details of about `grain` px, every place different from every other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def blobs(height: int, width: int, seed: int, ground: int, dot: int) -> Pixels:
    """Round spots of one grey on another, with a little grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    picture = np.full((height, width, 3), ground, np.float64)
    for _ in range(7):
        row, column = random.uniform(0, height), random.uniform(0, width)
        picture[(y - row) ** 2 + (x - column) ** 2 < 36] = dot
    return np.clip(picture + random.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


def rms(first: Pixels, second: Pixels) -> float:
    return float(np.sqrt(np.mean((first.astype(float) - second) ** 2)))


@pytest.mark.parametrize("shape", [(64, 64), (48, 71)])
def test_identical_pictures_give_the_picture_back(shape: tuple[int, int]) -> None:
    picture = noise(*shape, seed=0, grain=5)
    result = analogy(picture, picture, SMALL)
    assert rms(result.picture, picture) < 4
    wanted = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
    assert (result.field == wanted).all(axis=-1).mean() > 0.95


def test_a_constant_structure_gives_the_matter_of_the_other() -> None:
    appearance = noise(56, 60, seed=1, grain=5)
    result = analogy(np.full((50, 70, 3), 128, np.uint8), appearance, SMALL)
    assert result.picture.shape == (50, 70, 3)
    # Each pixel is nearly the one that the field names: nothing is a blend of unlike matter.
    there = appearance[result.field[..., 0], result.field[..., 1]]
    assert rms(result.picture, there) < 20
    assert abs(float(result.picture.mean()) - float(appearance.mean())) < 20
    assert float(result.picture.std()) > 0.7 * float(appearance.std())


def test_spots_lie_where_the_structure_has_spots_though_the_polarity_is_reversed() -> None:
    structure, appearance = blobs(56, 56, 3, ground=60, dot=200), blobs(56, 56, 4, ground=190, dot=30)
    result = analogy(structure, appearance, replace(SMALL, granularity=24))
    spots, made = structure[..., 0] > 130, result.picture[..., 0] < 110
    assert (spots & made).sum() / (spots | made).sum() > 0.4
    # A plain match of colours would have put the spots everywhere else.
    assert made[~spots].mean() < 0.1


@pytest.mark.parametrize("alignment", ["matched", "off"])
def test_a_large_picture_is_searched_small_and_made_from_the_full_one(alignment: str) -> None:
    full = noise(160, 200, seed=5, grain=3)
    options = replace(SMALL, search_pixels=80 * 100, color_alignment=alignment)
    result = analogy(full, full, options)
    assert result.picture.shape == full.shape
    inner = slice(0, 148)  # at the last few rows and columns, patches reach over the edge of the picture
    wanted = np.stack(np.mgrid[:160, :200], axis=-1)
    assert (result.field == wanted)[inner, inner].all(axis=-1).mean() > 0.95
    assert rms(result.picture[inner, inner], full[inner, inner]) < 4
    # Laid out by a picture that is half as large: nothing of its own blur is left.
    half = np.asarray(Image.fromarray(full).resize((100, 80), Image.Resampling.BOX))
    larger = analogy(half, full, replace(options, output_size=(160, 200))).picture
    assert rms(larger[inner, inner], full[inner, inner]) < 2
    stretched = np.asarray(Image.fromarray(half).resize((200, 160), Image.Resampling.BICUBIC))
    assert rms(stretched[inner, inner], full[inner, inner]) > 10


def test_masks_hold_to_the_pixel_in_a_large_picture() -> None:
    options = replace(SMALL, search_pixels=50 * 60)
    structure, appearance = noise(150, 180, 3), noise(150, 180, 2)
    allowed = np.zeros((150, 180), np.float32)
    allowed[:, 61:] = 1
    assert analogy(structure, appearance, options, appearance_mask=allowed).field[..., 1].min() >= 61
    hole = np.zeros((150, 180), np.float32)
    hole[50:83, 40:91] = 1
    result = fill(appearance, hole, replace(options_for("fill"), search_pixels=50 * 60))
    assert np.array_equal(result.picture[hole == 0], appearance[hole == 0])
    inside = result.field[hole > 0]
    assert (hole[inside[:, 0], inside[:, 1]] == 0).all()
    kept = analogy(structure, appearance, options, structure_mask=hole).picture
    assert np.array_equal(kept[hole == 0], structure[hole == 0])


def test_the_picture_is_what_the_field_names_where_neighbours_agree() -> None:
    result = analogy(noise(150, 180, 3, grain=30), noise(150, 180, 2, grain=8), replace(SMALL, search_pixels=50 * 60))
    there = noise(150, 180, 2, grain=8)[result.field[..., 0], result.field[..., 1]]
    step = np.diff(result.field, axis=1)
    agree = np.pad((step == (0, 1)).all(axis=-1), ((0, 0), (0, 1)))
    for shift in range(1, 6):
        agree &= np.roll(agree, shift, axis=1) & np.roll(agree, shift, axis=0)
    assert agree.mean() > 0.1
    assert np.abs(result.picture.astype(int) - there)[agree].mean() < 3


def test_output_size_is_as_asked() -> None:
    options = replace(SMALL, output_size=(40, 90))
    result = analogy(noise(30, 30, 0), noise(50, 44, 1), options)
    assert result.picture.shape == (40, 90, 3)
    assert result.field.shape == (40, 90, 2)


def test_same_seed_same_bits_and_noise_makes_seeds_differ() -> None:
    structure, appearance = noise(48, 48, 0), noise(48, 48, 1)
    first, again = (analogy(structure, appearance, SMALL, seed=4) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.field, again.field)
    made = [vary(appearance, options_for("vary"), seed=seed).picture for seed in (1, 1, 2)]
    assert np.array_equal(made[0], made[1])
    assert rms(made[0], made[2]) > 10
    assert rms(made[0], appearance) > 10


def test_only_allowed_matter_is_used() -> None:
    appearance = noise(60, 60, 2)
    allowed = np.zeros((60, 60), np.float32)
    allowed[:, 25:] = 1
    result = analogy(noise(50, 50, 3), appearance, SMALL, appearance_mask=allowed)
    assert result.field[..., 1].min() >= 25
    with pytest.raises(BadInputError, match="appearance_mask"):
        analogy(noise(50, 50, 3), appearance, SMALL, appearance_mask=np.zeros((60, 60), np.float32))


def test_the_structure_picture_stays_where_its_mask_is_black() -> None:
    structure = noise(50, 50, 3)
    mask = np.zeros((50, 50), np.float32)
    mask[10:40, 10:40] = 1
    result = analogy(structure, noise(60, 60, 2), SMALL, structure_mask=mask)
    assert np.array_equal(result.picture[mask == 0], structure[mask == 0])
    assert rms(result.picture[mask == 1], structure[mask == 1]) > 10


def test_labels_decide_where_colours_say_nothing() -> None:
    # One grey structure; the appearance picture has red matter on its left half and blue on its right.
    structure = np.full((64, 64, 3), 128, np.uint8)
    appearance = noise(64, 64, 7) // 4
    appearance[:, :32, 0] += 180
    appearance[:, 32:, 2] += 180
    over_structure, over_appearance = np.full((64, 64, 1), 7, np.float32), np.full((64, 64, 1), 7, np.float32)
    over_structure[32:], over_appearance[:, :32] = 3, 3
    guide = Guide("object", over_structure, over_appearance, weight=4.0, labels=True)
    made = analogy(structure, appearance, SMALL, guides=(guide,)).picture.astype(int)
    red = made[..., 0] > made[..., 2]
    assert red[38:].mean() > 0.9
    assert red[:26].mean() < 0.1


def test_a_depth_guide_works_in_any_unit() -> None:
    structure = np.full((64, 64, 3), 128, np.uint8)
    appearance = noise(64, 64, 7) // 4
    appearance[:, :32, 0] += 180
    appearance[:, 32:, 2] += 180
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    pictures = []
    for unit in (1.0, 1024.0):
        down, across = np.tile(ramp[:, None], (1, 64)), np.tile(ramp[None], (64, 1))
        guide = Guide("depth", unit * down[..., None], unit * across[..., None], weight=4.0)
        pictures.append(analogy(structure, appearance, SMALL, guides=(guide,)).picture.astype(int))
    assert np.array_equal(pictures[0], pictures[1])
    red = pictures[0][..., 0] > pictures[0][..., 2]
    assert red[:26].mean() > 0.9
    assert red[38:].mean() < 0.1


def test_a_guide_that_does_not_fit_is_named() -> None:
    picture = noise(30, 30, 0)
    guide = Guide("depth", np.zeros((30, 30, 1), np.float32), np.zeros((30, 30, 3), np.float32))
    with pytest.raises(BadInputError, match=r"'depth' has 1 channels .* 3"):
        analogy(picture, picture, SMALL, guides=(guide,))


def test_fill_restores_a_planted_periodic_texture() -> None:
    tile = noise(12, 12, 9, grain=2)
    whole = np.tile(tile, (6, 6, 1))
    hole = np.zeros((72, 72), np.float32)
    hole[25:48, 30:50] = 1
    torn = whole.copy()
    torn[hole > 0] = 255
    result = fill(torn, hole)
    assert np.array_equal(result.picture[hole == 0], whole[hole == 0])
    assert rms(result.picture[hole > 0], whole[hole > 0]) < 12
    inside = result.field[hole > 0]
    assert (hole[inside[:, 0], inside[:, 1]] == 0).all()


def test_fill_needs_something_to_fill_from() -> None:
    with pytest.raises(BadInputError, match="hole_mask"):
        fill(noise(30, 30, 0), np.ones((30, 30), np.float32))


def test_retarget_keeps_the_source_s_patches() -> None:
    picture = blobs(60, 60, 3, ground=200, dot=40)
    options = replace(options_for("retarget"), granularity=16, output_size=(60, 110))
    made = retarget(picture, options).picture
    assert made.shape == (60, 110, 3)
    windows = [np.lib.stride_tricks.sliding_window_view(p.astype(float), (7, 7), axis=(0, 1)) for p in (made, picture)]
    keys = windows[1].reshape(-1, 147)
    queries = windows[0][::8, ::8].reshape(-1, 147)
    far = np.sqrt([((keys - query) ** 2).mean(axis=1).min() for query in queries])
    # The grain has a standard deviation of 6 in both: two unrelated patches of flat ground are 8.5 apart.
    assert far.mean() < 7
    assert 0.5 < (made[..., 0] < 120).mean() / (picture[..., 0] < 120).mean() < 1.6


@pytest.mark.parametrize(("first", "second"), [((1, 1), (1, 1)), ((1, 40), (9, 1)), ((5, 6), (40, 33))])
def test_tiny_pictures_work(first: tuple[int, int], second: tuple[int, int]) -> None:
    result = analogy(noise(*first, seed=0), noise(*second, seed=1))
    assert result.picture.shape == (*first, 3)
    assert (result.field < second).all()


def test_other_arrays_are_refused_by_name() -> None:
    good = noise(20, 20, 0)
    with pytest.raises(BadInputError, match="structure"):
        analogy(good[..., 0], good)
    with pytest.raises(BadInputError, match="appearance"):
        analogy(good, good.astype(np.float32))


def test_steps_go_from_0_to_nearly_1_can_be_seen_and_may_stop_the_run() -> None:
    steps: list[Step] = []
    shapes = []

    def watch(step: Step) -> None:
        steps.append(step)
        shapes.append(step.render().shape)

    analogy(noise(80, 80, 0), noise(80, 80, 1), SMALL, on_step=watch)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert 0.4 < fractions[-1] <= 1
    assert shapes[-1] == (80, 80, 3)

    class Stop(Exception):
        pass

    def stop(step: Step) -> None:
        if step.fraction > 0.2:
            raise Stop

    with pytest.raises(Stop):
        analogy(noise(80, 80, 0), noise(80, 80, 1), SMALL, on_step=stop)


def test_every_alignment_works_and_only_matched_ignores_polarity() -> None:
    structure, appearance = blobs(56, 56, 3, ground=60, dot=200), blobs(56, 56, 4, ground=190, dot=30)
    dark = {}
    for alignment in ("matched", "covariance", "rank", "off"):
        options = replace(SMALL, granularity=24, color_alignment=alignment)
        made = analogy(structure, appearance, options).picture[..., 0] < 110
        dark[alignment] = float(made[structure[..., 0] > 130].mean())
    assert dark["matched"] > 0.5
    assert max(dark["covariance"], dark["rank"], dark["off"]) < 0.3


def lines_and_matter() -> tuple[Pixels, Pixels, NDArray[np.bool_]]:
    """Lines 3 px wide, 11 px apart; matter with dark and light spots of all shapes; where the lines are."""
    line = np.broadcast_to(np.arange(66)[:, None] % 11 < 3, (66, 66))
    structure = np.where(line[..., None], np.uint8(40), np.uint8(220)).repeat(3, axis=2)
    matter = np.where(noise(66, 66, seed=3, grain=5)[..., :1] < 90, np.uint8(60), np.uint8(180)).repeat(3, axis=2)
    return structure, matter, line


@pytest.mark.parametrize("mode", ["texture", "style"])
@pytest.mark.parametrize("alignment", ["covariance", "matched"])
def test_fine_lines_stay_where_the_mode_keeps_them(mode: str, alignment: Any) -> None:
    structure, matter, line = lines_and_matter()
    options = replace(options_for(mode), color_alignment=alignment, granularity=24)

    def contrast(options: PatchOptions) -> float:
        made = analogy(structure, matter, options).picture.astype(float).mean(axis=-1)
        return float(made[~line].mean() - made[line].mean())

    assert contrast(options) > 70, "of the 120 between the two tones of the matter"
    assert contrast(replace(options, pull=0.0, pattern=0.0)) < 45, "without it they are mostly lost"


def test_lines_are_kept_by_their_lightness_alone_too() -> None:
    structure, matter, line = lines_and_matter()
    options = replace(options_for("texture"), pull=0.0, granularity=24)
    contrasts = []
    for pattern in (1.0, 0.0):
        made = analogy(structure, matter, replace(options, pattern=pattern)).picture.astype(float).mean(axis=-1)
        contrasts.append(float(made[~line].mean() - made[line].mean()))
    assert contrasts[0] > 60
    assert contrasts[1] < 45


def test_what_is_searched_for_gets_the_contrast_of_the_matter_within_limits() -> None:
    queries = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.1, 0.5, 2.0, 0.0]) + 7
    made = _contrasted(queries, torch.tensor([0.25, 9.0, 1.0, 1.0]), 3.0)
    found, before = made.std(dim=0, correction=0), queries.std(dim=0, correction=0)
    assert float(found[0]) == pytest.approx(0.25, rel=1e-4)
    assert (found / before)[1:3].tolist() == pytest.approx([3, 1], rel=1e-4)  # not more than asked for, never less
    torch.testing.assert_close(made.mean(dim=0), queries.mean(dim=0))
    torch.testing.assert_close(made[:, 3], queries[:, 3])


def test_calm_matter_is_not_all_that_is_used() -> None:
    """Half of the matter is calm; of that alone a soft structure would be made mostly."""
    structure, matter = noise(60, 72, 4, grain=20), noise(60, 66, 3, grain=4).copy()
    matter[:, :33] = noise(60, 33, 5, grain=20) // 3 + 84
    rough = []
    for contrast in (1.0, 3.0):
        options = replace(options_for("style"), granularity=24, contrast=contrast)
        rough.append(float((analogy(structure, matter, options).field[..., 1] >= 33).mean()))
    assert rough[0] < 0.35
    assert rough[1] > 0.45


def test_lightness_is_asked_for_in_the_matters_own_range() -> None:
    start, matter = (
        torch.from_numpy(noise(*size).copy()).permute(2, 0, 1) / 255 for size in ((30, 34, 0), (26, 41, 1))
    )
    level = _Level(Task(start / 5 + 0.7, matter), PatchOptions(), 1.0, 0.0)
    queries, keys = _pattern_rows(level, torch.tensor(0.5))
    light = [(p * torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]).sum(dim=0).numpy() for p in (start, matter)]
    for rows, picture in zip((queries, keys), light, strict=True):
        corners = [(y, x) for y in range(picture.shape[0] - 6) for x in range(picture.shape[1] - 6)]
        for column, middle in enumerate((slice(0, 7), slice(2, 5))):
            means = np.array([picture[y : y + 7, x : x + 7][middle, middle].mean() for y, x in corners])
            wanted = (means - means.mean()) / means.std() * 0.5  # a variance of 0.25 each, 0.5 in all
            np.testing.assert_allclose(rows[:, column].numpy(), wanted, atol=2e-4)


def test_modes_and_presets_are_named() -> None:
    assert {options_for(mode, preset) for mode in MODES for preset in PRESETS}
    with pytest.raises(UsageError, match="mode 'x'"):
        options_for("x")
    with pytest.raises(UsageError, match="preset 'x'"):
        options_for("analogy", "x")
