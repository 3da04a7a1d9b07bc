"""From what the artist chose among pictures, clips, masks and render passes to the values of a job's inputs.

What takes longer than a tick (decoding, converting) is not a value yet but something with `get` and `close`, which the
link's thread asks until it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import clip_guides, clips, compat, pictures, strips
from .choosing import Choice, Surroundings, clip_of, title
from .restyle.declare import JobDeclaration, Port
from .restyle.errors import BadInputError
from .tasks import Target

if TYPE_CHECKING:
    from .picks import Picked

SIDES = ("structure_passes", "appearance_passes")  # of a guide
ID_SOURCES = ("IMAGE", "STRIP")  # of passes: pictures in which equal colours belong together


def take(picked: Picked, job: JobDeclaration, port: Port, choices: Mapping[str, Choice], around: Surroundings) -> None:
    """Put the value of one input among what was picked; BadInputError names the input."""
    choice, clip = choices[port.name], clip_of(job, port)
    of_clip = choices.get(clip.name) if clip is not None else None
    try:
        if choice.source == "STRIP" and (strip := strips.chosen(around.strips, choice.name)) is not None:
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


def target(job: JobDeclaration, choices: Mapping[str, Choice], around: Surroundings) -> Target:
    """The first picture: that whose layout is kept, else the only one."""
    choice = next(
        choices[port.name] for port in job.inputs if port.kind in ("image", "frames") and port.name in choices
    )
    uid = choice.image.session_uid if choice.image is not None else 0
    return Target(choice.label, bpy.data.filepath, uid, around.loads, kind="IMAGE")
