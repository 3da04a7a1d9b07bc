"""A job as the extension follows it: what was asked, where its result goes, how far it is. Also on disk, until it ends.

A task outlives the session: its record (JSON and the mesh's arrays) lies in the extension's own folder until the result
is in the file or was discarded, so that a Blender that crashed finds its results again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
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
UNNAMED = ("_passes", "_mask", "_attributes")  # inputs that nobody knows a task by


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
    matrix: of an object, its place in the world, 16 numbers row by row, should it be gone when the result is there.
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
    matrix: Sequence[float] = ()

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


@dataclass(frozen=True)
class Companion:
    """A further object of a job that works on several at once.

    before: its mesh as it was sent; None if it shares the mesh of an object before it.
    turned: the axis that pointed up in its own coordinates, if it was turned to be like the first object.
    """

    target: Target
    before: Snapshot | None
    turned: Literal["", "y", "z"] = ""


@dataclass
class Task:
    """One job: the request, which never changes, and what is known about its progress.

    texts: its text inputs by name. before: the mesh as it was sent; None if there was none, or the task was fetched by
    its id alone. others: the objects that were sent with `target`. sources: where its pictures came from (see `picks`).
    why: the reason for being blocked or failed, with the next step. arrived: what the link made of the outputs (see
    `arrivals`).
    """

    id: str
    job: str
    texts: Mapping[str, str]
    parameters: Mapping[str, Any]
    target: Target | None
    before: Snapshot | None
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    others: Sequence[Companion] = ()
    state: State = State.SENDING
    fraction: float = 0.0
    message: str = ""
    why: str = ""
    warnings: list[str] = field(default_factory=list)
    result: Result | None = None
    arrived: Mapping[str, Any] = field(default_factory=dict)
    earlier: bool = False  # submitted before this session, so that nobody expects it to change the scene by itself
    error: RestyleError | None = None
    applied: int = 0  # of several variations, the one that is in the file

    @property
    def label(self) -> str:
        """What an artist knows the task by: its prompt, what it was to look like, its pictures, or its job."""
        named = {port: source for port, source in self.sources.items() if not port.endswith(UNNAMED)}
        joint = " and " if self.before is not None else " in "
        text = next(iter(self.texts.values()), joint.join(source["label"] for source in named.values()))
        own = next((line for line in str(self.parameters.get("object_prompts", "")).splitlines() if line), "")
        text = text or own or declaration(self.job).title
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

    @property
    def variations(self) -> int:
        """How many results there are to choose from; 1 if there was no choice."""
        report = self.result.outputs.get("report", {}) if self.result else {}
        return max(1, len(report.get("variations", ())))

    def recipe(self, variation: int = 1) -> dict[str, Any]:
        """How the result was made, as plain data: enough to make it again; `variation` is the number of one of several.

        That one is then the result of a job of its own, with its own seed.
        """
        report = self.result.outputs.get("report", {}) if self.result else {}
        parameters = dict(self.parameters)
        if self.variations > 1:
            counted = {"seed": parameters.get("seed", 0), "proposal": parameters.get("proposal", 1)}
            parameters |= {name: first + variation - 1 for name, first in counted.items()} | {"variations": 1}
        return {
            "label": self.label,
            "job": self.job,
            "job_id": self.id,
            "variation": variation,
            "texts": dict(self.texts),
            "parameters": parameters,
            "sources": {port: dict(source) for port, source in self.sources.items()},
            "warnings": list(self.warnings),
            "model": report.get("model"),
            "stand_in": report.get("stand_in", False),
            "device": report.get("device"),
            "seconds": report.get("seconds"),
            "detail": report.get("detail"),
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
        "others": [{"target": asdict(other.target), "turned": other.turned} for other in task.others],
        "pid": os.getpid(),
    }
    if arrays := _arrays(task):
        with (folder / f"{task.id}.npz").open("wb") as file:
            np.savez(file, **arrays)
    temporary = folder / f"{task.id}.part"
    temporary.write_text(json.dumps(record))
    temporary.replace(folder / f"{task.id}.json")


def _arrays(task: Task) -> dict[str, Any]:
    """The meshes as they were sent, for the record."""
    sent = [task.before, *(other.before for other in task.others)]
    return {
        f"{name}{number or ''}": getattr(before, name)
        for number, before in enumerate(sent)
        if before is not None
        for name in ("positions", "corners", "starts")
    }


def _snapshot(stored: Mapping[str, Any], number: int) -> Snapshot | None:
    from .meshes import Snapshot

    names = [f"{name}{number or ''}" for name in ("positions", "corners", "starts")]
    return Snapshot(*(stored[name] for name in names)) if names[0] in stored else None


def load(path: Path) -> tuple[Task, int]:
    """The task of a record and the process that wrote it; ValueError if the record is damaged."""
    import numpy as np

    try:
        record = json.loads(path.read_text())
        target = record["target"] and replace(Target(**record["target"]), loads=-1)
        asked = [record[name] for name in ("id", "job", "texts", "parameters")]
        task = Task(*asked, target, None, record["sources"], state=State.QUEUED, earlier=True)
        declaration(task.job)
        arrays = path.with_suffix(".npz")
        if arrays.exists():
            with np.load(arrays, allow_pickle=False) as stored:
                others = [
                    Companion(replace(Target(**other["target"]), loads=-1), _snapshot(stored, number), other["turned"])
                    for number, other in enumerate(record.get("others", ()), 1)
                ]
                task = replace(task, before=_snapshot(stored, 0), others=others)
        return task, int(record["pid"])
    except (KeyError, TypeError, RestyleError) as error:
        raise ValueError(f"{path.name} is not a record of a task: {error}") from error


def delete(folder: Path, task_id: str) -> None:
    """Remove the task's record."""
    for suffix in ("json", "npz", "part"):
        (folder / f"{task_id}.{suffix}").unlink(missing_ok=True)
