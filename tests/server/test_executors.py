"""What every executor promises, tried on real processes; another executor joins by another line in `EXECUTORS`."""

from __future__ import annotations

import os
import sys
import time

import msgpack
import pytest
import zmq
from toy_server import TOYS, process_gone, wait_until

from restyle import codec
from restyle.jobs import declaration
from restyle_server.config import ServerConfig
from restyle_server.executors import Executor, Report, Task
from restyle_server.executors.local import LocalExecutor

EXECUTORS = {"local": LocalExecutor}
TERMINAL = ("done", "failed", "cancelled", "lost")


class Watched:
    """An executor, and everything that it has reported."""

    def __init__(self, executor: Executor, folder) -> None:
        self.executor = executor
        self.folder = folder
        self.reports: list[Report] = []

    def start(self, job: str, *, attempt: int = 1, **parameters: object) -> None:
        wait_until(lambda: self.poll() or self.executor.free_device())
        values = declaration("toy").check_parameters(parameters)
        task = Task(job, "toy", attempt, values, {}, self.folder / job)
        self.executor.start(task, self.executor.free_device())

    def poll(self) -> None:
        self.reports += self.executor.poll(0.05)

    def until(self, *types: str) -> Report:
        wait_until(lambda: self.poll() or any(report.type in types for report in self.reports))
        return next(report for report in self.reports if report.type in types)


@pytest.fixture(params=EXECUTORS)
def make(request, tmp_path, toys):
    made = []

    def make_executor(**settings: object) -> Watched:
        context = zmq.Context()
        config = ServerConfig(
            tmp_path,
            device="cpu",
            **{"worker_command": (sys.executable, str(TOYS / "launch.py"), "worker"), "grace": 0.5} | settings,
        )
        watched = Watched(EXECUTORS[request.param](context, config), tmp_path / "jobs")
        made.append((context, watched))
        return watched

    yield make_executor
    for context, watched in made:
        watched.executor.close()
        context.destroy(linger=0)


def test_a_task_reports_and_ends_and_its_device_is_free_again(make):
    watched = make()
    watched.start("job-number-1", steps=3)
    assert watched.executor.free_device() is None
    done = watched.until(*TERMINAL)
    assert (done.type, done.job, done.attempt) == ("done", "job-number-1", 1)
    assert set(done.data["outputs"]) == {"report"}
    assert watched.reports[0].type == "progress"
    assert watched.executor.free_device() == "cpu"
    (device,) = watched.executor.devices()
    assert (device["id"], device["state"]) == ("cpu", "ready")


def test_a_task_that_listens_is_cancelled_and_one_that_does_not_is_killed(make):
    watched = make()
    watched.start("listens-well", steps=1000, pause=0.02)
    watched.until("progress")
    watched.executor.cancel("listens-well")
    assert watched.until(*TERMINAL).type == "cancelled"
    watched.reports.clear()
    watched.start("is-asleep", misbehave="sleep")
    watched.until("progress")
    begun = time.monotonic()
    while not any(report.type in TERMINAL for report in watched.reports):
        watched.executor.cancel("is-asleep")  # asking again and again does not put it off
        watched.poll()
        assert time.monotonic() - begun < 10
    assert watched.until(*TERMINAL).type == "lost"


@pytest.mark.skipif(os.name == "nt", reason="processes have no groups there")
def test_what_a_task_has_started_is_killed_with_it(make):
    watched = make()
    watched.start("has-a-child", misbehave="child")
    child = watched.until("progress").data["child"]
    watched.executor.kill("has-a-child")
    watched.until("lost")
    wait_until(lambda: process_gone(child))


def test_a_killed_task_is_lost_and_the_next_one_runs(make):
    watched = make()
    watched.start("job-number-1", steps=1000, pause=0.02)
    pid = watched.until("progress").data["pid"]
    watched.executor.kill("job-number-1")
    lost = watched.until(*TERMINAL)
    assert (lost.type, lost.job, lost.attempt) == ("lost", "job-number-1", 1)
    assert "SIGKILL" in lost.data["reason"]
    wait_until(lambda: process_gone(pid))
    watched.reports.clear()
    watched.start("job-number-2", attempt=7)
    assert watched.until(*TERMINAL).attempt == 7


def test_closing_ends_the_processes(make):
    watched = make()
    watched.start("job-number-1", steps=1000, pause=0.02)
    pid = watched.until("progress").data["pid"]
    watched.executor.close()
    wait_until(lambda: process_gone(pid))


def test_wake_ends_a_wait(make):
    watched = make()
    wait_until(lambda: watched.poll() or watched.executor.free_device())
    watched.executor.wake()
    begun = time.monotonic()
    watched.executor.poll(30)
    assert time.monotonic() - begun < 5


def test_a_command_that_is_not_there_is_a_problem_and_no_crash(make):
    watched = make(worker_command=("/no/such/python",))
    wait_until(lambda: watched.poll() or watched.executor.problem())
    assert "No such file" in watched.executor.problem()
    assert watched.executor.free_device() is None


def test_strangers_on_the_workers_socket_are_not_heard(make):
    watched = make()
    watched.start("job-number-1", steps=50, pause=0.02)
    report = {"op": "report", "type": "done", "data": {"outputs": {}}}
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        stranger.connect(f"tcp://127.0.0.1:{watched.executor._port}")
        for frames in (
            [b"\xc1"],
            [b""] * 40,
            codec.encode(report),
            codec.encode({"op": "ready", "token": "é", "device": "cpu", "name": "", "count": 0}),
            codec.encode({"op": "ready", "token": "", "device": "cpu", "name": "", "count": 0}),
            [msgpack.packb({"v": 1, "op": "ready", "arrays": [{"dtype": "uint8", "shape": [2**62]}]}), b""],
        ):
            stranger.send_multipart(frames)
        stranger.send_multipart(codec.encode(report))
        done = watched.until(*TERMINAL)
    assert set(done.data["outputs"]) == {"report"}
