"""Finds a server, and owns the one that had to be started."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import discovery, launch
from .errors import ServerUnavailableError

logger = logging.getLogger(__name__)
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Place:
    """Where a server is: its address, whether we started it, and whether its process still exists, if we can know."""

    endpoint: str
    started_by_us: bool
    alive: Callable[[], bool] | None = None


class Locator:
    """Finds the server, again after it was lost.

    address: the only one to try; None for the server of this machine. start: whether to launch that if it does not run.
    """

    def __init__(self, address: str | None, *, start: bool) -> None:
        self._address = address
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None

    def places(self) -> Iterator[Place]:
        """Servers to try, in order; one that was started here again and again, as long as it lives and may be slow.

        Raises ServerUnavailableError if there is none, or if the one that was started ends or stays silent.
        """
        if self._address:
            yield Place(self._address, started_by_us=False)
            return
        silent = discovery.read(discovery.data_dir())
        if silent is not None:
            yield from self._tries(silent)
        if not self._start:
            raise ServerUnavailableError("No server runs on this machine. Start one with `restyle serve`.")
        self.kill()
        self._process = launch.start(owner_pid=os.getpid())
        try:
            found = launch.wait(self._process, silent=silent)
        except BaseException:
            self.kill()
            raise
        ours = self._owns(found)
        if not ours:
            self.wait()  # another one won the race for the folder, and ours gives way
        yield from self._tries(found)
        if ours:
            ended = self._process.poll() is not None
            self.kill()
            how = "ended before it answered" if ended else f"did not answer within {launch.START_SECONDS:g} s"
            raise ServerUnavailableError(f"The server {how}: {launch.log_tail()}")

    def _tries(self, found: discovery.Address) -> Iterator[Place]:
        """A server once; one of ours for as long as its start may take."""
        yield self._place(found)
        if not self._owns(found):
            return
        logger.warning(launch.slow())
        until = time.monotonic() + launch.START_SECONDS
        while time.monotonic() < until and self._owns(found):
            yield self._place(found)
            time.sleep(PAUSE_SECONDS)

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

    def _place(self, found: discovery.Address) -> Place:
        return Place(found.endpoint, self._owns(found), lambda: discovery.process_alive(found.pid))

    def _owns(self, found: discovery.Address) -> bool:
        """Whether it was started here; its process may be a child of what was started, as in a venv on Windows."""
        return self._process is not None and self._process.poll() is None and found.owner_pid == os.getpid()
