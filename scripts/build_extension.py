#!/usr/bin/env python3
"""Build the Blender extension: its own code, a copy of shared/restyle, and the wheels that it needs, in one zip.

    python3 scripts/build_extension.py -o build/restyle_extension.zip    the zip for every version and system
    python3 scripts/build_extension.py --source-only build/restyle       a folder without wheels, for a look or a test
    python3 scripts/build_extension.py --lock                            pin the newest wheels anew

Packing and checking is done by Blender's own tool: that of the bpy module beside this interpreter or in one of this
repository's .venv-bpy-* folders, else a `blender` on the search path.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ADDON = REPOSITORY / "blender_addon"
SHARED = REPOSITORY / "shared" / "restyle"
LOCK = ADDON / "wheels.lock"
CACHE = REPOSITORY / "build" / "wheels"
STAMP = "SHA256"

# The command line and the files' readers serve scripts; in Blender nothing would call them.
NOT_VENDORED = (
    "cli",
    "meshfile",
    "picturefile.py",
    "clipfile.py",
    "moviefile.py",
    "guidefile.py",
    "modelfile.py",
    "__pycache__",
)

REQUIREMENTS = ("pyzmq", "msgpack", "platformdirs")
PYTHONS = ("3.11", "3.13")  # of Blender 4.2 to 5.0, and from 5.1 on
PLATFORMS = {  # Blender's name for a system: the wheel tags that run there, oldest first
    "linux-x64": ("manylinux2014_x86_64", "manylinux_2_26_x86_64", "manylinux_2_28_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_10_15_universal2", "macosx_11_0_arm64"),
    "macos-x64": ("macosx_10_15_universal2", "macosx_10_15_x86_64", "macosx_10_13_x86_64", "macosx_10_9_x86_64"),
}


def pip_download(target: Path, python: str, platforms: tuple[str, ...], *requirements: str) -> None:
    """Download the wheels for one Python on one system; pip's own message ends the script if that fails."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(target), "--python-version", python, "--implementation", "cp"]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        command += ["--abi", abi]
    for platform in platforms:
        command += ["--platform", platform]
    if code := subprocess.call([*command, *requirements]):
        raise SystemExit(code)


def write_lock() -> None:
    """Pin the newest version of each requirement, with the SHA-256 of every wheel that some target takes."""
    with tempfile.TemporaryDirectory() as folder:
        for platforms in PLATFORMS.values():
            for python in PYTHONS:
                pip_download(Path(folder), python, platforms, *REQUIREMENTS)
        wheels: dict[str, list[Path]] = {}
        for wheel in sorted(Path(folder).glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            wheels.setdefault(f"{name}=={version}", []).append(wheel)
        lines = []
        for requirement, files in wheels.items():
            hashes = [f"    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
            lines.append(" \\\n".join([requirement, *hashes]))
    LOCK.write_text("# Written by scripts/build_extension.py --lock\n" + "\n".join(lines) + "\n")


def wheels() -> list[Path]:
    """The pinned wheels, downloaded once; pip refuses one whose hash is not in the lock file."""
    folder = CACHE / hashlib.sha256(LOCK.read_bytes() + repr((PYTHONS, PLATFORMS)).encode()).hexdigest()[:16]
    if not folder.exists():
        partial = folder.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for platforms in PLATFORMS.values():
            for python in PYTHONS:
                pip_download(partial, python, platforms, "--require-hashes", "--requirement", str(LOCK))
        partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def shared_files() -> Iterator[Path]:
    """The files of shared/restyle that the extension carries, in a fixed order."""
    for path in sorted(SHARED.rglob("*.py")):
        if not set(path.relative_to(SHARED).parts) & set(NOT_VENDORED):
            yield path


def content_hash(files: Iterator[Path], root: Path) -> str:
    """SHA-256 over the names and contents of some files."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def stage(target: Path) -> None:
    """Lay out the extension's sources in an empty folder, with the shared package under its own name inside."""
    target.mkdir(parents=True)
    for path in [*sorted(ADDON.glob("*.py")), ADDON / "blender_manifest.toml", REPOSITORY / "LICENSE"]:
        shutil.copyfile(path, target / path.name)
    for path in shared_files():
        copy = target / "restyle" / path.relative_to(SHARED)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    (target / "restyle" / STAMP).write_text(content_hash(shared_files(), SHARED) + "\n")


def add_wheels(target: Path, files: list[Path]) -> None:
    """Copy the wheels into a staged extension and name them in its manifest."""
    (target / "wheels").mkdir()
    for file in files:
        shutil.copyfile(file, target / "wheels" / file.name)
    listed = "".join(f'    "./wheels/{file.name}",\n' for file in files)
    manifest = target / "blender_manifest.toml"
    top, table, rest = manifest.read_text().partition("\n[permissions]")
    manifest.write_text(f"{top}\nwheels = [\n{listed}]\n{table}{rest}")


def check_manifest(manifest: Path) -> None:
    """What Blender's validator does not look at."""
    content = tomllib.loads(manifest.read_text())
    if unknown := set(content["platforms"]) ^ set(PLATFORMS):
        raise SystemExit(f"{manifest.name}: its platforms and those of {Path(__file__).name} differ in {unknown}.")
    version = re.search(r'__version__ = "(.*)"', (SHARED / "version.py").read_text())
    if version is None or version[1] != content["version"]:
        raise SystemExit(f"{manifest.name}: version {content['version']} is not that of shared/restyle/version.py.")


def blender_tool() -> list[str]:
    """The start of a command line of Blender's extension tool."""
    pattern = "*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    spec = importlib.util.find_spec("bpy")
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    roots += sorted(REPOSITORY.glob(".venv-bpy-*/lib/*/site-packages/bpy"))
    for root in roots:
        for script in root.glob(pattern):
            return [sys.executable, str(script)]
    if blender := shutil.which("blender"):
        return [blender, "--command", "extension"]
    raise SystemExit(
        "Blender's extension tool was not found. Run this with a Python that has the bpy module, or put blender on the "
        "search path."
    )


def build(output: Path) -> None:
    """Stage, pack and validate."""
    tool = blender_tool()
    output = output.resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "restyle"
        stage(staged)
        add_wheels(staged, wheels())
        for command in (
            [*tool, "build", "--source-dir", str(staged), "--output-filepath", str(output)],
            [*tool, "validate", str(output)],
        ):
            if code := subprocess.call(command):
                raise SystemExit(code)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-o", "--output", type=Path, metavar="ZIP", help="where to write the extension")
    what.add_argument("--source-only", type=Path, metavar="FOLDER", help="write a folder without wheels instead")
    what.add_argument("--lock", action="store_true", help="pin the newest wheels anew")
    arguments = parser.parse_args()
    if arguments.lock:
        write_lock()
        return
    check_manifest(ADDON / "blender_manifest.toml")
    if arguments.source_only:
        stage(arguments.source_only)
    else:
        build(arguments.output)


if __name__ == "__main__":
    main()
