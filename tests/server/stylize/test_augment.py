"""Our crops and perspectives against torchvision's."""

from __future__ import annotations

import pytest
import torch
import torchvision.transforms as tv
from torchvision.transforms.functional import perspective, resized_crop

from restyle_server.stylize.augment import Augmentation, augment, draw_crops, draw_perspectives, object_share

FULL = torch.ones(1, 64, 64, dtype=torch.bool)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_pictures(count: int, size: int) -> torch.Tensor:
    coarse = torch.rand(count, 3, 5, 5, generator=draws())
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)


def test_whole_picture_without_perspective_is_unchanged() -> None:
    pictures = smooth_pictures(2, 32)
    mask = torch.ones(2, 32, 32, dtype=torch.bool)
    copies = augment(pictures, mask, Augmentation((1, 1), perspective=0), copies=3, resolution=32, generator=draws())
    torch.testing.assert_close(copies, pictures[:, None].expand(2, 3, 3, 32, 32), atol=1e-5, rtol=0)


def test_whole_picture_of_larger_rendering_is_averaged() -> None:
    pictures = torch.rand(1, 3, 64, 64, generator=draws())
    copies = augment(pictures, FULL, Augmentation((1, 1), perspective=0), copies=1, resolution=32, generator=draws())
    torch.testing.assert_close(copies[:, 0], torch.nn.functional.avg_pool2d(pictures, 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("area", [0.1, 0.4])
def test_crops_are_distributed_as_torchvisions(area: float) -> None:
    ours = draw_crops(FULL, 1, 4000, Augmentation((area, area)), draws())[0]
    torch.manual_seed(0)
    picture = torch.zeros(3, 224, 224)
    theirs = torch.tensor([tv.RandomResizedCrop.get_params(picture, [area, area], [3 / 4, 4 / 3]) for _ in range(4000)])
    theirs = theirs[:, [1, 0, 3, 2]] / 224
    torch.testing.assert_close(ours.mean(dim=0), theirs.mean(dim=0), atol=0.02, rtol=0)
    torch.testing.assert_close(ours.std(dim=0), theirs.std(dim=0), atol=0.02, rtol=0)


def test_full_area_gives_the_whole_picture() -> None:
    windows = draw_crops(FULL, 1, 50, Augmentation((1.0, 1.0)), draws())
    assert (windows == torch.tensor([0.0, 0, 1, 1])).all()


def test_perspectives_are_distributed_as_torchvisions() -> None:
    size, how = 224, Augmentation((1, 1), perspective=1.0)
    warps = draw_perspectives(3000, size, how, draws())
    ends = torch.tensor([[0, 0], [size - 1, 0], [size - 1, size - 1], [0, size - 1]], dtype=torch.float64)
    homogeneous = torch.cat([ends, torch.ones(4, 1)], dim=1) @ torch.linalg.inv(warps).transpose(1, 2)
    ours = (homogeneous[..., :2] / homogeneous[..., 2:]).flatten(1)
    torch.manual_seed(0)
    theirs = (
        torch.tensor([tv.RandomPerspective.get_params(size, size, 0.5)[1] for _ in range(3000)]).double().flatten(1)
    )
    torch.testing.assert_close(ours.mean(dim=0), theirs.mean(dim=0), atol=2.0, rtol=0)
    torch.testing.assert_close(ours.std(dim=0), theirs.std(dim=0), atol=1.0, rtol=0)
    torch.testing.assert_close(ours.amin(dim=0), theirs.amin(dim=0), atol=1e-6, rtol=0)
    torch.testing.assert_close(ours.amax(dim=0), theirs.amax(dim=0), atol=1e-6, rtol=0)
    applied = draw_perspectives(4000, size, Augmentation((1, 1), perspective=0.8), draws()) != torch.eye(3)
    assert float(applied.flatten(1).any(dim=1).float().mean()) == pytest.approx(0.8, abs=0.02)


def test_pictures_look_as_torchvisions() -> None:
    """The same crop and the same corners, once by two resamplings of torchvision, once by our single one."""
    size, area = 96, 0.4
    pictures = smooth_pictures(1, size)
    how = Augmentation((area, area), perspective=1.0)
    mask = torch.ones(1, size, size, dtype=torch.bool)
    ours = augment(pictures, mask, how, copies=6, resolution=size, generator=draws(5))[0]
    generator = draws(5)
    windows = draw_crops(mask, 1, 6, how, generator)[0] * size
    warps = draw_perspectives(6, size, how, generator)
    ends = torch.tensor([[0, 0, 1], [size - 1, 0, 1], [size - 1, size - 1, 1], [0, size - 1, 1]], dtype=torch.float64)
    for picture, (left, top, width, height), warp in zip(ours, windows.tolist(), warps, strict=True):
        box = (round(top), round(left), round(height), round(width))
        crop = resized_crop(pictures[0], *box, [size, size], antialias=True)
        moved = ends @ torch.linalg.inv(warp).T
        corners = (moved[:, :2] / moved[:, 2:]).round().long().tolist()
        expected = perspective(crop, ends[:, :2].long().tolist(), corners, fill=[1.0, 1.0, 1.0])
        assert (picture - expected).abs().mean() < 0.02


def test_outside_is_filled_and_gradient_flows() -> None:
    pictures = torch.zeros(1, 3, 48, 48, requires_grad=True)
    mask = torch.ones(1, 48, 48, dtype=torch.bool)
    how = Augmentation((0.2, 0.4), perspective=1.0, fill=(1.0, 0.5, 0.25))
    copies = augment(pictures, mask, how, copies=20, resolution=48, generator=draws())[0]
    assert (copies.amax(dim=(0, 2, 3)) == torch.tensor([1.0, 0.5, 0.25])).all()
    assert copies.min() == 0
    copies.sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.sum() > 0


def test_shared_draws_treat_all_views_alike() -> None:
    pictures = smooth_pictures(1, 48).expand(3, -1, -1, -1)
    mask = torch.ones(3, 48, 48, dtype=torch.bool)
    for shared in (True, False):
        how = Augmentation((0.2, 0.2), shared=shared)
        copies = augment(pictures, mask, how, copies=4, resolution=48, generator=draws())
        assert torch.equal(copies[0], copies[1]) is shared


def test_crops_seek_the_object() -> None:
    mask = torch.zeros(2, 64, 64, dtype=torch.bool)
    mask[0, 10:26, 10:26] = True
    mask[1, 40:60, 20:40] = True
    windows = draw_crops(mask, 2, 300, Augmentation((0.05, 0.1), object_share=0.5), draws())
    share = object_share(mask, windows)
    blind = object_share(mask, draw_crops(mask, 2, 300, Augmentation((0.05, 0.1)), draws()))
    assert share.mean() > 3 * blind.mean()
    assert (share > 0).float().mean() > 0.8


def test_object_share_counts_pixels() -> None:
    mask = torch.zeros(1, 10, 10, dtype=torch.bool)
    mask[0, :, 5:] = True
    windows = torch.tensor([[[0.0, 0, 1, 1], [0.5, 0, 0.5, 1], [0.0, 0, 0.5, 1], [0.4, 0.2, 0.2, 0.4]]])
    torch.testing.assert_close(object_share(mask, windows), torch.tensor([[0.5, 1.0, 0.0, 0.5]]))
