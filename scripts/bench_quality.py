"""Measures the results by MES and ITS, as the field does, and what each part of the method brings.

    python scripts/bench_quality.py run --shard 0/2 &     # stylize: a file per result, so that a rerun goes on
    python scripts/bench_quality.py run --shard 1/2
    python scripts/bench_quality.py table                 # for docs/benchmarks.md
    python scripts/bench_quality.py sheet -o OUT.png      # the results side by side: look at them

MES is 100 times the mean cosine over 24 fixed views; ITS the first of every tenth iterations that passes a threshold.
Both are `restyle_server.stylize.metrics`. A real expert's threshold is 0.22; `mini`'s cosines have another scale, so
with it the threshold of a pair is half-way from the bare mesh to what the full method reaches there.
The ablation is the paper's (Text2Mesh, section 4.2): without crops, without the geometry branch, without a field (each
vertex has a colour and a displacement of its own), without displacement.

An encoder that also steers the optimisation is easily fooled. Where a second model was trained
(`scripts/mini_judge/train_judge.py`), the table has its opinion too: the prompt's place among its 24.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from mini_judge.meshes import Mesh
from mini_judge.model import load_judge, rank_of, verdict
from mini_judge.prompts import PROMPTS
from mini_judge.views import look
from restyle.meshfile import read_mesh
from restyle.picturefile import write_picture
from restyle_server.models.clip import ClipEncoder, load_mini, load_openclip
from restyle_server.stylize import (
    Step,
    StylizeOptions,
    contact_sheet,
    options_for,
    render_views,
    stylize,
)
from restyle_server.stylize.metrics import ITS_EVERY, ITS_THRESHOLD, its, mes

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RESTYLE_TEST_DATA", ROOT.parent / "shared" / "data")) / "meshes"
MESHES = ("candle", "vase", "horse")
NAMES = ("brick", "wood", "gold", "cobblestone", "moss", "wicker")
VARIANTS = ("full", "no crops", "no geometry", "no field", "no displacement")
FREE_RATE = 10.0  # a vertex of its own gets few gradients, and none of its neighbours'
SHEET_SIZE = 192


class FreeVertices(nn.Module):
    """In the place of the field: a colour and a displacement for every vertex, which share nothing."""

    looks = 0

    def __init__(self, count: int) -> None:
        super().__init__()
        self.color_out, self.displacement_out = nn.Linear(1, count, bias=False), nn.Linear(1, count, bias=False)
        self.color_out.weight = nn.Parameter(torch.zeros(count, 3))
        self.displacement_out.weight = nn.Parameter(torch.zeros(count, 1))

    def encode(self, points: Tensor, low_precision: bool = False) -> Tensor:
        """The points themselves."""
        return points

    def decode(self, encoded: Tensor, revealed: float = 1.0, look: int = 0) -> tuple[Tensor, Tensor]:
        """What is added to the start of every vertex, wherever it is."""
        if len(encoded) != len(self.color_out.weight):
            raise ValueError("FreeVertices knows its own vertices only")
        return self.color_out.weight, self.displacement_out.weight.squeeze(1)

    forward = decode


@contextmanager
def free_vertices(count: int) -> Iterator[None]:
    """Runs in here optimise vertices in the place of a field."""
    with patch("restyle_server.stylize.run.StyleField", SimpleNamespace(of=lambda *_, **__: FreeVertices(count))):
        yield


def varied(options: StylizeOptions, variant: str) -> StylizeOptions:
    """The options of a variant; "no field" also needs `free_vertices`."""
    changes: dict[str, dict[str, Any]] = {
        "full": {},
        "no crops": {"local_area": (1.0, 1.0), "geometry_area": (1.0, 1.0)},
        "no geometry": {"geometry_copies": 0},
        "no field": {"learning_rate": options.learning_rate * FREE_RATE},
        "no displacement": {"change": "color"},
    }
    return replace(options, **changes[variant])


@dataclass(frozen=True)
class Result:
    """A saved result: colors (V, 3) sRGB, offset (V, 3), and the mean cosine by iteration, 0 for the bare mesh."""

    colors: NDArray[np.float32]
    offset: NDArray[np.float32]
    scores: dict[int, float]
    cpu_seconds: float


def path_of(folder: Path, mesh: str, name: str, variant: str) -> Path:
    """Where a result is kept."""
    return folder / f"{mesh}_{name}_{variant}.npz".replace(" ", "_")


def load(path: Path) -> Result | None:
    """A saved result, or None where there is none."""
    if not path.exists():
        return None
    with np.load(path) as file:
        scores = dict(zip(file["steps"].tolist(), file["cosines"].tolist(), strict=True))
        return Result(file["colors"], file["offset"], scores, float(file["cpu_seconds"]))


def encoder_of(name: str) -> ClipEncoder:
    """mini, or a real CLIP from its file as NAME=PATH."""
    if name == "mini":
        return load_mini()
    architecture, _, path = name.partition("=")
    return load_openclip(architecture, Path(path), "cpu")


def pairs(arguments: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Mesh, prompt and variant of every result that is wanted."""
    return [
        (mesh, name, variant) for name in arguments.names for mesh in arguments.meshes for variant in arguments.variants
    ]


