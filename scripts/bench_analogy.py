"""The patch engine on real pairs: scores beside trivial anchors, seconds, memory, and contact sheets to look at.

    python scripts/bench_analogy.py --output build/analogy
    python scripts/bench_analogy.py --pairs 01 05 --preset fine --largest 256 --output build/analogy

Every picture is written as a PNG and only these files are judged (restyle_server/analogy/metrics.py says how). Anchors:
A itself, B itself, blocks of B at random places, A in B's mean and covariance of colour. `published` is the same engine
at the settings of Granot et al. 2022 (coarsest side 14 px, raw colours, no guide), for comparison. Even pairs are
what the settings were chosen by; odd ones were seen, not used. OUTPUT/<pair>.png: A, B, the result, the anchors.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from restyle_server.analogy.metrics import recolour, score, shuffled_blocks
from restyle_server.analogy.patch import PRESETS, PatchOptions, analogy, options_for

Pixels = NDArray[np.uint8]

DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "images"
PUBLISHED = PatchOptions(
    granularity=14,
    color_alignment="off",
    structure_weight=0.0,
    completeness=0.005,
    ratio=0.75,
    iterations=10,
    coherence=0.0,
    vote_sigma=100.0,
)
SHEET_HEIGHT = 220
TERMS = ("appearance", "structure", "coherence", "completeness")


def read(path: Path, largest: int) -> Pixels:
    """A picture file as (H, W, 3) uint8, its longer side at most `largest`."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def judge_pair(name: str, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Make, save and judge everything of one pair; a row of figures per picture."""
    folder: Path = arguments.output / name
    folder.mkdir(parents=True, exist_ok=True)
    files = {letter: next(DATA.glob(f"pair{name}_{letter}.*")) for letter in "ab"}
    made = {letter: read(path, arguments.largest) for letter, path in files.items()}
    a, b = made["a"], made["b"]
    made["shuffled"] = shuffled_blocks(b, a.shape[0], a.shape[1], block=max(8, min(a.shape[:2]) // 7), seed=1)
    made["recoloured"] = recolour(a, b)
    rows: dict[str, dict[str, float]] = {letter: {} for letter in made}
    runs = {
        "result": options_for(arguments.mode, arguments.preset),
        **({"published": PUBLISHED} if arguments.published else {}),
    }
    for label, options in runs.items():
        wall, cpu = time.perf_counter(), time.process_time()
        made[label] = analogy(a, b, options, device=arguments.device).picture
        rows[label] = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    for label, picture in made.items():
        Image.fromarray(picture).save(folder / f"{label}.png")
    stored = {label: np.asarray(Image.open(folder / f"{label}.png")) for label in made}
    for label, row in rows.items():
        scores = score(stored["a"], stored["b"], stored[label])
        row |= {**asdict(scores), "score": scores.total}
        shown = "  ".join(f"{key} {value:5.2f}" for key, value in row.items())
        print(f"{name} {label:10s} {shown}", flush=True)
    order = ("a", "b", *runs, "recoloured", "shuffled")
    sheet([stored[label] for label in order], order).save(arguments.output / f"{name}.png")
    return rows


def sheet(pictures: list[Pixels], labels: tuple[str, ...]) -> Image.Image:
    """The pictures beside each other, all of one height, with their names."""
    scaled = [
        Image.fromarray(p).resize((max(1, round(p.shape[1] * SHEET_HEIGHT / p.shape[0])), SHEET_HEIGHT))
        for p in pictures
    ]
    page = Image.new("RGB", (sum(image.width + 4 for image in scaled), SHEET_HEIGHT + 16), "white")
    left = 0
    for image, label in zip(scaled, labels, strict=True):
        page.paste(image, (left, 16))
        ImageDraw.Draw(page).text((left + 2, 2), label, fill="black")
        left += image.width + 4
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", nargs="+", default=[f"{number:02d}" for number in range(1, 11)])
    parser.add_argument("--mode", default="analogy")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--largest", type=int, default=512, help="longer side of the pictures, pixels")
    parser.add_argument("--published", action="store_true", help="also run the published settings")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("build/analogy"))
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.device}")
    figures = {name: judge_pair(name, arguments) for name in arguments.pairs}
    (arguments.output / "figures.json").write_text(json.dumps(figures, indent=1))
    for label in ("result", "published") if arguments.published else ("result",):
        for title, chosen in (
            ("all", list(figures)),
            ("even", [name for name in figures if int(name) % 2 == 0]),
            ("odd", [name for name in figures if int(name) % 2]),
        ):
            if chosen:
                means = {term: np.mean([figures[name][label][term] for name in chosen]) for term in (*TERMS, "copied")}
                total = np.mean([figures[name][label]["score"] for name in chosen])
                shown = "  ".join(f"{term} {value:.2f}" for term, value in means.items())
                print(f"{label} {title:4s} ({len(chosen)} pairs)  SCORE {total:.3f}   means: {shown}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
