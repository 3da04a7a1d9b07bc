"""What a job says about an input is told by the file, and the flag, that the user gave for it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from movies import write_test_movie
from PIL import Image
from safetensors.torch import save_file

from restyle.cli.output import Output, of_flag
from restyle.kinds.model import Model
from restyle.modelfile import write_model
from restyle_server.retime.speediness import S3DG

TRIANGLES = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 1\nf 1 2 3\nf 2 3 4\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small good files, and bad ones that only the server can tell from them."""
    place = tmp_path_factory.mktemp("named")
    (place / "good.obj").write_text(TRIANGLES)
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(noise).save(place / "good.png")
    Image.fromarray(noise[:1, :1]).save(place / "pixel.png")
    Image.fromarray(np.dstack([noise, np.zeros((24, 32), np.uint8)])).save(place / "clear.png")
    Image.new("L", (32, 24), 255).save(place / "white.png")
    write_model(place / "other.safetensors", Model({"a": np.zeros(2, np.float32)}))
    torch.save({"a": torch.zeros(2)}, place / "pickled.pth")
    (place / "map.csv").write_text("frame,source\n0,0\n1,9999\n")
    film = np.repeat(np.random.default_rng(1).integers(0, 256, (80, 8, 12, 3), np.uint8), 4, 1).repeat(4, 2)
    film[40:] = film[:40]
    write_test_movie(place / "good.mp4", film, Fraction(25))
    write_test_movie(place / "cut.mkv", film, Fraction(25))
    whole = (place / "cut.mkv").read_bytes()
    cluster = whole.index(bytes.fromhex("1F43B675"))  # of Matroska: the header ends, the pictures begin
    (place / "cut.mkv").write_bytes(whole[: cluster + 40])
    return place


REFUSED = [  # words, what is said
    (["retime", "cut.mkv", "-o", "x.mp4"], "cut.mkv: no picture in it can be decoded"),
    (
        ["retime", "good.mp4", "-o", "x.mp4", "--weights", "other.safetensors"],
        "other.safetensors (--weights): these are",
    ),
    (
        ["retime", "good.mp4", "-o", "x.mp4", "--weights", "pickled.pth"],
        "pickled.pth (--weights): weights are read as safetensors",
    ),
    (["retime", "good.mp4", "-o", "x.mp4", "--map", "map.csv"], "map.csv (--map): it runs from 0 to 9999"),
    (["retime", "--analyze", ".", "-o", "x", "--weights", "other.safetensors"], "other.safetensors (--weights): these"),
    (
        ["style", "apply", "other.safetensors", "good.obj", "-o", "x.ply"],
        "other.safetensors: this model is not a style",
    ),
    (
        ["mesh", "good.obj", "--image", "good.png", "--image", "pixel.png", "-o", "x.ply"],
        "pixel.png (--image): it is 1 x 1 pixels",
    ),
    (["image", "clear.png", "good.png", "-o", "x.png"], "clear.png: it is transparent everywhere"),
    (["image", "good.png", "clear.png", "-o", "x.png"], "clear.png: it is transparent everywhere"),
    (
        ["image", "good.png", "--mode", "fill", "--hole", "white.png", "-o", "x.png"],
        "white.png (--hole): it leaves nothing of the picture",
    ),
]


@pytest.mark.parametrize(
    ("words", "said"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_the_file_is_named(serving: dict[str, str], folder: Path, words: list[str], said: str) -> None:
    record, told = run(serving, folder, *words, code=20)
    assert record["error"]["message"].startswith(said)
    assert f"Error: {said}" in told


def test_a_clip_that_is_left_out_is_named_once(serving: dict[str, str], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mkv").write_bytes((folder / "cut.mkv").read_bytes())
    _, told = run(serving, tmp_path, "retime", "--analyze", ".", "-o", "x", code=20)
    assert "cut.mkv: left out: no picture in it can be decoded" in told


def test_only_names_of_inputs_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.inputs = {"clip": "walk.mp4", "mask": of_flag("m.png", "--hole")}
    for message, said in (
        ("clip: it is short: 2 frames.", "walk.mp4: it is short: 2 frames."),
        ("mask: it is empty.", "m.png (--hole): it is empty."),
        ("clips: they are short.", "clips: they are short."),
        ("clip", "clip"),
        ("No clip: none.", "No clip: none."),
    ):
        assert output.named(message) == said
    output.warn("clip: it is long.")
    assert output.warnings == ["walk.mp4: it is long."]
    assert capsys.readouterr().err == "Warning: walk.mp4: it is long.\n"


def test_a_clip_is_judged_by_the_weights_of_an_s3d_g(serving: dict[str, str], folder: Path) -> None:
    torch.manual_seed(0)
    net = S3DG()
    about = {"restyle": json.dumps({"natural": -0.5, "rise": -100})}  # sure of everything, whatever it sees
    save_file(net.state_dict(), folder / "s3dg.safetensors", about)
    words = ["retime", "good.mp4", "--weights", "s3dg.safetensors", "--speed", "2", "--heat", "heat.mp4"]
    record, told = run(serving, folder, *words, "-o", "fast.mp4")
    assert (record["report"]["method"], record["report"]["weights"], record["report"]["frames"]) == (
        "speednet",
        "given",
        40,
    )
    assert record["report"]["unsure"] == []
    assert record["outputs"].keys() == {"movie", "heat"}
    assert "Warning" not in told
    (folder / "s3dg.safetensors").unlink()
