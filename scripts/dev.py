#!/usr/bin/env python3
"""Set up, show and test Restyle on a machine that has Python 3.11 or newer and nothing else.

    python3 scripts/dev.py demo             sets up .venv, stylizes a mesh with the bundled model into demo_output/
    python3 scripts/dev.py test             sets up what is missing; lint, format, types, the default tests
    python3 scripts/dev.py test --marked    then also the slow, blender, gui, gpu, ... tests that this machine can run

Only the standard library is imported here: this script is what installs the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = REPOSITORY / ".venv"
BPY_VERSIONS = {"4.2": "4.2.23", "4.5": "4.5.15", "5.0": "5.0.1", "5.2": "5.2.3"}
BPY_PYTHONS = {"4.2": "3.11", "4.5": "3.11", "5.0": "3.11", "5.2": "3.13"}  # that each one's wheel is for
# Not pyzmq and msgpack: these are to come out of the extension's zip.
BPY_EXTRAS = ("pytest", "pytest-timeout", "platformdirs")
DEMO_PROMPT = "a vase made of red brick"


def python_of(environment: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: list[str | Path], **variables: str) -> None:
    """Run one command from the repository's root; a failure ends this script with the same code."""
    print("\n$ " + " ".join(str(part) for part in command), flush=True)
    code = subprocess.call([str(part) for part in command], cwd=REPOSITORY, env=os.environ | variables)
    if code:
        raise SystemExit(code)


def find_python(version: str) -> str | None:
    """An interpreter of that version ("3.13"): this one, one on the search path, or one that pyenv keeps."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = shutil.which(f"python{version}")
    for candidate in (sys.executable, named, *sorted(kept.glob(f"{version}.*/bin/python"))):
        told = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # Asked, since pyenv puts names on the search path that lead nowhere.
        if candidate and subprocess.run(told, capture_output=True, text=True, check=False).stdout.strip() == version:
            return str(candidate)
    return None


def set_up(environment: Path, *requirements: str, base: str = sys.executable) -> Path:
    """Create the environment if need be and install `requirements` unless the same ones were installed before.

    base: the interpreter that the environment is of.
    """
    wanted = "\n".join(requirements) + (REPOSITORY / "pyproject.toml").read_text()
    stamp = environment / f"restyle-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.installed"
    python = python_of(environment)
    if not stamp.exists():
        if not python.exists():
            print(f"Creating {environment.name} ...", flush=True)
            run([base, "-m", "venv", environment])
        run([python, "-m", "pip", "install", "--quiet", *requirements])
        stamp.touch()
    return python


def demo() -> None:
    """Stylize a mesh that the project makes itself, with the bundled model, and leave pictures of it."""
    python = set_up(ENVIRONMENT, "-e", ".[server]")
    output = REPOSITORY / "demo_output"
    output.mkdir(exist_ok=True)
    run([python, "scripts/demo_mesh.py", output / "vase.obj"])
    stylized = output / "vase_stylized.ply"
    run(
        [
            python,
            "-m",
            "restyle.cli.main",
            "mesh",
            output / "vase.obj",
            DEMO_PROMPT,
            "-o",
            stylized,
            "--preview",
            output,
        ]
    )
    print(f"\nThe stylized mesh: {stylized}\nIts pictures from several sides: {output / 'contact_sheet.png'}")


def test(*, marked: bool) -> None:
    """Lint, format, types and the default tests; with `marked` also what this machine can run of the others."""
    python = set_up(ENVIRONMENT, "-e", ".[test]")
    run([python, "-m", "ruff", "check", "."])
    run([python, "-m", "ruff", "format", "--check", "."])
    run([python, "-m", "mypy"])
    run([python, "-m", "pytest"])
    if marked:
        test_marked(python)


def test_marked(python: Path) -> None:
    """The tests that need more time, or more than a plain Python; each where it can run, and said where it cannot."""
    kinds = ["slow", "chaos"]
    for kind, probe in (
        ("gpu", "import torch, sys; sys.exit(not torch.cuda.is_available())"),
        ("cluster", "import ray"),
    ):
        if subprocess.call([str(python), "-c", probe], stderr=subprocess.DEVNULL) == 0:
            kinds.append(kind)
        else:
            print(f"The {kind} tests are left out: this machine lacks what they need.", flush=True)
    failed = run_pytests([(python, f"({' or '.join(kinds)}) and not blender and not gui", "tests")], at_once=1)
    in_blender = []
    for short, version in BPY_VERSIONS.items():
        base = find_python(BPY_PYTHONS[short])
        if base is None:
            needed = f"its bpy module needs Python {BPY_PYTHONS[short]}, which is not on this machine"
            print(f"The tests in Blender {short} are left out: {needed}.", flush=True)
            continue
        bpy_python = set_up(REPOSITORY / f".venv-bpy-{short}", f"bpy=={version}", *BPY_EXTRAS, base=base)
        # A file each, in a process of its own: a Blender that crashes takes one file's tests with it.
        files = sorted((REPOSITORY / "tests" / "blender").glob("test_*.py"))
        in_blender += [(bpy_python, "blender", str(file)) for file in files]
    if in_blender:
        os.environ["RESTYLE_SERVER_PYTHON"] = str(python)
        run([python, "scripts/build_extension.py", "-o", "build/restyle_extension.zip"])
    # Much of their time is waiting for a server, so there is one for each core.
    failed += run_pytests(in_blender, at_once=max(1, min(4, os.cpu_count() or 1)))
    failed += run_pytests([(python, "gui", "tests/gui")], at_once=1)
    if failed:
        raise SystemExit("These failed:\n" + "\n".join(failed))


def run_pytests(runs: list[tuple[Path, str, str]], *, at_once: int) -> list[str]:
    """Run each (interpreter, marks, where), so many at once, and print what each says once it is over.

    Returns the commands that failed; that no test has the marks is no failure.
    """

    def one(made: tuple[Path, str, str]) -> str | None:
        python, marks, where = made
        command = [str(python), "-m", "pytest", where, "-m", marks]
        begun = time.monotonic()
        done = subprocess.run(command, check=False, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.stdout.decode(errors="replace")
        print(f"\n$ {' '.join(command)}\n{said}({time.monotonic() - begun:.0f} s)", flush=True)
        return None if done.returncode in (0, 5) else " ".join(command)

    with ThreadPoolExecutor(at_once) as pool:
        return [command for command in pool.map(one, runs) if command]


def main() -> None:
    """Read the command and do it."""
    if sys.version_info < (3, 11):  # noqa: UP036  the one place that an older Python reaches
        raise SystemExit(f"Restyle needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="stylize a mesh with the bundled model")
    tests = commands.add_parser("test", help="lint, types and tests")
    tests.add_argument("--marked", action="store_true", help="also the marked tests that this machine can run")
    arguments = parser.parse_args()
    if arguments.command == "demo":
        demo()
    else:
        test(marked=arguments.marked)


if __name__ == "__main__":
    main()
