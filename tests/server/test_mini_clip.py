"""The bundled CLIP and the loading of others: files, words, gradients, and that it sees what it should."""

from __future__ import annotations

import json
import socket
from importlib.resources import files
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from restyle_server.models import clip
from restyle_server.models.clip import ClipEncoder, load_mini, load_openclip, random_openclip

WEIGHTS = Path(str(files("restyle_server.models") / "mini" / "mini.safetensors"))
SMALL = "RN50-quickgelu"


@pytest.fixture(scope="module")
def mini() -> ClipEncoder:
    return load_mini("cpu")


def shaded_ball(color: tuple[float, float, float], size: int = 64) -> torch.Tensor:
    """A ball in the stylizer's light on white: (3, size, size)."""
    axis = np.linspace(-1.2, 1.2, size)
    x, y = np.meshgrid(axis, -axis)
    inside = x**2 + y**2 < 1
    z = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    light = np.clip(0.28209479 + 0.48860251 * (x + y + z), 0, 1)
    picture = np.where(inside[..., None], light[..., None] * np.array(color), 1.0)
    return torch.from_numpy(picture).permute(2, 0, 1).float()


def best(encoder: ClipEncoder, image: torch.Tensor, prompts: list[str]) -> str:
    picture = F.normalize(encoder.encode_image(image[None]), dim=-1)
    texts = F.normalize(encoder.encode_text(prompts), dim=-1)
    return prompts[int((picture @ texts.T).argmax())]


def test_loading_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model that is on disk must not reach for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    encoder = load_mini()
    assert (encoder.name, encoder.is_stand_in, encoder.resolution) == ("mini", True, 64)


def test_file_is_small_and_half_precision() -> None:
    assert WEIGHTS.stat().st_size <= 13_000_000
    tensors = load_file(WEIGHTS)
    assert {t.dtype for n, t in tensors.items() if not n.endswith("num_batches_tracked")} == {torch.float16}


def test_scores_in_the_file_pass_the_gate() -> None:
    with safe_open(WEIGHTS, "pt") as file:
        metadata = file.metadata()
    scores = json.loads(metadata["scores"])
    assert scores["held_out_top1_of_20"] > 0.9
    assert scores["material_surface"] > 0.83
    assert scores["tinted_surface"] > 0.55
    assert scores["geometry"] > 0.65
    assert scores["color"] > 0.95
    assert scores["structure_brick"] > 0.95
    assert len(metadata["recipe"]) == 16


def test_plain_open_clip_loads_the_same_model(mini: ClipEncoder, tmp_path: Path) -> None:
    config = (WEIGHTS.parent / "config.json").read_text("utf-8")
    (tmp_path / "restyle-mini.json").write_text(config, "utf-8")
    open_clip.add_model_config(tmp_path)
    model = open_clip.create_model("restyle-mini", pretrained=str(WEIGHTS)).eval()
    tokens = open_clip.get_tokenizer("restyle-mini")(["a horse made of gold"])
    with torch.no_grad():
        expected = model.encode_text(tokens)
    torch.testing.assert_close(mini.encode_text(["a horse made of gold"]), expected)


def test_text_embeddings_have_no_gradient_and_do_not_depend_on_the_batch(mini: ClipEncoder) -> None:
    both = mini.encode_text(["a red vase", "a candle made of red brick"])
    assert both.dtype == torch.float32
    assert both.shape == (2, 128)
    assert not both.requires_grad
    torch.testing.assert_close(both[1:], mini.encode_text(["A candle made of RED brick"]), atol=1e-5, rtol=1e-4)


def test_gradient_reaches_the_pixels_and_not_the_weights(mini: ClipEncoder) -> None:
    images = torch.rand(2, 3, 64, 64, requires_grad=True)
    mini.encode_image(images).sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()
    assert not any(p.requires_grad for p in mini.model.parameters())


def test_pictures_in_a_batch_do_not_influence_each_other(mini: ClipEncoder) -> None:
    images = torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(mini.encode_image(images)[:1], mini.encode_image(images[:1]), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("shape", [(1, 3, 224, 224), (3, 64, 64), (1, 1, 64, 64)])
def test_a_wrong_size_is_named(mini: ClipEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mini takes pictures of shape \(N, 3, 64, 64\)"):
        mini.encode_image(torch.zeros(shape))


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a candle made of red brick", ()),
        ("An image of a horse made of GOLD.", ()),
        ("a vase made of wicker, on white", ()),
        ("a zorble made of Quartz and quartz", ("zorble", "quartz")),
        ("une vase en bois", ("une", "en", "bois")),
        ("", ()),
    ],
)
def test_unknown_words(mini: ClipEncoder, prompt: str, unknown: tuple[str, ...]) -> None:
    assert mini.unknown_words(prompt) == unknown


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ((0.8, 0.1, 0.1), "red"),
        ((0.1, 0.6, 0.15), "green"),
        ((0.1, 0.2, 0.8), "blue"),
        ((0.95, 0.9, 0.1), "yellow"),
        ((0.95, 0.5, 0.7), "pink"),
    ],
)
def test_colours_are_seen(mini: ClipEncoder, color: tuple[float, float, float], name: str) -> None:
    names = ("red", "green", "blue", "yellow", "purple", "black", "brown", "pink")
    assert best(mini, shaded_ball(color), [f"a {n} vase" for n in names]) == f"a {name} vase"


def test_unknown_nouns_do_not_drown_the_surface(mini: ClipEncoder) -> None:
    prompts = [f"a zorble made of {m}" for m in ("gold", "moss", "water")]
    texts = F.normalize(mini.encode_text(prompts), dim=-1)
    known = F.normalize(mini.encode_text([p.replace("zorble", "vase") for p in prompts]), dim=-1)
    assert (texts @ known.T).argmax(1).tolist() == [0, 1, 2]


def test_an_openclip_file_loads_into_the_same_encoder(tmp_path: Path) -> None:
    encoder = random_openclip(SMALL)
    path = tmp_path / "weights.safetensors"
    save_file({n: t.contiguous() for n, t in encoder.model.state_dict().items()}, path)
    loaded = load_openclip(SMALL, path)
    image = torch.rand(1, 3, encoder.resolution, encoder.resolution)
    torch.testing.assert_close(loaded.encode_image(image), encoder.encode_image(image))
    assert (loaded.is_stand_in, loaded.resolution, loaded.unknown_words("a zorble")) == (False, 224, ())


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_a_torchscript_archive_gives_its_weights(tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 3)
    module.register_buffer("input_resolution", torch.tensor(224))
    torch.jit.script(module).save(tmp_path / "archive.pt")
    state = clip._archived_state(tmp_path / "archive.pt")
    assert set(state) == {"weight", "bias"}
    assert (state["weight"] == module.weight).all()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ViT-B-32-quickgelu: there is no weights file .*absent"):
        load_openclip("ViT-B-32-quickgelu", tmp_path / "absent.safetensors")
