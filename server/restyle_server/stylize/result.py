"""What comes of a run: a picture and the surface as they are now, and in the end the stylized mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cameras import look_at_origin
from .objects import columns_for, joined
from .render import Pictures, contact_sheet, draw
from .run import Run
from .scene import Scene
from .style import Style

PREVIEW_SIZE = 256
SCORE_VIEWS = 8


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


@torch.no_grad()
def preview(run: Run) -> Pictures:
    """The objects as they are now, each from its first view, side by side: (H, W, 3) uint8."""
    pictures = []
    for scene, (color, displacement) in zip(run.scenes, run.surfaces(), strict=True):
        points = scene.deformed(displacement)
        azimuth, elevation = torch.tensor(scene.anchor, device=scene.device)[:, None]
        cameras = look_at_origin(azimuth, elevation).fitted(points)
        background = run.options.background
        pictures.append(draw(cameras, points, scene.faces, color, size=PREVIEW_SIZE, background=background)[0])
    return contact_sheet(np.stack(pictures), columns_for(len(pictures)))


def surface(run: Run) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colours (V, 3) sRGB and offsets (V, 3), object units, of all the mesh's vertices as they are now."""
    colors, offsets = [], []
    for scene, (color, height) in zip(run.scenes, run.surfaces(), strict=True):
        colors.append(color.cpu().numpy())
        offsets.append((_displacement(scene, height)[:, None] * scene.object_normals).astype(np.float32))
    return joined(run.stage.parts, colors), joined(run.stage.parts, offsets)


def _displacement(scene: Scene, height: Tensor) -> NDArray[np.float64]:
    """Radii (V,) in object units; of a vertex without a face nothing was seen, so it stays where it is."""
    used, displacement = scene.used.cpu().numpy(), np.zeros(len(height))
    displacement[used] = height.double().cpu().numpy()[used] * scene.radius
    return displacement


@torch.no_grad()
def result(run: Run, ended: str) -> StylizeResult:
    """The stylized mesh, judged from all around; the run cannot go on after it."""
    colors, heights, normals, scores = list[NDArray[Any]](), list[NDArray[Any]](), list[NDArray[Any]](), []
    run.schedule.finish()
    styles = run.styles()
    for scene, style in zip(run.scenes, styles, strict=True):
        color, height = style.of_scene(scene)
        embedded = scene.embed_all_around(scene.deformed(height), [color], views=SCORE_VIEWS)
        colors.append(color.cpu().numpy())
        heights.append(_displacement(scene, height))
        normals.append(scene.object_normals)
        scores.append(float(scene.fit(embedded)[0]))
    parts = run.stage.parts
    displacement, normal = joined(parts, heights), joined(parts, normals)
    return StylizeResult(
        colors=joined(parts, colors),
        displacement=displacement.astype(np.float32),
        offset=(displacement[:, None] * normal).astype(np.float32),
        normals=normal.astype(np.float32),
        score=float(np.mean(scores)),
        history=tuple(run.schedule.history),
        ended=ended,
        anchors=tuple(scene.anchor for scene in run.scenes),
        styles=styles,
    )
