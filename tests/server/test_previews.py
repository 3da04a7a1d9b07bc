"""Previews that newer ones replaced leave the disk soon, and nothing that anybody refers to goes with them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restyle_server import data
from restyle_server.blobs import BlobStore
from restyle_server.config import ServerConfig
from restyle_server.data import DataService
from restyle_server.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "jobs.sqlite")
    yield store
    store.close()


@pytest.fixture
def service(store: Store, tmp_path: Path) -> DataService:
    """The part of the server that cleans up; it has cleaned as it does at the start."""
    service = DataService(ServerConfig(tmp_path), store, lambda: None)
    service.tick()
    return service


@pytest.fixture
def blobs(tmp_path: Path, service: DataService) -> BlobStore:
    return BlobStore(ServerConfig(tmp_path).blobs_dir)


def described(blobs: BlobStore, number: int) -> dict[str, Any]:
    """A picture of that number, kept as a worker keeps it, and described as an event has it."""
    content = memoryview(np.full(300, number, np.uint8))
    entry = {"hash": blobs.put(content), "dtype": "uint8", "shape": [10, 10, 3]}
    return {"kind": "image", "meta": {}, "arrays": {"pixels": entry}}


def hash_of(value: dict[str, Any]) -> str:
    return str(value["arrays"]["pixels"]["hash"])


def running(store: Store, job: str, inputs: dict[str, Any] | None = None) -> str:
    store.add(job, "toy", {}, inputs or {})
    store.begin(job, "cpu")
    return job


def show(store: Store, job: str, value: dict[str, Any], name: str = "front") -> str:
    store.report(job, 1, "preview", {"name": name, "value": value})
    return hash_of(value)


def clean(service: DataService) -> None:
    service._previews_at = 0.0  # a minute later
    service.tick()


def age(blobs: BlobStore, *digests: str) -> None:
    past = time.time() - 2 * data.PREVIEW_AGE
    for digest in digests:
        os.utime(blobs.path(digest), (past, past))


def test_those_that_were_replaced_go_and_the_latest_stay(
    store: Store, service: DataService, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running(store, "first-job")
    front = [show(store, job, described(blobs, number)) for number in range(4)]
    used = show(store, job, described(blobs, 20), "used")  # replaced as well, but somebody found it there just now
    show(store, job, described(blobs, 21), "used")
    back = [show(store, job, described(blobs, 10 + number), "back") for number in range(2)]
    age(blobs, *front, *back)
    clean(service)
    assert all(blobs.size(digest) for digest in front), "whoever reads slowly still finds them"
    with monkeypatch.context() as soon:
        soon.setattr(store, "superseded", lambda age, real=store.superseded: real(0.0))
        clean(service)
    assert [blobs.size(digest) for digest in front] == [None, None, None, 300]
    assert [blobs.size(digest) for digest in back] == [None, 300]
    assert blobs.size(used) == 300
    assert 0 < service.tick() <= data.PREVIEW_INTERVAL


def test_a_new_preview_rewrites_the_one_that_it_replaces_only(store: Store, blobs: BlobStore) -> None:
    """A live one has thousands before it."""
    job = running(store, "first-job")
    for number in range(3):
        show(store, job, described(blobs, number))
    said: list[str] = []
    store._db.set_trace_callback(said.append)
    show(store, job, described(blobs, 3))
    store._db.set_trace_callback(None)
    assert sum(statement.startswith("UPDATE events") for statement in said) == 1


def test_what_is_needed_elsewhere_stays(store: Store, blobs: BlobStore) -> None:
    """An input, an output, a preview of another job, and the latest that shows the same as an earlier one."""
    values = [described(blobs, number) for number in range(6)]
    running(store, "with-input", {"image": values[0]})
    running(store, "with-output")
    store.finish("with-output", 1, "done", outputs={"image": values[1]})
    show(store, running(store, "with-preview"), values[2])
    job = running(store, "the-job-itself")
    for value in (*values, values[3]):
        show(store, job, value)
    assert store.superseded(60.0) == set()
    assert store.superseded(0.0) == {hash_of(values[4]), hash_of(values[5])}
    assert store.superseded(0.0) == set(), "each is named once"
    show(store, job, values[4])
    assert store.superseded(0.0) == {hash_of(values[3])}


def test_what_a_worker_just_relied_on_stays(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the blob there and need not write it: before the deletion, and in the midst of it."""
    content = memoryview(np.arange(300, dtype=np.uint16).view(np.uint8))
    digest = blobs.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    age(blobs, digest)
    blobs.put(content)
    assert blobs.discard({digest}, 60.0) == 0
    age(blobs, digest)
    real = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if path == blobs.path(digest):
            blobs.put(content)  # after its age was looked at, before it goes out of sight
        return real(path, target)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Path, "replace", replace)
        assert blobs.discard({digest}, 60.0) == 0
        meanwhile.setattr(Path, "replace", lambda path, target: pytest.fail("a young one is out of sight for a moment"))
        assert blobs.discard({digest}, 60.0) == 0
    assert blobs.size(digest) == len(content)
    age(blobs, digest)
    assert blobs.discard({digest, "0" * 64}, 60.0) == 1
    assert blobs.size(digest) is None
    assert [path for path in blobs.path(digest).parent.iterdir() if path.is_file()] == []
    blobs.put(content)
    assert blobs.size(digest) == len(content)
