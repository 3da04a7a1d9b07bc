"""The one thread that talks to the compute server. It owns the client, never touches bpy, and reports through a queue.

The main thread says what it wants (submit, watch, cancel, start a server) and the thread works that off whenever it is
connected, so that a server that goes away and comes back needs nothing from the main thread.
"""

from __future__ import annotations

import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from .arrivals import surface
from .rasters import thumbnail
from .reports import Accepted, Ended, Finished, Later, Preview, Progress, Report, Server, ServerReport, Surface
from .restyle.errors import (
    CancelledError,
    RestyleError,
    ServerUnavailableError,
    UsageError,
    VersionMismatchError,
    error_from_code,
)

if TYPE_CHECKING:
    from .restyle import Client, Event, ServerInfo

POLL_SECONDS = 0.2  # the longest that a command waits behind a long poll
RETRY_SECONDS = 1.0
PING_SECONDS = 2.0
ANSWER_SECONDS = 5.0
STOP_SECONDS = 5.0
THUMBNAIL_SIDE = 192
NO_PYTHON = (
    "No server runs on this machine, and the extension does not know how to start one. "
    "Set Server Python in Preferences > Add-ons > Restyle, or run in a terminal: restyle serve"
)


Prepare = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


class Link(threading.Thread):
    """The thread; every public method may be called from the main thread and returns at once.

    address: of the server, or None for the one that runs on this machine.
    python: the interpreter that can start one when a job finds none, or None.
    prepare: called here with a job's id, its name and its outputs, for what is too much work for the main thread.
    wants_surface: called here with a job's id: whether to report how far its vertices are.
    """

    def __init__(
        self, address: str | None, python: str | None, prepare: Prepare, wants_surface: Callable[[str], bool]
    ) -> None:
        super().__init__(name="restyle-link", daemon=True)
        self.reports: SimpleQueue[Report] = SimpleQueue()
        self._address = address
        self._python = python
        self._prepare = prepare
        self._wants_surface = wants_surface
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._closing = threading.Event()
        self._client: Client | None = None
        self._outbox: dict[str, tuple[str, dict[str, Any]]] = {}
        self._watched: dict[str, int] = {}
        self._cancels: set[str] = set()
        self._server: subprocess.Popen[bytes] | None = None
        self._said: ServerReport | None = None
        self._start_by = 0.0
        self._next_try = 0.0
        self._next_ping = 0.0

    @property
    def owns_server(self) -> bool:
        """Whether a server that this thread started is running."""
        return self._server is not None

    def post(self, command: Callable[[], None]) -> None:
        """Have the thread call `command` before it goes on."""
        self._commands.put(command)

    def submit(self, job_id: str, name: str, values: Mapping[str, Any]) -> None:
        """Send a job and watch it; while there is no server, or while a value is being read, it waits here."""
        self.post(partial(self._outbox.__setitem__, job_id, (name, dict(values))))

    def watch(self, job_id: str) -> None:
        """Report what happened to a job that some client submitted before, and what becomes of it."""
        self.post(partial(self._watched.setdefault, job_id, 0))

    def cancel(self, job_id: str) -> None:
        """Cancel a job, also one that was not sent yet."""
        self.post(partial(self._cancels.add, job_id))

    def start_server(self) -> None:
        """Start a server on this machine, unless we are connected to one."""
        self.post(self._start_server)

    def stop_server(self) -> None:
        """Stop the server that this thread started."""
        self.post(self._stop_server)

    def shut_down(self, timeout: float = 1.0) -> None:
        """End the thread; a server that it started is stopped with it unless a job of ours is under way."""
        self._closing.set()
        self.post(lambda: None)
        self.join(timeout)

    def run(self) -> None:
        """Work until told to shut down."""
        try:
            while not self._closing.is_set():
                try:
                    self._step()
                except ServerUnavailableError as error:
                    self._drop_client()
                    self._say(Server.LOST, message=error.message)
        except Exception as error:
            self._say(Server.REFUSED, message=f"The extension broke ({error!r}); the trace is in the system console.")
            raise
        finally:
            self._drop_client()
            for job_id in self._outbox:
                self._close_values(job_id)
            if not (self._watched or self._outbox):
                self._stop_server()

    def _step(self) -> None:
        unsent = any(not self._waits(values) for _, values in self._outbox.values())
        busy = self._client is not None and bool(self._watched or unsent or self._cancels)
        self._handle_commands(block=not busy)
        if self._client is None:
            self._try_to_connect()
        else:
            self._send(self._client)
            self._follow(self._client)
            if not self._watched and time.monotonic() >= self._next_ping:
                self._say(Server.ONLINE, self._client.refresh())
                self._next_ping = time.monotonic() + PING_SECONDS

    def _handle_commands(self, *, block: bool) -> None:
        try:
            command = self._commands.get(timeout=POLL_SECONDS) if block else self._commands.get_nowait()
            while not self._closing.is_set():
                command()
                command = self._commands.get_nowait()
        except Empty:
            return

    def _try_to_connect(self) -> None:
        if time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + RETRY_SECONDS
        from .restyle import connect

        try:
            self._client = connect(self._address, start=False, timeout=ANSWER_SECONDS)
        except ServerUnavailableError as error:
            self._explain_absence(error)
        except (VersionMismatchError, UsageError) as error:
            self._say(Server.REFUSED, message=error.message)
            self._refuse_outbox(error)
        else:
            self._start_by = math.inf
            self._say(Server.ONLINE, self._client.server)

    def _explain_absence(self, error: ServerUnavailableError) -> None:
        state = self._said.state if self._said else Server.OFF
        if self._server is not None:
            self._check_process(self._server)
        elif state in (Server.ONLINE, Server.LOST):
            self._say(Server.LOST, message=error.message)
        elif self._outbox and not self._address:
            self._start_server()
        else:
            if state is not Server.OFF or self._address:  # the reason why it stopped stays in view
                self._say(Server.OFF, message=error.message if self._address else "")
            self._refuse_outbox(error)

    def _check_process(self, process: subprocess.Popen[bytes]) -> None:
        from .restyle.launch import SLOW_SECONDS, START_SECONDS, log_tail, slow

        code = process.poll()
        if code is None and time.monotonic() < self._start_by:
            if time.monotonic() > self._start_by - START_SECONDS + SLOW_SECONDS:
                self._say(Server.STARTING, message=slow())
            return
        why = "did not answer in time" if code is None else f"ended with code {code}"
        self._stop_server()
        self._say(Server.OFF, message=f"The server {why}: {log_tail()}")
        self._refuse_outbox(ServerUnavailableError(f"The server {why}: {log_tail()}"))

    def _refuse_outbox(self, error: RestyleError) -> None:
        for job_id in list(self._outbox):
            self._close_values(job_id)
            del self._outbox[job_id]
            self.reports.put(Ended(job_id, error))

    def _send(self, client: Client) -> None:
        for job_id in sorted(self._cancels & set(self._outbox)):
            self._close_values(job_id)
            del self._outbox[job_id]
            self._cancels.discard(job_id)
            self.reports.put(Ended(job_id, CancelledError("Cancelled before it was sent.")))
        for job_id in list(self._outbox):
            self._for_job(job_id, partial(self._submit, client, job_id))
        for job_id in list(self._cancels):
            self._for_job(job_id, partial(client.cancel, job_id))
            self._cancels.discard(job_id)

    def _submit(self, client: Client, job_id: str) -> None:
        name, values = self._outbox[job_id]
        for key, value in values.items():
            if isinstance(value, Later) and (got := value.get()) is not None:
                values[key] = got
        if self._waits(values):
            return
        client.submit(name, job_id=job_id, **values)
        del self._outbox[job_id]
        self._watched[job_id] = 0
        self.reports.put(Accepted(job_id))

    @staticmethod
    def _waits(values: Mapping[str, Any]) -> bool:
        return any(isinstance(value, Later) for value in values.values())

    def _close_values(self, job_id: str) -> None:
        for value in self._outbox[job_id][1].values():
            if isinstance(value, Later):
                value.close()

    def _follow(self, client: Client) -> None:
        for job_id in list(self._watched):
            self._for_job(job_id, partial(self._follow_one, client, job_id, POLL_SECONDS / len(self._watched)))

    def _follow_one(self, client: Client, job_id: str, wait: float) -> None:
        events = client.events(job_id, self._watched[job_id], wait)
        if not events:
            return
        self.reports.put(Progress(job_id, events))
        self._show(client, job_id, {event.preview_kind: event for event in events})
        status = client.status(job_id)
        if not status.ended:
            self._watched[job_id] = events[-1].seq
            return
        if status.state == "done":
            result = client.result(job_id)
            self.reports.put(Finished(job_id, result, self._prepare(job_id, status.name, result.outputs)))
        else:
            error = status.error or {"code": CancelledError.code, "message": "The job was cancelled."}
            left = self._prepare(job_id, status.name, client.job(job_id).kept())
            self.reports.put(Ended(job_id, error_from_code(error["code"], error["message"]), left))
        del self._watched[job_id]

    def _show(self, client: Client, job_id: str, newest: Mapping[str, Event]) -> None:
        """Report the newest previews of each kind; one that a newer has replaced meanwhile is None."""
        if "image" in newest and (picture := client.fetch_preview(newest["image"])) is not None:
            self.reports.put(Preview(job_id, thumbnail(picture, THUMBNAIL_SIDE)))
        if "attributes" in newest and self._wants_surface(job_id):
            value = client.fetch_preview(newest["attributes"])
            if value is not None:
                self.reports.put(Surface(job_id, surface(value)))

    def _for_job(self, job_id: str, action: Callable[[], Any]) -> None:
        """Do something for one job; an error that is about the job ends it here and leaves the others alone."""
        try:
            action()
        except ServerUnavailableError:
            raise
        except RestyleError as error:
            if job_id in self._outbox:
                self._close_values(job_id)
                del self._outbox[job_id]
            self._watched.pop(job_id, None)
            self.reports.put(Ended(job_id, error))

    def _start_server(self) -> None:
        from .restyle import launch

        if self._client is not None or self._server is not None:
            return
        try:
            if self._python is None:
                raise ServerUnavailableError(NO_PYTHON)
            self._server = launch.start(python=self._python, owner_pid=os.getpid())
        except ServerUnavailableError as error:
            self._say(Server.OFF, message=error.message)
            self._refuse_outbox(error)
            return
        self._start_by = time.monotonic() + launch.START_SECONDS
        self._next_try = 0.0
        self._say(Server.STARTING)

    def _stop_server(self) -> None:
        if self._server is None:
            return
        self._drop_client()
        self._server.terminate()
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None
        self._say(Server.OFF)

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _say(self, state: Server, info: ServerInfo | None = None, message: str = "") -> None:
        report = ServerReport(state, info, message)
        if report != self._said:
            self._said = report
            self.reports.put(report)
