"""The speediness network of the paper: S3D-G (Xie et al. 2018) without any stride or pooling in time.

Spatial maximum, then temporal mean, then one linear layer (SpeedNet, Benaim et al. 2020, section 3.2). There are no
published weights of it; a studio's own are loaded, and the backbone of HowTo100M (Miech et al. 2020) can be the start
of a training. It wants a GPU: a core takes a second for three frames of a clip.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import Tensor, nn

from restyle.errors import BadInputError
from restyle.modelfile import read_model

from .small import level

# Outputs of the branches of each Inception block: 1x1x1; 1x1x1 then 3x3x3; 1x1x1 then 3x3x3; maximum then 1x1x1.
INCEPTION = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}
FEATURES = 1024
LEVELS = ("natural", "rise")  # of the metadata


class S3DG(nn.Module):
    """Grey clips (B, T, h, w) in [0, 255], or RGB ones (B, 3, T, h, w) in [0, 1], to logits of "sped up"."""

    window = 64
    piece, margin = 32, 16  # 64 frames at once, as in training: the gates look at all of them
    pixels: tuple[int, ...] = (224 * 224,)  # at most; in the paper's training the sides are 64 to 336
    natural = -1.0  # these two where the metadata of the weights do not say what was measured
    rise = 1.0

    def __init__(self, joint_stem: bool = False) -> None:
        """joint_stem: one 4x8x8 kernel, as in the published HowTo100M weights, instead of 1x7x7 and 7x1x1."""
        super().__init__()
        self.stem: nn.Module = Joint() if joint_stem else Separable(3, 64, 7, 2)
        self.conv_2b = Unit(64, 64)
        self.conv_2c = Separable(64, 192, 3)
        self.gate_2c = Gate(192)
        self.mixed = nn.ModuleDict({name: Inception(*widths) for name, widths in INCEPTION.items()})
        self.head = nn.Linear(FEATURES, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Return the logit (B,) of each clip."""
        return self.head(self.volume(clips).amax((3, 4)).mean(2))[:, 0]  # type: ignore[no-any-return]

    def frames(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return per frame the logit (B, T), the features (B, T, 1024) and the map of logits (B, T, h/32, w/32)."""
        volume = self.volume(grey)
        features = volume.amax((3, 4)).transpose(1, 2)
        where = torch.einsum("bcthw,c->bthw", volume, self.head.weight[0]) + self.head.bias
        return self.head(features)[..., 0], features, where

    def volume(self, clips: Tensor) -> Tensor:
        """Return the last feature maps (B, 1024, T, h/32, w/32)."""
        if clips.ndim == 4:
            clips = (clips.float() / 255)[:, None].expand(-1, 3, -1, -1, -1)
        x = shrunk(self.stem(clips), 3)
        x = shrunk(self.gate_2c(self.conv_2c(self.conv_2b(x))), 3)
        for name, block in self.mixed.items():
            if name in ("4b", "5b"):
                x = shrunk(x, 3 if name == "4b" else 2)
            x = block(x)
        return x


class Unit(nn.Module):
    """A convolution, its normalisation, and a rectifier."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int, int] = (1, 1, 1),
        stride: int = 1,
    ) -> None:
        super().__init__()
        padding = tuple(k // 2 for k in kernel)
        self.conv = nn.Conv3d(
            inputs, outputs, kernel, (1, stride, stride), cast(tuple[int, int, int], padding), bias=False
        )
        self.norm = nn.BatchNorm3d(outputs, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return F.relu(self.norm(self.conv(x)))


class Separable(nn.Module):
    """A convolution over space, then one over time; the stride is in space only."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.space = Unit(inputs, outputs, (1, kernel, kernel), stride)
        self.time = Unit(outputs, outputs, (kernel, 1, 1))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return cast(Tensor, self.time(self.space(x)))


class Joint(nn.Module):
    """The stem of the published weights: 4x8x8, stride 2 in space, seeing two pixels before and five after each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 64, (4, 8, 8), (1, 2, 2), bias=False)
        self.norm = nn.BatchNorm3d(64)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return F.relu(self.norm(self.conv(F.pad(x, (2, 4, 2, 4, 1, 2)))))


class Gate(nn.Module):
    """Scale each channel by a sigmoid of a linear map of all channels' means (S3D-G's feature gating)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return x * torch.sigmoid(self.linear(x.mean((2, 3, 4))))[:, :, None, None, None]


class Inception(nn.Module):
    """Four branches side by side, each gated."""

    def __init__(  # noqa: PLR0917 (a row of the paper's table)
        self, inputs: int, one: int, small: int, middle: int, tiny: int, few: int, pooled: int
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Sequential(Unit(inputs, one), Gate(one)),
                nn.Sequential(Unit(inputs, small), Separable(small, middle, 3), Gate(middle)),
                nn.Sequential(Unit(inputs, tiny), Separable(tiny, few, 3), Gate(few)),
                nn.Sequential(nn.MaxPool3d(3, 1, 1), Unit(inputs, pooled), Gate(pooled)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([branch(x) for branch in self.branches], 1)


def shrunk(x: Tensor, kernel: int) -> Tensor:
    """Halve the picture by maxima, padded as TensorFlow does: what is missing is added at the right and below."""
    height, width = x.shape[3:]
    bottom, right = (max(0, (-(-length // 2) - 1) * 2 + kernel - length) for length in (height, width))
    padded = F.pad(x, (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2))
    return F.max_pool3d(padded, (1, kernel, kernel), (1, 2, 2))


def load_s3dg(path: Path, device: torch.device | str = "cpu") -> S3DG:
    """Load a trained network from a safetensors file, ready for inference; see `of_arrays`."""
    model = read_model(path)
    return of_arrays(model.arrays, model.metadata, device, str(path))


def load_backbone(path: Path) -> tuple[S3DG, bool]:
    """Load weights of this network or of HowTo100M's S3D-G; return it and whether its head is still random."""
    return _network(read_model(path).arrays, str(path))


def is_s3dg(names: Iterable[str]) -> bool:
    """Whether weights of these names are those of an S3D-G, here or as published, whole or not."""
    return any(name.startswith(("mixed.", "mixed_")) for name in names)


def of_arrays(
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
    device: torch.device | str = "cpu",
    name: str = "network",
) -> S3DG:
    """The network of weights from elsewhere, ready for inference.

    about: may say natural and rise, which else are -1 and 1. name: of the weights, for messages.
    Raises BadInputError if they are none, or a backbone without its head, which knows nothing of speed yet.
    """
    net, headless = _network(arrays, name)
    if headless:
        raise BadInputError(f"{name}: the head of an S3D-G is missing, head.weight (1, 1024) and head.bias (1,).")
    net.natural, net.rise = (level(about, key, name) if key in about else getattr(net, key) for key in LEVELS)
    return net.eval().requires_grad_(False).to(device)


def _network(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[S3DG, bool]:
    """The network of weights in either layout, and whether its head is still random; BadInputError if they are none."""
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    try:
        if any(key.startswith("mixed_") for key in tensors):
            tensors = renamed(tensors)
        net = S3DG(joint_stem="stem.conv.weight" in tensors)
        missing, unknown = net.load_state_dict(tensors, strict=False)
    except (IndexError, ValueError, RuntimeError, StopIteration) as error:
        raise BadInputError(f"{name}: these are not the weights of an S3D-G of this shape ({error}).") from error
    headless = not any(key.startswith("head.") for key in tensors)
    unneeded = ("num_batches_tracked", *(("head.weight", "head.bias") if headless else ()))
    missing = [key for key in missing if not key.endswith(unneeded)]
    if missing or unknown:
        first = (missing + unknown)[0][:80]
        raise BadInputError(
            f"{name}: {len(missing)} tensors are missing and {len(unknown)} unknown for an S3D-G; first {first}."
        )
    if negative := next((key for key, value in tensors.items() if "running_var" in key and (value < 0).any()), None):
        raise BadInputError(f"{name}: {negative} holds numbers that cannot be; the file is damaged.")
    return net, headless


# Names of the published layout, by parts, and what they are here.
_INSIDE = (
    (r"^conv_b(\d)$", r"\1.0"),
    (r"^conv_b(\d)_a$", r"\1.0"),
    (r"^conv_b([12])_b$", r"\1.1"),
    (r"^conv_b3_b$", "3.1"),
)


def renamed(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of HowTo100M's S3D-G, whose stem works on 2x2x2 cubes of pixels; its text half is left out."""
    out: dict[str, Tensor] = {}
    for name, tensor in published.items():
        parts = name.split(".")
        if parts[0] in ("fc", "text_module"):
            continue
        if parts[0] == "head":
            out[name] = tensor
        elif parts[0].startswith("mixed_"):
            out[f"mixed.{parts[0][6:]}.branches.{_inside(parts[1:])}"] = tensor
        elif parts[0] == "gating":
            out[f"gate_2c.linear.{parts[-1]}"] = tensor
        elif parts[0] == "conv1":
            value = cubes_apart(tensor) if parts[1] == "conv1" else tensor
            out[f"stem.{_layer(parts[1], separable=False)}.{parts[2]}"] = value
        else:
            out[f"{parts[0]}.{_layer(parts[1], separable=parts[0] == 'conv_2c')}.{parts[2]}"] = tensor
    return out


def _inside(parts: list[str]) -> str:
    """Rename what lies in an Inception block: parts of the name after the block's."""
    gate = re.fullmatch(r"gating_b(\d)", parts[0])
    if gate:
        return f"{gate[1]}.{2 if gate[1] != '0' else 1}.linear.{parts[-1]}"
    place = next(re.sub(old, new, parts[0]) for old, new in _INSIDE if re.match(old, parts[0]))
    return f"{place}.{_layer(parts[1], separable=parts[0] in ('conv_b1_b', 'conv_b2_b'))}.{parts[2]}"


def _layer(name: str, separable: bool) -> str:
    """Rename a layer: conv1 and bn1 are the spatial ones, conv2 and bn2 the temporal ones."""
    kind = "conv" if name.startswith("conv") else "norm"
    return f"{'space' if name.endswith('1') else 'time'}.{kind}" if separable else kind


def cubes_apart(weight: Tensor) -> Tensor:
    """Turn a kernel (64, 24, 2, 4, 4) on 2x2x2 cubes of RGB pixels into the same one (64, 3, 4, 8, 8) on pixels."""
    if weight.shape[1] == 3:
        return weight
    outputs, _, t, h, w = weight.shape
    apart = weight.reshape(outputs, 2, 2, 2, 3, t, h, w).permute(0, 4, 5, 1, 6, 2, 7, 3)
    return apart.reshape(outputs, 3, 2 * t, 2 * h, 2 * w)


@torch.no_grad()
def re_estimate(net: nn.Module, clips: Iterable[Tensor]) -> None:
    """Measure all normalisations' statistics anew on clips: those of a network with strides in time do not hold."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    net.train()
    for batch in clips:
        net(batch)
    net.eval()
    for norm in norms:
        norm.momentum = 0.1
