"""The kinds of values that travel between a client and a job: a short closed list.

Each kind is a module with the same four functions, so that the codec, the store, the client and the add-on treat all
of them alike:

    validate(value) -> None            raises BadInputError that names the array and the first bad index
    pack(value) -> Packed              small plain data for the header, and arrays that travel as blobs
    unpack(packed) -> value            the inverse; raises BadInputError for anything that does not fit
    NAME                               the kind's name in declarations and on the wire

A value is validated where it enters (the client, before sending) and again where it is used (the server, after
receiving: peers are not trusted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import BadInputError, UsageError
from . import attributes, curve, frames, image, mask, mesh, model, passes, report, text
from .packed import Packed

__all__ = ["KINDS", "Kind", "Packed", "kind", "validate_input"]


@dataclass(frozen=True)
class Kind:
    """One kind of value: how it is checked and how it becomes plain data and arrays."""

    name: str
    validate: Callable[[Any], None]
    pack: Callable[[Any], Packed]
    unpack: Callable[[Packed], Any]


KINDS = {
    module.NAME: Kind(module.NAME, module.validate, module.pack, module.unpack)
    for module in (mesh, image, frames, passes, mask, curve, text, attributes, report, model)
}


def kind(name: str) -> Kind:
    """The kind called `name`; UsageError names the known ones."""
    try:
        return KINDS[name]
    except KeyError:
        raise UsageError(f"There is no kind {name!r}; known are {', '.join(KINDS)}.") from None


def validate_input(name: str, kind_name: str, value: Any) -> None:
    """Raise BadInputError that names the input, as all errors of inputs do ("NAME: ..."), unless it is of its kind."""
    try:
        kind(kind_name).validate(value)
    except BadInputError as error:
        if not error.message.startswith(f"{kind_name}: "):  # the file is named already
            raise
        raise BadInputError(name + error.message.removeprefix(kind_name)) from error
