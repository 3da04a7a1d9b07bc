"""`restyle models`: see, fetch and check the CLIP models of this machine."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from ..errors import BadInputError
from .output import Output
from .server_package import require_server_package


def run(arguments: argparse.Namespace, output: Output) -> int:
    """One action on this machine's models."""
    require_server_package()
    action = {"download": _download, "verify": _verify}.get(arguments.action, _list)
    action(arguments, output)
    return 0


def _list(arguments: argparse.Namespace, output: Output) -> None:
    from restyle_server.config import models_dir
    from restyle_server.models.registry import describe

    folder = models_dir()
    models = describe(folder)
    output.record |= {"models_dir": str(folder), "models": models}
    rows = [("NAME", "HERE", "SIZE", "WHAT IT IS")]
    rows += [(m["name"], "yes" if m["present"] else "no", size(m["bytes"]), m["title"]) for m in models]
    output.table(rows)
    for model in models:
        if model["knows"]:
            _say_card(model, output)
    if not any(model["present"] and not model["stand_in"] for model in models):
        real = next(model["name"] for model in models if not model["stand_in"])
        output.say(f"The real CLIP is not here; a stand-in is used. Fetch it: restyle models download {real}")


def _say_card(model: dict[str, Any], output: Output) -> None:
    """The words of a model that knows few, and how well it knows them."""
    output.say(f"\n{model['name']} is a stand-in that knows these words and no others:")
    for kind, words in model["knows"].items():
        output.say(textwrap.fill(", ".join(words), 110, initial_indent=f"  {kind}: ", subsequent_indent="    "))
    output.say("Names of objects are accepted, but change nothing: the mesh stays what it is.")
    output.say("Its own test, right answers in per cent (by word: --json):")
    scores = model["scores"]
    output.table([("  " + name.replace("_", " "), f"{100 * scores[name]:.0f}") for name in scores])


def size(count: int | None) -> str:
    """Bytes for people, in the units of disks."""
    if count is None:
        return "?"
    return f"{count / 1e6:.1f} MB" if count < 1e8 else f"{count / 1e6:.0f} MB"


def _download(arguments: argparse.Namespace, output: Output) -> None:
    from restyle_server.config import models_dir
    from restyle_server.models.download import download
    from restyle_server.models.registry import known

    model = known(arguments.name)
    with output.progress(f"Fetching {model.name}") as show:

        def progress(done: int, total: int | None) -> None:
            whole = total or model.bytes or done
            show(done / max(whole, 1), f"{model.name}: {size(done)} of {size(whole)}")

        path = download(model, models_dir(), url=arguments.url, progress=progress)
    output.record |= {"model": model.name, "state": "done", "path": str(path), "bytes": path.stat().st_size}
    output.say(f"{model.name} is here and intact: {path}")


def _verify(arguments: argparse.Namespace, output: Output) -> None:
    from restyle_server.config import models_dir
    from restyle_server.models.registry import MODELS, verify

    folder = models_dir()
    verdicts: dict[str, Any] = {model.name: verify(model, folder) for model in MODELS}
    output.record |= {"models_dir": str(folder), "verdicts": verdicts}
    output.table([("NAME", "FILE"), *verdicts.items()])
    if damaged := [model for model in MODELS if verdicts[model.name] == "damaged"]:
        model = damaged[0]
        remedy = "Install Restyle again." if model.bundled else f"Run: restyle models download {model.name}"
        raise BadInputError(f"{model.path(folder)}: this file is damaged. {remedy}")
