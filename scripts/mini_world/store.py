"""Pictures of the world on disk: a memory-mapped array and the scene records beside it, extended as asked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .scene import SCENE

SIZE = 96
CHUNK = 2000
Draw = Callable[[int, int], np.ndarray]


def extend(folder: Path, name: str, count: int, seed: int, draw: Draw) -> None:
    """Render until `count` pictures (rounded up to whole chunks) exist; a second call goes on where the first stopped.

    Chunk k is draw(CHUNK, seed + k), so the pictures do not depend on how the work was split.
    """
    from .tracer import render_all  # numba compiles for half a minute; reading the store must not wait for that

    folder.mkdir(parents=True, exist_ok=True)
    chunk_bytes = CHUNK * SIZE * SIZE * 3
    pictures_path, scenes_path = folder / f"{name}.pictures", folder / f"{name}.scenes"
    done = scenes_path.stat().st_size // (CHUNK * SCENE.itemsize) if scenes_path.exists() else 0
    with pictures_path.open("r+b" if done else "wb") as pictures, scenes_path.open("r+b" if done else "wb") as records:
        for chunk in range(done, -(-count // CHUNK)):
            scenes = draw(CHUNK, seed + chunk)
            out = np.empty((CHUNK, SIZE, SIZE, 3), np.uint8)
            render_all(scenes, out)
            pictures.seek(chunk * chunk_bytes)
            pictures.write(out.tobytes())
            pictures.flush()
            # The records are written last: they say how many pictures are complete.
            records.seek(chunk * CHUNK * SCENE.itemsize)
            records.write(scenes.tobytes())
            records.flush()
            print(f"{name}: {(chunk + 1) * CHUNK} pictures", flush=True)


def exists(folder: Path, name: str) -> bool:
    """Tell whether a part of the world is there."""
    return (folder / f"{name}.scenes").exists()


def load(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures (N, 96, 96, 3) uint8, memory-mapped, and their scene records (N,)."""
    scenes = np.fromfile(folder / f"{name}.scenes", SCENE)
    pictures = np.memmap(folder / f"{name}.pictures", np.uint8, "r", shape=(len(scenes), SIZE, SIZE, 3))
    return pictures, scenes
