"""Every error that Restyle raises on purpose: one root, a class per decision the caller can take.

    RestyleError
    ├── UsageError                the call itself is off: read the help              (exit code 2)
    ├── BadInputError             an input cannot be used: change it                 (20)
    │   └── ModelMissingError     a model is not on this machine: download it        (20)
    ├── RetryableError            nothing is wrong with the request: try again       (10)
    │   ├── ServerUnavailableError  nobody answers, or the server went away
    │   ├── BlobMissingError      an array is no longer on the server
    │   └── ResourcesError        memory or disk ran out
    ├── CancelledError            somebody asked for it                              (30)
    ├── VersionMismatchError      the two ends speak different protocols: update one (1)
    ├── ProtocolError             a message breaks the protocol's rules              (1)
    ├── UnknownJobError           no job of that id is known here                    (1)
    └── JobFailedError            the job broke; its log on the server says why      (1)

Errors cross the wire as ``{"code", "message"}``; the code is stable, the message is for people.
"""

from __future__ import annotations

from typing import ClassVar


class RestyleError(Exception):
    """Root of the tree; `code` is stable over versions, `exit_code` is what a command ends with."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """What is wrong, with which input, and what to do next."""
        return str(self)


class UsageError(RestyleError):
    """The call itself is off: an unknown job, parameter or option."""

    code = "bad_usage"
    exit_code = 2


class BadInputError(RestyleError):
    """An input cannot be used as it is."""

    code = "bad_input"
    exit_code = 20


class ModelMissingError(BadInputError):
    """A model that was asked for is not on the machine that runs the job."""

    code = "model_missing"


class RetryableError(RestyleError):
    """The same request may succeed later or elsewhere."""

    code = "retryable"
    exit_code = 10


class ServerUnavailableError(RetryableError):
    """No server answers at the address, or it went away."""

    code = "server_unavailable"


class BlobMissingError(RetryableError):
    """An array that was asked for is not, or no longer, on the server: a newer preview has taken its place."""

    code = "blob_missing"


class ResourcesError(RetryableError):
    """Memory, device memory or disk ran out."""

    code = "out_of_resources"


class CancelledError(RestyleError):
    """The job was cancelled on request."""

    code = "cancelled"
    exit_code = 30


class VersionMismatchError(RestyleError):
    """The two ends speak different major versions of the protocol."""

    code = "version_mismatch"


class ProtocolError(RestyleError):
    """A message breaks the rules of the protocol (size, types, order)."""

    code = "protocol"


class UnknownJobError(RestyleError):
    """The server knows no job of that id: it was forgotten, expired, or never accepted."""

    code = "unknown_job"


class JobFailedError(RestyleError):
    """The job ended in an error that is not the caller's; the full trace is in the job's log."""

    code = "job_failed"


def _tree(root: type[RestyleError]) -> dict[str, type[RestyleError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def error_from_code(code: str, message: str) -> RestyleError:
    """The error that came over the wire as `code` and `message`; an unknown code gives the root class."""
    return _tree(RestyleError).get(code, RestyleError)(message)
