"""The extension's sources as the build lays them out; no Blender is needed for this."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> Any:
    spec = importlib.util.spec_from_file_location("build_extension", REPOSITORY / "scripts" / "build_extension.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def staged(build: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("stage") / "restyle"
    build.stage(target)
    return target


def imports(path: Path) -> set[str]:
    """The top-level packages that a file imports absolutely, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def test_the_shared_package_works_under_another_name_and_without_torch(staged):
    for path in (staged / "restyle").rglob("*.py"):
        assert not imports(path) & {"restyle", "restyle_server", "torch", "bpy"}, path.name


def test_the_extension_imports_only_itself_blender_and_what_it_brings(staged):
    import sys

    allowed = set(sys.stdlib_module_names) | {"bpy", "mathutils", "numpy"}
    for path in staged.glob("*.py"):
        assert imports(path) <= allowed, path.name


def test_only_the_link_talks_to_the_server(staged):
    for path in staged.glob("*.py"):
        if path.name != "link.py":
            assert "connect(" not in path.read_text().replace("reconnect(", ""), path.name


def test_the_manifest_agrees_with_the_build(build):
    build.check_manifest(build.ADDON / "blender_manifest.toml")


def test_another_version_or_platform_is_noticed(build, tmp_path):
    text = (build.ADDON / "blender_manifest.toml").read_text()
    for before, after in (('version = "0.', 'version = "9.'), ("linux-x64", "linux-x46")):
        changed = tmp_path / "blender_manifest.toml"
        changed.write_text(text.replace(before, after))
        with pytest.raises(SystemExit, match=r"blender_manifest\.toml"):
            build.check_manifest(changed)


def test_the_stamp_follows_every_byte(build, tmp_path):
    (tmp_path / "a.py").write_text("1")
    first = build.content_hash(iter([tmp_path / "a.py"]), tmp_path)
    (tmp_path / "a.py").write_text("2")
    assert build.content_hash(iter([tmp_path / "a.py"]), tmp_path) != first


def test_every_requirement_is_pinned_by_hash(build):
    lock = build.LOCK.read_text()
    for name in build.REQUIREMENTS:
        assert f"{name}==" in lock
    assert all("--hash=sha256:" in line for line in lock.splitlines() if line.startswith(" "))
