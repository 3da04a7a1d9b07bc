"""The jobs that Restyle knows, each declared in a module of this folder as `JOBS: tuple[JobDeclaration, ...]`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..declare import JobDeclaration
from ..errors import UsageError


@cache
def declarations() -> dict[str, JobDeclaration]:
    """Every declared job by name, found by looking into this folder, so that a new job needs no list to be edited."""
    found: dict[str, JobDeclaration] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        for job in importlib.import_module(f"{__name__}.{module.name}").JOBS:
            found[job.name] = job
    return found


def declaration(name: str) -> JobDeclaration:
    """The declaration of the job called `name`; UsageError names the known ones."""
    try:
        return declarations()[name]
    except KeyError:
        raise UsageError(f"There is no job {name!r}; known are {', '.join(declarations())}.") from None
