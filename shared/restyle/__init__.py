"""Restyle from Python: connect to a compute server, submit jobs, read their results.

    import restyle
    with restyle.connect() as client:
        job = client.submit("stylize_mesh", mesh=mesh, prompt="a candle made of bark")
        result = job.result()

Importing this package costs next to nothing; numpy, ZeroMQ and the rest load with the first name that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    BadInputError,
    CancelledError,
    JobFailedError,
    ModelMissingError,
    ProtocolError,
    ResourcesError,
    RestyleError,
    RetryableError,
    ServerUnavailableError,
    UnknownJobError,
    UsageError,
    VersionMismatchError,
)
from .version import __version__

if TYPE_CHECKING:
    from .client import Client, Job, Result, connect
    from .kinds.curve import Curve
    from .kinds.frames import Frames, MovieFile
    from .kinds.mesh import Mesh
    from .kinds.model import Model
    from .protocol import Event, JobStatus, ServerInfo

__all__ = [
    "BadInputError",
    "CancelledError",
    "Client",
    "Curve",
    "Event",
    "Frames",
    "Job",
    "JobFailedError",
    "JobStatus",
    "Mesh",
    "Model",
    "ModelMissingError",
    "MovieFile",
    "ProtocolError",
    "ResourcesError",
    "RestyleError",
    "Result",
    "RetryableError",
    "ServerInfo",
    "ServerUnavailableError",
    "UnknownJobError",
    "UsageError",
    "VersionMismatchError",
    "__version__",
    "connect",
]

_LATE = {
    "Client": ".client",
    "Job": ".client",
    "Result": ".client",
    "connect": ".client",
    "Curve": ".kinds.curve",
    "Frames": ".kinds.frames",
    "MovieFile": ".kinds.frames",
    "Mesh": ".kinds.mesh",
    "Model": ".kinds.model",
    "Event": ".protocol",
    "JobStatus": ".protocol",
    "ServerInfo": ".protocol",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LATE[name], __name__), name)
