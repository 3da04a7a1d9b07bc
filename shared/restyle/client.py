"""The client: submits jobs to a server, follows them and reads their results."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import zmq

from .channel import Channel
from .errors import (
    BlobMissingError,
    CancelledError,
    RetryableError,
    ServerUnavailableError,
    error_from_code,
)
from .jobs import declaration
from .locate import Locator
from .protocol import MAX_WAIT_SECONDS, TERMINAL, Event, JobStatus, ServerInfo, check_job_id, take
from .resultfile import ResultFile
from .transfer import fetch_value, pack_request, send_request

T = TypeVar("T")


def connect(server: str | None = None, *, start: bool = True, timeout: float = 10.0) -> Client:
    """A client of the server that `server` or RESTYLE_SERVER names, else of the one running on this machine.

    start: launch a server if none runs; it stops with the client, once no job is left.
    timeout: seconds to wait for any one answer.
    Raises ServerUnavailableError, or VersionMismatchError if the server speaks another protocol.
    """
    return Client(Locator(server or os.environ.get("RESTYLE_SERVER"), start=start), timeout)


@dataclass(frozen=True)
class _Channels:
    control: Channel
    data: Channel


class Client:
    """A connection to one server, to be used from one thread. `server` is what the server said about itself."""

    server: ServerInfo

    def __init__(self, locator: Locator, timeout: float) -> None:
        self._locator = locator
        self._timeout = timeout
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channels: _Channels | None = None
        try:
            self._connected()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, job_name: str, *, job_id: str | None = None, **values: Any) -> Job:
        """Send a job and return once the server has accepted it for good.

        values: the job's inputs and parameters by name. Everything is checked here first; only blobs that the server
        lacks are sent. A movie among another job's results may be one; it comes into memory for that. A `job_id` that
        was accepted before gives that same job.
        Raises UsageError or BadInputError for what does not fit the job's declaration.
        """
        job_id = check_job_id(job_id or str(uuid.uuid4()))
        declared = declaration(job_name)
        ports = {port.name: port for port in declared.inputs}
        given = {name: value for name, value in values.items() if name in ports and value is not None}
        parameters = declared.check_parameters({name: values[name] for name in values if name not in ports})
        declared.check_inputs(set(given))
        declared.check_together(parameters, set(given))
        inputs = {name: value.load() if isinstance(value, ResultFile) else value for name, value in given.items()}
        request, blobs = pack_request(declared, job_id, inputs, parameters)
        self._retrying(lambda channels: send_request(channels.data, request, blobs, self._timeout))
        return Job(self, job_id)

    def job(self, job_id: str) -> Job:
        """The job of that id; UnknownJobError if the server has none."""
        self.status(job_id)
        return Job(self, job_id)

    def jobs(self) -> list[JobStatus]:
        """Every job that the server still has, oldest first."""
        found: list[JobStatus] = []
        after = 0
        while True:
            reply = self._ask("jobs", after=after)
            found += [JobStatus.from_wire(entry) for entry in take(reply, "jobs", list)]
            after = take(reply, "next", int)
            if not after:
                return found

    def events(self, job_id: str, since: int = 0, wait: float = 0.0) -> list[Event]:
        """The job's events with numbers above `since`.

        Without newer ones it answers after at most `wait` seconds with an empty list, or as soon as one comes.
        """
        found: list[Event] = []
        while True:
            pause = 0.0 if found else min(max(wait, 0.0), MAX_WAIT_SECONDS)
            reply = self._ask("events", job=job_id, since=since, wait=pause, extra=pause)
            found += [Event.from_wire(entry) for entry in take(reply, "events", list)]
            if not take(reply, "more", bool):
                return found
            since = found[-1].seq

    def status(self, job_id: str) -> JobStatus:
        """Where the job stands; UnknownJobError if the server has none of that id."""
        return JobStatus.from_wire(take(self._ask("status", job=job_id), "status", dict))

    def cancel(self, job_id: str) -> JobStatus:
        """Ask for the job to be cancelled; a queued one is at once, a running one within seconds."""
        return JobStatus.from_wire(take(self._ask("cancel", job=job_id), "status", dict))

    def forget(self, job_id: str) -> None:
        """Delete the job with its events, log and result; one that still runs must be cancelled first."""
        self._ask("forget", job=job_id)

    def result(self, job_id: str) -> Result:
        """What the job made; raises the error with which it ended, or RetryableError while it has not."""
        reply = self._ask("result", job=job_id)
        status = JobStatus.from_wire(take(reply, "status", dict))
        if status.state == "cancelled":
            raise CancelledError(f"The job {job_id} was cancelled.")
        if status.error is not None:
            raise error_from_code(status.error["code"], status.error["message"])
        if status.state != "done":
            raise RetryableError(f"The job {job_id} is still {status.state}; its result is not there yet.")
        described = take(reply, "outputs", dict)
        return Result(status, {name: self._output(value) for name, value in described.items()})

    def fetch_preview(self, event: Event) -> Any | None:
        """The value of a preview event, of its `preview_kind`; None if a newer one has taken its place."""
        if not event.preview_kind:
            return None
        try:
            return self._fetch(event.data["value"])
        except BlobMissingError:
            return None

    def log(self, job_id: str) -> str:
        """The end (at most 1 MiB) of what the job wrote to its log."""
        request = {"op": "log", "job": job_id}
        _, arrays = self._retrying(lambda channels: channels.data.exchange(request, timeout=self._timeout))
        return bytes(arrays[0]).decode(errors="replace")

    def refresh(self) -> ServerInfo:
        """Ask the server again about itself (its worker may have started, a model may have come) and return it."""
        self.server = self._hello(self._ask("hello"), started_by_us=self.server.started_by_us)
        return self.server

    def close(self) -> None:
        """Disconnect; a server that `connect` started stops once no job is left."""
        if self._channels is not None and self.server.started_by_us and self._retires(self._channels.control):
            self._locator.wait()
        self._disconnect()
        self._context.destroy(linger=0)

    def _retires(self, control: Channel) -> bool:
        try:
            return control.request({"op": "retire"}, timeout=self._timeout).get("stops") is True
        except ServerUnavailableError:
            return True  # it was faster than its answer, or it hangs

    # Connection

    def _connected(self) -> _Channels:
        if self._context.closed:
            raise ServerUnavailableError("This client is closed. Connect again.")
        if self._channels is None:
            self._channels = self._connect()
        return self._channels

    def _connect(self) -> _Channels:
        failure = ServerUnavailableError("No server was found.")
        for place in self._locator.places():
            control = Channel(self._context, place.endpoint, place.alive)
            try:
                reply = control.request({"op": "hello"}, timeout=self._timeout)
                self.server = self._hello(reply, started_by_us=place.started_by_us)
                return _Channels(control, Channel(self._context, self.server.data_endpoint))
            except ServerUnavailableError as error:
                control.close()
                failure = error
            except BaseException:
                control.close()
                raise
        raise failure

    def _disconnect(self) -> None:
        if self._channels is not None:
            self._channels.control.close()
            self._channels.data.close()
            self._channels = None

    @staticmethod
    def _hello(reply: dict[str, Any], *, started_by_us: bool) -> ServerInfo:
        info = ServerInfo.from_wire(take(reply, "server", dict))
        return replace(info, protocol=(info.protocol[0], info.protocol[1]), started_by_us=started_by_us)

    def _ask(self, op: str, *, extra: float = 0.0, **fields: Any) -> dict[str, Any]:
        timeout = self._timeout + extra
        return self._retrying(lambda channels: channels.control.request({"op": op, **fields}, timeout=timeout))

    def _output(self, described: dict[str, Any]) -> Any:
        if ResultFile.is_one(described):
            return ResultFile.of(described, self._with_data, self._timeout)
        return self._fetch(described)

    def _fetch(self, described: dict[str, Any]) -> Any:
        return self._with_data(lambda channel: fetch_value(channel, described, self._timeout))

    def _with_data(self, use: Callable[[Channel], T]) -> T:
        return self._retrying(lambda channels: use(channels.data))

    def _retrying(self, action: Callable[[_Channels], T]) -> T:
        """Run `action`, and once more on a new connection if the first broke: every request may be repeated safely."""
        channels = self._connected()
        try:
            return action(channels)
        except ServerUnavailableError:
            if not (channels.control.lost or channels.data.lost):
                raise
        self._disconnect()
        return action(self._connected())


@dataclass(frozen=True)
class Job:
    """A job on a server, by its id."""

    client: Client
    id: str

    def status(self) -> JobStatus:
        """Where it stands."""
        return self.client.status(self.id)

    def events(self, since: int = 0, *, patience: float = 60.0) -> Iterator[Event]:
        """Its events, from the one after `since` to the one that ends it, waiting for those to come.

        patience: seconds for which a server that went away is looked for again.
        """
        lost_at: float | None = None
        while True:
            try:
                batch = self.client.events(self.id, since, MAX_WAIT_SECONDS)
                lost_at = None
            except ServerUnavailableError:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > patience:
                    raise
                time.sleep(0.2)
                continue
            for event in batch:
                since = event.seq
                yield event
                if event.type == "state" and event.data.get("state") in TERMINAL:
                    return

    def result(self) -> Result:
        """Wait until it ends; return what it made, or raise the error with which it ended."""
        status = self.status()
        if not status.ended:
            for _ in self.events(status.last_seq):
                pass
        return self.client.result(self.id)

    def kept(self) -> dict[str, Any]:
        """The latest preview of each name: what is left of a job that was cancelled or broke."""
        shown = {event.data["name"]: event for event in self.client.events(self.id) if event.type == "preview"}
        found = {name: self.client.fetch_preview(event) for name, event in shown.items()}
        return {name: value for name, value in found.items() if value is not None}

    def cancel(self) -> JobStatus:
        """Ask for it to be cancelled."""
        return self.client.cancel(self.id)

    def forget(self) -> None:
        """Delete it on the server."""
        self.client.forget(self.id)


@dataclass(frozen=True)
class Result:
    """What a job made: `outputs` by name, also as attributes, as are the arrays inside an `attributes` output.

    A movie stays on the server until it is saved, see `ResultFile`; all else is here.
    """

    status: JobStatus
    outputs: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        outputs = self.__dict__.get("outputs", {})
        if name in outputs:
            return outputs[name]
        for value in outputs.values():
            if isinstance(value, dict) and isinstance(value.get(name), np.ndarray):
                return value[name]
        raise AttributeError(f"The result has no {name!r}; it has {', '.join(outputs)}.")
