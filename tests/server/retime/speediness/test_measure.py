"""Measures against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from restyle_server.retime.speediness import measure


def test_auc_is_the_share_of_right_pairs() -> None:
    rng = np.random.default_rng(0)
    natural, fast = rng.integers(0, 6, 40).astype(float), rng.integers(2, 8, 30).astype(float)
    pairs = [(f > n) + 0.5 * (f == n) for f in fast for n in natural]
    assert measure.auc(natural, fast) == pytest.approx(np.mean(pairs))


def test_balanced_accuracy_counts_the_classes_alike() -> None:
    assert measure.balanced(np.array([-1.0, -1, -1, 1]), np.array([1.0])) == pytest.approx((0.75 + 1) / 2)
    assert measure.balanced(np.zeros(4), np.zeros(9)) == 0.5


def test_whole_windows_are_means_of_windows_that_fit() -> None:
    values = np.random.default_rng(1).normal(size=50)
    for window in (16, 9):
        brute = [values[i : i + window].mean() for i in range(0, 50 - window + 1, measure.HOP)]
        np.testing.assert_allclose(measure.whole_windows(values, window), brute)


def test_scenes_count_alike() -> None:
    right = measure.Windows("long", np.full(1000, -1.0), np.full(1000, 1.0))
    wrong = measure.Windows("short", np.array([1.0]), np.array([-1.0]))
    score = measure.score([right, wrong])
    assert score.accuracy == 0.5
    assert score.auc == 0.5
    assert score.accuracy_interval == (0.0, 1.0)


def test_clips_of_a_scene_are_one_witness_and_empty_scenes_none() -> None:
    parts = [
        measure.Windows("a", np.array([-1.0]), np.array([1.0])),
        measure.Windows("a", np.array([2.0]), np.array([1.0])),
    ]
    parts.append(measure.Windows("b", np.array([-1.0]), np.empty(0)))
    score = measure.score(parts)
    assert list(score.scenes) == ["a"]
    assert score.accuracy == 0.75


def test_bootstrap_matches_the_standard_error_of_a_mean() -> None:
    table = np.random.default_rng(2).normal(size=(200, 1))
    spread = measure.bootstrap(table, 4000).std()
    np.testing.assert_allclose(spread, table.std() / np.sqrt(200), rtol=0.05)


def test_skips_have_their_rate() -> None:
    places = measure.skipped(40_000, 2.0, np.random.default_rng(3))
    np.testing.assert_allclose(len(places), 20_000, rtol=0.02)
    assert np.diff(places).max() > 5


def test_logistic_regression_finds_the_weights_that_made_the_labels() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(20_000, 2)) * [3.0, 0.2] + [5.0, -1.0]
    logits = 0.7 * (x[:, 0] - 5) - 4.0 * (x[:, 1] + 1) + 0.3
    labels = rng.random(len(x)) < 1 / (1 + np.exp(-logits))
    found, logit = measure.logistic(x, labels)
    fitted = logit(x)
    np.testing.assert_allclose(found, [0.7, -4.0, 0.3 - 0.7 * 5 - 4.0], rtol=0.1)
    np.testing.assert_allclose(np.polyfit(logits, fitted, 1), [1.0, 0.0], atol=0.06)


def test_motion_features_grow_with_speed() -> None:
    phase = np.arange(64)[None, None] / 6 - np.arange(80)[:, None, None] * 0.15 + np.arange(48)[None, :, None] / 9
    film = (120 + 80 * np.sin(phase)).astype(np.uint8)
    slow, fast = (measure.motion_features(film, measure.copy_of(80, rate), 16) for rate in (1.0, 2.0))
    # A wave that moves twice as far between frames, small against its length.
    np.testing.assert_allclose((fast.mean(0) - slow.mean(0)), np.log(2), atol=0.1)


def test_scaling_makes_logits_honest_whatever_a_scene_s_length() -> None:
    rng = np.random.default_rng(5)
    judged = []
    for scene, count in (("long", 20_000), ("short", 2000)):
        honest = rng.normal(0, 2, count)
        fast = rng.random(count) < 1 / (1 + np.exp(-honest))
        said = (honest - 1.0) / 0.25  # far too bold, and shifted
        judged.append(measure.Windows(scene, said[~fast], said[fast]))
    np.testing.assert_allclose(measure.scale(judged), (0.25, 1.0), atol=0.06)
    one = measure.scaled(judged[1], (0.25, 1.0))
    np.testing.assert_allclose(one.fast, 0.25 * judged[1].fast + 1.0)


def test_a_source_is_judged_by_the_others() -> None:
    rng = np.random.default_rng(6)
    judged = [
        measure.Windows(str(k), rng.normal(level - 1, 1, 2000), rng.normal(level + 1, 1, 2000))
        for k, level in enumerate([0.0, 0.0, 5.0, 5.0])
    ]
    sources = ["a", "a", "b", "b"]
    # At each source's threshold from the other's films, five off: nothing is told apart, though within clips all is.
    apart = measure.left_out(sources, judged, judged)
    assert apart.accuracy == pytest.approx(0.5, abs=0.01)
    assert apart.auc == pytest.approx(0.921, abs=0.01)  # of normal distributions two spreads apart
    own = [measure.referenced(one) for one in judged]
    assert all(abs(np.median(one.natural)) < 1e-9 for one in own)
    assert measure.left_out(sources, own, own).accuracy == pytest.approx(0.841, abs=0.01)
