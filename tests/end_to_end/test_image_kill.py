"""Workers killed in the middle of an image analogy: the job goes on where it was, to the undisturbed result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_server import wait_until

import restyle
from restyle import discovery, launch

RANDOM = np.random.default_rng(0)
STONE = RANDOM.integers(90, 150, (40, 56, 3), np.uint8)
STONE[12:28, 20:36] //= 3
GRASS = RANDOM.integers(0, 60, (48, 48, 3), np.uint8) + np.array([40, 120, 50], np.uint8)

WORKER = "import restyle_server.checkpoint as c; c.INTERVAL = 0.2; from restyle_server.worker import main; main()"
SERVER = """
import sys
from pathlib import Path
from restyle_server.app import serve
from restyle_server.config import ServerConfig
command = (sys.executable, "-c", sys.argv[2])
raise SystemExit(serve(ServerConfig(data_dir=Path(sys.argv[1]), device="cpu", worker_command=command)))
"""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[restyle.Client, Path]]:
    """A real server whose workers save their state five times a second, and its folder."""
    folder = tmp_path_factory.mktemp("serve")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), WORKER], stdout=log, stderr=log)
    try:
        launch.wait(process, folder)
        with restyle.connect(discovery.read(folder).endpoint) as client:
            yield client, folder
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (folder / "log").read_text()
    finally:
        process.kill()
        process.wait()


def messages(client: restyle.Client, job: str, attempt: int) -> list[str]:
    """What an attempt said while it ran."""
    said: dict[int, list[str]] = {}
    now = 0
    for event in client.events(job):
        now = event.data.get("attempt", now)
        if event.type == "progress":
            said.setdefault(now, []).append(event.data["message"])
    return said.get(attempt, [])


def kill_worker(client: restyle.Client, folder: Path, job: str) -> None:
    """Once the job has saved its state."""
    wait_until(lambda: list((folder / "jobs" / job / "scratch").glob("checkpoint-*.safetensors")), 120)
    children = Path(f"/proc/{client.server.pid}/task").glob("*/children")
    (worker,) = [int(child) for path in children for child in path.read_text().split()]
    os.kill(worker, signal.SIGKILL)


def undisturbed_and_killed(
    serving: tuple[restyle.Client, Path], name: str, **values: Any
) -> tuple[restyle.Result, restyle.Result, list[str]]:
    """The results of the same job without and with a kill, and what the second attempt said."""
    client, folder = serving
    job = client.submit(name, **values)
    kill_worker(client, folder, job.id)
    killed = job.result()
    assert killed.status.attempt == 2
    wait_until(lambda: not (folder / "jobs" / job.id / "scratch").exists())
    return client.submit(name, **values).result(), killed, messages(client, job.id, 2)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers through /proc"),
]


def test_a_clip_goes_on_at_its_frame(serving: tuple[restyle.Client, Path]) -> None:
    pixels = np.stack([np.roll(STONE, 3 * number, axis=1) for number in range(24)])
    values = {"structure": restyle.Frames(pixels, 24.0), "appearance": GRASS, "preset": "draft", "granularity": 12}
    whole, killed, said = undisturbed_and_killed(serving, "frames_analogy", **values)
    first = next(message for message in said if message.startswith("Frame"))
    assert int(first.split()[1]) > 1, said
    np.testing.assert_array_equal(killed.frames.pixels, whole.frames.pixels)
    assert json.dumps(killed.report["flicker"]) == json.dumps(whole.report["flicker"])


def test_a_training_goes_on_in_its_scale(serving: tuple[restyle.Client, Path]) -> None:
    values = {"structure": STONE, "appearance": GRASS, "method": "gan", "preset": "draft", "iterations": 6}
    whole, killed, said = undisturbed_and_killed(serving, "image_analogy", **values)
    rounds = [message for message in said if message.startswith("Scale")]
    assert rounds, said
    assert not rounds[0].startswith("Scale 1 of") or "round 1 " not in rounds[0]
    np.testing.assert_array_equal(killed.picture, whole.picture)
