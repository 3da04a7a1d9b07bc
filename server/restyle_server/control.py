"""The control socket: everything that must answer at once, also while the data socket is busy."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from restyle.codec import MAX_BLOB_BYTES, MAX_FRAMES, MAX_HEADER_BYTES
from restyle.errors import RestyleError
from restyle.jobs import declarations
from restyle.protocol import (
    CHUNK_BYTES,
    MAX_FRAME_BYTES,
    MAX_WAIT_SECONDS,
    WINDOW,
    ServerInfo,
    check_job_id,
    take,
)
from restyle.version import PROTOCOL_MAJOR, PROTOCOL_MINOR, __version__

from .config import ServerConfig, models_dir
from .executors import Executor
from .router import Arrays, Handler, Header, Peer
from .scheduler import Scheduler
from .store import Store

MAX_WAITERS = 1000
LIMITS = {
    "header_bytes": MAX_HEADER_BYTES,
    "frame_bytes": MAX_FRAME_BYTES,
    "frames": MAX_FRAMES,
    "blob_bytes": MAX_BLOB_BYTES,
    "chunk_bytes": CHUNK_BYTES,
    "window": WINDOW,
}


@dataclass(frozen=True)
class _Waiter:
    peer: Peer
    job: str
    since: int
    deadline: float


class ControlService:
    """The handlers of the control socket, all on its thread.

    on_retire: called when a client wants the server to stop once it is idle; returns whether it now does.
    """

    def __init__(
        self,
        config: ServerConfig,
        store: Store,
        executor: Executor,
        scheduler: Scheduler,
        on_retire: Callable[[], bool],
    ) -> None:
        self._config = config
        self._store = store
        self._executor = executor
        self._scheduler = scheduler
        self._on_retire = on_retire
        self._waiters: list[_Waiter] = []
        self.endpoints = ("", "")  # of both sockets, known once they are bound
        self.handlers: dict[str, Handler] = {
            "hello": self.hello,
            "ping": self.ping,
            "status": self.status,
            "events": self.events,
            "result": self.result,
            "cancel": self.cancel,
            "forget": self.forget,
            "jobs": self.jobs,
            "retire": self.retire,
        }

    def hello(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Say what this server is and offers."""
        info = ServerInfo(
            version=__version__,
            protocol=(PROTOCOL_MAJOR, PROTOCOL_MINOR),
            pid=os.getpid(),
            endpoint=self.endpoints[0],
            data_endpoint=self.endpoints[1],
            devices=self._executor.devices(),
            models=_models(),
            jobs=list(declarations()),
            limits=LIMITS,
        )
        peer.answer({"server": info.to_wire()})

    def ping(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Answer."""
        peer.answer({})

    def status(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Say where a job stands."""
        peer.answer({"status": self._store.status(_job(header)).to_wire()})

    def events(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Send newer events, or remember who waits for them."""
        wait = min(take(header, "wait", float, 0.0), MAX_WAIT_SECONDS)
        waiter = _Waiter(peer, _job(header), take(header, "since", int, 0), time.monotonic() + wait)
        if len(self._waiters) >= MAX_WAITERS:
            self._answer(waiter, late=True)
        elif not self._answer(waiter, late=not wait > 0):
            self._waiters.append(waiter)

    def result(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Send the status and the described outputs."""
        job_id = _job(header)
        status = self._store.status(job_id)
        outputs = self._store.outputs(job_id) if status.state == "done" else {}
        peer.answer({"status": status.to_wire(), "outputs": outputs})

    def cancel(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Cancel a job; a running one is only told to end, and its events say when it has."""
        status = self._store.request_cancel(_job(header))
        if status.state == "running":
            self._scheduler.cancel(status.id)
        peer.answer({"status": status.to_wire()})

    def forget(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Delete an ended job; its blobs go with the next cleaning."""
        job_id = _job(header)
        self._store.forget(job_id)
        shutil.rmtree(self._config.jobs_dir / job_id, ignore_errors=True)
        peer.answer({})

    def jobs(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Send a page of jobs."""
        page, following = self._store.statuses(take(header, "after", int, 0))
        peer.answer({"jobs": [status.to_wire() for status in page], "next": following})

    def retire(self, peer: Peer, header: Header, arrays: Arrays) -> None:
        """Stop once idle, if this server was started for a client."""
        peer.answer({"stops": self._on_retire()})

    def tick(self) -> float:
        """Answer those for whom there is news, or whose time is up; return the seconds until the next one's is."""
        now = time.monotonic()
        self._waiters = [waiter for waiter in self._waiters if not self._answer(waiter, late=now >= waiter.deadline)]
        return min((waiter.deadline - now for waiter in self._waiters), default=60.0)

    def _answer(self, waiter: _Waiter, *, late: bool) -> bool:
        try:
            page, more = self._store.events(waiter.job, waiter.since)
        except RestyleError as error:
            waiter.peer.refuse(error)  # forgotten while somebody waited
            return True
        if page or late:
            waiter.peer.answer({"events": [event.to_wire() for event in page], "more": more})
        return bool(page) or late


def _job(header: Header) -> str:
    return check_job_id(take(header, "job", str))


def _models() -> list[dict[str, Any]]:
    from .models import registry

    return list(registry.describe(models_dir()))
