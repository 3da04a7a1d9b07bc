"""Text2Mesh: change the colour and the relief of meshes until their pictures match a text, a picture or another mesh.

Michel, Bar-On, Liu, Benaim, Hanocka, "Text2Mesh: Text-Driven Neural Stylization for Meshes", CVPR 2022. One step:
field -> bounds -> vertices -> views of each object and its target meshes -> one encoding -> one backward -> Adam.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from restyle.errors import RestyleError

from .cameras import look_at_origin
from .controls import bounded
from .encoder import ClipEncoder
from .field import StyleField
from .objects import PerVertex, columns_for, joined
from .options import StylizeOptions
from .render import Pictures, contact_sheet, draw
from .scene import Scene
from .stage import NOTHING, Stage, State, prepare
from .starts import Start
from .stopping import settled
from .style import Style
from .targets import Target
from .views import Model, branches, take

PREVIEW_SIZE = 256
SCORE_VIEWS = 8
INSIDE = 0.9999  # pure black and white are a hair away: clamping passes no gradient at its ends
FEWEST_VIEWS = 2  # of each of many objects, per step


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


@dataclass(frozen=True)
class StylizeResult:
    """A stylized mesh, in the object's own scale and place.

    colors: (V, 3) float32 sRGB in [0, 1].
    displacement: (V,) float32, object units, along the vertex normal.
    offset: (V, 3) float32, object units; displacement times normal.
    normals: (V, 3) float32, the vertex normals.
    score: mean cosine between the target and pictures from views all around; of several objects the mean.
    history: the score of every iteration.
    ended: why it ended: "iterations", "seconds" or "settled".
    anchors: azimuth and elevation, radians, +Y up, of the first view of each object.
    styles: of each object, to be asked again at any density and on other meshes.
    """

    colors: NDArray[np.float32]
    displacement: NDArray[np.float32]
    offset: NDArray[np.float32]
    normals: NDArray[np.float32]
    score: float
    history: tuple[float, ...]
    ended: str
    anchors: tuple[tuple[float, float], ...]
    styles: tuple[Style, ...]


class _Run:
    """One field on its way, for one or several scenes: its weights, the optimiser's moments, the random generator.

    looks: for each scene the number of its look; scenes with the same target share one.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self.scenes, self.starts, self.plan = stage.scenes, stage.starts, stage.plan
        self.judge = self.scenes[0].judge
        self.options = self.judge.options
        self.iteration, self.spent, self.history = 0, 0.0, list[float]()
        self.started = time.monotonic()
        self.share = 0.0  # of the run that is done, as of the step under way
        self.relief_since = 0  # the iteration at which displacement began
        self.generator = torch.Generator().manual_seed(seed)
        targets = list(dict.fromkeys(id(scene.targets) for scene in self.scenes))
        self.looks = [targets.index(id(scene.targets)) for scene in self.scenes]
        options = self.options
        self.field = StyleField(
            frequencies=options.frequencies,
            sigma=options.sigma,
            width=options.width,
            depth=options.depth,
            color_depth=options.color_depth,
            displacement_depth=options.displacement_depth,
            looks=len(targets),
            low_precision=self.judge.low_precision,
            generator=self.generator,
        ).to(self.judge.device)
        self.optimiser = torch.optim.Adam(self.field.parameters(), lr=options.learning_rate)

    def step(self) -> tuple[float, float]:
        """One iteration: its loss and score."""
        options = self.options
        had_relief, self.share = self.has_relief(), self.share_done()
        if self.has_relief() and not had_relief:
            self.relief_since = self.iteration
        for group in self.optimiser.param_groups:
            group["lr"] = options.learning_rate * options.lr_decay ** (self.iteration // options.decay_step)
        loss, score = self._loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.iteration == 0:
            self._check_gradient()
        self.optimiser.step()
        self.iteration += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise RestyleError(
                f"The optimisation broke down at iteration {self.iteration}: its loss is {value}. "
                "Try another seed or a lower learning rate."
            )
        self.history.append(float(score))
        return value, self.history[-1]

    def _loss(self) -> tuple[Tensor, Tensor]:
        """Field, bounds, vertices, views, embeddings, likeness: what a step minimises, and its score."""
        options, relief = self.options, self.has_relief()
        terms = branches(options, relief=relief)
        weights = torch.tensor([term.weight for term in terms for _ in range(term.copies)], device=self.judge.device)
        changes = [self._changes(scene, look) for scene, look in zip(self.scenes, self.looks, strict=True)]
        pictures, directions = [], []
        for scene, start, change in zip(self.scenes, self.starts, changes, strict=True):
            color, displacement = self._bounded(scene, start, *change)
            if options.palette:
                color = 0.5 + INSIDE * (color - 0.5)
            model = Model(scene.deformed(displacement), scene.faces, color)
            others = [mesh for mesh, _ in scene.targets.meshes]
            views = take([model, *others], self.judge, scene.anchor, self._views_each(), self.generator, relief=relief)
            pictures.append(views[0])
            with torch.no_grad():
                seen = [self.judge.embed(view) for view in views[1:]]
            directions.append(scene.targets.directions(terms, seen))
        losses, scores = [], []
        embedded = torch.split(self.judge.embed(torch.cat(pictures)), self._views_each())
        for scene, mine, wanted in zip(self.scenes, embedded, directions, strict=True):
            losses.append((weights * scene.targets.misfit(mine, wanted)).sum())
            scores.append(scene.fit(mine.detach())[: options.global_copies].mean())
        loss = torch.stack(losses).mean() + self._penalty(changes)
        return loss, torch.stack(scores).mean()

    def styles(self) -> tuple[Style, ...]:
        """The field as it is now, with all that its result depends on, for each object."""
        return tuple(
            Style(
                self.field,
                self.options,
                start.recipe,
                scene.frame,
                scene.moments,
                relief=self.has_relief(),
                revealed=self.revealed(),
                look=look,
            )
            for scene, start, look in zip(self.scenes, self.starts, self.looks, strict=True)
        )

    def revealed(self) -> float:
        """Which share of the Fourier features is on."""
        steps = self.options.progressive_iterations
        return min(1.0, (self.iteration + 1) / steps) if steps else 1.0

    def _views_each(self) -> int:
        """Of each object in a step: many share the views that one alone would get."""
        return max(min(FEWEST_VIEWS, self.options.views), -(-self.options.views // len(self.scenes)))

    def _changes(self, scene: Scene, look: int) -> tuple[Tensor, Tensor]:
        """What the field adds to the start: colour logits (V, 3) and relief (V,)."""
        revealed = self.revealed()
        at_once = self.plan.vertices_at_once
        if at_once is None or len(scene.query) <= at_once:
            changes: tuple[Tensor, Tensor] = self.field(scene.query, revealed, look)
            return changes
        parts = [
            checkpoint(self.field, part, revealed, look, use_reentrant=False)
            for part in torch.split(scene.query, at_once)
        ]
        return torch.cat([color for color, _ in parts]), torch.cat([relief for _, relief in parts])

    def _bounded(self, scene: Scene, start: Start, color: Tensor, relief: Tensor) -> tuple[Tensor, Tensor]:
        return bounded(
            self.options,
            start.color,
            start.relief,
            color,
            relief,
            relief=self.has_relief(),
            existing=scene.existing,
            weight=scene.weight,
        )

    def _penalty(self, changes: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """What holds the field to its start."""
        options = self.options
        penalty = torch.zeros((), device=self.judge.device)
        if options.color_penalty > 0 and options.change != "displacement":
            change = torch.cat([color for color, _ in changes])
            penalty = penalty + options.color_penalty * change.square().mean()
            if hold := float(np.mean([scene.targets.hue_hold for scene in self.scenes])):
                tint = change - change.mean(dim=1, keepdim=True)
                penalty = penalty + hold * options.color_penalty * tint.square().mean()
        if options.displacement_penalty > 0 and self.has_relief():
            penalty = penalty + options.displacement_penalty * torch.cat([r for _, r in changes]).square().mean()
        return penalty

    def has_relief(self) -> bool:
        """Whether displacement has begun."""
        options = self.options
        if options.change == "color" or options.displacement_limit == 0:
            return False
        return options.change == "displacement" or self.share >= options.displacement_from

    def share_done(self) -> float:
        """How much of the run is done, in [0, 1]."""
        share = self.iteration / self.options.iterations
        seconds = self.options.seconds
        return share if seconds is None else max(share, min(1.0, self.seconds_spent() / seconds))

    def expected_iterations(self) -> int:
        """How many there will be, as far as one can tell."""
        return min(self.options.iterations, round(self.iteration / max(self.share_done(), 1e-6)))

    def seconds_spent(self) -> float:
        """By this attempt and those before."""
        return self.spent + time.monotonic() - self.started

    def ended(self) -> str | None:
        """Why the run is over, if it is; the first step is always made."""
        options = self.options
        if self.iteration >= options.iterations:
            return "iterations"
        if self.iteration == 0:
            return None
        if options.seconds is not None and self.seconds_spent() >= options.seconds:
            return "seconds"
        # What follows when displacement begins is another search, whose score may rise again.
        complete = self.has_relief() or options.change == "color" or options.displacement_limit == 0
        if complete and settled(self.history[self.relief_since :], options.patience):
            return "settled"
        return None

    def _check_gradient(self) -> None:
        """Stop at once where a device or an encoder passes no gradient: hours of it would change nothing."""
        head = self.field.displacement_out if self.options.change == "displacement" else self.field.color_out
        gradient = head.weight.grad
        if gradient is None or not bool(gradient.isfinite().all()) or not bool(gradient.any()):
            raise RestyleError(
                f"No usable gradient reached the mesh from encoder {self.judge.encoder.name!r} on "
                f"{self.judge.device}. Run `restyle doctor`, or try the device `cpu`."
            )

    @torch.no_grad()
    def surfaces(self) -> list[tuple[Tensor, Tensor]]:
        """Of each scene, as it is now: colour (V, 3) in [0, 1] and displacement (V,) in radii."""
        return [
            self._bounded(scene, start, *self._changes(scene, look))
            for scene, start, look in zip(self.scenes, self.starts, self.looks, strict=True)
        ]

    @torch.no_grad()
    def preview(self) -> Pictures:
        """The objects as they are now, each from its first view, side by side: (H, W, 3) uint8."""
        pictures = []
        for scene, (color, displacement) in zip(self.scenes, self.surfaces(), strict=True):
            points = scene.deformed(displacement)
            azimuth, elevation = torch.tensor(scene.anchor, device=scene.device)[:, None]
            cameras = look_at_origin(azimuth, elevation).fitted(points)
            background = self.options.background
            pictures.append(draw(cameras, points, scene.faces, color, size=PREVIEW_SIZE, background=background)[0])
        return contact_sheet(np.stack(pictures), columns_for(len(pictures)))

    def finish(self) -> None:
        """What is asked from now on is the result, also if the run ended before its time."""
        self.share = 1.0

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that bring this run back, bit by bit."""
        arrays = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        arrays["generator"] = self.generator.get_state()
        for number, start in enumerate(self.starts):
            arrays |= {f"start.{number}.color": start.color, f"start.{number}.relief": start.relief}
        saved = {name: value.detach().cpu().numpy().copy() for name, value in arrays.items()}
        return saved | {
            "start.recipes": np.stack([start.recipe.numbers() for start in self.starts]),
            "anchors": np.array([scene.anchor for scene in self.scenes]),
            "history": np.array(self.history),
            "iteration": np.array(self.iteration),
            "share": np.array(self.share),
            "relief_since": np.array(self.relief_since),
            "seconds": np.array(self.seconds_spent()),
        }

    def restore(self, state: State) -> None:
        """Go back to what `state` returned."""
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        self.field.load_state_dict({k.removeprefix("field."): v for k, v in tensors.items() if k.startswith("field.")})
        moments: dict[int, dict[str, Tensor]] = {}
        for key in (key for key in tensors if key.startswith("adam.")):
            _, number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = tensors[key]
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        self.generator.set_state(tensors["generator"])
        self.history, self.iteration = [float(value) for value in state["history"]], int(state["iteration"])
        self.share, self.relief_since = float(state["share"]), int(state["relief_since"])
        self.spent = float(state["seconds"])


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
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
    spent: float = 0.0,
) -> StylizeResult:
    """The run of one seed; for the arguments see `stylize`.

    spent: seconds that count as used already, if time is limited.
    """
    run = _Run(stage, seed)
    run.spent = spent
    if state is not None:
        run.restore(state)
    while (ended := run.ended()) is None:
        loss, score = run.step()
        if on_step:
            expected, share = run.expected_iterations(), run.share_done()
            now = partial(_surface, run, stage)
            on_step(Step(run.iteration, expected, share, score, loss, run.preview, run.state, now))
    return _result(run, stage, ended)


def _surface(run: _Run, stage: Stage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colours and offsets of all the mesh's vertices."""
    colors, offsets = [], []
    for scene, (color, height) in zip(stage.scenes, run.surfaces(), strict=True):
        colors.append(color.cpu().numpy())
        offsets.append((height.cpu().numpy()[:, None] * scene.radius * scene.object_normals).astype(np.float32))
    return joined(stage.parts, colors), joined(stage.parts, offsets)


@torch.no_grad()
def _result(run: _Run, stage: Stage, ended: str) -> StylizeResult:
    colors, heights, normals, scores = [], [], [], []
    run.finish()
    styles = run.styles()
    for scene, style in zip(stage.scenes, styles, strict=True):
        color, height = style.of_scene(scene)
        embedded = scene.embed_all_around(scene.deformed(height), [color], views=SCORE_VIEWS)
        displacement = height.double().cpu().numpy() * scene.radius
        loose = np.ones(len(displacement), dtype=bool)
        loose[scene.used.cpu().numpy()] = False
        displacement[loose] = 0.0  # nothing was seen of a vertex without a face: it stays where it is
        colors.append(color.cpu().numpy())
        heights.append(displacement)
        normals.append(scene.object_normals)
        scores.append(float(scene.fit(embedded)[0]))
    displacement, normal = joined(stage.parts, heights), joined(stage.parts, normals)
    return StylizeResult(
        colors=joined(stage.parts, colors),
        displacement=displacement.astype(np.float32),
        offset=(displacement[:, None] * normal).astype(np.float32),
        normals=normal.astype(np.float32),
        score=float(np.mean(scores)),
        history=tuple(run.history),
        ended=ended,
        anchors=tuple(scene.anchor for scene in stage.scenes),
        styles=styles,
    )
