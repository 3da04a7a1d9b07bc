"""Image analogy: the layout of one picture (or clip) built from the matter of another picture."""

from __future__ import annotations

from collections.abc import Mapping

from ..declare import JobDeclaration, Parameter, Port, Value
from ..errors import UsageError

MAX_SAMPLES = 8
MAX_SIDE = 8192  # pixels
ONE_PICTURE = ("vary", "retarget", "fill")  # modes that take the appearance picture alone
PRESETS = {"patch": ("draft", "standard", "fine"), "gan": ("draft", "standard", "paper")}

_TWO_PICTURES = {
    "analogy": "Things of the one at the places of things of the other",
    "paint": "The structure is a sketch or is painted over",
    "texture": "The structure is a texture; its pattern keeps its rhythm",
    "style": "The structure keeps its shapes and takes the other's look",
    "text": "The structure is lettering on a plain ground",
}
_ONE_PICTURE = {
    "vary": "Another picture of the same matter",
    "retarget": "The same picture at another size, nothing stretched",
    "fill": "What the structure mask marks is filled in",
}

_METHOD = Parameter(
    "method",
    "choice",
    "patch",
    "How the picture is made.",
    "Method",
    choices={
        "patch": "From patches of the appearance picture, in seconds",
        "gan": "By the networks of the structural analogy paper, trained on the pair: minutes to hours on a GPU",
    },
    front=True,
)
_PRESET = Parameter(
    "preset",
    "choice",
    "standard",
    "How much time to spend.",
    "Preset",
    choices={
        "draft": "A first look",
        "standard": "A finished result",
        "fine": "Patch only: slower, more searching",
        "paper": "Gan only: the constants of the paper, hours on a GPU",
    },
    front=True,
)
_SEED = Parameter(
    "seed", "int", 0, "Every seed gives another variation; 0 is the plain answer.", "Seed", 0, 2**31 - 1, front=True
)
_GRANULARITY = Parameter(
    "granularity",
    "int",
    None,
    "The shorter side of the picture with which it starts: small moves whole objects, large keeps the layout closely; "
    "empty takes the mode's own.",
    "Granularity",
    4,
    256,
    unit="px",
    start=36,
    front=True,
)


def _mode(choices: dict[str, str]) -> Parameter:
    return Parameter("mode", "choice", "analogy", "What is wanted.", "Mode", choices=choices, front=True)


_COLORS = Parameter(
    "colors",
    "choice",
    "auto",
    "How the structure picture's colours are brought to the other's before they are compared.",
    "Colors",
    choices={
        "auto": "As suits the mode",
        "matched": "By what is alike inside each picture",
        "covariance": "By mean and covariance",
        "rank": "By the rank of each channel",
        "off": "Not at all: equal colours mean equal things",
    },
)
_COMPLETENESS = Parameter(
    "completeness",
    "float",
    None,
    "Small uses all of the appearance picture, large only what fits best; empty takes the mode's own.",
    "Completeness",
    1e-4,
    10.0,
    start=0.003,
)
_GUIDE_WEIGHT = Parameter(
    "guide_weight", "float", 1.0, "How much the passes count beside the colours.", "Guide Weight", 0.0, 10.0
)
_WIDTH = Parameter(
    "width",
    "int",
    None,
    "Width of the result; empty takes the structure picture's.",
    "Width",
    1,
    MAX_SIDE,
    unit="px",
    start=1024,
)
_HEIGHT = Parameter(
    "height",
    "int",
    None,
    "Height of the result; empty takes the structure picture's.",
    "Height",
    1,
    MAX_SIDE,
    unit="px",
    start=1024,
)
_ITERATIONS = Parameter(
    "iterations",
    "int",
    None,
    "Rounds per scale, instead of the preset's own.",
    "Iterations",
    1,
    20_000,
)

_LIGHTNESS_GUIDE = Parameter(
    "lightness_guide",
    "float",
    0.0,
    "How much a pixel's place between the darkest and lightest of its own picture or clip counts; for colours that "
    "mislead.",
    "Lightness Guide",
    0.0,
    10.0,
)
_SHARED = (_PRESET, _SEED, _GRANULARITY, _COLORS, _COMPLETENESS, _GUIDE_WEIGHT, _WIDTH, _HEIGHT)

_INJECT = Parameter(
    "inject",
    "int",
    None,
    "Gan only: give the structure picture itself to the trained networks at this scale, counted from the coarsest; "
    "empty is 1, or with the preset paper the published way: a picture like it is drawn, clips go in below the finest.",
    "Inject at Scale",
    1,
    32,
)

_APPEARANCE = Port(
    "appearance", "image", "The picture whose matter the result is made of; transparent parts are not used."
)
_STRUCTURE_PASSES = (
    "Passes of the structure, such as object IDs, depth and normals; those that the appearance has too are guides."
)
_APPEARANCE_PASSES = Port(
    "appearance_passes", "passes", "Passes of the appearance picture, by the same names.", optional=True
)
_APPEARANCE_MASK = Port("appearance_mask", "mask", "Where the appearance picture's matter may be used.", optional=True)


