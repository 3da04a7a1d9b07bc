"""The extension staged with a job more than it has: one that is only declared."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="needs the bpy module")

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.restyle"


def staged_with(declared: str) -> object:
    """Enable the extension with the declarations of this text among its jobs; the settings of the scene."""
    spec = importlib.util.spec_from_file_location("build_extension", REPOSITORY / "scripts" / "build_extension.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    target = Path(os.environ["BLENDER_USER_RESOURCES"]) / "extensions" / "user_default" / "restyle"
    target.parent.mkdir(parents=True)
    build.stage(target)
    (target / "restyle" / "jobs" / "declared_here.py").write_text(declared)
    import addon_utils

    bpy.ops.extensions.repo_refresh_all()
    assert addon_utils.enable(PACKAGE, default_set=True) is not None
    return bpy.context.scene.restyle
