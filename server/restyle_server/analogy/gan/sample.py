"""Pictures from trained generators: new draws, injection of a picture at a scale, and clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from restyle.errors import UsageError

from .chain import Chain, Noise, fresh_noise, unpack
from .options import GanOptions
from .pyramid import Picture, check_picture, count_scales, resize, to_pictures, to_tensor

Tensors = Mapping[str, NDArray[Any]]
FRAMES_FROM_TOP = 1  # clips are injected one scale below the finest, as the published evaluation does


def sample(tensors: Tensors, count: int, *, seed: int = 0, device: torch.device | str = "cpu") -> list[Picture]:
    """Draw `count` pictures (H, W, 3) uint8 by the structure's pyramid and put them into the appearance's matter.

    tensors: of a `GanResult`. Source: the last samples of the published training, which are its results.
    """
    device = torch.device(device)
    chain, matter = unpack(tensors, "a", device), unpack(tensors, "b", device)
    noise = fresh_noise(1, torch.Generator(device).manual_seed(seed))
    if not chain.climbs:
        return [_translated(chain.climb(chain.ground(1, device), 0, noise), matter) for _ in range(count)]
    drawn = [chain.climb(chain.ground(1, device), 0, noise) for _ in range(count)]
    return [to_pictures(matter.translate(picture, 0, chain.sizes, noise))[0] for picture in drawn]


def inject(
    tensors: Tensors,
    picture: Picture,
    scale: int,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    reverse: bool = False,
) -> Picture:
    """Give `picture` to the structure's pyramid at `scale`, let the scales above redraw it, and translate the outcome.

    Where translations climb: translate it at `scale`, and let the appearance's scales above redraw the outcome.

    picture: (H, W, 3) uint8, resized to the pyramid: the structure itself, or one changed by hand.
    scale: one of `injectable`, as `Step` counts. High keeps the picture, low lets the networks decide more.
    reverse: the appearance's pyramid first, then the structure's matter.
    Raises UsageError for another scale. Source: the published evaluation.
    """
    device = torch.device(device)
    own, other = ("b", "a") if reverse else ("a", "b")
    chain, matter = unpack(tensors, own, device), unpack(tensors, other, device)
    noise = fresh_noise(1, torch.Generator(device).manual_seed(seed))
    return _injected(chain, matter, picture, scale, noise)


def injectable(options: GanOptions) -> range:
    """The scales that `inject` takes after a training with these options.

    One more than there are, unless translations climb: there nothing is redrawn and the picture itself is translated.
    """
    return _injectable(count_scales(options), climbs=options.climb)


def _injectable(scales: int, *, climbs: bool) -> range:
    return range(1, scales + (1 if climbs else 2))


def translate_frames(
    tensors: Tensors,
    frames: Iterable[Picture],
    *,
    scale: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Picture]:
    """`inject` every frame of a clip, all with the same noise per scale, so that only what moves changes.

    scale: as in `inject`; None for one below the finest, or for the coarsest where translations climb.
    Source: the published video evaluation.
    """
    device = torch.device(device)
    chain, matter = unpack(tensors, "a", device), unpack(tensors, "b", device)
    generator = torch.Generator(device).manual_seed(seed)
    fixed = [fresh_noise(1, generator)(number, size) for number, size in enumerate(chain.sizes)]
    if scale is None:
        scale = 1 if chain.climbs else len(chain.sizes) - FRAMES_FROM_TOP
    for frame in frames:
        yield _injected(chain, matter, frame, scale, lambda number, _: fixed[number])


def _injected(chain: Chain, matter: Chain, picture: Picture, scale: int, noise: Noise) -> Picture:
    if not chain.climbs:
        return _translated(_redrawn(chain, picture, scale, noise), matter)
    given = _given(chain, picture, scale)
    return to_pictures(matter.translate(given, scale - 1, chain.sizes, noise))[0]


def _redrawn(chain: Chain, picture: Picture, scale: int, noise: Noise) -> Tensor:
    """(1, 3, h, w): `picture` redrawn by the chain from `scale` (counted from 1) up."""
    base = resize(_given(chain, picture, scale), chain.sizes[min(scale, len(chain.sizes)) - 1])
    return chain.climb(base, scale - 1, noise)


def _given(chain: Chain, picture: Picture, scale: int) -> Tensor:
    check_picture(picture, "injected")
    allowed = _injectable(len(chain.sizes), climbs=chain.climbs)
    if scale not in allowed:
        raise UsageError(f"{scale} is not a scale to inject at. Choose one of {allowed[0]} to {allowed[-1]}.")
    return to_tensor(picture, chain.generators[0].net.bias.device)


@torch.no_grad()
def _translated(drawn: Tensor, matter: Chain) -> Picture:
    return to_pictures(matter.generators[-1].translate(drawn))[0]
