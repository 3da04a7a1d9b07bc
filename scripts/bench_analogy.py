"""The patch engine on real pairs: scores beside trivial anchors, seconds, memory, and contact sheets to look at.

    python scripts/bench_analogy.py --output build/analogy
    python scripts/bench_analogy.py --pairs 01 05 --preset fine --largest 256 --output build/analogy

Some seven minutes of processor time, most of it judging. Every picture is written as a PNG and only these files are
judged (restyle_server/analogy/metrics.py says how; both the terms and what they were made of are shown). Anchors:
A itself, B itself, blocks of B at random places, A in B's mean and covariance of colour. `published` is the same engine
at the settings of Granot et al. 2022 (coarsest side 14 px, raw colours, no guide), for comparison. Even pairs are
what the settings were chosen by; odd ones were seen, not used. OUTPUT/<pair>.png: A, B, the result, the anchors.

    python scripts/bench_analogy.py --clips          # flicker of real clips: each frame alone, and as a clip
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

from restyle_server.analogy.guides import lightness_of_frames
from restyle_server.analogy.metrics import Judge, recolour, shuffled_blocks
from restyle_server.analogy.patch import PRESETS, PatchOptions, analogy, analogy_frames, options_for
from restyle_server.analogy.patch.motion import flicker

Pixels = NDArray[np.uint8]

DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "images"
PUBLISHED = PatchOptions(
    granularity=14,
    color_alignment="off",
    structure_weight=0.0,
    contrast=1.0,
    completeness=0.005,
    ratio=0.75,
    iterations=10,
    coherence=0.0,
    vote_sigma=100.0,
)
SHEET_HEIGHT = 220
CLIPS = ("toy_elf", "chaplin", "cars_from_above")
CLIP_SIDE, CLIP_FRAMES = 96, 6


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
    judge = Judge(stored["a"], stored["b"])
    for label, row in rows.items():
        scores = judge.score(stored[label])
        row.update(asdict(scores), score=scores.total)
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


def clip_frames(name: str) -> list[Pixels]:
    """Frames of a film of the data folder, from the 20th on, small."""
    import av

    found: list[Pixels] = []
    with av.open(str(DATA.parent / "videos" / f"{name}.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= 20:
                small = frame.to_image()  # type: ignore[no-untyped-call]
                small.thumbnail((CLIP_SIDE, CLIP_SIDE), Image.Resampling.LANCZOS)
                found.append(np.asarray(small.convert("RGB")))
            if len(found) == CLIP_FRAMES:
                break
    return found


def judge_clip(name: str, appearance: Pixels, device: str) -> dict[str, float]:
    """The flicker of a clip whose frames were made each alone, as a clip, and as one with a guide by lightness."""
    frames, options = clip_frames(name), options_for("analogy")
    light = lightness_of_frames(np.stack(frames), appearance, 2.0)
    made = {
        "alone": [analogy(frame, appearance, options, device=device).picture for frame in frames],
        "as a clip": [r.picture for r in analogy_frames(frames, appearance, options, device=device)],
        "with lightness": [
            r.picture for r in analogy_frames(frames, appearance, options, guides=lambda n: [light(n)], device=device)
        ],
    }
    given = as_tensors(frames)
    return {label: flicker(given, as_tensors(pictures)) for label, pictures in made.items()}


def as_tensors(pictures: list[Pixels]) -> list[torch.Tensor]:
    """Pictures (H, W, 3) uint8 as (3, H, W) from 0 to 1."""
    return [torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255 for picture in pictures]


def means(rows: list[dict[str, float]]) -> str:
    """The means of rows of figures of one kind, as a line."""
    return "  ".join(f"{key} {np.mean([row[key] for row in rows]):6.3f}" for key in rows[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", nargs="+", default=[f"{number:02d}" for number in range(1, 11)])
    parser.add_argument("--mode", default="analogy")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--largest", type=int, default=512, help="longer side of the pictures, pixels")
    parser.add_argument("--published", action="store_true", help="also run the published settings")
    parser.add_argument("--clips", action="store_true", help="measure the flicker of clips instead")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("build/analogy"))
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.device}")
    if arguments.clips:
        matter = read(next(DATA.glob("pair05_b.*")), CLIP_SIDE)
        for name in CLIPS:
            found = judge_clip(name, matter, arguments.device)
            print(name, "  ".join(f"{label} {value:.4f}" for label, value in found.items()), flush=True)
        return
    figures = {name: judge_pair(name, arguments) for name in arguments.pairs}
    (arguments.output / "figures.json").write_text(json.dumps(figures, indent=1))
    for label in next(iter(figures.values())):
        for title, chosen in (
            ("all", list(figures)),
            ("even", [name for name in figures if int(name) % 2 == 0]),
            ("odd", [name for name in figures if int(name) % 2]),
        ):
            if chosen:
                print(
                    f"mean of {title:4s} ({len(chosen)}) {label:10s} {means([figures[name][label] for name in chosen])}"
                )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
