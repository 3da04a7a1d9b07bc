"""The one place where the command line reaches for the server's package, which a client need not have."""

from __future__ import annotations

import importlib.util

from ..errors import UsageError


def require_server_package() -> None:
    """Raise UsageError unless `restyle_server` can be imported; imports nothing."""
    if importlib.util.find_spec("restyle_server") is None:
        raise UsageError('The compute server is not installed here. Run: pip install "restyle[server]"')
