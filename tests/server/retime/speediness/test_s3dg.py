"""S3D-G: shapes, pooling, and the published layout of its weights, which is made up here with random numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from restyle.errors import BadInputError
from restyle_server.retime.speediness import S3DG, SpeedinessNet, curve, load_s3dg, load_small
from restyle_server.retime.speediness.given import network_of
from restyle_server.retime.speediness.s3dg import INCEPTION, Joint, cubes_apart, load_backbone, re_estimate, shrunk

SMALL = {"what": "restyle speediness", "natural": -1.0, "rise": 1.0}  # metadata


@pytest.fixture(name="net", scope="module")
def _net() -> S3DG:
    torch.manual_seed(0)
    net = S3DG().requires_grad_(False)
    re_estimate(net, [torch.randint(0, 256, (1, 4, 64, 64), dtype=torch.uint8)])  # else hardly a signal comes through
    return net


def test_it_has_the_size_of_the_paper_s_backbone(net: S3DG) -> None:
    assert 8_000_000 < sum(p.numel() for p in net.parameters()) < 12_000_000


@pytest.mark.parametrize(("frames", "height", "width"), [(5, 64, 64), (4, 71, 90)])
def test_time_is_neither_strided_nor_pooled(net: S3DG, frames: int, height: int, width: int) -> None:
    grey = torch.randint(0, 256, (1, frames, height, width), dtype=torch.uint8)
    volume = net.volume(grey)
    assert volume.shape == (1, 1024, frames, -(-height // 32), -(-width // 32))
    values, features, where = net.frames(grey)
    assert values.shape == (1, frames)
    assert features.shape == (1, frames, 1024)
    assert where.shape == (1, frames, *volume.shape[3:])
    torch.testing.assert_close(net(grey), values.mean(1))


def test_pooling_is_the_maximum_over_space_and_then_the_mean_over_time(net: S3DG) -> None:
    grey = torch.randint(0, 256, (1, 4, 64, 96), dtype=torch.uint8)
    volume = net.volume(grey)
    expected = volume.flatten(3).max(3).values.mean(2) @ net.head.weight.T + net.head.bias
    torch.testing.assert_close(net(grey), expected[:, 0])
    other_order = volume.mean(2).flatten(2).max(2).values @ net.head.weight.T + net.head.bias
    assert not torch.allclose(expected, other_order)


@pytest.mark.parametrize("size", [7, 8, 13, 224])
@pytest.mark.parametrize("kernel", [2, 3])
def test_maxima_halve_the_picture_rounding_up(size: int, kernel: int) -> None:
    x = torch.rand(1, 1, 2, size, size)
    out = shrunk(x, kernel)
    assert out.shape[3:] == (-(-size // 2), -(-size // 2))
    if size % 2 == 0 and kernel == 3:  # TensorFlow's padding: nothing at the left, one at the right
        assert out[0, 0, 0, 0, 0] == x[0, 0, 0, :3, :3].max()


def published() -> dict[str, torch.Tensor]:
    """Random tensors under the names and shapes of HowTo100M's S3D-G."""
    torch.manual_seed(1)
    out: dict[str, torch.Tensor] = {}

    def layer(name: str, number: int, shape: tuple[int, ...]) -> None:
        out[f"{name}.conv{number}.weight"] = torch.randn(shape) * 0.05
        for part in ("weight", "bias", "running_mean", "running_var"):
            out[f"{name}.bn{number}.{part}"] = torch.rand(shape[0]) + 0.5
        out[f"{name}.bn{number}.num_batches_tracked"] = torch.tensor(3)

    def linear(name: str, outputs: int, inputs: int) -> None:
        out[f"{name}.weight"], out[f"{name}.bias"] = torch.randn(outputs, inputs) * 0.05, torch.rand(outputs)

    def separable(name: str, inputs: int, outputs: int) -> None:
        layer(name, 1, (outputs, inputs, 1, 3, 3))
        layer(name, 2, (outputs, outputs, 3, 1, 1))

    layer("conv1", 1, (64, 24, 2, 4, 4))
    layer("conv_2b", 1, (64, 64, 1, 1, 1))
    separable("conv_2c", 64, 192)
    linear("gating.fc", 192, 192)
    for name, (inputs, one, small, middle, tiny, few, pooled) in INCEPTION.items():
        block = f"mixed_{name}"
        layer(f"{block}.conv_b0", 1, (one, inputs, 1, 1, 1))
        layer(f"{block}.conv_b1_a", 1, (small, inputs, 1, 1, 1))
        separable(f"{block}.conv_b1_b", small, middle)
        layer(f"{block}.conv_b2_a", 1, (tiny, inputs, 1, 1, 1))
        separable(f"{block}.conv_b2_b", tiny, few)
        layer(f"{block}.conv_b3_b", 1, (pooled, inputs, 1, 1, 1))
        for number, width in enumerate((one, middle, few, pooled)):
            linear(f"{block}.gating_b{number}.fc", width, width)
    linear("fc", 512, 1024)
    out["text_module.word_embd.weight"] = torch.rand(5, 3)
    return out


