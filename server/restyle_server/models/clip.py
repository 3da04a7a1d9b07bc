"""Joint text and image encoders (CLIP, Radford et al. 2021): the bundled `mini` and any model of open_clip.

Nothing here reaches for the network: weights come from the package or from a file that the caller has checked, and the
tokenizer's table ships inside open_clip.
"""

import json
import re
import warnings
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import cast

import open_clip
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from safetensors import safe_open
from torch import Tensor, nn

MINI = "mini"
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ClipEncoder:
    """A frozen CLIP model: pictures and prompts become vectors whose cosine says how well they fit.

    `is_stand_in` is true for `mini`, whose results are to be announced as provisional. `words` are the words that the
    model was trained on, or None where any word is fair.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: SimpleTokenizer,
        *,
        device: torch.device | str,
        is_stand_in: bool = False,
        words: frozenset[str] | None = None,
        mean: Sequence[float] = OPENAI_MEAN,
        std: Sequence[float] = OPENAI_STD,
    ) -> None:
        self.name, self.is_stand_in, self.words = name, is_stand_in, words
        self.device = torch.device(device)
        self.model = model.to(self.device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.tokenizer = tokenizer
        size = cast(CLIP, model).visual.image_size
        self.resolution: int = size[0] if isinstance(size, tuple) else size
        self._mean = torch.tensor(mean, device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=self.device).view(1, 3, 1, 1)

    @torch.no_grad()
    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Return the embeddings of prompts.

        Args:
            prompts: N strings.

        Returns:
            (N, D) float32, not normalised, on the encoder's device.
        """
        tokens = self.tokenizer(list(prompts)).to(self.device)
        embeddings: Tensor = cast(CLIP, self.model).encode_text(tokens)
        return embeddings.float()

    def encode_image(self, images: Tensor) -> Tensor:
        """Return the embeddings of pictures, differentiable with respect to the pixels.

        Args:
            images: (N, 3, R, R) float in [0, 1], display-referred sRGB, with R == `resolution`.

        Returns:
            (N, D), not normalised.

        Raises:
            ValueError: the pictures do not have the encoder's size.
        """
        if images.ndim != 4 or images.shape[1:] != (3, self.resolution, self.resolution):
            raise ValueError(
                f"encode_image: {self.name} takes pictures of shape (N, 3, {self.resolution}, {self.resolution}), "
                f"not {tuple(images.shape)}; resize them first"
            )
        normalised = ((images - self._mean) / self._std).contiguous(memory_format=torch.channels_last)
        embeddings: Tensor = cast(CLIP, self.model).encode_image(normalised)
        return embeddings

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """Return the prompt's words that the model was never shown, lower-case, in order, each once."""
        if self.words is None:
            return ()
        found = re.findall(r"[^\W_]+(?:'[^\W_]+)*", prompt.lower())
        return tuple(dict.fromkeys(word for word in found if word not in self.words))


def load_mini(device: torch.device | str = "cpu") -> ClipEncoder:
    """Return the bundled small CLIP, a stand-in for the real one (docs/mini.md)."""
    folder = files("restyle_server.models") / "mini"
    config = json.loads((folder / "config.json").read_text("utf-8"))
    model = CLIP(**config)
    with as_file(folder / "mini.safetensors") as path, safe_open(path, "pt") as file:
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
        words = frozenset(file.metadata()["words"].split())
    tokenizer = SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    return ClipEncoder(MINI, model, tokenizer, device=device, is_stand_in=True, words=words)


def load_openclip(
    name: str, pretrained_file: Path, device: torch.device | str = "cpu", *, stand_in: bool = False
) -> ClipEncoder:
    """Return a model of open_clip with weights from a file.

    Args:
        name: architecture in open_clip's words; OpenAI's weights need a `-quickgelu` one.
        pretrained_file: safetensors, or OpenAI's TorchScript archive, whose hash the caller has checked.
        device: where the model runs.
        stand_in: whether results are to be announced as provisional.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not pretrained_file.is_file():
        raise FileNotFoundError(f"{name}: there is no weights file {pretrained_file}")
    if pretrained_file.suffix == ".safetensors":
        model = open_clip.create_model(name, pretrained=str(pretrained_file), device=device)
    else:
        model = open_clip.create_model(name, device=device)
        model.load_state_dict(_archived_state(pretrained_file))
    return _from_openclip(name, model, device, stand_in)


def _archived_state(path: Path) -> dict[str, Tensor]:
    # open_clip 3 reads files with weights_only, which refuses TorchScript archives; OpenAI published nothing else.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        archive = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    state: dict[str, Tensor] = archive.state_dict()
    return {name: t for name, t in state.items() if name not in ("input_resolution", "context_length", "vocab_size")}


def random_openclip(name: str, device: torch.device | str = "cpu") -> ClipEncoder:
    """Return an open_clip architecture with random weights, for benchmarks."""
    return _from_openclip(name, open_clip.create_model(name, device=device), device, False)


def _from_openclip(name: str, model: nn.Module, device: torch.device | str, stand_in: bool) -> ClipEncoder:
    preprocess = cast(CLIP, model).visual.preprocess_cfg
    tokenizer = open_clip.get_tokenizer(name)
    mean, std = preprocess["mean"], preprocess["std"]
    return ClipEncoder(name, model, tokenizer, device=device, is_stand_in=stand_in, mean=mean, std=std)
