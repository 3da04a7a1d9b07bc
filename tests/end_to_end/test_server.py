"""Promises of the server, kept by real processes: nothing accepted is lost, nothing runs twice, everything ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toy_server import TOYS, ToyServer, check_history, process_gone, wait_until

import restyle

EXPECTED = {steps: 2 - 2 * 0.5**steps for steps in (3, 40)}  # the toy's fixed point is 2; its distance halves per step


def make_mesh(vertices: int, seed: int = 0) -> restyle.Mesh:
    random = np.random.default_rng(seed)
    faces = random.integers(0, vertices, (2 * vertices, 3)).astype(np.int32)
    return restyle.Mesh(random.random((vertices, 3), np.float32), faces)


def worker_pid(job: restyle.Job) -> int:
    for event in job.events():
        if "pid" in event.data:
            return event.data["pid"]
    raise AssertionError("the job never said where it runs")


# Life of a job


def test_a_job_runs_and_its_result_can_be_read_in_every_way(client):
    mesh = make_mesh(1000)
    job = client.submit("toy", mesh=mesh, prompt="bark", steps=3)
    result = job.result()
    assert result.report["value"] == EXPECTED[3]
    assert result.report["prompt"] == "bark"
    np.testing.assert_array_equal(result.colors, np.abs(mesh.vertices))
    np.testing.assert_array_equal(result.outputs["attributes"]["offset"], mesh.vertices * np.float32(EXPECTED[3]))
    assert result.displacement.shape == (1000,)
    assert result.status.state == "done"
    assert result.status.progress == 1
    assert result.status.parameters["steps"] == 3
    with pytest.raises(AttributeError, match="attributes, report"):
        _ = result.colours
    events = list(job.events())
    check_history(events)
    assert [event.seq for event in job.events(since=2)] == [event.seq for event in events[2:]]
    pictures = [client.fetch_preview(event) for event in events if event.type == "preview"]
    assert [picture.shape for picture in pictures] == [(4, 5, 3)]
    assert client.fetch_preview(events[0]) is None
    assert job.id in [status.id for status in client.jobs()]


def test_hello_tells_what_there_is(client, shared_server):
    assert client.server.version == restyle.__version__
    assert client.server.protocol == (1, 0)
    assert client.server.jobs == ["toy"]
    assert client.server.pid == shared_server.process.pid
    assert not client.server.started_by_us
    wait_until(lambda: client.refresh().devices[0]["state"] == "ready")
    assert client.server.devices[0]["id"] == "cpu"
    assert client.server.devices[0]["name"]
    assert {"name", "title", "present", "stand_in"} <= client.server.models[0].keys()


def test_the_same_id_runs_once_and_another_job_cannot_take_it(client):
    first = client.submit("toy", job_id="only-once", seed=4)
    second = client.submit("toy", job_id="only-once", seed=4)
    assert first.result().report == second.result().report
    check_history(list(second.events()))
    with pytest.raises(restyle.UsageError, match="taken by a job with other"):
        client.submit("toy", job_id="only-once", seed=5)


def test_forgetting_makes_a_job_unknown(client, shared_server):
    job = client.submit("toy")
    job.result()
    folder = shared_server.data_dir / "jobs" / job.id
    assert folder.is_dir()
    job.forget()
    assert not folder.exists()
    for ask in (
        job.status,
        job.result,
        job.cancel,
        job.forget,
        lambda: client.events(job.id),
        lambda: client.log(job.id),
    ):
        with pytest.raises(restyle.UnknownJobError, match=job.id):
            ask()


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("bug", restyle.JobFailedError, r"ZeroDivisionError.*log"),
        ("memory", restyle.ResourcesError, r"Memory ran out.*smaller"),
        ("bad_input", restyle.BadInputError, r"vertices\[3\]"),
        ("exit", restyle.JobFailedError, "SystemExit"),
        ("no_output", restyle.JobFailedError, "'report'"),
        ("bad_output", restyle.JobFailedError, "output 'attributes' that cannot be: .*colors"),
        ("chatty", restyle.BadInputError, "^toy: (long ?){300,400}$"),
        ("crash", restyle.JobFailedError, r"3 times \(it was killed by SIGKILL\)"),
    ],
)
def test_a_job_that_goes_wrong_says_so_and_leaves_the_next_one_unharmed(client, how, error, message):
    job = client.submit("toy", misbehave=how)
    with pytest.raises(error, match=message) as caught:
        job.result()
    assert "Traceback" not in str(caught.value)
    check_history(list(job.events()))
    assert client.submit("toy").result().report["value"] == EXPECTED[3]
    if how == "bug":
        log = client.log(job.id)
        assert "Traceback" in log
        assert "about to divide" in log


def test_memory_running_out_replaces_the_worker(client):
    before = client.submit("toy").result().report["pid"]
    with pytest.raises(restyle.ResourcesError):
        client.submit("toy", misbehave="memory").result()
    assert client.submit("toy").result().report["pid"] != before
    with pytest.raises(restyle.BadInputError):
        client.submit("toy", misbehave="bad_input").result()


def test_a_warm_worker_is_used_again(client):
    assert client.submit("toy").result().report["pid"] == client.submit("toy").result().report["pid"]


# Cancelling


def test_cancelling_a_running_job_that_listens(client):
    job = client.submit("toy", steps=10_000, pause=0.02)
    pid = worker_pid(job)
    begun = time.monotonic()
    assert job.cancel().state == "running"
    assert time.monotonic() - begun < 1
    with pytest.raises(restyle.CancelledError, match=job.id):
        job.result()
    assert time.monotonic() - begun < 3  # before the grace time is over: it ended by itself
    check_history(list(job.events()))
    assert client.submit("toy").result().report["pid"] == pid


@pytest.mark.parametrize("how", ["sleep", "wedge"])
def test_cancelling_a_stuck_job_frees_the_device(client, how):
    job = client.submit("toy", misbehave=how)
    wait_until(lambda: client.events(job.id)[-1].type == "progress")
    time.sleep(0.5)
    begun = time.monotonic()
    job.cancel()
    assert time.monotonic() - begun < 1
    with pytest.raises(restyle.CancelledError):
        job.result()
    assert time.monotonic() - begun < 5
    assert client.submit("toy").result().report["value"] == EXPECTED[3]


def test_cancelling_a_queued_job_is_immediate_and_an_ended_one_stays_ended(client):
    first = client.submit("toy", steps=10_000, pause=0.02)
    second = client.submit("toy")
    with pytest.raises(restyle.RetryableError, match="still queued"):
        client.result(second.id)
    with pytest.raises(restyle.RetryableError, match="Cancel it first"):
        second.forget()
    assert second.cancel().state == "cancelled"
    assert [event.data["state"] for event in second.events()] == ["queued", "cancelled"]
    first.cancel()
    with pytest.raises(restyle.CancelledError):
        first.result()
    done = client.submit("toy")
    done.result()
    assert done.cancel().state == "done"


def test_a_silent_job_is_stopped_and_failed(make_server):
    server = make_server(silence=1.0)
    with server.connect() as client:
        job = client.submit("toy", misbehave="sleep")
        with pytest.raises(restyle.JobFailedError, match="no sign of progress for 1 s"):
            job.result()
        assert client.submit("toy").result().report["value"] == EXPECTED[3]


# Deaths


def test_a_killed_server_finishes_its_jobs_after_a_restart(make_server):
    server = make_server()
    with restyle.connect(start=False) as client:
        running = client.submit("toy", steps=40, pause=0.05)
        waiting = client.submit("toy", prompt="later")
        worker = worker_pid(running)
        seen = [*client.events(running.id)]
        server.kill()
        wait_until(lambda: process_gone(worker))
        restarted = threading.Timer(1.0, server.start)
        restarted.start()
        seen += running.events(seen[-1].seq)
        restarted.join()
        check_history(seen)
        result = running.result()
        assert result.report["value"] == EXPECTED[40]
        assert result.report["resumed_at"] > 0
        assert result.status.attempt == 2
        assert waiting.result().report["prompt"] == "later"


def test_a_killed_worker_is_replaced_and_its_job_goes_on(client):
    job = client.submit("toy", steps=40, pause=0.02)
    os.kill(worker_pid(job), signal.SIGKILL)
    result = job.result()
    assert result.report["value"] == EXPECTED[40]
    assert result.report["resumed_at"] > 0
    assert result.status.attempt == 2
    check_history(list(job.events()))
    assert client.submit("toy").result().report["pid"] == result.report["pid"]


def test_a_stopped_server_keeps_its_jobs(make_server):
    server = make_server()
    with server.connect() as client:
        job = client.submit("toy", steps=40, pause=0.05)
        worker = worker_pid(job)
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 3
    assert process_gone(worker)
    server.start()
    with server.connect() as client:
        assert client.job(job.id).result().report["value"] == EXPECTED[40]


def test_a_cancel_outlives_the_server(make_server):
    server = make_server(grace=60.0)
    with server.connect() as client:
        job = client.submit("toy", misbehave="sleep")
        wait_until(lambda: client.events(job.id)[-1].type == "progress")
        job.cancel()
        server.kill()
    server.start()
    with server.connect() as client:
        assert client.status(job.id).state == "cancelled"


def test_a_lost_server_is_said_to_be_lost(make_server):
    server = make_server()
    with restyle.connect(start=False) as client:
        job = client.submit("toy", misbehave="sleep")
        killer = threading.Timer(0.5, server.kill)
        killer.start()
        begun = time.monotonic()
        with pytest.raises(restyle.ServerUnavailableError, match="No server runs"):
            client.events(job.id, since=100, wait=30)
        assert time.monotonic() - begun < 3
        killer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_a_full_disk_is_said_and_forgotten_once_there_is_space(make_server):
    import resource

    server = make_server()
    mesh = make_mesh(200_000)
    with server.connect() as client:
        job = client.submit("toy", steps=100, pause=0.02)
        worker_pid(job)
        no_limit = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1_500_000, no_limit[1]))
        with pytest.raises(restyle.ResourcesError, match="disk is full"):
            client.submit("toy", mesh=mesh)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, no_limit)
        result = client.submit("toy", mesh=mesh).result()
        np.testing.assert_array_equal(result.colors, np.abs(mesh.vertices))
        assert job.result().status.attempt == 1


def test_a_server_that_was_started_for_a_client_is_started_again(toys, tmp_path, monkeypatch):
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)
    with restyle.connect() as client:
        first = client.server.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: process_gone(first))
        assert client.jobs() == []
        assert client.server.started_by_us
        second = client.server.pid
        assert second != first
    assert process_gone(second)


# Several clients


def test_two_clients_see_the_same_story_and_share_what_they_send(shared_server):
    with shared_server.connect() as one, shared_server.connect() as two:
        job = one.submit("toy", mesh=make_mesh(5000, seed=1), job_id="shared-job")
        again = two.submit("toy", mesh=make_mesh(5000, seed=1), job_id="shared-job")
        assert list(job.events()) == list(again.events())
        np.testing.assert_array_equal(job.result().colors, two.result(job.id).colors)


def test_a_new_prompt_sends_no_mesh(client):
    mesh = make_mesh(20_000, seed=2)
    client.submit("toy", mesh=mesh, prompt="red brick").result()
    sent: list[str] = []
    channel = client._connected().data
    send = channel._send
    channel._send = lambda fields, arrays, timeout: sent.append(fields["op"]) or send(fields, arrays, timeout)
    job = client.submit("toy", mesh=mesh, prompt="blue glass")
    assert sent == ["submit"]
    assert job.result().report["prompt"] == "blue glass"


def test_control_answers_while_a_big_upload_runs(shared_server):
    mesh = make_mesh(2_000_000, seed=3)  # 72 MB
    with ThreadPoolExecutor(1) as pool, shared_server.connect() as control:

        def upload() -> str:
            with shared_server.connect() as client:
                return client.submit("toy", mesh=mesh, misbehave="bad_input").id

        sending = pool.submit(upload)
        waits = []
        while not sending.done():
            begun = time.perf_counter()
            control.jobs()
            waits.append(time.perf_counter() - begun)
        with pytest.raises(restyle.BadInputError):
            control.job(sending.result()).result()
    assert len(waits) > 5
    assert np.percentile(waits, 99) < 0.5, f"p50 {np.median(waits):.3f} s, max {max(waits):.3f} s"


def test_many_clients_at_once(shared_server):
    def work(number: int) -> list[float]:
        with shared_server.connect(timeout=30) as client:
            jobs = [client.submit("toy", seed=seed, job_id=f"many-{number}-{seed}") for seed in range(4)]
            values = [job.result().report["value"] for job in jobs]
            for job in jobs:
                check_history(list(job.events()))
            return values

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [[2 + (seed - 2) * 0.125 for seed in range(4)]] * 8


# Finding and starting servers


def test_one_folder_has_one_server(make_server):
    server = make_server()
    second = ToyServer(server.data_dir)
    assert second.start().pid == server.process.pid  # whoever starts one finds the one that runs
    assert second.process.wait(20) == 1
    assert "Another server already uses the data folder" in server.log()


def test_connect_starts_a_server_for_itself_and_stops_it(toys, tmp_path, monkeypatch):
    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)
    with restyle.connect() as client:
        assert client.server.started_by_us
        own = {"apply_style", "bake_style", "frames_analogy", "image_analogy", "retime_clip", "stylize_mesh"}
        assert set(client.server.jobs) == own
        pid = client.server.pid
        assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
        with restyle.connect(start=False) as other:
            assert other.server.pid == pid
            assert not other.server.started_by_us
    assert process_gone(pid)
    assert not (tmp_path / "server.json").exists()
    with pytest.raises(restyle.ServerUnavailableError, match="restyle serve"):
        restyle.connect(start=False)


def test_a_server_stops_after_its_owner_when_nothing_is_left_to_do(make_server):
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server = make_server(owner_pid=owner.pid)
    with server.connect() as client:
        job = client.submit("toy", steps=40, pause=0.05)
        worker_pid(job)
        owner.communicate()
        time.sleep(1)
        assert job.result().report["value"] == EXPECTED[40]
    assert server.process.wait(20) == 0


def test_nobody_at_the_address(monkeypatch):
    with pytest.raises(restyle.ServerUnavailableError, match=r"did not answer within 0\.5 s"):
        restyle.connect("tcp://127.0.0.1:9", timeout=0.5)
    with pytest.raises(restyle.UsageError, match="not an address"):
        restyle.connect("localhost")


def test_a_worker_that_never_starts_fails_its_jobs_with_the_reason(make_server):
    server = make_server(worker_command=[sys.executable, str(TOYS / "no_such_file.py")])
    with server.connect() as client:
        with pytest.raises(restyle.JobFailedError, match="does not start"):
            client.submit("toy").result()
        (device,) = client.refresh().devices
        assert device["state"] == "broken"
        assert "does not start" in device["problem"]


def test_a_closed_client_says_so(shared_server):
    client = shared_server.connect()
    client.close()
    client.close()
    with pytest.raises(restyle.ServerUnavailableError, match="closed"):
        client.jobs()
