"""What pictures of an object are compared with: texts, pictures, other meshes, and weighted mixtures of them.

Every target is a direction among the embeddings, one for each branch of the loss (Text2Mesh, section 3.2): the whole,
crops of it, and crops of the bare grey shape. A mixture is the weighted sum of directions. The published code trains
all three branches for texts only, one and a half for pictures, and knows no meshes (research: its section A5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity, cross_entropy, interpolate, normalize

from restyle.errors import BadInputError

from .augment import augment
from .dominant import dominant_colors
from .geometry import UpAxis, check_mesh, distinct_faces, to_y_up, unit_sphere
from .judge import Judge
from .options import StylizeOptions
from .views import Anchor, Branch, Model, branches, embed_all_around

SAME_MEANING = 0.9
AROUND = 8
SMALLEST_PICTURE = 16  # pixels; less shows no matter
HUE_HOLD = 100.0
CROPS = 24  # of a picture, per branch: their mean is steady, and costs as much as one step
SQUARE = 1.25  # aspect ratio up to which one square shows the picture
MOST_SQUARES = 4
LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class TargetMesh:
    """Another mesh: vertices (V, 3), faces (F, 3), colors (V, 3) sRGB or None for grey, and the axis that is up."""

    vertices: NDArray[Any]
    faces: NDArray[Any]
    colors: NDArray[Any] | None = None
    up: UpAxis = "y"


@dataclass(frozen=True)
class Target:
    """What an object shall look like; each part with its weight, of which only the ratios matter.

    texts: prompts. pictures: (H, W, 3) or (H, W, 4) uint8 sRGB, where transparent parts do not count.
    meshes: other meshes, seen by the same cameras.
    geometry: a prompt for the bare shape alone; None compares it with all the rest.
    """

    texts: tuple[tuple[str, float], ...] = ()
    pictures: tuple[tuple[NDArray[np.uint8], float], ...] = ()
    meshes: tuple[tuple[TargetMesh, float], ...] = ()
    geometry: str | None = None

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return sum(weight for part in (self.texts, self.pictures, self.meshes) for _, weight in part)

    def check(self) -> None:
        """Raise BadInputError for a target that nothing can be compared with."""
        if not self.texts and not self.pictures and not self.meshes:
            raise BadInputError("There is no target: give a prompt, a picture or a mesh to look like.")
        if not self.total > 0:
            raise BadInputError("All targets have the weight 0; at least one must count.")
        for picture, _ in self.pictures:
            check_picture(picture)


def check_picture(picture: NDArray[np.uint8], name: str = "The target picture") -> None:
    """Raise BadInputError, by that name, for a picture that shows no look."""
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST_PICTURE:
        raise BadInputError(
            f"{name}: it is {width} x {height} pixels; less than {SMALLEST_PICTURE} x {SMALLEST_PICTURE} shows no "
            "look. Choose a larger one."
        )
    if picture.shape[2] == 4 and not picture[..., 3].any():
        raise BadInputError(f"{name}: it is transparent everywhere. Choose one that shows something.")


class Targets:
    """A target, embedded.

    fixed: (3, D), the part of the directions of the three branches that never changes.
    meshes: what is photographed anew at every step, with weights.
    whole: (1, D), the direction of the whole object from all around, for searches and scores.
    colors: those that its pictures and meshes are made of, from which a search may start.
    contrasts: (1 + C, D), the prompts' own direction and captions that must fit less; empty without a prompt.
    """

    def __init__(self, target: Target, judge: Judge, anchor: Anchor) -> None:
        target.check()
        self.options = judge.options
        self.geometry_is_fixed = target.geometry is not None
        self.meshes = [(_model(mesh, judge), weight / target.total) for mesh, weight in target.meshes if weight]
        prompts = [(text, weight) for text, weight in target.texts if weight]
        self.text_share = sum(weight for _, weight in prompts) / target.total
        self.colors = tuple(
            color
            for pixels in (
                *(_opaque(picture) for picture, weight in target.pictures if weight),
                *(model.color for model, _ in self.meshes),
            )
            for color in dominant_colors(pixels)
        )
        with torch.no_grad():
            wanted, self.contrasts = _embed_texts(prompts, judge)
            around = [embed_all_around(model, [model.color], judge, anchor, views=AROUND) for model, _ in self.meshes]
            parts = [(row, weight / target.total) for row, (_, weight) in zip(wanted, prompts, strict=True)]
            parts += [
                (picture_directions(picture, judge), weight / target.total)
                for picture, weight in target.pictures
                if weight
            ]
            width = (parts[0][0] if parts else around[0]).shape[-1]
            self.fixed = torch.zeros(3, width, device=judge.device)
            for rows, weight in parts:
                self.fixed += rows * weight
            self.whole = self.fixed[:1].clone()
            for (_, weight), seen in zip(self.meshes, around, strict=True):
                self.whole += weight * normalize(seen.mean(dim=0), dim=1)
            if target.geometry is not None:
                self.fixed[2] = _directions([target.geometry], judge)[0]

    @property
    def hue_hold(self) -> float:
        """How much more than its lightness a run shall keep the hue of its start, since that is the target's own."""
        return HUE_HOLD * (1.0 - self.text_share) if self.colors else 0.0

    def directions(self, of: Sequence[Branch], seen: Sequence[Tensor] = ()) -> Tensor:
        """What C copies of the branches in `of` are compared with: (C, D).

        seen: embeddings (N, C, D) of each of `meshes` from the cameras of this step.
        """
        branch = torch.tensor([number for number, each in enumerate(of) for _ in range(each.copies)])
        rows = self.fixed[branch.to(self.fixed.device)]
        follows = ((branch < 2) | (not self.geometry_is_fixed)).to(rows)[:, None]
        for (_, weight), embedded in zip(self.meshes, seen, strict=True):
            rows = rows + weight * follows * normalize(embedded.mean(dim=0), dim=1)
        return rows

    def fit(self, embedded: Tensor, directions: Tensor | None = None) -> Tensor:
        """Cosine (K,) between the directions (K, D), else the whole object's, and K groups of N views, (N, K, D).

        The views are averaged as they come, so that one the encoder is sure of counts more (`clipavg view`).
        """
        wanted = self.whole if directions is None else directions
        return cosine_similarity(embedded.mean(dim=0), wanted, dim=1)

    def misfit(self, embedded: Tensor, directions: Tensor | None = None) -> Tensor:
        """What is to be minimised for each of K groups of N views, (N, K, D): (K,)."""
        loss = -self.fit(embedded, directions)
        weight = self.options.contrast_weight * self.text_share
        if weight == 0:
            return loss
        likeness = self.options.contrast_scale * normalize(embedded, dim=-1) @ self.contrasts.T
        answer = torch.zeros(likeness.shape[:2].numel(), dtype=torch.long, device=likeness.device)
        mistaken = cross_entropy(likeness.flatten(0, 1), answer, reduction="none").view(likeness.shape[:2])
        return loss + weight * mistaken.mean(dim=0)


