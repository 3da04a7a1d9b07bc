"""How a server runs: addresses, folders, devices, and the few figures that tests shorten."""

from __future__ import annotations

import ipaddress
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from restyle.errors import UsageError

AUTO = "auto"


@dataclass(frozen=True)
class ServerConfig:
    """Everything that a server is told.

    endpoint: "auto", tcp://127.0.0.1:PORT (the data socket then takes PORT + 1) or ipc://PATH.
    device: auto, cpu, cuda or cuda:N. owner_pid: stop when that process is gone and no job is left.
    worker_command: what starts a worker process. grace: seconds from a cancel to a kill.
    silence: seconds without a report after which a running job counts as stuck.
    keep: seconds for which ended jobs stay.
    """

    data_dir: Path
    endpoint: str = AUTO
    device: str = AUTO
    owner_pid: int | None = None
    worker_command: tuple[str, ...] = (sys.executable, "-m", "restyle_server.worker")
    grace: float = 3.0
    silence: float = 300.0
    keep: float = 7 * 86400.0

    def addresses(self) -> tuple[str, str]:
        """What the control and the data socket bind to.

        Raises UsageError for an address that other machines could reach: without encryption and keys (CURVE, which is
        yet to come) anybody on the network could run jobs and read results.
        """
        if self.endpoint == AUTO:
            return "tcp://127.0.0.1:*", "tcp://127.0.0.1:*"
        if self.endpoint.startswith("ipc://") and len(self.endpoint) > len("ipc://"):
            return self.endpoint, f"{self.endpoint}.data"
        host, _, port = self.endpoint.removeprefix("tcp://").rpartition(":")
        if not self.endpoint.startswith("tcp://") or not port.isascii() or not port.isdigit():
            raise UsageError(f"--endpoint {self.endpoint}: use tcp://127.0.0.1:PORT, ipc://PATH or auto.")
        if not 1 <= int(port) <= 65534:
            raise UsageError(
                f"--endpoint {self.endpoint}: the port must lie between 1 and 65534; the next one is used too."
            )
        if not _is_loopback(host):
            raise UsageError(
                f"--endpoint {self.endpoint}: only addresses of this machine itself are served (127.0.0.1), since the "
                "connection is neither encrypted nor protected by keys yet. From elsewhere, use an SSH tunnel to both "
                "ports."
            )
        return self.endpoint, f"tcp://{host}:{int(port) + 1}"

    @property
    def blobs_dir(self) -> Path:
        """Arrays by their SHA-256."""
        return self.data_dir / "blobs"

    @property
    def jobs_dir(self) -> Path:
        """A folder per job: log and scratch."""
        return self.data_dir / "jobs"

    @property
    def logs_dir(self) -> Path:
        """What workers write outside of any job."""
        return self.data_dir / "logs"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def models_dir() -> Path:
    """The folder of downloaded models: RESTYLE_MODELS_DIR, else this user's own place for data."""
    if chosen := os.environ.get("RESTYLE_MODELS_DIR"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("restyle", appauthor=False)) / "models"
