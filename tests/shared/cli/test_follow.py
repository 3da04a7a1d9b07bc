"""Following a job: what Ctrl-C does when it strikes where Python drops exceptions."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from restyle.cli.follow import follow


class Struck:
    """Something that is interrupted while it is finalised, as Python's import locks are in their callbacks."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # the handler runs between two instructions of this very frame
            pass


class Interrupted:
    """A job with events; the interrupt comes between the first and the second."""

    id, client = "job", None

    def status(self) -> Any:
        return SimpleNamespace(name="toy")

    def events(self) -> Iterator[Any]:
        yield SimpleNamespace(type="state", data={}, seq=1)
        Struck()
        yield from [SimpleNamespace(type="state", data={}, seq=2)] * 3

    def result(self) -> Any:
        raise AssertionError("the interrupt was lost")


class Silent:
    """An output that says nothing."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}

    @contextmanager
    def progress(self, _title: str) -> Iterator[Any]:
        yield lambda *_: None


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_drops_is_not_lost() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        follow(Interrupted(), Silent())  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGINT) is before
