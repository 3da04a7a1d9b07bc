"""The whole engine, with a small random network in the place of CLIP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restyle.errors import BadInputError, RestyleError
from restyle_server.stylize import PRESETS, Step, StylizeOptions, StylizeResult, stylize

SMALL = replace(
    PRESETS["standard"],
    iterations=8,
    views=2,
    width=32,
    frequencies=16,
    depth=1,
    color_depth=1,
    displacement_depth=1,
    learning_rate=5e-3,
    sigma=1.0,
    low_precision=False,
)


def run(mesh: tuple, encoder: object, options: StylizeOptions = SMALL, seed: int = 1, **more: object) -> StylizeResult:
    return stylize(*mesh, "a red ball", encoder, options, seed=seed, **more)


def test_result_has_the_promised_form(ball: tuple, encoder: object) -> None:
    result = run(ball, encoder)
    count = len(ball[0])
    assert (result.colors.shape, result.colors.dtype) == ((count, 3), np.float32)
    assert (result.displacement.shape, result.displacement.dtype) == ((count,), np.float32)
    assert (result.offset.shape, result.offset.dtype) == ((count, 3), np.float32)
    assert 0 <= result.colors.min() <= result.colors.max() <= 1
    assert np.abs(result.displacement).max() <= SMALL.displacement_limit * 1.01
    assert len(result.history) == SMALL.iterations
    np.testing.assert_allclose(result.offset, result.displacement[:, None] * ball[0], atol=0.01)


def test_prompt_decides_the_colour(ball: tuple, encoder: object) -> None:
    losses: list[float] = []
    options = replace(SMALL, iterations=40)
    for channel, color in enumerate(("red", "green", "blue")):
        losses.clear()
        result = stylize(
            *ball, f"a {color} ball", encoder, options, seed=0, on_step=lambda step: losses.append(step.loss)
        )
        assert result.colors.mean(axis=0).argmax() == channel
        assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_same_seed_same_bits(ball: tuple, encoder: object) -> None:
    first, second, other = run(ball, encoder), run(ball, encoder), run(ball, encoder, seed=2)
    np.testing.assert_array_equal(first.colors, second.colors)
    np.testing.assert_array_equal(first.displacement, second.displacement)
    assert first.history == second.history
    assert np.abs(first.colors - other.colors).max() > 1e-3


def test_scale_and_place_do_not_matter(ball: tuple, encoder: object) -> None:
    """Powers of two and whole numbers keep the arithmetic exact, so that only the scale differs."""
    plain = run(ball, encoder)
    seen: list[np.ndarray] = []
    moved = run((ball[0] * 64.0, ball[1]), encoder, on_step=lambda step: seen.append(step.surface()[1]))
    np.testing.assert_allclose(seen[-1], moved.offset, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(moved.offset, plain.offset * 64.0, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(moved.colors, plain.colors, atol=1e-4)
    far = run((ball[0] + [1000.0, -50.0, 3.0], ball[1]), encoder)
    np.testing.assert_allclose(far.offset, plain.offset, atol=1e-3)


def test_z_up_is_the_same_object_turned(ball: tuple, encoder: object) -> None:
    plain = run(ball, encoder)
    x, y, z = ball[0].T
    turned = run((np.stack([x, -z, y], axis=1), ball[1]), encoder, replace(SMALL, up="z"))
    np.testing.assert_allclose(turned.colors, plain.colors, atol=1e-4)
    np.testing.assert_allclose(turned.offset[:, 2], plain.offset[:, 1], atol=1e-4)


def test_reference_encodes_45_pictures_per_step(ball: tuple, encoder: object) -> None:
    seen: list[int] = []
    run(ball, encoder, replace(PRESETS["reference"], iterations=2, width=16, frequencies=4),
        on_step=lambda _: seen.append(encoder.seen))  # fmt: skip
    assert seen[1] - seen[0] == 45


def test_resumed_run_ends_in_the_same_bits(ball: tuple, encoder: object) -> None:
    saved = []

    def stop_at_half(step: Step) -> None:
        if step.iteration == 4:
            saved.append(step.state())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ball, encoder, on_step=stop_at_half)
    numbers: list[int] = []
    resumed = run(ball, encoder, state=saved[0], on_step=lambda step: numbers.append(step.iteration))
    assert numbers == [5, 6, 7, 8]
    whole = run(ball, encoder)
    np.testing.assert_array_equal(resumed.colors, whole.colors)
    assert resumed.history == whole.history


def test_steps_report_progress_and_draw_and_watching_changes_nothing(ball: tuple, encoder: object) -> None:
    steps: list[Step] = []
    pictures = []

    def watch(step: Step) -> None:
        steps.append(step)
        if step.iteration in (1, 8):
            pictures.append(step.render())
            step.state()

    watched = run(ball, encoder, SMALL, on_step=watch)
    assert [step.iteration for step in steps] == list(range(1, 9))
    assert {step.iterations for step in steps} == {8}
    assert pictures[0].shape == (256, 256, 3)
    assert pictures[0].dtype == np.uint8
    assert (pictures[0] != pictures[1]).any()
    np.testing.assert_array_equal(watched.colors, run(ball, encoder).colors)


def test_colour_alone_comes_first(ball: tuple, encoder: object) -> None:
    never = run(ball, encoder, replace(SMALL, displacement_from=1.0))
    assert not never.displacement.any()
    assert run(ball, encoder, replace(SMALL, displacement_from=0.5)).displacement.any()


def test_stand_in_terms_still_find_the_colour(ball: tuple, encoder: object) -> None:
    options = replace(
        SMALL,
        iterations=25,
        search_start=True,
        contrasts=("a green ball", "a blue ball", "red"),
        contrast_weight=0.1,
        color_penalty=0.1,
        displacement_penalty=0.1,
    )
    result = run(ball, encoder, options)
    assert result.colors.mean(axis=0).argmax() == 0


def test_symmetry_and_standardize(ball: tuple, encoder: object) -> None:
    result = run(ball, encoder, replace(SMALL, symmetry="z", standardize=True, iterations=4))
    mirrored = np.abs(ball[0][:, None] - ball[0][None] * [1, 1, -1]).sum(axis=2).argmin(axis=1)
    np.testing.assert_allclose(result.colors, result.colors[mirrored], atol=1e-5)


CORNER = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]
NASTY = {
    "isolated vertices": ([*CORNER, [0, 0, 9]], [[0, 1, 2]]),
    "degenerate faces": ([*CORNER, [2, 0, 0]], [[0, 1, 2], [0, 1, 3], [1, 1, 1]]),
    "three faces on an edge": ([*CORNER, [-1, 0, 0], [0, 0, 1]], [[0, 2, 1], [0, 2, 3], [0, 2, 4]]),
    "two parts": ([*CORNER, [5, 0, 0], [6, 0, 1], [5, 1, 0]], [[0, 1, 2], [3, 4, 5]]),
    "flat double sheet": (CORNER, [[0, 1, 2], [0, 2, 1]]),
    "tiny and far": ((np.array(CORNER) * 1e-6 + 1e4), [[0, 1, 2]]),
}


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("preset", ["standard", "reference"])
def test_nasty_meshes_come_out_finite(name: str, preset: str, encoder: object) -> None:
    options = SMALL if preset == "standard" else replace(PRESETS["reference"], width=16, frequencies=8)
    vertices, faces = (np.array(part) for part in NASTY[name])
    options, seen = replace(options, iterations=3, azimuth_std=0.3, elevation_std=0.2), []
    result = run((vertices, faces), encoder, options, on_step=lambda step: seen.append(step.surface()[1]))
    for array in (result.colors, result.displacement, result.offset):
        assert np.isfinite(array).all()
    if name == "isolated vertices":
        for offset in (result.offset, seen[-1]):
            assert offset[:3].any()
            assert not offset[3].any(), "nothing was seen of it"


def test_bad_mesh_is_refused(ball: tuple, encoder: object) -> None:
    with pytest.raises(BadInputError, match="faces"):
        run((ball[0], ball[1] + 1), encoder)


def test_encoder_without_gradient_is_noticed_at_once(ball: tuple, encoder: object) -> None:
    encode = encoder.encode_image
    encoder.encode_image = lambda images: encode(images.detach()) + 0 * images.sum()
    with pytest.raises(RestyleError, match=r"No usable gradient .* 'tiny'"):
        run(ball, encoder)


def test_broken_encoder_is_noticed(ball: tuple, encoder: object) -> None:
    encode = encoder.encode_image
    encoder.encode_image = lambda images: encode(images) * (float("nan") if encoder.seen > 40 else 1.0)
    with pytest.raises(RestyleError, match="its loss is nan"):
        run(ball, encoder)


def test_real_meshes(data_dir: object, encoder: object) -> None:
    trimesh = pytest.importorskip("trimesh")
    for name in ("bunny_nonmanifold.ply", "chair2.obj"):
        mesh = trimesh.load(data_dir / "meshes" / name, process=False)
        result = run((np.asarray(mesh.vertices), np.asarray(mesh.faces)), encoder, replace(SMALL, iterations=2))
        assert np.isfinite(result.offset).all()
        assert torch.tensor(result.colors).std() > 0


def test_penalties_hold_to_the_start(ball: tuple, encoder: object) -> None:
    free = run(ball, encoder)
    held = run(ball, encoder, replace(SMALL, color_penalty=100.0, displacement_penalty=100.0))
    assert np.abs(held.colors - 0.5).mean() < 0.3 * np.abs(free.colors - 0.5).mean()
    assert np.abs(held.displacement).mean() < 0.3 * np.abs(free.displacement).mean()
