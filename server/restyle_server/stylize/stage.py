"""What runs of any seed have in common: the objects as scenes, where their fields start, and a plan of memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restyle.errors import BadInputError

from .anchor import best_anchor
from .encoder import ClipEncoder
from .geometry import check_mesh
from .judge import Judge
from .memory import Plan, need_of, plan_memory
from .objects import Part, PerVertex, split
from .options import StylizeOptions
from .scene import Scene
from .starts import Recipe, Start, best_start, grey
from .targets import Target, Targets

NOTHING = PerVertex()
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Stage:
    """The objects of one or several runs, each in a scene of its own and with the start of its field."""

    parts: Sequence[Part]
    scenes: Sequence[Scene]
    starts: Sequence[Start]
    plan: Plan


def prepare(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    target: Target | str | Sequence[Target],
    encoder: ClipEncoder,
    options: StylizeOptions,
    *,
    device: torch.device | str = "cpu",
    given: PerVertex = NOTHING,
    memory: float | None = None,
    on_search: Callable[[], None] | None = None,
    state: State | None = None,
) -> Stage:
    """What `text2mesh.stylize` does before its first step, once for runs of any seeds; for the arguments see there."""
    device = torch.device(device)
    positions, triangles = check_mesh(vertices, faces)
    parts = split(len(positions), triangles, given.objects)
    if options.existing_start and given.colors is None:
        raise BadInputError("The mesh has no colours to start from. Give it some, or start from another look.")
    sizes = [(len(part.vertices), len(part.faces)) for part in parts]
    judge = Judge(encoder, options, device)
    plan = plan_memory(need_of(sizes, judge), device, memory)
    judge.pictures_at_once = plan.pictures_at_once
    wanted = [target] * len(parts) if isinstance(target, Target | str) else list(target)
    if len(wanted) != len(parts):
        raise BadInputError(
            f"There are {len(wanted)} targets for {len(parts)} objects; give one for all or each its own."
        )
    embedded: dict[int, Targets] = {}  # objects with the same target share its embedding, and so their look
    scenes = []
    for part, its_target in zip(parts, wanted, strict=True):
        scene = Scene(
            positions[part.vertices],
            part.faces,
            embedded.get(id(its_target), its_target),
            judge,
            existing=None if given.colors is None else np.asarray(given.colors)[part.vertices],
            weight=None if given.weight is None else np.asarray(given.weight)[part.vertices],
        )
        embedded[id(its_target)] = scene.targets
        scenes.append(scene)
    if state is not None:
        return Stage(parts, scenes, _restored(scenes, state), plan)
    for scene in scenes:
        if options.search_anchor:
            scene.anchor = best_anchor(scene)
    return Stage(parts, scenes, [_start(scene, on_search) for scene in scenes], plan)


def _start(scene: Scene, on_search: Callable[[], None] | None) -> Start:
    if scene.existing is not None and scene.options.existing_start:
        return Start(Recipe("existing"), scene.existing, torch.zeros_like(scene.existing[:, 0]))
    return best_start(scene, on_search) if scene.options.search_start else grey(scene)


def _restored(scenes: Sequence[Scene], state: State) -> list[Start]:
    """The starts that the run of `state` chose; gives the scenes its anchors."""
    starts = []
    for number, scene in enumerate(scenes):
        azimuth, elevation = state["anchors"][number].tolist()
        scene.anchor = (azimuth, elevation)
        color, relief = (torch.from_numpy(np.array(state[f"start.{number}.{name}"])) for name in ("color", "relief"))
        recipe = Recipe.from_numbers(state["start.recipes"][number])
        starts.append(Start(recipe, color.to(scene.device), relief.to(scene.device)))
    return starts
