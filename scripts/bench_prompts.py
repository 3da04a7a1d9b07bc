"""Six prompts on three meshes: does each result look like its prompt, from views it was not made from.

    python scripts/bench_prompts.py --preset draft --output build/prompts

Two checks per result. The encoder: the mean embedding of eight other views must be nearest to its own prompt among the
six. The colours: the mean hue of the covered pixels, without light, must be one that a person would call by the name.
The encoder that optimised also judges, which flatters it; so look at the sheets, too: OUTPUT/<mesh>.png, one row per
prompt.
"""

from __future__ import annotations

import argparse
import colorsys
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import cosine_similarity

from restyle_server.models.clip import ClipEncoder, load_mini
from restyle_server.stylize import (
    PRESETS,
    StylizeOptions,
    StylizeResult,
    contact_sheet,
    options_for,
    render_views,
    stylize,
)

Pictures = NDArray[np.uint8]

DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "meshes"
PROMPTS = {
    "red": "a red {}",
    "green": "a green {}",
    "blue": "a blue {}",
    "gold": "a {} made of gold",
    "wood": "a {} made of wood",
    "brick": "a {} made of red brick",
}
# Degrees on the colour circle that a person would call by the name.
HUES = {
    "red": (-25, 20),
    "green": (75, 165),
    "blue": (190, 265),
    "gold": (30, 62),
    "wood": (10, 45),
    "brick": (-20, 28),
}
AZIMUTHS = [0.3 + math.pi / 4 * number for number in range(8)]
ELEVATIONS = [0.2, 0.5, -0.15, 0.35] * 2
SHOWN = ([5.0, 0.3, 2.7], [0.5, 0.2, 0.35])


def judge(pictures: Pictures, prompts: list[str], encoder: ClipEncoder) -> list[float]:
    """Cosine of the views' mean embedding with every prompt."""
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().to(encoder.device) / 255
    with torch.no_grad():
        seen = encoder.encode_image(images).mean(dim=0, keepdim=True)
        scores: list[float] = cosine_similarity(seen, encoder.encode_text(prompts)).tolist()
    return scores


def mean_color(mesh: tuple[NDArray[Any], NDArray[Any]], result: StylizeResult) -> tuple[float, float, float]:
    """Hue in degrees, saturation and value of the mean colour of the covered pixels."""
    shown = [
        render_views(*mesh, result.colors, AZIMUTHS, ELEVATIONS, size=64, background=background, shading="unlit")
        for background in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    ]
    covered = (shown[0] == shown[1]).all(axis=-1)
    hue, saturation, value = colorsys.rgb_to_hsv(*shown[0][covered].mean(axis=0) / 255)
    return (hue * 360 + 90) % 360 - 90, saturation, value


def settings(pairs: list[str]) -> dict[str, Any]:
    """Options given as NAME=VALUE, in the types that the defaults have."""
    chosen: dict[str, Any] = {}
    for pair in pairs:
        name, value = pair.split("=")
        default = getattr(PRESETS["draft"], name)
        chosen[name] = (
            tuple(map(float, value.split(","))) if isinstance(default, tuple) else type(default)(float(value))
        )
    return chosen


def bench(name: str, prompts: list[str], encoder: ClipEncoder, options: StylizeOptions, seed: int) -> Pictures:
    """Stylize one mesh after each prompt and print what was judged; three pictures per prompt."""
    loaded = trimesh.load_mesh(DATA / f"{name}.obj", process=False)
    vertices, faces = np.asarray(loaded.vertices), np.asarray(loaded.faces)
    captions = [text.format(name) for text in PROMPTS.values()]
    rows, right = [], 0
    for prompt in prompts:
        start = time.perf_counter()
        result = stylize(vertices, faces, PROMPTS[prompt].format(name), encoder, options, seed=seed)
        seconds = time.perf_counter() - start
        moved = vertices + result.offset, faces
        pictures = render_views(*moved, result.colors, AZIMUTHS, ELEVATIONS, size=encoder.resolution)
        scores = judge(pictures, captions, encoder)
        hue, saturation, value = mean_color(moved, result)
        named = list(PROMPTS)[int(np.argmax(scores))]
        low, high = HUES[prompt]
        in_hue = low <= hue <= high and saturation > 0.25
        right += named == prompt and in_hue
        print(
            f"{name:8} {prompt:6} seen as {named:6} cosine {max(scores):.2f}  hue {hue:4.0f} satur. {saturation:.2f} "
            f"value {value:.2f} {'right' if in_hue else 'WRONG'}  {seconds:.0f} s",
            flush=True,
        )
        rows.append(render_views(*moved, result.colors, SHOWN[0], SHOWN[1], size=256))
    print(f"{name}: {right} of {len(prompts)}", flush=True)
    return np.concatenate(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="draft", choices=list(PRESETS))
    parser.add_argument("--meshes", nargs="+", default=["candle", "vase", "horse"])
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS), choices=list(PROMPTS))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings of StylizeOptions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("build/prompts"))
    args = parser.parse_args()
    encoder = load_mini()
    options = replace(options_for(args.preset, encoder), **settings(args.set))
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.meshes:
        pictures = bench(name, args.prompts, encoder, options, args.seed)
        Image.fromarray(contact_sheet(pictures, len(SHOWN[0]))).save(args.output / f"{name}.png")


if __name__ == "__main__":
    main()