def _directions(texts: Sequence[str], judge: Judge) -> Tensor:
    return normalize(judge.encoder.encode_text(texts).to(judge.device).float(), dim=1)


def _embed_texts(prompts: Sequence[tuple[str, float]], judge: Judge) -> tuple[Tensor, Tensor]:
    """Directions of the prompts (P, D); their mean, with those of the captions that mean something else (1 + C, D)."""
    if not prompts:
        nothing = torch.zeros(0, 0, device=judge.device)
        return nothing, nothing
    rows = _directions([*(text for text, _ in prompts), *judge.options.contrasts], judge)
    wanted, others = rows[: len(prompts)], rows[len(prompts) :]
    # A caption that means the same as the prompt is no contrast to it.
    apart = (others @ wanted.T < SAME_MEANING).all(dim=1)
    weights = wanted.new_tensor([weight for _, weight in prompts])
    mean = wanted if len(prompts) == 1 else normalize(weights @ wanted, dim=0)[None]
    return wanted, torch.cat([mean, others[apart]])


def _model(mesh: TargetMesh, judge: Judge) -> Model:
    """The target mesh in the unit sphere; BadInputError says what is wrong with it."""
    try:
        positions, triangles = check_mesh(mesh.vertices, mesh.faces)
        normalised, _, _ = unit_sphere(positions, triangles)
        distinct = distinct_faces(triangles)
    except BadInputError as error:
        raise BadInputError(f"The target mesh: {error.message}") from error
    points = torch.from_numpy(to_y_up(normalised, mesh.up)).float().to(judge.device)
    color = torch.full_like(points, 0.5)
    if mesh.colors is not None:
        if mesh.colors.shape != points.shape:
            raise BadInputError(
                f"The target mesh: its colors are {mesh.colors.shape}, but it has {len(points):,} vertices."
            )
        color = torch.from_numpy(np.asarray(mesh.colors, np.float32)).to(judge.device)
    return Model(points, torch.from_numpy(distinct).to(judge.device), color)


