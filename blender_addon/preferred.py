"""What the artist prefers: which server is used and what starts it, and whether results are applied by themselves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import bpy

from .restyle.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1", None)


def preferences() -> bpy.types.AddonPreferences:
    """The extension's preferences."""
    return bpy.context.preferences.addons[__package__].preferences


def server_python() -> str | None:
    """The interpreter that starts the server: the chosen one, else the one that the `restyle` command belongs to."""
    if chosen := preferences().server_python.strip():
        return bpy.path.abspath(chosen)
    command = shutil.which("restyle")
    if command is None:
        return None
    beside = Path(command).resolve().parent / ("python.exe" if os.name == "nt" else "python")
    return str(beside) if beside.exists() else None


def can_start_server() -> bool:
    """Whether a server of this machine is wanted, and an interpreter for it is known."""
    return not preferences().server_address.strip() and server_python() is not None


def server_address() -> str | None:
    """The chosen address, or None for this machine's own server; UsageError if Blender may not go online for it."""
    address = preferences().server_address.strip()
    if not address:
        return None
    if "://" not in address:
        address = f"tcp://{address}"
    if not address.startswith("ipc:") and urlsplit(address).hostname not in LOOPBACK and not bpy.app.online_access:
        raise UsageError(
            f"{address} is another machine, and Blender's online access is off. "
            "Allow it in Preferences > System > Network, or use a server on this machine."
        )
    return address
