"""`restyle image`: the layout of one picture, or of every frame of a clip, built from the matter of another picture."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from .. import clipfile, guidefile, picturefile
from ..client import Job, Result, connect
from ..clipfile import Clip, is_clip, read_clip, write_clip
from ..declare import JobDeclaration
from ..errors import BadInputError, CancelledError, JobFailedError, ResourcesError, RestyleError, UsageError
from ..jobs import declaration
from ..jobs.image_analogy import ONE_PICTURE
from ..kinds.frames import Frames
from ..kinds.image import same_shape
from ..outfile import write_atomically
from ..picturefile import read_mask, read_picture, write_picture
from .flags import given_parameters
from .follow import finished, follow_with_previews, preview_folder, writing
from .output import Output, of_flag

_GUIDES = (*guidefile.KINDS, "passes")  # the flags --guide-...
PARTIAL = ".partial"  # what an unfinished result has in its name


@dataclass(frozen=True)
class _Call:
    """What was asked for. clip: the structure, if it is one. inputs, parameters: of the job."""

    job: JobDeclaration
    target: Path
    clip: Clip | None
    inputs: dict[str, Any]
    parameters: dict[str, Any]


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Everything that can be wrong is checked before a server is looked for or started."""
    call = _read(arguments, output)
    previews = preview_folder(arguments.preview)
    with connect(arguments.server) as client:
        job = client.submit(call.job.name, **call.inputs, **call.parameters)
        try:
            result = follow_with_previews(job, output, previews)
        except (CancelledError, JobFailedError, ResourcesError) as error:
            raise _with_partial(error, job, call, output) from error
    with writing(job, output):
        _write(result, call, output)
    return 0


# Before the job


def _read(arguments: argparse.Namespace, output: Output) -> _Call:
    source, target = Path(arguments.structure), Path(arguments.output)
    clip = is_clip(source)
    job = declaration("frames_analogy" if clip else "image_analogy")
    parameters = _parameters(arguments, job)
    full = job.check_parameters(parameters)
    files = _files(arguments, alone=full["mode"] in ONE_PICTURE, clip=clip)
    output.inputs = _names(arguments, files)
    job.check_together(full, set(files))
    if clip:
        clipfile.check_output(target, source)
    else:
        picturefile.check_output(target)
    inputs: dict[str, Any] = {
        name: _mask_of_clip(path) if clip and name == "structure_mask" else read_mask(path)
        for name, path in files.items()
        if name.endswith("_mask")
    }
    inputs |= {name: _picture(path, output) for name, path in files.items() if path and name == "appearance"}
    read = read_clip(source, arguments.fps) if clip else None
    if "structure" in files:
        inputs["structure"] = read.frames if read else _picture(source, output)
    if "structure_passes" in files:
        passes, guides = _guides(arguments)
        inputs |= passes
    else:
        guides = {}
    _check_shapes(inputs, files, guides)
    return _Call(job, target, read, inputs, parameters)


def _parameters(arguments: argparse.Namespace, job: JobDeclaration) -> dict[str, Any]:
    """Those that were given; one that the job does not have must not have been."""
    if arguments.size is not None:
        arguments.width, arguments.height = arguments.size
    parameters = given_parameters(arguments, declaration("image_analogy"))
    known = {parameter.name for parameter in job.parameters}
    if unfit := [name for name in parameters if name not in known]:
        flag = unfit[0].replace("_", "-")
        raise UsageError(f"--{flag}: this is for single pictures, and {arguments.structure} is a clip.")
    if job.name == "image_analogy" and arguments.fps is not None:
        raise UsageError(f"--fps: this is for clips, and {arguments.structure} is a picture.")
    return parameters