def test_published_weights_find_their_places(tmp_path: Path) -> None:
    tensors = published()
    save_file(tensors, tmp_path / "s3d_howto100m.safetensors")
    net, headless = load_backbone(tmp_path / "s3d_howto100m.safetensors")
    assert headless
    branch = net.mixed["4c"].branches
    assert torch.equal(branch[0][1].linear.weight, tensors["mixed_4c.gating_b0.fc.weight"])
    assert torch.equal(branch[2][1].time.norm.running_var, tensors["mixed_4c.conv_b2_b.bn2.running_var"])
    assert torch.equal(branch[3][1].conv.weight, tensors["mixed_4c.conv_b3_b.conv1.weight"])
    assert torch.equal(net.conv_2c.time.conv.weight, tensors["conv_2c.conv2.weight"])
    with pytest.raises(BadInputError, match="the head of an S3D-G is missing"):
        load_s3dg(tmp_path / "s3d_howto100m.safetensors")


def test_the_stem_on_cubes_is_a_stem_on_pixels() -> None:
    """The published stem turns 2x2x2 cubes into channels, pads by (1, 2, 2) and drops the first of each direction."""
    torch.manual_seed(2)
    weight, film = torch.randn(64, 24, 2, 4, 4), torch.rand(1, 3, 8, 16, 20)
    cubes = film.reshape(1, 3, 4, 2, 8, 2, 10, 2).permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(1, 24, 4, 8, 10)
    expected = F.conv3d(cubes, weight, padding=(1, 2, 2))[:, :, 1:, 1:, 1:]
    stem = Joint().eval()
    stem.conv.weight.data = cubes_apart(weight)
    # Without strides in time there are all frames; those of the published one stand at 1, 3, 5, ...
    ours = stem.conv(F.pad(film, (2, 4, 2, 4, 1, 2)))[:, :, 1::2]
    torch.testing.assert_close(ours[:, :, : expected.shape[2] - 1], expected[:, :, :-1], rtol=1e-4, atol=1e-4)


def test_trained_weights_come_back_as_they_were(net: S3DG, tmp_path: Path) -> None:
    save_file(net.state_dict(), tmp_path / "mine.safetensors")
    grey = torch.randint(0, 256, (1, 4, 64, 64), dtype=torch.uint8)
    assert torch.equal(load_s3dg(tmp_path / "mine.safetensors")(grey), net(grey))


@pytest.mark.parametrize("what", ["text", "other", "pickle"])
def test_other_files_are_refused_in_words(tmp_path: Path, what: str) -> None:
    path = tmp_path / ("bad.pth" if what == "pickle" else "bad.safetensors")
    if what == "text":
        path.write_text("not weights")
    elif what == "other":
        save_file({"a": torch.zeros(2)}, path)
    else:
        torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(BadInputError, match=r"bad\.pth.*Convert it" if what == "pickle" else r"bad\.safetensors"):
        load_s3dg(path)


