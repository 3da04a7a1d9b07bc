"""`restyle doctor`: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from .. import discovery
from ..errors import RestyleError
from ..version import __version__
from .output import Output

MIN_FREE_BYTES = 2_000_000_000
TORCH_SECONDS = 120
# In a process of its own: importing torch takes seconds, and a broken installation may take the interpreter with it.
_TORCH_PROBE = """
import json, torch
cuda = torch.cuda.is_available()
devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if cuda else []
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "devices": devices}))
"""
_BLENDER_PLACES = (
    "/Applications/Blender.app/Contents/MacOS/Blender",
    "C:/Program Files/Blender Foundation/Blender */blender.exe",
    "/snap/bin/blender",
    "/opt/blender*/blender",
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; what is `missing` stands in the way of work, a `note` does not."""

    what: str
    state: Literal["ok", "note", "missing"]
    found: str
    advice: str = ""


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Look at everything; exit code 0 if jobs can be run, here or on the server that was named."""
    findings = []
    for finding in _look(output):
        findings.append(finding)
        mark = {"ok": "ok     ", "note": "note   ", "missing": "MISSING"}[finding.state]
        output.say(f"{mark}  {finding.what}: {finding.found}")
        if finding.advice:
            output.say(f"         -> {finding.advice}")
    usable = not any(finding.state == "missing" for finding in findings)
    output.record |= {"usable": usable, "version": __version__, "findings": [asdict(finding) for finding in findings]}
    output.say("Restyle can work here." if usable else "Restyle cannot work here yet: see what is MISSING above.")
    return 0 if usable else 1


def _look(output: Output) -> Iterator[Finding]:
    yield Finding("Restyle", "ok", f"{__version__}, Python {platform.python_version()} at {sys.executable}")
    yield Finding("Machine", "ok", f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores")
    server = _server()
    yield server
    remote = bool(os.environ.get("RESTYLE_SERVER")) and server.state == "ok"
    for finding in (*_torch(), *_models(), *_data_dir()):
        # Whoever uses a server elsewhere needs none of these here.
        if remote and finding.state == "missing":
            yield Finding(finding.what, "note", f"{finding.found} (not needed: the server is elsewhere)")
        else:
            yield finding
    yield _blender()


def _server() -> Finding:
    from ..client import connect

    address = os.environ.get("RESTYLE_SERVER")
    if address is None and discovery.read(discovery.data_dir()) is None:
        return Finding("Server", "note", "none runs; commands start one for themselves", "To keep one: restyle serve")
    try:
        with connect(start=False, timeout=3.0) as client:
            info = client.server
            devices = ", ".join(str(device.get("name")) for device in info.devices)
            return Finding("Server", "ok", f"{info.version} at {info.endpoint}, {devices or 'its worker is starting'}")
    except RestyleError as error:
        return Finding("Server", "missing", error.message, "Stop it and run: restyle serve")


def _torch() -> Iterator[Finding]:
    if importlib.util.find_spec("restyle_server") is None or importlib.util.find_spec("torch") is None:
        yield Finding("Compute", "missing", "torch is not installed", 'Run: pip install "restyle[server]"')
        return
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _TORCH_PROBE], capture_output=True, text=True, timeout=TORCH_SECONDS, check=True
        )
        found = json.loads(probe.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        stderr = getattr(error, "stderr", None) or str(error)
        reason = str(stderr).strip().splitlines()[-1]
        yield Finding("Compute", "missing", f"torch does not work: {reason}", 'Run: pip install -U "restyle[server]"')
        return
    yield Finding("Compute", "ok", f"torch {found['version']}, {found['threads']} CPU threads")
    if found["devices"]:
        yield Finding("GPU", "ok", ", ".join(found["devices"]))
    else:
        advice = "Use the presets draft and standard, or a server on a machine with an NVIDIA GPU."
        yield Finding("GPU", "note", "no CUDA device; jobs run on the CPU", advice)
    if importlib.util.find_spec("open_clip") is None:
        yield Finding("open_clip", "missing", "not installed", 'Run: pip install "restyle[server]"')


def _models() -> Iterator[Finding]:
    if importlib.util.find_spec("restyle_server") is None:
        return
    from restyle_server.config import models_dir
    from restyle_server.models.registry import describe

    models = describe(models_dir())
    present = [model for model in models if model["present"]]
    names = ", ".join(model["name"] for model in present)
    fetch = f"restyle models download {next(m['name'] for m in models if not m['stand_in'])}"
    if not present:
        yield Finding("Models", "missing", f"none in {models_dir()}", f"Run: {fetch}")
    elif all(model["stand_in"] for model in present):
        yield Finding("Models", "note", f"only the bundled stand-in {names}", f"For the real CLIP: {fetch}")
    else:
        yield Finding("Models", "ok", names)


def _data_dir() -> Iterator[Finding]:
    folder = discovery.data_dir()
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        advice = "Set RESTYLE_DATA_DIR to a folder that can be written."
        yield Finding("Data folder", "missing", f"{folder} cannot be written", advice)
        return
    free = shutil.disk_usage(existing).free
    enough = free >= MIN_FREE_BYTES
    yield Finding(
        "Data folder",
        "ok" if enough else "missing",
        f"{folder}, {free / 1e9:.1f} GB free",
        "" if enough else "Free some space, or set RESTYLE_DATA_DIR to a folder on another disk.",
    )


def _blender() -> Finding:
    found = shutil.which("blender")
    places = (match for place in _BLENDER_PLACES for match in Path(Path(place).anchor).glob(place.lstrip("/")))
    path = found or next((str(match) for match in places), None)
    if path is None:
        return Finding("Blender", "note", "not found", "Needed only for the panel; install the extension from its zip.")
    return Finding("Blender", "ok", path)
