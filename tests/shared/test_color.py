"""sRGB and scene-linear, against values published with the standard and against each other."""

from __future__ import annotations

import numpy as np

from restyle.color import linear_to_srgb, srgb_to_linear


def test_known_values() -> None:
    # IEC 61966-2-1: 8-bit 188 is linear 0.5 to within half a step, 8-bit 128 is linear 0.2158605.
    assert np.round(linear_to_srgb(np.array(0.5)) * 255) == 188
    np.testing.assert_allclose(
        srgb_to_linear(np.array([0, 10 / 255, 128 / 255, 1.0])), [0, 0.00303527, 0.2158605, 1], rtol=1e-5
    )


def test_round_trip_keeps_shape_and_value() -> None:
    values = np.linspace(0, 1, 300).reshape(100, 3)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=2e-6)


def test_values_outside_the_gamut_are_clipped() -> None:
    assert linear_to_srgb(np.array([-1.0, 2.5])).tolist() == [0.0, 1.0]