def test_statistics_are_measured_anew() -> None:
    torch.manual_seed(3)
    layer = torch.nn.Sequential(torch.nn.BatchNorm3d(2))
    batches = [torch.randn(4, 2, 3, 5, 5) * 3 + 7 for _ in range(5)]
    re_estimate(layer, batches)
    torch.testing.assert_close(layer[0].running_mean, torch.stack([b.mean((0, 2, 3, 4)) for b in batches]).mean(0))
    assert not layer.training


def arrays_of(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


@pytest.fixture(name="trained", scope="module")
def _trained(net: S3DG) -> dict[str, np.ndarray]:
    return arrays_of(net.state_dict())


def test_weights_that_are_given_make_the_network_that_they_are_of(trained: dict[str, np.ndarray]) -> None:
    whole = network_of(trained, {}, "cpu")
    assert isinstance(whole, S3DG)
    assert (whole.natural, whole.rise) == (-1.0, 1.0)
    measured = network_of(trained, {"natural": -0.4, "rise": 0.3}, "cpu")
    assert (measured.natural, measured.rise) == (-0.4, 0.3)
    assert isinstance(network_of(arrays_of(load_small().state_dict()), SMALL, "cpu"), SpeedinessNet)
    older = {name: array for name, array in trained.items() if not name.endswith("num_batches_tracked")}
    assert isinstance(network_of(older, {}, "cpu"), S3DG)


def test_a_head_under_the_published_names_is_found() -> None:
    head = {"head.weight": torch.randn(1, 1024), "head.bias": torch.tensor([0.25])}
    found = network_of(arrays_of(published() | head), {}, "cpu")
    assert isinstance(found, S3DG)
    assert torch.equal(found.head.weight, head["head.weight"])
    assert not found.training


@pytest.mark.parametrize(
    ("change", "about", "words"),
    [
        ({"head.weight": None, "head.bias": None}, {}, "the head of an S3D-G is missing"),
        ({"head.bias": None}, {}, "1 tensors are missing.*head.bias"),
        ({"mixed.4c.branches.0.0.conv.weight": None}, {}, "1 tensors are missing"),
        ({"head.weight": np.zeros((400, 1024), np.float32)}, {}, "not the weights of an S3D-G of this shape"),
        ({"mixed_4c.strange": np.zeros(3, np.float32)}, {}, "not the weights of an S3D-G"),
        ({"mixed_4c": np.zeros(3, np.float32)}, {}, "not the weights of an S3D-G"),
        ({"extra": np.zeros(3, np.float32)}, {}, "1 unknown.*extra"),
        ({"conv_2b.norm.running_var": np.full(64, -1, np.float32)}, {}, "numbers that cannot be"),
        ({}, {"natural": "high"}, "no natural that can be"),
        ({}, {"rise": 1e9}, "no rise that can be"),
    ],
)
def test_unfit_weights_are_refused_in_words(
    trained: dict[str, np.ndarray], change: dict[str, np.ndarray | None], about: dict[str, object], words: str
) -> None:
    arrays = {name: array for name, array in (trained | change).items() if array is not None}
    with pytest.raises(BadInputError, match=rf"^network: .*{words}"):
        network_of(arrays, about, "cpu")


def test_weights_of_no_known_network_are_refused() -> None:
    with pytest.raises(BadInputError, match="network: these are not weights that"):
        network_of({"a": np.zeros(2, np.float32)}, {}, "cpu")


def test_it_judges_64_frames_at_a_time_as_in_training(net: S3DG, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "halves", lambda device: False)
    film = np.random.default_rng(0).integers(0, 256, (70, 8, 8), np.uint8)
    values, features, where = curve.look((film,), np.arange(70), net.eval(), keep_features=True)
    assert (values.shape, features.shape, where.shape) == ((70,), (70, 1024), (70, 1, 1))
    with torch.inference_mode():
        for first, last, begin, end in ((16, 70, 32, 64), (48, 70, 64, 70)):
            logits = net.frames(torch.from_numpy(film[None, first:last]))[0][0]
            np.testing.assert_allclose(values[begin:end], logits[begin - first : end - first], rtol=1e-4, atol=1e-4)
