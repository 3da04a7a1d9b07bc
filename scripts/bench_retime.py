"""Adaptive speedup: solver time against length, exact lengths, the split of the whole, and sheets to look at.

    OMP_NUM_THREADS=1 python scripts/bench_retime.py solver
    python scripts/bench_retime.py whole
    python scripts/bench_retime.py sheets --output docs/pictures

`solver`: seconds for random speedup vectors, bounds included, in both domains; and 100 random requests, of which every
one must have its exact length. `whole`: the job itself on real clips at 2x, by motion and by the network: wall and CPU
milliseconds of each part per frame of the clip, and how many times faster than the clip plays the whole is. `sheets`:
for three clips the plot, and frames at equal times of the adaptive and the uniform result.
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
from restyle_server.retime import plot
from restyle_server.retime.plan import Domain, PlanOptions, output_length, plan

DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FPS = Fraction(30)
WHOLE = ("butterfly", "toy_elf", "toy_frog", "flower", "sign_walk")  # those of 480 lines
RUNS = 3  # of each, of which the median counts
PARTS = ("decode", "cuts", "flow", "network", "solve", "plot", "sound", "encode")
SHEETS = {  # by the name of the picture: clip and method
    "retime_network": ("videos/driving_shots.mp4", "speednet"),
    "retime_walkers": ("videos/chaplin.mp4", "motion"),
    "retime_idle": ("footage/ae_man-on-green-screen.mp4", "motion"),
}
COLUMNS, GAP, LABEL = 10, 8, 19


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


def whole() -> None:
    """A table for each method; the first run of all, which imports what a warm worker has, is not counted."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}; milliseconds per frame, wall (CPU)\n")
    for method in ("motion", "speednet"):
        print(f"| {method} | seconds | " + " | ".join(PARTS) + " | all | times real time (wall) | per core |")
        print("|---" * (len(PARTS) + 5) + "|")
        _whole_once(WHOLE[-1], method)
        worst = min(_row(name, method) for name in WHOLE)
        print(f"\nslowest: {worst:.1f} times real time (goal 5)\n", flush=True)


def _row(name: str, method: str) -> float:
    """Print the median run on a clip; gives how many times faster than real time it was."""
    runs = sorted((_whole_once(name, method) for _ in range(RUNS)), key=lambda run: run[2])
    report, cpu, wall = runs[RUNS // 2]
    frames, seconds = report["source_frames"], report["source_frames"] / report["fps"]
    spent = [(report["seconds"].get(part, 0.0), report["cpu_seconds"].get(part, 0.0)) for part in PARTS]
    cells = [f"{1e3 * one / frames:.1f} ({1e3 * other / frames:.1f})" for one, other in [*spent, (wall, cpu)]]
    size = "x".join(map(str, report["size"]))
    ratios = f"{seconds / wall:.1f} | {seconds / cpu:.1f}"
    print(f"| {name} {size} | {seconds:.1f} | {' | '.join(cells)} | {ratios} |", flush=True)
    return float(seconds / wall)


def _whole_once(name: str, method: str) -> tuple[dict[str, Any], float, float]:
    with tempfile.TemporaryDirectory() as folder:
        made, cpu, wall = timed(lambda: run(DATA / "videos" / f"{name}.mp4", folder, method=method))
        return made["report"], cpu, wall


def pictures(path: Path, wanted: NDArray[np.int64], width: int) -> dict[int, Image.Image]:
    """These frames of a movie, `width` pixels wide, by their numbers."""
    import av

    numbers = set(wanted.tolist())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        height = round(width * stream.height / stream.width)
        return {
            number: Image.fromarray(frame.reformat(width, height, "rgb24").to_ndarray())
            for number, frame in enumerate(container.decode(stream))
            if number in numbers
        }


def sheets(output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name, (clip, method) in SHEETS.items():
        with tempfile.TemporaryDirectory() as folder:
            made = run(DATA / clip, folder, method=method, render=False)
        plotted = Image.fromarray(made["picture"])
        below = compared(DATA / clip, made, plotted.width)
        both = Image.new("RGB", (plotted.width, plotted.height + below.height), "white")
        both.paste(plotted, (0, 0))
        both.paste(below, (0, plotted.height))
        both.save(output / f"{name}.jpg", quality=88)
        print(output / f"{name}.jpg", flush=True)


def compared(path: Path, made: dict[str, Any], width: int) -> Image.Image:
    """Frames at equal times of the adaptive and of the uniform result, in line with the plot above them.

    Below each is the second of the clip that it shows, and how fast it plays there.
    """
    report, source = made["report"], made["plan"].series["source"]
    frames, length, rate = report["source_frames"], len(source), report["fps"]
    uniform = np.arange(length) * (frames / length)
    rows = {
        "adaptive": (source, made["speeds"].series["speed"]),
        "uniform": (uniform, np.full(frames, frames / length)),
    }
    inner = width - plot.LEFT - plot.RIGHT
    cell = (inner + GAP) // COLUMNS - GAP
    times = ((np.arange(COLUMNS) + 0.5) / COLUMNS * length).astype(int)
    shown = {label: np.minimum(nearest(where[times]), frames - 1) for label, (where, _) in rows.items()}
    found = pictures(path, np.concatenate(list(shown.values())), cell)
    step = next(iter(found.values())).height + LABEL + GAP
    sheet = Image.new("RGB", (width, 22 + len(rows) * step + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    title = f"{COLUMNS} moments of the {length / rate:.1f} s results, and the second of the clip that is seen then"
    pen.text((plot.LEFT, 0), title, plot.INK, font)
    for row, (label, numbers) in enumerate(shown.items()):
        top = 22 + row * step
        pen.text((plot.LEFT - 8, top + (step - LABEL - GAP) / 2), label, plot.INK, font, anchor="rm")
        for column, number in enumerate(numbers.tolist()):
            left = plot.LEFT + column * (cell + GAP)
            sheet.paste(found[number], (left, top))
            said = f"{number / rate:.1f} s,  {rows[label][1][number]:.1f}x"
            pen.text((left + cell / 2, top + step - LABEL - GAP + 3), said, plot.GREY, font, anchor="ma")
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("solver", "whole", "sheets"))
    parser.add_argument("--output", type=Path, default=Path("build/retime"))
    arguments = parser.parse_args()
    if arguments.what == "solver":
        solver()
    elif arguments.what == "whole":
        whole()
    else:
        sheets(arguments.output)


if __name__ == "__main__":
    main()
