"""Text2Mesh: change the colour and the relief of meshes until their pictures match a text, a picture or another mesh.

Michel, Bar-On, Liu, Benaim, Hanocka, "Text2Mesh: Text-Driven Neural Stylization for Meshes", CVPR 2022. One step
(`run.py`): field -> bounds -> vertices -> views of each object and its target meshes -> one encoding -> one backward ->
Adam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .encoder import ClipEncoder
from .objects import PerVertex
from .options import StylizeOptions
from .render import Pictures
from .result import StylizeResult, preview, result, surface
from .run import Run
from .stage import NOTHING, Stage, State, prepare
from .targets import Target


@dataclass(frozen=True)
class Step:
    """What a caller learns after every iteration.

    iteration, iterations: steps done and to do; with a limit in seconds the latter is an estimate.
    share: of the run that is done.
    score: cosine between the target and the pictures of this iteration.
    loss: what the optimiser minimises.
    render: draws the mesh as it is now, from the first view: (H, W, 3) uint8.
    state: everything that `stylize` needs to go on from here.
    surface: colours (V, 3) sRGB and offsets (V, 3) in object units, as they are now.
    """

    iteration: int
    iterations: int
    share: float
    score: float
    loss: float
    render: Callable[[], Pictures]
    state: Callable[[], dict[str, NDArray[Any]]]
    surface: Callable[[], tuple[NDArray[np.float32], NDArray[np.float32]]]


def stylize(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    target: Target | str | Sequence[Target],
    encoder: ClipEncoder,
    options: StylizeOptions,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    given: PerVertex = NOTHING,
    memory: float | None = None,
    on_search: Callable[[], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
) -> StylizeResult:
    """Find colours and displacements that make pictures of the mesh match the target.

    vertices: (V, 3) real, object units; scale and place are kept.
    faces: (F, 3) integer.
    target: a prompt, or more than that; with several objects one for all or one for each.
    encoder: a CLIP on `device`.
    seed: the same seed gives the same result, bit by bit on a CPU.
    given: mask, colours and objects of the vertices.
    memory: bytes that may be used; None for what the device has.
    on_search: called every now and then while a start is chosen; on_step: called after every iteration. What they raise
        ends the run and passes through.
    state: goes on from what `Step.state` returned earlier, with all other arguments as they were.
    Raises BadInputError for a mesh or target that cannot be used, ResourcesError if memory does not suffice,
    RestyleError if the optimisation cannot work.
    Source: Text2Mesh, section 3.
    """
    stage = prepare(
        vertices,
        faces,
        target,
        encoder,
        options,
        device=device,
        given=given,
        memory=memory,
        on_search=on_search,
        state=state,
    )
    return optimise(stage, seed=seed, on_step=on_step, state=state)


def optimise(
    stage: Stage,
    *,
    seed: int,
    variation: int = 0,
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
    spent: float = 0.0,
) -> StylizeResult:
    """The run of one seed; for the arguments see `stylize`.

    variation: which of those that the stage was prepared for, from 0.
    spent: seconds that count as used already, if time is limited.
    """
    run = Run(stage, seed, variation, spent)
    if state is not None:
        run.restore(state)
    while (ended := run.schedule.ended()) is None:
        loss, score = run.step()
        if on_step:
            on_step(_step(run, loss, score))
    return result(run, ended)


def _step(run: Run, loss: float, score: float) -> Step:
    done, expected, share = run.schedule.iteration, run.schedule.expected_iterations(), run.schedule.share_done()
    return Step(done, expected, share, score, loss, partial(preview, run), run.state, partial(surface, run))
