"""Coarse to fine: every patch of the growing picture is replaced by the nearest patch of the matter, and they vote.

Granot, Feinstein, Shocher, Bagon, Irani, "Drop the GAN: in defense of patches nearest neighbors as single image
generative models", CVPR 2022, sections 3 and 4. What differs: the field of matches, not the picture, is carried to the
next level, so that the start of a level is as sharp as its matter; guides join the description of a patch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from .options import PatchOptions
from .patches import Basis, falloff, main_axes, vote
from .picture import Pixels, box_mean, level_sizes, resize, scaled, to_pixels
from .search import nearest_by_tree, nearest_exact

FULL_DESCRIPTION = 1500
DIMS = 24
TREE_DIMS = 8
TREE_EPS = 1.0
TREE_KEYS = 12_000
DENSE_PIXELS = 6000
WIDE = 3.0
MIDDLE = 3  # pixels across, of a patch
LIGHTNESS = (0.2126, 0.7152, 0.0722)
EVEN, EDGE = 0.2, 1.5  # least share of a pull; contrast of what is pulled with all of it, in units of the mean


@dataclass(frozen=True)
class Step:
    """What a caller learns while the picture grows.

    fraction: of the work that is done. message: one line for people.
    render: the picture as it is now, (H, W, 3) uint8 at the size of the level.
    """

    fraction: float
    message: str
    render: Callable[[], Pixels]


@dataclass(frozen=True)
class GuidePair:
    """What guides the matches: channels over the output (C, H, W) and over the matter (C, h, w), and their weight.

    until: the share of the pyramid at which it has faded out.
    """

    structure: Tensor
    appearance: Tensor
    weight: float
    until: float

    def weight_at(self, progress: float) -> float:
        """The weight after this share of the pyramid."""
        return self.weight * max(0.0, 1 - progress / self.until) if self.until > 0 else 0.0


@dataclass(frozen=True)
class Task:
    """What to synthesise.

    start: (3, H, W), the picture that the coarsest level begins with; its size is that of the finest.
    matter: (3, h, w), at the scale of `start`. allowed: (1, h, w), above 0.5 where matter may be used; None for all.
    kept, change: (3, H, W) and (1, H, W): where `change` is 0 the result is `kept`; both None to change all.
    guides: see GuidePair.
    """

    start: Tensor
    matter: Tensor
    allowed: Tensor | None = None
    kept: Tensor | None = None
    change: Tensor | None = None
    guides: tuple[GuidePair, ...] = ()


@dataclass(frozen=True)
class Field:
    """Matches of one level: for each patch of a regular grid the top left corner of its match in the level's matter.

    rows, columns: (ny, nx) int64. size, stride: of the patches, pixels. shape: (H, W) of the level's picture.
    """

    rows: Tensor
    columns: Tensor
    size: int
    stride: int
    shape: tuple[int, int]


class _Level:
    """One level: its matter and what may be used of it, its guides, and the picture as it is."""

    def __init__(self, task: Task, options: PatchOptions, scale: float, progress: float) -> None:
        self.matter = scaled(task.matter, scale, options.patch_size)
        shape = scaled(task.start[:1], scale, options.patch_size).shape[1:]
        self.shape: tuple[int, int] = (shape[0], shape[1])
        self.size = min(options.patch_size, *self.shape, *self.matter.shape[1:])
        self.stride = 1 if shape[0] * shape[1] <= DENSE_PIXELS else 2
        self.kept = None if task.kept is None else resize(task.kept, *self.shape)
        self.change = None if task.change is None else resize(task.change, *self.shape)
        self.start = resize(task.start, *self.shape).clamp(0, 1)
        self._pull = options.pull * (1 - progress / 2) * _lines(self.start, self.size) if options.pull > 0 else None
        self.guides = [
            (weight, resize(guide.structure, *self.shape), resize(guide.appearance, *self.matter.shape[1:]))
            for guide in task.guides
            if (weight := guide.weight_at(progress)) > 0
        ]
        self.places = self._places(task.allowed)

    def _places(self, allowed: Tensor | None) -> Tensor:
        """Flat indices (M,) of the corners of the matter's usable patches, in the grid of all corners."""
        rows, columns = (side - self.size + 1 for side in self.matter.shape[1:])
        if allowed is None:
            return torch.arange(rows * columns, device=self.matter.device)
        usable = resize(allowed, *self.matter.shape[1:])[0] > 0.5
        # A patch is usable when all of it is; where no patch is, those with the most usable pixels are.
        whole = avg_pool2d(usable[None, None].float(), self.size, stride=1)[0, 0].flatten()
        return torch.nonzero(whole >= whole.max() - 1e-6)[:, 0]

    def searched(self, picture: Tensor) -> Tensor:
        """The picture as its matches are searched for: drawn towards the start by the options' pull.

        The nearest patch is then that of the least weighted sum of squared distances to both. So the content of a
        picture is fused into every round of a transfer by patches, most where it has edges, by Elad and Milanfar,
        "Style transfer via texture synthesis", IEEE Transactions on Image Processing 2017.
        """
        if self._pull is None:
            return picture
        return torch.lerp(picture, self.start, self._pull.expand_as(picture))

    def blend(self, picture: Tensor) -> Tensor:
        """The picture with what is kept put back."""
        if self.kept is None or self.change is None:
            return picture
        return torch.lerp(self.kept, picture, self.change)


