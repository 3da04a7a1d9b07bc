"""The encoder as a run uses it: its precision, and how many pictures it is given at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .encoder import ClipEncoder
from .options import StylizeOptions


class Judge:
    """An encoder on a device, with the options of a run.

    low_precision, field_low_precision: whether it, and the field's hidden layers, compute in bfloat16.
    pictures_at_once: of how many pictures the encoder's activations are kept; beyond, they are computed twice. None
        for all.
    """

    def __init__(self, encoder: ClipEncoder, options: StylizeOptions, device: torch.device) -> None:
        self.encoder, self.options, self.device = encoder, options, device
        self.low_precision, self.field_low_precision = uses_bfloat16(options, device)
        self.pictures_at_once: int | None = None
        self.background = torch.tensor(options.background, device=device)

    @property
    def resolution(self) -> int:
        """Side of the pictures that the encoder takes, pixels."""
        return self.encoder.resolution

    def embed(self, pictures: Tensor) -> Tensor:
        """Embeddings (..., D) float32 of pictures (..., 3, R, R)."""
        images = pictures.flatten(0, -4).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low_precision):
            embedded = self._encode(images).float()
        grouped: Tensor = embedded.view(*pictures.shape[:-3], -1)
        return grouped

    def _encode(self, images: Tensor) -> Tensor:
        at_once = self.pictures_at_once
        if at_once is None or len(images) <= at_once:
            return self.encoder.encode_image(images)
        if not images.requires_grad:
            return torch.cat([self.encoder.encode_image(part) for part in torch.split(images, at_once)])
        parts = [
            checkpoint(self.encoder.encode_image, part, use_reentrant=False) for part in torch.split(images, at_once)
        ]
        return torch.cat(parts)


def uses_bfloat16(options: StylizeOptions, device: torch.device) -> tuple[bool, bool]:
    """Whether the encoder, and whether the field of a run with these options computes in bfloat16 there."""
    field = options.low_precision and _computes_bfloat16(device)
    return field and (device.type != "cpu" or options.low_precision_on_cpu), field


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32; processors without it emulate it slowly."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))
