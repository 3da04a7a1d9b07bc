"""Every mode of image analogy on real pictures, in one sheet: docs/pictures/analogy_modes.jpg.

    RESTYLE_TEST_DATA=... python scripts/gallery_analogy.py          # half a minute of processor time

One row of three pictures per example: structure, appearance, result; of the modes that take one picture, that and the
result. Each example is kept as a PNG in --out, and made anew if it is not there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from restyle_server.analogy.patch import analogy, fill, options_for, retarget, vary

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RESTYLE_TEST_DATA", ROOT.parent / "shared" / "data")) / "images"
LARGEST = 320  # longer side of what is worked on, pixels
HEIGHT, CAPTION, GAP, COLUMNS = 150, 24, 6, 2

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """A caption, and what makes the pictures that are shown below it."""

    caption: str
    make: Callable[[], list[Picture]]


def read(name: str) -> Picture:
    """A picture of the test data, its longer side at most LARGEST."""
    with Image.open(DATA / name) as image:
        picture = image.convert("RGB")
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def two(mode: str, structure: str, appearance: str, colors: str = "") -> Example:
    """Structure, appearance and result of a mode."""

    def make() -> list[Picture]:
        options = options_for(mode)
        if colors == "matched":
            options = replace(options, color_alignment="matched")
        layout, matter = read(structure), read(appearance)
        return [layout, matter, analogy(layout, matter, options).picture]

    return Example(f"{mode}, colors {colors}" if colors else mode, make)


def varied() -> list[Picture]:
    picture = read("pair08_a.jpg")
    return [picture, *(vary(picture, options_for("vary"), seed=seed).picture for seed in (1, 2))]


def retargeted() -> list[Picture]:
    picture = read("pair06_b.jpg")
    wide = replace(options_for("retarget"), output_size=(picture.shape[0], 2 * picture.shape[1]))
    return [picture, retarget(picture, wide).picture]


def filled() -> list[Picture]:
    picture = read("pair01_a.jpg")
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    hole = ((y / height - 0.8) ** 2 * (height / width) ** 2 + (x / width - 0.65) ** 2 < 0.18**2).astype(np.float32)
    marked = np.where(hole[..., None] > 0, np.uint8(255), picture)
    return [picture, marked, fill(picture, hole, options_for("fill")).picture]


EXAMPLES = {
    "analogy_bowls": two("analogy", "pair01_a.jpg", "pair01_b.jpg"),
    "analogy_savanna": two("analogy", "pair06_a.jpg", "pair06_b.jpg"),
    "paint_balloons": two("paint", "pair05_a.png", "pair05_b.png"),
    "paint_mountain": two("paint", "pair02_a.jpg", "pair02_b.jpg"),
    "text_dots": two("text", "pair04_a.png", "pair04_b.png"),
    "text_strokes": two("text", "pair04_b.png", "pair04_a.png"),
    "texture_mud": two("texture", "pair03_a.png", "pair03_b.png"),
    "texture_gravel": two("texture", "pair10_a.png", "pair10_b.png"),
    "style_cup": two("style", "photo_coffee.jpg", "pair03_b.png"),
    "style_cat": two("style", "photo_cat.png", "pair03_a.png"),
    "style_night": two("style", "pair09_a.jpg", "pair09_b.jpg", "matched"),
    "style_portrait": two("style", "photo_astronaut.png", "pair07_a.jpg"),
    "vary": Example("vary, two seeds", varied),
    "fill": Example("fill: the ball taken out", filled),
    "retarget": Example("retarget: twice as wide", retargeted),
}


def strip(pictures: Sequence[Picture]) -> Image.Image:
    """The pictures beside each other, all of one height."""
    scaled = [
        Image.fromarray(picture).resize((round(picture.shape[1] * HEIGHT / picture.shape[0]), HEIGHT))
        for picture in pictures
    ]
    page = Image.new("RGB", (sum(image.width + GAP for image in scaled) - GAP, HEIGHT), "white")
    left = 0
    for image in scaled:
        page.paste(image, (left, 0))
        left += image.width + GAP
    return page


def sheet(strips: Mapping[str, Image.Image]) -> Image.Image:
    """All examples with their captions, in columns."""
    images = list(strips.values())
    widths = [max(image.width for image in images[column::COLUMNS]) + 4 * GAP for column in range(COLUMNS)]
    rows = -(-len(strips) // COLUMNS)
    page = Image.new("RGB", (sum(widths), rows * (HEIGHT + CAPTION)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    for number, (name, image) in enumerate(strips.items()):
        x, y = sum(widths[: number % COLUMNS]), number // COLUMNS * (HEIGHT + CAPTION)
        draw.text((x + 2, y + 4), EXAMPLES[name].caption, "black", font=font)
        page.paste(image, (x, y + CAPTION))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gallery_analogy")
    parser.add_argument("--sheet", type=Path, default=ROOT / "docs" / "pictures" / "analogy_modes.jpg")
    parser.add_argument("--only", nargs="+", choices=EXAMPLES, default=[], help="make these anew")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    strips: dict[str, Image.Image] = {}
    for name, example in EXAMPLES.items():
        path = args.out / f"{name}.png"
        if name in args.only or not path.exists():
            strip(example.make()).save(path)
            print(path, flush=True)
        strips[name] = Image.open(path)
    sheet(strips).save(args.sheet, quality=82)
    print(f"{args.sheet}: {args.sheet.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
