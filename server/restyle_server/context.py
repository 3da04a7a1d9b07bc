"""What a job implementation is given: its device, its folders, and how it reports."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from restyle.errors import CancelledError, UsageError
from restyle.kinds import Packed, kind

PROGRESS_INTERVAL = 0.25  # seconds; each report is a commit on disk and a message to every watcher
MAX_TEXT = 2000
MAX_DATA_BYTES = 8192

Report = Callable[[str, dict[str, Any]], None]


class JobContext:
    """The surroundings of one running job.

    device: "cpu" or "cuda:N", as torch names it. scratch: a folder that later attempts of the same job see again, for
    checkpoints. attempt: 1 for the first. models_dir: where downloaded models are.
    """

    def __init__(
        self,
        *,
        device: str,
        scratch: Path,
        attempt: int,
        models_dir: Path,
        report: Report,
        describe: Callable[[Packed], dict[str, Any]],
        cancelled: Callable[[], bool],
    ) -> None:
        self.device = device
        self.scratch = scratch
        self.attempt = attempt
        self.models_dir = models_dir
        self._report = report
        self._describe = describe
        self._cancelled = cancelled
        self._reported = -math.inf

    def progress(self, fraction: float, message: str, **data: Any) -> None:
        """Say how far the job is; calls in quick succession are thinned out to about four per second.

        fraction: 0 to 1. data: further plain values or scalars, such as losses. Raises CancelledError after a cancel.
        """
        self.check_cancelled()
        now = time.monotonic()
        if now - self._reported < PROGRESS_INTERVAL and fraction < 1:
            return
        self._reported = now
        plain = {name: _plain(value) for name, value in data.items()}
        if len(json.dumps(plain)) > MAX_DATA_BYTES:
            raise UsageError(f"progress: more than {MAX_DATA_BYTES} bytes of extra values; use a preview or an output.")
        bounded = min(max(float(fraction), 0.0), 1.0) if math.isfinite(fraction) else 0.0
        self._report("progress", plain | {"fraction": bounded, "message": message[:MAX_TEXT]})

    def preview(self, name: str, kind_name: str, value: Any) -> None:
        """Show an intermediate value; the latest of each name is kept. Raises CancelledError after a cancel."""
        self.check_cancelled()
        shown = kind(kind_name)
        shown.validate(value)
        self._report("preview", {"name": name, "value": self._describe(shown.pack(value))})

    def warn(self, message: str) -> None:
        """Tell the user something that does not stop the job."""
        self._report("warning", {"message": message[:MAX_TEXT]})

    def check_cancelled(self) -> None:
        """Raise CancelledError if somebody asked for the job to end; to be called at least every second or so."""
        if self._cancelled():
            raise CancelledError("The job was cancelled.")


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's own; one that is not finite as None, for which JSON has a word."""
    scalar = value.item() if hasattr(value, "item") else value
    return None if isinstance(scalar, float) and not math.isfinite(scalar) else scalar
