"""A ROUTER socket on a thread of its own: requests in, each answered by the handler that its `op` names."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import zmq
from numpy.typing import NDArray

from restyle.codec import Buffer, decode, encode
from restyle.errors import ProtocolError, RestyleError, UsageError, VersionMismatchError
from restyle.protocol import MAX_FRAME_BYTES, WINDOW
from restyle.version import PROTOCOL_MAJOR, PROTOCOL_MINOR, __version__

from .doorbell import Doorbell

logger = logging.getLogger(__name__)

Header = dict[str, Any]
Arrays = list[NDArray[Any]]
BATCH = 64  # messages taken before anything else is looked at


class Peer:
    """Who asked, and under which number."""

    def __init__(self, router: Router, identity: bytes, number: object) -> None:
        self._router = router
        self._identity = identity
        self._number = number

    def answer(self, header: Header, arrays: tuple[NDArray[Any], ...] = ()) -> None:
        """Send the reply; somebody who has gone, or who does not read what was asked for, does not get it."""
        self._router.send(self._identity, header | {"re": self._number}, arrays)

    def refuse(self, error: RestyleError) -> None:
        """Send the error as the reply."""
        self.answer({"error": {"code": error.code, "message": error.message[:2000]}})


Handler = Callable[[Peer, Header, Arrays], None]


class Router(threading.Thread):
    """One socket, its thread and its handlers.

    handlers: by `op`; each answers its peer, now or later.
    tick: called after every wait; returns the seconds until it wants to be called again.
    Raises UsageError if the address cannot be bound.
    """

    def __init__(
        self,
        name: str,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        handlers: dict[str, Handler],
        tick: Callable[[], float] = lambda: 60.0,
    ) -> None:
        super().__init__(name=name)
        self._handlers = handlers
        self._tick = tick
        self._doorbell = Doorbell()
        self._stopping = False
        self._socket = context.socket(zmq.ROUTER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.ROUTER_MANDATORY, 1),  # without it, messages that cannot go out vanish
            (zmq.SNDHWM, 2 * WINDOW),
            (zmq.RCVHWM, 2 * WINDOW),
            (zmq.MAXMSGSIZE, MAX_FRAME_BYTES),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 5000),
            (zmq.HANDSHAKE_IVL, 3000),
        ):
            self._socket.setsockopt(option, value)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self._socket.close()
            raise UsageError(f"The server cannot listen at {address}: {error.strerror}. Choose another.") from error
        self.endpoint: str = self._socket.get_string(zmq.LAST_ENDPOINT)

    def wake(self) -> None:
        """Let the thread call its tick; any thread may call this."""
        self._doorbell.ring()

    def stop(self) -> None:
        """End the thread; any thread may call this."""
        self._stopping = True
        self._doorbell.ring()

    def run(self) -> None:
        """The thread's loop."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._doorbell.fileno(), zmq.POLLIN)
        pause = 0.0
        while not self._stopping:
            ready = dict(poller.poll(int(pause * 1000) + 1))
            if self._doorbell.fileno() in ready:
                self._doorbell.clear()
            if self._socket in ready:
                self._take_messages()
            pause = self._tick()
        self._socket.close()

    def send(self, identity: bytes, header: Header, arrays: tuple[NDArray[Any], ...]) -> None:
        """Send one message without ever waiting for its receiver."""
        with suppress(zmq.ZMQError):  # gone (EHOSTUNREACH), or its queue is full (EAGAIN): it will ask again
            self._socket.send_multipart([identity, *encode(header, arrays)], zmq.NOBLOCK, copy=not arrays)

    def _take_messages(self) -> None:
        for _ in range(BATCH):
            try:
                identity, *frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._handle(identity.bytes, [frame.buffer for frame in frames])

    def _handle(self, identity: bytes, frames: list[Buffer]) -> None:
        peer = Peer(self, identity, None)
        try:
            header, arrays = decode(frames)
            number = header.get("id")
            if type(number) is not int:
                raise ProtocolError("A request without a number in its field 'id'.")
            peer = Peer(self, identity, number)
            check_version(header)
            handler = self._handlers.get(str(header.get("op")))
            if handler is None:
                raise ProtocolError(f"There is no request {str(header.get('op'))[:40]!r} on this socket.")
            handler(peer, header, arrays)
        except RestyleError as error:
            peer.refuse(error)
        except Exception:
            logger.exception("a request broke")
            peer.refuse(RestyleError("The server made a mistake with this request; its log says which."))


def check_version(header: Header) -> None:
    """Raise VersionMismatchError unless the peer speaks our major version."""
    theirs = header.get("v")
    if theirs != PROTOCOL_MAJOR:
        raise VersionMismatchError(
            f"This server (Restyle {__version__}) speaks protocol {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}, the client speaks "
            f"{str(theirs)[:20]}. Install the same version of Restyle on both sides."
        )
