"""One field on its way: what a step computes, and what the field makes of the objects so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from restyle.errors import RestyleError

from .controls import bounded
from .field import StyleField
from .scene import Scene
from .schedule import Schedule
from .stage import Stage, State
from .starts import Start
from .style import POINTS_AT_ONCE, Style
from .views import Model, branches, take

INSIDE = 0.9999  # pure black and white are a hair away: clamping passes no gradient at its ends
FEWEST_VIEWS = 2  # of each of many objects, per step


class Run:
    """A field for one or several scenes: its weights, the optimiser's moments, the random generator.

    variation: which of the stage's starts it has. spent: seconds that count as used already.
    looks: for each scene the number of its look; scenes with the same target share one.
    schedule: how far it is.
    """

    def __init__(self, stage: Stage, seed: int, variation: int = 0, spent: float = 0.0) -> None:
        self.stage, self.scenes, self.starts = stage, stage.scenes, stage.starts[variation]
        self.judge = self.scenes[0].judge
        self.options = self.judge.options
        self.schedule = Schedule(self.options, spent)
        self.generator = torch.Generator().manual_seed(seed)
        targets = list(dict.fromkeys(id(scene.targets) for scene in self.scenes))
        self.looks = [targets.index(id(scene.targets)) for scene in self.scenes]
        options = self.options
        self.field = StyleField.of(options, looks=len(targets), generator=self.generator).to(self.judge.device)
        self.optimiser = torch.optim.Adam(self.field.parameters(), lr=options.learning_rate, fused=True)
        self._encoded = [self._encode(scene.query) for scene in self.scenes]

    def step(self) -> tuple[float, float]:
        """One iteration: its loss and score."""
        schedule = self.schedule
        schedule.begin_step()
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.learning_rate()
        loss, score = self._loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if schedule.iteration == 0:
            self._check_gradient()
        self.optimiser.step()
        value, likeness = torch.stack([loss.detach(), score]).tolist()  # together: a device is waited for once
        schedule.end_step(likeness)
        if not math.isfinite(value):
            raise RestyleError(
                f"The optimisation broke down at iteration {schedule.iteration}: its loss is {value}. "
                "Try another seed or a lower learning rate."
            )
        return value, likeness

    def _loss(self) -> tuple[Tensor, Tensor]:
        """Field, bounds, vertices, views, embeddings, likeness: what a step minimises, and its score."""
        options, relief = self.options, self.schedule.has_relief()
        terms = branches(options, relief=relief)
        weights = torch.tensor([term.weight for term in terms for _ in range(term.copies)], device=self.judge.device)
        changes = [self._changes(number) for number in range(len(self.scenes))]
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

    def _views_each(self) -> int:
        """Of each object in a step: many share the views that one alone would get."""
        return max(min(FEWEST_VIEWS, self.options.views), -(-self.options.views // len(self.scenes)))

    def _encode(self, query: Tensor) -> Tensor | None:
        """The features of an object's points, which never change; None if it is worked on in pieces."""
        at_once = self.stage.plan.vertices_at_once
        whole = at_once is None or len(query) <= at_once
        return self.field.encode(query, self.judge.field_low_precision) if whole else None

    def _changes(self, number: int) -> tuple[Tensor, Tensor]:
        """What the field adds to the start of an object: colour logits (V, 3) and relief (V,)."""
        revealed, look, encoded = self.schedule.revealed(), self.looks[number], self._encoded[number]
        if encoded is not None:
            return self.field.decode(encoded, revealed, look)
        query, low = self.scenes[number].query, self.judge.field_low_precision
        parts = [
            checkpoint(self.field, part, revealed, look, low, use_reentrant=False)
            for part in torch.split(query, self.stage.plan.vertices_at_once or len(query))
        ]
        return torch.cat([color for color, _ in parts]), torch.cat([relief for _, relief in parts])

    def _bounded(self, scene: Scene, start: Start, color: Tensor, relief: Tensor) -> tuple[Tensor, Tensor]:
        return bounded(
            self.options,
            start.color,
            start.relief,
            color,
            relief,
            relief=self.schedule.has_relief(),
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
        if options.displacement_penalty > 0 and self.schedule.has_relief():
            penalty = penalty + options.displacement_penalty * torch.cat([r for _, r in changes]).square().mean()
        return penalty

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
        """Of each scene, as the result would have it now: colour (V, 3) in [0, 1] and displacement (V,) in radii."""
        revealed, made = self.schedule.revealed(), []
        for scene, start, look in zip(self.scenes, self.starts, self.looks, strict=True):
            parts = [self.field(part, revealed, look) for part in torch.split(scene.query, POINTS_AT_ONCE)]
            color, relief = (torch.cat(pieces) for pieces in zip(*parts, strict=True))
            made.append(self._bounded(scene, start, color, relief))
        return made

    def styles(self) -> tuple[Style, ...]:
        """The field as it is now, with all that its result depends on, for each object."""
        return tuple(
            Style(
                self.field,
                self.options,
                start.recipe,
                scene.frame,
                scene.moments,
                relief=self.schedule.has_relief(),
                revealed=self.schedule.revealed(),
                look=look,
            )
            for scene, start, look in zip(self.scenes, self.starts, self.looks, strict=True)
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that bring this run back, bit by bit."""
        tensors = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        tensors["generator"] = self.generator.get_state()
        saved = {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}
        return saved | self.stage.state() | self.schedule.state()

    def restore(self, state: State) -> None:
        """Go back to what `state` returned; the stage was prepared with it."""
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        self.field.load_state_dict({k.removeprefix("field."): v for k, v in tensors.items() if k.startswith("field.")})
        moments: dict[int, dict[str, Tensor]] = {}
        for key in (key for key in tensors if key.startswith("adam.")):
            _, number, name = key.split(".")
            moments.setdefault(int(number), {})[name] = tensors[key]
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        self.generator.set_state(tensors["generator"])
        self.schedule.restore(state)
        self._encoded = [self._encode(scene.query) for scene in self.scenes]
