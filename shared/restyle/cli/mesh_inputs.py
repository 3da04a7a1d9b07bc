"""What `restyle mesh` reads before it looks for a server: meshes, masks, colours, pictures."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError, UsageError
from ..jobs import declaration
from ..jobs.stylize_mesh import IMAGES, PROMPTS, TARGET_MESHES
from ..kinds import validate_input
from ..kinds.mesh import Mesh
from ..meshfile import MeshFile, read_mesh
from ..meshfile.colors import read_colors
from ..meshfile.subdivide import level_for, subdivided
from ..picturefile import read_picture
from .output import Output, of_flag

GREY = 0.2140411  # scene linear; half of the sRGB range


@dataclass(frozen=True)
class Subject:
    """The files to stylize, as one mesh; `attributes` are its vertices'. rows: which of these are each file's."""

    files: tuple[MeshFile, ...]
    mesh: Mesh
    attributes: dict[str, NDArray[Any]]

    @property
    def rows(self) -> list[slice]:
        """The vertices of each file in those of the mesh."""
        ends = np.cumsum([len(file.mesh.vertices) for file in self.files]).tolist()
        return [slice(end - len(file.mesh.vertices), end) for file, end in zip(self.files, ends)]


def names_of(arguments: argparse.Namespace) -> dict[str, str]:
    """What the caller knows the inputs and parameters by; `Output.inputs`."""
    meshes = ", ".join([arguments.mesh, *arguments.object])
    parameters = (parameter.name for parameter in declaration("stylize_mesh").parameters)
    names = {name: f"--{name.replace('_', '-')}" for name in parameters}
    names |= {"mesh": meshes, "vertices": f"{meshes}: vertices", "faces": f"{meshes}: faces"}
    names |= {"geometry_prompt": "--geometry-prompt", "object_prompts": "--object-prompt"}
    first = "--also" if arguments.prompt is None and arguments.also else "PROMPT"
    names |= dict(zip(PROMPTS, [first, *["--also"] * len(PROMPTS)]))
    names |= {name: of_flag(path, "--image") for name, path in zip(IMAGES, arguments.image)}
    names |= {name: of_flag(path, "--target-mesh") for name, path in zip(TARGET_MESHES, arguments.target_mesh)}
    return names if arguments.mask is None else names | {"mask": of_flag(arguments.mask, "--mask")}


def read_subject(arguments: argparse.Namespace, output: Output) -> Subject:
    """The meshes of the command, subdivided if asked for, with mask, colours and the objects' numbers."""
    paths = [Path(arguments.mesh), *map(Path, arguments.object)]
    files, parts = [], []
    for number, path in enumerate(paths):
        file = read_mesh(path)
        attributes = _colors(file, arguments)
        if number == 0 and arguments.mask is not None:
            attributes["mask"] = read_mask(Path(arguments.mask), len(file.vertices))[file_order(file)]
        file, attributes = _subdivided(file, attributes, arguments, output)
        files.append(file)
        parts.append(attributes)
    if len({file.mesh.up for file in files}) > 1:
        raise BadInputError(f"{paths[0]} and {paths[1]} have different axes up. Save all as one format, such as .ply.")
    mesh = replace(
        files[0].mesh,
        vertices=np.concatenate([file.mesh.vertices for file in files]),
        faces=_joined_faces(files),
        uv=files[0].mesh.uv if len(files) == 1 else None,
    )
    return Subject(tuple(files), mesh, _joined_attributes(files, parts))


def file_order(file: MeshFile) -> NDArray[np.int64]:
    """For each vertex of `file.mesh` one of the file's own that became it."""
    first = np.zeros(len(file.mesh.vertices), np.int64)
    first[file.mesh_vertex] = np.arange(len(file.mesh_vertex))
    return first


def read_mask(path: Path, count: int) -> NDArray[np.float32]:
    """Weights (N,) from a .npy file, or from a text with a number per line; BadInputError says what is wrong."""
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file. A mask has a weight for each vertex of the mesh.")
    try:
        values = np.load(path, allow_pickle=False) if path.suffix == ".npy" else _numbers(path)
        weights = np.asarray(values, np.float32)
    except (ValueError, OSError) as error:
        raise BadInputError(f"{path}: it is no list of numbers ({error}).") from error
    if weights.shape != (count,):
        raise BadInputError(f"{path}: it has the shape {weights.shape}, but the mesh has {count:,} vertices.")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() > 1:
        raise BadInputError(f"{path}: the weights of a mask must lie within 0 and 1.")
    return weights


