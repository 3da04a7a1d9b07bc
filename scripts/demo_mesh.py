"""Write the demo's mesh: a vase with a hollow inside, turned on a lathe, dense enough for fine patterns."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import trimesh

# Height and radius along the outside of the vase from the foot to the lip, in units of its height.
PROFILE = [(0.0, 0.20), (0.03, 0.21), (0.15, 0.27), (0.35, 0.34), (0.52, 0.35), (0.68, 0.28), (0.80, 0.18),
           (0.88, 0.15), (0.95, 0.18), (1.0, 0.22)]  # fmt: skip
WALL = 0.02
RINGS, SIDES = 90, 128


def smooth_profile(count: int) -> np.ndarray:
    """(count, 2) radius and height along a smooth curve through PROFILE, equally spaced."""
    heights, radii = np.array(PROFILE).T
    fine = np.linspace(0, 1, 2000)
    # Repeated averaging turns the straight pieces into a curve that keeps both ends.
    radius = np.interp(fine, heights, radii)
    for _ in range(200):
        radius[10:-10] = 0.5 * radius[10:-10] + 0.25 * (radius[:-20] + radius[20:])
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(radius), np.diff(fine)))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, radius), np.interp(at, length, fine)], axis=1)


def vase() -> trimesh.Trimesh:
    """The closed surface: foot, outside, lip and inside."""
    outside = smooth_profile(RINGS)
    inside = outside[RINGS // 2 :: 2][::-1] - (WALL, 0)
    foot = np.stack([np.linspace(0, outside[0, 0], 12, endpoint=False), np.zeros(12)], axis=1)
    floor = np.stack([np.linspace(inside[-1, 0], 0, 12)[1:], np.full(11, inside[-1, 1])], axis=1)
    return trimesh.creation.revolve(np.concatenate([foot, outside, inside, floor]), sections=SIDES)


def main() -> None:
    """Write the mesh to the path given, Y up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    mesh = vase()
    mesh.vertices = mesh.vertices[:, [1, 2, 0]]  # a turn that makes the lathe's axis, Z, point up as Y
    output.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(output)
    print(f"{output}: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces")


if __name__ == "__main__":
    main()
