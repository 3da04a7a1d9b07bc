"""Clips: what stands still stays, what moves is followed, what is new is made anew."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from restyle.errors import BadInputError
from restyle_server.analogy.metrics import structure_correlation
from restyle_server.analogy.patch import Guide, PatchOptions, analogy, analogy_frames
from restyle_server.analogy.patch.motion import flicker, motion, trust, warp

Pixels = NDArray[np.uint8]
SMALL = PatchOptions(granularity=16, ratio=0.5, iterations=2, fine_iterations=1)


def noise(height: int, width: int, seed: int, grain: int = 3) -> Pixels:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def tensor(picture: Pixels) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("shift", [(0, 0), (5, -9), (-14, 3)])
def test_motion_finds_a_planted_shift(shift: tuple[int, int]) -> None:
    wide = tensor(noise(200, 210, 0, grain=14))
    before, now = wide[:, 20:180, 20:190], wide[:, 20 + shift[0] : 180 + shift[0], 20 + shift[1] : 190 + shift[1]]
    flow = motion(before, now)
    inside = flow[:, 30:-30, 30:-30].flatten(1)
    assert (inside == torch.tensor(shift)[:, None]).all(dim=0).float().mean() > 0.97
    assert trust(before, now, flow)[:, 30:-30, 30:-30].mean() > 0.97
    torch.testing.assert_close(warp(before, flow)[:, 30:50, 30:50], now[:, 30:50, 30:50], atol=0.05, rtol=0)


def test_a_standing_frame_gives_the_same_bits() -> None:
    frame = noise(40, 48, 0, grain=6)
    results = list(analogy_frames([frame] * 3, noise(40, 40, 1, grain=5), SMALL))
    assert np.array_equal(results[0].picture, results[1].picture)
    assert np.array_equal(results[0].field, results[2].field)


def test_the_first_frame_and_a_cut_are_as_alone() -> None:
    frames, appearance = [noise(40, 48, seed, grain=6) for seed in (0, 5)], noise(40, 40, 1, grain=5)
    results = analogy_frames(frames, appearance, SMALL)
    for frame, result in zip(frames, results, strict=True):
        assert np.array_equal(result.picture, analogy(frame, appearance, SMALL).picture)


def halves(share: float) -> Pixels:
    """Dark on the left and bright on the right at 0, dark above and bright below at 1, with a blend between."""
    y, x = np.mgrid[:40, :48]
    grey = 90 + 76 * ((1 - share) * (x >= 24) + share * (y >= 20))
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def test_slow_change_is_not_missed() -> None:
    # No step between frames is large enough by itself to be distrusted.
    frames = [halves(share) for share in np.linspace(0, 1, 13)]
    appearance = noise(40, 40, 1, grain=5) // 4
    appearance[:, :20] += 150
    results = list(analogy_frames(frames, appearance, SMALL))
    reached = [structure_correlation(tensor(results[-1].picture), tensor(frames[number])) for number in (0, -1)]
    assert reached[1] > reached[0] + 0.1


@pytest.mark.parametrize("alignment", ["matched", "covariance"])
def test_a_run_that_ended_in_the_middle_goes_on_to_the_same_bits(tmp_path: Path, alignment: str) -> None:
    wide = noise(40, 80, 0, grain=6)
    frames = [wide[:, 3 * number : 3 * number + 48] for number in range(5)]
    appearance, options = noise(40, 40, 1, grain=5), replace(SMALL, color_alignment=alignment, noise=0.3)
    whole = list(analogy_frames(frames, appearance, options, seed=3))
    save_file(whole[2].state(), tmp_path / "state")
    again = list(analogy_frames(frames[3:], appearance, options, seed=3, state=load_file(tmp_path / "state")))
    assert len(again) == 2
    for before, after in zip(whole[3:], again, strict=True):
        assert np.array_equal(before.picture, after.picture)
        assert np.array_equal(before.field, after.field)
    # The state matters: a run that begins with these frames gives others.
    assert not np.array_equal(next(analogy_frames(frames[3:], appearance, options, seed=3)).picture, again[0].picture)
    assert again[-1].state()["frames"] == 5


def labelled(red: int) -> Guide:
    """Label 7, which is red matter, in the columns before `red`, and label 2, blue matter, behind."""
    structure = np.where(np.arange(48) < red, 7, 2)[None, :, None].repeat(40, axis=0).astype(np.float32)
    appearance = np.where(np.arange(40) < 20, 7, 2)[:, None, None].repeat(40, axis=1).astype(np.float32)
    return Guide("object", structure, appearance, weight=4.0, labels=True)


def test_where_labels_change_matter_changes_though_the_frames_look_alike() -> None:
    frame, reds = noise(40, 48, 0, grain=6) // 8 + 100, [12, 36, 36, 20]
    appearance = noise(40, 40, 1, grain=5) // 4
    appearance[:20, :, 0] += 150
    appearance[20:, :, 2] += 150
    results = list(analogy_frames([frame] * 4, appearance, SMALL, guides=lambda number: [labelled(reds[number])]))
    alone = {red: analogy(frame, appearance, SMALL, guides=(labelled(red),)) for red in set(reds)}
    for red, result in zip(reds, results, strict=True):
        pictures = (result.picture, alone[red].picture)
        together, best = (((p[..., 0] > p[..., 2]) == (np.arange(48) < red)).mean() for p in pictures)
        assert together > best - 0.07, red
    assert np.array_equal(results[1].picture, results[2].picture), "where they stay, all stays"


def test_frames_of_other_sizes_are_named() -> None:
    frames = analogy_frames([noise(30, 30, 0), noise(30, 32, 0)], noise(30, 30, 1), SMALL)
    next(frames)
    with pytest.raises(BadInputError, match="frame 1 is 32 x 30 px"):
        next(frames)


@pytest.mark.parametrize("name", ["toy_elf", "chaplin"])
def test_a_real_clip_flickers_at_most_half_as_much_and_follows_as_well(data_dir: Path, name: str) -> None:
    av = pytest.importorskip("av")
    frames = []
    with av.open(str(data_dir / "videos" / f"{name}.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= 20:
                frames.append(np.asarray(frame.to_image().resize((72, 45), Image.Resampling.LANCZOS)))
            if len(frames) == 4:
                break
    with Image.open(next((data_dir / "images").glob("pair05_b.*"))) as image:
        appearance = np.asarray(image.convert("RGB").resize((60, 60), Image.Resampling.LANCZOS))
    alone = [tensor(analogy(frame, appearance, SMALL).picture) for frame in frames]
    together = [tensor(result.picture) for result in analogy_frames(frames, appearance, SMALL)]
    given = [tensor(frame) for frame in frames]
    assert flicker(given, together) <= 0.5 * flicker(given, alone)
    # Without motion compensation, too: judged where the pixel of the clip itself hardly changes.
    still = [((b - a).abs().amax(dim=0) < 0.02) for a, b in pairwise(given)]
    plain = [
        sum(float((b - a).abs().mean(dim=0)[where].sum()) for (a, b), where in zip(pairwise(made), still, strict=True))
        for made in (together, alone)
    ]
    assert plain[0] <= 0.5 * plain[1]
    follows = [
        sum(structure_correlation(a, b) for a, b in zip(made, given, strict=True)) / 4 for made in (together, alone)
    ]
    assert follows[0] > follows[1] - 0.05
