"""Where the time of a stylization step goes, and how much it adds to the bare CLIP forward and backward.

    OMP_WAIT_POLICY=passive python scripts/bench_stylize.py --table     # all of docs/benchmarks.md, some 4 minutes
    python scripts/bench_stylize.py --encoder ViT-B-32-quickgelu --preset reference --iterations 3
    python scripts/bench_stylize.py --encoder mini --preset draft
    python scripts/bench_stylize.py --table --whole --device cuda       # and whole runs of 1,500 steps, on a GPU

Real encoders get random weights, which take exactly as long. The bare CLIP runs on the pictures of the same iterations,
in turn with them, so that the ratio holds on a busy machine. A whole run is timed as a warm worker does it: the encoder
is loaded, and a step was made before. Meshes are candle, vase and horse of `RESTYLE_TEST_DATA`,
else a sphere.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from torch import Tensor

from restyle_server.models.clip import ClipEncoder, load_mini, random_openclip
from restyle_server.stylize import PRESETS, Step, StylizeOptions, options_for, stylize, views
from restyle_server.stylize.judge import uses_bfloat16
from restyle_server.stylize.run import Run

# Encoder, preset, number of meshes, iterations: the rows of docs/benchmarks.md.
TABLE = (
    ("ViT-B-32-quickgelu", "reference", 1, 4),
    ("ViT-B-32-quickgelu", "standard", 1, 7),
    ("mini", "draft", 3, 20),
)
WHOLE = 1500  # steps of the paper's own demos
DATA = Path(os.environ.get("RESTYLE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "meshes"
STAGES = {"_changes": "field", "_bounded": "bounds"}
FUNCTIONS = {
    "new_cameras": "cameras",
    "visibility": "visibility",
    "surface": "surface",
    "shade": "shade",
    "fill": "shade",
    "augment": "augment",
}


class Stopwatch:
    """Seconds per stage and iteration; `pictures` keeps what the encoder saw last."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stages: dict[str, float] = defaultdict(float)
        self.pictures = torch.empty(0)

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = self.now()
            result = function(*args, **kwargs)
            self.stages[stage] += self.now() - start
            return result

        return call

    def encode(self, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        timed = self.timed("CLIP forward", function)

        def call(pictures: Tensor) -> Tensor:
            if pictures.requires_grad:
                self.pictures = pictures.detach()
            embedded: Tensor = timed(pictures)
            return embedded

        return call

    @contextmanager
    def watching(self, encoder: ClipEncoder) -> Iterator[None]:
        patches = [patch.object(Run, name, self.timed(stage, getattr(Run, name))) for name, stage in STAGES.items()]
        patches += [
            patch.object(views, name, self.timed(stage, getattr(views, name))) for name, stage in FUNCTIONS.items()
        ]
        patches += [
            patch.object(encoder, "encode_image", self.encode(encoder.encode_image)),
            patch.object(Tensor, "backward", self.timed("backward", Tensor.backward)),
            patch.object(torch.optim.Adam, "step", self.timed("optimiser", torch.optim.Adam.step)),
        ]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()


def bare_clip(encoder: ClipEncoder, pictures: Tensor, options: StylizeOptions) -> None:
    leaf = pictures.requires_grad_()
    with torch.autocast(encoder.device.type, torch.bfloat16, enabled=uses_bfloat16(options, encoder.device)[0]):
        embedded = encoder.encode_image(leaf).float()
    embedded.sum().backward()  # type: ignore[no-untyped-call]


def measure(
    mesh: tuple[NDArray[Any], NDArray[Any]], encoder: ClipEncoder, options: StylizeOptions
) -> tuple[float, float, dict[str, float]]:
    """Median seconds of an iteration and of the bare CLIP, and mean seconds per stage, all but the first iteration."""
    watch = Stopwatch(encoder.device)
    whole: list[float] = []
    bare: list[float] = []
    mark = [0.0]

    def on_step(step: Step) -> None:
        now = watch.now()
        if step.iteration == 1:
            watch.stages.clear()
        else:
            whole.append(now - mark[0])
            seconds = watch.timed("bare", bare_clip)
            before = watch.stages.pop("bare", 0.0)
            stages = dict(watch.stages)
            seconds(encoder, watch.pictures, options)
            bare.append(watch.stages["bare"] - before)
            watch.stages.clear()
            watch.stages.update(stages)
        mark[0] = watch.now()

    with watch.watching(encoder):
        stylize(*mesh, "a candle made of red brick", encoder, options, seed=0, device=encoder.device, on_step=on_step)
    return statistics.median(whole), statistics.median(bare), {k: v / len(whole) for k, v in watch.stages.items()}


def whole(
    mesh: tuple[NDArray[Any], NDArray[Any]], encoder: ClipEncoder, options: StylizeOptions
) -> tuple[float, float]:
    """Seconds to the first preview, of the first step, and to the result of a run."""
    watch = Stopwatch(encoder.device)
    previews: list[float] = []

    def on_step(step: Step) -> None:
        if not previews:
            step.render()
            previews.append(watch.now())

    begun = watch.now()
    stylize(*mesh, "a candle made of red brick", encoder, options, seed=0, device=encoder.device, on_step=on_step)
    return previews[0] - begun, watch.now() - begun


def meshes() -> Iterator[tuple[str, tuple[NDArray[Any], NDArray[Any]]]]:
    """Name, vertices and faces of the meshes to measure."""
    paths = [path for name in ("candle", "vase", "horse") if (path := DATA / f"{name}.obj").is_file()]
    loaded = [(path.stem, trimesh.load_mesh(path, process=False)) for path in paths]
    for name, mesh in loaded or [("sphere", trimesh.creation.icosphere(subdivisions=5))]:
        yield name, (np.asarray(mesh.vertices), np.asarray(mesh.faces))


def bench(name: str, preset: str, count: int, iterations: int, device: str, *, whole_steps: int) -> None:
    """Print the figures of an encoder and a preset on the first so many meshes."""
    encoder = load_mini(device) if name == "mini" else random_openclip(name, device)
    suited = options_for(preset, encoder)
    options = replace(suited, iterations=iterations, displacement_from=0.0)
    images = options.views * (options.global_copies + options.local_copies + options.geometry_copies)
    print(f"{encoder.name}, {preset}, {device}, {torch.get_num_threads()} threads, {images} pictures")
    for mesh_name, mesh in list(meshes())[:count]:
        step, bare, stages = measure(mesh, encoder, options)
        split = ", ".join(f"{stage} {seconds * 1e3:.0f}" for stage, seconds in stages.items())
        print(f"{mesh_name} ({len(mesh[1])} faces): {step:.3f} s, bare CLIP {bare:.3f} s, ratio {step / bare:.2f}")
        print(f"    milliseconds: {split}", flush=True)
        if whole_steps:
            first, all_of_it = whole(mesh, encoder, replace(suited, iterations=whole_steps))
            print(f"    {whole_steps} steps: first preview {first:.2f} s, result {all_of_it:.1f} s", flush=True)
    if torch.device(device).type == "cuda":
        print(f"    at most {torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB of the card", flush=True)
        torch.cuda.reset_peak_memory_stats(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="the rows of docs/benchmarks.md instead of one")
    parser.add_argument("--encoder", default="mini", help="mini, or an architecture of open_clip")
    parser.add_argument("--preset", default="draft", choices=list(PRESETS))
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument(
        "--whole", type=int, nargs="?", const=WHOLE, default=0, help=f"also time whole runs of so many steps [{WHOLE}]"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--meshes", type=int, default=3, help="how many of the meshes")
    args = parser.parse_args()
    rows = TABLE if args.table else ((args.encoder, args.preset, args.meshes, args.iterations),)
    for encoder, preset, count, iterations in rows:
        bench(encoder, preset, count, iterations, args.device, whole_steps=args.whole)


if __name__ == "__main__":
    main()
