"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import CancelledError, RestyleError

Show = Callable[[float, str], None]


def of_flag(path: object, flag: str) -> str:
    """A file as it is called in an error: by its path, and by the flag that it was given with."""
    return f"{path} ({flag})"


class Output:
    """Where a command speaks, and the record that `--json` prints in the end.

    inputs: what the caller knows the job's inputs and parameters by, such as their files. Errors and warnings that
    begin with the name of one, "clip: ...", are said with this in its place, "walk.mp4: ...".
    places: the files and folders that are written, likewise: "sheet.png: ..." becomes "sheet.png (--plot): ...".
    subject: what is worked on, where there are several; warnings and progress begin with it.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.inputs: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.subject = ""
        self.record: dict[str, Any] = {}
        self.warnings: list[str] = []

    def named(self, message: str) -> str:
        """A message of a job, about what the caller gave it."""
        name, colon, rest = message.partition(": ")
        known = self.places | self.inputs
        return f"{known[name]}: {rest}" if colon and name in known else message

    def say(self, text: str) -> None:
        """A result for people; with --json the record says it."""
        if not self.as_json:
            print(text)

    def note(self, text: str) -> None:
        """Something on the way."""
        print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Something that does not stop the command but should be known; once per text."""
        text = self._of_subject(self.named(text))
        if text not in self.warnings:
            self.warnings.append(text)
            self.note(f"Warning: {text}")

    def _of_subject(self, text: str) -> str:
        return text if text.startswith(self.subject) else f"{self.subject}: {text}"

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows in columns, the first row as a heading; plain text, so that it can be cut and searched."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())

    def finish(self) -> None:
        """Print the record of a command that worked."""
        if self.as_json:
            print(json.dumps(self.record))

    def fail(self, error: RestyleError) -> None:
        """Say the error; with --json also as the record."""
        message = self.named(error.message)
        self.note(f"{'Cancelled' if isinstance(error, CancelledError) else 'Error'}: {message}")
        if self.as_json:
            state = "cancelled" if isinstance(error, CancelledError) else "failed"
            end = {"state": state, "error": {"code": error.code, "message": message}, "warnings": self.warnings}
            print(json.dumps(self.record | end))

    @contextmanager
    def progress(self, title: str) -> Iterator[Show]:
        """A progress bar while the block runs; gives what takes a fraction and a message. None without a terminal."""
        if not sys.stderr.isatty():
            yield lambda fraction, message: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
            task = bar.add_task(self._of_subject(title), total=1.0)
            yield lambda done, message: bar.update(task, completed=done, description=self._of_subject(message or title))