def _files(arguments: argparse.Namespace, *, alone: bool, clip: bool) -> dict[str, Path]:
    """The file of each input. The one picture of vary, retarget and fill is the appearance, whatever comes first."""
    structure, appearance = arguments.structure, arguments.appearance
    if alone and appearance is not None:
        raise UsageError(f"{appearance}: {arguments.mode} works on one picture; leave the second out.")
    if appearance is None and (clip or not alone):
        raise UsageError(
            f"APPEARANCE is missing: the picture whose matter is used. {', '.join(ONE_PICTURE)} need none."
        )
    if arguments.mode == "fill" and arguments.structure_mask is None:
        raise UsageError("--hole is missing: the mask that is white where the hole is.")
    files = {"appearance": structure} if alone else {"structure": structure, "appearance": appearance}
    files |= {"structure_mask": arguments.structure_mask, "appearance_mask": arguments.appearance_mask}
    if pairs := [pair for kind in _GUIDES for pair in getattr(arguments, f"guide_{kind}")]:
        files |= {"structure_passes": pairs[0][0], "appearance_passes": pairs[0][1]}
    return {name: Path(path) for name, path in files.items() if path is not None}


def _names(arguments: argparse.Namespace, files: Mapping[str, Path]) -> dict[str, str]:
    """What the caller knows the inputs by; `Output.inputs`."""
    names = {name: str(path) for name, path in files.items()}
    flags = {"structure_mask": "--hole" if arguments.mode == "fill" else "--structure-mask"}
    flags["appearance_mask"] = "--appearance-mask"
    names |= {name: of_flag(files[name], flag) for name, flag in flags.items() if name in files}
    pairs = [pair for kind in _GUIDES for pair in getattr(arguments, f"guide_{kind}")]
    for number, side in enumerate(("structure", "appearance")):
        if pairs:
            names[f"{side}_passes"] = ", ".join(pair[number] for pair in pairs)
    return names


def _picture(path: Path, output: Output) -> Any:
    if is_clip(path):
        raise BadInputError(f"{path}: this is a clip; name one picture here.")
    if picturefile.animated(path):
        output.warn(f"{path} is animated; its first picture is used.")
    return read_picture(path)


def _mask_of_clip(path: Path) -> Frames:
    """A mask for each frame of a clip, or one picture for all of them."""
    if is_clip(path):
        mask = read_clip(path).frames
    else:
        levels = np.rint(read_mask(path) * 255).astype(np.uint8)
        mask = Frames(np.repeat(levels[None, ..., None], 3, axis=3), clipfile.DEFAULT_FPS)
    if not mask.pixels.any():
        raise BadInputError(f"{path}: it is empty (black everywhere). Paint white what is to be changed.")
    return mask


def _guides(arguments: argparse.Namespace) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, str]]]:
    """All guides as inputs of the job, and the two files that each pass is from by its name: id, id_2, depth, ..."""
    inputs: dict[str, dict[str, Any]] = {"structure_passes": {}, "appearance_passes": {}}
    files: dict[str, tuple[str, str]] = {}
    for kind in _GUIDES:
        for structure, appearance in getattr(arguments, f"guide_{kind}"):
            if kind == "passes":
                ours, theirs = guidefile.read_passes(Path(structure), Path(appearance))
            else:
                one, other = guidefile.read_guide(kind, Path(structure), Path(appearance))
                ours, theirs = {kind: one}, {kind: other}
            for found in ours:
                name = next(
                    name for name in chain((found,), (f"{found}_{number}" for number in count(2))) if name not in files
                )
                files[name] = (structure, appearance)
                inputs["structure_passes"][name], inputs["appearance_passes"][name] = ours[found], theirs[found]
    return inputs, files


def _check_shapes(inputs: Mapping[str, Any], files: Mapping[str, Path], guides: Mapping[str, tuple[str, str]]) -> None:
    """Masks and guides are laid over their pictures: the file that does not fit is named."""
    sizes = {name: _shape(inputs[name]) for name in ("structure", "appearance") if name in inputs}
    laid: list[tuple[str, str, tuple[int, int]]] = []
    for name in ("structure_mask", "appearance_mask"):
        if name in inputs:
            laid.append((name, str(files[name]), _shape(inputs[name])))
            _check_count(files[name], inputs[name], inputs, files)
    for name, pair in guides.items():
        for side, file in zip(("structure", "appearance"), pair):
            array = inputs[f"{side}_passes"][name]
            laid.append((side, file, array.shape[-3:-1]))
            _check_count(file, array, inputs, files)
    for name, file, size in laid:
        side = name.removesuffix("_mask")
        side = side if side in sizes else "appearance"  # the hole of a fill
        if not same_shape(size, sizes[side]):
            ours, picture = (f"{shape[1]} x {shape[0]}" for shape in (size, sizes[side]))
            raise BadInputError(f"{file}: it is {ours}, but {files[side]} is {picture}. Give both the same shape.")


