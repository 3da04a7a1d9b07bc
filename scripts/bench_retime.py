"""Adaptive speedup: solver time against length, exact lengths, the split of the whole, and sheets to look at.

    OMP_NUM_THREADS=1 python scripts/bench_retime.py solver
    python scripts/bench_retime.py whole --method motion --output build/retime
    python scripts/bench_retime.py sheets --output build/retime

`solver`: seconds for random speedup vectors, bounds included, in both domains; and 100 random requests, of which every
one must have its exact length. `whole`: the job itself on real clips, CPU and wall seconds of each part against the
clip's own length. `sheets`: for three clips the plot, and frames at equal times of the adaptive and the uniform result.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from restyle.framemap import exact_keys, keys, nearest
from restyle.jobs import declaration
from restyle.kinds.frames import MovieFile
from restyle_server.context import JobContext
from restyle_server.retime.plan import Domain, PlanOptions, output_length, plan

DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FPS = Fraction(30)
WHOLE = ("videos/butterfly.mp4", "videos/toy_frog.mp4", "videos/chaplin.mp4", "videos/driving_shots.mp4")
SHEETS = ("videos/driving_shots.mp4", "videos/toy_frog.mp4", "footage/ae_man-on-green-screen.mp4")
COLUMNS, CELL = 10, 150


def speedup(random: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """A V(t) that jumps between the paper's rates every half second to four seconds."""
    lengths = random.integers(15, 120, frames // 15 + 1)
    return np.repeat(1.25 ** random.integers(0, 10, len(lengths)), lengths)[:frames]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gives, its CPU seconds and its wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()
    return made, time.process_time() - cpu, time.perf_counter() - wall


def solver() -> None:
    random = np.random.default_rng(0)
    print("| frames | domain | plan, CPU ms (median and worst of 9) | keys within 0.5 frame | keys, exact frames |")
    print("|---|---|---|---|---|")
    for frames in (1_000, 10_000, 100_000, 500_000):
        domains: tuple[Domain, ...] = ("slowness", "speed")
        for domain in domains:
            seconds = []
            for _ in range(9):
                wanted, length = speedup(random, frames), output_length(frames, float(random.uniform(1.2, 6)))
                cuts = np.flatnonzero(random.random(frames) < 1 / 300)
                work = lambda: plan(wanted, FPS, length, PlanOptions(domain=domain), cuts=cuts.tolist())  # noqa: B023, E731
                made, cpu, _ = timed(work)
                assert len(made.source) == length
                seconds.append(cpu * 1000)
            few, exact = len(keys(made.source)[0]), len(exact_keys(made.source)[0])
            print(f"| {frames:,} | {domain} | {np.median(seconds):.1f}, {max(seconds):.1f} | {few:,} | {exact:,} |")
    missed = 0
    for _ in range(100):
        frames = int(random.integers(2, 20_000))
        length = output_length(frames, float(random.uniform(1, 8)))
        missed += len(plan(speedup(random, frames), FPS, length).source) != length
    print(f"\n100 random requests: {100 - missed} of exactly the length asked for")


def run(path: Path, folder: str, **parameters: Any) -> dict[str, Any]:
    """The job on a file, as the worker runs it."""
    from restyle_server.jobs import retime_clip

    context = JobContext(
        device="cpu",
        scratch=Path(folder),
        attempt=1,
        models_dir=Path(folder),
        report=lambda what, data: None,
        describe=lambda packed: {},
        cancelled=lambda: False,
    )
    full = declaration("retime_clip").check_parameters(parameters)
    return retime_clip.run(context, {"clip": MovieFile.of(path)}, full)


def whole(method: str) -> None:
    parts = ("decode", "cuts", "flow", "network", "solve", "plot", "sound", "encode")
    print("| clip | seconds | " + " | ".join(parts) + " | all, wall | all, CPU | times real time (wall) |")
    print("|---" * (len(parts) + 5) + "|")
    with tempfile.TemporaryDirectory() as folder:
        run(DATA / WHOLE[-1], folder, method=method)  # what is imported is not part of it: a worker is warm
    for name in WHOLE:
        with tempfile.TemporaryDirectory() as folder:
            made, cpu, wall = timed(lambda: run(DATA / name, folder, method=method))  # noqa: B023
            report = made["report"]
            seconds = report["source_frames"] / report["fps"]
            cells = [f"{report['seconds'].get(part, 0):.2f}" for part in parts]
            size = "x".join(map(str, report["size"]))
            cells += [f"{value:.1f}" for value in (wall, cpu, seconds / wall)]
            print(f"| {Path(name).stem} {size} | {seconds:.1f} | {' | '.join(cells)} |")


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    """Every frame of a movie, small."""
    import av

    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            height = round(CELL * frame.height / frame.width)
            found.append(frame.reformat(CELL, height, "rgb24").to_ndarray().astype(np.uint8))
    return found


def sheets(method: str, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name in SHEETS:
        path = DATA / name
        with tempfile.TemporaryDirectory() as folder:
            made = run(path, folder, method=method, render=False)
            plotted = Image.fromarray(made["picture"])
        source = made["plan"].series["source"]
        clip = pictures(path)
        rows = {
            f"adaptive ({made['report']['method']})": nearest(source),
            "uniform": nearest(np.arange(len(source)) * len(clip) / len(source)),
        }
        times = ((np.arange(COLUMNS) + 0.5) / COLUMNS * len(source)).astype(int)
        height = clip[0].shape[0]
        sheet = Image.new("RGB", (COLUMNS * (CELL + 4), 2 * (height + 24) + 6), "white")
        pen = ImageDraw.Draw(sheet)
        for row, (label, shown) in enumerate(rows.items()):
            top = row * (height + 24)
            pen.text(
                (2, top + 3), f"{label}: {len(source)} frames, at equal times", "black", ImageFont.load_default(14)
            )
            for column, frame in enumerate(times):
                number = int(min(shown[frame], len(clip) - 1))
                sheet.paste(Image.fromarray(clip[number]), (column * (CELL + 4), top + 22))
                pen.text((column * (CELL + 4) + 3, top + 24), str(number), "yellow", ImageFont.load_default(12))
        sheet = sheet.resize((plotted.width, round(sheet.height * plotted.width / sheet.width)))
        both = Image.new("RGB", (plotted.width, sheet.height + plotted.height), "white")
        both.paste(plotted, (0, 0))
        both.paste(sheet, (0, plotted.height))
        target = output / f"{path.stem}_{method}.png"
        both.save(target)
        print(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("solver", "whole", "sheets"))
    parser.add_argument("--method", default="motion", choices=("speednet", "motion", "uniform"))
    parser.add_argument("--output", type=Path, default=Path("build/retime"))
    arguments = parser.parse_args()
    if arguments.what == "solver":
        solver()
    elif arguments.what == "whole":
        whole(arguments.method)
    else:
        sheets(arguments.method, arguments.output)


if __name__ == "__main__":
    main()
