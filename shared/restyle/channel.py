"""One connection to a server's socket: requests go out, the replies that answer them come back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import zmq
from numpy.typing import NDArray

from .codec import decode, encode
from .errors import ServerUnavailableError, UsageError, VersionMismatchError, error_from_code
from .protocol import MAX_FRAME_BYTES, WINDOW
from .version import PROTOCOL_MAJOR, __version__

ALIVE_CHECK = 0.5  # seconds
Reply = tuple[dict[str, Any], list[NDArray[Any]]]


class Channel:
    """A DEALER socket with numbered requests; to be used from one thread.

    alive: whether the process at the other end exists, where that can be known; it is asked while nothing comes.
    `lost` turns true when the connection broke while an answer was awaited; the channel is then of no more use.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        alive: Callable[[], bool] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._alive = alive
        self.lost = False
        self._number = 0
        self._socket = context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.IMMEDIATE, 1),  # without it a message to nobody is queued and looks sent
            (zmq.SNDHWM, 2 * WINDOW),
            (zmq.RCVHWM, 2 * WINDOW),
            (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 5000),
            (zmq.HANDSHAKE_IVL, 3000),
            (zmq.RECONNECT_IVL, 50),
            (zmq.RECONNECT_IVL_MAX, 500),
        ):
            self._socket.setsockopt(option, value)
        # A DEALER reconnects in silence; only its monitor says that the peer of an unanswered request is gone.
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise UsageError(
                f"{endpoint!r} is not an address of a server; one looks like tcp://127.0.0.1:5599."
            ) from error

    def request(
        self, fields: Mapping[str, Any], arrays: Sequence[NDArray[Any]] = (), *, timeout: float
    ) -> dict[str, Any]:
        """Send one request and return the header of its reply; the error that the server sent is raised."""
        return self.exchange(fields, arrays, timeout=timeout)[0]

    def exchange(self, fields: Mapping[str, Any], arrays: Sequence[NDArray[Any]] = (), *, timeout: float) -> Reply:
        """As `request`, with the arrays of the reply."""
        return self._receive(self._send(fields, arrays, timeout), timeout)

    def pipeline(
        self, requests: Iterable[tuple[Mapping[str, Any], Sequence[NDArray[Any]]]], *, timeout: float
    ) -> Iterator[Reply]:
        """Send many requests with at most WINDOW of them unanswered, and yield their replies in order."""
        pending: deque[int] = deque()
        for fields, arrays in requests:
            if len(pending) == WINDOW:
                yield self._receive(pending.popleft(), timeout)
            pending.append(self._send(fields, arrays, timeout))
        while pending:
            yield self._receive(pending.popleft(), timeout)

    def close(self) -> None:
        """Close at once; what was not sent is dropped."""
        if not self._socket.closed:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0)

    def _send(self, fields: Mapping[str, Any], arrays: Sequence[NDArray[Any]], timeout: float) -> int:
        self._number += 1
        frames = encode({**fields, "id": self._number}, arrays)
        self._wait(zmq.POLLOUT, time.monotonic() + timeout, timeout)
        self._socket.send_multipart(frames, zmq.NOBLOCK, copy=not arrays)
        return self._number

    def _receive(self, number: int, timeout: float) -> Reply:
        deadline = time.monotonic() + timeout
        while True:
            self._wait(zmq.POLLIN, deadline, timeout)
            frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            header, arrays = decode([frame.buffer for frame in frames])
            if header.get("re") != number:
                continue  # answers a request that was given up
            if isinstance(error := header.get("error"), dict):
                raise error_from_code(str(error.get("code")), str(error.get("message")))
            if header.get("v") != PROTOCOL_MAJOR:
                raise VersionMismatchError(
                    f"This client (Restyle {__version__}) speaks protocol {PROTOCOL_MAJOR}, the server at "
                    f"{self.endpoint} speaks {header.get('v')}. Install the same version of Restyle on both sides."
                )
            return header, arrays

    def _wait(self, direction: int, deadline: float, timeout: float) -> None:
        """Wait until the socket can send or has something to read; an answer that came counts more than a break."""
        poller = zmq.Poller()
        poller.register(self._socket, direction)
        poller.register(self._monitor, zmq.POLLIN)
        while not (ready := dict(poller.poll(max(0, int(min(deadline - time.monotonic(), ALIVE_CHECK) * 1000))))):
            if self._alive and not self._alive():
                self.lost = True
                raise ServerUnavailableError(f"The server at {self.endpoint} has ended. Accepted jobs are kept.")
            if time.monotonic() >= deadline:
                raise self._no_answer(timeout)
        if self._monitor in ready and (self._socket not in ready or direction == zmq.POLLOUT):
            self.lost = True
            raise ServerUnavailableError(
                f"The connection to the server at {self.endpoint} broke. Accepted jobs are kept and go on when it runs "
                "again."
            )

    def _no_answer(self, timeout: float) -> ServerUnavailableError:
        return ServerUnavailableError(
            f"The server at {self.endpoint} did not answer within {timeout:g} s. See whether it runs "
            "(`restyle doctor`), start it (`restyle serve`), or name another one (RESTYLE_SERVER)."
        )
