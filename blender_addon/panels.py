"""What the artist sees: the tab Restyle in the sidebars, with a panel for each job made from its declaration.

This is what all editors share; mesh_panels has what the 3D View adds, image_panels the Image Editor and the Sequencer.
"""

from __future__ import annotations

import bpy

from . import image_operators, objects, pickers, settings
from .layout import draw_parameters, paragraph
from .restyle.declare import JobDeclaration
from .server_panels import draw_stand_in, server_panel
from .task_boxes import draw_tasks


def _job_panel(job: JobDeclaration) -> type[bpy.types.Panel]:
    """The panel of a job: its inputs, its parameters, the button, and the tasks under way."""

    def draw(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        layout, group = self.layout, settings.of_scene(context.scene, job)
        column = layout.column()
        for name in settings.text_names(job):
            column.label(text=name.replace("_", " ").capitalize())
            column.prop(group, name, text="")
        pickers.draw(layout, context, group, job)
        draw_parameters(layout, group, [parameter for parameter in job.parameters if parameter.front])
        header, advanced = layout.panel(f"restyle_{job.name}_advanced", default_closed=True)
        header.label(text="Advanced")
        if advanced:
            draw_parameters(advanced, group, [parameter for parameter in job.parameters if not parameter.front])
        button = layout.column()
        button.scale_y = 1.5
        button.operator(f"restyle.{job.name}", icon="SHADERFX")
        _draw_hints(layout, context, job)
        if hasattr(group, "model"):
            draw_stand_in(layout, group.model)
        draw_tasks(layout, job)

    members = {
        "bl_space_type": settings.editor(job),
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": job.title,
        "bl_options": {"DEFAULT_CLOSED"} if settings.editor(job) == "SEQUENCE_EDITOR" else set(),  # below retiming
        "draw": draw,
    }
    return type(f"RESTYLE_PT_{job.name}", (bpy.types.Panel,), members)


def _draw_hints(layout: bpy.types.UILayout, context: bpy.types.Context, job: JobDeclaration) -> None:
    if settings.editor(job) == "VIEW_3D":
        reason = objects.obstacle_of(objects.chosen(context))
    else:
        reason = image_operators.obstacle(context, job)
    if reason:
        paragraph(layout, reason, "INFO")


def classes() -> list[type]:
    """The panels that stand in every editor, and those of jobs that have none of their own."""
    editors: tuple[settings.Editor, ...] = ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR")
    own = ("stylize_mesh", "apply_style", "bake_style", "retime_clip")
    jobs = [job for job in settings.panel_jobs() if job.name not in own]
    return [*(server_panel(editor) for editor in editors), *(_job_panel(job) for job in jobs)]
