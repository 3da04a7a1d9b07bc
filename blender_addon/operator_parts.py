"""What operators share: why one is greyed out, how it says what went wrong, which task or which seed it is about."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from .restyle.declare import JobDeclaration
from .restyle.errors import BadInputError, CancelledError, RestyleError
from .session import session
from .tasks import State, Task

Outcome = set[str]
MAX_SEED = 2**31 - 1


def reporting(execute: Callable[[Any, bpy.types.Context], Outcome]) -> Callable[[Any, bpy.types.Context], Outcome]:
    """Have an `execute` report Restyle's errors as a short message instead of a trace."""

    def wrapped(self: Any, context: bpy.types.Context) -> Outcome:
        try:
            return execute(self, context)
        except CancelledError as error:
            self.report({"WARNING"}, error.message)
        except RestyleError as error:
            self.report({"ERROR"}, error.message)
        return {"CANCELLED"}

    return wrapped


def allowed(cls: Any, reason: str) -> bool:
    """What a `poll` returns: True without a reason why not; otherwise that is what the greyed button says."""
    if reason:
        cls.poll_message_set(reason)
    return not reason


def described_by(name: str) -> Any:
    """A `description` that says of a button what the chosen item of the operator's property `name` says of itself."""

    def description(_cls: Any, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties[name].enum_items[getattr(properties, name)].description)

    return classmethod(description)


def start(operator: bpy.types.Operator, *tasks: Task) -> Outcome:
    """Let submitted tasks run; without a window, where no timer fires, until their results are in the file."""
    if not bpy.app.background:
        return {"FINISHED"}
    for task in tasks:
        session().wait(task)
        if task.error is not None:
            raise task.error
        if task.state is State.BLOCKED:
            raise BadInputError(task.why)
        operator.report({"INFO"}, f"{task.label}: done")
    return {"FINISHED"}


def job_operator(
    job: JobDeclaration,
    poll: Callable[[Any, bpy.types.Context], bool],
    execute: Callable[[Any, bpy.types.Context], Outcome],
) -> type[bpy.types.Operator]:
    """The operator `restyle.<job>`."""
    members = {
        "bl_idname": f"restyle.{job.name}",
        "bl_label": job.title,
        "bl_description": job.help.rstrip("."),
        "poll": classmethod(poll),
        "execute": reporting(execute),
    }
    return type(f"RESTYLE_OT_{job.name}", (bpy.types.Operator,), members)


class Again:
    """What the operators share that make a result again, with its own settings."""

    new_seed: BoolProperty(name="New Seed", description="Take another seed, for another variation")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        """What a button says of itself."""
        seed = "another seed, for another variation" if properties.new_seed else "the same seed"
        return f"{cls.bl_description} and {seed}"

    def parameters(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """The result's parameters, with another seed if that is wanted."""
        parameters = dict(recipe["parameters"])
        if self.new_seed:
            parameters["seed"] = random.randint(0, MAX_SEED)  # noqa: S311  variety, not secrecy
        return parameters


class OfTask:
    """What the operators on one task share."""

    task_id: StringProperty(name="Job", options={"SKIP_SAVE"})

    def task(self) -> Task:
        found = session().tasks.get(self.task_id)
        if found is None:
            raise BadInputError("This job is no longer in the list.")
        return found
