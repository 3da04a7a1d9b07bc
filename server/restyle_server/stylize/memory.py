"""How much memory a run takes, and how it is cut into pieces that fit.

What the encoder and the field keep for their backward pass is measured on two pictures and a few vertices, since it
depends on the model; what the rasteriser takes is counted. Beyond a piece, activations are computed a second time
(Chen et al. 2016, "Training deep nets with sublinear memory cost").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from restyle.errors import ResourcesError

from .field import StyleField
from .judge import Judge
from .options import StylizeOptions
from .raster import MAX_FRAGMENTS
from .views import branches

GIB = 2**30
SPARE = 0.85  # share of the memory that is counted on; the rest is for what nobody counts
SAMPLE = 256  # vertices
FEWEST_VERTICES = 1024  # of a piece; smaller ones only take time
# Bytes of the rasteriser: a face and a vertex in one view, a pixel of one view with its gradient, a fragment.
FACE, VERTEX, PIXEL, FRAGMENT = 200, 100, 500, 250
GRADIENTS = 3  # of a hidden layer of the field, on their way back at once
PICTURE_COPIES = 6  # of a varied picture: itself, its gradient, the sampling grid, what augmentation keeps


@dataclass(frozen=True)
class Plan:
    """How many vertices and pictures are worked on at once, None for all, and the peak in bytes that this takes."""

    vertices_at_once: int | None
    pictures_at_once: int | None
    peak: float


@dataclass(frozen=True)
class Need:
    """What one step takes, in bytes: always, for each vertex in the field, for each picture in the encoder."""

    fixed: float
    vertex: float
    picture: float
    vertices: int
    pictures: int

    def peak(self, vertices: int, pictures: int) -> float:
        """Of a step with pieces of that size."""
        return self.fixed + self.vertex * vertices + self.picture * pictures


def need_of(sizes: Sequence[tuple[int, int]], judge: Judge) -> Need:
    """What a step takes for objects of these numbers of vertices and faces."""
    options = judge.options
    copies = sum(branch.copies for branch in branches(options, relief=True))
    views = options.views if len(sizes) == 1 else max(2, -(-options.views // len(sizes))) * len(sizes)
    side = judge.resolution * options.resolution_factor
    each = views / len(sizes)
    rounds = 1 if options.shared_views else 2  # cameras of its own for the bare shape
    raster = sum(each * (FACE * faces + VERTEX * vertices) for vertices, faces in sizes)
    drawn = PIXEL * views * side**2 * rounds + FRAGMENT * min(MAX_FRAGMENTS, 2 * views * side**2)
    varied = PICTURE_COPIES * 3 * 4 * judge.resolution**2 * views * copies
    weights, picture = _kept_by_the_encoder(judge)
    return Need(
        fixed=raster + drawn + varied + weights,
        vertex=_kept_per_vertex(options, judge),
        picture=picture,
        vertices=sum(vertices for vertices, _ in sizes),
        pictures=views * copies,
    )


def plan_memory(need: Need, device: torch.device, memory: float | None) -> Plan:
    """All at once if that fits into `memory` bytes, else into what the device has; else in pieces.

    Raises ResourcesError with the numbers if not even the smallest pieces fit.
    """
    known = memory if memory is not None else available(device)
    whole = Plan(None, None, need.peak(need.vertices, need.pictures))
    if known is None:
        return whole
    usable = known if memory is not None else SPARE * known
    if whole.peak <= usable:
        return whole
    fewest = min(FEWEST_VERTICES, need.vertices)
    least = need.peak(fewest, 1)
    if least > usable:
        whose = "are allowed" if memory is not None else f"can be counted on here ({device})"
        raise ResourcesError(
            f"This job needs {least / GIB:.1f} GiB of memory at the very least, and {usable / GIB:.1f} GiB {whose}. "
            f"Of it {need.fixed / GIB:.1f} GiB are for drawing {need.vertices:,} vertices: decimate the mesh, choose "
            "the preset draft, or use another device."
        )
    # The rest goes to both alike: they are not both large at once, but the one's results wait for the other's.
    rest = (usable - least) / 2
    vertices = min(need.vertices, int(fewest + rest / need.vertex))
    pictures = min(need.pictures, int(1 + rest / need.picture))
    return Plan(
        None if vertices == need.vertices else vertices,
        None if pictures == need.pictures else pictures,
        need.peak(vertices, pictures),
    )


def available(device: torch.device) -> float | None:
    """Bytes that a run may count on; None if nobody knows.

    On CUDA those that are free; on a CPU all that the machine has, so that equal runs are cut alike, to equal bits.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(free + cached)
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    total = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group = Path("/sys/fs/cgroup/memory.max")
    limit = group.read_text().strip() if group.is_file() else "max"
    return min(total, float(limit)) if limit.isdigit() else total


def _kept_by_the_encoder(judge: Judge) -> tuple[float, float]:
    """What it keeps once, its weights, and for each picture."""

    def kept(pictures: int) -> float:
        size = judge.resolution
        some = torch.rand(pictures, 1, 3, size, size, device=judge.device, requires_grad=True)
        return kept_for_backward(lambda: judge.embed(some))

    one, two = kept(1), kept(2)
    return 2 * one - two, two - one


def _kept_per_vertex(options: StylizeOptions, judge: Judge) -> float:
    field = StyleField.of(options, generator=torch.Generator()).to(judge.device)
    low = judge.field_low_precision

    def kept(vertices: int) -> float:
        points = torch.rand(vertices, 3, device=judge.device)
        return kept_for_backward(lambda: field(points, low_precision=low))

    # Its features lie ready between the steps; while not all of them are shown, a step keeps a copy.
    others = field.features.width + GRADIENTS * options.width
    return (kept(2 * SAMPLE) - kept(SAMPLE)) / SAMPLE + others * (2 if low else 4)


def kept_for_backward(forward: Callable[[], Any]) -> float:
    """Bytes of the distinct tensors that `forward` keeps for its backward pass."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
    del result
    return float(sum(kept.values()))
