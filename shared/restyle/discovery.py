"""Where a running server leaves its address, and where everybody finds it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "server.json"


@dataclass(frozen=True)
class Address:
    """A running server: its two addresses, its process, its version, and the process that it was started for."""

    endpoint: str
    data_endpoint: str
    pid: int
    version: str
    owner_pid: int | None = None


def data_dir() -> Path:
    """The folder of jobs, blobs and the discovery file: RESTYLE_DATA_DIR, else this user's own place for data."""
    if chosen := os.environ.get("RESTYLE_DATA_DIR"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("restyle", appauthor=False))


def publish(folder: Path, address: Address) -> None:
    """Write the discovery file: readable by its owner alone, and never half written."""
    temporary = folder / f"{FILE_NAME}.{os.getpid()}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(address), file)
    temporary.replace(folder / FILE_NAME)


def withdraw(folder: Path) -> None:
    """Remove the discovery file of this process; another server's stays."""
    found = read(folder)
    if found is not None and found.pid == os.getpid():
        (folder / FILE_NAME).unlink(missing_ok=True)


def read(folder: Path) -> Address | None:
    """The server that published itself in `folder`, or None if there is none or its process is gone."""
    try:
        address = Address(**json.loads((folder / FILE_NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None  # no file, or one that no server of ours wrote: nobody to be found
    return address if process_alive(address.pid) else None


def process_alive(pid: int) -> bool:
    """Whether a process with this id exists and has not ended."""
    if sys.platform == "win32":  # os.kill(pid, 0) would send Ctrl-C there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no such folder on this system: that the id is taken is all that can be known
    return state not in "ZX"  # ended, and its parent has not asked about it yet
