"""The store keeps the promises that survive anything: durable, numbered without gaps, one end per job."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest
from toy_server import check_history

from restyle.errors import ResourcesError, RetryableError, UnknownJobError, UsageError
from restyle.protocol import PAGE_BYTES
from restyle_server.store import Store

OUTPUTS = {
    "report": {"kind": "report", "meta": {}, "arrays": {"json": {"hash": "f" * 64, "dtype": "uint8", "shape": [2]}}}
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def add(store: Store, job_id: str = "job-number-1", **parameters: object) -> str:
    store.add(job_id, "toy", parameters, {})
    return job_id


def story(store: Store, job_id: str) -> list:
    return store.events(job_id, 0)[0]


def test_a_job_from_beginning_to_end(store):
    job = add(store, seed=3)
    assert store.busy()
    row = store.next_queued()
    assert (row["id"], row["parameters"]) == (job, {"seed": 3})
    attempt = store.begin(job, "cpu")
    assert attempt == 1
    assert store.next_queued() is None
    store.report(job, attempt, "progress", {"fraction": 0.5, "message": "half"})
    status = store.status(job)
    assert (status.state, status.progress, status.message, status.device) == ("running", 0.5, "half", "cpu")
    store.finish(job, attempt, "done", outputs=OUTPUTS)
    status = store.status(job)
    assert (status.state, status.progress, status.last_seq) == ("done", 1.0, 4)
    assert status.created <= status.started <= status.finished <= time.time()
    assert store.outputs(job) == OUTPUTS
    assert not store.busy()
    check_history(story(store, job))


def test_what_was_committed_is_there_after_reopening(path):
    store = Store(path)
    job = add(store)
    store.begin(job, "cpu")
    before = story(store, job)
    store.close()
    store = Store(path)
    assert story(store, job) == before
    store.recover()
    assert store.status(job).state == "queued"
    assert story(store, job)[-1].data == {"state": "queued", "attempt": 1, "reason": "The server was restarted"}
    assert store.begin(job, "cpu") == 2
    store.close()


def test_a_second_server_is_kept_out(store, path):
    with pytest.raises(UsageError, match="already uses the data folder"):
        Store(path)
    store.close()
    Store(path).close()


def test_submitting_twice_is_once(store):
    assert store.add("job-number-1", "toy", {"a": 1}, {})
    assert not store.add("job-number-1", "toy", {"a": 1}, {})
    assert len(story(store, "job-number-1")) == 1
    for name, parameters, inputs in (("other", {"a": 1}, {}), ("toy", {"a": 2}, {}), ("toy", {"a": 1}, {"mesh": {}})):
        with pytest.raises(UsageError, match="taken"):
            store.add("job-number-1", name, parameters, inputs)


def test_reports_of_an_attempt_that_is_over_change_nothing(store):
    job = add(store)
    store.begin(job, "cpu")
    store.recover()
    store.begin(job, "cpu")
    before = story(store, job)
    store.report(job, 1, "progress", {"fraction": 0.9, "message": "late"})
    store.finish(job, 1, "done", outputs=OUTPUTS)
    store.lost(job, 1, "late", 3)
    assert story(store, job) == before
    store.finish(job, 2, "failed", error={"code": "job_failed", "message": "x"})
    before = story(store, job)
    store.finish(job, 2, "done", outputs=OUTPUTS)
    assert story(store, job) == before
    assert store.status(job).error == {"code": "job_failed", "message": "x"}
    check_history(before)


def test_a_job_that_kills_its_worker_three_times_without_progress_has_failed(store):
    job = add(store)
    for attempt in (1, 2, 3):
        assert store.status(job).state == "queued"
        assert store.begin(job, "cpu") == attempt
        store.report(job, attempt, "progress", {"fraction": 0.4, "message": ""})
        store.lost(job, attempt, "it was killed by SIGSEGV", 3)
    status = store.status(job)
    assert status.state == "failed"
    assert "3 times (it was killed by SIGSEGV)" in status.error["message"]
    check_history(story(store, job))


def test_deaths_between_which_the_job_got_further_are_not_held_against_it(store):
    job = add(store)
    for attempt in range(1, 10):
        store.begin(job, "cpu")
        store.report(job, attempt, "progress", {"fraction": attempt / 10, "message": ""})
        store.lost(job, attempt, "killed", 3)
    assert store.status(job).state == "queued"


def test_getting_no_further_than_an_earlier_attempt_is_no_progress(store):
    job = add(store)
    for attempt, fractions in ((1, [0.5]), (2, [0.2, 0.3]), (3, [0.4])):
        store.begin(job, "cpu")
        for fraction in fractions:
            store.report(job, attempt, "progress", {"fraction": fraction, "message": ""})
        store.lost(job, attempt, "killed", 3)
    assert store.status(job).state == "failed"


def test_a_job_started_when_its_first_attempt_did(store):
    job = add(store)
    store.begin(job, "cpu")
    started = store.status(job).started
    store.lost(job, 1, "killed", 3)
    store.begin(job, "cpu")
    assert store.status(job).started == started


def test_cancelling_in_every_state(store):
    queued = add(store, "queued-job")
    assert store.request_cancel(queued).state == "cancelled"
    assert store.begin(queued, "cpu") is None
    running = add(store, "running-job")
    store.begin(running, "cpu")
    assert store.request_cancel(running).state == "running"
    store.lost(running, 1, "killed", 3)
    assert store.status(running).state == "cancelled"
    again = add(store, "restarted-job")
    store.begin(again, "cpu")
    store.request_cancel(again)
    store.recover()
    assert store.status(again).state == "cancelled"
    for job in (queued, running, again):
        assert store.request_cancel(job).state == "cancelled"
        check_history(story(store, job))


def test_a_last_crash_of_a_job_that_is_to_be_cancelled_cancels_it(store):
    job = add(store)
    for attempt in (1, 2):
        store.begin(job, "cpu")
        store.lost(job, attempt, "killed", 3)
    store.begin(job, "cpu")
    store.request_cancel(job)
    store.lost(job, 3, "killed", 3)
    assert store.status(job).state == "cancelled"
    check_history(story(store, job))


def test_a_replaced_preview_that_something_else_refers_to_is_not_given_up(store):
    job = add(store)
    store.begin(job, "cpu")
    for digest in ("a", "b", "c"):
        store.report(job, 1, "preview", {"name": "front", "value": {"arrays": {"pixels": {"hash": digest * 64}}}})
    store.add("user-of-b", "toy", {}, {"picture": {"kind": "image", "arrays": {"pixels": {"hash": "b" * 64}}}})
    assert store.superseded(3600) == set()
    assert store.superseded(0) == {"a" * 64}
    assert store.superseded(0) == set()


def test_only_the_latest_preview_of_a_name_keeps_its_picture(store):
    job = add(store)
    store.begin(job, "cpu")
    for number in range(3):
        store.report(job, 1, "preview", {"name": "front", "value": {"arrays": {"pixels": {"hash": str(number)}}}})
        store.report(job, 1, "preview", {"name": "back", "value": {"arrays": {"pixels": {"hash": f"b{number}"}}}})
    previews = [event.data for event in story(store, job) if event.type == "preview"]
    assert len(previews) == 6
    assert [entry["value"]["arrays"]["pixels"]["hash"] for entry in previews if "value" in entry] == ["2", "b2"]
    assert store.hashes() == {"2", "b2"}


def test_long_stories_and_many_jobs_come_in_pages(store):
    job = add(store)
    store.begin(job, "cpu")
    for number in range(300):
        store.report(job, 1, "warning", {"message": f"{number} " + "x" * 500})
    seen, more = store.events(job, 0)
    assert more
    while more:
        page, more = store.events(job, seen[-1].seq)
        seen += page
    assert [event.seq for event in seen] == list(range(1, 303))
    for number in range(200):
        add(store, f"many-jobs-{number}", text="y" * 300)
    found, after = store.statuses(0)
    assert after
    while after:
        page, after = store.statuses(after)
        found += page
    assert [status.id for status in found] == [job, *(f"many-jobs-{number}" for number in range(200))]


def test_a_job_larger_than_a_page_has_one_of_its_own(store):
    small, large = add(store), add(store, "a-large-job", text="y" * 2 * PAGE_BYTES)
    assert [status.id for status in store.statuses(0)[0]] == [small]
    assert [status.id for status in store.statuses(1)[0]] == [large]


def test_forgetting_and_expiring(store):
    job = add(store)
    with pytest.raises(RetryableError, match="still queued"):
        store.forget(job)
    store.begin(job, "cpu")
    store.finish(job, 1, "done", outputs=OUTPUTS)
    assert store.hashes() == {"f" * 64}
    assert store.expired(60) == []
    store._db.execute("UPDATE jobs SET created = created - 3600")
    assert store.expired(60) == [], "its time counts from its end"
    assert store.expired(-1) == [job]
    store.forget(job)
    assert store.hashes() == set()
    assert store.job_ids() == set()
    for ask in (store.status, store.forget, store.request_cancel, store.outputs, lambda job: store.events(job, 0)):
        with pytest.raises(UnknownJobError, match=job):
            ask(job)


def test_a_write_that_fails_leaves_the_story_whole(store, monkeypatch):
    job = add(store)
    store.begin(job, "cpu")
    before = story(store, job)
    pages = store._db.execute("PRAGMA page_count").fetchone()["page_count"]
    store._db.execute(f"PRAGMA max_page_count = {pages}")  # as if the disk were full

    def fill() -> None:
        for _ in range(1000):
            store.report(job, 1, "warning", {"message": "x" * 1000})

    with pytest.raises(ResourcesError, match="Free some disk space"):
        fill()
    store._db.execute("PRAGMA max_page_count = 1000000")
    after = story(store, job)
    assert after[: len(before)] == before
    store.finish(job, 1, "done", outputs=OUTPUTS)
    check_history(story(store, job))


def test_several_threads_number_their_events_without_gaps(store):
    job = add(store)
    store.begin(job, "cpu")

    def write() -> None:
        for _ in range(25):
            store.report(job, 1, "warning", {"message": "x"})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in story(store, job)] == list(range(1, 103))


def test_commits_are_synchronous(store):
    assert store._db.execute("PRAGMA synchronous").fetchone()["synchronous"] == 2  # FULL
    assert store._db.execute("PRAGMA journal_mode").fetchone()["journal_mode"] == "wal"
    assert sqlite3.sqlite_version_info >= (3, 38)  # json_remove is built in
