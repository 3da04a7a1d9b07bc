"""The command line against real servers: the jobs commands with the toy job, `restyle mesh` with the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import RESTYLE, run
from PIL import Image
from toy_server import ToyServer, wait_until

import restyle
from restyle import discovery
from restyle.cli.main import main
from restyle.jobs import declaration
from restyle.meshfile import read_mesh

MESH = restyle.Mesh(np.random.default_rng(0).random((6, 3)), np.array([(0, 1, 2), (3, 4, 5)], np.int32))


def record_of(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


# The jobs commands


@pytest.fixture
def here(shared_server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point commands at the module's server, as a user does, with RESTYLE_SERVER."""
    monkeypatch.setenv("RESTYLE_SERVER", discovery.read(shared_server.data_dir).endpoint)


def test_a_job_is_listed_shown_watched_fetched_and_forgotten(
    here: None, client: restyle.Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    job = client.submit("toy", mesh=MESH, steps=5, pause=0.05)
    watched = record_of(capsys, "jobs", "watch", job.id)
    assert (watched["job"], watched["state"], watched["device"]) == (job.id, "done", "cpu")
    assert watched["parameters"]["steps"] == 5
    assert watched["seconds"] > 0.2
    assert job.id in [entry["job"] for entry in record_of(capsys, "jobs")["jobs"]]
    shown = record_of(capsys, "jobs", "show", job.id)
    assert (shown["state"], shown["progress"]) == ("done", 1.0)
    fetched = record_of(capsys, "jobs", "fetch", job.id, "-o", str(tmp_path / "new" / "folder"))
    with np.load(fetched["outputs"]["attributes"]) as arrays:
        np.testing.assert_array_equal(arrays["colors"], np.abs(MESH.vertices).astype(np.float32))
    assert json.loads(Path(fetched["outputs"]["report"]).read_text())["value"] == 2 - 2 * 0.5**5
    assert record_of(capsys, "jobs", "forget", job.id)["state"] == "forgotten"
    assert record_of(capsys, "jobs", "show", job.id, code=1)["error"]["code"] == "unknown_job"
    for words in (["list"], []):
        assert main(["jobs", *words]) == 0
        assert job.id not in capsys.readouterr().out


def test_a_job_is_cancelled(here: None, client: restyle.Client, capsys: pytest.CaptureFixture[str]) -> None:
    job = client.submit("toy", steps=1000, pause=0.05)
    assert main(["jobs", "cancel", job.id]) == 0
    assert job.id in capsys.readouterr().out
    record = record_of(capsys, "jobs", "watch", job.id, code=30)
    assert record["state"] == "cancelled"
    assert record["error"]["code"] == "cancelled"
    assert record_of(capsys, "jobs", "fetch", job.id, "-o", "nowhere", code=30)["state"] == "cancelled"
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(("misbehave", "code", "words"), [("bug", 1, "restyle jobs show"), ("bad_input", 20, "taste")])
def test_a_failed_job_ends_with_its_own_code_and_reason(
    here: None, client: restyle.Client, capsys: pytest.CaptureFixture[str], misbehave: str, code: int, words: str
) -> None:
    job = client.submit("toy", misbehave=misbehave)
    assert main(["jobs", "watch", job.id]) == code
    printed = capsys.readouterr()
    assert words in printed.err
    assert "Traceback" not in printed.err
    if misbehave == "bug":
        assert main(["jobs", "show", job.id]) == 0
        assert "ZeroDivisionError" in capsys.readouterr().out


def test_unknown_and_impossible_ids(here: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert record_of(capsys, "jobs", "show", "no-such-job-here", code=1)["error"]["code"] == "unknown_job"
    assert record_of(capsys, "jobs", "show", "../../etc", code=2)["error"]["code"] == "bad_usage"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_sees_a_progress_bar_and_the_result_stays_clean(here: None, client: restyle.Client) -> None:
    job = client.submit("toy", steps=20, pause=0.05)
    master, slave = os.openpty()
    words = [*RESTYLE, "jobs", "watch", job.id, "--json"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
        os.close(slave)
        seen = b""
        while process.poll() is None or b"100%" not in seen:
            try:
                seen += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["state"] == "done"
    os.close(master)
    assert b"Step 20" in seen
    assert b"100%" in seen


def test_without_a_server_one_is_started_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = os.environ | {"RESTYLE_DATA_DIR": str(tmp_path / "data")}
    environment.pop("RESTYLE_SERVER", None)
    ran = subprocess.run([*RESTYLE, "jobs", "--json"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == {"jobs": []}
    assert (tmp_path / "data" / "jobs.sqlite").exists()
    assert discovery.read(tmp_path / "data") is None


# `restyle mesh` and `restyle serve`, with the bundled model

QUADS = """v 10 0 0\nv 11 0 0\nv 11 1 0\nv 10 1 0\nv 10 0 1\nv 11 0 1\nv 11 1 1\nv 10 1 1\nv 77 77 77\nvt 0 0\nvn 0 0 1
f 1/1/1 4/1/1 3/1/1 2/1/1\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n"""  # and a vertex of no face


def stylize(environment: dict[str, str], folder: Path, *words: str) -> tuple[dict, str]:
    """Run `restyle mesh quads.obj` and return its record and what it said on standard error."""
    (folder / "quads.obj").write_text(QUADS)
    return run(environment, folder, "mesh", "quads.obj", *words, "--iterations", "2")


def test_a_mesh_is_stylized_in_its_order_scale_and_place(serving: dict[str, str], tmp_path: Path) -> None:
    prompt = "a box made of red brick and xylophones"
    record, said = stylize(serving, tmp_path, prompt, "-o", "out.ply", "--preview", "pictures", "--seed", "5")
    assert record["state"] == "done"
    assert record["device"] == "cpu"
    used = {"displacement_limit": 0.015}  # the preset's own, with the bundled model
    given = {"seed": 5, "iterations": 2}
    assert record["parameters"] == declaration("stylize_mesh").check_parameters(given) | used
    assert record["outputs"]["mesh"] == str((tmp_path / "out.ply").resolve())
    assert record["seconds"] > 0
    assert record["scores"]
    assert record["vertices"] == 9
    for words in ("stand-in", "restyle models download ViT-B-32", "xylophones"):
        assert words in " ".join(record["warnings"])
        assert words in said
    with Image.open(record["outputs"]["contact_sheet"]) as sheet:
        assert sheet.width > 400
    before, after = read_mesh(tmp_path / "quads.obj"), read_mesh(tmp_path / "out.ply")
    np.testing.assert_array_equal(after.polygons.corners, before.polygons.corners)
    moved = np.linalg.norm(after.vertices - before.vertices, axis=1)
    assert 0 < moved.max() < 0.5  # also the vertex of no face, far away, is where it was, or nearly


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_seed_decides(serving: dict[str, str], tmp_path: Path) -> None:
    jobs = [
        stylize(serving, tmp_path, "red brick", "-o", f"{number}.ply", "--seed", seed)[0]["job"]
        for number, seed in enumerate("556")
    ]
    first, again, other = ((tmp_path / f"{number}.ply").read_bytes() for number in range(3))
    assert first == again
    assert first != other
    assert len(set(jobs)) == 3


def test_ctrl_c_cancels_the_job_and_ends_with_30(serving: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "quads.obj").write_text(QUADS)
    command = [*RESTYLE, "mesh", "quads.obj", "red", "-o", "out.obj", "--iterations", "20000", "--json"]
    process = subprocess.Popen(
        command, env=serving, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with restyle.connect(discovery.read(Path(serving["RESTYLE_DATA_DIR"])).endpoint) as client:
        wait_until(lambda: any(status.state == "running" for status in client.jobs()), 60)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        record = json.loads(out)
        assert process.returncode == 30, said
        assert record["state"] == "cancelled"
        assert client.status(record["job"]).state == "cancelled"
    assert "Cancelled" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.obj").exists()


def test_doctor_finds_the_server_and_the_bundled_model(serving: dict[str, str]) -> None:
    ran = subprocess.run([*RESTYLE, "doctor", "--json"], env=serving, capture_output=True, text=True, check=False)
    record = json.loads(ran.stdout)
    findings = {finding["what"]: finding for finding in record["findings"]}
    assert ran.returncode == 0, ran.stdout
    assert record["usable"]
    assert {findings[what]["state"] for what in ("Server", "Compute", "Data folder")} == {"ok"}
    assert "mini" in findings["Models"]["found"]
