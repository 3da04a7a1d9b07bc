"""Text2Mesh: meshes and what they shall look like in, vertex colours and displacements out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..declare import JobDeclaration, Parameter, Port, Value
from ..errors import UsageError

PROMPTS = ("prompt", "prompt_2", "prompt_3")
IMAGES = ("image", "image_2", "image_3", "image_4")
TARGET_MESHES = ("target_mesh", "target_mesh_2")
TARGETS = (*PROMPTS, *IMAGES, *TARGET_MESHES)
MAX_VARIATIONS = 12
MAX_COLORS = 32  # of a palette
PER_VERTEX = ("mask", "colors", "object")  # what the input vertex_attributes may hold

Color = tuple[float, float, float]


def _numbered(names: tuple[str, ...], kind: str, first: str, others: str) -> list[Port]:
    return [Port(name, kind, first if name == names[0] else others, optional=True) for name in names]


_INPUTS = (
    Port("mesh", "mesh", "The mesh to stylize; its vertices keep their order, scale and place."),
    *_numbered(
        PROMPTS,
        "text",
        "What it should look like, for example: a candle made of red brick.",
        "Another prompt, mixed with the others by the weights.",
    ),
    Port(
        "geometry_prompt", "text", "What the bare shape should look like; else it follows all targets.", optional=True
    ),
    *_numbered(
        IMAGES,
        "image",
        "A picture that it should look like; transparent parts do not count.",
        "Another picture, mixed with the other targets by the weights.",
    ),
    *_numbered(
        TARGET_MESHES,
        "mesh",
        "Another mesh that it should look like, seen from the same sides.",
        "One more mesh, mixed with the other targets by the weights.",
    ),
    *(
        Port(
            f"{name}_attributes", "attributes", f"colors (V, 3) float32 scene linear of {name}; else it is grey.", True
        )
        for name in TARGET_MESHES
    ),
    Port(
        "vertex_attributes",
        "attributes",
        "What the mesh's vertices have, any of: mask (V,) from 0, not to be changed, to 1; colors (V, 3) scene linear; "
        "object (V,) the number from 0 of the object that each belongs to.",
        optional=True,
    ),
)

_OUTPUTS = (
    Port(
        "attributes",
        "attributes",
        "colors (V, 3) float32 scene linear; displacement (V,) float32 in object units along the vertex "
        "normal; offset (V, 3) float32, the same as vectors.",
    ),
    Port("picture", "image", "The result from several sides."),
    Port(
        "variations",
        "attributes",
        "Of several variations: normal (V, 3), and for each variation_N (V, 4) float32, its linear colour and its "
        "displacement.",
        optional=True,
    ),
    Port("variations_picture", "image", "All variations on one sheet, each with its number.", optional=True),
    Port("style", "model", "The style, to be used on other meshes or baked; of several the first."),
    Port(
        "styles",
        "model",
        "Of several variations or objects: all their styles, as restyle.styleset joins them; what each says about "
        "itself has the numbers of its variation and object, from 1.",
        optional=True,
    ),
    Port("report", "report", "Scores, seconds, device, model, warnings and the parameters as used."),
)

_FRONT = (
    Parameter(
        "preset",
        "choice",
        "draft",
        "How much time to spend.",
        title="Preset",
        choices={
            "draft": "A first look in under a minute",
            "standard": "A finished result with fewer pictures per step than the paper",
            "reference": "The settings of the Text2Mesh paper's own demos",
        },
        front=True,
    ),
    Parameter("seed", "int", 0, "Another seed gives another variation.", "Seed", 0, 2**31 - 1, front=True),
)

_TIME = (
    Parameter(
        "model",
        "str",
        "auto",
        "The CLIP model that judges the pictures; auto takes the best one on the server.",
        "Model",
        1,
        100,
    ),
    Parameter(
        "iterations",
        "int",
        None,
        "Optimisation steps; empty takes the preset's own.",
        "Iterations",
        1,
        20_000,
        start=300,
    ),
    Parameter(
        "seconds",
        "float",
        None,
        "Make the best of this much time, instead of a number of steps; all variations share it.",
        "Time Budget",
        1,
        86_400,
        unit="s",
        start=60,
    ),
    Parameter("early_stop", "bool", False, "End when the score no longer rises.", "Stop When Settled"),
    Parameter(
        "variations",
        "int",
        1,
        "How many results, each of the next seed; the first is the result, all are on one sheet.",
        "Variations",
        1,
        MAX_VARIATIONS,
    ),
    Parameter(
        "memory",
        "float",
        None,
        "Use no more than this much memory; empty takes what the device has free.",
        "Memory Limit",
        0.25,
        4096,
        unit="GiB",
        start=4,
    ),
)

_CONTROLS = (
    Parameter(
        "change",
        "choice",
        "both",
        "What may change.",
        "Change",
        choices={"both": "Colour and shape", "color": "Colour only", "displacement": "Shape only"},
    ),
    Parameter(
        "displacement_limit",
        "float",
        None,
        "Largest displacement, as a share of the object's radius; empty takes the preset's own.",
        "Largest Displacement",
        0.0,
        0.5,
        start=0.05,
    ),
    Parameter(
        "direction",
        "choice",
        "both",
        "Which way the surface may move.",
        "Direction",
        choices={"both": "Outwards and inwards", "out": "Outwards only", "in": "Inwards only"},
    ),
    Parameter(
        "symmetry",
        "choice",
        "none",
        "Make both sides of the object alike, across one of its own axes.",
        "Symmetry",
        choices={"none": "As it comes", "x": "Across X", "y": "Across Y", "z": "Across Z"},
    ),
    Parameter(
        "start",
        "choice",
        "auto",
        "The colours to begin from.",
        "Start From",
        choices={
            "auto": "What the model likes best, or grey: the preset knows",
            "grey": "Grey, as published",
            "existing": "The colours that the mesh has",
        },
    ),
    Parameter(
        "proposal",
        "int",
        1,
        "With start auto, which of the starts that differ to begin from; each variation takes the next.",
        "Proposal",
        1,
        MAX_VARIATIONS,
    ),
    Parameter(
        "palette",
        "str",
        "",
        "Use these colours only: hexadecimal sRGB such as #b03020, separated by spaces; empty for any colour.",
        "Palette",
        0,
        8 * MAX_COLORS,
    ),
)

_VIEWS = (
    Parameter(
        "anchor",
        "choice",
        "auto",
        "The view from which most pictures are taken.",
        "Main View",
        choices={
            "auto": "The azimuth and elevation below, else the preset's own",
            "search": "The one from which the shape fits the target best",
        },
    ),
    Parameter(
        "azimuth",
        "float",
        None,
        "Direction of the main view, counted about the upright axis: from +X towards the front, which is -Y in Blender "
        "and +Z in Y-up files.",
        "Azimuth",
        -360,
        360,
        unit="degrees",
        start=90,
    ),
    Parameter(
        "elevation",
        "float",
        None,
        "Height of the main view above the horizon.",
        "Elevation",
        -90,
        90,
        unit="degrees",
        start=20,
    ),
)

_WEIGHTS = tuple(
    Parameter(
        f"{name}_weight",
        "float",
        1.0,
        f"How much {name} counts among the targets.",
        f"{name.replace('_', ' ').title()} Weight",
        0.0,
        100.0,
    )
    for name in TARGETS
)

_OBJECTS = (
    Parameter(
        "object_prompts",
        "str",
        "",
        "Prompts for each of several objects, a line for each in their order; an empty line leaves it the common one.",
        "Object Prompts",
        0,
        8000,
    ),
    Parameter(
        "object_prompts_weight",
        "float",
        1.0,
        "How much an object's own prompt counts beside all common targets together.",
        "Object Prompts Weight",
        0.0,
        100.0,
    ),
)


def check_choice(parameters: Mapping[str, Value], given: set[str]) -> None:
    """Raise UsageError for what is each allowed but does not go together.

    parameters: defaults filled in. given: the names of the inputs that there are.
    """
    lines = [line for line in object_prompts(parameters) if line]
    if not given & set(TARGETS) and not lines:
        raise UsageError("prompt: there is no target. Give a prompt, a picture or a mesh that it shall look like.")
    counted = [name for name in TARGETS if name in given and parameters[f"{name}_weight"]]
    if not counted and not lines:
        raise UsageError("prompt_weight: all targets have the weight 0. At least one must count.")
    for name in TARGET_MESHES:
        if f"{name}_attributes" in given and name not in given:
            raise UsageError(f"{name}_attributes: there is no {name} that they belong to.")
    _check_controls(parameters, given)
    if parameters["anchor"] == "search" and (parameters["azimuth"] is not None or parameters["elevation"] is not None):
        raise UsageError("anchor: a view is either given by azimuth and elevation or searched. Leave one of them out.")
    if lines and "vertex_attributes" not in given:
        raise UsageError("object_prompts: these need vertex_attributes with object, which tells the objects apart.")
    if None not in (parameters["seconds"], parameters["iterations"]):
        raise UsageError("seconds: a time budget stands instead of a number of iterations. Leave one of them out.")


def _check_controls(parameters: Mapping[str, Value], given: set[str]) -> None:
    change = parameters["change"]
    if change == "color":
        for name, idle in (("displacement_limit", None), ("direction", "both")):
            if parameters[name] != idle:
                raise UsageError(f"{name}: with change color nothing is displaced. Leave one of them out.")
        if "geometry_prompt" in given:
            raise UsageError("geometry_prompt: with change color the shape stays as it is. Leave one of them out.")
    if change == "displacement":
        if parameters["displacement_limit"] == 0:
            raise UsageError("displacement_limit: 0 with change displacement would change nothing at all.")
        if parameters["palette"]:
            raise UsageError("palette: with change displacement the colours stay as they are. Leave one of them out.")
    if parameters["start"] == "existing" and "vertex_attributes" not in given:
        raise UsageError("start: to begin from the existing colours, give vertex_attributes with colors.")
    palette_colors(parameters)


def palette_colors(parameters: Mapping[str, Value]) -> tuple[Color, ...]:
    """The palette's colours, sRGB in [0, 1]; UsageError names the word that is no colour."""
    words = str(parameters["palette"] or "").replace(",", " ").split()
    if len(words) > MAX_COLORS:
        raise UsageError(f"palette: {len(words)} colours are more than {MAX_COLORS}.")
    for word in words:
        if not re.fullmatch(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", word):
            raise UsageError(f"palette: {word!r} is not a colour such as #b03020.")
    digits = [word.lstrip("#") for word in words]
    full = [each if len(each) == 6 else "".join(2 * digit for digit in each) for each in digits]
    return tuple((int(c[:2], 16) / 255, int(c[2:4], 16) / 255, int(c[4:], 16) / 255) for c in full)


def object_prompts(parameters: Mapping[str, Value]) -> list[str]:
    """The objects' own prompts, as far as there are lines; empty for an object that has none."""
    text = str(parameters["object_prompts"] or "")
    return [line.strip() for line in text.splitlines()]


def view_angles(towards: tuple[float, float, float], up: str) -> tuple[float, float]:
    """Azimuth and elevation, degrees, of a view.

    towards: from the object to the eye, in the object's own axes. up: "y" or "z", the one that points up.
    """
    x, y, z = towards if up == "y" else (towards[0], towards[2], -towards[1])
    return math.degrees(math.atan2(z, x)), math.degrees(math.atan2(y, math.hypot(x, z)))


def variation(variations: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One variation, from 1, as the output `attributes` has it."""
    packed = variations[f"variation_{number}"]
    displacement = packed[:, 3].copy()
    return {
        "colors": packed[:, :3].copy(),
        "displacement": displacement,
        "offset": displacement[:, None] * variations["normal"],
    }


JOBS = (
    JobDeclaration(
        name="stylize_mesh",
        title="Stylize Mesh",
        help="Colours and displaces the vertices of a mesh until its pictures match a prompt (Text2Mesh).",
        inputs=_INPUTS,
        outputs=_OUTPUTS,
        parameters=(*_FRONT, *_TIME, *_CONTROLS, *_VIEWS, *_WEIGHTS, *_OBJECTS),
        check=check_choice,
    ),
)
