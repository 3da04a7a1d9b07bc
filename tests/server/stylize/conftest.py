"""A small frozen network in the place of CLIP, and meshes made by formula."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]


class TinyEncoder:
    """Random convolutions; a prompt's embedding is that of a picture in the first colour it names."""

    name = "tiny"
    resolution = 32
    is_stand_in = False
    device = torch.device("cpu")
    colors: ClassVar = {"red": (0.9, 0.1, 0.1), "green": (0.1, 0.8, 0.1), "blue": (0.1, 0.1, 0.9)}

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.layers = [
            torch.randn(16, 3, 4, 4, generator=generator) / 7,
            torch.randn(32, 16, 4, 4, generator=generator) / 16,
        ]
        self.seen = 0

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        rows = []
        for prompt in prompts:
            color = next((rgb for word, rgb in self.colors.items() if word in prompt), None)
            if color is None:
                color = tuple(torch.rand(3, generator=torch.Generator().manual_seed(zlib.crc32(prompt.encode()))))
            picture = torch.ones(1, 3, 32, 32)
            picture[:, :, 4:28, 4:28] = torch.tensor(color)[:, None, None] * 0.8
            rows.append(self.encode_image(picture)[0])
        return torch.stack(rows)

    def encode_image(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (3, 32, 32)
        self.seen += len(images)
        for weight in self.layers:
            images = nn.functional.gelu(nn.functional.conv2d(images, weight.to(images), stride=2))
        return images.mean(dim=(2, 3))


@pytest.fixture
def encoder() -> TinyEncoder:
    return TinyEncoder()


def sphere(rings: int = 12, segments: int = 20) -> Mesh:
    """A closed sphere, outward, +Y up."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    body = np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], axis=-1).reshape(-1, 3)
    vertices = np.concatenate([body, [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])
    faces = []
    top, bottom = len(body), len(body) + 1
    for s in range(segments):
        n = (s + 1) % segments
        faces += [[top, n, s], [bottom, (rings - 2) * segments + s, (rings - 2) * segments + n]]
        for r in range(rings - 2):
            a, b, c, d = r * segments + s, r * segments + n, (r + 1) * segments + s, (r + 1) * segments + n
            faces += [[a, b, c], [b, d, c]]
    return vertices, np.array(faces)


@pytest.fixture
def ball() -> Mesh:
    return sphere()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """These meshes are small: threads that wait for each other on a busy machine would cost more than they bring."""
    torch.set_num_threads(1)
