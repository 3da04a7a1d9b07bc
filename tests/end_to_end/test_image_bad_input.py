"""`restyle image` on the pictures that people really have: odd ones work, broken ones are named."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from PIL import Image

from restyle.picturefile import read_picture

RANDOM = np.random.default_rng(0)
SMALL = ["--preset", "draft", "--granularity", "12"]
VAST = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)  # width, height, bits, colours


def chunk(name: bytes, content: bytes) -> bytes:
    """Of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """good.png, 40 x 30, and everything that is odd or broken beside it."""
    colors = RANDOM.integers(0, 256, (30, 40, 3), np.uint8)
    good = Image.fromarray(colors)
    good.save(tmp_path / "good.png")
    good.crop((0, 0, 1, 1)).save(tmp_path / "pixel.png")
    Image.fromarray(RANDOM.integers(0, 65536, (30, 40), np.uint16)).save(tmp_path / "deep.png")
    good.quantize(16).save(tmp_path / "palette.png")
    good.convert("CMYK").save(tmp_path / "print.jpg")
    clear = good.convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.uint8([0, 255]), (30, 20))))
    clear.save(tmp_path / "clear.png")
    good.save(tmp_path / "moving.gif", save_all=True, append_images=[good.rotate(180)])
    turned = Image.Exif()
    turned[0x0112] = 6
    good.save(tmp_path / "turned.jpg", exif=turned)
    good.resize((15, 60)).save(tmp_path / "tall.png")
    Image.new("L", (40, 30)).save(tmp_path / "black.png")
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(tmp_path / "nothing.png")
    Image.new("RGB", (1, 400_000)).save(tmp_path / "hair.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:1500])
    (tmp_path / "list.png").write_text("milk, bread, cheese")
    (tmp_path / "vast.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", VAST) + chunk(b"IDAT", b""))
    (tmp_path / "shot").mkdir()
    for number in (1, 2, 4):
        good.save(tmp_path / "shot" / f"s.{number:04}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("structure", "appearance", "shape"),
    [
        ("pixel.png", "good.png", (1, 1, 3)),
        ("good.png", "pixel.png", (30, 40, 3)),
        ("deep.png", "palette.png", (30, 40, 3)),
        ("turned.jpg", "print.jpg", (40, 30, 3)),
        ("clear.png", "tall.png", (30, 40, 4)),
        ("tall.png", "clear.png", (60, 15, 3)),
    ],
)
def test_odd_pictures_work(
    serving: dict[str, str], folder: Path, structure: str, appearance: str, shape: tuple[int, ...]
) -> None:
    run(serving, folder, "image", structure, appearance, "-o", "out.png", *SMALL)
    assert read_picture(folder / "out.png").shape == shape


def test_of_an_animation_the_first_picture_is_used_and_that_is_said(serving: dict[str, str], folder: Path) -> None:
    record, said = run(serving, folder, "image", "moving.gif", "good.png", "-o", "out.png", *SMALL)
    assert "moving.gif is animated; its first picture is used." in said
    assert record["outputs"]["picture"] == str(folder / "out.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["torn.png", "good.png"], "torn.png: it is damaged or not complete"),
        (["good.png", "list.png"], "list.png: this is not a picture that can be read"),
        (["vast.png", "good.png"], "vast.png: its pixels are more than the 64,000,000 allowed"),
        (["none.png", "good.png"], "none.png: there is no such file"),
        (["good.png", "good.png", "--guide-id", "palette.png", "tall.png"], "tall.png: it is 15 x 60, but good.png is"),
        (["good.png", "good.png", "--appearance-mask", "tall.png"], "tall.png: it is 15 x 60, but good.png is 40 x 30"),
        (["good.png", "good.png", "--structure-mask", "black.png"], "black.png: it is empty"),
        (["good.png", "nothing.png"], "nothing.png: it is transparent everywhere"),
        (["hair.png", "good.png"], "hair.png: 1 x 400000 pixels are too narrow to work on"),
        (
            ["good.png", "good.png", "--guide-passes", "good.png", "good.png"],
            "good.png cannot be read: it is not an Open",
        ),
        (["shot", "good.png"], "s.0003.png: this frame is missing between s.0002.png and s.0004.png"),
    ],
)
def test_broken_ones_are_named_and_nothing_is_made(
    serving: dict[str, str], folder: Path, words: list[str], said: str
) -> None:
    target = "made" if words[0] == "shot" else "out.png"
    record, told = run(serving, folder, "image", *words, "-o", target, *SMALL, code=20)
    assert said in record["error"]["message"]
    assert said in told
    assert not (folder / target).exists()
