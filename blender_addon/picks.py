"""From what the artist chose to the values of a job's inputs: one pick for each kind of value.

What takes longer than a tick (decoding, converting) is not a value yet but something with `get` and `close`, which the
link's thread asks until it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import clip_guides, clips, compat, objects, pictures, strips, styles
from .restyle.declare import JobDeclaration, Port
from .restyle.errors import BadInputError, UsageError
from .tasks import Companion, Target

if TYPE_CHECKING:
    from .meshes import Snapshot

PICTURE_KINDS = ("image", "frames")  # what a result can be laid beside
SIDES = ("structure_passes", "appearance_passes")  # of a guide
ID_SOURCES = ("IMAGE", "STRIP")  # of passes: pictures in which equal colours belong together


@dataclass(frozen=True)
class Choice:
    """Where one input comes from.

    source: IMAGE, RENDER, FILE or STRIP; of other inputs than pictures OBJECT, GROUP (of vertices) or STYLE.
    name: of the image, strip, object, group or style, the file's path, or the render's view layer.
    """

    source: str
    name: str
    image: bpy.types.Image | None = None

    @property
    def label(self) -> str:
        """What an artist knows it by."""
        if self.source == "RENDER":
            return "Render"
        if self.source == "STYLE":
            return styles.label(self.name)
        return Path(self.name).name if self.source == "FILE" else self.name


@dataclass
class Picked:
    """The inputs of a job, and where they came from; `before` is the mesh as it is sent, `others` further objects."""

    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    target: Target | None = None
    before: Snapshot | None = None
    others: list[Companion] = field(default_factory=list)

    def close(self) -> None:
        """Stop what is still being read."""
        for value in self.values.values():
            if hasattr(value, "get") and hasattr(value, "close"):
                value.close()


@dataclass(frozen=True)
class Surroundings:
    """What the choices are about: the scene, the one that the sequencer shows, the objects meant, the files loaded."""

    scene: bpy.types.Scene
    strips: bpy.types.Scene
    layer: str
    objects: Sequence[bpy.types.Object]
    loads: int

    @classmethod
    def of(cls, context: bpy.types.Context, loads: int) -> Surroundings:
        """Those of a context, without objects."""
        layer = context.view_layer.name if context.view_layer else ""
        return cls(context.scene, compat.sequencer_scene(context), layer, (), loads)


def pick(
    job: JobDeclaration,
    texts: Mapping[str, str],
    choices: Mapping[str, Choice],
    around: Surroundings,
    parameters: Mapping[str, Any] | None = None,
) -> Picked:
    """Everything that the job needs; BadInputError says what is wrong with which choice, and nothing is left open."""
    picked = Picked()
    try:
        for port in job.inputs:
            if port.kind == "text":
                _take_text(picked, port, texts)
            elif port.kind == "mesh" and not port.optional:
                _take_mesh(picked, job, port, around)
            elif port.kind == "mesh" and port.name in choices:
                _take_other_mesh(picked, port, choices[port.name])
            elif port.name == objects.VERTEX_ATTRIBUTES:
                _take_vertices(picked, job, choices.get(port.name), around, parameters or {})
            elif port.kind == "model":
                _take_style(picked, port, choices.get(port.name, Choice("STYLE", "")))
            elif port.name in choices:
                _take_picture(picked, job, port, choices, around)
            elif not port.optional:
                raise BadInputError(f"{title(port)}: choose one first. {port.help}")
    except BaseException:
        picked.close()
        raise
    if picked.target is None:
        picked.target = _picture_target(job, choices, around)
    return picked


def title(port: Port) -> str:
    """The name that the panel shows."""
    return port.name.replace("_", " ").capitalize()


def _take_text(picked: Picked, port: Port, texts: Mapping[str, str]) -> None:
    if (text := texts.get(port.name, "")).strip():
        picked.texts[port.name] = text
    if text.strip() or not port.optional:
        picked.values[port.name] = _valid(port, text, title(port))


def _take_mesh(picked: Picked, job: JobDeclaration, port: Port, around: Surroundings) -> None:
    from . import meshes

    objs = around.objects
    if not objs or any(obj.type != "MESH" for obj in objs):
        raise BadInputError("Select a mesh object first.")
    owner = f"“{objs[0].name}”" if len(objs) == 1 else f"{len(objs)} objects"
    textured = not any(output.kind == "attributes" for output in job.outputs)
    picked.values[port.name] = _valid(port, objects.mesh(objs, uv=textured), owner)
    picked.target = objects.target(objs[0], around.loads)
    picked.before = meshes.snapshot(objs[0].data)
    picked.others = objects.companions(objs, around.loads)


def _take_other_mesh(picked: Picked, port: Port, choice: Choice) -> None:
    """A mesh to look like, with its colours for the input that takes them."""
    from . import meshes

    obj = bpy.data.objects.get(choice.name)
    if obj is None or obj.type != "MESH":
        raise BadInputError(f"{title(port)}: there is no mesh “{choice.name}” in this file. Choose another.")
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        raise BadInputError(f"{title(port)}: leave {obj.mode.replace('_', ' ').title()} Mode of “{obj.name}” first.")
    mesh, colors = meshes.as_seen(obj, bpy.context.evaluated_depsgraph_get())
    picked.values[port.name] = _valid(port, mesh, f"{title(port)}: “{obj.name}”")
    if colors is not None:
        picked.values[f"{port.name}_attributes"] = {"colors": colors}
    picked.sources[port.name] = {"source": choice.source, "name": choice.name, "label": choice.label}


def _take_vertices(
    picked: Picked, job: JobDeclaration, choice: Choice | None, around: Surroundings, parameters: Mapping[str, Any]
) -> None:
    group = choice.name if choice is not None else ""
    if found := objects.vertex_attributes(around.objects, group, parameters, job):
        picked.values[objects.VERTEX_ATTRIBUTES] = found
    if choice is not None:
        source = {"source": choice.source, "name": choice.name, "label": choice.label}
        picked.sources[objects.VERTEX_ATTRIBUTES] = source


def _take_style(picked: Picked, port: Port, choice: Choice) -> None:
    picked.values[port.name] = styles.Stored(styles.path_of(choice.name))
    picked.sources[port.name] = {"source": choice.source, "name": choice.name, "label": choice.label}


def _valid(port: Port, value: Any, owner: str) -> Any:
    from .restyle.kinds import kind

    try:
        kind(port.kind).validate(value)
    except BadInputError as error:
        raise BadInputError(f"{owner}: {error.message.removeprefix(f'{port.kind}: ')}") from error
    return value


def clip_of(job: JobDeclaration, port: Port) -> Port | None:
    """The clip that an input of passes or a mask lies over, frame by frame."""
    over = port.name.removesuffix("_passes").removesuffix("_mask")
    return next((clip for clip in job.inputs if clip.kind == "frames" and over == clip.name != port.name), None)


def _take_picture(
    picked: Picked, job: JobDeclaration, port: Port, choices: Mapping[str, Choice], around: Surroundings
) -> None:
    choice, clip = choices[port.name], clip_of(job, port)
    of_clip = choices.get(clip.name) if clip is not None else None
    try:
        if choice.source == "STRIP":
            if of_clip is not None and not choice.name:
                raise BadInputError("choose the strip first.")
            if (strip := strips.chosen(around.strips, choice.name)) is not None:
                choice = replace(choice, name=strip.name)
        if port.kind == "passes" and choice.source in ID_SOURCES:
            picked.values[port.name] = _ids(picked, choices, of_clip, around)
        elif of_clip is None:
            picked.values[port.name] = _READERS[port.kind](choice, around)
        elif port.kind == "frames":
            reading = _alongside(choice, of_clip, around)
            picked.values[port.name] = clip_guides.FrameMask(reading, choice.label, strips.frame_rate(around.strips))
        else:
            picked.values[port.name] = _frame_passes(choice, of_clip, around)
    except BadInputError as error:
        raise BadInputError(f"{title(port)}: {error.message}") from error
    picked.sources[port.name] = {"source": choice.source, "name": choice.name, "label": choice.label}
    if choice.image is not None:
        picked.sources[port.name]["uid"] = str(choice.image.session_uid)
    if port.kind == "frames" and clip is None:
        picked.target = _strip_target(choice, around)


def _image(choice: Choice, around: Surroundings) -> Any:
    if choice.source == "RENDER":
        return pictures.render(bpy.data.images.get(pictures.RENDER), around.scene)
    if choice.source == "FILE":
        return pictures.read_file(choice.name, around.scene)
    if choice.source == "STRIP":
        strip = _strip(choice, around)
        return clips.Still(_reading(strips.request(strip, around.strips.frame_current)))
    return pictures.read(choice.image or bpy.data.images.get(choice.name), around.scene)


def _mask(choice: Choice, around: Surroundings) -> pictures.Mask:
    return pictures.Mask(_image(choice, around))


def _passes(choice: Choice, around: Surroundings) -> pictures.Passes:
    if choice.source == "RENDER":
        return pictures.render_passes(around.scene, around.layer)
    path = Path(bpy.path.abspath(choice.name))
    if not path.is_file():
        raise BadInputError(f"{path} does not exist. Choose an OpenEXR MultiLayer file.")
    return pictures.Passes(path)


def _frame_passes(choice: Choice, of_clip: Choice, around: Surroundings) -> clips.Passes:
    """The passes of each frame of a clip, from the sequence of files that the chosen one is of."""
    from .restyle.numbered import pattern, sequence

    strip = strips.chosen(around.strips, of_clip.name)
    strips.check(strip)
    path = Path(bpy.path.abspath(choice.name))
    if not path.is_file():
        raise BadInputError(f"{path} does not exist. Choose a file of a sequence of OpenEXR MultiLayer files.")
    whole = path.with_name(pattern(path.name))
    files = [path] if whole == path else sequence(whole, (path.suffix.lower(),))
    return clips.Passes(strips.request(strip), files)


def _ids(
    picked: Picked, choices: Mapping[str, Choice], of_clip: Choice | None, around: Surroundings
) -> clip_guides.Side:
    """The next side of a guide by colours. Both are read together, since equal colours are to get equal labels."""
    first = picked.values.get(SIDES[0])
    if isinstance(first, clip_guides.Side):
        return clip_guides.Side(first.pair, 1)
    sides = [choices[name] for name in SIDES if name in choices and choices[name].source in ID_SOURCES]
    if len(sides) < len(SIDES):
        raise BadInputError("IDs by color are needed of both: choose an image of IDs for the other picture too.")
    ours, theirs = sides
    appearance = _image(theirs, around)  # first, since it starts nothing that would have to be ended
    structure = _image(ours, around) if of_clip is None else _alongside(ours, of_clip, around)
    return clip_guides.Side(clip_guides.Pair((structure, appearance), (f"“{ours.label}”", f"“{theirs.label}”")), 0)


def _alongside(choice: Choice, of_clip: Choice, around: Surroundings) -> Any:
    """The frames of a strip, or the picture, that lies over a clip."""
    from .restyle.kinds.image import same_shape

    clip = strips.chosen(around.strips, of_clip.name)
    strips.check(clip)
    if choice.source == "IMAGE":
        image = choice.image or bpy.data.images.get(choice.name)
        size = tuple(image.size) if image is not None else (0, 0)
    else:
        strip = _strip(choice, around)
        size, shown, wanted = strips.size(strip), strips.request(strip), strips.request(clip)
        if shown.length != wanted.length:
            raise BadInputError(
                f"“{strip.name}” shows {shown.length} frames, but “{clip.name}” {wanted.length}. Give both one length."
            )
    over = strips.size(clip)
    if all(size) and all(over) and not same_shape(size[::-1], over[::-1]):
        ours, picture = (f"{found[0]} x {found[1]}" for found in (size, over))
        raise BadInputError(f"“{choice.label}” is {ours}, but “{clip.name}” is {picture}. Give both the same shape.")
    return _image(choice, around) if choice.source == "IMAGE" else _reading(shown)


def _frames(choice: Choice, around: Surroundings) -> clips.Clip:
    from .restyle.kinds.frames import check_size

    strip = _strip(choice, around)
    request = strips.request(strip)
    width, height = strips.size(strip)
    check_size(request.length, height, width)
    return clips.Clip(_reading(request), strips.frame_rate(around.strips))


_READERS = {"image": _image, "mask": _mask, "passes": _passes, "frames": _frames}


def _strip(choice: Choice, around: Surroundings) -> Any:
    strip = strips.named(around.strips, choice.name)
    if strip is None and choice.name:
        raise BadInputError(f"there is no strip “{choice.name}” in the scene “{around.strips.name}”.")
    strips.check(strip)
    return strip


def _reading(request: clips.Request) -> clips.Reading:
    return clips.Reading(request, bpy.app.binary_path)


def _strip_target(choice: Choice, around: Surroundings) -> Target:
    strip = strips.named(around.strips, choice.name)
    start, _ = compat.strip_span(strip)
    content, _ = compat.strip_content(strip)
    return Target(
        strip.name,
        bpy.data.filepath,
        loads=around.loads,
        kind="STRIP",
        scene=around.strips.name,
        start=start,
        channel=strip.channel,
        ahead=start - content,
    )


def _picture_target(job: JobDeclaration, choices: Mapping[str, Choice], around: Surroundings) -> Target:
    """The first picture: that whose layout is kept, else the only one."""
    choice = next(choices[port.name] for port in job.inputs if port.kind in PICTURE_KINDS and port.name in choices)
    uid = choice.image.session_uid if choice.image is not None else 0
    return Target(choice.label, bpy.data.filepath, uid, around.loads, kind="IMAGE")


# Which choices go together


def objection(job: JobDeclaration, parameters: Mapping[str, Any], given: set[str]) -> str:
    """Why these inputs and parameters do not go together, in the words of the job's declaration; empty if they do."""
    try:
        job.check_together(job.check_parameters(parameters), given)
    except UsageError as error:
        return error.message
    return ""