def synthesise(
    task: Task, options: PatchOptions, seed: int, on_step: Callable[[Step], None] | None
) -> tuple[Tensor, Field]:
    """Run the pyramid; the picture (3, H, W), still soft, and the field of the finest level."""
    scales = level_sizes((task.start.shape[1], task.start.shape[2]), max(options.granularity, 1), options.ratio)
    costs = [scale**2 for scale in scales]
    picture, field, old_matter = task.start, None, task.matter
    for number, scale in enumerate(scales):
        level = _Level(task, options, scale, number / max(len(scales) - 1, 1))
        if field is None:
            picture = level.blend(_noisy(resize(task.start, *level.shape), options.noise, seed))
        else:
            rows, columns = carried(field, old_matter, level)
            field = Field(rows, columns, level.size, level.stride, level.shape)
            picture = level.blend(_voted(level, field, WIDE))
        old_matter = level.matter

        def tick(level: _Level = level, number: int = number, picture: Tensor = picture, part: float = 0.0) -> None:
            if on_step is not None:
                fraction = (sum(costs[:number]) + part * costs[number]) / sum(costs)
                message = f"Level {number + 1} of {len(scales)}: {level.shape[1]} x {level.shape[0]} px"
                on_step(Step(fraction, message, lambda: to_pixels(picture)))

        tick()
        exact = max(len(level.places), level.shape[0] * level.shape[1] / level.stride**2) <= options.exact_patches
        rounds = options.iterations if exact else options.fine_iterations
        search = _searcher(level, options, exact)
        for done in range(rounds):
            field = search(level.searched(picture), partial(tick, picture=picture, part=done / rounds))
            picture = level.blend(_voted(level, field, WIDE))
    assert field is not None, "there is always a level, with a round"  # noqa: S101 - tells the type checker
    return picture, field


def _lines(picture: Tensor, size: int) -> Tensor:
    """How much there is to see about each place of (3, H, W): (1, H, W), from EVEN where it is even to 1 at edges."""
    mean, square = box_mean(picture, size), box_mean(picture.square(), size)
    contrast = (square - mean.square()).clamp_min(0).sum(dim=0, keepdim=True).sqrt()
    return EVEN + (1 - EVEN) * (contrast / (EDGE * contrast.mean()).clamp_min(1e-6)).clamp(0, 1)


def _noisy(picture: Tensor, noise: float, seed: int) -> Tensor:
    """The picture with normal noise of `noise` times its own standard deviation."""
    if noise <= 0:
        return picture
    draw = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed)).to(picture.device)
    return picture + noise * picture.std() * draw


