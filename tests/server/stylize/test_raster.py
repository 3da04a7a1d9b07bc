"""The rasteriser against ray casting in world space, and its gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from restyle_server.stylize import raster
from restyle_server.stylize.cameras import DISTANCE, FOCAL, Cameras, look_at_origin
from restyle_server.stylize.raster import Coverage, fill, surface, visibility
from restyle_server.stylize.shade import shade

SIZE = 40


def scene(seed: int, count: int = 60) -> tuple[Tensor, Tensor, Tensor, Cameras]:
    """Overlapping random triangles in the unit sphere, large and tiny, vertex colours, three cameras."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn(count, 1, 3, generator=generator, dtype=torch.float64) * 0.25
    spread = torch.rand(count, 1, 1, generator=generator, dtype=torch.float64) * 0.5 + 0.01
    points = (centre + spread * torch.randn(count, 3, 3, generator=generator, dtype=torch.float64)).view(-1, 3)
    points = points / points.norm(dim=1).max()
    colors = torch.rand(len(points), 3, generator=generator, dtype=torch.float64)
    angles = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    return points, torch.arange(len(points)).view(-1, 3), colors, look_at_origin(angles[0], angles[1])


def cast_rays(points: Tensor, faces: Tensor, colors: Tensor, cameras: Cameras) -> tuple[Tensor, Tensor]:
    """Faces (N, S, S), -1 for none, and their colours, by Moeller-Trumbore tests of every ray and face."""
    y, x = torch.meshgrid(*[torch.arange(SIZE, dtype=torch.float64)] * 2, indexing="ij")
    ndc = torch.stack([(2 * x + 1 - SIZE) / SIZE, (SIZE - 2 * y - 1) / SIZE], dim=-1)
    local = torch.cat([ndc / FOCAL, -torch.ones(SIZE, SIZE, 1, dtype=torch.float64)], dim=-1)
    a, b, c = points[faces].unbind(1)
    all_ids, all_colors = [], []
    for rotation in cameras.rotation:
        origin, rays = DISTANCE * rotation[2], (local @ rotation).view(-1, 1, 3)
        e1, e2 = b - a, c - a
        p = torch.linalg.cross(rays, e2.expand(len(rays), -1, -1))
        determinant = (p * e1).sum(-1)
        u = (p * (origin - a)).sum(-1) / determinant
        q = torch.linalg.cross(origin - a, e1)
        v = (rays * q).sum(-1) / determinant
        t = (q * e2).sum(-1) / determinant
        t = torch.where((u >= 0) & (v >= 0) & (u + v <= 1), t, math.inf)
        nearest = t.min(dim=1)
        hit, face = nearest.values.isfinite(), nearest.indices
        ids = torch.where(hit, face, -1)
        rows = torch.arange(len(rays))
        weights = torch.stack([1 - u - v, u, v], dim=-1)[rows, face]
        blended = (weights[..., None] * colors[faces[face]]).sum(dim=1)
        all_ids.append(ids.view(SIZE, SIZE))
        all_colors.append(torch.where(hit[:, None], blended, 1.0).view(SIZE, SIZE, 3))
    return torch.stack(all_ids), torch.stack(all_colors)


def face_map(coverage: Coverage, views: int) -> Tensor:
    ids = torch.full((views * coverage.size**2,), -1)
    ids[coverage.pixel] = coverage.face
    return ids.view(views, coverage.size, coverage.size)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_ray_casting(seed: int) -> None:
    points, faces, colors, cameras = scene(seed)
    coverage = visibility(cameras, points, faces, SIZE, cull=False)
    ids, expected = cast_rays(points, faces, colors, cameras)
    assert (ids >= 0).sum() > 300
    torch.testing.assert_close(face_map(coverage, 3), ids)
    picture = fill(coverage, surface(cameras, points, faces, coverage).interpolate(colors), torch.ones(3), 3)
    torch.testing.assert_close(picture.permute(0, 2, 3, 1), expected)


def test_culling_hides_exactly_the_faces_that_turn_away() -> None:
    points, faces, _, cameras = scene(1)
    normal = torch.linalg.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    for view in range(3):
        one = Cameras(cameras.rotation[view : view + 1], cameras.focal[:1], cameras.shift[:1])
        towards = (normal * (DISTANCE * one.rotation[0, 2] - points[faces[:, 0]])).sum(dim=1) > 0
        front = faces[towards]
        culled = face_map(visibility(one, points, faces, SIZE, cull=True), 1)
        ours = face_map(visibility(one, points, front, SIZE, cull=False), 1)
        torch.testing.assert_close(culled, torch.where(ours >= 0, towards.nonzero().squeeze(1)[ours], -1))


def test_normals_turn_to_the_camera_on_both_sides_of_a_face() -> None:
    points = torch.tensor([[0.0, -0.5, 0.5], [0.0, -0.5, -0.5], [0.0, 0.6, 0.0]])
    faces = torch.tensor([[0, 1, 2]])
    cameras = look_at_origin(torch.tensor([0.0, math.pi]), torch.zeros(2))  # from before and from behind
    seen = surface(cameras, points, faces, visibility(cameras, points, faces, SIZE, cull=False))
    torch.testing.assert_close(seen.normal, torch.tensor([0.0, 0.0, 1.0]).expand_as(seen.normal))
    assert len(seen.normal) > 0


