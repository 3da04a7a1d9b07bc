"""Scalar noise functions for the sphere tracer, compiled by numba.

Value noise and cellular noise (Worley, "A cellular texture basis function", SIGGRAPH 1996) on integer hashes.
"""

import hashlib
import tempfile
from collections.abc import Callable
from math import floor, sqrt
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import njit

_SOURCES = b"".join(source.read_bytes() for source in sorted(Path(__file__).parent.glob("*.py")))
# numba's own cache does not see that a function called from another file has changed, so every state has its own.
numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
    Path(tempfile.gettempdir()) / f"mini_world_{hashlib.sha256(_SOURCES).hexdigest()[:16]}"
)

Function = TypeVar("Function", bound=Callable[..., Any])
Scene = Any  # a record of scene.SCENE, whose fields numba reads as attributes


def jit(function: Function) -> Function:
    """Compile a function with numba, and keep the compiled code for the next run."""
    return cast(Function, njit(fastmath=True, cache=True, nogil=True, error_model="numpy")(function))


def parallel_jit(function: Function) -> Function:
    """Compile a function whose `prange` loops run over all cores."""
    return cast(Function, njit(parallel=True, fastmath=True, cache=True, error_model="numpy")(function))


@jit
def cell_hash(x: int, y: int, z: int, seed: int) -> float:
    """Return a repeatable pseudo-random number in [0, 1) for an integer cell."""
    h = (x * 374761393 + y * 668265263 + z * 1440662683 + seed * 974634721) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((h ^ (h >> 15)) & 0xFFFFFF) / 16777216.0


@jit
def smoothstep(a: float, b: float, x: float) -> float:
    """Return the cubic step from 0 at `a` to 1 at `b`."""
    t = min(max((x - a) / (b - a), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@jit
def value_noise(x: float, y: float, z: float, seed: int) -> float:
    """Return value noise in [0, 1] with one lattice cell per unit length."""
    fx, fy, fz = floor(x), floor(y), floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for dz in range(2):
        wz = w if dz else 1 - w
        for dy in range(2):
            wy = v if dy else 1 - v
            a = cell_hash(i, j + dy, k + dz, seed)
            b = cell_hash(i + 1, j + dy, k + dz, seed)
            total += wz * wy * (a + (b - a) * u)
    return total


@jit
def fractal_noise(x: float, y: float, z: float, octaves: int, seed: int) -> float:
    """Return a sum of octaves of value noise, normalised to [0, 1]."""
    total, amplitude, weight = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total += amplitude * value_noise(x, y, z, seed + octave)
        weight += amplitude
        amplitude *= 0.5
        x, y, z = x * 2.03 + 11.3, y * 2.03 + 5.7, z * 2.03 + 3.1
    return total / weight


@jit
def cellular(x: float, y: float, z: float, jitter: float, seed: int) -> tuple[float, float, float]:
    """Return the distances to the nearest and second nearest feature point, and the nearest one's random number."""
    i, j, k = floor(x), floor(y), floor(z)
    first, second, identity = 9.0, 9.0, 0.0
    for dz in range(-1, 2):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                a, b, c = i + dx, j + dy, k + dz
                px = a + 0.5 + jitter * (cell_hash(a, b, c, seed) - 0.5) - x
                py = b + 0.5 + jitter * (cell_hash(a, b, c, seed + 71) - 0.5) - y
                pz = c + 0.5 + jitter * (cell_hash(a, b, c, seed + 137) - 0.5) - z
                d = px * px + py * py + pz * pz
                if d < first:
                    second, first = first, d
                    identity = cell_hash(a, b, c, seed + 211)
                elif d < second:
                    second = d
    return sqrt(first), sqrt(second), identity


@jit
def cellular2(x: float, y: float, jitter: float, seed: int) -> tuple[float, float, float]:
    """Return the same as `cellular` for points in a plane."""
    i, j = floor(x), floor(y)
    first, second, identity = 9.0, 9.0, 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            a, b = i + dx, j + dy
            px = a + 0.5 + jitter * (cell_hash(a, b, 0, seed) - 0.5) - x
            py = b + 0.5 + jitter * (cell_hash(a, b, 1, seed) - 0.5) - y
            d = px * px + py * py
            if d < first:
                second, first = first, d
                identity = cell_hash(a, b, 2, seed)
            elif d < second:
                second = d
    return sqrt(first), sqrt(second), identity
