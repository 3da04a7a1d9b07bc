"""Following a job to its end, and what is said about it then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import Any

from numpy.typing import NDArray

from ..client import Job, Result
from ..errors import CancelledError, JobFailedError, RestyleError
from ..outfile import make_folder
from ..picturefile import write_picture
from ..protocol import JobStatus
from .output import Output

OnPreview = Callable[[int, NDArray[Any]], None]


def follow(job: Job, output: Output, on_preview: OnPreview | None = None) -> Result:
    """Show progress and warnings until the job ends; return what it made or raise the error with which it ended.

    on_preview: called with each preview's event number and picture (H, W, 3) uint8.
    """
    output.record |= {"job": job.id, "name": job.status().name}
    with interrupts() as interrupted, output.progress("Waiting for the device") as show:
        for event in job.events():
            if interrupted.is_set():
                raise KeyboardInterrupt
            if event.type == "progress":
                show(event.data["fraction"], event.data["message"])
            elif event.type == "warning":
                output.warn(event.data["message"])
            elif event.type == "preview" and on_preview is not None and event.preview_kind == "image":
                picture = job.client.fetch_preview(event)
                if picture is not None:
                    on_preview(event.seq, picture)
    try:
        return job.result()
    except JobFailedError as error:
        raise JobFailedError(f"{error.message} Read it: restyle jobs show {job.id}") from error


@contextmanager
def interrupts() -> Iterator[Event]:
    """Remember a Ctrl-C: Python drops the exception where it strikes in a callback, as during an import."""
    seen = Event()
    if current_thread() is not main_thread():
        yield seen
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        seen.set()
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def preview_folder(name: str | None) -> Path | None:
    """The folder of --preview, made if need be; BadInputError if that cannot be."""
    if name is None:
        return None
    folder = Path(name)
    make_folder(folder)
    return folder


def follow_with_previews(job: Job, output: Output, previews: Path | None) -> Result:
    """As `follow`, writing each preview into that folder; Ctrl-C cancels the job and raises CancelledError."""
    pictures: list[str] = []

    def keep(number: int, picture: NDArray[Any]) -> None:
        if previews is not None:
            path = previews / f"preview_{number:05}.png"
            write_picture(path, picture)
            pictures.append(str(path.resolve()))

    output.record["outputs"] = {"previews": pictures} if previews is not None else {}
    try:
        return follow(job, output, keep if previews is not None else None)
    except KeyboardInterrupt:
        raise cancel_on_interrupt(job, output) from None


def cancel_on_interrupt(job: Job, output: Output) -> CancelledError:
    """Cancel the job of a command that was interrupted; gives the error that ends the command."""
    output.note("Cancelling ... (once more to leave at once)")
    job.cancel()
    for _ in job.events():
        pass
    return CancelledError(f"the job {job.id} was cancelled.")


@contextmanager
def writing(job: Job, output: Output) -> Iterator[None]:
    """While a job's results are written: an error that stops this, or a Ctrl-C, says where they are still to be had."""
    kept = f"The result is kept on the server: restyle jobs fetch {job.id} -o DIR"
    try:
        yield
    except RestyleError as error:
        raise type(error)(f"{error.message} {kept}") from error
    except KeyboardInterrupt:
        output.note(kept)
        raise


def finished(result: Result, output: Output) -> dict[str, Any]:
    """Put the job's end into the record: state, seconds, device, parameters as used, scores; gives its report."""
    status, report = result.status, result.outputs.get("report", {})
    options = report.get("options", {})
    output.record |= {
        "state": status.state,
        "seconds": seconds(status),
        "device": status.device or report.get("device"),
        "model": report.get("model"),
        # Where the declaration left a setting to the job, the report says what it took.
        "parameters": {
            name: options.get(name) if value is None else value for name, value in status.parameters.items()
        },
        "scores": report.get("scores") or {name: report[name] for name in ("score",) if name in report},
        "warnings": output.warnings,
    }
    return dict(report)


def seconds(status: JobStatus) -> float | None:
    """How long the job ran, if it has ended."""
    if status.started is None or status.finished is None:
        return None
    return round(status.finished - status.started, 3)
