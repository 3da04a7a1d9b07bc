"""Judge the bundled speediness network on real films, none of which it was trained on, beside a plain baseline.

    python scripts/bench_speediness.py FOOTAGE... [--unseen FOOTAGE...] [--work DIR]

The network was trained on simulated motion alone; two numbers, the scale and the shift of its logits, were fitted to
FOOTAGE. For accuracies they are fitted anew without each source before its films are judged; AUC does not depend on
them. --unseen are folders of films that not even these two numbers were fitted to.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from restyle_server.retime.speediness import footage, load_small, measure, speediness
from restyle_server.retime.speediness.calibrate import still_film
from restyle_server.retime.speediness.curve import Floats
from restyle_server.retime.speediness.footage import Clip
from restyle_server.retime.speediness.repeats import fresh
from restyle_server.retime.speediness.small import SpeedinessNet
from train_speediness import WORK

RATES = (1.0, 2.0, 3.0, 4.0, 6.0)
CODECS = (24, 34)  # quality of H.264, of good and of bad films


def line(name: str, score: measure.Score) -> str:
    """Return a row of the table."""
    low, high = score.accuracy_interval
    auc_low, auc_high = score.auc_interval
    return (
        f"{name:42s} {100 * score.accuracy:5.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        f"   AUC {score.auc:.3f} ({auc_low:.3f} to {auc_high:.3f})   {len(score.scenes)} scenes"
    )


def judged(clips: Sequence[Clip], net: SpeedinessNet, **how: object) -> list[measure.Windows]:
    """Judge the windows of clips."""
    return [measure.windows(clip.scene, clip.plain.frames, net, **how) for clip in clips]  # type: ignore[arg-type]


def recoded(clips: Sequence[Clip], net: SpeedinessNet, crf: int) -> list[measure.Windows]:
    """As `judged`, where both copies went through H.264 after they were sped up."""
    out = []
    for clip in clips:
        frames = np.asarray(clip.plain.frames)
        frames = frames[fresh(frames)]
        slow, fast = (footage.through_h264(frames[::stride], crf) for stride in (1, 2))
        one, two = (measure.windows(clip.scene, film, net) for film in (slow, fast))
        out.append(measure.Windows(clip.scene, one.natural, two.natural))
    return out


def own(sources: Sequence[str], judged: Sequence[measure.Windows]) -> measure.Score:
    """Score windows where each clip is its own reference for 1x."""
    referenced = [measure.referenced(one) for one in judged]
    return measure.left_out(sources, referenced, referenced)


def baseline(clips: Sequence[Clip], window: int, unseen: Sequence[Clip] = ()) -> measure.Score:
    """Judge by how much moves: a logistic regression on the same windows, fitted without each source.

    unseen: films to judge instead, by a fit to all clips.
    """

    def seen(clip: Clip) -> list[Floats]:
        frames = np.asarray(clip.plain.frames)
        frames = frames[fresh(frames), ::2, ::2]
        return [measure.motion_features(frames, measure.copy_of(len(frames), rate), window) for rate in (1.0, 2.0)]

    pairs, out = [seen(clip) for clip in clips], []
    asked = [("", clip, seen(clip)) for clip in unseen]
    for source, clip, pair in asked or [(c.source, c, pair) for c, pair in zip(clips, pairs, strict=True)]:
        kept = [pair for clip, pair in zip(clips, pairs, strict=True) if clip.source != source]
        features = np.concatenate([part for pair in kept for part in pair])
        labels = np.concatenate([np.full(len(part), k == 1) for pair in kept for k, part in enumerate(pair)])
        _, logit = measure.logistic(features, labels)
        out.append(measure.Windows(clip.scene, *(logit(part) for part in pair)))
    return measure.score(out)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("footage", nargs="+", type=Path)
    parser.add_argument("--unseen", nargs="*", type=Path, default=())
    parser.add_argument("--without", nargs="*", default=(), help="names of films, without ending, that are left out")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--weights", type=Path, help="instead of the bundled ones")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    clips = [c for c in footage.read(arguments.footage, arguments.work / "cache")[0] if c.name not in arguments.without]
    net = load_small("cpu", arguments.weights) if arguments.weights else load_small()
    began = time.process_time()
    sources, plain = [clip.source for clip in clips], judged(clips, net)
    scores = {
        "1x against 2x, regular": measure.left_out(sources, plain, plain),
        "the same, a clip is its own reference": own(sources, plain),
        "1x against 2x, random skips": measure.left_out(
            sources, plain, judged(clips, net, skips=np.random.default_rng(0))
        ),
        "1x against 3x, regular": measure.left_out(sources, plain, judged(clips, net, rate=3.0)),
        **{
            f"1x against 2x, through H.264 at {crf}": measure.left_out(sources, plain, recoded(clips, net, crf))
            for crf in CODECS
        },
        "how much moves, no network": baseline(clips, net.window),
    }
    named = [replace(one, scene=clip.name) for one, clip in zip(plain, clips, strict=True)]
    scores["1x against 2x, regular, mean over clips"] = measure.left_out(sources, plain, named)
    net.window *= 2
    long = judged(clips, net)
    scores["1x against 2x, windows twice as long"] = measure.left_out(sources, long, long)
    scores["the same, a clip its own reference"] = own(sources, long)
    scores["how much moves, windows twice as long"] = baseline(clips, net.window)
    net.window //= 2
    if arguments.unseen:
        films = footage.read(arguments.unseen, arguments.work / "cache")[0]
        films = [film for film in films if film.name not in arguments.without]
        seen = [measure.windows(film.scene, film.plain.frames, net) for film in films]
        scores["1x against 2x, unseen films"] = measure.score(seen)
        by = measure.scale([measure.referenced(one) for one in plain])
        references = [measure.scaled(measure.referenced(one), by) for one in seen]
        scores["the same, each its own reference"] = measure.score(references)
        scores["how much moves, unseen films"] = baseline(clips, net.window, films)
    for name, score in scores.items():
        print(line(name, score))
    print("\nscene: balanced accuracy, AUC (1x against 2x, regular)")
    for name in ("1x against 2x, regular", "1x against 2x, unseen films"):
        for scene, (accuracy, auc) in scores[name].scenes.items() if name in scores else ():
            print(f"  {scene:30s} {100 * accuracy:5.1f} %  {auc:.3f}")
    curves = np.array([measure.by_rate(clip.plain.frames, net, RATES) for clip in clips])
    means = np.nanmean(curves, 0)
    print(
        "\nmean logit by rate:", "  ".join(f"{rate:g}x {value:+.2f}" for rate, value in zip(RATES, means, strict=True))
    )
    print("clips whose logit at 2x is above that at 1x:", f"{np.mean(curves[:, 1] > curves[:, 0]):.0%}")
    unsure = [1 - speediness(still_film(clip, number), 30.0, net).sure.mean() for number, clip in enumerate(clips)]
    lively = [1 - speediness(clip.plain.frames, 30.0, net).sure.mean() for clip in clips]
    print(f"unsure: {np.mean(unsure):.1%} of still films, {np.mean(lively):.1%} of the clips")
    print(f"{time.process_time() - began:.0f} CPU seconds, {torch.get_num_threads()} threads")
    if arguments.json:
        figures = {
            name: [score.accuracy, *score.accuracy_interval, score.auc, *score.auc_interval]
            for name, score in scores.items()
        }
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