def run(arguments: argparse.Namespace) -> None:
    """Stylize what has no result yet."""
    encoder, expert = encoder_of(arguments.encoder), encoder_of(arguments.expert or arguments.encoder)
    shard, shards = (int(number) for number in arguments.shard.split("/"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for mesh_name, name, variant in pairs(arguments)[shard::shards]:
        path = path_of(arguments.folder, mesh_name, name, variant)
        if load(path) is not None:
            continue
        mesh = read_mesh(DATA / f"{mesh_name}.obj").mesh
        prompt = PROMPTS[name].format(mesh_name)
        options = varied(options_for(arguments.preset, encoder), variant)
        if arguments.iterations is not None:
            options = replace(options, iterations=arguments.iterations)
        grey = np.full((len(mesh.vertices), 3), 0.5, np.float32)
        scores = {0: mes(expert, mesh.vertices, mesh.faces, grey, prompt) / 100}

        def watch(step: Step, scores: dict[int, float] = scores, mesh: Any = mesh, prompt: str = prompt) -> None:
            if step.iteration % ITS_EVERY == 0:
                colors, offset = step.surface()
                scores[step.iteration] = mes(expert, mesh.vertices + offset, mesh.faces, colors, prompt) / 100

        started = time.process_time()
        with free_vertices(len(mesh.vertices)) if variant == "no field" else nullcontext():
            result = stylize(mesh.vertices, mesh.faces, prompt, encoder, options, seed=0, on_step=watch)
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(
            partial,
            colors=result.colors,
            offset=result.offset,
            steps=list(scores),
            cosines=list(scores.values()),
            cpu_seconds=time.process_time() - started,
        )
        partial.replace(path)
        print(f"{prompt}, {variant}: MES {100 * list(scores.values())[-1]:.1f}", flush=True)


def thresholds(results: dict[tuple[str, str, str], Result], encoder: str) -> dict[tuple[str, str], float]:
    """The cosine that ITS asks for, by mesh and prompt."""
    full = {(mesh, name): result for (mesh, name, variant), result in results.items() if variant == "full"}
    if encoder != "mini":
        return dict.fromkeys(full, ITS_THRESHOLD)
    return {pair: (result.scores[0] + result.scores[max(result.scores)]) / 2 for pair, result in full.items()}


def table(arguments: argparse.Namespace) -> None:
    """Print a row per variant over all pairs that have every variant, and a row per pair for the full method."""
    found = {key: result for key in pairs(arguments) if (result := load(path_of(arguments.folder, *key))) is not None}
    wanted = thresholds(found, arguments.expert or arguments.encoder)
    whole = [pair for pair in wanted if all((*pair, variant) in found for variant in arguments.variants)]
    judge = load_judge(arguments.judge) if arguments.judge.exists() else None
    print(f"{len(whole)} pairs of mesh and prompt, judged by {arguments.expert or arguments.encoder}\n")
    print("| | MES | ITS | place by the second model | CPU seconds |\n|---|---|---|---|---|")
    for variant in arguments.variants:
        results = [(pair, found[(*pair, variant)]) for pair in whole]
        if not results:
            continue
        final = mean(100 * result.scores[max(result.scores)] for _, result in results)
        first = mean(its(result.scores, wanted[pair]) for pair, result in results)
        place = mean(ranked(judge, pair, result) for pair, result in results) if judge else float("nan")
        seconds = mean(result.cpu_seconds for _, result in results)
        print(f"| {variant} | {final:.1f} | {first:.0f} | {place:.1f} | {seconds:.0f} |")
    print("\n| mesh | prompt | bare MES | MES | ITS |\n|---|---|---|---|---|")
    for (mesh, name), threshold in wanted.items():
        scores = found[(mesh, name, "full")].scores
        final = scores[max(scores)]
        print(f"| {mesh} | {name} | {100 * scores[0]:.1f} | {100 * final:.1f} | {its(scores, threshold)} |")


def ranked(judge: Any, pair: tuple[str, str], result: Result) -> int:
    """The prompt's place among the second model's 24, 1 for the first."""
    mesh = read_mesh(DATA / f"{pair[0]}.obj").mesh
    seen = look(
        Mesh.of(mesh.vertices + result.offset, mesh.faces.astype(np.int64), turned=False),
        result.colors.astype(np.float64),
    )
    return rank_of(pair[1], verdict(judge, seen.lit))


def sheet(arguments: argparse.Namespace) -> None:
    """Draw a row per pair and a column per variant."""
    pictures = []
    for mesh_name, name, variant in pairs(arguments):
        result = load(path_of(arguments.folder, mesh_name, name, variant))
        mesh = read_mesh(DATA / f"{mesh_name}.obj").mesh
        colors = np.full((len(mesh.vertices), 3), 0.9, np.float32) if result is None else result.colors
        moved = mesh.vertices if result is None else mesh.vertices + result.offset
        pictures.append(render_views(moved, mesh.faces, colors, [5.0], [0.3], size=SHEET_SIZE)[0])
    write_picture(arguments.output, contact_sheet(np.stack(pictures), len(arguments.variants)))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", type=Path, default=ROOT / "build" / "bench_quality")
    common.add_argument("--meshes", nargs="+", default=MESHES)
    common.add_argument("--names", nargs="+", default=NAMES, choices=tuple(PROMPTS), metavar="NAME")
    common.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS, metavar="VARIANT")
    common.add_argument("--encoder", default="mini", help="mini, or ARCHITECTURE=FILE: what steers the optimisation")
    common.add_argument("--expert", help="likewise, what judges the results [the encoder]")
    common.add_argument("--judge", type=Path, default=ROOT / "build" / "mini_judge" / "judge.safetensors")
    actions = parser.add_subparsers(dest="action", required=True)
    runs = actions.add_parser("run", parents=[common])
    runs.add_argument("--shard", default="0/1")
    runs.add_argument("--preset", default="draft")
    runs.add_argument("--iterations", type=int)
    actions.add_parser("table", parents=[common])
    sheets = actions.add_parser("sheet", parents=[common])
    sheets.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args(words)
    {"run": run, "table": table, "sheet": sheet}[arguments.action](arguments)


if __name__ == "__main__":
    main()
