"""No circles: among the modules of each package imports go one way, those inside functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {"blender_addon": "addon", "shared/restyle": "restyle", "server/restyle_server": "restyle_server"}


def modules(root: Path, package: str) -> dict[str, Path]:
    """The package's modules by their full names."""
    found = {}
    for path in root.rglob("*.py"):
        parts = [package, *path.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(node: ast.AST) -> Iterator[ast.ImportFrom]:
    """The relative and absolute `from` imports, but those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.ImportFrom):
            yield child
        yield from statements(child)


def imports(root: Path, package: str) -> dict[str, set[str]]:
    """Which of the package's modules each of them imports."""
    known = modules(root, package)
    graph = {}
    for name, path in known.items():
        here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        graph[name] = set()
        for statement in statements(ast.parse(path.read_text(encoding="utf-8"))):
            base = here[: len(here) + 1 - statement.level] if statement.level else []
            source = ".".join([*base, *([statement.module] if statement.module else [])])
            named = {f"{source}.{alias.name}" for alias in statement.names}
            graph[name] |= {(each if each in known else source) for each in named} & known.keys() - {name}
    return graph


def in_circles(graph: Mapping[str, set[str]]) -> set[str]:
    """What is left when whatever imports nothing that is left, and whatever nothing left imports, is taken away."""
    left = set(graph)
    while True:
        imported = {other for name in left for other in graph[name]}
        free = {name for name in left if not graph[name] & left or name not in imported}
        if not free:
            return left
        left -= free


def test_circles_are_found():
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == {"b", "c"}
    assert in_circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


def test_imports_in_functions_count_and_those_for_types_do_not(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "one.py").write_text("def late():\n    from . import two\n")
    (tmp_path / "two.py").write_text("if TYPE_CHECKING:\n    from .one import late\n")
    assert imports(tmp_path, "p") == {"p": set(), "p.one": {"p.two"}, "p.two": set()}


@pytest.mark.parametrize("folder", PACKAGES)
def test_there_are_no_circles(folder):
    graph = imports(REPOSITORY / folder, PACKAGES[folder])
    assert len(graph) > 20
    assert any(graph.values())
    assert in_circles(graph) == set()
