"""Fixtures of the tests that run whole programs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "toys"))

from command_line import serving
from toy_server import client, make_server, shared_server, toys

__all__ = ["client", "make_server", "serving", "shared_server", "toys"]
