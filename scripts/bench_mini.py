"""Is `mini` fooled by itself? 24 prompts on three meshes, judged by others.

    python scripts/mini_judge/train_judge.py                  # the second model: 24 minutes of processor time
    python scripts/bench_mini.py run --shard 0/2 &            # stylize: a file per pair, so that a rerun goes on
    python scripts/bench_mini.py run --shard 1/2
    python scripts/bench_mini.py calibrate                    # how far the judges are to be trusted, 6 minutes
    python scripts/bench_mini.py judge                        # the table for docs/benchmarks.md, and two sheets

What is judged are pictures of the saved results, from directions that no optimisation fixed:
by a second model (`mini_judge`: other network, other drawings of every surface, other pictures); by checks that are not
learned (colours, period and direction of the structure, vertices at the end of the scale); and by `mini` itself, which
proves little. Neither judge nor check was ever used to tune `mini` or the stylizer.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from mini_judge import calibrate, checks, sheets
from mini_judge.colors import colors_fit
from mini_judge.fields import Floats
from mini_judge.meshes import Mesh
from mini_judge.model import load_judge, opinion, rank_of, verdict
from mini_judge.prompts import CLASSES, NAMES, PROMPTS
from mini_judge.views import Seen, look
from restyle_server.models.clip import load_mini
from restyle_server.stylize import options_for, render_views, stylize

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RESTYLE_TEST_DATA", ROOT.parent / "shared" / "data")) / "meshes"
MESHES = ("candle", "vase", "horse")
SHOWN = {"candle": (5.0, 0.3), "vase": (5.0, 0.3), "horse": (1.2, 0.2)}
SHEET_SIZE, SHUFFLE = 152, 5


@dataclass(frozen=True)
class Result:
    """A saved stylization.

    colors: (V, 3) sRGB.
    offset: (V, 3) object units.
    seconds, cpu_seconds: what it took.
    weights: which mini made it.
    """

    colors: NDArray[np.float32]
    offset: NDArray[np.float32]
    seconds: float
    cpu_seconds: float
    weights: str


@dataclass(frozen=True)
class Judgement:
    """What was found out about one result.

    rank: its prompt's place among the 24 for the second model; taken_for: that model's first of all classes.
    colors, structure, unsaturated: the checks; structure is None where a prompt asks for none.
    own_rank: its prompt's place among the 24 for mini.
    """

    rank: int
    taken_for: str
    colors: bool
    structure: bool | None
    unsaturated: bool
    own_rank: int

    @property
    def checked(self) -> bool:
        """Whether it passes every check that is not learned."""
        return self.colors and self.structure is not False and self.unsaturated


def weights_hash() -> str:
    """A hash of mini's weights, so that results of other weights are not mixed in."""
    weights = files("restyle_server.models") / "mini" / "mini.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:16]


