"""A real Blender with its window on a virtual screen, driven from inside by driver.py.

By itself this takes `blender`, `xvfb-run` and `import` (ImageMagick) from the search path. Where Blender lives in a
root of its own, RESTYLE_GUI_BLENDER names a command that understands `run SECONDS SCRIPT` and runs that shell script
there on a virtual screen, in the folder which is RESTYLE_GUI_STAGE here; the network must be this machine's own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SECONDS = 400

SCRIPT = """
(while sleep 0.1; do
    for wanted in *.shot; do
        [ -e "$wanted" ] && import -window root "${wanted%.shot}.png" && rm "$wanted"
    done
done) & camera=$!
trap "kill $camera" EXIT
mkdir user
export RESTYLE_TEST_ADDRESS={address} BLENDER_USER_RESOURCES="$PWD/user"
blender --factory-startup --enable-event-simulate --window-geometry 0 0 1280 800 --python driver.py > blender.log 2>&1
"""


@dataclass(frozen=True)
class Seen:
    """What the driver noted, and the folder of its pictures."""

    notes: dict[str, Any]
    stage: Path

    def picture(self, name: str) -> Any:
        """(H, W, 3) uint8 of a picture of the whole screen."""
        import numpy as np
        from PIL import Image

        with Image.open(self.stage / f"{name}.png") as image:
            return np.asarray(image.convert("RGB"))


def _command() -> list[str] | None:
    if tool := os.environ.get("RESTYLE_GUI_BLENDER"):
        return [tool, "run", str(SECONDS)]
    if all(shutil.which(name) for name in ("blender", "xvfb-run", "import")):
        return ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24 +extension GLX", "timeout", str(SECONDS), "sh"]
    return None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder that Blender sees."""
    if not os.environ.get("RESTYLE_GUI_BLENDER"):
        return tmp_path_factory.mktemp("stage")
    folder = Path(os.environ["RESTYLE_GUI_STAGE"])
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server whose job is the cheap one of tests/blender."""
    folder = tmp_path_factory.mktemp("data")
    command = [sys.executable, str(HERE.parent / "blender" / "quick" / "launch.py"), "serve", str(folder)]
    with (folder / "test.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while not (folder / "server.json").exists():
        assert process.poll() is None, (folder / "test.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield json.loads((folder / "server.json").read_text())["endpoint"]
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def seen(stage: Path, address: str, data_dir: Path) -> Seen:
    """What happened in the window; the driver runs once for all tests of the module."""
    command = _command()
    if command is None:
        pytest.skip("needs blender, xvfb-run and import on the search path, or RESTYLE_GUI_BLENDER")
    zipped = REPOSITORY / "build" / "restyle_extension.zip"
    if not zipped.exists():
        pytest.skip("needs the extension: scripts/build_extension.py -o build/restyle_extension.zip")
    for source in (zipped, HERE / "driver.py", data_dir / "meshes" / "candle.obj"):
        shutil.copyfile(source, stage / source.name)
    script = stage / "run.sh"
    script.write_text(SCRIPT.replace("{address}", address))
    with socket.socket() as probe:
        probe.settimeout(5)
        probe.connect(("127.0.0.1", int(address.rsplit(":", 1)[1])))
    subprocess.run([*command, str(script)], cwd=stage, check=False, timeout=SECONDS + 60, stdin=subprocess.DEVNULL)
    log = (stage / "blender.log").read_text()
    assert (stage / "notes.json").exists(), log[-3000:]
    notes = json.loads((stage / "notes.json").read_text())
    assert "trace" not in notes, notes["trace"]
    assert "Traceback" not in log, log[-3000:]
    return Seen(notes, stage)
