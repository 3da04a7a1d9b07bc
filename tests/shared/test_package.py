"""What importing costs, and what the extension relies on to carry these files as its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import restyle

PACKAGE = Path(restyle.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_importing_loads_nothing_heavy():
    code = "import restyle, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "restyle.errors" in loaded
    assert not {"numpy", "zmq", "msgpack", "PIL", "trimesh", "rich", "torch", "platformdirs"} & set(loaded)


def test_a_client_needs_neither_pictures_nor_mesh_files():
    code = "from restyle.client import connect; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "zmq" in loaded
    assert not {"PIL", "trimesh", "rich", "torch", "scipy"} & set(loaded)


def test_every_public_name_is_there():
    for name in restyle.__all__:
        assert getattr(restyle, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = restyle.nonsense


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_only_relative_imports_and_no_way_to_run_what_a_peer_sent(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [str(node.module).partition(".")[0]]
        assert not {"restyle", "torch", "bpy", "pickle", "marshal", "msgpack_numpy", "dill"} & set(names), names
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec")
