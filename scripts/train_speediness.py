"""Train the bundled speediness network on simulated motion, and fit the scale of its logits to real footage.

    python scripts/train_speediness.py --minutes 60
    python scripts/train_speediness.py --install FOOTAGE...

The first trains, with no footage at all, so that every film is one that the network has not seen, and the figures of
scripts/bench_speediness.py hold for the very weights that are installed. It is resumable: called again, it goes on
where it was. The second fits two numbers, by how much logits are multiplied and shifted, and writes the weights into
the package. Films are named SOURCE_scene_more.mp4.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from restyle_server.retime.speediness import calibrate, footage, measure, small
from restyle_server.retime.speediness.footage import Clip
from restyle_server.retime.speediness.sampling import Sampler
from restyle_server.retime.speediness.train import Options, progress, train, write_weights

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT, TRAINED = "long.checkpoint.safetensors", "long.safetensors"
WORK = ROOT / "build" / "speediness"
SIMULATED = 1600


def recipe() -> str:
    """Return a hash of the files that decide the weights."""
    folder = Path(small.__file__).parent
    names = ("footage", "sampling", "scenes", "simulate", "small", "train")
    return hashlib.sha256(b"".join((folder / f"{name}.py").read_bytes() for name in names)).hexdigest()[:16]


def run(work: Path, minutes: float, bf16: bool) -> None:
    """Train on simulated motion, and write the weights with what is known of them."""
    about = {
        "recipe": recipe(),
        "training": f"simulated motion only, {minutes:g} minutes of {torch.get_num_threads()} cores",
    }
    sampler = Sampler([], footage.simulated(SIMULATED, 2, work / "cache"), 1.0, 0)
    options = Options(minutes=minutes, bf16=bf16)
    net = train(sampler, options, work / CHECKPOINT, log=lambda line: print(line, flush=True))
    write_weights(work / TRAINED, net, about | {"steps": str(progress(work / CHECKPOINT)[1])})


def install(work: Path, clips: Sequence[Clip], out: Path) -> None:
    """Fit the logits' scale, the usual logit of natural speed, and the rise that still films stay below; write all."""
    net = small.load_small("cpu", work / TRAINED)
    seen = [measure.windows(clip.scene, clip.plain.frames, net) for clip in clips]
    by = measure.scale(seen)
    calibrate.calibrate(net, by, [measure.scaled(one, by) for one in seen], clips, len(clips))
    score = measure.score(seen)
    with safe_open(work / TRAINED, "pt") as file:
        about = file.metadata()
    metadata = {name: about[name] for name in ("recipe", "training", "steps")} | {
        "footage": json.dumps(sorted(clip.name for clip in clips)),
        "licence": "GPL-3.0-or-later; no film was trained on. The films named fitted two numbers of the logits' scale.",
        "metrics": json.dumps(
            {"auc_1x_2x": round(score.auc, 3), "auc_interval": np.round(score.auc_interval, 3).tolist()}
        ),
        "natural": f"{net.natural:.3f}",
        "rise": f"{net.rise:.3f}",
    }
    write_weights(out, net, metadata)
    print(json.dumps(metadata, indent=1), f"\nlogits times {by[0]:.3f} plus {by[1]:.3f}")


def main() -> None:
    """Train, or install."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--install", nargs="+", type=Path, metavar="FOOTAGE", help="folders of films at natural speed")
    parser.add_argument("--without", nargs="*", default=(), help="names of films, without ending, that are left out")
    parser.add_argument("--work", type=Path, default=WORK, help="where caches, checkpoints and weights go")
    parser.add_argument(
        "--out", type=Path, default=small.BUNDLED, help="where --install writes, if not into the package"
    )
    parser.add_argument("--bf16", action="store_true", help="half precision; twice as fast where the processor has it")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.install is None:
        run(arguments.work, arguments.minutes, arguments.bf16)
        return
    clips, refused = footage.read(arguments.install, arguments.work / "cache")
    for line in refused:
        print(f"refused: {line}")
    install(arguments.work, [clip for clip in clips if clip.name not in arguments.without], arguments.out)


if __name__ == "__main__":
    main()
