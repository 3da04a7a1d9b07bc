"""`restyle retime` as a user runs it: real files, a real server, the real engine."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import RESTYLE
from PIL import Image

from restyle.cli.main import main
from restyle.clipfile import read_clip, write_clip
from restyle.kinds.frames import Frames
from restyle.moviefile import read_movie, write_movie

BITS = 8


def numbered(count: int) -> np.ndarray:
    """(count, 48, 96, 3): the number in bars above, which every codec keeps; below, a block that moves to and fro."""
    bits = np.arange(count)[:, None] >> np.arange(BITS) & 1
    clip = np.full((count, 48, 96, 3), 100, np.uint8)
    clip[:, :24] = (30 + 200 * bits)[:, np.arange(96) * BITS // 96][:, None, :, None]
    for frame in range(count):
        place = abs((frame * (3 if frame > count // 2 else 1)) % 140 - 70)
        clip[frame, 28:44, place : place + 16] = np.arange(40, 232, 12, np.uint8)[None, :, None]
    return clip


def numbers(clip: Frames) -> list[int]:
    centres = ((np.arange(BITS) + 0.5) * 96 / BITS).astype(int)
    bright = clip.pixels[:, 6:18].mean(axis=(1, 3))[:, centres] > 128
    return (bright << np.arange(BITS)).sum(axis=1).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clip.mp4: 200 numbered frames at 25 fps. shots/: the first 60 as pictures. more/: three clips, two of a kind."""
    place = tmp_path_factory.mktemp("clips")
    clip = Frames(numbered(200), 25)
    write_movie(place / "clip.mp4", clip)
    pictures = Frames(clip.pixels[:60], 25)
    write_clip(place / "shots", pictures, read_clip(place / "clip.mp4"))
    (place / "more").mkdir()
    write_movie(place / "more" / "a.mp4", clip)
    write_movie(place / "more" / "b.mp4", Frames(np.roll(clip.pixels, 7, axis=0), 25))
    noise = np.random.default_rng(0).integers(0, 255, (60, 6, 12, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    write_movie(place / "more" / "b.mov", Frames(noise, 25))
    (place / "more" / "broken.mp4").write_bytes(b"no movie at all")
    return place


def run(environment: dict[str, str], folder: Path, *words: str, code: int = 0) -> dict:
    command = [*RESTYLE, "retime", *words, "--json"]
    ran = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout)


def test_a_movie_with_all_its_company(serving: dict[str, str], folder: Path, tmp_path: Path):
    words = ["clip.mp4", "-o", str(tmp_path / "out.mp4"), "--speed", "2.5", "--method", "motion", "--lock", "1-2"]
    extras = ["--curve", str(tmp_path / "out.csv"), "--plot", str(tmp_path / "out.png")]
    record = run(serving, folder, *words, *extras)
    assert record["outputs"] == {
        name: str(tmp_path / f"out.{end}") for name, end in (("movie", "mp4"), ("curve", "csv"), ("plot", "png"))
    }
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    movie = read_movie(tmp_path / "out.mp4")
    assert len(rows) == len(movie) == 80
    assert movie.fps == 25
    assert numbers(movie) == [int(row["shown"]) for row in rows], "the movie shows the very frames of the table"
    locked = [int(row["shown"]) for row in rows if 25 <= int(row["shown"]) < 50]
    assert np.all(np.diff(locked) == 1)
    with Image.open(tmp_path / "out.png") as plot:
        assert plot.width == 1400
    assert record["parameters"]["max_speed"] == 8.0
    assert record["report"]["locked"] == [[25, 49]]


def test_what_was_written_is_named_as_it_was_given(serving: dict[str, str], folder: Path, tmp_path: Path):
    words = ["retime", str(folder / "clip.mp4"), "-o", "out.mp4", "--frames", "1", "--method", "uniform"]
    ran = subprocess.run([*RESTYLE, *words], env=serving, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("out.mp4: 1 frame, 0.04 s, 200x by uniform, ")


LIMITED = """
import resource, signal, sys
from restyle.cli.main import main
signal.signal(signal.SIGXFSZ, signal.{handler})
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of processes are Linux's")
@pytest.mark.parametrize(
    ("handler", "code", "said"),
    [("SIG_IGN", 20, "out.mp4 (-o): it cannot be written: File too large."), ("default_int_handler", 30, "")],
)
def test_a_movie_that_cannot_be_written_is_kept(
    serving: dict[str, str], folder: Path, tmp_path: Path, handler: str, code: int, said: str
):
    """The system ends the file at 4 KiB, by an error or, like Ctrl-C, by a signal."""
    words = ["retime", str(folder / "clip.mp4"), "-o", "out.mp4", "--method", "uniform"]
    command = [sys.executable, "-c", LIMITED.format(handler=handler), *words]
    ran = subprocess.run(command, env=serving, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert list(tmp_path.iterdir()) == []
    kept = re.search(r"The result is kept on the server: restyle (jobs fetch \S+ -o) DIR", ran.stderr)
    assert kept is not None, ran.stderr
    fetch = [*RESTYLE, *kept[1].split(), str(tmp_path)]
    subprocess.run(fetch, env=serving, check=True, capture_output=True)
    assert len(read_movie(tmp_path / "movie.mp4")) == 100


def test_an_edited_map_is_shown_as_it_is(serving: dict[str, str], folder: Path, tmp_path: Path):
    shown = [0, 0, 0, 5, 6, 7, 90, 120, 199]
    (tmp_path / "map.csv").write_text(
        "frame,source\n" + "".join(f"{row},{number}\n" for row, number in enumerate(shown))
    )
    run(serving, folder, "clip.mp4", "-o", str(tmp_path / "out.mkv"), "--map", str(tmp_path / "map.csv"))
    assert numbers(read_movie(tmp_path / "out.mkv")) == shown


def test_numbered_pictures(serving: dict[str, str], folder: Path, tmp_path: Path):
    words = ["shots", "--fps", "12", "--duration", "2.5", "--method", "uniform", "-o", str(tmp_path / "out.mov")]
    record = run(serving, folder, *words)
    movie = read_movie(tmp_path / "out.mov")
    assert len(movie) == record["report"]["frames"] == 30
    assert movie.fps == 12
    assert numbers(movie) == list(range(0, 60, 2))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "x.mp4"], 2, "CLIP is missing"),
        (["clip.mp4"], 2, "-o OUT is missing"),
        (["clip.mp4", "-o", "x.avi"], 2, "this is written as .mp4, .mov, .mkv. Choose one of these endings."),
        (["clip.mp4", "-o", "x.mp4", "--plot", "x.jpg"], 2, "this is written as .png. Choose that ending."),
        (["clip.mp4", "-o", "x.mp4", "--sped", "2"], 2, "arguments: --sped 2. See: restyle retime --help"),
        (["more", "-o", "x.mp4"], 20, "more: this is a folder of movies. Name one of them"),
        (["clip.mp4", "-o", "clip.mp4"], 2, "overwrite the clip"),
        (["clip.mp4", "-o", "no/x.mp4"], 20, "the folder no does not exist"),
        (["clip.mp4", "-o", "x.mp4", "--speed", "2", "--duration", "3"], 2, "--speed, --duration: give one"),
        (["clip.mp4", "-o", "x.mp4", "--lock", "3"], 2, "not a stretch of seconds"),
        (["clip.mp4", "-o", "x.mp4", "--lock", "1-2, 50-60"], 2, "--lock: nothing is at 50 s, since the clip is 8.0"),
        (["clip.mp4", "-o", "x.mp4", "--lock", "0-100"], 2, "or lock and protect less"),
        (["clip.mp4", "-o", "x.mp4", "--map", "m.csv", "--speed", "3"], 2, "--speed: --map says for every frame"),
        (["clip.mp4", "-o", "x.mp4", "--map", "m.csv", "--frames", "9", "--method", "motion"], 2, "--method, --frames"),
        (["clip.mp4", "--heat", "x.mp4", "--method", "motion"], 2, "--heat: it shows what the network sees"),
        (["clip.mp4", "--heat", "x.mp4", "--method", "uniform"], 2, "--heat: it shows what the network sees"),
        (["clip.mp4", "-o", "x.mp4", "--fps", "3"], 2, "knows its own rate"),
        (["clip.mp4", "--plot", "a.png", "--blend"], 2, "none is made"),
        (["nothing.mp4", "-o", "x.mp4"], 20, "nothing.mp4: it cannot be read"),
        (["nothing", "-o", "x.mp4"], 20, "there is no such file"),
        (["more/broken.mp4", "-o", "x.mp4"], 20, "not a movie that can be read"),
        (["clip.mp4", "-o", "x.mp4", "--frames", "3", "--max-speed", "8"], 2, "from 25 to 200 frames"),
        (["--analyze", "more"], 2, "-o DIR is missing"),
        (["--analyze", "nowhere", "-o", "x"], 20, "no such folder"),
        (["--analyze", "shots", "-o", "x"], 20, "no movies in it"),
        (["clip.mp4", "--analyze", "more", "-o", "x"], 2, "leave clip out"),
    ],
)
def test_what_is_refused(
    serving: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    message: str,
):
    monkeypatch.setenv("RESTYLE_DATA_DIR", serving["RESTYLE_DATA_DIR"])
    monkeypatch.delenv("RESTYLE_SERVER", raising=False)
    monkeypatch.chdir(folder)
    assert main(["retime", *words, "--json"]) == code
    assert message in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not (folder / "x.mp4").exists()


def test_a_folder_is_analyzed(serving: dict[str, str], folder: Path, tmp_path: Path):
    record = run(serving, folder, "--analyze", "more", "-o", str(tmp_path / "found"))
    assert set(record["clips"]) == {"a.mp4", "b.mp4", "b.mov"}
    assert record.keys() == {"state", "outputs", "warnings", "clips", "refused"}
    assert "not a movie" in record["refused"]["broken.mp4"]
    assert all(warning.startswith("more/") for warning in record["warnings"])
    assert [record["clips"][name]["similar"][0]["clip"] for name in ("a.mp4", "b.mp4")] == ["b.mp4", "a.mp4"]
    files = {path.name for path in (tmp_path / "found").iterdir()}
    assert files == {"analysis.json", *(f"{name}.{end}" for name in ("a", "b.mp4", "b.mov") for end in ("csv", "png"))}
    with (tmp_path / "found" / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert list(rows[0])[:3] == ["frame", "seconds", "speed"]
    judged = record["clips"]["a.mp4"]["method"] == "speednet"
    assert [name for name in rows[0] if name.startswith("speediness")][1:2] == ["speediness_1.25x"] * judged