def read_mesh(name: str) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices and faces of a sample mesh."""
    loaded = trimesh.load_mesh(DATA / f"{name}.obj", process=False)
    return np.asarray(loaded.vertices, dtype=np.float64), np.asarray(loaded.faces, dtype=np.int64)


def path_of(folder: Path, mesh: str, name: str) -> Path:
    return folder / "results" / f"{mesh}_{name.replace(' ', '_')}.npz"


def load_result(path: Path) -> Result | None:
    """A saved result, or None where there is none."""
    if not path.exists():
        return None
    with np.load(path) as file:
        numbers = float(file["seconds"]), float(file["cpu_seconds"])
        return Result(file["colors"], file["offset"], *numbers, str(file["weights"]))


def run(
    folder: Path, meshes: Sequence[str], names: Sequence[str], shard: tuple[int, int], iterations: int | None
) -> None:
    """Stylize the pairs of this shard that have no result of these weights yet."""
    encoder, weights = load_mini(), weights_hash()
    options = options_for("draft", encoder)
    if iterations is not None:
        options = replace(options, iterations=iterations)
    (folder / "results").mkdir(parents=True, exist_ok=True)
    pairs = [(mesh, name) for name in names for mesh in meshes][shard[0] :: shard[1]]
    for done, (mesh, name) in enumerate(pairs, 1):
        path, prompt = path_of(folder, mesh, name), PROMPTS[name].format(mesh)
        found = load_result(path)
        if found is not None and found.weights == weights:
            continue
        if unknown := encoder.unknown_words(prompt):
            print(f"mini does not know {', '.join(unknown)}, in {prompt!r}", flush=True)
        start, cpu = time.perf_counter(), time.process_time()
        result = stylize(*read_mesh(mesh), prompt, encoder, options, seed=0)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(
            partial, colors=result.colors, offset=result.offset, seconds=seconds, cpu_seconds=cpu, weights=weights
        )
        partial.replace(path)
        print(f"{done}/{len(pairs)}  {prompt}: {seconds:.0f} s, CPU {cpu:.0f} s, score {result.score:.2f}", flush=True)


def judge_one(name: str, seen: Seen, colors: Floats, *, scores: torch.Tensor, own: torch.Tensor) -> Judgement:
    """Put together what is known of one result."""
    return Judgement(
        rank=rank_of(name, scores),
        taken_for=CLASSES[int(scores.argmax())],
        colors=colors_fit(name, seen.surface_colors()),
        structure=checks.structure_fits(name, seen.close, seen.close_masks),
        unsaturated=checks.saturated(colors) <= checks.MOST_SATURATED,
        own_rank=rank_of(name, own),
    )


def judge(
    folder: Path, judge_path: Path, meshes: Sequence[str], names: Sequence[str]
) -> dict[tuple[str, str], Judgement]:
    """Judge every saved result."""
    second, encoder, found = load_judge(judge_path), load_mini(), {}
    weights = weights_hash()
    for mesh in meshes:
        vertices, faces = read_mesh(mesh)
        for name in names:
            result = load_result(path_of(folder, mesh, name))
            if result is None or result.weights != weights:
                print(f"no result of these weights for {name} on {mesh}", file=sys.stderr)
                continue
            moved = vertices + result.offset
            colors = result.colors.astype(np.float64)
            seen = look(Mesh.of(moved, faces, turned=False), colors)
            found[mesh, name] = judge_one(
                name, seen, colors, scores=verdict(second, seen.lit), own=opinion(encoder, seen.whole, mesh)
            )
    return found


def share(marks: Sequence[bool]) -> str:
    """So many of so many, in words and per cent."""
    return f"{sum(marks)} of {len(marks)} ({100 * sum(marks) / max(len(marks), 1):.0f} %)"


def table(found: dict[tuple[str, str], Judgement], meshes: Sequence[str]) -> str:
    """The results as markdown: one row per prompt, the three meshes behind each other."""
    signs = {True: "yes", False: "no", None: "-"}
    lines = [
        f"Meshes in the order {', '.join(meshes)}. Rank 1 is right; chance is 12.5.",
        "",
        "| prompt | second model: rank of 24 | taken for, of 28 | colours | structure | mini: rank of 24 |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(name for _, name in found):
        row = [found[mesh, name] for mesh in meshes if (mesh, name) in found]
        cells = [
            ", ".join(str(j.rank) for j in row),
            ", ".join(j.taken_for for j in row),
            ", ".join(signs[j.colors] for j in row),
            ", ".join(signs[j.structure] for j in row),
            ", ".join(str(j.own_rank) for j in row),
        ]
        lines.append(f"| {PROMPTS[name].format('X')} | {' | '.join(cells)} |")
    everyone = list(found.values())
    structured = [j.structure for j in everyone if j.structure is not None]
    lines += [
        "",
        f"- Second model, the prompt first of 24: **{share([j.rank == 1 for j in everyone])}**"
        + "".join(f"; {m} {share([j.rank == 1 for (k, _), j in found.items() if k == m])}" for m in meshes),
        f"- Among the first three of 24: {share([j.rank <= 3 for j in everyone])}; first even before plain, mottled, "
        f"patches and miscoloured: {share([j.taken_for == name for (_, name), j in found.items()])}",
        f"- Not learned: colours {share([j.colors for j in everyone])}; structure, where measured {share(structured)}; "
        f"at most {100 * checks.MOST_SATURATED:.0f} % saturated vertices {share([j.unsaturated for j in everyone])}; "
        f"all of them {share([j.checked for j in everyone])}",
        f"- Second model and all checks: **{share([j.checked and j.rank == 1 for j in everyone])}**",
        f"- mini itself, which optimised: the prompt first of 24 {share([j.own_rank == 1 for j in everyone])}",
    ]
    return "\n".join(lines)


def timings(folder: Path, meshes: Sequence[str], names: Sequence[str]) -> str:
    """Seconds per mesh of the saved results."""
    parts = []
    for mesh in meshes:
        results = [r for name in names if (r := load_result(path_of(folder, mesh, name)))]
        if results:
            wall, cpu = (np.median([getattr(r, key) for r in results]) for key in ("seconds", "cpu_seconds"))
            parts.append(f"{mesh} {wall:.0f} s ({cpu:.0f} s of processor time)")
    return f"- Median of a run: {'; '.join(parts)}. Weights of mini: {weights_hash()}"


def draw_sheets(folder: Path, meshes: Sequence[str], names: Sequence[str]) -> None:
    """Write sheet.png with captions, and blind.png with numbers whose answers are in blind_answers.txt."""
    cells = {}
    for name in names:
        views = []
        for mesh in meshes:
            vertices, faces = read_mesh(mesh)
            result = load_result(path_of(folder, mesh, name))
            if result is None:
                views.append(np.full((1, SHEET_SIZE, SHEET_SIZE, 3), 230, np.uint8))
                continue
            azimuth, elevation = SHOWN[mesh]
            moved = vertices + result.offset
            views.append(render_views(moved, faces, result.colors, [azimuth], [elevation], size=SHEET_SIZE))
        cells[name] = np.concatenate(views)
    sheets.sheet(cells, names, [PROMPTS[name].format("X") for name in names]).save(folder / "sheet.png")
    mixed = [name for name in sheets.shuffled(SHUFFLE) if name in cells]
    numbers = [str(number) for number in range(1, len(mixed) + 1)]
    sheets.sheet(cells, mixed, numbers).save(folder / "blind.png")
    answers = "".join(f"{number} {name}\n" for number, name in zip(numbers, mixed))
    (folder / "blind_answers.txt").write_text(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("run", "calibrate", "judge"))
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench_mini")
    parser.add_argument("--judge", type=Path, default=ROOT / "build" / "mini_judge" / "judge.safetensors")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="run: the I-th of N parts of the work")
    parser.add_argument("--iterations", type=int, help="run: instead of the preset's, to try things out")
    parser.add_argument("--seeds", type=int, default=1, help="calibrate: drawings per prompt and mesh")
    parser.add_argument("--meshes", nargs="+", default=MESHES, choices=MESHES)
    parser.add_argument("--prompts", nargs="+", default=NAMES, choices=NAMES)
    args = parser.parse_args()
    if args.task == "run":
        index, count = (int(part) for part in args.shard.split("/"))
        if count > 1:
            torch.set_num_threads(1)  # the other processes have their own
        run(args.out, args.meshes, args.prompts, (index, count), args.iterations)
    elif args.task == "calibrate":
        paths = {mesh: DATA / f"{mesh}.obj" for mesh in args.meshes}
        print(calibrate.report(load_judge(args.judge), load_mini(), paths, args.prompts, args.seeds))
    else:
        print(table(judge(args.out, args.judge, args.meshes, args.prompts), args.meshes))
        print(timings(args.out, args.meshes, args.prompts))
        draw_sheets(args.out, args.meshes, args.prompts)


if __name__ == "__main__":
    main()
