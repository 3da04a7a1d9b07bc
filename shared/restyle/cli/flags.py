"""Flags of a command from the declaration of its job, so that each setting is described in one place only."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..declare import JobDeclaration, Parameter, Value
from ..errors import UsageError
from ..words import plain


def add_parameters(parser: argparse.ArgumentParser, job: JobDeclaration, without: tuple[str, ...] = ()) -> None:
    """Give `parser` a flag for every parameter of `job`, in the declared order, but those that the command sets."""
    group = parser.add_argument_group("settings")
    parser.set_defaults(**dict.fromkeys(without))
    for parameter in job.parameters:
        if parameter.name in without:
            continue
        flag = f"--{parameter.name.replace('_', '-')}"
        if parameter.type == "bool":
            action = argparse.BooleanOptionalAction
            group.add_argument(flag, dest=parameter.name, action=action, default=None, help=_help(parameter))
            continue
        choices = tuple(parameter.choices or ()) or None
        metavar = None if choices else parameter.type.upper() if parameter.type != "str" else "TEXT"
        group.add_argument(
            flag, dest=parameter.name, type=_reader(parameter), choices=choices, metavar=metavar, help=_help(parameter)
        )


def given_parameters(arguments: argparse.Namespace, job: JobDeclaration) -> dict[str, Value]:
    """What the caller set; the rest is left to the declaration's defaults."""
    values = {parameter.name: getattr(arguments, parameter.name) for parameter in job.parameters}
    return {name: value for name, value in values.items() if value is not None}


def _reader(parameter: Parameter) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        try:
            number = {"int": int, "float": float}.get(parameter.type, str)(text)
        except ValueError:
            kind = "whole number" if parameter.type == "int" else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {kind}.") from None
        try:
            return parameter.check(number)
        except UsageError as error:
            raise argparse.ArgumentTypeError(error.message.removeprefix(f"{parameter.name}: ")) from None

    return read


def _help(parameter: Parameter) -> str:
    parts = [parameter.help]
    if parameter.choices:
        parts.append(" ".join(f"{name}: {text}." for name, text in parameter.choices.items()))
    elif parameter.type in ("int", "float") and parameter.minimum is not None and parameter.maximum is not None:
        parts.append(f"{plain(parameter.minimum)} to {plain(parameter.maximum)} {parameter.unit}".rstrip() + ".")
    default = parameter.default
    if isinstance(default, bool):
        parts.append(f"[{'on' if default else 'off'}]")
    elif default is not None:
        parts.append(f"[{default if isinstance(default, str) else plain(default)}]")
    return " ".join(parts).replace("%", "%%")