def _numbers(path: Path) -> NDArray[np.float64]:
    """The numbers of a text; NumPy's warning of one without any would be said beside the error."""
    return np.array([]) if not path.read_text().strip() else np.loadtxt(path, ndmin=1)


def _colors(file: MeshFile, arguments: argparse.Namespace) -> dict[str, NDArray[Any]]:
    """The file's vertex colours, where something of them shall stay or be the start."""
    wanted = arguments.mask is not None or arguments.start == "existing" or arguments.change == "displacement"
    colors = read_colors(file) if wanted else None
    if colors is None and arguments.start == "existing":
        raise BadInputError(f"{file.path}: it has no vertex colours to start from. Save them in a .ply or .obj file.")
    return {} if colors is None else {"colors": colors}


def _subdivided(
    file: MeshFile, attributes: dict[str, NDArray[Any]], arguments: argparse.Namespace, output: Output
) -> tuple[MeshFile, dict[str, NDArray[Any]]]:
    if arguments.subdivide is None:
        return file, attributes
    level = level_for(file.mesh) if arguments.subdivide == "auto" else arguments.subdivide
    if level == 0:
        return file, attributes
    finer, values = subdivided(file, level, attributes)
    times = "once" if level == 1 else f"{level} times"
    output.note(f"{file.path}: subdivided {times}, {len(finer.mesh.vertices):,} vertices")
    return finer, values


def _joined_faces(files: list[MeshFile]) -> NDArray[np.int32]:
    starts = np.cumsum([0, *(len(file.mesh.vertices) for file in files)])
    return np.concatenate([file.mesh.faces + start for file, start in zip(files, starts.tolist())]).astype(np.int32)


def _joined_attributes(files: list[MeshFile], parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Attributes of all vertices; where only some of the files have them, the others get what means nothing."""
    plain: dict[str, Callable[[int], NDArray[Any]]] = {
        "mask": lambda count: np.ones(count, np.float32),
        "colors": lambda count: np.full((count, 3), GREY, np.float32),
    }
    joined = {
        name: np.concatenate([part.get(name, make(len(file.mesh.vertices))) for file, part in zip(files, parts)])
        for name, make in plain.items()
        if any(name in part for part in parts)
    }
    if len(files) > 1:
        numbers = [np.full(len(file.mesh.vertices), number, np.float32) for number, file in enumerate(files)]
        joined["object"] = np.concatenate(numbers)
    return joined


def read_targets(arguments: argparse.Namespace) -> dict[str, Any]:
    """The job's inputs that say what the result shall look like."""
    inputs: dict[str, Any] = {}
    prompts = [prompt for prompt in (arguments.prompt, *arguments.also) if prompt is not None]
    for names, given, flag in ((PROMPTS, prompts, "--also"), (IMAGES, arguments.image, "--image")):
        if len(given) > len(names):
            raise UsageError(f"{flag}: there may be {len(names)} in all, not {len(given)}.")
    for name, prompt in zip(PROMPTS, prompts):
        validate_input(name, "text", prompt)
        inputs[name] = prompt
    if arguments.geometry_prompt is not None:
        validate_input("geometry_prompt", "text", arguments.geometry_prompt)
        inputs["geometry_prompt"] = arguments.geometry_prompt
    inputs |= {name: read_picture(path) for name, path in zip(IMAGES, arguments.image)}
    if len(arguments.target_mesh) > len(TARGET_MESHES):
        raise UsageError(f"--target-mesh: there may be {len(TARGET_MESHES)}, not {len(arguments.target_mesh)}.")
    for name, path in zip(TARGET_MESHES, arguments.target_mesh):
        file = read_mesh(path)
        inputs[name] = replace(file.mesh, uv=None)
        if (colors := read_colors(file)) is not None:
            inputs[f"{name}_attributes"] = {"colors": colors}
    return inputs
