"""The judges of mini: checks against planted pictures, drawings against brute force, training that can be resumed."""

from __future__ import annotations

import colorsys
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import bench_mini
from mini_judge import checks, colors, sheets
from mini_judge.fields import scattered
from mini_judge.judge_surfaces import SURFACES
from mini_judge.meshes import Mesh, draw_mesh, turned
from mini_judge.model import Judge, rank_of, verdict
from mini_judge.pictures import SIZE, draw_pictures, imitation, paint, smoothed
from mini_judge.prompts import CLASSES, DISTRACTORS, NAMES, PROMPTS
from mini_judge.train_judge import Training
from mini_judge.views import look
from restyle_server.models.clip import load_mini

FULL = np.ones((128, 128), bool)


def vase(seed: int = 3) -> Mesh:
    return turned(np.random.default_rng(seed))


def flat(value: np.ndarray) -> np.ndarray:
    """One grey picture (1, 128, 128, 3) of values in [0, 1]."""
    return (np.repeat(value[None, :, :, None], 3, 3) * 255).astype(np.uint8)


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:128, :128]
    return y, x


def noise(seed: int, blur: int) -> np.ndarray:
    """Random values blurred by a box of 2 * blur + 1 pixels, spread over [0, 1]."""
    value = np.random.default_rng(seed).random((128, 128))
    for axis in (0, 1):
        value = sum(np.roll(value, shift, axis) for shift in range(-blur, blur + 1))
    return (value - value.min()) / np.ptp(value)


def test_the_prompts_are_24_and_mini_was_shown_every_word_of_them() -> None:
    assert len(NAMES) == len(set(PROMPTS.values())) == 24
    assert set(SURFACES) == set(NAMES) == set(colors.REQUIRED)
    encoder = load_mini()
    for text in PROMPTS.values():
        for mesh in bench_mini.MESHES:
            assert encoder.unknown_words(text.format(mesh)) == ()


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_drawn_alike_from_the_same_seed_and_otherwise_from_another(kind: str) -> None:
    mesh = vase()
    first, again, other = (paint(kind, mesh, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first[0].shape == mesh.points.shape
    assert first[1].shape == mesh.points.shape[:1]
    assert np.isfinite(first[0]).all()
    assert -0.3 < first[0].min() <= first[0].max() < 1.6
    assert (first[0] == again[0]).all()
    assert np.abs(first[0] - other[0]).mean() > 0.01


def test_meshes_are_closed_enough_to_be_drawn_and_fit_the_sphere() -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        mesh = draw_mesh(rng)
        assert np.linalg.norm(mesh.points, axis=1).max() == pytest.approx(1)
        assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1)
        assert mesh.faces.max() < len(mesh.points)


def test_seeds_keep_their_distance_and_cells_are_the_nearest_ones() -> None:
    points = vase().points
    cells = scattered(points, np.random.default_rng(1), 0.3, 0.75)
    gaps = np.linalg.norm(cells.seeds[:, None] - cells.seeds[None], axis=2)
    assert gaps[~np.eye(len(gaps), dtype=bool)].min() > 0.75 * 0.3
    far = np.sort(np.linalg.norm(points[:, None] - cells.seeds[None], axis=2), axis=1)
    assert np.allclose(cells.first, far[:, 0], atol=2e-3)
    assert np.allclose(cells.second, far[:, 1], atol=2e-3)


def test_smoothing_averages_a_vertex_with_its_neighbours() -> None:
    faces = np.array([[0, 1, 2]])
    values = np.array([[0.0], [3.0], [6.0]])
    # In a lone triangle each vertex meets each of the others twice, once per edge of the face.
    assert smoothed(values, faces, 1)[:, 0] == pytest.approx([3.0, 3.0, 3.0])
    assert smoothed(np.full((3, 2), 0.4), faces, 3) == pytest.approx(0.4)


def test_hue_saturation_value_are_those_of_the_standard_library() -> None:
    rgb = np.random.default_rng(0).random((200, 3))
    expected = np.array([colorsys.rgb_to_hsv(*c) for c in rgb])
    hue, saturation, value = colors.hsv(rgb)
    assert np.allclose((hue / 360) % 1, expected[:, 0])
    assert np.allclose(saturation, expected[:, 1])
    assert np.allclose(value, expected[:, 2])


def test_colours_must_be_there_in_their_shares() -> None:
    red, white = np.array([[0.8, 0.1, 0.1]]), np.array([[0.95, 0.95, 0.95]])
    half = np.concatenate([red.repeat(50, 0), white.repeat(50, 0)])
    assert colors.colors_fit("stripes", half)
    assert not colors.colors_fit("stripes", np.concatenate([red.repeat(90, 0), white.repeat(10, 0)]))
    assert not colors.colors_fit("zigzag", half)
    assert not colors.colors_fit("mosaic", half)
    many = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.1, 0.2, 0.8]])
    assert colors.colors_fit("mosaic", many)


