"""The extension's state while Blender runs: the link to the server, and the tasks.

Everything here runs on the main thread. `pump` does one small piece of work and returns; in a window a timer calls it
(timer.py), headless the operators do, since no timer ever fires there.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

import bpy

from . import (
    arrivals,
    compat,
    delivery,
    objects,
    picks,
    preferred,
    retime_delivery,
    settings,
    styles,
    tasks,
    thumbnails,
)
from .choosing import Choice, Surroundings
from .link import Link
from .live import Live
from .reports import Accepted, Ended, Finished, Preview, Progress, Report, Server, ServerReport, Surface
from .restyle.errors import BadInputError, CancelledError, ServerUnavailableError, UsageError
from .restyle.jobs import declaration
from .tasks import State, Task

if TYPE_CHECKING:
    from .restyle import ServerInfo

BUDGET_SECONDS = 0.004  # a quarter of a frame at 60 per second
BUSY_SECONDS, IDLE_SECONDS, AWAY_SECONDS = 0.05, 0.25, 1.0
REDRAW_SECONDS = 0.1
LOST_SECONDS = 30.0  # how long a script without a window waits for a server that went away


class Session:
    """One per Blender process, made by `register`."""

    def __init__(self) -> None:
        self.server = Server.OFF
        self.info: ServerInfo | None = None
        self.server_message = ""
        self.tasks: dict[str, Task] = {}
        self.wanted = False  # set by drawing a panel, which itself must not start anything
        self.loads = 0
        self.compared: dict[int, int] = {}  # the result that each image was last compared with, by their session_uid
        self.live = Live()
        self._link: Link | None = None
        self._folders: dict[str, Path] = {}  # where the frames of a task's result go
        self._styles = Path()  # where styles go: asked for once, since the link's thread must not ask Blender
        self._restored = False
        self._changed = False
        self._drawn = 0.0

    # The server

    def link(self) -> Link:
        """The thread that talks to the server, started with the first use.

        Raises UsageError if the preferences do not allow it.
        """
        if self._link is None or not self._link.is_alive():
            try:
                address = preferred.server_address()
            except UsageError as error:
                self.server, self.server_message, self.wanted = Server.REFUSED, error.message, False
                raise
            self._styles = styles.folder()
            self._link = Link(address, preferred.server_python(), self._prepare, self.live.wants)
            for task in self.tasks.values():
                if task.state in tasks.UNDER_WAY:
                    self._link.watch(task.id)
            self._link.start()
        return self._link

    def start_server(self) -> None:
        """Start a server with the interpreter of the preferences."""
        self.link().start_server()

    def stop_server(self) -> None:
        """Stop the server that this Blender started."""
        self.link().stop_server()

    def reconnect(self) -> None:
        """Begin anew, because the address has changed."""
        if self._link is not None:
            self._link.shut_down()
            self._link, self.server, self.info, self.server_message = None, Server.OFF, None, ""

    def close(self) -> None:
        """End the thread; jobs go on at the server."""
        self.live.put_away()
        if self._link is not None:
            self._link.shut_down()
            self._link = None

    @property
    def unlinked(self) -> bool:
        """Whether nobody talks to a server yet."""
        return self._link is None

    @property
    def owns_server(self) -> bool:
        """Whether the server is one that this Blender started, and so may stop."""
        return self._link is not None and self._link.owns_server

    def _prepare(self, job_id: str, job: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the link makes of a job's outputs, on its own thread."""
        folder = self._folders.get(job_id)
        if folder is None or settings.editor(declaration(job)) is None:
            return {}
        if settings.editor(declaration(job)) == "VIEW_3D":
            task = self.tasks.get(job_id)
            names = [target.name for target in objects.sent(task)] if task else []
            return arrivals.prepare_for_mesh(job_id, job, self._styles, names, values)
        return arrivals.prepare(job, folder, values)

    # Tasks

    def submit(
        self,
        job: str,
        meant: bpy.types.Object | Sequence[bpy.types.Object] | None,
        texts: Mapping[str, str],
        parameters: Mapping[str, Any],
        choices: Mapping[str, Choice] | None = None,
    ) -> Task:
        """Read what the job needs and send it; returns at once, while pictures may still be read.

        meant: the object or objects for a job that takes some. choices: where its pictures come from, by input.
        Raises BadInputError or UsageError for what the job cannot use, and leaves nothing open.
        """
        objs = () if meant is None else (meant,) if isinstance(meant, bpy.types.Object) else tuple(meant)
        around = replace(Surroundings.of(bpy.context, self.loads), objects=objs)
        given = {name: value for name, value in parameters.items() if value is not None}
        return self.send(job, picks.pick(declaration(job), texts, choices or {}, around, given), given)

    def send(self, job: str, picked: picks.Picked, given: Mapping[str, Any]) -> Task:
        """Send what was picked for a job, with its parameters; the rest of `submit`."""
        try:
            checked = declaration(job).check_parameters(given)
            declaration(job).check_together(checked, set(picked.values))
            link = self.link()
        except BaseException:
            picked.close()
            raise
        asked = (picked.texts, given, picked.target, picked.before, picked.sources, picked.others)
        task = Task(str(uuid.uuid4()), job, *asked)
        if picked.sources:
            task.message = "Reading the pictures"
        self.tasks[task.id] = task
        self._folders[task.id] = delivery.frames_folder(task)
        link.post(partial(_keep, _records_folder(), task))
        link.submit(task.id, job, {**checked, **picked.values})
        return task

    def fetch(self, job_id: str) -> Task:
        """Follow a job by its id, from whatever session or script it comes, and get its result."""
        folder = _records_folder()
        task = self.tasks.get(job_id)
        if task is None and (folder / f"{job_id}.json").exists():
            task, _ = tasks.load(folder / f"{job_id}.json")
        if task is None:
            task = Task(job_id, next(iter(settings.panel_jobs())).name, {}, {}, None, None, earlier=True)
        task.state = State.QUEUED
        self.tasks[job_id] = task
        self._folders[job_id] = delivery.frames_folder(task)
        self.link().watch(job_id)
        return task

    def cancel(self, task: Task) -> None:
        """Ask for the job to be cancelled."""
        task.state = State.CANCELLING
        self.link().cancel(task.id)
        self._changed = True

    def dismiss(self, task: Task) -> None:
        """Take the task out of the panel; its result stays on the server until that forgets it."""
        self.tasks.pop(task.id, None)
        folder = self._folders.pop(task.id, None)
        if folder is not None and task.state is not State.APPLIED:
            shutil.rmtree(folder, ignore_errors=True)  # its name ends in the task's id: no strip of another uses it
        thumbnails.drop(task.id)
        thumbnails.drop_tiles(task.id)
        tasks.delete(_records_folder(), task.id)

    def apply(self, task: Task, place: delivery.Place, obj: bpy.types.Object | None = None, variation: int = 1) -> None:
        """Put the task's result into the file as one undo step; BadInputError says why it cannot be.

        obj: the object that gets it, if `place` is ACTIVE. variation: the number of one of several results; they stay
        at hand until the task is dismissed.
        """
        self.live.end(task.id)
        delivery.deliver(task, place, self.loads, obj, variation)
        task.state, task.why = State.APPLIED, ""
        if task.variations > 1:
            task.applied = variation
        else:
            task.result, task.before, task.others, task.arrived = None, None, (), {}
        thumbnails.drop(task.id)
        tasks.delete(_records_folder(), task.id)
        title = declaration(task.job).title.split()[0]
        with compat.window_override():
            bpy.ops.ed.undo_push(message=f"{title}: {task.label}")
        self._changed = True

    # The tick

    def pump(self, budget: float = BUDGET_SECONDS) -> None:
        """Take in what the link reports, for at most `budget` seconds, and apply at most one result."""
        deadline = time.monotonic() + budget
        if self._link is not None:
            try:
                while time.monotonic() < deadline:
                    self._take(self._link.reports.get_nowait())
            except Empty:
                pass
        for task in self.tasks.values():
            if task.state is State.READY and self._applies_by_itself(task):
                self._try_to_apply(task)
                break
        self.live.step(self.tasks, self.loads, busy=_is_occupied())

    def _applies_by_itself(self, task: Task) -> bool:
        if task.earlier or retime_delivery.to_be_seen_first(task):
            return False
        if not (bpy.app.background or preferred.preferences().auto_apply or retime_delivery.is_asked_for(task)):
            return False
        return not _is_occupied()

    def _try_to_apply(self, task: Task) -> None:
        if waiting := delivery.waits_for(task, self.loads):
            self._changed = self._changed or task.message != waiting
            task.message = waiting
            return
        try:
            self.apply(task, "TARGET")
        except BadInputError as error:
            task.state, task.why = State.BLOCKED, error.message
            self._changed = True

    def _take(self, report: Report) -> None:
        self._changed = True
        if isinstance(report, ServerReport):
            self.server, self.server_message = report.state, report.message
            self.info = report.info or self.info
            if report.state is Server.ONLINE and not self._restored:
                self._restore()
            return
        task = self.tasks.get(report.job_id)
        if task is None:
            return
        if isinstance(report, Accepted) and task.state is State.SENDING:
            task.state, task.message = State.QUEUED, ""
        elif isinstance(report, Progress):
            for event in report.events:
                task.take(event)
        elif isinstance(report, Preview):
            thumbnails.show(task.id, report.thumbnail)
        elif isinstance(report, Surface):
            self.live.take(task.id, report.arrays)
        elif isinstance(report, Finished):
            task.state, task.result, task.fraction, task.message = State.READY, report.result, 1.0, ""
            task.arrived = report.arrived
            thumbnails.show_tiles(task.id, report.arrived.get("tiles", ()))
            if task.target is None:
                task.job, task.parameters = report.result.status.name, report.result.status.parameters
        elif isinstance(report, Ended):
            cancelled = isinstance(report.error, CancelledError)
            task.state, task.why = State.CANCELLED if cancelled else State.FAILED, report.error.message
            task.error, task.arrived = report.error, report.arrived

    def _restore(self) -> None:
        """Take up the tasks of a Blender that is gone; those of one that still runs are its own."""
        from .restyle.discovery import process_alive

        self._restored = True
        folder = _records_folder()
        for path in sorted(folder.glob("*.json")):
            try:
                task, pid = tasks.load(path)
            except ValueError as error:
                print(f"Restyle: {error}; it is left where it is.")  # noqa: T201  the console is the log here
                continue
            if task.id not in self.tasks and (pid == os.getpid() or not process_alive(pid)):
                self.tasks[task.id] = task
                self._folders[task.id] = delivery.frames_folder(task)
                self.link().watch(task.id)

    def interval(self) -> float:
        """Seconds until the next tick."""
        if self.server is Server.STARTING or any(task.state not in tasks.ENDED for task in self.tasks.values()):
            return BUSY_SECONDS
        return IDLE_SECONDS if self.server is Server.ONLINE else AWAY_SECONDS

    def redraw_if_changed(self) -> None:
        """Have the sidebars that may show our panel drawn again, at most ten times a second."""
        if not self._changed or time.monotonic() - self._drawn < REDRAW_SECONDS:
            return
        self._changed, self._drawn = False, time.monotonic()
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                if area.type in ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR", "PREFERENCES"):
                    area.tag_redraw()

    def wait(self, task: Task, until: State = State.APPLIED) -> None:
        """Block until the task is there or has ended, printing its progress: what operators do without a window."""
        said, lost_at = "", None
        while task.state not in (until, State.BLOCKED, *tasks.ENDED):
            self.pump()
            line = f"{task.fraction:4.0%} {task.message or task.state.value}"
            if line != said:
                print(f"Restyle: {line}", flush=True)  # noqa: T201  a script's output is where its user looks
                said = line
            if self.server in (Server.ONLINE, Server.STARTING):
                lost_at = None
            else:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > LOST_SECONDS:
                    raise ServerUnavailableError(
                        f"{self.server_message or 'The server is gone.'} The job {task.id} is kept: start the server "
                        f"and fetch its result with bpy.ops.restyle.fetch(job_id={task.id!r})."
                    )
            time.sleep(0.02)


def _records_folder() -> Path:
    """Where the tasks' records lie."""
    return Path(bpy.utils.extension_path_user(__package__, path="tasks", create=True))


def _keep(folder: Path, task: Task) -> None:
    """Write the task's record; a full disk costs the record and not the job."""
    try:
        tasks.save(folder, task)
    except OSError as error:
        print(f"Restyle: the job {task.id} will not be found again after a crash of Blender: {error}.")  # noqa: T201


def _is_occupied() -> bool:
    """Whether Blender renders or the artist is dragging something: an undo step in the middle of that would tear it."""
    if bpy.app.is_job_running("RENDER"):
        return True
    windows = bpy.context.window_manager.windows
    return any(op.bl_idname.startswith("TRANSFORM_OT_") for window in windows for op in window.modal_operators)


_session: Session | None = None


def session() -> Session:
    """The one session of this process."""
    if _session is None:
        raise RuntimeError("the extension is not enabled")
    return _session


def begin() -> None:
    """Have a session, with no thread and no server."""
    global _session  # noqa: PLW0603  Blender's register and unregister are module functions
    _session = Session()


def end() -> None:
    """Close it."""
    global _session  # noqa: PLW0603
    session().close()
    _session = None
