"""`restyle retime --train` as a user runs it, on simulated films; and a clip that is judged by what it has written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

pytest.importorskip("numba")

from restyle.cli import retime_train
from restyle.cli.main import main
from restyle.errors import BadInputError, UsageError
from restyle.kinds.frames import Frames
from restyle.moviefile import write_movie
from restyle_server.retime.speediness import simulate, studio
from restyle_server.retime.speediness.small import BUNDLED, SpeedinessNet
from restyle_server.retime.speediness.train import progress

NO_TIME = "1e-30"  # minutes: less than passes between two looks at any clock


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films in two folders, and one that is none."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(7)
    for number in range(4):
        place = folder / "ab"[number // 2]
        place.mkdir(exist_ok=True)
        pixels = simulate.clip(rng, 80)[..., None].repeat(3, 3)
        write_movie(place / f"film{number}.mp4", Frames(pixels, 30))
    (folder / "broken.mp4").write_bytes(b"no movie")
    return folder


@pytest.fixture(autouse=True)
def _few_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "SIMULATED", 4)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    code = main(["retime", *words, "--json"])
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    return code, json.loads(out), err


def test_what_is_no_better_is_not_written(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ours.safetensors"
    code, record, err = call(capsys, "--train", str(films), "-o", str(out), "--minutes", NO_TIME)
    assert code == 0
    assert (record["state"], record["better"], record["outputs"]) == ("done", False, {})
    assert not out.exists()
    assert list(record["refused"]) == ["broken.mp4"]
    assert "broken.mp4: left out: it cannot be read" in err
    assert sorted(record["learned"] + record["held_out"]) == [f"{'ab'[k // 2]}/film{k}.mp4" for k in range(4)]
    headline = record["table"]["1x against 2x"]
    assert headline["new"] == headline["shipped"]  # nothing was learned
    assert set(headline) == {"new", "shipped", "motion"}
    assert 0 <= headline["motion"]["auc"] <= 1


@pytest.mark.slow
def test_a_tenth_of_a_minute(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ours.safetensors"
    code, record, _ = call(capsys, "--train", str(films), "-o", str(out), "--minutes", "0.1", "--seed", "1")
    assert code == 0
    assert record["steps"] >= 1
    assert record["seed"] == 1
    assert out.exists() == record["better"]
    assert (tmp_path / "ours.safetensors.training").exists() != record["better"]
    trained, prefix = (
        (out, "") if record["better"] else (tmp_path / "ours.safetensors.training/run.safetensors", "net.")
    )
    learned, bundled = load_file(trained)[f"{prefix}head.weight"], load_file(BUNDLED)["head.weight"]
    assert not np.array_equal(learned, bundled)


@pytest.mark.slow
def test_what_is_better_is_written_and_judges_clips(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ignorant = SpeedinessNet().eval().requires_grad_(False)
    torch.nn.init.zeros_(ignorant.head.weight)  # whatever it sees, it says the same: what is bundled cannot but win
    monkeypatch.setattr(retime_train, "_rivals", lambda out: {"shipped": ignorant})  # what is bundled knows too much
    out = tmp_path / "ours.safetensors"
    code, record, _ = call(capsys, "--train", str(films), "-o", str(out), "--minutes", NO_TIME)
    assert code == 0
    assert record["better"], record["table"]
    assert record["outputs"] == {"weights": str(out)}
    assert [file.name for file in tmp_path.iterdir()] == ["ours.safetensors"]
    monkeypatch.undo()
    monkeypatch.setattr(studio, "SIMULATED", 4)
    before = out.read_bytes()
    # Called again it must beat what is there too, and does not, having learned nothing.
    code, record, _ = call(capsys, "--train", str(films), "-o", str(out), "--minutes", NO_TIME)
    assert "replaced" in record["table"]["1x against 2x"]
    assert not record["better"]
    assert out.read_bytes() == before

    monkeypatch.setenv("RESTYLE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)
    clip, plain = str(films / "a" / "film0.mp4"), str(tmp_path / "map.csv")
    code, record, _ = call(capsys, clip, "--curve", plain, "--weights", str(out))
    assert code == 0, record
    assert record["report"]["weights"] == "given"
    code, record, err = call(capsys, clip, "--curve", plain, "--weights", str(BUNDLED))
    assert code == BadInputError.exit_code
    assert "restyle retime --train" in err


@pytest.mark.slow
def test_the_keyboard_stops_it_and_the_same_command_goes_on(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    work = tmp_path / "ours.safetensors.training"
    words = [sys.executable, "-m", "restyle.cli.main", "retime", "--train", str(films), "-o", str(out), "--json"]
    # In its place, so that the 200 usual simulated clips are not made.
    (work / "cache").mkdir(parents=True)
    np.save(work / "cache" / "simulated_200_2.npy", np.zeros((200, 72, 64, 96), np.uint8))
    process = subprocess.Popen([*words, "--minutes", "30"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (work / "run.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    try:
        out_text, err = process.communicate(timeout=60)
    finally:
        process.kill()  # it would train for half an hour
    assert process.returncode == 30, err
    assert json.loads(out_text)["state"] == "cancelled"
    assert "goes on from there" in err
    assert (work / "run.safetensors").exists()
    assert not out.exists()
    done = subprocess.run([*words, "--minutes", NO_TIME], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == progress(work / "run.safetensors")[1]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--train", "FILMS"], UsageError, "-o WEIGHTS.safetensors is missing"),
        (["--train", "FILMS", "-o", "OUT.mp4"], UsageError, "Choose that ending"),
        (["--train", "FILMS/none", "-o", "OUT.safetensors"], BadInputError, "no such folder"),
        (["--train", "FILMS/empty", "-o", "OUT.safetensors"], BadInputError, "0 of its 0 films"),
        (["--train", "FILMS", "-o", "FILMS/other.safetensors"], BadInputError, "no safetensors file"),
        (["clip.mp4", "--train", "FILMS", "-o", "OUT.safetensors"], UsageError, "leave clip out"),
        (["--train", "FILMS", "-o", "OUT.safetensors", "--min-speed", "1"], UsageError, "leave min-speed out"),
        (["--train", "FILMS", "-o", "OUT.safetensors", "--minutes", "0"], UsageError, "not a number of minutes"),
        (["--train", "FILMS", "-o", "OUT.safetensors", "--seed", "-1"], UsageError, "whole number"),
        (["clip.mp4", "-o", "OUT.mp4", "--minutes", "3"], UsageError, "--minutes: this is for --train"),
        (["FILMS/a/film0.mp4", "-o", "OUT.mp4", "--weights", "FILMS/none"], BadInputError, "none"),
        (
            ["FILMS/a/film0.mp4", "-o", "OUT.mp4", "--weights", "BUNDLED", "--method", "motion"],
            UsageError,
            "nothing is judged",
        ),
    ],
)
def test_bad_calls_are_refused_at_once(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], error: Any, said: str
) -> None:
    (films / "empty").mkdir(exist_ok=True)
    (films / "other.safetensors").write_bytes(b"nothing")
    places = {"FILMS": str(films), "OUT": str(tmp_path / "out"), "BUNDLED": str(BUNDLED)}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    code, record, _ = call(capsys, *words)
    assert code == error.exit_code
    assert said in record["error"]["message"]
    assert not list(tmp_path.iterdir())
