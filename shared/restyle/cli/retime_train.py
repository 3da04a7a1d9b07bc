"""`restyle retime --train FOLDER`: the speediness network, trained further on one's own films, if that helps."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from ..errors import BadInputError, UsageError
from ..jobs import declaration
from ..modelfile import check_output, read_model
from .flags import given_parameters
from .follow import interrupts
from .output import Output, Show
from .server_package import require_server_package

if TYPE_CHECKING:
    from restyle_server.retime.speediness import studio

MINUTES = 20.0
FEW = 4  # films, below which their verdict is a weak one


@dataclass(frozen=True)
class _Call:
    """What was asked for. work: the folder of what is learned on the way, which a repeated call goes on from."""

    folder: Path
    out: Path
    work: Path
    minutes: float
    seed: int


def train(arguments: argparse.Namespace, output: Output) -> int:
    """Train on this machine, print the table, and write the weights if they are better than those that there are."""
    call = _checked(arguments)
    _require_packages()
    rivals = _rivals(call.out)
    with interrupts() as interrupted:
        try:
            call.work.mkdir(exist_ok=True)
            _train(call, rivals, interrupted, output)
        except KeyboardInterrupt:
            output.note(f"What was learned so far is in {call.work}: the same command goes on from there.")
            raise
        except OSError as error:
            name = error.filename or call.work
            raise BadInputError(f"{name}: it cannot be written or read: {error.strerror}.") from error
    return 0


def _train(call: _Call, rivals: Mapping[str, Any], interrupted: Event, output: Output) -> None:
    from restyle_server.retime.speediness import studio

    films = _gathered(call, interrupted, output)
    _say_films(films, output)
    with output.progress("Training") as show:
        step = partial(_step, interrupted, show, "Training")
        net = studio.fine_tune(films, call.work, call.minutes, call.seed, step)
    with output.progress("Judging") as show:
        verdict = studio.judge({"new": net, **rivals}, films, partial(_step, interrupted, show, "Judging"))
    spent, steps = studio.trained(call.work)
    _say_table(verdict, output)
    output.record |= {"state": "done", "better": verdict.better, "outputs": {}}
    output.record |= {"seed": call.seed, "minutes": spent, "steps": steps}
    if not verdict.better:
        output.say(
            "Not better, so nothing was written. More time may help: the same command with more --minutes goes on from "
            f"here. What it needs for that is in {call.work}; delete it if you do not want to go on."
        )
        return
    studio.write(call.out, net, films, verdict, call.work)
    studio.clear(call.work)
    output.record["outputs"] = {"weights": str(call.out.resolve())}
    output.say(f"{call.out}: better than what there was. Use it: restyle retime CLIP -o OUT --weights {call.out}")


def _gathered(call: _Call, interrupted: Event, output: Output) -> studio.Films:
    """The films of the folder, divided; nothing is left behind if there are too few."""
    from restyle_server.retime.speediness import studio

    title = "Reading the films"
    with output.progress(title) as show:
        try:
            return studio.gather(call.folder, call.work / "cache", call.seed, partial(_step, interrupted, show, title))
        except BadInputError:
            studio.clear(call.work)
            raise


# Before the training


def _checked(arguments: argparse.Namespace) -> _Call:
    """What was asked for, once it is known to be possible."""
    given = list(given_parameters(arguments, declaration("retime_clip")))
    names = ("clip", "analyze", "curve", "plot", "heat", "wav", "map", "fps", "weights", "server")
    given += [name for name in names if getattr(arguments, name) is not None]
    if given:
        raise UsageError(
            f"--train: it takes a folder of films, -o, --minutes and --seed; leave {', '.join(given)} out.".replace(
                "_", "-"
            )
        )
    if arguments.output is None:
        raise UsageError("-o WEIGHTS.safetensors is missing: the file for the network.")
    folder, out = Path(arguments.train), Path(arguments.output)
    check_output(out)
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder. Check the path.")
    minutes = MINUTES if arguments.minutes is None else arguments.minutes
    return _Call(folder, out, out.with_name(f"{out.name}.training"), minutes, arguments.seed or 0)


def _require_packages() -> None:
    require_server_package()
    if importlib.util.find_spec("numba") is None:
        raise UsageError('--train: a package that it needs is not installed. Run: pip install "restyle[train]"')


def _rivals(out: Path) -> dict[str, Any]:
    """The networks that the new one must beat: the bundled one, and that of the file that it would replace."""
    from restyle_server.retime.speediness import load_small
    from restyle_server.retime.speediness.small import of_arrays

    rivals = {"shipped": load_small()}
    if out.exists():
        model = read_model(out)
        try:
            rivals["replaced"] = of_arrays(model.arrays, model.metadata)
        except BadInputError as error:
            raise BadInputError(
                f"{out}: it would be replaced, but {error.message.removeprefix('network: ')}"
            ) from error
    return rivals


def _step(interrupted: Event, show: Show, title: str, share: float) -> None:
    if interrupted.is_set():  # one that struck in a callback, where Python drops the exception
        raise KeyboardInterrupt
    show(share, title)


# What is said


def _say_films(films: studio.Films, output: Output) -> None:
    learn, held = ([clip.name for clip in clips] for clips in (films.learn, films.held))
    output.record |= {"refused": dict(films.refused), "learned": learn, "held_out": held}
    for name, reason in films.refused.items():
        output.note(f"{name}: left out: {reason}")
    output.note(f"{len(learn)} films to learn from; {len(held)} to judge by: {', '.join(held)}")
    if len(held) < FEW:
        output.warn(f"Only {len(held)} films judge; {FEW} and more, from another place, say more.")


def _say_table(verdict: studio.Verdict, output: Output) -> None:
    """Balanced accuracy and AUC with their intervals; chance is 50 % and 0.5."""
    rows: list[Sequence[str]] = [("HELD-OUT FILMS", "BY", "RIGHT", "95 %", "AUC", "95 %")]
    figures: dict[str, dict[str, Any]] = {}
    for what, by in verdict.table.items():
        for who, score in by.items():
            low, high = score.accuracy_interval
            auc = f"{score.auc_interval[0]:.3f} to {score.auc_interval[1]:.3f}"
            rows.append(
                (what, who, f"{score.accuracy:.1%}", f"{100 * low:.0f} to {100 * high:.0f}", f"{score.auc:.3f}", auc)
            )
            figures.setdefault(what, {})[who] = {
                "accuracy": score.accuracy,
                "accuracy_interval": score.accuracy_interval,
                "auc": score.auc,
                "auc_interval": score.auc_interval,
            }
    rows += [("still, unsure", who, f"{share:.1%}", "", "", "") for who, share in verdict.still.items()]
    output.table(rows)
    output.record |= {"table": figures, "still_unsure": dict(verdict.still)}
