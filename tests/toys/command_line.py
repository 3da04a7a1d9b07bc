"""The `restyle` command as a user runs it, against a real server of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_server import wait_until

from restyle import discovery

RESTYLE = [sys.executable, "-m", "restyle.cli.main"]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a machine on which `restyle serve` runs."""
    folder = tmp_path_factory.mktemp("serve")
    environment = os.environ | {"RESTYLE_DATA_DIR": str(folder / "data"), "RESTYLE_MODELS_DIR": str(folder / "models")}
    environment.pop("RESTYLE_SERVER", None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*RESTYLE, "serve", "--device", "cpu"], env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: discovery.read(folder / "data") or process.poll() is not None, 120)
        assert process.poll() is None, (folder / "log").read_text()
        yield environment
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (folder / "log").read_text()
    finally:
        process.kill()
        process.wait()


def run(environment: dict[str, str], folder: Path, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """Run `restyle WORDS --json` in a folder; its record, and what it said to people."""
    command = [*RESTYLE, *words, "--json"]
    ran = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout), ran.stderr
