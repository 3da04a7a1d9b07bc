"""What the artist sees: the tab Restyle in the sidebars, with a panel for each job made from its declaration.

This is what all editors share; mesh_panels has what the 3D View adds, image_panels the Image Editor and the Sequencer.
"""

from __future__ import annotations

import bpy

from . import image_operators, image_settings, objects, pickers, settings
from .layout import draw_parameters, paragraph, part
from .restyle.declare import JobDeclaration
from .server_panels import draw_stand_in, server_panel
from .task_boxes import draw_tasks


def _job_panel(job: JobDeclaration) -> type[bpy.types.Panel]:
    """The panel of a job: its inputs and what stands in front, the button, the tasks under way, and the rest."""

    def draw(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        layout, group = self.layout, settings.of_scene(context.scene, job)
        column = layout.column()
        for name in settings.text_names(job):
            column.label(text=name.replace("_", " ").capitalize())
            column.prop(group, name, text="")
        pickers.draw(layout, context, group, job)
        values = settings.values(group, job)
        in_front, gone = image_settings.needed(values), image_settings.idle(values)
        front = [one for one in job.parameters if one.front or one.name in in_front]
        draw_parameters(layout, group, front, gone)
        button = layout.column()
        button.scale_y = 1.5
        button.operator(f"restyle.{job.name}", icon="SHADERFX")
        _draw_hints(layout, context, job)
        draw_tasks(layout, job)
        _draw_parts(layout, context, job, {parameter.name for parameter in front})
        if hasattr(group, "model"):
            draw_stand_in(layout, group.model)

    members = {
        "bl_space_type": settings.editor(job),
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": job.title,
        "bl_options": {"DEFAULT_CLOSED"} if settings.editor(job) == "SEQUENCE_EDITOR" else set(),  # retiming is below
        "draw": draw,
    }
    return type(f"RESTYLE_PT_{job.name}", (bpy.types.Panel,), members)


def _draw_parts(layout: bpy.types.UILayout, context: bpy.types.Context, job: JobDeclaration, front: set[str]) -> None:
    """What refines the job, in parts that are closed at first."""
    group = settings.of_scene(context.scene, job)
    values, choices = image_operators.asked(context.scene, job)
    ports = [port.name for port in settings.refining_ports(job)]
    count = sum(name in choices and name not in image_settings.needed(values) for name in ports)
    count += settings.changed(job, values, image_settings.GUIDING)
    if ports and (body := part(layout, job.name, "Guides and Masks", count)):
        pickers.draw_refining(body, context, group, job)
    rest = [one for one in job.parameters if one.name not in (*front, *image_settings.GUIDING)]
    count = settings.changed(job, values, [parameter.name for parameter in rest])
    if rest and (body := part(layout, job.name, "Advanced", count)):
        draw_parameters(body, group, rest, image_settings.idle(values))


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