def carried(field: Field, matter: Tensor, level: _Level) -> tuple[Tensor, Tensor]:
    """The field of the level below, on the grid of this one, snapped to usable patches."""
    corners = []
    counts = [(side - level.size + level.stride - 1) // level.stride + 1 for side in level.shape]
    old_places, new_centres = [], []
    for axis in range(2):
        centre = torch.arange(counts[axis], device=matter.device) * level.stride + level.size / 2
        centre = centre * field.shape[axis] / level.shape[axis]
        place = ((centre - field.size / 2) / field.stride).round().long().clamp(0, field.rows.shape[axis] - 1)
        old_places.append(place)
        new_centres.append(centre - place * field.stride)
    for axis, corner in enumerate((field.rows, field.columns)):
        inside = new_centres[axis][:, None] if axis == 0 else new_centres[axis][None]
        there = corner[old_places[0][:, None], old_places[1][None]] + inside
        moved = there * level.matter.shape[1 + axis] / matter.shape[1 + axis] - level.size / 2
        corners.append(moved.round().long().clamp(0, level.matter.shape[1 + axis] - level.size))
    return _snapped(level, corners[0], corners[1])


def _snapped(level: _Level, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Each corner, or the nearest usable one."""
    height, width = (side - level.size + 1 for side in level.matter.shape[1:])
    if len(level.places) == height * width:
        return rows, columns
    usable = torch.zeros(height * width, dtype=torch.bool)
    usable[level.places.cpu()] = True
    nearest = distance_transform_edt(~usable.view(height, width).numpy(), return_distances=False, return_indices=True)
    near = torch.from_numpy(nearest).long().to(rows.device)
    return near[0][rows, columns], near[1][rows, columns]


def _padded(level: _Level, picture: Tensor) -> Tensor:
    """The picture with edges repeated at the bottom and right, so that the grid of patches covers all of it."""
    below, right = ((level.size - side) % level.stride for side in level.shape)
    return pad(picture[None], (0, right, 0, below), mode="replicate")[0] if below or right else picture


def _voted(level: _Level, field: Field, sigma: float) -> Tensor:
    made = vote(level.matter, field.rows, field.columns, falloff(level.size, sigma, level.matter), level.stride)
    return made[:, : level.shape[0], : level.shape[1]]


def _searcher(level: _Level, options: PatchOptions, exact: bool) -> Callable[[Tensor, Callable[[], None]], Field]:
    """A function from the picture, and what to call in between, to the best match of each of its patches."""
    full = 3 * level.size**2
    dims = min(full, DIMS) if len(level.places) > FULL_DESCRIPTION else full
    basis = Basis(level.size, None) if dims == full else main_axes(level.matter, level.size, dims)
    described = basis.describe(level.matter)
    spread = described.var(dim=0, correction=0).sum()
    guided = [_guide_rows(level, weight * spread, *pair) for weight, *pair in level.guides]
    if options.pattern > 0:
        guided.append(_pattern_rows(level, options.pattern * spread))
    keys = torch.cat([described, *(pair[1] for pair in guided)], dim=1)
    usable = keys[level.places]
    tree = not exact and keys.device.type == "cpu" and len(usable) > TREE_KEYS
    # The main axes come last of the description, the guides after them.
    leading = max(dims - TREE_DIMS, 0) if tree else 0
    alpha = options.completeness * full if exact else None
    across = level.matter.shape[2] - level.size + 1
    deviations = usable[:, :dims].std(dim=0, correction=0)

    def search(picture: Tensor, tick: Callable[[], None]) -> Field:
        padded = _padded(level, picture)
        asked = _contrasted(basis.describe(padded, level.stride), deviations, options.contrast)
        queries = torch.cat([asked, *(pair[0] for pair in guided)], dim=1)
        if tree:
            found = nearest_by_tree(queries[:, leading:], usable[:, leading:], TREE_EPS, tick)
        else:
            found = nearest_exact(queries, usable, alpha, tick)
        ny = (padded.shape[1] - level.size) // level.stride + 1
        place = level.places[found].view(ny, -1)
        rows, columns = place // across, place % across
        if options.coherence > 0:
            rows, columns = coherent(
                level, queries=queries, keys=keys, rows=rows, columns=columns, preference=options.coherence
            )
            tick()
        return Field(rows, columns, level.size, level.stride, level.shape)

    return search


def _contrasted(queries: Tensor, deviations: Tensor, most: float) -> Tensor:
    """Queries (N, D) with the deviation (D,) that the keys have along each axis, raised at most `most` times.

    What is searched for is a mean, of patches that overlap and of two pictures, so it is calmer than matter. Without
    this its nearest patches are the calmest that there are, everywhere the same few.
    """
    if most <= 1:
        return queries
    mean = queries.mean(dim=0)
    raised = deviations / queries.std(dim=0, correction=0).clamp_min(1e-6)
    return mean + (queries - mean) * raised.clamp(1, most)


def coherent(
    level: _Level, *, queries: Tensor, keys: Tensor, rows: Tensor, columns: Tensor, preference: float
) -> tuple[Tensor, Tensor]:
    """Each match, or the one that continues a neighbour's where that is at most (1 + preference) times as far.

    So the picture is made of larger whole pieces. Ashikhmin, "Synthesizing natural textures", I3D 2001, section 3, with
    the preference of Hertzmann et al., "Image analogies", SIGGRAPH 2001, section 3.2.
    """
    ny, nx = rows.shape
    height, across = (side - level.size + 1 for side in level.matter.shape[1:])
    usable = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
    usable[level.places] = True

    def distance(places: Tensor) -> Tensor:
        return (queries - keys[places.flatten()]).square().sum(dim=1).view(ny, nx)

    limit = distance(rows * across + columns) * (1 + preference) ** 2
    best = torch.full_like(limit, torch.inf)
    chosen = rows * across + columns
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        moved = []
        for corner, step, side in ((rows, down, height), (columns, right, across)):
            source = torch.roll(corner, (down, right), dims=(0, 1)) + step * level.stride
            moved.append((source, (source >= 0) & (source < side)))
        inside = moved[0][1] & moved[1][1]
        place = torch.where(inside, moved[0][0] * across + moved[1][0], 0)
        far = torch.where(inside & usable[place], distance(place), torch.inf)
        better = (far <= limit) & (far < best)
        best, chosen = torch.where(better, far, best), torch.where(better, place, chosen)
    return chosen // across, chosen % across


def _guide_rows(level: _Level, spread: Tensor, structure: Tensor, appearance: Tensor) -> tuple[Tensor, Tensor]:
    """A guide's mean over each patch, for queries (N, C) and keys (M, C), with a variance of `spread` over the keys.

    So a depth in metres, a label and a colour weigh alike, and a faint pattern of means counts beside a loud texture.
    """
    rows = []
    for picture, stride in ((_padded(level, structure), level.stride), (appearance, 1)):
        mean = avg_pool2d(picture[None], level.size, stride=1)[0, :, ::stride, ::stride]
        rows.append(mean.flatten(1).T)
    factor = (spread / rows[1].var(dim=0, correction=0).sum().clamp_min(1e-6)).sqrt()
    return rows[0] * factor, rows[1] * factor


def _pattern_rows(level: _Level, spread: Tensor) -> tuple[Tensor, Tensor]:
    """How light it is over each patch and over its middle, for queries (N, 2) and keys (M, 2), of variance `spread`.

    The queries get the mean and deviation of the keys, for each size by itself: a pattern's lines want the darkest or
    lightest matter of their width, not lines of its own contrast. A correspondence map as of Efros and Freeman, "Image
    quilting for texture synthesis and transfer", SIGGRAPH 2001, section 4.
    """
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    for size in (level.size, min(MIDDLE, level.size)):
        asked = _lightness(_padded(level, level.start), level.size, size, level.stride)
        offered = _lightness(level.matter, level.size, size, 1)
        deviations = [values.std(correction=0).clamp_min(1e-4) for values in (asked, offered)]
        for values, deviation, rows in zip((asked, offered), deviations, (queries, keys), strict=True):
            rows.append((values - values.mean()) / deviation * (spread / 2).sqrt())
    return torch.stack(queries, dim=1), torch.stack(keys, dim=1)


def _lightness(picture: Tensor, patch: int, size: int, stride: int) -> Tensor:
    """The mean luminance (N,) of the middle `size` x `size` pixels of every patch of (3, H, W)."""
    light = (picture * torch.tensor(LIGHTNESS, device=picture.device)[:, None, None]).sum(dim=0)
    first = (patch - size) // 2
    rows, columns = (slice(first, side - (patch - size - first)) for side in light.shape)
    return avg_pool2d(light[rows, columns][None, None], size, stride=1)[0, 0, ::stride, ::stride].flatten()
