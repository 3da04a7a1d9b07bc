"""What the extension costs Blender's main thread while a job runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

GOAL_MS = 8  # for 99 of 100 ticks; printed and not asserted, for it needs a quiet machine


def ticks_until_ended(part: Callable[[str], Any], task: Any, look: Callable[[], object] = lambda: None) -> list[float]:
    """Seconds of processor time of each tick until the task has ended, without the longest, which applies the result.

    `look` is called after each.
    """
    session, ended, ticks = part("session").session(), part("tasks").ENDED, []
    deadline = time.monotonic() + 240
    while task.state not in ended:
        assert time.monotonic() < deadline, (task.state, task.message)
        started = time.thread_time()
        session.pump()
        ticks.append(time.thread_time() - started)
        look()
        time.sleep(0.01)
    ticks.remove(max(ticks))
    median, p99, longest = 1e3 * np.percentile(ticks, [50, 99, 100])
    print(f"{len(ticks)} ticks: median {median:.3f} ms, p99 {p99:.3f} ms (goal: {GOAL_MS}), longest {longest:.3f} ms")
    return ticks
