"""What the artist can do. Every operator says why it is greyed out, and what to do about an error."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import objects, picks, results, settings, styles
from .link import Server
from .mesh_settings import without_idle
from .restyle.declare import JobDeclaration
from .restyle.errors import BadInputError, CancelledError, RestyleError
from .restyle.jobs import declaration
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


def can_send(cls: Any, context: bpy.types.Context) -> bool:
    """The `poll` of what works on the active object."""
    return allowed(cls, objects.obstacle(context.active_object))


def can_send_chosen(cls: Any, context: bpy.types.Context) -> bool:
    """The `poll` of what works on all chosen objects."""
    return allowed(cls, objects.obstacle_of(objects.chosen(context)))


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


def submit_chosen(job: JobDeclaration, context: bpy.types.Context) -> list[Task]:
    """Send the chosen objects with the scene's settings: all in one job, or one job each if it takes only one."""
    group, objs = settings.of_scene(context.scene, job), objects.chosen(context)
    texts = {name: getattr(group, name) for name in settings.text_names(job)}
    values, choices = settings.values(group, job), settings.choices(group, job)
    if objects.takes_several(job):
        values["object_prompts"] = objects.own_prompts(objs)
        texts, values = without_idle(texts, values)
        return [session().submit(job.name, objs, texts, values, choices)]
    return [session().submit(job.name, obj, texts, values, choices) for obj in objects.different(objs)]


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


def object_operator(job: JobDeclaration) -> type[bpy.types.Operator]:
    """The operator of a job that works on meshes: it sends the selected objects with the scene's settings."""

    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> Outcome:
        return start(self, *submit_chosen(job, context))

    return job_operator(job, can_send_chosen, execute)


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


