"""What runs of any seed have in common: the objects as scenes, where their fields start, and a plan of memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from .starts import Recipe, Start, plain_starts, ranked_starts
from .targets import Target, Targets
from .variety import varied

NOTHING = PerVertex()
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Stage:
    """The objects of one or several runs, each in a scene of its own.

    starts: of each variation, where the field starts on each object.
    """

    parts: Sequence[Part]
    scenes: Sequence[Scene]
    starts: Sequence[Sequence[Start]]
    plan: Plan

    def state(self) -> dict[str, NDArray[Any]]:
        """What `prepare` needs to choose the same views and starts again, without a search."""
        recipes = [[start.recipe.numbers() for start in starts] for starts in self.starts]
        return {"start.recipes": np.array(recipes), "anchors": np.array([scene.anchor for scene in self.scenes])}


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
    variations: int = 1,
    on_search: Callable[[], None] | None = None,
    state: State | None = None,
) -> Stage:
    """What `text2mesh.stylize` does before its first step, once for runs of any seeds; for the arguments see there.

    variations: how many looks to prepare; the first is that of a single run.
    """
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
    each = [_starts(scene, variations, on_search) for scene in scenes]
    return Stage(parts, scenes, [[starts[n % len(starts)] for starts in each] for n in range(variations)], plan)


def _starts(scene: Scene, count: int, on_search: Callable[[], None] | None) -> Sequence[Start]:
    """Up to `count` starts of an object, as different as good ones are."""
    options = scene.options
    if options.existing_start:
        return [_made(Recipe("existing"), scene)]
    if options.search_start:
        return varied(ranked_starts(scene, on_search), count)
    return plain_starts(scene, count if options.vary_start else 1, on_search)


def _made(recipe: Recipe, scene: Scene) -> Start:
    start = recipe.on(*scene.chart)
    if recipe.kind == "existing" and scene.existing is not None:
        return replace(start, color=scene.existing)
    return start


def _restored(scenes: Sequence[Scene], state: State) -> list[list[Start]]:
    """The starts that the stage of `state` has; gives the scenes its anchors."""
    for scene, anchor in zip(scenes, state["anchors"].tolist(), strict=True):
        scene.anchor = (anchor[0], anchor[1])
    return [
        [_made(Recipe.from_numbers(numbers), scene) for numbers, scene in zip(recipes, scenes, strict=True)]
        for recipes in state["start.recipes"]
    ]
