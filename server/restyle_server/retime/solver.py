"""A smooth curve near a wanted one, within bounds and with a total that is exact: a banded quadratic programme.

    minimise    1/2 sum_t w_t (x_t - d_t)^2  +  1/2 sum_t a_t (x_{t+1} - x_t)^2      subject to  low <= x <= high
    and         sum_t measure(x_t) = total

SpeedNet's E_speed + alpha E_smooth (Benaim et al. 2020, section 5) with its E_rate as a condition: the Lagrangian adds
-lambda sum_t x_t, so for a given lambda what is left is a bounded problem with a tridiagonal matrix. Its solution grows
with lambda in every frame (the matrix is an M-matrix), so lambda is the one root of a monotone function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dptsv

Curve = NDArray[np.float64]
Mask = NDArray[np.bool_]
Measure = Callable[[Curve], tuple[Curve, Curve]]  # what each value adds to the total, and the derivative of that

EXACT = 1e-10  # of the total
SAME = 1e-13  # of the largest value
ARMIJO = 1e-4
GUESSES = 15
MAX_STEPS = 200


@dataclass(frozen=True)
class Problem:
    """What is minimised, over T frames.

    wanted, weight: (T,), d and w > 0. smooth: (T - 1,), a >= 0; 0 where nothing links two frames, as at a cut.
    low, high: (T,), bounds; equal where a value is given.
    """

    wanted: Curve
    weight: Curve
    smooth: Curve
    low: Curve
    high: Curve


def itself(x: Curve) -> tuple[Curve, Curve]:
    """The measure of slowness, whose sum is the number of output frames."""
    return x, np.ones_like(x)


def inverse(x: Curve) -> tuple[Curve, Curve]:
    """The measure of speed: each source frame takes 1 / S output frames."""
    return 1 / x, -1 / x**2


def solve(problem: Problem, total: float, measure: Measure = itself) -> Curve:
    """The minimiser (T,) whose measures add up to `total`, which must lie between those of the two bounds.

    Newton's method on lambda, kept between the closest values that are known to be too small and too large.
    """
    system = _System(problem)
    falling = measure(problem.low)[0].sum() > measure(problem.high)[0].sum()
    multiplier, x = _guess(system, total, measure)
    stride = 1.0
    bounds = [-np.inf, np.inf]
    for _ in range(MAX_STEPS):
        x, slope = minimise(system, multiplier, x)
        values, derivatives = measure(x)
        miss = values.sum() - total
        if abs(miss) <= EXACT * total:
            break
        bounds[int((miss > 0) != falling)] = multiplier
        change = _dot(derivatives, slope)
        proposed = multiplier - miss / change if abs(change) > 1e-12 * total else np.inf
        if bounds[0] < proposed < bounds[1]:
            multiplier = proposed
        elif np.isfinite(bounds).all():
            multiplier = (bounds[0] + bounds[1]) / 2
            if multiplier in bounds:
                break  # two neighbouring numbers: nearer is not possible
        else:
            stride *= 4
            multiplier += stride if np.isinf(bounds[1]) else -stride
    return x


class _System:
    """The matrix diag(w) + (Laplacian of the path, weighted by a), and the memory in which it is solved.

    At 100,000 frames fresh memory for every array would cost more than the arithmetic.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.linear = problem.weight * problem.wanted
        self.fixed = problem.low == problem.high
        frames = len(problem.wanted)
        self._diagonal = problem.weight.copy()
        self._diagonal[:-1] += problem.smooth
        self._diagonal[1:] += problem.smooth
        self._solving = np.empty(frames), np.empty(max(frames - 1, 0))
        self._right = np.empty((frames, 2), order="F")
        self._pull = np.empty(max(frames - 1, 0))
        self.scratch = np.empty(frames), np.empty(frames)

    def gradient(self, x: Curve, multiplier: float, out: Curve) -> Curve:
        """That of the objective without bounds: the matrix times x, less w d + lambda."""
        self.times(x, out)
        out -= self.linear
        out -= multiplier
        return out

    def times(self, x: Curve, out: Curve) -> Curve:
        """The matrix times x."""
        np.multiply(self._diagonal, x, out=out)
        smooth, pull = self.problem.smooth, self._pull
        out[:-1] -= np.multiply(smooth, x[1:], out=pull)
        out[1:] -= np.multiply(smooth, x[:-1], out=pull)
        return out

    def solve_free(self, x: Curve, held: Mask) -> tuple[Curve, Curve]:
        """The minimiser over the values that are not held, for lambda 0, and its derivative by lambda (0 where held).

        Both are views that the next call overwrites. Rows and columns of held values are those of the identity.
        """
        diagonal, between = self._solving
        np.copyto(diagonal, self._diagonal)
        np.negative(self.problem.smooth, out=between)
        aim, slope = self._right[:, 0], self._right[:, 1]
        known = self.scratch[0]
        np.multiply(x, held, out=known)
        np.copyto(aim, self.linear)
        aim[:-1] += np.multiply(self.problem.smooth, known[1:], out=self._pull)
        aim[1:] += np.multiply(self.problem.smooth, known[:-1], out=self._pull)
        np.copyto(aim, x, where=held)
        np.logical_not(held, out=slope, casting="unsafe")
        np.copyto(diagonal, 1.0, where=held)
        np.copyto(between, 0.0, where=held[:-1] | held[1:])
        if len(x) == 1:
            return aim / diagonal, slope / diagonal
        *_, solved, failed = dptsv(diagonal, between, self._right, overwrite_d=1, overwrite_e=1, overwrite_b=1)
        if failed:
            raise ArithmeticError(f"the system of {len(x)} frames is not positive definite in row {failed}")
        return solved[:, 0], solved[:, 1]


