"""Declarations: defaults, checks, and that every declared job is complete."""

from __future__ import annotations

import keyword
from dataclasses import replace

import pytest

from restyle.declare import JobDeclaration, Parameter, Port
from restyle.errors import UsageError
from restyle.jobs import declaration, declarations
from restyle.kinds import KINDS

JOB = JobDeclaration(
    "bake",
    "Bake",
    "Bakes.",
    inputs=(Port("mesh", "mesh", "The mesh."), Port("mask", "image", "A mask.", optional=True)),
    outputs=(Port("report", "report", "Scores."),),
    parameters=(
        Parameter("count", "int", 3, "How many.", minimum=1, maximum=9),
        Parameter("speed", "float", 1.0, "How fast.", minimum=0.5, unit="m/s"),
        Parameter("loud", "bool", False, "Whether aloud."),
        Parameter("name", "str", "auto", "Which.", minimum=1, maximum=5),
        Parameter("way", "choice", "up", "Where.", choices={"up": "Up", "down": "Down"}),
        Parameter("limit", "int", None, "Up to when; empty for no limit.", minimum=1),
    ),
)


def test_defaults_are_filled_in():
    assert JOB.check_parameters({}) == {
        "count": 3,
        "speed": 1.0,
        "loud": False,
        "name": "auto",
        "way": "up",
        "limit": None,
    }


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({"count": 9.0}, 9),
        ({"speed": 2}, 2.0),
        ({"loud": True}, True),
        ({"limit": None}, None),
        ({"name": "abcde"}, "abcde"),
    ],
)
def test_values_take_the_type_of_their_parameter(given, checked):
    (name,) = given
    found = JOB.check_parameters(given)[name]
    assert found == checked
    assert type(found) is type(checked)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 0}, "count: 0 is outside its range, from 1 to 9"),
        ({"count": 1.5}, "not a whole number"),
        ({"count": True}, "not a number"),
        ({"count": "3"}, "not a number"),
        ({"count": None}, "not a number"),
        ({"count": float("inf")}, "not a finite number"),
        ({"count": float("nan")}, "not a finite number"),
        ({"speed": 10**400}, "not a finite number"),
        ({"speed": float("nan")}, "not a finite number"),
        ({"speed": float("inf")}, "not a finite number"),
        ({"speed": 0.1}, "at least 0.5 m/s"),
        ({"loud": 1}, "not true or false"),
        ({"name": ""}, "from 1 to 5 characters"),
        ({"name": "abcdef"}, "characters"),
        ({"name": 5}, "not a text"),
        ({"way": "left"}, "not one of up, down"),
        ({"way": ["up"]}, "not one of"),
        ({"colour": 1}, "no parameter 'colour'; it has count"),
    ],
)
def test_values_outside_are_refused_by_name(given, message):
    with pytest.raises(UsageError, match=message):
        JOB.check_parameters(given)


def test_inputs_are_checked_by_name():
    JOB.check_inputs({"mesh"})
    JOB.check_inputs({"mesh", "mask"})
    with pytest.raises(UsageError, match="needs the input 'mesh'"):
        JOB.check_inputs({"mask"})
    with pytest.raises(UsageError, match="no input 'hat'"):
        JOB.check_inputs({"mesh", "hat"})


def test_what_does_not_go_together_is_for_the_declaration_to_say():
    JOB.check_together(JOB.check_parameters({}), {"mesh"})

    def check(parameters, given):
        if parameters["loud"] and "mask" not in given:
            raise UsageError("loud needs a mask.")

    choosy = replace(JOB, check=check)
    choosy.check_together(choosy.check_parameters({"loud": True}), {"mesh", "mask"})
    with pytest.raises(UsageError, match=r"loud needs a mask\."):
        choosy.check_together(choosy.check_parameters({"loud": True}), {"mesh"})


def test_unknown_jobs_are_refused_by_name():
    with pytest.raises(UsageError, match=r"no job 'dance'; known are .*stylize_mesh"):
        declaration("dance")


@pytest.mark.parametrize("job", declarations().values(), ids=declarations())
def test_every_declared_job_is_complete(job):
    names = [*(port.name for port in job.inputs), *(parameter.name for parameter in job.parameters)]
    assert len(set(names)) == len(names), "an input and a parameter share a name"
    assert not {"job_name", "job_id"} & set(names), "Client.submit has these names itself"
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in [job.name, *names])
    assert {port.kind for port in (*job.inputs, *job.outputs)} <= set(KINDS)
    assert all(part.help.endswith(".") for part in (*job.inputs, *job.outputs, *job.parameters))
    assert job.check_parameters({parameter.name: parameter.default for parameter in job.parameters})
    for parameter in job.parameters:
        if parameter.start is not None:
            assert parameter.default is None
            assert parameter.check(parameter.start) == parameter.start
