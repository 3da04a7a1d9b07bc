"""A server of our own that is slow is waited for; one that dies, or is another program, is not. Real processes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from toy_server import process_gone, wait_until

import restyle
from restyle import discovery, launch
from restyle.locate import Locator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its interpreters are shell scripts")

FIRST_HELLO = """
import os, sys, time
from restyle_server import app, control
hello, asked = control.ControlService.hello, []
def slow_at_first(*arguments):
    if not asked:
        asked.append(1)
        {what}
    return hello(*arguments)
control.ControlService.hello = slow_at_first
sys.exit(app.main(sys.argv[3:]))  # after -m restyle_server
"""


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has servers started by the lines of a shell script; "$@" are the arguments of the interpreter."""
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)

    def use(lines: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o700)
        monkeypatch.setattr(launch, "start", partial(launch.start, python=script))

    return use


@pytest.fixture
def first_hello(interpreter: Callable[[str], None], tmp_path: Path) -> Callable[[str], None]:
    """Has the server do something before its first answer to a hello."""

    def use(what: str) -> None:
        (tmp_path / "hello.py").write_text(FIRST_HELLO.format(what=what))
        interpreter(f'exec {sys.executable} {tmp_path / "hello.py"} "$@"')

    return use


@pytest.fixture
def bystander() -> Iterator[int]:
    """The number of a process that is no server."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_a_late_start_is_waited_for_with_words(interpreter, monkeypatch, caplog):
    interpreter(f'sleep 1.5\n{sys.executable} "$@"')  # and the server is not the process that was started
    monkeypatch.setattr(launch, "SLOW_SECONDS", 0.5)
    with restyle.connect(timeout=5) as client:
        assert client.server.started_by_us
        pid = client.server.pid
    assert process_gone(pid)
    assert caplog.record_tuples == [("restyle.launch", logging.WARNING, launch.slow())]
    assert "server.log" in launch.slow()


def test_a_late_hello_is_waited_for_with_words(first_hello, caplog):
    first_hello("time.sleep(2)")
    with restyle.connect(timeout=0.5) as client:
        assert client.server.started_by_us
    assert set(caplog.messages) == {launch.slow()}


def test_a_death_before_the_hello_is_said_with_the_log(first_hello):
    first_hello("print('the disk broke', file=sys.stderr, flush=True); time.sleep(1); os._exit(3)")
    with pytest.raises(
        restyle.ServerUnavailableError, match=r"ended before it answered: .*the disk broke.*server\.log"
    ):
        restyle.connect(timeout=0.5)


def test_one_that_never_answers_is_ended(first_hello, monkeypatch):
    first_hello("time.sleep(600)")
    monkeypatch.setattr(launch, "START_SECONDS", 1.0)
    with pytest.raises(restyle.ServerUnavailableError, match=r"did not answer within 1 s: .*server\.log"):
        restyle.connect(timeout=0.5)
    assert discovery.read(discovery.data_dir()) is None


def test_a_busy_server_of_ours_is_not_ended(interpreter):
    interpreter(f'exec {sys.executable} "$@"')
    locator = Locator(None, start=True)
    (place,) = islice(locator.places(), 1)
    pid = discovery.read(discovery.data_dir()).pid
    try:
        os.kill(pid, signal.SIGSTOP)
        assert [each.endpoint for each in islice(locator.places(), 3)] == [place.endpoint] * 3
        os.kill(pid, signal.SIGCONT)
        assert place.alive()
    finally:
        locator.kill()
    wait_until(lambda: process_gone(pid))


def test_the_address_of_a_lost_server_whose_number_another_program_has(interpreter, bystander):
    interpreter(f'sleep 0.5\nexec {sys.executable} "$@"')
    folder = discovery.data_dir()
    folder.mkdir(parents=True)
    discovery.publish(folder, discovery.Address("tcp://127.0.0.1:9", "tcp://127.0.0.1:9", bystander, "0.1.0"))
    with restyle.connect(timeout=0.5) as client:
        assert client.server.started_by_us
        assert client.server.pid != bystander
