"""The gallery: fifteen results with every kind of target and control, made the way a pipeline makes them.

    RESTYLE_TEST_DATA=... python scripts/gallery.py                 # about seven minutes of processor time
    RESTYLE_TEST_DATA=... python scripts/gallery.py --only mask bake

Each piece is a file in --out and is kept, so that an interrupted run goes on; gallery.png shows all of them with their
captions. Meshes and pictures come from the folder of test data; the server is found or started as always.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import restyle
from restyle.color import linear_to_srgb
from restyle.meshfile import read_mesh
from restyle.picturefile import read_picture
from restyle_server.stylize import contact_sheet, render_views

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RESTYLE_TEST_DATA", ROOT.parent / "shared" / "data"))
SIZE, COLUMNS, CAPTION = 300, 4, 44
SIDES = {"candle": (5.0, 0.3), "vase": (5.0, 0.3), "horse": (1.2, 0.2), "spot": (4.2, 0.25), "bird": (2.6, 1.0)}

Picture = NDArray[np.uint8]
Values = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Piece:
    """A result of the gallery: its caption, and what makes its picture."""

    caption: str
    make: Callable[[Studio], Picture]


class Studio:
    """A client, and the results that several pieces are made from."""

    def __init__(self, client: restyle.Client, preset: str) -> None:
        self._client, self._preset = client, preset
        self._styles: dict[tuple[str, str], restyle.Result] = {}

    def stylize(self, mesh: restyle.Mesh, prompt: str | None = None, **wanted: Any) -> restyle.Result:
        """A result of `stylize_mesh`."""
        values = {"mesh": mesh, "prompt": prompt, "preset": self._preset, **wanted}
        given = {name: value for name, value in values.items() if value is not None}
        return self._client.submit("stylize_mesh", **given).result()

    def styled(self, name: str, prompt: str) -> restyle.Result:
        """The same for a mesh of the test data, made once."""
        if (name, prompt) not in self._styles:
            self._styles[name, prompt] = self.stylize(mesh_of(name), prompt)
        return self._styles[name, prompt]

    def apply(self, mesh: restyle.Mesh, style: Any) -> restyle.Result:
        """A style on another mesh."""
        return self._client.submit("apply_style", mesh=mesh, style=style).result()

    def bake(self, mesh: restyle.Mesh, style: Any) -> restyle.Result:
        """A style as textures."""
        return self._client.submit("bake_style", mesh=mesh, style=style, size=1024, normal_map=True).result()


def mesh_of(name: str) -> restyle.Mesh:
    """A mesh of the test data."""
    return read_mesh(DATA / "meshes" / f"{name}.obj").mesh


def picture_of(name: str) -> Picture:
    """A picture of the test data, without its alpha."""
    picture: Picture = np.ascontiguousarray(read_picture(DATA / "images" / name)[..., :3])
    return picture


def shown(name: str, mesh: restyle.Mesh, attributes: Values) -> Picture:
    """The result from the side that shows most of it."""
    azimuth, elevation = SIDES.get(name, (1.0, 0.3))
    moved, colors = mesh.vertices + attributes["offset"], linear_to_srgb(attributes["colors"])
    seen: Picture = render_views(moved, mesh.faces, colors, [azimuth], [elevation], size=SIZE, up=mesh.up)[0]
    return seen


def inset(picture: Picture, corner: Picture) -> Picture:
    """The picture with a small one in its upper right corner: what it was made from."""
    small = Image.fromarray(corner)
    small.thumbnail((SIZE // 4, SIZE // 4))
    whole = Image.fromarray(picture)
    whole.paste(small, (SIZE - small.width - 4, 4))
    return np.asarray(whole)


# The pieces


def text(studio: Studio, *, name: str, prompt: str) -> Picture:
    return shown(name, mesh_of(name), studio.styled(name, prompt).attributes)


def picture(studio: Studio, *, name: str, file: str) -> Picture:
    mesh, wanted = mesh_of(name), picture_of(file)
    return inset(shown(name, mesh, studio.stylize(mesh, image=wanted).attributes), wanted)


def other_mesh(studio: Studio, *, name: str, like: str, prompt: str) -> Picture:
    mesh, wanted = mesh_of(name), studio.styled(like, prompt).attributes
    target = replace(mesh_of(like), vertices=mesh_of(like).vertices + wanted["offset"])
    result = studio.stylize(mesh, target_mesh=target, target_mesh_attributes={"colors": wanted["colors"]})
    return inset(shown(name, mesh, result.attributes), shown(like, mesh_of(like), wanted))


def mixture(studio: Studio, *, name: str, first: str, second: str) -> Picture:
    mesh = mesh_of(name)
    result = studio.stylize(mesh, first, prompt_2=second, prompt_weight=1.0, prompt_2_weight=1.0)
    return shown(name, mesh, result.attributes)


def mask(studio: Studio, *, name: str, prompt: str) -> Picture:
    """The lower half changes; the upper half keeps the colour that the mesh had."""
    mesh = mesh_of(name)
    height = mesh.vertices[:, 1]
    share = (height - height.min()) / np.ptp(height)
    weight = np.clip((0.55 - share) / 0.1, 0, 1).astype(np.float32)
    colors = np.tile(np.array([0.55, 0.5, 0.42], np.float32), (len(mesh.vertices), 1))
    result = studio.stylize(mesh, prompt, vertex_attributes={"mask": weight, "colors": colors})
    return shown(name, mesh, result.attributes)


def controlled(studio: Studio, *, name: str, prompt: str, controls: dict[str, Any]) -> Picture:
    mesh = mesh_of(name)
    return shown(name, mesh, studio.stylize(mesh, prompt, **controls).attributes)


def reused(studio: Studio, *, name: str, source: str, prompt: str) -> Picture:
    """The style of another mesh, without optimising again."""
    style, mesh = studio.styled(source, prompt), mesh_of(name)
    result = studio.apply(mesh, style.outputs["style"])
    return inset(shown(name, mesh, result.attributes), shown(source, mesh_of(source), style.attributes))


def bake(studio: Studio, *, prompt: str) -> Picture:
    """A style that 15,401 vertices learned, as textures of a mesh of 674, beside its colour map."""
    mesh = mesh_of("vase2")
    result = studio.bake(replace(mesh, uv=cylinder_map(mesh)), studio.styled("vase", prompt).outputs["style"])
    sheet = result.outputs["picture"]
    side = sheet.shape[1] // 4
    view = np.asarray(Image.fromarray(sheet[:side, :side]).resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    return inset(view, result.outputs["colors"])


def cylinder_map(mesh: restyle.Mesh) -> NDArray[np.float32]:
    """UV coordinates (F, 3, 2) by angle and height about the upright axis, without faces that cross the seam."""
    x, y, z = (mesh.vertices - mesh.vertices.mean(axis=0)).T
    corners = np.stack([np.arctan2(z, x) / (2 * math.pi) + 0.5, (y - y.min()) / np.ptp(y)], axis=1)[mesh.faces]
    turns = corners[..., 0]
    turns += turns < turns.max(axis=1, keepdims=True) - 0.5
    corners[..., 0] = 0.02 + 0.62 * turns  # a face on the seam reaches beyond a whole turn, at the ends by half of one
    corners[..., 1] = 0.02 + 0.96 * corners[..., 1]
    uv: NDArray[np.float32] = corners.astype(np.float32)
    return uv


def several(studio: Studio, *, names: tuple[str, ...], prompt: str) -> Picture:
    """One job, one look, one field: each object keeps its place and size."""
    meshes = [mesh_of(name) for name in names]
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    joined = restyle.Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]).astype(np.int32),
    )
    objects = np.repeat(np.arange(len(meshes)), np.diff(starts)).astype(np.float32)
    values = studio.stylize(joined, prompt, vertex_attributes={"object": objects}).attributes
    pictures = []
    for name, mesh, start in zip(names, meshes, starts):
        own = slice(start, start + len(mesh.vertices))
        pictures.append(shown(name, mesh, {key: value[own] for key, value in values.items()}))
    sheet = Image.fromarray(contact_sheet(np.stack(pictures), 2))
    return np.asarray(sheet.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def variations(studio: Studio, *, name: str, prompt: str) -> Picture:
    sheet = studio.stylize(mesh_of(name), prompt, variations=4).outputs["variations_picture"]
    return np.asarray(Image.fromarray(sheet).resize((SIZE, SIZE), Image.Resampling.LANCZOS))


PIECES = {
    "text_brick": Piece("a vase made of brick", partial(text, name="vase", prompt="a vase made of brick")),
    "text_wood": Piece("a horse made of wood", partial(text, name="horse", prompt="a horse made of wood")),
    "text_leopard": Piece("a leopard cow", partial(text, name="spot", prompt="a leopard cow")),
    "text_stripes": Piece(
        "a red and white striped horse", partial(text, name="horse", prompt="a red and white striped horse")
    ),
    "picture": Piece("like the picture: tomatoes", partial(picture, name="bird", file="pair08_b.png")),
    "picture_mud": Piece("like the picture: cracked mud", partial(picture, name="spot", file="pair03_b.png")),
    "mesh": Piece(
        "like another mesh: the brick vase",
        partial(other_mesh, name="candle", like="vase", prompt="a vase made of brick"),
    ),
    "mixture": Piece(
        "wood and moss, half and half",
        partial(mixture, name="horse", first="a horse made of wood", second="a horse made of moss"),
    ),
    "mask": Piece("lava, masked to the lower half", partial(mask, name="horse", prompt="a horse made of lava")),
    "palette": Piece(
        "camouflage in three given colours",
        partial(controlled, name="bird", prompt="a camouflage bird", controls={"palette": "#3b4a2a #a39a6b #20241c"}),
    ),
    "shape": Piece(
        "cobblestone, shape only, outwards",
        partial(
            controlled,
            name="candle",
            prompt="a candle made of cobblestone",
            controls={"change": "displacement", "direction": "out", "displacement_limit": 0.04},
        ),
    ),
    "reused": Piece(
        "the vase's brick on a bird, at once",
        partial(reused, name="bird", source="vase", prompt="a vase made of brick"),
    ),
    "bake": Piece("baked to textures of 674 vertices", partial(bake, prompt="a vase made of brick")),
    "several": Piece(
        "four objects, one look",
        partial(several, names=("candle", "bird", "spot", "vase"), prompt="an object made of wood"),
    ),
    "variations": Piece("four variations", partial(variations, name="candle", prompt="a candle made of red brick")),
}


def sheet(pieces: dict[str, Piece], folder: Path) -> Image.Image:
    """All pictures that there are, with captions."""
    rows = -(-len(pieces) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * SIZE, rows * (SIZE + CAPTION)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=15)
    for number, (name, piece) in enumerate(pieces.items()):
        x, y = number % COLUMNS * SIZE, number // COLUMNS * (SIZE + CAPTION)
        draw.text((x + 8, y + 12), piece.caption, "black", font=font)
        if (folder / f"{name}.png").exists():
            page.paste(Image.open(folder / f"{name}.png"), (x, y + CAPTION))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gallery")
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--only", nargs="+", choices=PIECES, default=list(PIECES), help="make these anew")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    again = set(args.only) if len(args.only) < len(PIECES) else set()
    with restyle.connect() as client:
        studio = Studio(client, args.preset)
        for name in args.only:
            path = args.out / f"{name}.png"
            if path.exists() and name not in again:
                continue
            Image.fromarray(PIECES[name].make(studio)).save(path)
            print(f"{path}: {PIECES[name].caption}", flush=True)
    sheet(PIECES, args.out).save(args.out / "gallery.png")
    print(args.out / "gallery.png")


if __name__ == "__main__":
    main()
