"""Nearest patches: exact in chunks, so that memory never grows with queries times keys, and approximate by a kd-tree.

No PatchMatch: there is neither propagation nor random search.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

QUERY_CHUNK = 512
KEY_CHUNK = 4096
TREE_CHUNK = 4096


def nothing() -> None:
    """The default of every `tick`."""


def nearest_exact(
    queries: Tensor,
    keys: Tensor,
    completeness: float | None = None,
    tick: Callable[[], None] = nothing,
    chunks: tuple[int, int] = (QUERY_CHUNK, KEY_CHUNK),
) -> Tensor:
    """Index (N,) of the best key for each of (N, D) queries among (M, D) keys; the lowest index wins a tie.

    completeness: alpha; the score is then |q - k|^2 / (alpha + min over queries of |q - k|^2), so that keys which no
        query is close to become cheaper (Granot et al., "Drop the GAN", CVPR 2022, equation 2). None: |q - k|^2.
    tick: called after each chunk.
    chunks: queries and keys compared at a time.
    """
    norms = keys.square().sum(dim=1)
    scale = None
    if completeness is not None:
        closest = torch.full((len(keys),), torch.inf, device=keys.device)
        for query, _ in _chunked(queries, chunks[0]):
            offsets = query.square().sum(dim=1, keepdim=True)
            for key, at in _chunked(keys, chunks[1]):
                squared = torch.addmm(offsets, query, key.T, alpha=-2)
                part = slice(at, at + len(key))
                closest[part] = torch.minimum(closest[part], squared.amin(dim=0))
            tick()
        scale = 1 / (completeness + (closest + norms).clamp_min(0))
    found = []
    for query, _ in _chunked(queries, chunks[0]):
        best = torch.full((len(query),), torch.inf, device=keys.device)
        index = torch.zeros(len(query), dtype=torch.long, device=keys.device)
        offsets = query.square().sum(dim=1, keepdim=True)
        for key, at in _chunked(keys, chunks[1]):
            part = slice(at, at + len(key))
            score = torch.addmm(norms[None, part], query, key.T, alpha=-2)
            if scale is not None:
                score = (score + offsets).clamp_min(0) * scale[None, part]
            value, place = score.min(dim=1)
            better = value < best
            best = torch.where(better, value, best)
            index = torch.where(better, place + at, index)
        found.append(index)
        tick()
    return torch.cat(found)


def nearest_by_tree(queries: Tensor, keys: Tensor, eps: float, tick: Callable[[], None] = nothing) -> Tensor:
    """Index (N,) of a key at most (1 + eps) times as far as the nearest, for (N, D) queries of few dimensions."""
    tree = cKDTree(keys.cpu().numpy(), balanced_tree=False, compact_nodes=False)
    tick()
    found = []
    for query, _ in _chunked(queries.cpu(), TREE_CHUNK):
        _, index = tree.query(query.numpy(), k=1, eps=eps, workers=torch.get_num_threads())
        found.append(np.asarray(index, dtype=np.int64))
        tick()
    return torch.from_numpy(np.concatenate(found)).to(queries.device)


def _chunked(rows: Tensor, size: int) -> list[tuple[Tensor, int]]:
    """`rows` in pieces of at most `size`, each with its first index."""
    return [(rows[start : start + size], start) for start in range(0, len(rows), size)]
