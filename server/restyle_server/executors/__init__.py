"""Where jobs run: the scheduler starts, watches and stops them through this one interface."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from restyle.errors import ProtocolError
from restyle.protocol import PAGE_BYTES, take


@dataclass(frozen=True)
class Task:
    """One attempt at a job, as a worker needs it; inputs are described values whose arrays are blobs."""

    job: str
    name: str
    attempt: int
    parameters: dict[str, Any]
    inputs: dict[str, Any]
    folder: Path


@dataclass(frozen=True)
class Report:
    """What an attempt said, or what became of it.

    type: progress, preview, warning: the data of that event. done: {"outputs"}. failed: {"error"}. cancelled.
    lost: {"reason"}, the process died or was killed.
    """

    job: str
    attempt: int
    type: Literal["progress", "preview", "warning", "done", "failed", "cancelled", "lost"]
    data: dict[str, Any] = field(default_factory=dict)


def check_report(kind: str, data: dict[str, Any]) -> None:
    """Raise ProtocolError unless the data of a worker's report have what the store will look for."""
    if kind == "progress":
        if not 0 <= take(data, "fraction", float) <= 1:
            raise ProtocolError("A fraction outside 0 to 1.")
        take(data, "message", str)
    elif kind == "preview":
        take(data, "name", str)
        take(data, "value", dict)
    elif kind == "warning":
        take(data, "message", str)
    elif kind == "done":
        take(data, "outputs", dict)
    elif kind == "failed":
        take(take(data, "error", dict), "code", str)
        take(take(data, "error", dict), "message", str)
    elif kind != "cancelled":
        raise ProtocolError(f"There is no report {kind[:40]!r}.")
    try:
        size = len(json.dumps(data, allow_nan=False))
    except ValueError as error:
        raise ProtocolError(f"A report that is no JSON: {error}.") from error
    if size > PAGE_BYTES:
        raise ProtocolError(f"A report of {size:,} bytes; at most {PAGE_BYTES:,} are kept. Use arrays for long data.")


class Executor(Protocol):
    """Runs tasks in processes that can be killed. All methods but `wake` and `devices` belong to one thread."""

    def devices(self) -> list[dict[str, Any]]:
        """What it runs on: {"id", "name", "state", "problem"?} each; any thread may ask."""
        ...

    def free_device(self) -> str | None:
        """A device that can take a task now."""
        ...

    def problem(self) -> str | None:
        """Why no device will ever take a task, as a sentence for people; None as long as one may."""
        ...

    def start(self, task: Task, device: str) -> None:
        """Begin the task on a device that `free_device` named."""
        ...

    def poll(self, timeout: float) -> list[Report]:
        """What has happened; waits up to `timeout` seconds for something, or until `wake`."""
        ...

    def cancel(self, job: str) -> None:
        """Ask the task to end by itself, and kill it if it has not within the grace time."""
        ...

    def kill(self, job: str) -> None:
        """End the task's process at once."""
        ...

    def wake(self) -> None:
        """Let a `poll` that waits return; any thread may call it."""
        ...

    def close(self) -> None:
        """End all processes."""
        ...
