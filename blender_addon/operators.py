"""What the artist can do with the server and with tasks, of whatever job they are."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from . import preferred
from .operator_parts import OfTask, Outcome, described_by, reporting
from .reports import Server
from .restyle.errors import BadInputError
from .session import session
from .tasks import State


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

    description = described_by("to")

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
        if preferred.preferences().server_address.strip():
            cls.poll_message_set("The preferences name the address of a server, which is to be started where it runs")
            return False
        if preferred.server_python() is None:
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


classes = (
    RESTYLE_OT_cancel,
    RESTYLE_OT_dismiss,
    RESTYLE_OT_apply,
    RESTYLE_OT_fetch,
    RESTYLE_OT_start_server,
    RESTYLE_OT_stop_server,
)
