"""Fine-tuning of the small network on a studio's own footage, and whether that made it better.

Films are grouped by folder, so that what judges was filmed elsewhere than what was learned from. The result is
compared with the bundled weights on films that neither was trained on; it counts as better if it tells 1x from 2x
better within a film (AUC) in 95 of 100 bootstrap draws of these films, and is right as often over all of them.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch

from restyle.errors import BadInputError
from restyle.moviefile import is_movie, open_movie

from . import footage, measure
from .calibrate import calibrate, evenly, fitted, still_film
from .curve import Floats, base_step, halves, speediness
from .footage import Clip, Track
from .repeats import fresh
from .sampling import Sampler
from .small import BUNDLED, WHAT, SpeedinessNet, load_small
from .train import Options, progress, train, write_weights

HELD_OUT, MOST_HELD_OUT = 0.25, 30  # share of the films that judge, and the most of them
FITTED = 16  # films that were learned from, to which the level of logits is fitted
SIMULATED, SIMULATED_SHARE = 200, 0.3  # simulated clips among those learned from, so that what was known stays known
RATE = 5e-4  # peak of the learning rate; a tenth of that from scratch would change too little in 20 minutes
SAVE_EVERY = 20.0  # seconds
SURE = 0.95  # of the bootstrap draws in which it must be better
SLOW_MOTION = 1.2  # ratio of the rates of recording and of showing above which a film is no witness

Share = Callable[[float], object]
Table = dict[str, dict[str, measure.Score]]  # rows by what is asked, columns by who answers


@dataclass(frozen=True)
class Films:
    """Films fit for training, by how they are used, and why others are not."""

    learn: tuple[Clip, ...]
    held: tuple[Clip, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """Scores on the held-out films, shares of frames of still films that are unsure, and whether it is better."""

    table: Table
    still: Mapping[str, float]
    better: bool


def gather(folder: Path, cache: Path, seed: int, on_step: Share = float) -> Films:
    """Decode the films of a folder and those in it, refuse the unfit ones, and divide the others.

    Raises BadInputError if fewer than two are fit.
    """
    paths = sorted(p for p in folder.rglob("*") if is_movie(p) and p.is_file() and not p.name.startswith("."))
    clips: list[Clip] = []
    refused: dict[str, str] = {}
    for number, path in enumerate(paths):
        name = path.relative_to(folder).as_posix()
        found = _film(path, cache)
        if isinstance(found, str):
            refused[name] = found
        else:
            clips.append(replace(found, name=name, scene=name))
        on_step((number + 1) / len(paths))
    if len(clips) < 2:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in refused.items())
        raise BadInputError(
            f"{folder}: {len(clips)} of its {len(paths)} films can be used; two are needed, one to learn from and one "
            f"to judge by.{reasons}"
        )
    learn, held = split(clips, seed)
    return Films(tuple(learn), tuple(held), refused)


def _film(path: Path, cache: Path) -> Clip | str:
    """A film at about the 30 frames per second that the network is shown; or why it is refused."""
    try:
        found = footage.film(path, cache, log=lambda line: None)
        if isinstance(found, str):
            return found
        with open_movie(path) as container:
            shown = float(container.streams.video[0].average_rate or 30)
            recorded = container.metadata.get("com.android.capture.fps", "")
    except (OSError, ValueError, ArithmeticError) as error:
        return f"it cannot be read ({error})"
    try:
        ratio = float(recorded) / shown
    except ValueError:
        ratio = 1.0
    if not 1 / SLOW_MOTION < ratio < SLOW_MOTION:
        kind = "slow motion" if ratio > 1 else "a time lapse"
        return f"it was recorded at {float(recorded):.4g} frames per second and shows {shown:.4g}: {kind}"
    step = base_step(shown)
    if found.frames // step < footage.SHORTEST:
        return f"it has {found.frames} frames at {shown:.4g} per second; {step * footage.SHORTEST} are needed"
    coded = tuple(tuple(_every(track, step) for track in pair) for pair in found.coded)
    return replace(found, plain=_every(found.plain, step), coded=coded)


def _every(track: Track, step: int) -> Track:
    return replace(track, frames=track.frames[::step])


def split(clips: Sequence[Clip], seed: int) -> tuple[list[Clip], list[Clip]]:
    """Divide clips into those to learn from and those held out, whole groups each, neither of them empty.

    Groups are folders; if there is one only, what stands before the first underscore of the names; or each by itself.
    """
    for key in (_folder, _source, lambda clip: clip.name):
        groups = sorted({key(clip) for clip in clips})
        if len(groups) > 1:
            break
    order = [groups[number] for number in np.random.default_rng(seed).permutation(len(groups))]
    sizes = list(accumulate(sum(key(clip) == group for clip in clips) for group in order))
    wanted = min(MOST_HELD_OUT, HELD_OUT * len(clips))
    # The number of groups whose size is nearest to what is wanted, and never all of them.
    count = 1 + int(np.argmin([abs(size - wanted) for size in sizes[:-1]]))
    chosen = set(order[:count])
    return [c for c in clips if key(c) not in chosen], [c for c in clips if key(c) in chosen][:MOST_HELD_OUT]


def _folder(clip: Clip) -> str:
    return clip.name.rpartition("/")[0]


def _source(clip: Clip) -> str:
    return clip.source


def fine_tune(films: Films, work: Path, minutes: float, seed: int, on_step: Share = float) -> SpeedinessNet:
    """Train the bundled weights further, for `minutes` over all calls with the same folder, films and seed.

    It runs on the GPU if there is one. KeyboardInterrupt leaves a checkpoint.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    key = hashlib.sha256(json.dumps([[c.name for c in films.learn], seed]).encode() + BUNDLED.read_bytes()).hexdigest()
    run, checkpoint = work / "run.json", work / "run.safetensors"
    if not run.exists() or json.loads(run.read_text()) != key:
        checkpoint.unlink(missing_ok=True)
        run.write_text(json.dumps(key))
    sampler = Sampler(list(films.learn), footage.simulated(SIMULATED, 2, work / "cache"), SIMULATED_SHARE, seed)
    options = Options(
        minutes=minutes, rate=RATE, seed=seed, save_every=SAVE_EVERY, bf16=device == "cpu" and halves(device)
    )
    start = load_small().state_dict()
    return train(sampler, options, checkpoint, start, device, log=lambda line: None, on_step=on_step).to("cpu").eval()