def _check_choice(parameters: Mapping[str, Value], given: set[str]) -> None:
    """Raise UsageError for what is each allowed but does not go together.

    parameters: those of either job, defaults filled in. given: the names of the inputs that there are.
    """
    method, mode, preset = str(parameters["method"]), str(parameters["mode"]), str(parameters["preset"])
    if preset not in PRESETS[method]:
        raise UsageError(f"preset: {preset!r} is not for the method {method}, which has {', '.join(PRESETS[method])}.")
    if mode in ONE_PICTURE:
        _check_one_picture(parameters, given)
    elif "structure" not in given:
        raise UsageError(f"mode: {mode} needs the structure picture too. With one picture: {', '.join(ONE_PICTURE)}.")
    if method == "gan":
        if guides := sorted(given & {"structure_passes", "appearance_passes", "appearance_mask"}):
            raise UsageError(f"{guides[0]}: this is for the method patch; leave it out, or use that.")
        if parameters.get("field"):
            raise UsageError("field: only the method patch knows where each pixel comes from.")
        if parameters.get("lightness_guide"):
            raise UsageError("lightness_guide: guides are for the method patch; leave it out, or use that.")
    elif parameters["inject"] is not None:
        raise UsageError("inject: this is for the method gan.")
    if len(given & {"structure_passes", "appearance_passes"}) == 1:
        raise UsageError("A guide needs the passes of both pictures: structure_passes and appearance_passes.")


def _check_one_picture(parameters: Mapping[str, Value], given: set[str]) -> None:
    mode = str(parameters["mode"])
    if parameters["method"] != "patch":
        raise UsageError(f"mode: {mode} is for the method patch.")
    if "structure" in given:
        raise UsageError(f"mode: {mode} works on one picture, the appearance; leave the structure out.")
    if guides := sorted(given & {"structure_passes", "appearance_passes"}):
        raise UsageError(f"{guides[0]}: {mode} has one picture, which needs no guides.")
    if parameters.get("lightness_guide"):
        raise UsageError(f"lightness_guide: {mode} has one picture, which needs no guides.")
    if parameters.get("both"):
        raise UsageError(f"both: {mode} has one picture, so no other direction.")
    if mode == "fill" and "structure_mask" not in given:
        raise UsageError("mode: fill needs the structure_mask, which marks the hole.")
    if mode == "fill" and (parameters["width"] is not None or parameters["height"] is not None):
        raise UsageError("width, height: fill keeps the picture's size. Change it afterwards with retarget.")
    if mode == "retarget" and parameters["width"] is None and parameters["height"] is None:
        raise UsageError("mode: retarget needs the width, the height or both.")


JOBS = (
    JobDeclaration(
        name="image_analogy",
        title="Image Analogy",
        help="Builds the layout of one picture from the matter of another; also varies, resizes and fills one picture.",
        inputs=(
            Port(
                "structure", "image", "The picture whose layout is kept; not for vary, retarget, fill.", optional=True
            ),
            _APPEARANCE,
            Port("structure_passes", "passes", _STRUCTURE_PASSES, optional=True),
            _APPEARANCE_PASSES,
            Port(
                "structure_mask",
                "mask",
                "Where the structure picture is changed; it stays as it is elsewhere. For fill: the hole.",
                optional=True,
            ),
            _APPEARANCE_MASK,
        ),
        outputs=(
            Port("picture", "image", "The structure's layout in the appearance's matter."),
            Port(
                "reverse",
                "image",
                "The appearance's layout in the structure's matter, if both were wanted.",
                optional=True,
            ),
            *(
                Port(f"sample_{number}", "image", f"Sample {number}, if that many were wanted.", optional=True)
                for number in range(2, MAX_SAMPLES + 1)
            ),
            Port(
                "field",
                "passes",
                "row and column (H, W, 1) int32: the pixel of the appearance picture behind each pixel, if wanted.",
                optional=True,
            ),
            Port("report", "report", "Seconds, device, warnings and the parameters as used."),
        ),
        parameters=(
            _METHOD,
            _mode(_TWO_PICTURES | _ONE_PICTURE),
            *_SHARED,
            Parameter("samples", "int", 1, "How many results, each of another seed.", "Samples", 1, MAX_SAMPLES),
            Parameter(
                "both",
                "bool",
                False,
                "Also the other direction: the appearance in the structure's matter.",
                "Both Ways",
            ),
            Parameter(
                "field",
                "bool",
                False,
                "Also where each pixel comes from (patch only). In Blender: an image of texture coordinates.",
                "Match Field",
            ),
            _LIGHTNESS_GUIDE,
            _ITERATIONS,
            _INJECT,
        ),
        check=_check_choice,
    ),
    JobDeclaration(
        name="frames_analogy",
        title="Clip Analogy",
        help="Builds every frame of a clip from the matter of one picture, without flicker.",
        inputs=(
            Port("structure", "frames", "The clip whose layout and movement are kept."),
            _APPEARANCE,
            Port("structure_passes", "passes", f"{_STRUCTURE_PASSES} A row per frame.", optional=True),
            _APPEARANCE_PASSES,
            Port(
                "structure_mask",
                "frames",
                "Where the clip is changed: white; it stays as it is elsewhere. One frame stands for all.",
                optional=True,
            ),
            _APPEARANCE_MASK,
        ),
        outputs=(
            Port("frames", "frames", "The clip in the appearance's matter, frame by frame."),
            Port("report", "report", "Flicker, seconds, device, warnings and the parameters as used."),
        ),
        parameters=(
            _METHOD,
            _mode(_TWO_PICTURES),
            *_SHARED,
            _LIGHTNESS_GUIDE,
            _ITERATIONS,
            _INJECT,
        ),
        check=_check_choice,
    ),
)