def _check_count(file: object, value: Any, inputs: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """A mask or guide that is a clip has as many frames as the structure."""
    if not isinstance(value, Frames) and value.ndim < 4:
        return
    frames, wanted = len(value), len(inputs["structure"])
    if frames != wanted and not (isinstance(value, Frames) and frames == 1):
        raise BadInputError(
            f"{file}: it has {frames} frames, but {files['structure']} has {wanted}. Give one for each, or one picture."
        )


def _shape(value: Any) -> tuple[int, int]:
    height, width = value.pixels.shape[1:3] if isinstance(value, Frames) else value.shape[:2]
    return int(height), int(width)


# After the job


def _write(result: Result, call: _Call, output: Output) -> None:
    report = finished(result, output)
    outputs = output.record["outputs"]
    if call.clip is None:
        outputs |= _write_pictures(result.outputs, call.target)
        size = "{1} x {0}".format(*result.picture.shape)
    else:
        _write_clip(call.target, result.frames, call.clip, output)
        outputs["frames"] = str(call.target.resolve())
        size = f"{len(result.frames)} frames"
    output.record |= {"outputs": outputs, "report": report}
    how = f"{output.record['seconds']} s on {output.record['device']}, job {result.status.id}"
    output.say(f"{call.target}: {size}, {how}")


def _write_pictures(outputs: Mapping[str, Any], target: Path) -> dict[str, Any]:
    """The picture itself, and others beside it: OUT.2.png for the second sample, OUT.reverse.png, OUT.field.npz."""
    written: dict[str, Any] = {}
    for name, value in outputs.items():
        if name == "report":
            continue
        if name == "field":
            path = target.with_name(f"{target.stem}.field.npz")
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **value)
            write_atomically(path, buffer.getvalue())
        else:
            infix = "" if name == "picture" else f".{name.removeprefix('sample_')}"
            path = target.with_name(f"{target.stem}{infix}{target.suffix}")
            write_picture(path, value)
        written[name] = str(path.resolve())
    return written


def _write_clip(target: Path, frames: Frames, source: Clip, output: Output) -> None:
    with output.progress("Writing") as show:
        write_clip(target, frames, source, lambda done: show(done, f"Writing {target}"))


def _with_partial(error: RestyleError, job: Job, call: _Call, output: Output) -> RestyleError:
    """Write what the job has shown so far, under a name that nobody takes for the finished result."""
    kept = job.kept()
    if call.clip is None:
        outputs = {port.name for port in call.job.outputs if port.kind == "image"}
        pictures = {name: value for name, value in kept.items() if name in outputs}
        if not pictures:
            return error
        written: Any = _write_pictures(pictures, call.target.with_stem(call.target.stem + PARTIAL))
        what = "The picture so far"
        place = written["picture"] if "picture" in written else next(iter(written.values()))
    else:
        done = [kept[name] for name in sorted(kept) if name.startswith("frame ")]
        if not done:
            return error
        target = call.target.with_stem(call.target.stem + PARTIAL)
        frames = Frames(np.stack(done), call.clip.frames.fps)
        _write_clip(target, frames, replace(call.clip, names=call.clip.names[: len(done)]), output)
        what, place = f"The first {len(done)} of {len(call.clip.frames)} frames", str(target.resolve())
        written = {"frames": place}
    output.record["outputs"] = output.record.get("outputs", {}) | {"partial": written}
    return type(error)(f"{error.message} {what}: {place}")
