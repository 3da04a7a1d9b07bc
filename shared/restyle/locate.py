"""Finds a server, and owns the one that had to be started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from . import discovery, launch
from .errors import ServerUnavailableError

STOP_SECONDS = 10.0


class Locator:
    """Finds the server, again after it was lost.

    address: the only one to try; None for the server of this machine. start: whether to launch that if it does not run.
    """

    def __init__(self, address: str | None, *, start: bool) -> None:
        self._address = address
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None

    def endpoints(self) -> Iterator[tuple[str, bool]]:
        """Addresses to try in order, each with whether we started the server there."""
        if self._address:
            yield self._address, False
            return
        if found := discovery.read(discovery.data_dir()):
            yield found.endpoint, self._owns(found)
        if not self._start:
            raise ServerUnavailableError("No server runs on this machine. Start one with `restyle serve`.")
        self.kill()
        self._process = launch.start(owner_pid=os.getpid())
        try:
            found = launch.wait(self._process)
        except BaseException:
            self.kill()
            raise
        if not self._owns(found):
            self.wait()  # another one won the race for the folder, and ours gives way
        yield found.endpoint, self._owns(found)

    def wait(self) -> None:
        """Wait for the server that we started, and that is about to end; kill it if it does not."""
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the server that we started, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _owns(self, found: discovery.Address) -> bool:
        return self._process is not None and self._process.pid == found.pid