@torch.no_grad()
def picture_directions(picture: NDArray[np.uint8], judge: Judge) -> Tensor:
    """Directions (3, D) of a picture (H, W, 3 or 4) uint8: of the whole, of crops of it, and of crops in grey.

    Renders are compared crop with crop: a tenth of an object looks like a tenth of its picture, not like all of it.
    """
    options, resolution = judge.options, judge.resolution
    squares, mask = _squares(picture, 2 * resolution, options)
    squares, mask = squares.to(judge.device), mask.to(judge.device)
    whole = judge.embed(avg_pool2d(squares, 2)).mean(dim=0)
    grey = (squares * squares.new_tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True).expand_as(squares)
    rows = [whole]
    generator = torch.Generator().manual_seed(0)
    for branch, images in zip(branches(options, relief=True)[1:], (squares, grey), strict=False):
        copies = -(-CROPS // len(squares))
        how = branch.augmentation(options)
        crops = augment(images, mask, how, copies=copies, resolution=resolution, generator=generator)
        rows.append(judge.embed(crops).flatten(0, 1).mean(dim=0))
    return normalize(torch.stack([*rows, *rows[:1] * (3 - len(rows))]), dim=1)


def _squares(picture: NDArray[np.uint8], side: int, options: StylizeOptions) -> tuple[Tensor, Tensor]:
    """Squares (N, 3, S, S) in [0, 1] that together show the picture, and where it is opaque (N, S, S)."""
    values = torch.from_numpy(np.ascontiguousarray(picture)).float() / 255
    alpha = values[..., 3:] if values.shape[2] == 4 else torch.ones_like(values[..., :1])
    ground = torch.tensor(options.background)
    flat = torch.cat([values[..., :3] * alpha + ground * (1 - alpha), alpha], dim=2)
    if bool((alpha < 1).any()):
        flat = _object_square(flat, ground)
    height, width = flat.shape[:2]
    short, long = min(height, width), max(height, width)
    count = 1 if long <= SQUARE * short else min(MOST_SQUARES, -(-long // short))
    places = torch.linspace(0, long - short, count).round().long() if count > 1 else [(long - short) // 2]
    cuts = [flat[:, x : x + short] if width >= height else flat[x : x + short] for x in map(int, places)]
    stacked = torch.stack(cuts).permute(0, 3, 1, 2)
    sized = interpolate(stacked, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
    return sized[:, :3], sized[:, 3] > 0.5


def _opaque(picture: NDArray[np.uint8]) -> Tensor:
    """The colours (P, 3) in [0, 1] of the pixels that show."""
    shown = picture[picture[..., 3] > 127] if picture.shape[2] == 4 else picture.reshape(-1, 3)
    return torch.from_numpy(np.ascontiguousarray(shown[:, :3])).float() / 255


def _object_square(flat: Tensor, ground: Tensor) -> Tensor:
    """The opaque part of a picture (H, W, 4) in a square of the background, as large as renders show the object."""
    rows, columns = (flat[..., 3] > 0).any(dim=1).nonzero(), (flat[..., 3] > 0).any(dim=0).nonzero()
    part = flat[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    height, width = part.shape[:2]
    side = max(height, width)
    square = torch.cat([ground, ground.new_zeros(1)]).repeat(side, side, 1)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = part
    return square
