"""An output that cannot be written is refused by its name and flag before a server is looked for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from movies import write_test_movie
from PIL import Image

from restyle.cli.main import main
from restyle.kinds.model import Model
from restyle.modelfile import write_model

CUBE_UV = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
NOWHERE = "the folder no does not exist. Make it first."
BENEATH_A_FILE = "Not a directory."
TOO_LONG = "File name too long."
LONG = "a" * 300
REFUSED = {  # words: the place with its flag, how what is said about it ends
    "mesh good.obj gold -o no/x.ply": ("no/x.ply (-o)", NOWHERE),
    "mesh good.obj gold -o good.png/x.ply": ("good.png/x.ply (-o)", BENEATH_A_FILE),
    "mesh good.obj gold -o ./folder.ply": ("folder.ply (-o)", "this is a folder; name a file in it."),
    f"mesh good.obj gold -o {LONG}.ply": (f"{LONG}.ply (-o)", TOO_LONG),
    "mesh good.obj gold -o x.jpg": ("x.jpg (-o)", "Choose one of these endings."),
    "mesh good.obj gold -o x.ply --style no/x.safetensors": ("no/x.safetensors (--style)", NOWHERE),
    "mesh good.obj gold -o x.ply --preview good.png": ("good.png (--preview)", "File exists."),
    "image good.png good.png -o no/x.png": ("no/x.png (-o)", NOWHERE),
    "image good.png good.png -o x.png --preview good.png/x": ("good.png/x (--preview)", BENEATH_A_FILE),
    "image good.mp4 good.png -o no/x": ("no/x (-o)", NOWHERE),
    f"image good.mp4 good.png -o {LONG}": (f"{LONG} (-o)", "this name is too long for a file."),
    "image good.mp4 good.png -o no/x.mp4": ("no/x.mp4 (-o)", NOWHERE),
    "retime good.mp4 -o no/x.mp4": ("no/x.mp4 (-o)", NOWHERE),
    "retime good.mp4 -o x.mp4 --curve no/x.csv": ("no/x.csv (--curve)", NOWHERE),
    "retime good.mp4 -o x.mp4 --plot no/x.png": ("no/x.png (--plot)", NOWHERE),
    "retime good.mp4 -o x.mp4 --heat no/x.mp4": ("no/x.mp4 (--heat)", NOWHERE),
    "retime good.mp4 -o x.mp4 --wav no/x.wav": ("no/x.wav (--wav)", NOWHERE),
    "retime --analyze . -o good.png": ("good.png (-o)", "File exists."),
    "retime --train . -o no/x.safetensors": ("no/x.safetensors (-o)", NOWHERE),
    "style apply style.safetensors good.obj -o no/x.ply": ("no/x.ply (-o)", NOWHERE),
    "style bake style.safetensors good.obj -o good.png/x": ("good.png/x (-o)", BENEATH_A_FILE),
    "jobs fetch 12345678 -o good.png": ("good.png (-o)", "this is a file; name a folder."),
    "jobs fetch 12345678 -o good.png/x": ("good.png/x (-o)", "good.png is a file; name a folder."),
    f"jobs fetch 12345678 -o {LONG}": (f"{LONG} (-o)", "this name is too long for a file."),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of each sort."""
    place = tmp_path_factory.mktemp("places")
    (place / "good.obj").write_text(CUBE_UV)
    (place / "folder.ply").mkdir()
    Image.new("RGB", (8, 8)).save(place / "good.png")
    write_model(place / "style.safetensors", Model({"a": np.zeros(2, np.float32)}))
    write_test_movie(place / "good.mp4", np.zeros((4, 16, 16, 3), np.uint8), Fraction(25))
    return place


@pytest.fixture
def refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, int], str]:
    """Runs a command in the folder where no server answers, which would be another error; gives what it says."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RESTYLE_SERVER", "tcp://127.0.0.1:9")

    def run(words: str, code: int = 20) -> str:
        assert main([*shlex.split(words), "--json"]) == code
        message: str = json.loads(capsys.readouterr().out)["error"]["message"]
        return message

    return run


@pytest.mark.parametrize("words", REFUSED)
def test_it_is_refused_beforehand(refused, folder: Path, words: str) -> None:
    named, end = REFUSED[words]
    before = sorted(folder.iterdir())
    message = refused(words, 2 if "endings" in end else 20)
    assert message.startswith(f"{named}: ")
    assert message.endswith(end)
    assert sorted(folder.iterdir()) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="has no /proc")
@pytest.mark.parametrize("place", ["/proc/x.png", "/proc/x.mp4", "/proc"])
def test_a_folder_that_only_looks_writable(refused, place: str) -> None:
    clip = "good.png" if place.endswith("png") else "good.mp4"
    assert refused(f"image {clip} good.png -o {place}").startswith(
        f"{place} (-o): nothing can be written into the folder /proc"
    )


def test_a_file_that_is_read_and_written_keeps_its_name(refused) -> None:
    assert refused("mesh lost.obj gold -o lost.obj") == "lost.obj: there is no such file. Check the path."


@pytest.mark.parametrize(
    "words", [f"mesh {LONG}.obj gold -o x.ply", f"image {LONG}.png good.png -o x.png", f"retime {LONG}.mp4 -o x.mp4"]
)
def test_an_input_whose_name_is_too_long(refused, words: str) -> None:
    assert refused(words) == f"{words.split()[1]}: this name is too long for a file."
