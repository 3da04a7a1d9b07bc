"""Which models Restyle knows and which of them are on this machine. Imports no torch: the server asks at start-up."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from restyle.errors import BadInputError, ModelMissingError, UsageError

AUTO = "auto"
BUNDLED = Path(__file__).parent
Verdict = Literal["intact", "damaged", "missing"]


@dataclass(frozen=True)
class Model:
    """A model that Restyle knows.

    name: what `--model` takes. architecture: what open_clip calls it. file: below the models folder, or below this
    package if bundled. urls: where it is published, tried in order; none for a bundled one.
    sha256, bytes: of the file; None for a bundled one, which came with the package.
    stand_in: whether it only stands in for the real thing.
    """

    name: str
    title: str
    architecture: str
    file: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    stand_in: bool = False

    @property
    def bundled(self) -> bool:
        """Whether it comes with the package."""
        return not self.urls

    def path(self, models_dir: Path) -> Path:
        """Where its file is, or would be."""
        return (BUNDLED if self.bundled else models_dir) / self.file


@dataclass(frozen=True)
class ModelEntry:
    """A model that is on this machine, ready to be loaded from `path`."""

    name: str
    title: str
    architecture: str
    path: Path
    stand_in: bool


# The best first: this is the order in which `auto` chooses.
MODELS = (
    Model(
        name="ViT-B-32",
        title="CLIP ViT-B/32 (OpenAI)",
        architecture="ViT-B-32-quickgelu",
        file="ViT-B-32.pt",
        urls=(
            "https://openaipublic.azureedge.net/clip/models/"
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
        ),
        sha256="40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        bytes=353_976_522,
    ),
    Model(
        name="mini",
        title="Small CLIP of Restyle's own (bundled stand-in)",
        architecture="mini",
        file="mini/mini.safetensors",
        stand_in=True,
    ),
)


def known(name: str) -> Model:
    """The model called `name`; UsageError names the known ones."""
    for model in MODELS:
        if model.name == name:
            return model
    raise UsageError(f"There is no model {name!r}; known are {', '.join(model.name for model in MODELS)}.")


def resolve(name: str, models_dir: Path) -> ModelEntry:
    """The model of that name, or for "auto" the best one on this machine, its file checked against its hash.

    Raises UsageError for an unknown name, ModelMissingError for one that is not here or not what was published.
    """
    candidates = MODELS if name == AUTO else (known(name),)
    for model in candidates:
        if (path := model.path(models_dir)).is_file():
            _require_published(model, path)
            return ModelEntry(model.name, model.title, model.architecture, path, model.stand_in)
    wanted = candidates[0]
    if wanted.bundled:
        raise ModelMissingError(f"The bundled model {wanted.name} is missing: {path}. Install Restyle again.")
    raise ModelMissingError(
        f"The model {wanted.name} is not on this machine. Fetch it there: restyle models download {wanted.name}"
    )


def _require_published(model: Model, path: Path) -> None:
    """A published archive may hold code: nothing but the pinned file is ever handed on to be loaded."""
    status = path.stat()
    if model.sha256 is not None and _sha256_of(path, status.st_size, status.st_mtime_ns) != model.sha256:
        raise ModelMissingError(f"{path}: this is not the published file. Run: restyle models download {model.name}")


@lru_cache(maxsize=8)  # a warm worker asks before every job, and hashing a large file takes a second
def _sha256_of(path: Path, size: int, modified: int) -> str:
    return file_sha256(path)


def describe(models_dir: Path) -> list[dict[str, Any]]:
    """Every known model as plain data, the best first.

    path: None if it is missing. words: the only words that the model knows, or None if it knows the language. knows:
    those of them that say how a thing looks, by kind. scores, words_right: shares in [0, 1] of right answers in its own
    test, in all and by word. These three are empty for a model that does not carry them.
    """
    described = []
    for model in MODELS:
        path = model.path(models_dir)
        present = path.is_file()
        card = _card(path)
        described.append(
            {
                "name": model.name,
                "title": model.title,
                "present": present,
                "stand_in": model.stand_in,
                "bytes": path.stat().st_size if present else model.bytes,
                "path": str(path) if present else None,
                "words": words.split() if isinstance(words := card.get("words"), str) else None,
                **{name: _plain(card.get(name)) for name in ("knows", "scores", "words_right")},
            }
        )
    return described


def _card(path: Path) -> dict[str, str]:
    """What a bundled model says of itself: the texts in its file's metadata."""
    if path.suffix != ".safetensors" or not path.is_file():
        return {}
    card = _safetensors_header(path).get("__metadata__")
    return card if isinstance(card, dict) else {}


def _plain(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def verify(model: Model, models_dir: Path) -> Verdict:
    """Whether the model's file is what was published; reads all of it."""
    path = model.path(models_dir)
    try:
        if model.sha256 is None:
            return "intact" if _is_whole(path) else "damaged"
        return "intact" if file_sha256(path) == model.sha256 else "damaged"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        raise BadInputError(f"{path}: it cannot be read: {error.strerror}.") from error


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file has the length that its own header asks for."""
    tensors = [entry for name, entry in _safetensors_header(path).items() if name != "__metadata__"]
    if not tensors:
        return False
    with path.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
    return bool(start + max(entry["data_offsets"][1] for entry in tensors) == path.stat().st_size)


def _safetensors_header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file; empty if there is none that can be read."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(size)) if size <= path.stat().st_size else {}
        except ValueError:
            return {}
    return header if isinstance(header, dict) else {}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
