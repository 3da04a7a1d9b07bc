"""The tree of errors crosses the wire by code, and is the one that its module draws."""

from __future__ import annotations

import re

import pytest

import restyle
from restyle import errors

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.RestyleError)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_comes_back_as_itself(cls):
    back = errors.error_from_code(cls.code, "what is wrong")
    assert type(back) is cls
    assert back.message == "what is wrong"


def test_codes_are_unique_and_unknown_ones_give_the_root():
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)
    assert type(errors.error_from_code("from_the_future", "x")) is errors.RestyleError


def test_the_drawing_is_the_truth():
    drawn = re.findall(r"(\w+Error)  .*?(?:\((?:exit code )?(\d+)\))?\n", f"{errors.__doc__}\n")
    assert {name for name, _ in drawn} == {cls.__name__ for cls in CLASSES} - {"RestyleError"}
    for name, code in drawn:
        if code:
            assert getattr(errors, name).exit_code == int(code)


def test_every_error_a_caller_decides_on_is_public():
    assert {cls.__name__ for cls in CLASSES} - {"BlobMissingError"} <= set(restyle.__all__)
