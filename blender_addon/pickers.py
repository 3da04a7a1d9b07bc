"""How the panel has the artist choose a job's pictures, clips, masks and render passes."""

from __future__ import annotations

from typing import Any

import bpy

from . import compat, image_operators, image_settings, pictures, settings, strips
from .layout import draw_parameters, paragraph
from .restyle.declare import JobDeclaration, Port

ENGINES_WITHOUT_IDS = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")


def draw(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    """The job's pictures or clip, and a mask that the chosen mode cannot do without."""
    parameters, choices = image_operators.asked(context.scene, job)
    needed, unused = image_settings.needed(parameters), image_settings.idle(parameters)
    filled = image_operators.filled_by_shown(context, job, parameters, choices)
    for port in settings.picture_ports(job):
        if port.kind == "frames" and not port.optional:
            _frames(layout, context, group, port)
        elif port.kind == "image" and port.name not in unused:
            draw_image(layout, context, group, port)
            if port.name == filled and getattr(group, f"from_{filled}").source == "IMAGE":
                shown = image_operators.shown_image(context)
                layout.label(text=f"Takes: {shown.name}", icon="BLANK1", translate=False)
        elif port.kind == "mask" and port.name in needed:
            _mask(layout, group, port)


def draw_refining(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    """Guides and masks, and how much guides count."""
    values = settings.values(group, job)
    gone = image_settings.idle(values)
    if why := image_settings.guideless(values):
        paragraph(layout, why, "INFO")
    passes = [port for port in settings.refining_ports(job) if port.kind == "passes"]
    for port in passes:
        _passes(_greyed(layout, port.name in gone), context, group, job, port)
    if any(getattr(group, f"from_{port.name}").source == "RENDER" for port in passes if port.name not in gone):
        _draw_passes_hint(layout, context)
    guiding = [parameter for parameter in job.parameters if parameter.name in image_settings.GUIDING]
    draw_parameters(layout, group, guiding, gone)
    for port in settings.refining_ports(job):
        column = _greyed(layout, port.name in gone)
        if port.kind == "mask" and port.name not in image_settings.needed(values):
            _mask(column, group, port)
        elif port.kind == "frames":
            _source(column, context, getattr(group, f"from_{port.name}"), settings.title(port))


def _greyed(layout: bpy.types.UILayout, idle: bool) -> bpy.types.UILayout:
    column = layout.column()
    column.active = not idle
    return column


def draw_image(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, port: Port
) -> None:
    """Where one picture comes from."""
    chosen = getattr(group, f"from_{port.name}")
    column = layout.column(align=True)
    row = column.row(align=True)
    row.label(text=settings.title(port))
    row.prop(chosen, "source", text="")
    if chosen.source == "IMAGE":
        column.template_ID(chosen, "image", open="image.open")
    elif chosen.source == "FILE":
        column.prop(chosen, "path", text="")
    elif chosen.source == "STRIP":
        _strip(column, context, chosen, "strip")
    elif bpy.data.images.get(pictures.RENDER) is None:
        column.label(text="Render first (F12)", icon="INFO")


def _frames(layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, port: Port) -> None:
    column = layout.column(align=True)
    column.label(text=settings.title(port))
    _strip(column, context, group, f"from_{port.name}")


def _strip(
    layout: bpy.types.UILayout, context: bpy.types.Context, owner: Any, name: str, *, active: bool = True
) -> None:
    """active: whether the active strip is taken if none is chosen."""
    scene = compat.sequencer_scene(context)
    if scene.sequence_editor is None:
        layout.label(text="This scene has no strips", icon="INFO")
        return
    layout.prop_search(owner, name, scene.sequence_editor, compat.all_strips(scene.sequence_editor)[1], text="")
    taken = strips.chosen(scene, "")
    if active and not getattr(owner, name) and taken is not None:
        layout.label(text=f"Takes: {taken.name}", icon="BLANK1", translate=False)


def _mask(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, port: Port) -> None:
    column = layout.column(align=True)
    column.label(text=settings.title(port))
    column.template_ID(group, f"from_{port.name}", new="image.new", open="image.open")


def _passes(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    group: bpy.types.PropertyGroup,
    job: JobDeclaration,
    port: Port,
) -> None:
    column = _source(layout, context, getattr(group, f"from_{port.name}"), settings.title(port))
    if port.name == "appearance_passes":
        column.operator("restyle.keep_render", text="Take from This Render", icon="RENDER_RESULT").job = job.name


def _source(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any, title: str) -> bpy.types.UILayout:
    """Where a guide or a clip's mask comes from, and what of that."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.label(text=title)
    row.prop(chosen, "source", text="")
    if chosen.source == "FILE":
        column.prop(chosen, "path", text="")
    elif chosen.source == "IMAGE":
        column.template_ID(chosen, "image", new="image.new", open="image.open")
    elif chosen.source == "STRIP":
        _strip(column, context, chosen, "strip", active=False)
    return column


def _draw_passes_hint(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    if missing := image_operators.missing_passes(context):
        paragraph(layout, f"Not rendered by this view layer: {', '.join(missing)}.", "INFO")
        layout.operator("restyle.enable_passes", icon="RENDERLAYERS")
        paragraph(layout, "Then render again.")
    if context.scene.render.engine in ENGINES_WITHOUT_IDS:
        paragraph(layout, "Only Cycles renders object and material index; this engine gives depth and normal.", "INFO")
    elif not any(obj.pass_index for obj in context.scene.objects):
        text = "Every object has the pass index 0: number them in Object Properties > Relations > Pass Index."
        paragraph(layout, text, "INFO")
