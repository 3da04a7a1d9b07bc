"""Text2Mesh: change the colour and the relief of a mesh until its pictures match a text.

Michel, Bar-On, Liu, Benaim, Hanocka, "Text2Mesh: Text-Driven Neural Stylization for Meshes", CVPR 2022. One step:
field -> vertices -> cameras -> visibility -> two shadings -> augmentations -> one encoding -> one backward -> Adam.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import RestyleError

from .augment import Augmentation, augment
from .cameras import Cameras, look_at_origin, sample_angles
from .encoder import ClipEncoder
from .field import StyleField
from .options import StylizeOptions
from .raster import fill, surface, visibility
from .render import Pictures, draw
from .scene import Scene
from .shade import shade
from .starts import Start, best_start, grey

PREVIEW_SIZE = 256
SCORE_VIEWS = 8
State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Step:
    """What a caller learns after every iteration.

    iteration, iterations: steps done and to do.
    score: cosine between the prompt and the pictures of this iteration.
    loss: what the optimiser minimises.
    render: draws the mesh as it is now, from the first view: (H, W, 3) uint8.
    state: everything that `stylize` needs to go on from here.
    """

    iteration: int
    iterations: int
    score: float
    loss: float
    render: Callable[[], Pictures]
    state: Callable[[], dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class StylizeResult:
    """A stylized mesh, in the object's own scale and place.

    colors: (V, 3) float32 sRGB in [0, 1].
    displacement: (V,) float32, object units, along the vertex normal.
    offset: (V, 3) float32, object units; displacement times normal.
    score: mean cosine between the prompt and pictures from views all around.
    history: the score of every iteration.
    """

    colors: NDArray[np.float32]
    displacement: NDArray[np.float32]
    offset: NDArray[np.float32]
    score: float
    history: tuple[float, ...]


class _Run:
    """One field on its way: its weights, the optimiser's moments and the random generator."""

    def __init__(self, scene: Scene, start: Start, seed: int) -> None:
        options = scene.options
        self.scene, self.iteration = scene, 0
        self.generator = torch.Generator().manual_seed(seed)
        self.field = StyleField(
            frequencies=options.frequencies,
            sigma=options.sigma,
            width=options.width,
            depth=options.depth,
            color_depth=options.color_depth,
            displacement_depth=options.displacement_depth,
            low_precision=scene.low_precision,
            generator=self.generator,
        ).to(scene.device)
        self.color = torch.atanh(start.color * 2 - 1)
        self.relief = start.relief
        self.optimiser = torch.optim.Adam(self.field.parameters(), lr=options.learning_rate)
        self.history: list[float] = []

    def step(self) -> tuple[float, float]:
        """One iteration: its loss and score."""
        options = self.scene.options
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

    def surface(self) -> tuple[Tensor, Tensor]:
        """Colour (V, 3) in [0, 1] and displacement (V,) in radii, as they are now."""
        return self._changed(*self._changes())

    def _changes(self) -> tuple[Tensor, Tensor]:
        """What the field adds to the start: colour logits (V, 3) and relief (V,)."""
        steps = self.scene.options.progressive_iterations
        color, relief = self.field(self.scene.query, min(1.0, (self.iteration + 1) / steps) if steps else 1.0)
        return color, relief

    def _changed(self, color: Tensor, relief: Tensor) -> tuple[Tensor, Tensor]:
        limit = self.scene.options.displacement_limit if self._has_relief() else 0.0
        return 0.5 + torch.tanh(self.color + color) / 2, torch.tanh(self.relief + relief) * limit

    def _has_relief(self) -> bool:
        options = self.scene.options
        return options.displacement_limit > 0 and self.iteration >= options.displacement_from * options.iterations

    def _loss(self) -> tuple[Tensor, Tensor]:
        options, scene = self.scene.options, self.scene
        color_change, relief_change = self._changes()
        color, displacement = self._changed(color_change, relief_change)
        points = scene.deformed(displacement)
        copies = self._pictures(points, color)
        weights = torch.tensor(
            [options.global_weight] * options.global_copies
            + [options.local_weight] * options.local_copies
            + [options.geometry_weight] * (copies.shape[1] - options.global_copies - options.local_copies),
            device=scene.device,
        )
        embedded = scene.embed(copies)
        loss = (weights * scene.misfit(embedded)).sum()
        if options.color_penalty > 0:
            loss = loss + options.color_penalty * color_change.square().mean()
        if options.displacement_penalty > 0 and self._has_relief():
            loss = loss + options.displacement_penalty * relief_change.square().mean()
        return loss, scene.fit(embedded.detach())[: options.global_copies].mean()

    def _pictures(self, points: Tensor, color: Tensor) -> Tensor:
        """Augmented pictures (views, copies, 3, R, R): coloured ones and, once there is relief, grey ones."""
        options = self.scene.options
        images, mask, grey = self._render(points, color)
        branches = [
            self._augment(images, mask, options.global_copies, options.global_area, 0.0),
            self._augment(images, mask, options.local_copies, options.local_area, options.object_share),
        ]
        if self._has_relief() and options.geometry_copies:
            if not options.shared_views:
                grey, mask, _ = self._render(points, torch.full_like(color, 0.5))
            branches.append(
                self._augment(grey, mask, options.geometry_copies, options.geometry_area, options.object_share)
            )
        return torch.cat(branches, dim=1)

    def _render(self, points: Tensor, color: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From new views: pictures (N, 3, S, S), where the object is (N, S, S), and the pictures in grey."""
        options, scene = self.scene.options, self.scene
        cameras = self._cameras(points)
        size = scene.encoder.resolution * options.resolution_factor
        coverage = visibility(cameras, points, scene.faces, size, cull=options.cull)
        seen = surface(cameras, points, scene.faces, coverage, perspective_correct=options.perspective_correct)
        lit = shade(seen.interpolate(color), seen.normal, soft=options.soft_light)
        grey = shade(torch.full_like(lit, 0.5), seen.normal, soft=options.soft_light)
        both = fill(coverage, torch.cat([lit, grey], dim=1), scene.background.repeat(2), options.views)
        mask = torch.zeros(options.views * size * size, dtype=torch.bool, device=points.device)
        mask[coverage.pixel] = True
        return both[:, :3], mask.view(options.views, size, size), both[:, 3:]

    def _cameras(self, points: Tensor) -> Cameras:
        options = self.scene.options
        azimuth, elevation = sample_angles(
            options.views,
            (options.anchor_azimuth, options.anchor_elevation),
            (options.azimuth_std, options.elevation_std),
            self.generator,
        )
        cameras = look_at_origin(azimuth.to(points), elevation.to(points))
        return cameras.fitted(points) if options.tight_views else cameras

    def _augment(
        self, images: Tensor, mask: Tensor, copies: int, area: tuple[float, float], object_share: float
    ) -> Tensor:
        options = self.scene.options
        how = Augmentation(
            area, options.perspective, options.distortion, options.shared_draws, object_share, options.fill
        )
        resolution = self.scene.encoder.resolution
        return augment(images, mask, how, copies=copies, resolution=resolution, generator=self.generator)

    def _check_gradient(self) -> None:
        """Stop at once where a device or an encoder passes no gradient: hours of it would change nothing."""
        gradient = self.field.color_out.weight.grad
        if gradient is None or not bool(gradient.isfinite().all()) or not bool(gradient.any()):
            raise RestyleError(
                f"No usable gradient reached the mesh from encoder {self.scene.encoder.name!r} on {self.scene.device}. "
                "Run `restyle doctor`, or try the device `cpu`."
            )

    @torch.no_grad()
    def preview(self) -> Pictures:
        """The mesh as it is now from the first view, (H, W, 3) uint8."""
        options, scene = self.scene.options, self.scene
        color, displacement = self.surface()
        points = scene.deformed(displacement)
        angles = torch.tensor([[options.anchor_azimuth], [options.anchor_elevation]], device=scene.device)
        cameras = look_at_origin(angles[0], angles[1]).fitted(points)
        picture: Pictures = draw(cameras, points, scene.faces, color, size=PREVIEW_SIZE, background=options.background)[
            0
        ]
        return picture

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that bring this run back, bit by bit."""
        arrays = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        arrays["generator"] = self.generator.get_state()
        saved = {name: value.detach().cpu().numpy().copy() for name, value in arrays.items()}
        start = {"start.color": self.color.cpu().numpy(), "start.relief": self.relief.cpu().numpy()}
        return saved | start | {"history": np.array(self.history), "iteration": np.array(self.iteration)}

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
        self.color, self.relief = (tensors[f"start.{name}"].to(self.scene.device) for name in ("color", "relief"))
        self.history, self.iteration = [float(value) for value in state["history"]], int(state["iteration"])


def stylize(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    prompt: str,
    encoder: ClipEncoder,
    options: StylizeOptions,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_search: Callable[[], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
    state: State | None = None,
) -> StylizeResult:
    """Find colours and displacements that make pictures of the mesh match `prompt`.

    vertices: (V, 3) real, object units; scale and place are kept.
    faces: (F, 3) integer.
    encoder: a CLIP on `device`.
    seed: the same seed gives the same result, bit by bit on a CPU.
    on_search: called every now and then while a start is chosen; on_step: called after every iteration. What they raise
        ends the run and passes through.
    state: goes on from what `Step.state` returned earlier, with all other arguments as they were.
    Raises BadInputError for a mesh that cannot be used, RestyleError if the optimisation cannot work.
    Source: Text2Mesh, section 3.
    """
    scene = Scene(vertices, faces, prompt, encoder, options, device=torch.device(device))
    if state is not None:
        run = _Run(scene, grey(scene), seed)
        run.restore(state)
    else:
        run = _Run(scene, best_start(scene, on_search) if options.search_start else grey(scene), seed)
    while run.iteration < options.iterations:
        loss, score = run.step()
        if on_step:
            on_step(Step(run.iteration, options.iterations, score, loss, run.preview, run.state))
    return _result(run)


@torch.no_grad()
def _result(run: _Run) -> StylizeResult:
    scene = run.scene
    color, height = run.surface()
    embedded = scene.embed_all_around(scene.deformed(height), [color], views=SCORE_VIEWS)
    displacement = height.double().cpu().numpy() * scene.radius
    loose = np.ones(len(displacement), dtype=bool)
    loose[scene.used.cpu().numpy()] = False
    displacement[loose] = 0.0  # nothing was seen of a vertex without a face: it stays where it is
    return StylizeResult(
        colors=color.cpu().numpy(),
        displacement=displacement.astype(np.float32),
        offset=(displacement[:, None] * scene.object_normals).astype(np.float32),
        score=float(scene.fit(embedded)[0]),
        history=tuple(run.history),
    )
