"""Addresses that are served, and those that are refused with the reason."""

from __future__ import annotations

import pytest

from restyle.errors import UsageError
from restyle_server.app import main, parse
from restyle_server.config import ServerConfig


@pytest.mark.parametrize(
    ("endpoint", "data"),
    [
        ("tcp://127.0.0.1:5599", "tcp://127.0.0.1:5600"),
        ("tcp://localhost:1", "tcp://localhost:2"),
        ("tcp://127.9.9.9:65534", "tcp://127.9.9.9:65535"),
        ("tcp://[::1]:5599", "tcp://[::1]:5600"),
        ("ipc:///tmp/restyle.sock", "ipc:///tmp/restyle.sock.data"),
    ],
)
def test_addresses_of_this_machine(tmp_path, endpoint, data):
    assert ServerConfig(tmp_path, endpoint).addresses() == (endpoint, data)


def test_auto_takes_free_ports_of_this_machine(tmp_path):
    assert set(ServerConfig(tmp_path).addresses()) == {"tcp://127.0.0.1:*"}


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://0.0.0.0:5599", "tcp://*:5599", "tcp://192.168.0.2:5599", "tcp://[::]:5599", "tcp://example.org:80"],
)
def test_other_addresses_need_keys_and_are_refused(tmp_path, endpoint):
    with pytest.raises(UsageError, match="neither encrypted nor protected by keys"):
        ServerConfig(tmp_path, endpoint).addresses()


@pytest.mark.parametrize(
    "endpoint",
    ["", "5599", "127.0.0.1:5599", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:x", "ipc://", "udp://a:1"],
)
def test_what_is_no_address(tmp_path, endpoint):
    with pytest.raises(UsageError, match=r"use tcp://127\.0\.0\.1:PORT, ipc://PATH or auto"):
        ServerConfig(tmp_path, endpoint).addresses()


@pytest.mark.parametrize("port", [0, 65535, 99999])
def test_ports_without_room_for_a_second_one(tmp_path, port):
    with pytest.raises(UsageError, match="between 1 and 65534"):
        ServerConfig(tmp_path, f"tcp://127.0.0.1:{port}").addresses()


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path / "of-the-user"))
    assert parse([]) == ServerConfig(tmp_path / "of-the-user")
    given = parse(
        ["--endpoint", "tcp://127.0.0.1:7", "--data-dir", str(tmp_path), "--device", "cuda:1", "--owner-pid", "3"]
    )
    assert given == ServerConfig(tmp_path, "tcp://127.0.0.1:7", "cuda:1", 3)
    for wrong in (["--device", "tpu"], ["--device", "cuda:"], ["--device", "cpu:1"], ["--owner-pid", "me"]):
        with pytest.raises(SystemExit) as ended:
            parse(wrong)
        assert ended.value.code == 2
    capsys.readouterr()


def test_a_refused_address_ends_the_program_with_a_sentence(tmp_path, capsys):
    assert main(["--endpoint", "tcp://0.0.0.0:5599", "--data-dir", str(tmp_path)]) == 2
    assert "neither encrypted" in capsys.readouterr().err
