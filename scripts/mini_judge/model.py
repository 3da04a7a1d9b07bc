"""The judge's network: a plain stack of convolutions that classifies by statistics of texture.

Nothing of `mini`'s in it: no residual paths, no attention pool, no text tower, other pictures, other size. Each channel
of the last map is reduced to its mean, its spread and its largest value, wherever on the object they occur.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from safetensors.torch import load_file
from torch import Tensor, nn

from restyle_server.stylize import ClipEncoder

from .pictures import SIZE, Pictures
from .prompts import CLASSES, NAMES, PROMPTS

WIDTHS = (24, 48, 96, 160)


def layer(inner: int, outer: int, size: int, stride: int) -> nn.Sequential:
    """Convolution, normalisation, activation."""
    convolution = nn.Conv2d(inner, outer, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), nn.ReLU(inplace=True))


class Judge(nn.Module):
    """A classifier of 96 px pictures into `prompts.CLASSES`."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [layer(3, WIDTHS[0], 5, 2)]
        for inner, outer in pairwise(WIDTHS):
            layers += [layer(inner, outer, 3, 2), layer(outer, outer, 3, 1)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(3 * WIDTHS[-1], len(CLASSES)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, 96, 96) in [0, 1]."""
        x = self.layers(images * 2 - 1).float().flatten(2)
        answer: Tensor = self.head(torch.cat([x.mean(2), x.std(2), x.amax(2)], dim=1))
        return answer


def load_judge(path: Path) -> Judge:
    """Read a trained judge."""
    judge = Judge()
    judge.load_state_dict(load_file(path))
    return judge.eval()


@torch.no_grad()
def verdict(judge: Judge, pictures: Pictures) -> Tensor:
    """Mean log-probability (classes,) over pictures (N, 96, 96, 3) of one object."""
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    if images.shape[-1] != SIZE:
        raise ValueError(f"verdict: the judge takes pictures of {SIZE} px, not {images.shape[-1]}")
    log_probability: Tensor = judge(images).log_softmax(1).mean(0)
    return log_probability


def rank_of(name: str, scores: Tensor) -> int:
    """Place of a prompt among the 24, 1 for the first; distractors are left out."""
    among = scores[: len(NAMES)]
    return 1 + int((among > among[NAMES.index(name)]).sum())


@torch.no_grad()
def opinion(encoder: ClipEncoder, pictures: Pictures, noun: str) -> Tensor:
    """Cosine (24,) of the mean embedding of pictures (N, S, S, 3) with the prompts about a noun: what a CLIP thinks."""
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    side = encoder.resolution
    images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    seen = encoder.encode_image(images.clamp(0, 1)).float().mean(dim=0, keepdim=True)
    return F.cosine_similarity(seen, encoder.encode_text([text.format(noun) for text in PROMPTS.values()]).float())
