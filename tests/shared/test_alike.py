"""Moments that are alike are found, whatever all clips share, and none shows a frame twice."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.alike import likenesses, similar
from restyle.kinds.curve import Curve

RANDOM = np.random.default_rng(0)


def clip(count: int, fps: float = 25.0) -> Curve:
    """Windows of 16 frames, every 8 frames, whose features share a mean and one that is far larger than the others."""
    first = np.arange(count) * 8.0
    vectors = RANDOM.normal(5, 1, (count, 16)) * np.where(np.arange(16) == 3, 1000, 1)
    return Curve({"first": first, "last": first + 15, "vectors": vectors.astype(np.float32)}, fps)


def plant(one: Curve, window: int, other: Curve, place: int) -> None:
    other.series["vectors"][place] = one.series["vectors"][window] + RANDOM.normal(0, 0.05, 16)


def test_the_most_alike_windows_of_clips_are_named() -> None:
    clips = [clip(20), clip(1100), clip(30, 50.0), clip(9), clip(9)]
    plant(clips[1], 1030, clips[2], 4)  # behind the first that are compared at a time
    found = likenesses(clips)
    assert [len(matches) for matches in found] == [3] * 5
    assert all(match.clip != number for number, matches in enumerate(found) for match in matches)
    for one, other in ((1, 2), (2, 1)):
        best = found[one][0]
        assert best.clip == other
        assert best.score > 0.99 > 0.9 > found[one][1].score
        seconds = {1: 1030 * 8 / 25, 2: 4 * 8 / 50}
        assert (best.at, best.there) == pytest.approx((seconds[one], seconds[other]))
    assert likenesses(clips[:1]) == [[]]


def test_matches_show_no_frame_twice_and_come_best_first() -> None:
    clips = [clip(50), clip(50)]
    plant(clips[0], 20, clips[0], 21)  # shows frames that window 20 shows too
    plant(clips[0], 20, clips[0], 40)
    plant(clips[0], 20, clips[1], 20)
    matches = similar(clips, 0, 20, 12)
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert {(match.clip, round(match.there * 25 / 8)) for match in matches[:2]} == {(0, 40), (1, 20)}
    shown = [(0, 20.0), *((match.clip, match.there * 25 / 8) for match in matches)]
    assert len(matches) == 12
    assert all(a[0] != b[0] or abs(a[1] - b[1]) >= 2 for a in shown for b in shown if a is not b)
    assert {match.clip for match in similar(clips, 0, 20, 5, elsewhere=True)} == {1}
    assert len(similar(clips[:1], 0, 20, 1000)) < 50
