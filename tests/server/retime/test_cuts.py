"""Cuts: planted ones are found to the frame, and what merely looks abrupt is not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restyle_server.retime import cuts, media
from restyle_server.retime.cuts import find_cuts, scores

HEIGHT, WIDTH = 128, 200


def shot(seed: int, frames: int, pan: float = 1.5, *, light: float = 1.0) -> np.ndarray:
    """Blotches of light under a moving camera, (frames, HEIGHT, WIDTH) uint8."""
    random = np.random.default_rng(seed)
    wide = random.normal(0, 1, (HEIGHT, WIDTH + int(pan * frames) + 2))
    spectrum = np.fft.rfft2(wide)
    rows, columns = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.rfftfreq(wide.shape[1])[None]
    smooth = np.fft.irfft2(spectrum * np.exp(-((rows**2 + columns**2) / 0.03**2)), wide.shape)
    picture = 128 + 45 * light * smooth / smooth.std()
    return (
        np.stack([picture[:, (at := int(pan * t)) : at + WIDTH] for t in range(frames)]).clip(0, 255).astype(np.uint8)
    )


def test_planted_cuts_are_found_to_the_frame():
    clip = np.concatenate([shot(1, 40), shot(2, 25, 0.0), shot(3, 60, 6.0), shot(4, 30, 3.0, light=0.3)])
    assert find_cuts(clip) == (40, 65, 125)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch):
    clip = np.concatenate([shot(seed, 13) for seed in range(5)])
    whole = scores(clip)
    for block in (1, 2, 3, 4, 13, 64):
        monkeypatch.setattr(cuts, "BLOCK", block)
        np.testing.assert_allclose(scores(clip), whole, rtol=1e-5)
    assert find_cuts(clip) == (13, 26, 39, 52)


def test_a_flash_is_no_cut():
    clip = shot(1, 60)
    clip[20] = 255
    clip[40:42] = 250
    assert find_cuts(clip) == ()


def test_a_dissolve_fast_movement_and_stillness_are_no_cuts():
    weight = np.linspace(0, 1, 30)[:, None, None]
    dissolve = (shot(1, 30) * (1 - weight) + shot(2, 30) * weight).astype(np.uint8)
    assert find_cuts(dissolve) == ()
    assert find_cuts(shot(5, 40, 18.0)) == ()
    start = np.concatenate([shot(6, 20, 0.0), shot(6, 40, 12.0)])  # the camera sets off at once
    assert find_cuts(start) == ()
    noise = np.random.default_rng(0).normal(8, 2, (50, HEIGHT, WIDTH)).clip(0, 255).astype(np.uint8)
    assert find_cuts(noise) == ()
    assert find_cuts(np.zeros((30, HEIGHT, WIDTH), np.uint8)) == ()


def test_slides_that_follow_each_other_are_cuts():
    clip = np.repeat(np.stack([shot(seed, 1, 0.0)[0] for seed in range(4)]), 20, axis=0)
    assert find_cuts(clip) == (20, 40, 60)


@pytest.mark.parametrize("shape", [(1, 128, 200), (2, 128, 200), (3, 5, 4), (5, 128, 200), (9, 1, 1), (4, 17, 3)])
def test_tiny_clips(shape: tuple[int, int, int]):
    picture = np.random.default_rng(0).integers(0, 99, shape[1:], np.uint8)
    clip = np.repeat(picture[None], shape[0], axis=0)
    assert find_cuts(clip) == ()
    clip[shape[0] // 2] += 1
    assert find_cuts(clip) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("driving_shots", (30, 76, 137, 187, 242)),  # found by eye
        ("nasa_dark", (240,)),  # the other change of shot is a dissolve
        ("butterfly", ()),
        ("chaplin", ()),
        ("toy_elf", ()),
        ("cars_from_above", ()),
    ],
)
def test_real_clips(data_dir: Path, name: str, expected: tuple[int, ...]):
    footage = media.read(data_dir / "videos" / f"{name}.mp4")
    assert find_cuts(footage.greys) == expected