def judge(nets: Mapping[str, SpeedinessNet], films: Films, on_step: Share = float) -> Verdict:
    """Fit the logits' level of all nets to films that were learned from, and score them on those held out.

    nets: "new" and its rivals. The level of "new" is changed for good (natural, rise and head), in the end to that of
    the held-out films, which no figure of the table depends on. on_step: called with
    the share that is done.
    """
    sample = evenly(films.learn, FITTED)
    table: Table = {"1x against 2x": {}, "random skips": {}, "through H.264": {}}
    still: dict[str, float] = {}
    steps, done = len(nets) * (len(sample) + len(films.held)), 0

    def seen(clips: Sequence[Clip], net: SpeedinessNet) -> list[measure.Windows]:
        nonlocal done
        found = []
        for clip in clips:
            found.append(measure.windows(clip.scene, clip.plain.frames, net))
            done += 1
            on_step(done / steps)
        return found

    for name, net in nets.items():
        by = fitted(seen(sample, net))
        plain = seen(films.held, net)
        table["1x against 2x"][name] = measure.score([measure.scaled(one, by) for one in plain])
        rng = np.random.default_rng(0)
        skipped = [measure.windows(c.scene, c.plain.frames, net, skips=rng) for c in films.held]
        table["random skips"][name] = measure.score([measure.scaled(one, by) for one in skipped])
        coded = [_coded(clip, net) for clip in films.held]
        table["through H.264"][name] = measure.score([measure.scaled(one, by) for one in coded])
        if name == "new":
            # Not by the films that were learned from: there it is surer than it may be.
            level = fitted(plain)
            calibrate(net, level, [measure.scaled(one, level) for one in plain], films.held)
        stills = [
            speediness(still_film(clip, 1000 + number), 30.0, net).sure
            for number, clip in enumerate(evenly(films.held, 8))
        ]
        still[name] = float(1 - np.concatenate(stills).mean())
    headline = table["1x against 2x"]
    best = wins(headline)
    headline["motion"] = baseline(films, nets["new"].window)
    return Verdict(table, still, best)


