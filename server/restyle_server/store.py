"""Jobs and their events in SQLite: what is committed here survives a kill of anything at any moment."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from restyle.errors import ResourcesError, RetryableError, UnknownJobError, UsageError
from restyle.protocol import PAGE_BYTES, TERMINAL, Event, JobStatus, State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, started REAL, finished REAL, device TEXT, attempt INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0, progress REAL NOT NULL DEFAULT 0, best REAL NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '', error TEXT,
    parameters TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT, cancel_requested INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (job, seq)) WITHOUT ROWID;
"""
_STATUS_FIELDS = tuple(field for field in JobStatus.__dataclass_fields__)
Row = dict[str, Any]


class Store:
    """All jobs of one data folder; safe to be used from several threads.

    on_change: called, from whichever thread, after anything was committed.
    Raises UsageError if another server holds the folder.
    """

    def __init__(self, path: Path) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._superseded: deque[tuple[float, str]] = deque()  # when, and a blob of a preview that a newer one replaced
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._db.row_factory = lambda cursor, row: {column[0]: item for column, item in zip(cursor.description, row)}
        try:
            # The exclusive lock, which dies with the process, is also what keeps a second server away.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except sqlite3.DatabaseError as error:
            self._db.close()
            if "locked" in str(error):
                raise UsageError(f"Another server already uses the data folder {path.parent}.") from error
            message = f"The job list {path} cannot be used ({error}). Free some space, or move the file away."
            raise ResourcesError(message) from error

    def close(self) -> None:
        """Release the folder."""
        with self._lock:
            self._db.close()

    # What clients ask for

    def add(self, job_id: str, name: str, parameters: Row, inputs: Row) -> bool:
        """Accept a job; False if this very job was accepted before, UsageError if another one has its id."""
        with self._transaction():
            try:
                known = self._row(job_id)
            except UnknownJobError:
                self._db.execute(
                    "INSERT INTO jobs (id, name, state, created, parameters, inputs) VALUES (?, ?, 'queued', ?, ?, ?)",
                    (job_id, name, time.time(), _dump(parameters), _dump(inputs)),
                )
                self._append(job_id, "state", {"state": "queued"})
                return True
            if (known["name"], known["parameters"], known["inputs"]) != (name, _dump(parameters), _dump(inputs)):
                raise UsageError(f"The job id {job_id} is taken by a job with other inputs or parameters.")
            return False

    def status(self, job_id: str) -> JobStatus:
        """Where the job stands; UnknownJobError if there is none."""
        with self._lock:
            return _status(self._row(job_id))

    def statuses(self, after: int) -> tuple[list[JobStatus], int]:
        """A page of jobs with numbers above `after`, and the number to go on from (0: that was all)."""
        with self._lock:
            page: list[JobStatus] = []
            size = 0
            for row in self._db.execute("SELECT * FROM jobs WHERE number > ? ORDER BY number", (after,)):
                size += len(row["parameters"]) + len(row["message"]) + len(row["error"] or "") + 300
                if page and size > PAGE_BYTES:
                    return page, after
                page.append(_status(row))
                after = row["number"]
            return page, 0

    def events(self, job_id: str, since: int) -> tuple[list[Event], bool]:
        """A page of the job's events above `since`, and whether there are more; UnknownJobError if there is no job."""
        with self._lock:
            last = self._row(job_id)["last_seq"]
            page: list[Event] = []
            if since >= last:
                return page, False
            size = 0
            rows = self._db.execute(
                "SELECT seq, time, type, data FROM events WHERE job = ? AND seq > ? ORDER BY seq", (job_id, since)
            )
            for row in rows:
                size += len(row["data"]) + 60
                if page and size > PAGE_BYTES:
                    break
                page.append(Event(row["seq"], row["time"], row["type"], json.loads(row["data"])))
            return page, page[-1].seq < last

    def outputs(self, job_id: str) -> Row:
        """The described outputs of a job that is done."""
        with self._lock:
            outputs: Row = json.loads(self._row(job_id)["outputs"] or "{}")
            return outputs

    def request_cancel(self, job_id: str) -> JobStatus:
        """End a queued job as cancelled; mark a running one, which its executor is then to stop."""
        with self._transaction():
            state = self._row(job_id)["state"]
            if state == "queued":
                self._finish(job_id, "cancelled")
            elif state == "running":
                self._db.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job_id,))
            return _status(self._row(job_id))

    def forget(self, job_id: str) -> None:
        """Delete an ended job and its events; RetryableError while it has not ended."""
        with self._transaction():
            state = self._row(job_id)["state"]
            if state not in TERMINAL:
                raise RetryableError(f"The job {job_id} is still {state}. Cancel it first.")
            self._db.execute("DELETE FROM events WHERE job = ?", (job_id,))
            self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    # What the scheduler does

    def recover(self) -> None:
        """After a start: what ran when the last server ended is queued again, or cancelled if that was asked for."""
        with self._transaction():
            for row in self._db.execute("SELECT * FROM jobs WHERE state = 'running' ORDER BY number").fetchall():
                self._requeue(row, "The server was restarted")

    def next_queued(self) -> Row | None:
        """The oldest queued job, with inputs and parameters decoded."""
        with self._lock:
            row: Row | None = self._db.execute(
                "SELECT * FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            return row | {"inputs": json.loads(row["inputs"]), "parameters": json.loads(row["parameters"])}

    def begin(self, job_id: str, device: str) -> int | None:
        """Mark a queued job as running and return the number of this attempt; None if it is queued no more."""
        with self._transaction():
            row = self._row(job_id)
            if row["state"] != "queued":
                return None
            attempt: int = row["attempt"] + 1
            self._db.execute(
                "UPDATE jobs SET state = 'running', attempt = ?, device = ?, started = COALESCE(started, ?) "
                "WHERE id = ?",
                (attempt, device, time.time(), job_id),
            )
            self._append(job_id, "state", {"state": "running", "attempt": attempt, "device": device})
            return attempt

    def report(self, job_id: str, attempt: int, kind: str, data: Row) -> None:
        """Add a progress, preview or warning event; one of an attempt that is over is dropped."""
        with self._transaction():
            if not self._current(job_id, attempt):
                return
            if kind == "progress":
                # Whoever gets further than ever before is not what brings its worker down: crashes count from here.
                self._db.execute(
                    "UPDATE jobs SET progress = :fraction, message = :message, best = MAX(best, :fraction), "
                    "crashes = CASE WHEN :fraction > best THEN 0 ELSE crashes END WHERE id = :job",
                    {"fraction": data["fraction"], "message": data["message"], "job": job_id},
                )
            if kind == "preview":
                self._supersede(job_id, data["name"])
            self._append(job_id, kind, data)

    def finish(
        self, job_id: str, attempt: int, state: State, outputs: Row | None = None, error: Row | None = None
    ) -> None:
        """End the job; a report of an attempt that is over, or a second one, changes nothing."""
        with self._transaction():
            if self._current(job_id, attempt):
                self._finish(job_id, state, outputs, error)

    def lost(self, job_id: str, attempt: int, reason: str, max_crashes: int) -> None:
        """The worker died with the job: cancelled if that was asked for, else queued again.

        After `max_crashes` such deaths with no progress in between, the job has failed.
        """
        with self._transaction():
            if not self._current(job_id, attempt):
                return
            self._db.execute("UPDATE jobs SET crashes = crashes + 1 WHERE id = ?", (job_id,))
            row = self._row(job_id)
            if row["crashes"] < max_crashes or row["cancel_requested"]:
                self._requeue(row, reason)
                return
            message = f"The job brought its worker process down {row['crashes']} times ({reason}); its log may say why."
            self._finish(job_id, "failed", error={"code": "job_failed", "message": message})

    def busy(self) -> bool:
        """Whether any job is queued or running."""
        with self._lock:
            found = self._db.execute("SELECT 1 FROM jobs WHERE state IN ('queued', 'running') LIMIT 1").fetchone()
            return found is not None

    # Housekeeping

    def expired(self, keep: float) -> list[str]:
        """The jobs that ended more than `keep` seconds ago."""
        with self._lock:
            rows = self._db.execute("SELECT id FROM jobs WHERE finished < ?", (time.time() - keep,)).fetchall()
            return [row["id"] for row in rows]

    def job_ids(self) -> set[str]:
        """Every job."""
        with self._lock:
            return {row["id"] for row in self._db.execute("SELECT id FROM jobs")}

    def hashes(self) -> set[str]:
        """Every blob that a job refers to."""
        with self._lock:
            rows = self._db.execute("SELECT inputs, outputs FROM jobs").fetchall()
            rows += self._db.execute(
                "SELECT data AS inputs, NULL AS outputs FROM events WHERE type = 'preview'"
            ).fetchall()
        return {digest for row in rows for text in row.values() if text for digest in _hashes(json.loads(text))}

    def superseded(self, age: float) -> set[str]:
        """Blobs of previews that were replaced `age` seconds ago or earlier, and that nothing else refers to.

        Each is named once, and those of before a restart are not: what is missed here goes with the others that
        nothing refers to.
        """
        with self._lock:
            replaced: set[str] = set()
            while self._superseded and self._superseded[0][0] <= time.monotonic() - age:
                replaced.add(self._superseded.popleft()[1])
            return replaced - self.hashes() if replaced else replaced

    # Inside a transaction

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._roll_back()
                raise ResourcesError(
                    f"The server cannot write its job list ({error}). Free some disk space there."
                ) from error
            except BaseException:
                self._roll_back()
                raise
        self.on_change()

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _row(self, job_id: str) -> Row:
        row: Row | None = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise UnknownJobError(
                f"There is no job {job_id} on this server: it was never accepted, forgotten, or expired."
            )
        return row

    def _current(self, job_id: str, attempt: int) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM jobs WHERE id = ? AND state = 'running' AND attempt = ?", (job_id, attempt)
        ).fetchone()
        return found is not None

    def _append(self, job_id: str, kind: str, data: Row) -> None:
        self._db.execute("UPDATE jobs SET last_seq = last_seq + 1 WHERE id = ?", (job_id,))
        self._db.execute(
            "INSERT INTO events SELECT id, last_seq, ?, ?, ? FROM jobs WHERE id = ?",
            (time.time(), kind, _dump(data), job_id),
        )

    def _supersede(self, job_id: str, name: str) -> None:
        """Drop the pictures of earlier previews of that name: only the latest is worth its disk space."""
        rows = self._db.execute(
            "SELECT seq, data FROM events WHERE job = ? AND type = 'preview' AND json_extract(data, '$.name') = ? "
            "AND json_extract(data, '$.value') IS NOT NULL",
            (job_id, name),
        ).fetchall()
        for row in rows:
            self._superseded += ((time.monotonic(), digest) for digest in _hashes(json.loads(row["data"])))
            self._db.execute(
                "UPDATE events SET data = json_remove(data, '$.value') WHERE job = ? AND seq = ?", (job_id, row["seq"])
            )

    def _finish(self, job_id: str, state: State, outputs: Row | None = None, error: Row | None = None) -> None:
        self._db.execute(
            "UPDATE jobs SET state = ?, finished = ?, outputs = ?, error = ?, "
            "progress = CASE WHEN ? = 'done' THEN 1.0 ELSE progress END WHERE id = ?",
            (state, time.time(), _dump(outputs or {}), _dump(error) if error else None, state, job_id),
        )
        self._append(job_id, "state", {"state": state} | ({"error": error} if error else {}))

    def _requeue(self, row: Row, reason: str) -> None:
        if row["cancel_requested"]:
            self._finish(row["id"], "cancelled")
            return
        self._db.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (row["id"],))
        self._append(row["id"], "state", {"state": "queued", "attempt": row["attempt"], "reason": reason})


def _dump(data: Row) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _status(row: Row) -> JobStatus:
    decoded = row | {"parameters": json.loads(row["parameters"]), "error": row["error"] and json.loads(row["error"])}
    return JobStatus(**{name: decoded[name] for name in _STATUS_FIELDS})


def _hashes(data: object) -> Iterator[str]:
    """Every "hash" anywhere inside described values."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name == "hash" and isinstance(value, str):
                yield value
            else:
                yield from _hashes(value)
