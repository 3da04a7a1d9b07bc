"""The thread between store and executor: starts queued jobs, records what they report, stops what must stop."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from restyle.errors import ResourcesError

from .executors import Executor, Report, Task
from .store import Store

TICK = 0.5
MAX_CRASHES = 3  # one crash may be the machine's fault, three are the job's


class Scheduler(threading.Thread):
    """Runs the queue, oldest first, on whatever devices the executor has.

    silence: seconds without a report after which a running job is killed and failed.
    """

    def __init__(self, store: Store, executor: Executor, jobs_dir: Path, silence: float) -> None:
        super().__init__(name="scheduler")
        self._store = store
        self._executor = executor
        self._jobs_dir = jobs_dir
        self._silence = silence
        self._running: dict[str, tuple[int, float]] = {}  # job: attempt, time of its last report
        self._cancels: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._unsaved: deque[Report] = deque()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look at the queue now; any thread may call it."""
        self._executor.wake()

    def cancel(self, job_id: str) -> None:
        """Stop a running job, whose cancellation the store knows already; any thread may call it."""
        self._cancels.put(job_id)
        self._executor.wake()

    def stop(self) -> None:
        """End the thread; what runs is no longer watched, and is taken up by the next server."""
        self._stopping.set()
        self._executor.wake()

    def run(self) -> None:
        """The thread's loop."""
        while not self._stopping.is_set():
            self._unsaved += self._executor.poll(TICK)
            try:
                self._step()
            except ResourcesError:
                self._stopping.wait(TICK)  # a full disk: what is not saved yet is tried again

    def _step(self) -> None:
        while self._unsaved:
            self._record(self._unsaved[0])
            self._unsaved.popleft()
        while not self._cancels.empty():
            self._executor.cancel(self._cancels.get())
        self._stop_silent()
        self._start_queued()

    def _record(self, report: Report) -> None:
        job, attempt = report.job, report.attempt
        if report.type in ("progress", "preview", "warning"):
            if self._running.get(job, (0, 0.0))[0] == attempt:
                self._running[job] = (attempt, time.monotonic())
            with suppress(ResourcesError):  # on a full disk a job loses news, not its end
                self._store.report(job, attempt, report.type, report.data)
            return
        if report.type == "done":
            self._store.finish(job, attempt, "done", outputs=report.data["outputs"])
        elif report.type == "failed":
            self._store.finish(job, attempt, "failed", error=report.data["error"])
        elif report.type == "cancelled":
            self._store.finish(job, attempt, "cancelled")
        else:
            self._store.lost(job, attempt, report.data["reason"], MAX_CRASHES)
        if self._running.get(job, (0, 0.0))[0] == attempt:
            del self._running[job]
            if report.type != "lost":  # its checkpoints have served; a clip's are large
                shutil.rmtree(self._jobs_dir / job / "scratch", ignore_errors=True)

    def _stop_silent(self) -> None:
        for job, (attempt, reported) in list(self._running.items()):
            if time.monotonic() - reported > self._silence:
                message = f"The job gave no sign of progress for {self._silence:g} s and was stopped; see its log."
                self._store.finish(job, attempt, "failed", error={"code": "job_failed", "message": message})
                self._executor.kill(job)
                del self._running[job]

    def _start_queued(self) -> None:
        if problem := self._executor.problem():
            while job := self._store.next_queued():
                attempt = self._store.begin(job["id"], "none")
                if attempt is not None:
                    error = {"code": "job_failed", "message": problem}
                    self._store.finish(job["id"], attempt, "failed", error=error)
            return
        while (device := self._executor.free_device()) and (job := self._store.next_queued()):
            attempt = self._store.begin(job["id"], device)
            if attempt is None:
                continue  # cancelled in between
            folder = self._jobs_dir / job["id"]
            task = Task(job["id"], job["name"], attempt, job["parameters"], job["inputs"], folder)
            self._running[task.job] = (attempt, time.monotonic())
            self._executor.start(task, device)