def _coded(clip: Clip, net: SpeedinessNet) -> measure.Windows:
    """Windows of a clip whose copies went through H.264, the fast one after it was sped up."""
    slow, fast = (measure.windows(clip.scene, np.asarray(track.frames), net).natural for track in clip.coded[0])
    return measure.Windows(clip.scene, slow, fast)


def baseline(films: Films, window: int) -> measure.Score:
    """Judge the held-out films by how much moves: a logistic regression on the films that were learned from."""

    def features(clip: Clip) -> list[Floats]:
        frames = np.asarray(clip.plain.frames)
        frames = frames[fresh(frames), ::2, ::2]
        return [measure.motion_features(frames, measure.copy_of(len(frames), rate), window) for rate in (1.0, 2.0)]

    known = [features(clip) for clip in evenly(films.learn, FITTED)]
    labels = np.concatenate([np.full(len(part), fast) for pair in known for fast, part in zip((False, True), pair)])
    _, logit = measure.logistic(np.concatenate([part for pair in known for part in pair]), labels)
    return measure.score(
        [measure.Windows(clip.scene, *(logit(part) for part in features(clip))) for clip in films.held]
    )


def wins(headline: Mapping[str, measure.Score]) -> bool:
    """Whether "new" is better than all others."""
    return all(better(headline["new"], score) for name, score in headline.items() if name != "new")


def better(new: measure.Score, old: measure.Score) -> bool:
    """Whether the new AUC is above the old one in nearly all bootstrap draws of films, and the accuracy no lower."""
    gains = np.array([[new.scenes[name][1] - old.scenes[name][1]] for name in new.scenes])
    return bool(np.mean(measure.bootstrap(gains) > 0) >= SURE) and new.accuracy >= old.accuracy


def write(path: Path, net: SpeedinessNet, films: Films, verdict: Verdict, work: Path) -> None:
    """Write weights, all of them or nothing, that `small.of_arrays` and `small.load_small` read."""
    score = verdict.table["1x against 2x"]["new"]
    about = {
        "what": WHAT,
        "natural": net.natural,
        "rise": net.rise,
        "films": [clip.name for clip in films.learn],
        "held_out": [clip.name for clip in films.held],
        "metrics": {"auc_1x_2x": round(score.auc, 3), "auc_interval": [round(v, 3) for v in score.auc_interval]},
        "licence": "GPL-3.0-or-later for the weights it began with; the films are the studio's own.",
    }
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
    part = work / "weights.part"
    write_weights(part, net, texts | {"restyle": json.dumps(about)})
    part.replace(path)


def clear(work: Path) -> None:
    """Remove what a training has kept in its folder, and the folder if nothing else is in it."""
    shutil.rmtree(work / "cache", ignore_errors=True)
    for name in ("run.json", "run.safetensors"):
        (work / name).unlink(missing_ok=True)
    if not any(work.iterdir()):
        work.rmdir()


def trained(work: Path) -> tuple[float, int]:
    """Minutes that were trained, and steps."""
    spent, steps = progress(work / "run.safetensors")
    return math.floor(spent / 6) / 10, steps