class RESTYLE_OT_run_again(Again, bpy.types.Operator):
    bl_idname = "restyle.run_again"
    bl_label = "Run Again"
    bl_description = "Stylize this object again with the settings of this result"

    number: IntProperty(name="Result", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        recipe = _result(obj, self.number).recipe
        job, choices = declaration(recipe["job"]).name, picks.from_recipe(recipe, obj.data)
        objs = _made_together(context, recipe) if recipe.get("objects", 1) > 1 else [obj]
        return start(self, session().submit(job, objs, recipe["texts"], self.parameters(recipe), choices))


def _made_together(context: bpy.types.Context, recipe: Mapping[str, Any]) -> list[bpy.types.Object]:
    """The objects of the job that made a result, in their order; BadInputError if not all of them are there."""
    found: dict[int, bpy.types.Object] = {}
    for obj in [context.active_object, *context.view_layer.objects]:
        for result in results.stored(obj.data) if obj.type == "MESH" else ():
            if result.recipe.get("job_id") == recipe["job_id"]:
                found.setdefault(int(result.recipe["object"]), obj)
    objs = [found[number] for number in sorted(found)]
    if len(objs) < recipe["objects"]:
        raise BadInputError(
            f"This result was made of {recipe['objects']} objects together, and not all of them are here with it any "
            "more. Select what is to be stylized and start anew."
        )
    if reason := objects.obstacle_of(objs):
        raise BadInputError(f"{reason}.")
    return objs


def _result(obj: bpy.types.Object, number: int) -> results.Result:
    for result in results.stored(obj.data):
        if result.number == number:
            return result
    raise BadInputError(f"“{obj.name}” has no result {number}.")


class RESTYLE_OT_show_result(bpy.types.Operator):
    bl_idname = "restyle.show_result"
    bl_label = "Show Result"
    bl_description = "Show this result on the object"
    bl_options = {"UNDO"}

    number: IntProperty(name="Result", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        first = results.modifier(obj) is None
        result = _result(obj, self.number)
        results.show(obj, result, colors=not any(obj.data.materials) if first else None)
        if result.recipe.get("variation", 1) == 1 and (style := styles.of_job(str(result.recipe.get("job_id")))):
            context.scene.restyle.style = style
        return {"FINISHED"}


class RESTYLE_OT_remove_result(bpy.types.Operator):
    bl_idname = "restyle.remove_result"
    bl_label = "Remove Result"
    bl_description = "Delete this result from the object; undo brings it back"
    bl_options = {"UNDO"}

    number: IntProperty(name="Result", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        results.remove(context.active_object, _result(context.active_object, self.number).number)
        return {"FINISHED"}


class OfTask:
    """What the operators on one task share."""

    task_id: StringProperty(name="Job", options={"SKIP_SAVE"})

    def task(self) -> Task:
        found = session().tasks.get(self.task_id)
        if found is None:
            raise BadInputError("This job is no longer in the list.")
        return found


class RESTYLE_OT_cancel(OfTask, bpy.types.Operator):
    bl_idname = "restyle.cancel"
    bl_label = "Cancel Job"
    bl_description = "Stop this job; the object stays as it is"

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().cancel(self.task())
        return {"FINISHED"}


class RESTYLE_OT_dismiss(OfTask, bpy.types.Operator):
    bl_idname = "restyle.dismiss"
    bl_label = "Dismiss"
    bl_description = "Take this job out of the list; a result stays on the server for a week"

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().dismiss(self.task())
        return {"FINISHED"}


class RESTYLE_OT_apply(OfTask, bpy.types.Operator):
    bl_idname = "restyle.apply"
    bl_label = "Apply Result"
    bl_description = "Put the result of this job into the scene"

    to: EnumProperty(
        name="To",
        items=[
            ("TARGET", "Its Place", "The object that was sent, beside the image, or above the strip"),
            ("ACTIVE", "Active Object", "The active object, if it has the same vertices and faces"),
            ("NEW", "Something New", "A new object made from the mesh as it was sent, or a strip where that one was"),
        ],
    )

    variation: IntProperty(name="Variation", description="Which one of several results", default=1, min=1)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties["to"].enum_items[properties.to].description)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        task = self.task()
        if self.variation > task.variations:
            raise BadInputError(f"This job has no variation {self.variation}.")
        session().apply(task, self.to, context.active_object, self.variation)
        return {"FINISHED"}


class RESTYLE_OT_fetch(bpy.types.Operator):
    bl_idname = "restyle.fetch"
    bl_label = "Fetch Result by Job ID"
    bl_description = "Get the result of a job by its id, from an earlier session or from a script"

    job_id: StringProperty(name="Job ID", description="As the log or `restyle jobs list` shows it")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        return context.window_manager.invoke_props_dialog(self)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        task = session().fetch(self.job_id.strip())
        if not bpy.app.background:
            return {"FINISHED"}
        session().wait(task, until=State.READY)
        if task.error is not None:
            raise task.error
        if task.state is not State.APPLIED:
            found = task.target.find(session().loads) if task.target else None
            session().apply(task, "TARGET" if found is not None else "ACTIVE", context.active_object)
        return {"FINISHED"}


class RESTYLE_OT_start_server(bpy.types.Operator):
    bl_idname = "restyle.start_server"
    bl_label = "Start Server"
    bl_description = "Start the compute server on this machine"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if settings.preferences().server_address.strip():
            cls.poll_message_set("The preferences name the address of a server, which is to be started where it runs")
            return False
        if settings.server_python() is None:
            cls.poll_message_set("Set Server Python in Preferences > Add-ons > Restyle first")
            return False
        return session().server in (Server.OFF, Server.LOST)

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().start_server()
        return {"FINISHED"}


class RESTYLE_OT_stop_server(bpy.types.Operator):
    bl_idname = "restyle.stop_server"
    bl_label = "Stop Server"
    bl_description = "Stop the compute server that this Blender started; its jobs are kept and go on at the next start"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not session().owns_server:
            cls.poll_message_set("This server was started elsewhere: stop it there")
            return False
        return True

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().stop_server()
        return {"FINISHED"}


fixed = (
    RESTYLE_OT_run_again,
    RESTYLE_OT_show_result,
    RESTYLE_OT_remove_result,
    RESTYLE_OT_cancel,
    RESTYLE_OT_dismiss,
    RESTYLE_OT_apply,
    RESTYLE_OT_fetch,
    RESTYLE_OT_start_server,
    RESTYLE_OT_stop_server,
)
