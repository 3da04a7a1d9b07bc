"""Servers and workers killed at random, many times: every accepted job still ends once, with the undisturbed result."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from toy_server import check_history, wait_until

import restyle

STEPS = 30


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run."""
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers through /proc")
@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=[pytest.mark.chaos, pytest.mark.timeout(1800)])])
def test_random_kills_lose_nothing(make_server, kills):
    seed = int(os.environ.get("RESTYLE_CHAOS_SEED", time.time_ns() % 2**31))
    print(f"RESTYLE_CHAOS_SEED={seed}")
    chance = random.Random(seed)
    server = make_server()
    accepted: list[str] = []
    events: dict[str, list[restyle.Event]] = {}
    with restyle.connect(start=False) as client:
        for kill in range(kills):
            accepted.append(client.submit("toy", seed=kill, steps=STEPS, pause=0.01).id)
            time.sleep(chance.uniform(0.0, 0.8))
            for job_id in accepted:
                known = events.setdefault(job_id, [])
                known += client.events(job_id, since=len(known))
            workers = children(server.process.pid)
            if workers and chance.random() < 0.5:
                os.kill(workers[0], signal.SIGKILL)
            else:
                server.kill()
                server.start()
        for number, job_id in enumerate(accepted):
            result = client.job(job_id).result()
            assert result.report["value"] == 2 + (number - 2) * 0.5**STEPS, f"seed {seed}"
            known = events.setdefault(job_id, [])
            known += client.events(job_id, since=len(known))
            check_history(known)
            assert known == client.events(job_id), f"seed {seed}: the story changed after it was told"
        assert [status.id for status in client.jobs()] == accepted
        wait_until(lambda: len(children(server.process.pid)) == 1)
