"""The small speediness network that is bundled: separable 3-D convolutions with gates, one logit per frame.

The task and the pooling are those of SpeedNet (Benaim et al. 2020, section 3): is a clip shown at its natural speed,
or sped up? Spatial maximum, then temporal mean, then a linear layer. Since the last two commute, the network gives a
logit for every frame; a window's logit is their mean. Nothing in it depends on the clip's length, so that a whole
copy of a clip is seen in one pass.

It sees the picture, its change, and its optical flow: how things move is much the same in simulated motion, on which it
is trained, and in films; how they look is not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn

from restyle.errors import BadInputError

from ..flow import flow

WINDOW = 16  # frames of a window
CHANNELS = (24, 48, 96, 192)
DILATIONS = (1, 2, 4, 4)  # of the blocks, in time: together they reach 11 frames to either side
FLOW = 4  # channels of `moves`
REACH = 9  # frames over which brightness and gates are averaged
NOISE = 6.0  # grey levels below which contrast is not stretched any more
STRETCHED = 40.0  # grey levels of the spread of a picture whose flow is sought
REST = 0.03  # pixels per frame that are as good as none
BUNDLED = Path(__file__).parent / "weights" / "small.safetensors"
WHAT = "restyle speediness"  # what the metadata of weights from elsewhere must call themselves


class SpeedinessNet(nn.Module):
    """Grey clips (B, T, h, w) in [0, 255] to logits of "sped up"; positive means sped up."""

    pixels: tuple[int, ...] = (8500,)  # of a picture at inference; of smaller ones, what moves little is lost
    window = WINDOW
    piece = 192  # frames judged at once
    margin = 33  # frames to either side that a frame's logit depends on: 6 in `moves`, 4 more than each dilation
    natural = -1.0  # the usual logit of a clip at its own speed, and the rise over rates below which it is unsure;
    rise = 1.0  # both are measured on held-out footage and stand in the weights' metadata

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        inputs = (2, channels[0] + FLOW, *channels[1:-1])
        kernels = [5] + [3] * (len(channels) - 1)
        self.blocks = nn.ModuleList(Block(*arguments) for arguments in zip(inputs, channels, kernels, DILATIONS))
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(channels[-1] + 2, 1)

    def forward(self, grey: Tensor) -> Tensor:
        """Return the logit (B,) of each clip."""
        return cast(Tensor, self.head(self.drop(self.features(grey).mean(1)))[:, 0])

    def features(self, grey: Tensor) -> Tensor:
        """Return the features (B, T, C) of each frame: of each channel its spatial maximum, and `liveliness`."""
        return pooled(*self.volume(grey))

    def frames(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return per frame the logit (B, T), the features (B, T, C) and the map of logits (B, T, h/16, w/16).

        The map is the head applied before pooling (class activation maps, Zhou et al. 2016).
        """
        volume, lively = self.volume(grey)
        features = pooled(volume, lively)
        weights, count = self.head.weight[0], volume.shape[1]
        everywhere = torch.einsum("bct,c->bt", lively, weights[count:]) + self.head.bias
        where = torch.einsum("bcthw,c->bthw", volume, weights[:count]) + everywhere[..., None, None]
        return self.head(features)[..., 0], features, where

    def volume(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last feature maps (B, C, T, h/16, w/16), and how lively (B, 2, T) the flow of each frame is."""
        grey = grey.float()
        spread = spread_of(grey)
        moved = moves(grey, spread)
        x = self.blocks[0](contrast(grey, spread).contiguous(memory_format=torch.channels_last_3d))
        x = torch.cat([x, moved.to(x.dtype)], 1)
        for block in self.blocks[1:]:
            x = block(x)
        return x, liveliness(moved)


class Block(nn.Module):
    """A 1x3x3 convolution of stride 2, then a 3x1x1 one, then a gate on the channels (S3D-G, Xie et al. 2018).

    The gate looks at the spatial mean of a few frames around each frame, instead of at the whole clip, so that a
    frame's features do not depend on how long the clip is.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        half = kernel // 2
        self.spatial = nn.Conv3d(inputs, outputs, (1, kernel, kernel), (1, 2, 2), (0, half, half), bias=False)
        self.spatial_norm = nn.BatchNorm3d(outputs)
        self.temporal = nn.Conv3d(outputs, outputs, (3, 1, 1), 1, (dilation, 0, 0), (dilation, 1, 1), bias=False)
        self.temporal_norm = nn.BatchNorm3d(outputs)
        self.gate = nn.Linear(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        x = F.relu(self.spatial_norm(self.spatial(x)))
        x = F.relu(self.temporal_norm(self.temporal(x)))
        around = around_frames(picture_mean(x))  # (B, C, T)
        gates = torch.sigmoid(self.gate(around.transpose(1, 2))).transpose(1, 2)
        return x * gates[..., None, None]


def picture_mean(x: Tensor) -> Tensor:
    """Mean of (B, C, T, h, w) over the picture, (B, C, T), as a product: of channels that lie innermost in memory torch
    takes means fifty times as slowly, a third of the network's whole time.
    """
    batch, channels, frames, height, width = x.shape
    pixels = x.permute(0, 2, 3, 4, 1).reshape(batch * frames, height * width, channels)
    sums = x.new_ones(1, height * width) @ pixels
    return sums.view(batch, frames, channels).transpose(1, 2) / (height * width)


def contrast(grey: Tensor, spread: Tensor) -> Tensor:
    """Two channels (B, 2, T, h, w) of clips (B, T, h, w): the picture, and four times its change since the last frame.

    Both are in units of the contrast around each frame, so that a dark film moves as much as a bright one.
    """
    mean = around_frames(grey.mean((2, 3))[:, None])[:, 0, :, None, None]
    change = torch.diff(grey, dim=1, prepend=grey[:, :1])
    return torch.stack([(grey - mean) / spread, 4 * change / spread], 1)


def spread_of(grey: Tensor) -> Tensor:
    """The contrast (B, T, 1, 1) around each frame of clips (B, T, h, w)."""
    return around_frames(grey.flatten(2).std(2)[:, None])[:, 0, :, None, None] + NOISE


def moves(grey: Tensor, spread: Tensor) -> Tensor:
    """Optical flow at half the size, (B, FLOW, T, h/2, w/2), of clips (B, T, h, w).

    Where things went since the last frame, right and down, compressed; the logarithms of how far, and of how much that
    changed since the frame before. Speeding up doubles the one and up to quadruples the other, whatever the picture
    looks like: that carries over from simulated motion to films.
    """
    clips, frames = grey.shape[:2]
    small, scale = F.avg_pool2d(grey, 2, ceil_mode=True), STRETCHED / spread
    pairs = [small[:, [max(0, t - back) for t in range(frames)]] * scale for back in (1, 0)]
    went = flow(*(pictures.flatten(0, 1)[:, None] for pictures in pairs)).reshape(clips, frames, 2, *small.shape[2:])
    went[:, 0] = went[:, min(1, frames - 1)]  # nothing is before the first frame
    changed = torch.diff(went, dim=1, prepend=went[:, :1])
    changed[:, :2] = changed[:, min(2, frames - 1), None]
    sizes = [(part[:, :, 0].square() + part[:, :, 1].square()).sqrt() for part in (went, changed)]
    return torch.stack([*torch.asinh(4 * went).unbind(2), *(0.7 * torch.log(size + REST) + 1 for size in sizes)], 1)


def pooled(volume: Tensor, lively: Tensor) -> Tensor:
    """The features (B, T, C) of each frame, from what `SpeedinessNet.volume` returns."""
    return torch.cat([volume.amax((3, 4)), lively], 1).transpose(1, 2)


def liveliness(moved: Tensor) -> Tensor:
    """How far the fast twentieth of a picture went, and how much that changed: (B, 2, T) from `moves`, logarithms.

    A maximum over the picture hears the noise of films, which simulated ones lack; a quantile does not.
    """
    return moved[:, 2:].flatten(3).quantile(0.95, 3)


def around_frames(values: Tensor) -> Tensor:
    """Mean of (B, C, T) over the REACH frames around each frame, fewer at the ends."""
    return F.avg_pool1d(values, REACH, 1, REACH // 2, count_include_pad=False)


def load_small(device: torch.device | str = "cpu", path: Path = BUNDLED) -> SpeedinessNet:
    """Load the bundled network, or another of its kind, ready for inference."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    net = SpeedinessNet(tuple(json.loads(metadata.get("channels", str(list(CHANNELS))))))
    net.load_state_dict(tensors)
    net.natural = float(metadata.get("natural", net.natural))
    net.rise = float(metadata.get("rise", net.rise))
    return net.eval().requires_grad_(False).to(device)


def of_arrays(
    arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any], device: torch.device | str = "cpu"
) -> SpeedinessNet:
    """The network of weights from elsewhere, ready for inference: those of the bundled one's own shapes and types.

    about: what, natural, rise, as `studio.write` gives them. Raises BadInputError for anything else.
    """
    net = SpeedinessNet()
    if about.get("what") != WHAT:
        raise BadInputError("network: these are not weights that `restyle retime --train` has written.")
    state = net.state_dict()
    if set(arrays) != set(state):
        name = min(set(arrays) ^ set(state))
        raise BadInputError(f"network: {name[:80]} is missing or too much; it is not of this version of the network.")
    for name, tensor in state.items():
        array = arrays[name]
        if array.shape != tuple(tensor.shape) or array.dtype.name != str(tensor.dtype).removeprefix("torch."):
            raise BadInputError(
                f"network: {name} is {array.dtype.name} {array.shape}; it must be {tensor.dtype} {tuple(tensor.shape)}."
            )
        if not np.isfinite(array).all() or (name.endswith("running_var") and (array < 0).any()):
            raise BadInputError(f"network: {name} holds numbers that cannot be; the file is damaged.")
    net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
    net.natural, net.rise = (level(about, key) for key in ("natural", "rise"))
    return net.eval().requires_grad_(False).to(device)


def level(about: Mapping[str, Any], key: str, name: str = "network") -> float:
    """A number of the metadata, within what logits can be. name: of the weights, for messages."""
    value = about.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or abs(value) > 100:
        raise BadInputError(f"{name}: its metadata say no {key} that can be; train it anew.")
    return float(value)
