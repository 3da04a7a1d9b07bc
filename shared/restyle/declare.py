"""What a job declares about itself: the single source for validation, flags, panel properties and documentation.

A job is declared once in `restyle/jobs/` with these classes and implemented once in `restyle_server/jobs/`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import UsageError
from .words import plain

ParameterType = Literal["int", "float", "bool", "str", "choice"]
Value = int | float | bool | str | None


@dataclass(frozen=True)
class Parameter:
    """One setting of a job.

    name: identifier; also the command line's flag and the panel's property.
    default: used when the caller says nothing; None means that the job decides.
    minimum, maximum: inclusive bounds of an int or float; for a str the largest length is `maximum`.
    choices: the allowed values of a choice, each with one line of help.
    front: shown first in the panel; the others sit in its Advanced part.
    start: of a number without a default, what an artist who sets it begins with.
    """

    name: str
    type: ParameterType
    default: Value
    help: str
    title: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: Mapping[str, str] | None = None
    unit: str = ""
    front: bool = False
    start: float | None = None

    def check(self, value: object) -> Value:
        """Return `value` in the parameter's own type, or raise UsageError that says what is allowed."""
        if value is None and self.default is None:
            return None
        if self.type == "choice":
            choices = self.choices or {}
            if not isinstance(value, str) or value not in choices:
                raise UsageError(f"{self.name}: {value!r} is not one of {', '.join(choices)}.")
            return value
        if self.type == "bool":
            if not isinstance(value, bool):
                raise UsageError(f"{self.name}: {value!r} is not true or false.")
            return value
        if self.type == "str":
            if not isinstance(value, str):
                raise UsageError(f"{self.name}: {value!r} is not a text.")
            self._check_range(len(value), "characters")
            return value
        return self._check_number(value)

    def _check_number(self, value: object) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{self.name}: {value!r} is not a number.")
        if not -sys.float_info.max <= value <= sys.float_info.max:  # NaN fails this too
            raise UsageError(f"{self.name}: {value!r} is not a finite number.")
        if self.type == "int":
            if value != math.floor(value):
                raise UsageError(f"{self.name}: {value!r} is not a whole number.")
            value = int(value)
        self._check_range(value, self.unit)
        return value if self.type == "int" else float(value)

    def _check_range(self, value: float, unit: str) -> None:
        low, high = self.minimum, self.maximum
        words = ("at least" if high is None else "from", "at most" if low is None else "to")
        if (low is not None and value < low) or (high is not None and value > high):
            limits = " ".join(f"{word} {plain(end)}" for word, end in zip(words, (low, high)) if end is not None)
            raise UsageError(f"{self.name}: {plain(value)} is outside its range, {limits} {unit}".rstrip() + ".")


@dataclass(frozen=True)
class Port:
    """One input or output of a job: its name, its kind (see `restyle.kinds`) and one line of help."""

    name: str
    kind: str
    help: str
    optional: bool = False


@dataclass(frozen=True)
class JobDeclaration:
    """A job as everybody but its implementation sees it.

    check: raises UsageError for parameters (defaults filled in) and names of given inputs that are each allowed but do
        not go together; see `check_together`.
    """

    name: str
    title: str
    help: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: tuple[Parameter, ...]
    check: Callable[[Mapping[str, Value], set[str]], None] | None = None

    def check_parameters(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All parameters, defaults filled in and each value checked.

        Raises UsageError for an unknown name or a value outside its range.
        """
        by_name = {parameter.name: parameter for parameter in self.parameters}
        if unknown := sorted(set(given) - set(by_name)):
            raise UsageError(f"{self.name} has no parameter {unknown[0]!r}; it has {', '.join(by_name)}.")
        return {name: p.check(given[name]) if name in given else p.default for name, p in by_name.items()}

    def check_inputs(self, given: set[str]) -> None:
        """Raise UsageError unless `given` names every required input and nothing else."""
        names = {port.name for port in self.inputs}
        if unknown := sorted(given - names):
            raise UsageError(f"{self.name} has no input {unknown[0]!r}; it takes {', '.join(sorted(names))}.")
        for port in self.inputs:
            if not port.optional and port.name not in given:
                raise UsageError(f"{self.name} needs the input {port.name!r} ({port.kind}): {port.help}")

    def check_together(self, parameters: Mapping[str, Value], given: set[str]) -> None:
        """Raise UsageError where parameters, out of `check_parameters`, and given inputs do not go together."""
        if self.check is not None:
            self.check(parameters, given)