def wanted(job: JobDeclaration, parameters: Mapping[str, Any], choices: Mapping[str, Choice]) -> dict[str, Choice]:
    """The choices, without a picture that these parameters have no use for, such as a layout for a mere variation."""
    kept = dict(choices)
    masks = {port.name for port in job.inputs if port.kind == "mask"}
    for port in job.inputs:
        if port.kind == "image" and port.optional and port.name in kept and objection(job, parameters, set(kept)):
            others = (set(kept) - {port.name}) | _required(job)
            # Where a mask is lacking too, that is to be said, and not that the picture is one too many.
            if not (objection(job, parameters, others) and objection(job, parameters, others | masks)):
                del kept[port.name]
    return kept


def _required(job: JobDeclaration) -> set[str]:
    return {port.name for port in job.inputs if not port.optional}


def unfilled(job: JobDeclaration, parameters: Mapping[str, Any], choices: Mapping[str, Choice]) -> str:
    """The first picture that is needed and not chosen; empty if there is none."""
    for port in job.inputs:
        if port.kind == "image" and port.name not in choices:
            given = set(choices) | _required(job)
            if not port.optional or (
                objection(job, parameters, given) and not objection(job, parameters, given | {port.name})
            ):
                return port.name
    return ""


def from_recipe(recipe: Mapping[str, Any], result: Any) -> dict[str, Choice]:
    """The choices that a result was made by; images are found again also if they were renamed."""
    choices = {}
    for port, source in recipe.get("sources", {}).items():
        image = None
        if source["source"] == "IMAGE":
            with suppress(TypeError):
                image = pictures.source_of(result, port)
        choices[port] = Choice(source["source"], image.name if image else source["name"], image)
    return choices
