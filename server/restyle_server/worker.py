"""The process in which jobs run, one after another, on one device: `python -m restyle_server.worker`.

The server starts it, writes its settings as one JSON line to its standard input, and keeps that open: when it closes,
the server is gone and the worker ends too. Everything else goes through a ZeroMQ socket, and arrays through the blob
folder. Heavy libraries are imported here and nowhere else.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

from restyle.codec import Buffer, as_bytes, decode, describe, encode
from restyle.errors import BadInputError, CancelledError, JobFailedError, ResourcesError, RestyleError
from restyle.jobs import declaration, declarations
from restyle.kinds import Packed, kind

from .blobs import BlobStore
from .context import MAX_TEXT, JobContext
from .doorbell import Doorbell
from .executors import check_report

Header = dict[str, Any]


class Link(threading.Thread):
    """The thread that owns the socket: it takes tasks and cancels in while a job computes, and sends its reports."""

    def __init__(self, address: str) -> None:
        super().__init__(name="link", daemon=True)
        self.tasks: queue.SimpleQueue[Header] = queue.SimpleQueue()
        self._address = address
        self._cancelled: str | None = None
        self._outbox: deque[list[Buffer]] = deque()
        self._doorbell = Doorbell()
        self._closing = False

    def send(self, header: Header) -> None:
        """Send a message; ProtocolError if it does not fit a header."""
        self._outbox.append(encode(header))
        self._doorbell.ring()

    def cancelled(self, job: str) -> bool:
        """Whether the server asked for this job to end."""
        return self._cancelled == job

    def finish(self) -> None:
        """Send what is left and end."""
        self._closing = True
        self._doorbell.ring()
        self.join(5)

    def run(self) -> None:
        """The thread's loop."""
        context = zmq.Context[zmq.Socket[bytes]]()
        link = context.socket(zmq.DEALER)
        link.setsockopt(zmq.LINGER, 2000)
        link.connect(self._address)
        poller = zmq.Poller()
        poller.register(link, zmq.POLLIN)
        poller.register(self._doorbell.fileno(), zmq.POLLIN)
        while not (self._closing and not self._outbox):
            ready = dict(poller.poll())
            self._doorbell.clear()
            while self._outbox:
                link.send_multipart(self._outbox.popleft())
            if link in ready:
                header, _ = decode(link.recv_multipart())
                if header.get("op") == "run":
                    self._cancelled = None
                    self.tasks.put(header["task"])
                elif header.get("op") == "cancel":
                    self._cancelled = header["job"]
        link.close()
        context.term()


class Worker:
    """Runs tasks on one device."""

    def __init__(self, link: Link, device: str, blobs: BlobStore, models: Path) -> None:
        self._link = link
        self._device = device
        self._blobs = blobs
        self._models = models

    def serve(self) -> None:
        """Run one task after another until the process should be replaced."""
        while self.run_task(self._link.tasks.get()):
            pass

    def run_task(self, task: Header) -> bool:
        """Run one task and report how it ended; False if this process must not be used again."""
        folder = Path(task["folder"])
        (folder / "scratch").mkdir(parents=True, exist_ok=True)
        with output_into(folder / "log.txt"):
            print(f"--- {task['name']} {task['job']}, attempt {task['attempt']}, {self._device}", flush=True)  # noqa: T201
            try:
                self._report("done", {"outputs": self._outputs(task, folder / "scratch")})
            except CancelledError:
                self._report("cancelled", {})
            except (Exception, SystemExit) as error:  # noqa: BLE001  a job may raise anything; none may end the worker
                traceback.print_exc()
                told = as_restyle_error(error)
                self._report("failed", {"error": {"code": told.code, "message": told.message[:MAX_TEXT]}})
                return not isinstance(told, ResourcesError)
            return True

    def _report(self, kind_of_report: str, data: Header) -> None:
        check_report(kind_of_report, data)
        self._link.send({"op": "report", "type": kind_of_report, "data": data})

    def _outputs(self, task: Header, scratch: Path) -> Header:
        context = JobContext(
            device=self._device,
            scratch=scratch,
            attempt=task["attempt"],
            models_dir=self._models,
            report=self._report,
            describe=self._describe,
            cancelled=lambda: self._link.cancelled(task["job"]),
        )
        context.check_cancelled()
        inputs = {name: self._unpack(described) for name, described in task["inputs"].items()}
        module = importlib.import_module(f"restyle_server.jobs.{task['name']}")
        made: dict[str, Any] = module.run(context, inputs, task["parameters"])
        described: Header = {}
        for port in declaration(task["name"]).outputs:
            if port.name in made:
                accepted = kind(port.kind)
                try:
                    accepted.validate(made[port.name])
                except BadInputError as error:  # nobody's input: the job's own fault
                    message = f"The job {task['name']} made an output {port.name!r} that cannot be: {error.message}"
                    raise JobFailedError(message) from error
                described[port.name] = self._describe(accepted.pack(made[port.name]))
            elif not port.optional:
                raise JobFailedError(f"The job {task['name']} ended without its output {port.name!r}.")
        return described

    def _unpack(self, described: Header) -> Any:
        arrays = {name: self._blobs.load(entry) for name, entry in described["arrays"].items()}
        return kind(described["kind"]).unpack(Packed(described["kind"], described["meta"], arrays))

    def _describe(self, packed: Packed) -> Header:
        return describe(packed, {name: self._blobs.put(as_bytes(array)) for name, array in packed.arrays.items()})


