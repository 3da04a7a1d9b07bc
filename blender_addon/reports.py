"""What the link's thread tells the main thread, and the states of the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .restyle.errors import RestyleError

if TYPE_CHECKING:
    from .restyle import Event, Result, ServerInfo


class Server(Enum):
    """How the extension stands with a server; the value is what the panel says."""

    OFF = "Stopped"
    STARTING = "Starting"
    ONLINE = "Online"
    LOST = "Lost, trying again"
    REFUSED = "Not usable"


@dataclass(frozen=True)
class ServerReport:
    """The connection changed; `message` is why, where there is something to say."""

    state: Server
    info: ServerInfo | None = None
    message: str = ""


@dataclass(frozen=True)
class Accepted:
    """The server has the job on disk."""

    job_id: str


@dataclass(frozen=True)
class Progress:
    """What happened to a job since the last report."""

    job_id: str
    events: list[Event]


@dataclass(frozen=True)
class Preview:
    """A small picture of how far the job is, as `thumbnails.show` takes it."""

    job_id: str
    thumbnail: Any


@dataclass(frozen=True)
class Surface:
    """How far the vertices are, as `arrivals.surface` made it."""

    job_id: str
    arrays: Mapping[str, Any]


@dataclass(frozen=True)
class Finished:
    """The job's outputs have arrived; `arrived` is what was made of them here."""

    job_id: str
    result: Result
    arrived: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """The job was cancelled, failed, was refused, or is unknown; `arrived` is what is left of it all the same."""

    job_id: str
    error: RestyleError
    arrived: Mapping[str, Any] = field(default_factory=dict)


Report = ServerReport | Accepted | Progress | Preview | Surface | Finished | Ended


@runtime_checkable
class Later(Protocol):
    """An input that is still being read or converted; asked on this thread."""

    def get(self) -> Any | None:
        """The value, or None while it is not there."""

    def close(self) -> None:
        """Give up waiting."""
