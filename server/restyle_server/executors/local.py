"""Runs tasks in warm worker processes on this machine, one per device."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zmq

from restyle.codec import decode, encode
from restyle.errors import ProtocolError, RestyleError
from restyle.protocol import MAX_FRAME_BYTES, take

from ..config import ServerConfig, models_dir
from ..doorbell import Doorbell
from . import Report, Task, check_report

logger = logging.getLogger(__name__)

EXIT_CHECK = 0.1
MAX_START_FAILURES = 3
MAX_BACKOFF = 30.0
MIN_INTERVAL = 1.0  # between starts, for a worker that is ready and then dies, again and again


@dataclass
class _Worker:
    device: str
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    token: bytes = b"not started, so that nobody has it"
    identity: bytes | None = None  # of its connection, once it has said that it is ready
    task: Task | None = None
    kill_at: float | None = None
    started: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    problem: str | None = None

    @property
    def state(self) -> str:
        if self.problem:
            return "broken"
        if self.identity is None:
            return "starting"
        return "busy" if self.task else "ready"


class LocalExecutor:
    """One worker process per device, started ahead of its first task and replaced when it ends for whatever reason."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], config: ServerConfig) -> None:
        self._config = config
        self._doorbell = Doorbell()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
        self._port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._doorbell.fileno(), zmq.POLLIN)
        self._workers = [_Worker(config.device)]
        config.logs_dir.mkdir(parents=True, exist_ok=True)
        self._start_workers()

    def devices(self) -> list[dict[str, Any]]:
        """The devices of all workers; one that is broken says why."""
        return [
            {"id": worker.device, "name": worker.name, "state": worker.state}
            | ({"problem": worker.problem} if worker.problem else {})
            for worker in list(self._workers)
        ]

    def free_device(self) -> str | None:
        """The first device whose worker is ready."""
        return next((worker.device for worker in self._workers if worker.state == "ready"), None)

    def problem(self) -> str | None:
        """Why no worker starts, if that is so for all of them."""
        problems = [worker.problem for worker in self._workers]
        return problems[0] if all(problems) else None

    def start(self, task: Task, device: str) -> None:
        """Send the task to the device's worker."""
        worker = next(worker for worker in self._workers if worker.device == device)
        worker.task = task
        self._send(worker, {"op": "run", "task": asdict(task) | {"folder": str(task.folder)}})

    def poll(self, timeout: float) -> list[Report]:
        """Reports of the workers, and the loss of those that ended."""
        waiting = [worker for worker in self._workers if worker.task or worker.identity is None]
        ready = dict(self._poller.poll(int(1000 * min(timeout, EXIT_CHECK if waiting else timeout))))
        if self._doorbell.fileno() in ready:
            self._doorbell.clear()
        reports = self._receive()
        now = time.monotonic()
        for worker in self._workers:
            if worker.kill_at is not None and now > worker.kill_at:
                self._kill(worker)
            if worker.process is not None and (code := worker.process.poll()) is not None:
                self._poller.poll(int(1000 * EXIT_CHECK))
                reports += self._receive()  # what it said last may still be on its way
                reports += self._ended(worker, code)
        self._start_workers()
        return reports

    def cancel(self, job: str) -> None:
        """Tell the worker, and give it the grace time."""
        if worker := self._worker_of(job):
            worker.kill_at = worker.kill_at or time.monotonic() + self._config.grace
            self._send(worker, {"op": "cancel", "job": job})

    def kill(self, job: str) -> None:
        """Kill the worker that has the job."""
        if worker := self._worker_of(job):
            self._kill(worker)

    def wake(self) -> None:
        """Ring."""
        self._doorbell.ring()

    def close(self) -> None:
        """Kill all workers: a job of theirs is taken up by the next server."""
        for worker in self._workers:
            if worker.process is not None:
                self._kill(worker)
                worker.process.wait()
                self._release(worker)
        self._socket.close()
        self._doorbell.close()

    def _worker_of(self, job: str) -> _Worker | None:
        return next((worker for worker in self._workers if worker.task and worker.task.job == job), None)

    # Messages

    def _send(self, worker: _Worker, header: dict[str, Any]) -> None:
        try:
            self._socket.send_multipart([worker.identity or b"", *encode(header)], zmq.NOBLOCK)
        except (zmq.Again, zmq.ZMQError) as error:
            # It has just died, or is wedged: the exit check or the grace time will tell.
            logger.warning("worker %s does not take messages: %s", worker.device, error)

    def _receive(self) -> list[Report]:
        reports: list[Report] = []
        while True:
            try:
                identity, *frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return reports
            try:
                header, _ = decode(frames)
                if report := self._handle(identity, header):
                    reports.append(report)
            except RestyleError as error:
                logger.warning("a message on the workers' socket was refused: %s", error)

    def _handle(self, identity: bytes, header: dict[str, Any]) -> Report | None:
        if header.get("op") == "ready":
            self._ready(identity, header)
            return None
        worker = next((worker for worker in self._workers if worker.identity == identity), None)
        if worker is None or worker.task is None:
            raise ProtocolError("It comes from nobody who has a task.")
        kind: Any = take(header, "type", str)
        data = take(header, "data", dict)
        check_report(kind, data)
        report = Report(worker.task.job, worker.task.attempt, kind, data)
        if kind in ("done", "failed", "cancelled"):
            worker.task = worker.kill_at = None
        return report

    def _ready(self, identity: bytes, header: dict[str, Any]) -> None:
        token = take(header, "token", str).encode()
        worker = next((worker for worker in self._workers if secrets.compare_digest(worker.token, token)), None)
        if worker is None:
            raise ProtocolError("A worker without the right token.")
        if problem := take(header, "problem", str, ""):
            worker.problem, worker.failures = problem, MAX_START_FAILURES
            return
        worker.identity, worker.failures, worker.problem = identity, 0, None
        worker.device, worker.name = take(header, "device", str), take(header, "name", str)
        known = {other.device for other in self._workers}
        if self._config.device in ("auto", "cuda"):
            others = [f"cuda:{index}" for index in range(1, take(header, "count", int))]
            self._workers += [_Worker(device) for device in others if device not in known]

    # Processes

    def _start_workers(self) -> None:
        for worker in self._workers:
            if worker.process is None and time.monotonic() >= worker.start_at:
                self._start_worker(worker)

    def _start_worker(self, worker: _Worker) -> None:
        worker.token = secrets.token_hex(16).encode()
        worker.started = time.monotonic()
        settings = {
            "address": f"tcp://127.0.0.1:{self._port}",
            "token": worker.token.decode(),
            "device": worker.device,
            "blobs": str(self._config.blobs_dir),
            "models": str(models_dir()),
            "parent": os.getpid(),
        }
        try:
            with self._log(worker).open("ab") as log:
                worker.process = subprocess.Popen(
                    self._config.worker_command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    # Threads that spin while they wait for each other slow down everything beside them, Blender first,
                    # and on a busy machine themselves most of all.
                    env={"OMP_WAIT_POLICY": "PASSIVE"} | os.environ,
                )
        except OSError as error:
            self._start_failed(worker, str(error))
            return
        # Standard input carries the settings, which others may not see, and its end tells the worker that we are gone.
        assert worker.process.stdin is not None  # noqa: S101  for the type checker
        with suppress(BrokenPipeError):  # it has died already, which `poll` will find
            worker.process.stdin.write(json.dumps(settings).encode() + b"\n")
            worker.process.stdin.flush()

    def _ended(self, worker: _Worker, code: int) -> list[Report]:
        reports = []
        reason = f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"
        if worker.task:
            reports = [Report(worker.task.job, worker.task.attempt, "lost", {"reason": reason})]
        worker.start_at = worker.started + MIN_INTERVAL
        if worker.identity is None:
            self._start_failed(worker, reason)
        self._release(worker)
        return reports

    def _start_failed(self, worker: _Worker, reason: str) -> None:
        worker.failures += 1
        worker.start_at = time.monotonic() + min(0.25 * 2**worker.failures, MAX_BACKOFF)
        if worker.failures >= MAX_START_FAILURES and not worker.problem:
            worker.problem = f"The worker process does not start ({reason}). See {self._log(worker)} on the server."

    @staticmethod
    def _release(worker: _Worker) -> None:
        if worker.process is not None and worker.process.stdin is not None:
            worker.process.stdin.close()
        worker.process = worker.identity = worker.task = worker.kill_at = None

    @staticmethod
    def _kill(worker: _Worker) -> None:
        if worker.process is None or worker.process.poll() is not None:
            return
        if os.name == "nt":
            worker.process.kill()
        else:
            os.killpg(worker.process.pid, signal.SIGKILL)  # with whatever it started itself

    def _log(self, worker: _Worker) -> Path:
        return self._config.logs_dir / f"worker-{worker.device.replace(':', '-')}.log"
