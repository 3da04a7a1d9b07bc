"""The scheduler against an executor that does what a test says; real processes are in tests/end_to_end."""

from __future__ import annotations

import time
from collections import deque

import pytest
from toy_server import check_history, wait_until

from restyle_server.executors import Report
from restyle_server.scheduler import Scheduler
from restyle_server.store import Store


class Script:
    """An executor with one device, whose tasks end when and how a test wants."""

    def __init__(self) -> None:
        self.tasks: list = []
        self.reports: deque[Report] = deque()
        self.calls: list[tuple] = []
        self.free = True
        self.broken: str | None = None

    def devices(self) -> list:
        return []

    def free_device(self) -> str | None:
        return "cpu" if self.free else None

    def problem(self) -> str | None:
        return self.broken

    def start(self, task, device) -> None:
        self.free = False
        self.tasks.append(task)

    def poll(self, timeout) -> list[Report]:
        time.sleep(0.01)
        return [self.reports.popleft() for _ in range(len(self.reports))]

    def cancel(self, job) -> None:
        self.calls.append(("cancel", job))

    def kill(self, job) -> None:
        self.calls.append(("kill", job))

    def wake(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def parts(tmp_path):
    store, script = Store(tmp_path / "jobs.sqlite"), Script()
    scheduler = Scheduler(store, script, tmp_path / "jobs", silence=0.5)
    scheduler.start()
    yield store, script, scheduler
    scheduler.stop()
    scheduler.join()
    store.close()


def add(store, job_id="job-number-1"):
    store.add(job_id, "toy", {"seed": 1}, {})
    return job_id


def test_jobs_run_one_at_a_time_in_the_order_they_came(parts, tmp_path):
    store, script, _ = parts
    first, second = add(store, "first-job"), add(store, "second-job")
    wait_until(lambda: script.tasks)
    time.sleep(0.1)
    (task,) = script.tasks
    assert (task.job, task.attempt, task.parameters, task.folder) == (first, 1, {"seed": 1}, tmp_path / "jobs" / first)
    assert store.status(second).state == "queued"
    script.free = True
    script.reports += [
        Report(first, 1, "progress", {"fraction": 0.5, "message": ""}),
        Report(first, 1, "done", {"outputs": {}}),
    ]
    wait_until(lambda: len(script.tasks) == 2)
    assert store.status(first).state == "done"
    assert script.tasks[1].job == second


def test_a_lost_task_is_started_again_with_the_next_attempt(parts):
    store, script, _ = parts
    job = add(store)
    wait_until(lambda: script.tasks)
    script.free = True
    script.reports += [Report(job, 1, "lost", {"reason": "killed"})]
    wait_until(lambda: len(script.tasks) == 2)
    assert script.tasks[1].attempt == 2
    script.reports += [Report(job, 1, "done", {"outputs": {"old": {}}}), Report(job, 2, "done", {"outputs": {}})]
    wait_until(lambda: store.status(job).state == "done")
    assert store.outputs(job) == {}
    check_history(store.events(job, 0)[0])


def test_what_an_attempt_that_is_over_still_says_does_not_put_off_the_end_of_silence(parts):
    store, script, _ = parts
    job = add(store)
    wait_until(lambda: script.tasks)
    script.free = True
    script.reports += [Report(job, 1, "lost", {"reason": "killed"})]
    wait_until(lambda: len(script.tasks) == 2)

    def late_news() -> bool:
        script.reports += [Report(job, 1, "progress", {"fraction": 0.1, "message": ""})]
        return store.status(job).state == "failed"

    wait_until(late_news)
    assert ("kill", job) in script.calls


def test_silence_kills_and_reports_put_it_off(parts):
    store, script, _ = parts
    job = add(store)
    wait_until(lambda: script.tasks)
    begun = time.monotonic()
    while time.monotonic() - begun < 1:
        script.reports += [Report(job, 1, "progress", {"fraction": 0.1, "message": ""})]
        time.sleep(0.1)
    assert store.status(job).state == "running"
    wait_until(lambda: store.status(job).state == "failed")
    assert ("kill", job) in script.calls
    assert "no sign of progress for 0.5 s" in store.status(job).error["message"]


def test_cancel_reaches_the_executor_and_the_end_is_recorded(parts):
    store, script, scheduler = parts
    job = add(store)
    wait_until(lambda: script.tasks)
    store.request_cancel(job)
    scheduler.cancel(job)
    wait_until(lambda: ("cancel", job) in script.calls)
    script.reports += [Report(job, 1, "cancelled")]
    wait_until(lambda: store.status(job).state == "cancelled")


def test_where_no_device_ever_works_jobs_fail_with_the_reason(parts):
    store, script, _ = parts
    script.free, script.broken = False, "There is no CUDA device."
    job = add(store)
    wait_until(lambda: store.status(job).state == "failed")
    assert store.status(job).error["message"] == "There is no CUDA device."
    check_history(store.events(job, 0)[0])


def test_an_end_that_cannot_be_written_is_written_later(parts):
    store, script, _ = parts
    job = add(store)
    wait_until(lambda: script.tasks)
    with store._lock:
        pages = store._db.execute("PRAGMA page_count").fetchone()["page_count"]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
    big = {"report": {"kind": "report", "meta": {"x": "y" * 20_000}, "arrays": {}}}
    script.reports += [
        Report(job, 1, "warning", {"message": "z" * 20_000}),  # news are lost then, and hold up no end
        Report(job, 1, "done", {"outputs": big}),
    ]
    time.sleep(0.3)
    assert store.status(job).state == "running"
    with store._lock:
        store._db.execute("PRAGMA max_page_count = 1000000")
    wait_until(lambda: store.status(job).state == "done")
    assert store.outputs(job) == big
    assert not any(event.type == "warning" for event in store.events(job, 0)[0])
