"""What the artist can do. Every operator says why it is greyed out, and what to do about an error."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import picks, results, settings
from .delivery import check_editable
from .link import Server
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


def obstacle(obj: bpy.types.Object | None) -> str:
    """Why the object cannot be sent, with the next step; empty if it can."""
    if obj is None:
        return "Select a mesh object first"
    if obj.type != "MESH":
        return f"“{obj.name}” is not a mesh: select one, or convert a copy with Object > Convert > Mesh"
    try:
        check_editable(obj)
    except BadInputError as error:
        return error.message
    if obj.mode != "OBJECT" or obj.data.is_editmode:
        return f"Leave {obj.mode.replace('_', ' ').title()} Mode first"
    if len(obj.data.polygons) == 0:
        return f"“{obj.name}” has no faces: only a surface can be stylized"
    return ""


def _can_send(cls: Any, context: bpy.types.Context) -> bool:
    if reason := obstacle(context.active_object):
        cls.poll_message_set(reason)
        return False
    return True


def start(operator: bpy.types.Operator, task: Task) -> Outcome:
    """Let a submitted task run; without a window, where no timer fires, until its result is in the file."""
    if not bpy.app.background:
        return {"FINISHED"}
    session().wait(task)
    if task.error is not None:
        raise task.error
    if task.state is State.BLOCKED:
        raise BadInputError(task.why)
    operator.report({"INFO"}, f"{task.label}: done")
    return {"FINISHED"}


def object_operator(job: JobDeclaration) -> type[bpy.types.Operator]:
    """The operator `restyle.<job>`, which sends the active object with the scene's settings."""

    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> Outcome:
        group = settings.of_scene(context.scene, job)
        texts = {name: getattr(group, name) for name in settings.text_names(job)}
        choices = settings.choices(group, job)
        return start(
            self, session().submit(job.name, context.active_object, texts, settings.values(group, job), choices)
        )

    members = {
        "bl_idname": f"restyle.{job.name}",
        "bl_label": job.title,
        "bl_description": job.help.rstrip("."),
        "poll": classmethod(_can_send),
        "execute": reporting(execute),
    }
    return type(f"RESTYLE_OT_{job.name}", (bpy.types.Operator,), members)


class RESTYLE_OT_run_again(bpy.types.Operator):
    bl_idname = "restyle.run_again"
    bl_label = "Run Again"
    bl_description = "Stylize this object again with the settings of a result"

    number: IntProperty(name="Result", options={"SKIP_SAVE"})
    new_seed: BoolProperty(name="New Seed", description="Take another seed, for another variation")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        seed = "another seed, for another variation" if properties.new_seed else "the same seed"
        return f"Stylize this object again with the settings of this result and {seed}"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        recipe = _result(obj, self.number).recipe
        parameters = dict(recipe["parameters"])
        if self.new_seed:
            parameters["seed"] = random.randint(0, MAX_SEED)  # noqa: S311  variety, not secrecy
        job, choices = declaration(recipe["job"]).name, picks.from_recipe(recipe, obj.data)
        return start(self, session().submit(job, obj, recipe["texts"], parameters, choices))


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
        return _can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        obj = context.active_object
        first = results.modifier(obj) is None
        results.show(obj, _result(obj, self.number), colors=not any(obj.data.materials) if first else None)
        return {"FINISHED"}


class RESTYLE_OT_remove_result(bpy.types.Operator):
    bl_idname = "restyle.remove_result"
    bl_label = "Remove Result"
    bl_description = "Delete this result from the object; undo brings it back"
    bl_options = {"UNDO"}

    number: IntProperty(name="Result", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _can_send(cls, context)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        results.remove(context.active_object, _result(context.active_object, self.number).number)
        return {"FINISHED"}


class _OfTask:
    """What the operators on one task share."""

    task_id: StringProperty(name="Job", options={"SKIP_SAVE"})

    def task(self) -> Task:
        found = session().tasks.get(self.task_id)
        if found is None:
            raise BadInputError("This job is no longer in the list.")
        return found


class RESTYLE_OT_cancel(_OfTask, bpy.types.Operator):
    bl_idname = "restyle.cancel"
    bl_label = "Cancel Job"
    bl_description = "Stop this job; the object stays as it is"

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().cancel(self.task())
        return {"FINISHED"}


class RESTYLE_OT_dismiss(_OfTask, bpy.types.Operator):
    bl_idname = "restyle.dismiss"
    bl_label = "Dismiss"
    bl_description = "Take this job out of the list; a result stays on the server for a week"

    @reporting
    def execute(self, _context: bpy.types.Context) -> Outcome:
        session().dismiss(self.task())
        return {"FINISHED"}


class RESTYLE_OT_apply(_OfTask, bpy.types.Operator):
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

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return str(properties.bl_rna.properties["to"].enum_items[properties.to].description)

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        session().apply(self.task(), self.to, context.active_object)
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
