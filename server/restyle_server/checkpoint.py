"""The state of an iterative job on disk, so that a second attempt goes on where the first one died."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

INTERVAL = 10.0  # seconds


class Checkpoint:
    """The latest state in a job's scratch folder.

    fitting: what the state depends on beside the job itself; a state left by an older Restyle is not taken up.
    """

    def __init__(self, folder: Path, fitting: object) -> None:
        key = hashlib.sha256(repr(fitting).encode()).hexdigest()[:16]
        self.path = folder / f"checkpoint-{key}.safetensors"
        self._saved = time.monotonic()

    def save_if_due(self, state: Callable[[], dict[str, NDArray[Any]]]) -> None:
        """Save what `state()` gives, whole or not at all, if the last time is INTERVAL ago."""
        if time.monotonic() - self._saved >= INTERVAL:
            self.save(state)

    def save(self, state: Callable[[], dict[str, NDArray[Any]]]) -> None:
        """Save what `state()` gives, whole or not at all."""
        temporary = self.path.with_suffix(".part")
        save_file(state(), temporary)
        temporary.replace(self.path)
        self._saved = time.monotonic()

    def load(self) -> dict[str, NDArray[Any]] | None:
        """The state that was saved last, if any."""
        return dict(load_file(self.path)) if self.path.exists() else None