def _guess(system: _System, total: float, measure: Measure) -> tuple[float, Curve]:
    """Lambda and x after a few steps of Newton's method on both at once: mostly there, but it may also run in circles.

    Primal-dual active sets (Hintermueller, Ito, Kunisch 2003): what left its bounds is held there next, what is held
    but pulls inwards is let go.
    """
    low, high = system.problem.low, system.problem.high
    x = np.clip(system.problem.wanted, low, high)
    held, multiplier = system.fixed, 0.0
    for _ in range(GUESSES):
        aim, slope = system.solve_free(x, held)
        values, derivatives = measure(x)
        change = _dot(derivatives, slope)
        if change == 0:
            break
        multiplier = (total - float(values.sum()) - _dot(derivatives, aim - x)) / change
        slope *= multiplier
        aim += slope
        gradient = system.gradient(aim, multiplier, system.scratch[1])
        presses = np.where(aim <= low, gradient > 0, gradient < 0)
        next_held = np.where(held, presses, (aim < low) | (aim > high)) | system.fixed
        np.clip(aim, low, high, out=x)
        if np.array_equal(held, next_held) and abs(measure(x)[0].sum() - total) <= EXACT * total:
            break
        held = next_held
    return multiplier, x


def minimise(system: _System, multiplier: float, start: Curve) -> tuple[Curve, Curve]:
    """The minimiser for a given lambda, and its derivative by lambda, both (T,).

    Projected Newton steps (Bertsekas 1982): values that press against a bound are held there, the others are solved for
    in one tridiagonal system. Each step lowers the objective, so that no set of held values comes twice.
    """
    low, high = system.problem.low, system.problem.high
    x, held_before = start, None
    slope = np.zeros_like(x)
    for _ in range(MAX_STEPS):
        gradient = system.gradient(x, multiplier, system.scratch[1])
        held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)) | system.fixed
        if held_before is not None and np.array_equal(held, held_before):
            break
        before = x
        aim, slope = system.solve_free(x, held)
        x, whole = _step(system, x, aim + multiplier * slope, gradient)
        if whole and np.abs(x - before).max() <= SAME * np.abs(x).max():
            break  # values at a bound by chance would be held and let go in turn
        held_before = held if whole else None
    return x, slope


def _step(system: _System, x: Curve, aim: Curve, gradient: Curve) -> tuple[Curve, bool]:
    """As far towards `aim` as lowers the objective enough, and whether no bound was in the way."""
    low, high = system.problem.low, system.problem.high
    if (aim >= low).all() and (aim <= high).all():
        return aim, True
    for halvings in range(60):
        tried = np.clip(x + (aim - x) * 0.5**halvings, low, high)
        move = tried - x
        # The objective is quadratic: its change is exact, without the difference of two large numbers.
        slope = _dot(gradient, move)
        if slope + 0.5 * _dot(move, system.times(move, system.scratch[0])) <= ARMIJO * slope:
            return tried, False
    return x, False


def _dot(one: Curve, other: Curve) -> float:
    """The scalar product on one thread: BLAS would wake them all, and have them spin, for a tenth of a millisecond."""
    return float(np.einsum("t,t->", one, other))