def test_bands_have_one_direction_a_chessboard_two_and_noise_none() -> None:
    y, x = grid()
    bands, board = flat(1.0 * (y // 8 % 2)), flat(1.0 * ((y // 8 + x // 8) % 2))
    masks = FULL[None]
    assert checks.order(bands, masks, 64, 2) == pytest.approx(1, abs=0.01)
    assert checks.order(board, masks, 64, 2) < 0.15
    assert checks.order(board, masks, 64, 4) > 0.6
    assert checks.order(flat(noise(0, 2)), masks, 64, 4) < 0.2


@pytest.mark.parametrize("period", [10, 16, 24])
def test_what_recurs_is_told_from_what_does_not(period: int) -> None:
    y, x = grid()
    waves = 0.5 + 0.5 * np.sin(2 * np.pi * (0.8 * x + 0.6 * y) / period)
    # The correlation of a sine is a cosine: it climbs from -1 back to 1.
    assert checks.recurrence(flat(waves), FULL[None], 64) == pytest.approx(2, abs=0.15)
    blotches = np.concatenate([flat(noise(seed, period // 4)) for seed in range(8)])
    assert checks.recurrence(blotches, FULL[None].repeat(8, 0), 64) < 0.3
    assert checks.recurrence(flat(0 * waves), FULL[None], 64) == 0


@pytest.mark.parametrize("name", ["stripes", "brick", "checks"])
def test_a_drawing_passes_and_the_same_colours_in_blotches_do_not(name: str) -> None:
    mesh = vase()
    color = np.clip(paint(name, mesh, np.random.default_rng(4))[0], 0, 1)
    true = look(mesh, color)
    fake = look(mesh, imitation(mesh, color, np.random.default_rng(5), sharp=True))
    assert checks.structure_fits(name, true.close, true.close_masks)
    assert not checks.structure_fits(name, fake.close, fake.close_masks)
    assert checks.structure_fits("gold", true.close, true.close_masks) is None
    assert colors.colors_fit(name, true.surface_colors())


def test_an_imitation_keeps_the_colours() -> None:
    mesh = vase()
    color = np.clip(paint("stripes", mesh, np.random.default_rng(4))[0], 0, 1)
    fake = imitation(mesh, color, np.random.default_rng(5), sharp=False)
    assert fake.mean(0) == pytest.approx(color.mean(0), abs=0.02)
    assert np.abs(fake - color).mean() > 0.1


def test_saturation_counts_vertices_without_gradient_left() -> None:
    assert checks.saturated(np.array([[1.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.3, 0.3, 0.3], [0.0, 0.0, 0.0]])) == 0.5


def test_ranks_leave_distractors_out() -> None:
    scores = torch.zeros(len(CLASSES))
    scores[CLASSES.index("plain")] = 9.0
    scores[NAMES.index("wood")] = 5.0
    scores[NAMES.index("brick")] = 4.0
    assert (rank_of("wood", scores), rank_of("brick", scores)) == (1, 2)
    assert set(DISTRACTORS).isdisjoint(NAMES)


def test_pictures_of_all_classes_come_with_their_numbers() -> None:
    pictures, classes = draw_pictures(2, 5)
    assert pictures.shape == (6, SIZE, SIZE, 3)
    assert classes.tolist() == [0, 0, 0, 1, 1, 1]
    assert (draw_pictures(2, 5)[0] == pictures).all()
    assert (pictures < 250).any(axis=(1, 2, 3)).all()
    scores = verdict(Judge().eval(), pictures)
    assert scores.shape == (len(CLASSES),)


def test_training_goes_on_from_its_file_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    images = torch.rand(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(8)

    def step(training: Training) -> float:
        torch.manual_seed(training.step)  # for the dropout
        return training.take(images, classes, 1e-3)

    whole, first = Training(tmp_path / "whole"), Training(tmp_path / "parts")
    whole.judge.train(), first.judge.train()
    expected = [step(whole) for _ in range(3)]
    found = [step(first)]
    first.save()
    second = Training(tmp_path / "parts")
    second.judge.train()
    found += [step(second), step(second)]
    assert second.step == 3
    assert found == expected


def test_the_table_counts_what_was_found() -> None:
    good = bench_mini.Judgement(1, "brick", colors=True, structure=True, unsaturated=True, own_rank=1)
    poor = bench_mini.Judgement(5, "mottled", colors=True, structure=False, unsaturated=True, own_rank=1)
    plain = bench_mini.Judgement(1, "gold", colors=True, structure=None, unsaturated=True, own_rank=2)
    found = {("vase", "brick"): good, ("horse", "brick"): poor, ("vase", "gold"): plain}
    text = bench_mini.table(found, ["vase", "horse"])
    assert "| a X made of brick | 1, 5 | brick, mottled | yes, yes | yes, no | 1, 1 |" in text
    assert "first of 24: **2 of 3 (67 %)**; vase 2 of 2 (100 %); horse 0 of 1 (0 %)" in text
    assert "structure, where measured 1 of 2" in text
    assert "Second model and all checks: **2 of 3" in text


def test_the_blind_sheet_shows_every_prompt_once() -> None:
    assert sorted(sheets.shuffled(5)) == sorted(NAMES)
    assert sheets.shuffled(5) != list(NAMES)
    cells = {name: np.full((3, 16, 16, 3), 9, np.uint8) for name in NAMES}
    picture = sheets.sheet(cells, NAMES, NAMES)
    assert picture.size == (4 * (3 * 16 + sheets.GAP), 6 * (16 + sheets.CAPTION + sheets.GAP))
