"""What a worker makes of exceptions and devices, and what a job is given; whole jobs are in tests/end_to_end."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from restyle.errors import BadInputError, CancelledError, JobFailedError, ProtocolError, ResourcesError, UsageError
from restyle_server.context import PROGRESS_INTERVAL, JobContext
from restyle_server.executors import check_report
from restyle_server.worker import as_restyle_error, cpu_name, find_device, output_into


@pytest.fixture
def reports():
    return []


@pytest.fixture
def make_context(tmp_path, reports):
    def make(cancelled: bool = False) -> JobContext:
        return JobContext(
            device="cpu",
            scratch=tmp_path,
            attempt=1,
            models_dir=tmp_path,
            report=lambda kind, data: reports.append((kind, data)),
            describe=lambda packed: {"kind": packed.kind, "names": list(packed.arrays)},
            cancelled=lambda: cancelled,
        )

    return make


def test_progress_is_thinned_out_but_its_end_is_told(make_context, reports):
    context = make_context()
    begun = time.monotonic()
    for step in range(100):
        context.progress(step / 100, f"Step {step}", loss=np.float32(0.5))
        time.sleep(0.005)
    context.progress(1.0, "Drawing")
    seconds = time.monotonic() - begun
    assert reports[0] == ("progress", {"fraction": 0.0, "message": "Step 0", "loss": 0.5})
    assert reports[-1] == ("progress", {"fraction": 1.0, "message": "Drawing"})
    assert 3 <= len(reports) <= seconds / PROGRESS_INTERVAL + 2


def test_progress_is_bounded(make_context, reports):
    context = make_context()
    context.progress(7.0, "m" * 5000, loss=float("nan"), best=np.float32("inf"))
    assert reports[0][1]["fraction"] == 1.0
    assert reports[0][1]["loss"] is reports[0][1]["best"] is None
    assert len(reports[0][1]["message"]) == 2000
    with pytest.raises(UsageError, match="use a preview"):
        context.progress(1.0, "", everything="x" * 10_000)


def test_previews_and_warnings(make_context, reports):
    context = make_context()
    context.preview("front", "image", np.zeros((2, 2, 3), np.uint8))
    context.warn("Careful")
    assert reports == [
        ("preview", {"name": "front", "value": {"kind": "image", "names": ["pixels"]}}),
        ("warning", {"message": "Careful"}),
    ]
    with pytest.raises(BadInputError):
        context.preview("front", "image", np.zeros((2, 2), np.uint8))


def test_a_cancelled_job_notices(make_context, reports):
    context = make_context(cancelled=True)
    for notice in (
        context.check_cancelled,
        lambda: context.progress(0.1, ""),
        lambda: context.preview("front", "image", np.zeros((2, 2, 3), np.uint8)),
    ):
        with pytest.raises(CancelledError):
            notice()
    assert reports == []


def test_exceptions_become_what_a_client_may_see():
    bad = BadInputError("mesh: no")
    assert as_restyle_error(bad) is bad
    memory = as_restyle_error(MemoryError("Unable to allocate 8 EiB\nlong trace"))
    assert isinstance(memory, ResourcesError)
    assert "8 EiB" in memory.message
    assert "trace" not in memory.message
    broken = as_restyle_error(KeyError("/home/artist/secret"))
    assert type(broken) is JobFailedError
    assert "KeyError" in broken.message
    assert "secret" not in broken.message


def test_torch_running_out_of_memory_is_out_of_memory():
    torch = pytest.importorskip("torch")
    error = as_restyle_error(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert isinstance(error, ResourcesError)
    assert "2 GiB" in error.message


def test_the_cpu_has_a_name():
    assert cpu_name()
    assert find_device("cpu") == ("cpu", cpu_name(), 0)


def test_a_cuda_device_that_is_not_there_is_refused(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    assert find_device("auto") == ("cuda:0", "card 0", 2)
    assert find_device("cuda:1") == ("cuda:1", "card 1", 2)
    with pytest.raises(ResourcesError, match="only 2 CUDA devices"):
        find_device("cuda:2")


def test_output_of_native_code_goes_into_the_log_too(tmp_path, capfd):
    with output_into(tmp_path / "log.txt"):
        os.write(1, b"from C\n")
        os.write(2, b"an error\n")
    print("after", flush=True)
    assert (tmp_path / "log.txt").read_text() == "from C\nan error\n"
    assert capfd.readouterr().out == "after\n"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("dance", {}),
        ("progress", {}),
        ("progress", {"fraction": float("nan"), "message": ""}),
        ("progress", {"fraction": 2, "message": ""}),
        ("progress", {"fraction": 0.5, "message": 5}),
        ("progress", {"fraction": 0.5, "message": "", "loss": float("inf")}),
        ("preview", {"name": "front"}),
        ("warning", {"message": "x" * 40_000}),
        ("done", {}),
        ("failed", {"error": {"code": "x"}}),
    ],
)
def test_reports_that_the_store_could_not_hold_are_refused(kind, data):
    with pytest.raises(ProtocolError):
        check_report(kind, data)


def test_reports_that_are_fine():
    check_report("progress", {"fraction": 1, "message": "Drawing", "loss": None})
    check_report("cancelled", {})
    check_report("done", {"outputs": {}})
