"""scripts/dev.py finds the interpreters that the versions of Blender need, and none where there is none."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = ".".join(map(str, sys.version_info[:2]))


@pytest.fixture
def dev() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "dev.py"
    spec = importlib.util.spec_from_file_location("dev", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="the programs here are shell scripts")
def test_an_interpreter_is_found_by_what_it_says_of_itself(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert dev.find_python(HERE) == sys.executable
    assert dev.find_python("9.9") is None
    program(tmp_path / "bin" / "python9.9", "echo no such version >&2; exit 127")  # as a name of pyenv's does
    assert dev.find_python("9.9") is None
    kept = tmp_path / "pyenv" / "versions" / "9.9.1" / "bin" / "python"
    program(kept, "echo 9.9")
    assert dev.find_python("9.9") == str(kept)
    assert dev.find_python("9.1") is None


def test_every_blender_has_a_version_of_python(dev: ModuleType) -> None:
    assert dev.BPY_PYTHONS.keys() == dev.BPY_VERSIONS.keys()
    assert all(version.startswith(f"{short}.") for short, version in dev.BPY_VERSIONS.items())
