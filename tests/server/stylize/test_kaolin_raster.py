"""The optional kaolin backend: the same pictures as ours where it is, and no trace of it elsewhere."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch

from restyle_server.stylize import kaolin_raster
from restyle_server.stylize.cameras import look_at_origin
from restyle_server.stylize.raster import visibility

from .conftest import sphere

CAMERAS = look_at_origin(torch.tensor([0.3, 2.0, 4.4]), torch.tensor([0.2, -0.5, 1.1]))


def test_nothing_changes_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kaolin_raster.CHOICE, raising=False)
    assert not kaolin_raster.is_chosen(torch.zeros(1, 3))
    monkeypatch.setenv(kaolin_raster.CHOICE, "kaolin")
    assert not kaolin_raster.is_chosen(torch.zeros(1, 3)), "the processor is not what it is for"


def test_a_broken_kaolin_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    kaolin_raster.is_here.cache_clear()
    monkeypatch.setitem(sys.modules, "kaolin", ModuleType("kaolin"))  # as the placeholder of the package index
    assert not kaolin_raster.is_here()
    kaolin_raster.is_here.cache_clear()


@pytest.mark.gpu
@pytest.mark.parametrize("cull", [True, False])
def test_kaolin_sees_what_we_see(monkeypatch: pytest.MonkeyPatch, cull: bool) -> None:
    pytest.importorskip("kaolin.render.mesh", exc_type=ImportError)
    vertices, triangles = sphere(40, 60)
    points = torch.from_numpy(vertices * (0.9, 0.6, 0.5)).float().cuda()
    faces = torch.from_numpy(triangles).cuda()
    cameras = type(CAMERAS)(CAMERAS.rotation.cuda(), CAMERAS.focal.cuda(), CAMERAS.shift.cuda())
    ours = visibility(cameras, points, faces, 128, cull=cull)
    monkeypatch.setenv(kaolin_raster.CHOICE, "kaolin")
    assert kaolin_raster.is_chosen(points)
    theirs = visibility(cameras, points, faces, 128, cull=cull)
    pictures = torch.full((2, 3 * 128 * 128), -1, device="cuda")
    for picture, coverage in zip(pictures, (ours, theirs), strict=True):
        picture[coverage.pixel] = coverage.face
    assert (pictures >= 0).float().mean() > 0.1
    assert (pictures[0] == pictures[1]).float().mean() > 0.998
