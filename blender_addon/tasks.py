"""A job as the extension follows it: what was asked, for which object, and how far it is. Also on disk, until it ended.

A task outlives the session: its record (JSON and the mesh's arrays) lies in the extension's own folder until the result
is on an object or was discarded, so that a Blender that crashed finds its results again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .restyle.errors import RestyleError
from .restyle.jobs import declaration

if TYPE_CHECKING:
    from .meshes import Snapshot
    from .restyle import Event, Result

LABEL_LENGTH = 60


class State(Enum):
    """Where a task stands; the value is what the panel says."""

    SENDING = "Sending"
    QUEUED = "Waiting for the server"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    READY = "The result is ready"
    BLOCKED = "The result has no place to go"
    APPLIED = "Done"
    CANCELLED = "Cancelled"
    FAILED = "Failed"


ENDED = (State.APPLIED, State.CANCELLED, State.FAILED)
UNDER_WAY = (State.SENDING, State.QUEUED, State.RUNNING, State.CANCELLING)


@dataclass(frozen=True)
class Target:
    """The object that a result is for, without a reference to it: references die with undo and with the file.

    session_uid: survives undo and renaming, and means nothing once a file was loaded, which `loads` counts.
    """

    name: str
    file: str
    session_uid: int = 0
    loads: int = -1

    def find(self, loads: int) -> bpy.types.Object | None:
        """The object, if it is still in a scene; `loads` is the number of files loaded by now."""
        if self.loads == loads:
            found = next((obj for obj in bpy.data.objects if obj.session_uid == self.session_uid), None)
        elif self.file == bpy.data.filepath:
            found = bpy.data.objects.get(self.name)
        else:
            found = None
        return found if found is not None and found.type == "MESH" and found.users_scene else None


@dataclass
class Task:
    """One job: the request, which never changes, and what is known about its progress.

    texts: its text inputs by name. before: the mesh as it was sent; None if a task was fetched by its id alone.
    why: the reason for being blocked or failed, with the next step.
    """

    id: str
    job: str
    texts: Mapping[str, str]
    parameters: Mapping[str, Any]
    target: Target | None
    before: Snapshot | None
    state: State = State.SENDING
    fraction: float = 0.0
    message: str = ""
    why: str = ""
    warnings: list[str] = field(default_factory=list)
    result: Result | None = None
    earlier: bool = False  # submitted before this session, so that nobody expects it to change the scene by itself
    error: RestyleError | None = None

    @property
    def label(self) -> str:
        """What an artist knows the task by: its prompt, or its job."""
        text = next(iter(self.texts.values()), declaration(self.job).title)
        return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"

    def take(self, event: Event) -> None:
        """Learn from one event of the job."""
        if event.type == "state" and self.state is not State.CANCELLING:
            state = event.data.get("state")
            self.state = {"queued": State.QUEUED, "running": State.RUNNING}.get(str(state), self.state)
        elif event.type == "progress":
            self.fraction = float(event.data.get("fraction", self.fraction))
            self.message = str(event.data.get("message", ""))
        elif event.type == "warning" and event.data.get("message") not in self.warnings:
            self.warnings.append(str(event.data.get("message")))

    def recipe(self) -> dict[str, Any]:
        """How the result was made, as plain data: enough to make it again."""
        report = self.result.outputs.get("report", {}) if self.result else {}
        return {
            "label": self.label,
            "job": self.job,
            "job_id": self.id,
            "texts": dict(self.texts),
            "parameters": dict(self.parameters),
            "warnings": list(self.warnings),
            "model": report.get("model"),
            "stand_in": report.get("stand_in", False),
            "device": report.get("device"),
            "seconds": report.get("seconds"),
            "blender": bpy.app.version_string,
        }


def save(folder: Path, task: Task) -> None:
    """Write the task's record; called before the job is sent."""
    import numpy as np

    record = {
        "id": task.id,
        "job": task.job,
        "texts": dict(task.texts),
        "parameters": dict(task.parameters),
        "name": task.target.name if task.target else "",
        "file": task.target.file if task.target else "",
        "pid": os.getpid(),
    }
    if task.before is not None:
        with (folder / f"{task.id}.npz").open("wb") as file:
            np.savez(file, positions=task.before.positions, corners=task.before.corners, starts=task.before.starts)
    temporary = folder / f"{task.id}.part"
    temporary.write_text(json.dumps(record))
    temporary.replace(folder / f"{task.id}.json")


def load(path: Path) -> tuple[Task, int]:
    """The task of a record and the process that wrote it; ValueError if the record is damaged."""
    import numpy as np

    from .meshes import Snapshot

    try:
        record = json.loads(path.read_text())
        task = Task(
            record["id"],
            record["job"],
            record["texts"],
            record["parameters"],
            Target(record["name"], record["file"]),
            None,
            state=State.QUEUED,
            earlier=True,
        )
        declaration(task.job)
        arrays = path.with_suffix(".npz")
        if arrays.exists():
            with np.load(arrays, allow_pickle=False) as stored:
                before = Snapshot(stored["positions"], stored["corners"], stored["starts"])
            task = replace(task, before=before)
        return task, int(record["pid"])
    except (KeyError, TypeError, RestyleError) as error:
        raise ValueError(f"{path.name} is not a record of a task: {error}") from error


def delete(folder: Path, task_id: str) -> None:
    """Remove the task's record."""
    for suffix in ("json", "npz", "part"):
        (folder / f"{task_id}.{suffix}").unlink(missing_ok=True)
