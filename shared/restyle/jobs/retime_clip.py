"""Adaptive speedup: a clip in exactly the length asked for, faster where nothing hurries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..declare import JobDeclaration, Parameter, Port, Value
from ..errors import BadInputError, UsageError

if TYPE_CHECKING:
    from ..kinds.model import Model

METHODS = {
    "speednet": "By what a network sees as natural speed; where it cannot tell, by motion",
    "motion": "By motion energy: every shown frame has the same share of the movement",
    "uniform": "The same speed everywhere",
}
DOMAINS = {
    "slowness": "Frames shown per source frame, whose sum is the length",
    "speed": "As in the SpeedNet paper; the length is exact all the same",
}
CONTAINERS = {"mp4": "Plays everywhere", "mov": "For editors", "mkv": "Matroska"}
TRAINED = "restyle speediness"  # what the metadata of weights from `restyle retime --train` call themselves
_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*-\s*(\d+(?:\.\d*)?|\.\d+)")


def _switch(name: str, default: bool, text: str, title: str, *, front: bool = False) -> Parameter:
    return Parameter(name, "bool", default, text, title, front=front)


def spans(text: str) -> tuple[tuple[float, float], ...]:
    """The seconds that a text such as "3.5-6, 12-14" names; UsageError if it is none."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None or float(match[1]) > float(match[2]):
            raise UsageError(f"lock: {part!r} is not a stretch of seconds such as 3.5-6. Part several with commas.")
        found.append((float(match[1]), float(match[2])))
    return tuple(found)


def check_network(model: Model) -> None:
    """Raise BadInputError for weights that are seen by their names to be of no network that can judge."""
    if any(name.startswith(("mixed.", "mixed_")) for name in model.arrays):
        if not {"head.weight", "head.bias"} <= set(model.arrays):
            raise BadInputError(
                "network: these are the weights of an S3D-G's backbone, such as the published ones. The head that says "
                "whether a clip is sped up is missing, head.weight (1, 1024) and head.bias (1,). Train it on footage, "
                "or make a small network of your own: restyle retime --train FOLDER -o OURS.safetensors"
            )
    elif model.metadata.get("what") != TRAINED:
        raise BadInputError(
            "network: these are neither weights that `restyle retime --train` has written nor those of an S3D-G."
        )


def check(parameters: Mapping[str, Value], given: set[str]) -> None:
    """Raise UsageError for what is each allowed but does not go together."""
    if parameters["duration"] is not None and parameters["frames"] is not None:
        raise UsageError("duration, frames: give the one or the other.")
    slowest, fastest = parameters["min_speed"], parameters["max_speed"]
    if slowest is not None and fastest is not None and float(slowest) > float(fastest):
        raise UsageError(f"min_speed: {slowest} is above max_speed, {fastest}.")
    spans(str(parameters["lock"] or ""))
    if "map" in given:
        if "locks" in given or parameters["lock"]:
            raise UsageError("map: it says for every frame what is shown; locks would change nothing. Leave them out.")
        if parameters["features"]:
            raise UsageError("map: nothing is analysed with it; leave features out.")
    if "network" in given and ("map" in given or (parameters["method"] != "speednet" and not parameters["features"])):
        raise UsageError("network: nothing is judged by it here; use method speednet, and no map, or leave it out.")
    if parameters["heat"] and ("map" in given or parameters["method"] != "speednet"):
        raise UsageError("heat: it shows what the network sees; use method speednet, and no map, or leave it out.")
    if parameters["blend"] and not parameters["render"]:
        raise UsageError("blend: this is about the movie, and none is made (render is off).")


JOBS = (
    JobDeclaration(
        name="retime_clip",
        title="Adaptive Speedup",
        help="Retimes a clip to exactly the length asked for: fast where nothing hurries, natural where much happens.",
        inputs=(
            Port("clip", "frames", "The clip: a movie file, or its pictures."),
            Port("locks", "curve", "One value per frame; frames of 0.5 and more stay at 1x.", optional=True),
            Port(
                "map", "curve", "source: one source frame per frame of the result, to be shown as it is.", optional=True
            ),
            Port(
                "network",
                "model",
                "Weights that judge instead of the bundled ones: from `restyle retime --train`, or of an S3D-G.",
                optional=True,
            ),
        ),
        outputs=(
            Port(
                "plan",
                "curve",
                "source (L,): the position in the clip, in frames, that each frame of the result shows.",
            ),
            Port("speeds", "curve", "speed, wanted (T,), of each frame of the clip; and what they were made from."),
            Port("picture", "image", "The frames, what was measured, the wanted and the final speed, cuts and locks."),
            Port("report", "report", "Method as used, cuts, seconds of each part, warnings, the parameters as used."),
            Port("movie", "frames", "The retimed clip with its sound, if it was to be rendered.", optional=True),
            Port("heat", "frames", "The clip under its map of speediness, if wanted.", optional=True),
            Port("sound", "frames", "The retimed sound as a WAV file, if wanted and there is any.", optional=True),
            Port(
                "features",
                "curve",
                "first, last, vectors: what the network makes of each window, if wanted.",
                optional=True,
            ),
        ),
        parameters=(
            Parameter("method", "choice", "speednet", "What decides the speed.", "Method", choices=METHODS, front=True),
            Parameter("speed", "float", 2.0, "Speed on the whole.", "Speed", 0.05, 100.0, unit="x", front=True),
            Parameter(
                "duration",
                "float",
                None,
                "Length of the result, instead of a speed.",
                "Duration",
                1e-3,
                1e6,
                unit="s",
                start=10,
            ),
            Parameter(
                "frames", "int", None, "Length of the result, instead of a speed.", "Frames", 1, 10_000_000, start=250
            ),
            Parameter(
                "min_speed",
                "float",
                None,
                "The slowest that any part may be; empty: 1x.",
                "Slowest",
                0.02,
                100.0,
                unit="x",
                start=1,
            ),
            Parameter(
                "max_speed",
                "float",
                None,
                "The fastest that any part may be; empty: 8x.",
                "Fastest",
                0.02,
                1000.0,
                unit="x",
                start=8,
            ),
            Parameter(
                "smoothness", "float", 0.3, "Time that a change of speed takes.", "Smoothness", 0.0, 30.0, unit="s"
            ),
            Parameter("lock", "str", None, 'Seconds of the clip kept at 1x, such as "3.5-6, 12-14".', "Lock", 0, 2000),
            _switch("protect_speech", False, "Keep speech slow enough to be understood.", "Protect Speech"),
            Parameter("speech_speed", "float", 1.5, "The fastest that speech may be.", "Speech", 0.5, 10.0, unit="x"),
            Parameter("domain", "choice", "slowness", "In what the smooth curve is sought.", "Domain", choices=DOMAINS),
            _switch("blend", False, "Mix neighbouring frames where the result falls between two.", "Blend Frames"),
            _switch("sound", True, "Retime the sound too, at its own pitch.", "Sound"),
            Parameter(
                "mute_above", "float", 4.0, "The speed above which sound fades out.", "Mute Above", 1.0, 100.0, unit="x"
            ),
            _switch("render", True, "Make the retimed movie, not the plan only.", "Render Movie"),
            Parameter("container", "choice", "mp4", "The kind of movie file.", "Container", choices=CONTAINERS),
            _switch("heat", False, "Also the clip under its map of speediness.", "Heat Overlay"),
            _switch("wav", False, "Also the retimed sound on its own.", "Sound File"),
            _switch("features", False, "Also features of all windows, for finding similar clips.", "Features"),
        ),
        check=check,
    ),
)