def test_order_of_faces_does_not_change_the_picture() -> None:
    points, faces, colors, cameras = scene(2)
    pictures = []
    for order in (torch.arange(len(faces)), torch.randperm(len(faces), generator=torch.Generator().manual_seed(0))):
        coverage = visibility(cameras, points, faces[order], SIZE, cull=False)
        seen = surface(cameras, points, faces[order], coverage)
        pictures.append(fill(coverage, shade(seen.interpolate(colors), seen.normal, soft=False), torch.ones(3), 3))
    assert torch.equal(pictures[0], pictures[1])


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    points, faces, _, cameras = scene(3)
    whole = visibility(cameras, points, faces, SIZE, cull=False)
    monkeypatch.setattr(raster, "MAX_FRAGMENTS", 500)
    parts = visibility(cameras, points, faces, SIZE, cull=False)
    assert torch.equal(whole.pixel, parts.pixel)
    assert torch.equal(whole.face, parts.face)


def test_closed_surface_has_no_pinholes(ball: tuple) -> None:
    vertices, faces = (torch.from_numpy(array) for array in ball)
    cameras = look_at_origin(torch.linspace(0, 6, 8), torch.linspace(-1.5, 1.5, 8))
    coverage = visibility(cameras, vertices.float(), faces, 97, cull=True)
    ids = face_map(coverage, 8) >= 0
    for row in ids.view(-1, 97):
        covered = row.nonzero()
        assert len(covered) == 0 or len(covered) == int(covered[-1] - covered[0]) + 1


def test_pole_views_are_finite(ball: tuple) -> None:
    vertices, faces = torch.from_numpy(ball[0]).requires_grad_(), torch.from_numpy(ball[1])
    cameras = look_at_origin(torch.zeros(2, dtype=torch.float64), torch.tensor([1, -1]) * math.pi / 2)
    coverage = visibility(cameras, vertices, faces, SIZE, cull=True)
    seen = surface(cameras, vertices, faces, coverage)
    lit = shade(torch.full_like(seen.normal, 0.5), seen.normal, soft=True)
    lit.sum().backward()
    assert len(coverage.pixel) > SIZE
    assert lit.isfinite().all()
    assert vertices.grad is not None
    assert vertices.grad.isfinite().all()


def test_degenerate_faces_are_skipped() -> None:
    points = torch.tensor([[0.0, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], dtype=torch.float64, requires_grad=True)
    faces = torch.tensor([[0, 0, 1], [1, 1, 1], [0, 1, 2]])
    cameras = look_at_origin(*torch.zeros(2, 1, dtype=torch.float64))
    coverage = visibility(cameras, points, faces, SIZE, cull=False)
    assert set(coverage.face.tolist()) == {2}
    surface(cameras, points, faces, coverage).normal.sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


@pytest.mark.parametrize("triangles", [1, 2])
@pytest.mark.parametrize("perspective_correct", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_gradients_against_finite_differences(triangles: int, *, perspective_correct: bool, soft: bool) -> None:
    """Colour, and position through shading and barycentrics; what is visible stays fixed, as the method has it."""
    points = torch.tensor(
        [[0.1, -0.6, 0.5], [0.0, -0.5, -0.6], [0.25, 0.55, 0.05], [0.4, 0.5, -0.7]], dtype=torch.float64
    )
    faces = torch.tensor([[0, 1, 2], [2, 1, 3]])[:triangles]
    colors = torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.6 + 0.2
    cameras = look_at_origin(*torch.tensor([[0.3, -0.2], [0.2, 0.4]], dtype=torch.float64))
    coverage = visibility(cameras, points, faces, 12, cull=False)
    assert len(set(coverage.face.tolist())) == triangles

    mixture = torch.randn(2 * 3 * 12 * 12, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def numbers(points: Tensor, colors: Tensor) -> Tensor:
        """Eight sums over the pictures, in which an error in any pixel shows, in place of each pixel alone."""
        seen = surface(cameras, points, faces, coverage, perspective_correct=perspective_correct)
        picture = fill(coverage, shade(seen.interpolate(colors), seen.normal, soft=soft), torch.ones(3), 2)
        return picture.flatten() @ mixture

    inputs = (points.requires_grad_(), colors.requires_grad_())
    assert torch.autograd.gradcheck(numbers, inputs, eps=1e-6, atol=1e-6)


def test_grey_mesh_gets_no_gradient_from_interpolation() -> None:
    """The reference's geometry term relies on shading alone: equal colours blend to the same whatever the weights."""
    points, faces, colors, cameras = scene(4)
    points.requires_grad_()
    coverage = visibility(cameras, points, faces, SIZE, cull=False)
    surface(cameras, points, faces, coverage).interpolate(torch.full_like(colors, 0.5)).square().sum().backward()
    assert points.grad is not None
    assert points.grad.abs().max() < 1e-9
