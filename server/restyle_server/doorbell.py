"""Wakes a thread that waits for sockets: any thread may ring, the owner polls and clears."""

from __future__ import annotations

import socket
from contextlib import suppress


class Doorbell:
    """A pair of connected sockets, since a poller can wait for nothing else on every platform."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody rings."""
        return self._inside.fileno()

    def ring(self) -> None:
        """Wake the owner; many rings before it looks are one."""
        with suppress(BlockingIOError):  # the buffer is full of rings already
            self._outside.send(b"!")

    def clear(self) -> None:
        """Take all rings out, so that the next wait blocks again."""
        with suppress(BlockingIOError):
            while self._inside.recv(4096):
                pass

    def close(self) -> None:
        """Close both ends."""
        self._inside.close()
        self._outside.close()
