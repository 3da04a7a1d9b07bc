"""A real server of its own processes, on a folder of its own, that knows the test job `toy`. See launch.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

import restyle
import restyle.jobs
from restyle import discovery, launch

TOYS = Path(__file__).resolve().parent


class ToyServer:
    """Started, stopped and killed at will; settings are those of ServerConfig."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.settings = settings | {"data_dir": str(data_dir)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> discovery.Address:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(TOYS / "launch.py"), "serve", json.dumps(self.settings)]
        with (self.data_dir / launch.LOG_NAME).open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return launch.wait(self.process, self.data_dir)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def connect(self, timeout: float = 10.0) -> restyle.Client:
        return restyle.connect(discovery.read(self.data_dir).endpoint, timeout=timeout)

    def log(self) -> str:
        return (self.data_dir / launch.LOG_NAME).read_text()


@contextmanager
def toy_declared() -> Iterator[None]:
    """Let this process know the declaration of the test job too."""
    folder = str(TOYS / "declared")
    restyle.jobs.__path__.append(folder)
    restyle.jobs.declarations.cache_clear()
    try:
        yield
    finally:
        restyle.jobs.__path__.remove(folder)
        restyle.jobs.declarations.cache_clear()


@pytest.fixture(scope="module")
def toys() -> Iterator[None]:
    with toy_declared():
        yield


@pytest.fixture
def make_server(toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ToyServer]]:
    """Builds servers, started, all on one folder, which is also where `restyle.connect()` looks."""
    made: list[ToyServer] = []
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)

    def make(**settings: object) -> ToyServer:
        made.append(ToyServer(tmp_path / "data", **settings))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        if server.running():
            server.stop()


@pytest.fixture(scope="module")
def shared_server(toys: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyServer]:
    """One server for all tests of a module that leave it as it was."""
    server = ToyServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    assert server.running(), server.log()
    assert server.stop() == 0, server.log()


@pytest.fixture
def client(shared_server: ToyServer) -> Iterator[restyle.Client]:
    with shared_server.connect() as connected:
        yield connected


def wait_until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Return once `true()` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def process_gone(pid: int) -> bool:
    """Whether the process is gone, or a zombie that nobody has collected."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def check_history(events: list[restyle.Event]) -> None:
    """Numbers without gaps, states in a legal order, one end, and nothing after it."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    states = [event.data["state"] for event in events if event.type == "state"]
    assert states[0] == "queued"
    legal = {"queued": {"running", "cancelled"}, "running": {"queued", "done", "failed", "cancelled"}}
    for before, after in pairwise(states):
        assert after in legal[before], states
    assert states[-1] in ("done", "failed", "cancelled")
    assert events[-1].type == "state"
    attempts = [event.data["attempt"] for event in events if event.data.get("state") == "running"]
    assert attempts == list(range(1, len(attempts) + 1))
