"""The file by which a server is found, and starting one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from restyle import discovery, launch
from restyle.errors import ServerUnavailableError

HERE = discovery.Address("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", os.getpid(), "0.1.0")


def test_what_is_published_is_found_and_private(tmp_path):
    assert discovery.read(tmp_path) is None
    discovery.publish(tmp_path, HERE)
    assert discovery.read(tmp_path) == HERE
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
    discovery.withdraw(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_dead_or_damaged_entry_is_nobody(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    discovery.publish(tmp_path, discovery.Address("a", "b", gone.pid, "c"))
    assert discovery.read(tmp_path) is None
    for content in ("", "[]", "{}", '{"endpoint": 1}', "\0"):
        (tmp_path / "server.json").write_text(content)
        assert discovery.read(tmp_path) is None


def test_another_servers_entry_is_left_alone(tmp_path):
    other = discovery.Address("a", "b", os.getppid(), "c")
    discovery.publish(tmp_path, other)
    discovery.withdraw(tmp_path)
    assert discovery.read(tmp_path) == other


def test_the_folder_is_chosen_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path))
    assert discovery.data_dir() == tmp_path
    monkeypatch.delenv("RESTYLE_DATA_DIR")
    assert discovery.data_dir().name == "restyle"


def test_an_interpreter_without_the_server_is_said_to_lack_it(tmp_path):
    process = launch.start(tmp_path, python=sys.executable)
    process.kill()
    process.wait()
    (tmp_path / "server.log").write_text("/usr/bin/python3: No module named restyle_server\n")
    with pytest.raises(ServerUnavailableError, match=r'pip install "restyle\[server\]"'):
        launch.wait(process, tmp_path)


def test_no_interpreter_at_all(tmp_path):
    with pytest.raises(ServerUnavailableError, match=r"nowhere.*No such file"):
        launch.start(tmp_path, python=tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="tells by /proc")
def test_a_process_that_ended_but_was_not_waited_for_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert discovery.process_alive(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and still holds its id
        assert not discovery.process_alive(process.pid)
