"""Start a compute server as a process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from . import discovery
from .errors import ServerUnavailableError

logger = logging.getLogger(__name__)
LOG_NAME = "server.log"
START_SECONDS = 120.0  # a busy machine, a cold disk; a server that dies is noticed at once
SLOW_SECONDS = 10.0  # after these somebody wants to know why nothing happens


def start(
    data_dir: Path | None = None,
    *,
    python: str | os.PathLike[str] = sys.executable,
    device: str = "auto",
    owner_pid: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `python -m restyle_server` and return at once.

    data_dir: None for this user's own. owner_pid: the server stops by itself when that process is gone and no job is
    left. Its output goes to server.log in the data folder.
    Raises ServerUnavailableError if the interpreter cannot be started.
    """
    folder = data_dir or discovery.data_dir()
    command = [os.fspath(python), "-m", "restyle_server", "--data-dir", str(folder), "--device", device]
    if owner_pid is not None:
        command += ["--owner-pid", str(owner_pid)]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / LOG_NAME).open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the caller's terminal must not end the jobs of others
            )
    except OSError as error:
        raise ServerUnavailableError(
            f"The server cannot be started with {command[0]} on {folder}: {error.strerror}."
        ) from error


def wait(
    process: subprocess.Popen[bytes],
    data_dir: Path | None = None,
    timeout: float = START_SECONDS,
    *,
    silent: discovery.Address | None = None,
) -> discovery.Address:
    """The address of the server that `start` began, once it is ready; a slow one is said to be so in the log.

    Another server that won the race for the same data folder is just as good. silent: an address that is published
    there and gave no answer; it counts only if the new server gives way to it, since its process may be of another
    program that was given the number of a server that is gone.
    Raises ServerUnavailableError with the end of the server's log if the process ended, or after `timeout` seconds.
    """
    folder = data_dir or discovery.data_dir()
    begun = time.monotonic()
    said = False
    while (waited := time.monotonic() - begun) < timeout:
        ended = process.poll() is not None
        address = discovery.read(folder)
        if address is not None and (ended or address != silent):
            return address
        if ended:
            raise ServerUnavailableError(f"The server did not start: {log_tail(folder)}")
        if waited > SLOW_SECONDS and not said:
            said = True
            logger.warning(slow(folder))
        time.sleep(0.02)
    raise ServerUnavailableError(f"The server did not start within {timeout:g} s: {log_tail(folder)}")


def slow(data_dir: Path | None = None) -> str:
    """What to tell somebody who waits for a server that lives and does not answer yet."""
    path = (data_dir or discovery.data_dir()) / LOG_NAME
    return f"The server is slow to start; it is given {START_SECONDS:g} s. Its log: {path}"


def log_tail(data_dir: Path | None = None) -> str:
    """The last line that the server wrote to its log, with the place of the rest."""
    path = (data_dir or discovery.data_dir()) / LOG_NAME
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return f"there is no log at {path}."
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing.")
    if "No module named" in last and "restyle_server" in last:
        last = 'the compute server is not installed there. Run: pip install "restyle[server]".'
    return f"{last} (log: {path})"
