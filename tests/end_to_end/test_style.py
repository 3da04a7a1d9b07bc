"""`restyle style` as a user runs it: from a prompt to a style, to the same mesh again, to another one, to textures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from PIL import Image

from restyle.meshfile import read_mesh
from restyle.modelfile import read_model


def sheet(cells: int, height: float = 1.0) -> str:
    """An OBJ of a bent sheet of quads with a UV map that fills the middle of its square."""
    steps = np.linspace(0, 1, cells + 1)
    lines = [
        f"v {2 * x - 1} {height * y} {0.4 * x * x}\nvt {0.1 + 0.8 * x} {0.1 + 0.8 * y}" for y in steps for x in steps
    ]
    for row in range(cells):
        for column in range(cells):
            first = row * (cells + 1) + column + 1
            face = (first, first + 1, first + cells + 2, first + cells + 1)
            lines.append("f " + " ".join(f"{vertex}/{vertex}" for vertex in face))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def styled(serving: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a styled sheet and its style, and the id of the job that made them."""
    folder = tmp_path_factory.mktemp("styled")
    (folder / "sheet.obj").write_text(sheet(8))
    record, _ = run(
        serving, folder, "mesh", "sheet.obj", "red and white stripes", "-o", "out.obj",
        "--style", "stripes.safetensors", "--iterations", "2",
    )  # fmt: skip
    return folder, record["job"]


def test_the_mesh_itself_gets_the_same_bytes(serving: dict[str, str], styled: tuple[Path, str]) -> None:
    folder, _ = styled
    about = read_model(folder / "stripes.safetensors").metadata["about"]
    assert about["prompt"] == "red and white stripes"
    record, _ = run(serving, folder, "style", "apply", "stripes.safetensors", "sheet.obj", "-o", "again.obj")
    assert (folder / "again.obj").read_bytes() == (folder / "out.obj").read_bytes()
    assert record["state"] == "done"
    assert record["report"]["style"] == about
    assert read_mesh(folder / "again.obj").mesh.uv is not None


def test_another_mesh_by_the_id_of_the_job(serving: dict[str, str], styled: tuple[Path, str]) -> None:
    folder, job = styled
    (folder / "tall.obj").write_text(sheet(5, height=3.0))
    record, _ = run(serving, folder, "style", "apply", job, "tall.obj", "-o", "tall.ply", "--preview", "views")
    assert record["vertices"] == 36
    with Image.open(record["outputs"]["contact_sheet"]) as picture:
        assert picture.size == (4 * 384, 2 * 384)
    fetched, _ = run(serving, folder, "jobs", "fetch", job, "-o", "fetched")
    assert Path(fetched["outputs"]["style"]).read_bytes() == (folder / "stripes.safetensors").read_bytes()
    listed, _ = run(serving, folder, "style", "list")
    assert [style["about"]["prompt"] for style in listed["styles"] if style["job"] == job] == ["red and white stripes"]


def test_every_variation_and_every_object_leaves_a_file_of_its_style(serving: dict[str, str], tmp_path: Path) -> None:
    for name, height in (("flat.obj", 1.0), ("tall.obj", 3.0)):
        (tmp_path / name).write_text(sheet(5, height=height))
    record, _ = run(
        serving, tmp_path, "mesh", "flat.obj", "red stripes", "--object", "tall.obj", "-o", "out.obj",
        "--style", "looks.safetensors", "--variations", "2", "--seed", "3", "--iterations", "1", "--preview", "views",
    )  # fmt: skip
    names = ["looks", "looks.2", "looks.variation_2", "looks.variation_2.2"]
    assert [Path(path).stem for path in record["outputs"]["styles"]] == names
    assert [read_model(path).metadata["about"]["seed"] for path in record["outputs"]["styles"]] == [3, 3, 4, 4]
    assert {Path(path).suffix for path in record["outputs"]["previews"]} == {".png"}
    meshes = ["out.variation_1.obj", "out.variation_1.2.obj", "out.variation_2.obj", "out.variation_2.2.obj"]
    assert [Path(path).name for path in record["outputs"]["variations"]] == meshes[::2]
    assert [Path(path).name for path in record["outputs"]["variation_objects"]] == meshes
    run(serving, tmp_path, "style", "apply", "looks.variation_2.2.safetensors", "tall.obj", "-o", "again.obj")
    again, made = (read_mesh(tmp_path / name).vertices for name in ("again.obj", "out.variation_2.2.obj"))
    np.testing.assert_allclose(again, made, atol=1e-5)  # the field sees as many points at once as there are


