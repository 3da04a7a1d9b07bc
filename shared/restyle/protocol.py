"""What the messages say: limits, identifiers, and the records that cross the wire. See docs/protocol.md."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, TypeVar

from .errors import ProtocolError, UsageError

CHUNK_BYTES = 1024 * 1024
WINDOW = 8  # chunks under way without an answer; bounds memory, and how long a message waits behind bulk data
MAX_FRAME_BYTES = 8 * 1024 * 1024
MAX_WAIT_SECONDS = 30.0  # of one long poll
PAGE_BYTES = 32 * 1024  # of records in one message; half a header, so that the rest of it always fits
MAX_INTEGER = 2**53  # beyond, other languages and the database disagree about what a number is

State = Literal["queued", "running", "done", "failed", "cancelled"]
TERMINAL: tuple[State, ...] = ("done", "failed", "cancelled")

_JOB_ID = re.compile(r"[a-z0-9][a-z0-9_-]{7,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")


def take(header: dict[str, Any], name: str, kind: type[T], default: T | None = None) -> T:
    """The field `name` of a received header, which must be a `kind`; ProtocolError otherwise."""
    value = header.get(name, default)
    if type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ProtocolError(f"The field {name!r} is a number beyond all bounds.")
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolError(f"The field {name!r} must be a {kind.__name__}; it is a {type(value).__name__}.")
    return value


def check_job_id(job_id: str) -> str:
    """Return `job_id`, or raise UsageError: it names files too, so that only a safe form is taken."""
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise UsageError(
            f"The job id {str(job_id)[:80]!r} is not 8 to 64 lower-case letters, digits, '-' or '_' (a UUID is fine)."
        )
    return job_id


def check_hash(digest: str) -> str:
    """Return `digest`, or raise ProtocolError unless it is a SHA-256 in lower-case hexadecimal."""
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise ProtocolError("A blob is named by its SHA-256 in 64 lower-case hexadecimal digits.")
    return digest


class _Record:
    """Conversion to and from header data; unknown fields of a newer minor version are ignored."""

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_wire(cls, data: object) -> Self:
        if not isinstance(data, dict):
            raise ProtocolError(f"A {cls.__name__} that is not a map.")
        known = {entry.name for entry in fields(cls)}  # type: ignore[arg-type]
        try:
            return cls(**{name: value for name, value in data.items() if name in known})
        except TypeError as error:
            raise ProtocolError(f"A {cls.__name__} without all its fields: {error}.") from error


@dataclass(frozen=True)
class JobStatus(_Record):
    """Where a job stands.

    created, started, finished: seconds since 1970, or None.
    progress: 0 to 1. message: what it does now. error: {"code", "message"} of a failed job.
    parameters: all of them, as used. last_seq: the number of its newest event.
    """

    id: str
    name: str
    state: State
    created: float
    started: float | None = None
    finished: float | None = None
    device: str | None = None
    attempt: int = 0
    progress: float = 0.0
    message: str = ""
    error: dict[str, str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    last_seq: int = 0

    @property
    def ended(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in TERMINAL


@dataclass(frozen=True)
class Event(_Record):
    """One numbered event of a job; numbers start at 1 and have no gaps.

    data: state: {"state", "attempt", "device", "error"?}; progress: {"fraction", "message", ...};
    preview: {"name", "value"}, the value as header data; warning: {"message"}.
    """

    seq: int
    time: float
    type: Literal["state", "progress", "preview", "warning"]
    data: dict[str, Any]

    @property
    def preview_kind(self) -> str:
        """Of a preview that no newer one has replaced, the kind of its value; empty for any other event."""
        value = self.data.get("value") if self.type == "preview" else None
        return str(value.get("kind", "")) if isinstance(value, dict) else ""


@dataclass(frozen=True)
class ServerInfo(_Record):
    """What a server said about itself.

    protocol: (major, minor). endpoint, data_endpoint: addresses of its two sockets.
    devices: {"id", "name", "state", and a "problem" if it has one} each; state is starting, ready, busy or broken.
    models: {"name", "title", "present", "stand_in"} and more, each. jobs: names. limits: sizes in bytes, and counts.
    started_by_us: whether `connect` launched it, so that closing the client stops it.
    """

    version: str
    protocol: tuple[int, int]
    pid: int
    endpoint: str
    data_endpoint: str
    devices: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    started_by_us: bool = False
