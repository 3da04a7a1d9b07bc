"""A job as the extension follows it: what was asked, where its result goes, how far it is. Also on disk, until it ends.

A task outlives the session: its record (JSON and the mesh's arrays) lies in the extension's own folder until the result
is in the file or was discarded, so that a Blender that crashed finds its results again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import bpy

from . import strips
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
    """What a result is for, without a reference to it: references die with undo and with the file.

    session_uid: survives undo and renaming, and means nothing once a file was loaded, which `loads` counts. A strip has
    none: it is found by the name of its `scene` and its own.
    start, channel: of a strip, where its first frame was and in which channel.
    ahead: of a strip, how many frames of its content lay before that one, so that a moved strip is followed.
    """

    name: str
    file: str
    session_uid: int = 0
    loads: int = -1
    kind: Literal["OBJECT", "IMAGE", "STRIP"] = "OBJECT"
    scene: str = ""
    start: int = 0
    channel: int = 1
    ahead: int = 0

    def find(self, loads: int) -> Any | None:
        """The object, image or strip, if it is still in use; `loads` is the number of files loaded by now."""
        if self.kind == "STRIP":
            return strips.find(self.scene, self.name) if loads == self.loads or self._same_file() else None
        collection = bpy.data.objects if self.kind == "OBJECT" else bpy.data.images
        if self.loads == loads:
            found = next((item for item in collection if item.session_uid == self.session_uid), None)
        else:
            found = collection.get(self.name) if self._same_file() else None
        if found is not None and self.kind == "OBJECT" and not (found.type == "MESH" and found.users_scene):
            return None
        return found

    def _same_file(self) -> bool:
        return self.file == bpy.data.filepath


@dataclass
class Task:
    """One job: the request, which never changes, and what is known about its progress.

    texts: its text inputs by name. before: the mesh as it was sent; None if there was none, or the task was fetched by
    its id alone. sources: where its pictures came from (see `picks`). why: the reason for being blocked or failed, with
    the next step. arrived: what the link made of the outputs (see `arrivals`).
    """

    id: str
    job: str
    texts: Mapping[str, str]
    parameters: Mapping[str, Any]
    target: Target | None
    before: Snapshot | None
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    state: State = State.SENDING
    fraction: float = 0.0
    message: str = ""
    why: str = ""
    warnings: list[str] = field(default_factory=list)
    result: Result | None = None
    arrived: Mapping[str, Any] = field(default_factory=dict)
    earlier: bool = False  # submitted before this session, so that nobody expects it to change the scene by itself
    error: RestyleError | None = None

    @property
    def label(self) -> str:
        """What an artist knows the task by: its prompt, its pictures, or its job."""
        names = [source["label"] for port, source in self.sources.items() if not port.endswith(("_passes", "_mask"))]
        text = next(iter(self.texts.values()), " in ".join(names) or declaration(self.job).title)
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
            "sources": {port: dict(source) for port, source in self.sources.items()},
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
        "sources": {port: dict(source) for port, source in task.sources.items()},
        "target": asdict(task.target) if task.target else None,
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
        target = record["target"] and replace(Target(**record["target"]), loads=-1)
        asked = [record[name] for name in ("id", "job", "texts", "parameters")]
        task = Task(*asked, target, None, record["sources"], state=State.QUEUED, earlier=True)
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
