"""A real Blender without a window (the bpy module), with the extension installed from its zip, and a real server.

Each file here is to be run in a process of its own: scripts/dev.py test --marked does so for each version of bpy.
RESTYLE_SERVER_PYTHON names the interpreter that has the compute server.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ZIP = REPOSITORY / "build" / "restyle_extension.zip"
PACKAGE = "bl_ext.user_default.restyle"
HERE = Path(tempfile.mkdtemp(prefix="restyle-blender-"))
sys.path.insert(0, str(Path(__file__).resolve().parent))  # what tests share: image_parts

if importlib.util.find_spec("bpy"):  # to be set before bpy is imported: it reads them then
    os.environ["BLENDER_USER_RESOURCES"] = str(HERE / "user")
    os.environ["RESTYLE_DATA_DIR"] = str(HERE / "data")
    os.environ.pop("RESTYLE_SERVER", None)
    (HERE / "user").mkdir()


@pytest.fixture(scope="session", autouse=True)
def _clean_up() -> Iterator[None]:
    yield
    shutil.rmtree(HERE, ignore_errors=True)


@pytest.fixture(scope="session")
def extension_zip() -> Path:
    """The extension, built anew if a source is newer than it."""
    sources = [*(REPOSITORY / "blender_addon").iterdir(), *(REPOSITORY / "shared" / "restyle").rglob("*.py")]
    if not ZIP.exists() or ZIP.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run([sys.executable, REPOSITORY / "scripts" / "build_extension.py", "-o", ZIP], check=True)
    return ZIP


@pytest.fixture(scope="session")
def installed(extension_zip: Path) -> str:
    """The extension, installed and enabled in an empty Blender."""
    import bpy

    bpy.ops.extensions.package_install_files(filepath=str(extension_zip), repo="user_default", enable_on_install=True)
    return PACKAGE


@pytest.fixture
def part(installed: str) -> Callable[[str], Any]:
    """A module of the installed extension by its name."""
    return lambda name: importlib.import_module(f"{installed}.{name}")


@pytest.fixture
def scene(installed: str) -> Iterator[Any]:
    """An empty file, and the extension with nothing under way in it."""
    import addon_utils
    import bpy

    addon_utils.disable(installed)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addon_utils.enable(installed, default_set=True)
    preferences = bpy.context.preferences.addons[installed].preferences
    preferences.server_address = ""
    preferences.server_python = os.environ.get("RESTYLE_SERVER_PYTHON", "")
    bpy.ops.ed.undo_push(message="Empty file")
    yield bpy.context.scene
    records = Path(bpy.utils.extension_path_user(installed, path="tasks", create=True))
    shutil.rmtree(records)


class Server:
    """A real compute server of this test's own, with the real jobs or with the cheap one of `quick`."""

    def __init__(self, python: str, *, quick: bool) -> None:
        self.command = [python, "-m", "restyle_server", "--device", "cpu", "--data-dir"]
        if quick:
            self.command = [python, str(Path(__file__).parent / "quick" / "launch.py"), "serve"]
        self.folder = Path(os.environ["RESTYLE_DATA_DIR"])
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "test.log").open("ab") as log:
            self.process = subprocess.Popen([*self.command, str(self.folder)], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not (self.folder / "server.json").exists():
            assert self.process.poll() is None, (self.folder / "test.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.folder / "server.json").unlink(missing_ok=True)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture(scope="module")
def server_of_module(request: pytest.FixtureRequest) -> Iterator[Server]:
    python = os.environ.get("RESTYLE_SERVER_PYTHON")
    if not python:
        pytest.skip("RESTYLE_SERVER_PYTHON does not name an interpreter that has the compute server")
    server = Server(python, quick=getattr(request.module, "QUICK_SERVER", False))
    yield server
    server.stop()


@pytest.fixture
def server(server_of_module: Server) -> Server:
    """A running server."""
    if server_of_module.process is None or server_of_module.process.poll() is not None:
        server_of_module.start()
    return server_of_module


@pytest.fixture
def pump_until(part: Callable[[str], Any]) -> Callable[..., None]:
    """Do what the timer does in a window, until a condition holds."""

    def pump(condition: Callable[[], object], seconds: float = 120.0) -> None:
        session = part("session").session()
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, [
                (task.state, task.message, task.why) for task in session.tasks.values()
            ]
            session.pump()
            time.sleep(0.01)

    return pump


@pytest.fixture
def submit(part: Callable[[str], Any]) -> Callable[..., Any]:
    """Send an object without waiting, as the operator does in a window."""

    def send(obj: Any, prompt: str = "a ball made of red brick", **parameters: Any) -> Any:
        return (
            part("session").session().submit("stylize_mesh", obj, {"prompt": prompt}, {"iterations": 3, **parameters})
        )

    return send


@pytest.fixture
def save(part: Callable[[str], Any], tmp_path: Path) -> Callable[..., Path]:
    """Write pixels as a PNG file."""

    def write(pixels: Any, name: str = "picture.png") -> Path:
        path = tmp_path / name
        path.write_bytes(part("rasters").png(pixels))
        return path

    return write


@pytest.fixture
def panel(scene: Any) -> Any:
    """The settings of the panel of image analogy, with an appearance picture chosen."""
    import bpy
    from image_parts import generated, noise

    settings = scene.restyle.image_analogy
    settings.from_appearance.image = generated("matter", noise(9))
    bpy.ops.ed.undo_push(message="Matter")
    return settings