def test_textures_are_written_with_what_is_needed_to_use_them(
    serving: dict[str, str], styled: tuple[Path, str]
) -> None:
    folder, _ = styled
    (folder / "low.obj").write_text(sheet(1))
    words = (
        "style",
        "bake",
        "stripes.safetensors",
        "low.obj",
        "-o",
        "maps/low",
        "--size",
        "64",
        "--padding",
        "2",
        "--normal-map",
    )
    record, _ = run(serving, folder, *words)
    report = json.loads((folder / "maps" / "low" / "bake.json").read_text())
    assert report == record["report"]
    with Image.open(record["outputs"]["colors"]) as picture:
        assert (picture.size, picture.mode) == ((64, 64), "RGB")
        assert np.ptp(np.asarray(picture)[10:54, 10:54]) > 40, "two triangles show stripes"
    with Image.open(record["outputs"]["displacement"]) as picture:
        levels = np.asarray(picture)
        assert levels.dtype == np.uint16
    heights = (levels / 65535 - report["midlevel"]) * report["scale"]
    assert np.abs(heights).max() == pytest.approx(report["largest"], rel=1e-3)
    assert levels[0, 0] == 32768, "outside of the map there is no displacement, exactly"
    low, textured = read_mesh(folder / "low.obj"), read_mesh(record["outputs"]["mesh"])
    np.testing.assert_allclose(textured.vertices, low.vertices, atol=1e-6)
    np.testing.assert_allclose(textured.mesh.uv, low.mesh.uv, atol=1e-6)
    with Image.open(record["outputs"]["normals"]) as picture:
        assert np.asarray(picture)[0, 0].tolist() == [128, 128, 255]


def test_what_cannot_be_is_refused_before_any_job(serving: dict[str, str], styled: tuple[Path, str]) -> None:
    folder, job = styled
    (folder / "bare.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "broken.safetensors").write_bytes((folder / "stripes.safetensors").read_bytes()[:-9])
    for words, code, reason in (
        (("bake", "stripes.safetensors", "bare.obj", "-o", "maps/none"), 20, "no UV map"),
        (("apply", "broken.safetensors", "sheet.obj", "-o", "a.ply"), 20, "broken.safetensors"),
        (("apply", "missing.safetensors", "sheet.obj", "-o", "a.ply"), 20, "no such file"),
        (("apply", "stripes.safetensors", "sheet.obj", "-o", "a.xyz"), 2, ".ply, .obj, .glb"),
        (("apply", "0123456789abcdef", "sheet.obj", "-o", "a.ply"), 1, "0123456789abcdef"),
    ):
        record, _ = run(serving, folder, "style", *words, code=code)
        assert reason in record["error"]["message"]
    assert not (folder / "maps" / "none").exists()
    applied = run(serving, folder, "style", "apply", job, "sheet.obj", "-o", "b.ply")[0]["job"]
    record, _ = run(serving, folder, "style", "apply", applied, "sheet.obj", "-o", "a.ply", code=2)
    assert "has made no style" in record["error"]["message"]


def test_a_tile_without_faces_is_refused_by_the_name_of_the_mesh(
    serving: dict[str, str], styled: tuple[Path, str]
) -> None:
    folder, _ = styled
    words = ("style", "bake", "stripes.safetensors", "sheet.obj", "-o", "none", "--tile", "1002")
    record, _ = run(serving, folder, *words, code=20)
    assert record["error"]["message"].startswith("sheet.obj: its UV map: nothing lies in the UDIM tile 1002")