def as_restyle_error(error: BaseException) -> RestyleError:
    """What a client is told about an exception of a job; the trace itself goes to the job's log only."""
    if isinstance(error, RestyleError):
        return error
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        first = str(error).split("\n", maxsplit=1)[0]
        return ResourcesError(f"Memory ran out: {first or 'no more could be had'}. Use a smaller input or preset.")
    return JobFailedError(f"The job broke ({type(error).__name__}); its log on the server says why.")


@contextmanager
def output_into(path: Path) -> Iterator[None]:
    """Send everything that this process prints, native code included, into the file at `path`."""
    saved = [os.dup(1), os.dup(2)]
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        for stream, descriptor, number in zip((sys.stdout, sys.stderr), saved, (1, 2)):
            stream.flush()
            os.dup2(descriptor, number)
            os.close(descriptor)


def find_device(wanted: str) -> tuple[str, str, int]:
    """The device to use, its name for people, and how many CUDA devices there are.

    Raises ResourcesError if `wanted` is not on this machine.
    """
    if wanted == "cpu":
        return "cpu", cpu_name(), 0
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        if wanted == "auto":
            return "cpu", cpu_name(), 0
        raise ResourcesError(f"The server was started with --device {wanted}, but torch finds no CUDA device there.")
    index = int(wanted.partition(":")[2] or 0)
    if index >= count:
        raise ResourcesError(f"The server was started with --device {wanted}, but there are only {count} CUDA devices.")
    return f"cuda:{index}", torch.cuda.get_device_name(index), count


def cpu_name() -> str:
    """The processor's name as its maker writes it, or at least its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def end_with_server(pipe: int, parent: int) -> None:
    """End this process when the server does, however that happens."""
    if sys.platform == "linux":
        import ctypes

        # The kernel also ends a worker whose native code keeps Python's threads from running.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
    with os.fdopen(pipe, "rb") as lifeline:
        lifeline.read()
    os._exit(1)


def main() -> None:
    """Read the settings, connect, get warm, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    settings = json.loads(sys.stdin.buffer.readline())
    lifeline = os.dup(0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=end_with_server, args=(lifeline, settings["parent"]), daemon=True).start()
    link = Link(settings["address"])
    link.start()
    try:
        device, name, count = find_device(settings["device"])
    except (RestyleError, ImportError, ValueError) as error:
        link.send({"op": "ready", "token": settings["token"], "problem": str(error)})
        link.finish()
        raise SystemExit(1) from error
    link.send({"op": "ready", "token": settings["token"], "device": device, "name": name, "count": count})
    warm_up()
    Worker(link, device, BlobStore(Path(settings["blobs"])), Path(settings["models"])).serve()
    link.finish()


def warm_up() -> None:
    """Import what the jobs will need, while nobody waits for it."""
    for job in declarations():
        try:
            importlib.import_module(f"restyle_server.jobs.{job}")
        except Exception:  # noqa: BLE001  said again, to the one concerned, when this job is asked for
            traceback.print_exc()


if __name__ == "__main__":
    main()
