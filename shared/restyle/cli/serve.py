"""`restyle serve`: the compute server in the foreground."""

from __future__ import annotations

import argparse
import importlib

from .output import Output
from .server_package import require_server_package


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Serve until stopped."""
    require_server_package()
    options = ["--endpoint", arguments.endpoint, "--device", arguments.device]
    if arguments.data_dir:
        options += ["--data-dir", arguments.data_dir]
    code: int = importlib.import_module("restyle_server.app").main(options)
    return code
