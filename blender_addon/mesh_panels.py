"""What the artist sees in the 3D View: the panel of `stylize_mesh`, results on an object, styles.

In front are the prompt, the preset and the button. What refines them is in parts that are closed at first, and that say
how many of their settings are not as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import bpy

from . import compat, objects, pickers, results, settings, styles, swatches
from .layout import draw_again, draw_parameter, draw_parameters, draw_recipe, paragraph, part
from .mesh_settings import FRONT, LIMITS, OWN_PLACE, VIEW, filled_targets, idle, slots, without_idle
from .restyle.declare import JobDeclaration
from .restyle.jobs import declaration
from .restyle.jobs.stylize_mesh import IMAGES, PROMPTS, TARGET_MESHES
from .server_panels import draw_stand_in
from .task_boxes import draw_tasks

SWATCHES_IN_ROW = 4
STYLE_JOBS = ("apply_style", "bake_style")
GENERATING = ("ARRAY", "BEVEL", "BOOLEAN", "BUILD", "DECIMATE", "EDGE_SPLIT", "MASK", "MIRROR", "MULTIRES", "REMESH")
GENERATING += ("SCREW", "SKIN", "SOLIDIFY", "SUBSURF", "TRIANGULATE", "WELD", "WIREFRAME")


class RESTYLE_PT_stylize_mesh(bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Stylize Mesh"

    def draw(self, context: bpy.types.Context) -> None:
        layout, job = self.layout, declaration("stylize_mesh")
        group, objs = settings.of_scene(context.scene, job), objects.chosen(context)
        layout.prop(group, PROMPTS[0], text="", icon="GREASEPENCIL", placeholder="Describe what it should look like")
        draw_parameters(layout, group, _parameters(job, FRONT))
        button = layout.column()
        button.scale_y = 1.5
        count = len(objs)
        text = f"Stylize {count} Meshes Together" if count > 1 else job.title
        button.operator("restyle.stylize_mesh", text=text, icon="SHADERFX")
        _draw_hints(layout, objs)
        draw_tasks(layout, job)
        for title, changed, draw in _parts(context, group, job):
            if body := part(layout, job.name, title, changed):
                draw(body, context, group, job)
        draw_stand_in(layout, group.model)


Draw = Callable[[bpy.types.UILayout, bpy.types.Context, Any, JobDeclaration], None]


def _parts(
    context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> Iterator[tuple[str, int, Draw]]:
    """The parts: a title, how many settings in it are not as they were, and what draws it."""
    yield "Targets", _changed_targets(context, group, job), _draw_targets
    yield "Limits", _changed(group, job, LIMITS) + bool(context.scene.restyle.mask), _draw_limits
    yield "View", _changed(group, job, VIEW), _draw_view
    yield "Advanced", _changed(group, job, _advanced(job)), _draw_advanced


def _advanced(job: JobDeclaration) -> list[str]:
    return [parameter.name for parameter in job.parameters if parameter.name not in OWN_PLACE]


def _parameters(job: JobDeclaration, names: Sequence[str]) -> list[Any]:
    return [parameter for name in names for parameter in job.parameters if parameter.name == name]


def _changed(group: bpy.types.PropertyGroup, job: JobDeclaration, names: Sequence[str]) -> int:
    _, counting = without_idle({}, settings.values(group, job))
    return settings.changed(job, counting, names)


def _changed_targets(context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration) -> int:
    objs, given = objects.chosen(context), set(settings.choices(group, job))
    more = [name for name in filled_targets(group, given) if name != PROMPTS[0]]
    own = sum(bool(obj.restyle.prompt.strip()) for obj in objs) if len(objs) > 1 else 0
    return len(more) + bool(group.geometry_prompt.strip()) + own


def _draw_hints(layout: bpy.types.UILayout, objs: Sequence[bpy.types.Object]) -> None:
    if reason := objects.obstacle_of(objs):
        paragraph(layout, reason, "INFO")
        return
    obj = objs[0]
    sharing = obj.data.users - obj.data.use_fake_user
    if sharing > 1 and len(objs) == 1:
        text = f"{sharing} objects share this mesh: the result is stored for all of them and shown on this one."
        paragraph(layout, text, "INFO")
        alone = layout.operator("object.make_single_user", text="Make Single User")
        alone.type, alone.object, alone.obdata = "SELECTED_OBJECTS", True, True
    if len(objs) == 1 and any(modifier.type in GENERATING and modifier.show_viewport for modifier in obj.modifiers):
        paragraph(layout, "What is stylized is the mesh below the modifiers; they then work on the result.", "INFO")
        layout.operator("restyle.finer_copy", text="Copy with Modifiers Applied").method = "MODIFIERS"


# The parts


def _draw_targets(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    given, values = set(settings.choices(group, job)), settings.values(group, job)
    filled = filled_targets(group, given)
    weighed = len(filled) > 1
    texts = {name for name in PROMPTS if name in filled} | {PROMPTS[0]}
    if weighed and PROMPTS[0] in filled:
        layout.prop(group, f"{PROMPTS[0]}_weight", text="Weight of the Prompt Above")
    for name in slots(PROMPTS, texts)[1:]:
        column = layout.column(align=True)
        column.prop(group, name, text="", icon="GREASEPENCIL", placeholder="Another prompt")
        _draw_weight(column, group, name, shown=weighed and name in filled)
    for name in slots(IMAGES, given):
        column = layout.column(align=True)
        pickers.draw_image(column, context, group, next(port for port in job.inputs if port.name == name))
        _draw_weight(column, group, name, shown=weighed and name in filled)
    for name in slots(TARGET_MESHES, given):
        column = layout.column(align=True)
        column.prop(group, f"from_{name}", text="", icon="MESH_DATA", placeholder="Mesh to look like")
        _draw_weight(column, group, name, shown=weighed and name in filled)
    shape = layout.column()
    shape.active = "geometry_prompt" not in idle(values)
    shape.prop(group, "geometry_prompt", text="", icon="MOD_SMOOTH", placeholder="Bare shape, if not the same")
    objs = objects.different(objects.chosen(context))
    if len(objs) < 2:
        return
    column = layout.column(align=True)
    for obj in objs:
        row = column.split(factor=0.4, align=True)
        row.label(text=obj.name, icon="OBJECT_DATA", translate=False)
        row.prop(obj.restyle, "prompt", text="", placeholder="The same")
    if any(obj.restyle.prompt.strip() for obj in objs):
        layout.prop(group, "object_prompts_weight", text="Weight of Their Own")


def _draw_weight(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup, name: str, *, shown: bool) -> None:
    if shown:
        layout.prop(group, f"{name}_weight", text="Weight")


def _draw_limits(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    layout.use_property_split, layout.use_property_decorate = True, False
    obj, of_all_jobs = next(iter(objects.chosen(context)), None), context.scene.restyle
    if obj is not None and obj.type == "MESH":
        layout.prop_search(of_all_jobs, "mask", obj, "vertex_groups")
    if of_all_jobs.mask and obj is not None and obj.type == "MESH":
        _draw_lacking(layout, objects.chosen(context), of_all_jobs.mask)
    gone = idle(settings.values(group, job))
    for parameter in _parameters(job, LIMITS):
        row = layout.column()
        row.active = parameter.name not in gone
        if parameter.name == "palette":
            _draw_palette(row, group)
        else:
            draw_parameter(row, group, parameter)


def _draw_lacking(layout: bpy.types.UILayout, objs: Sequence[bpy.types.Object], group: str) -> None:
    lacking = [obj for obj in objs if group not in obj.vertex_groups]
    if len(lacking) == len(objs):
        paragraph(layout, f"There is no vertex group “{group}” here.", "ERROR")
    elif lacking:
        paragraph(layout, f"Without this group, and so changed everywhere: {lacking[0].name}.", "INFO")


def _draw_palette(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup) -> None:
    count = group.swatches
    layout.use_property_split = False
    row = layout.split(factor=0.4)
    label = row.row()
    label.alignment = "RIGHT"
    label.label(text="Palette")
    row = row.row(align=True)
    if not count and not group.palette:
        row.operator("restyle.palette_add", text="Any Colour", icon="ADD")
        return
    if not count:  # a script has set it
        row.prop(group, "palette", text="")
        return
    colors = row.column(align=True)
    for start in range(0, count, SWATCHES_IN_ROW):
        line = colors.row(align=True)
        for number in range(start, min(count, start + SWATCHES_IN_ROW)):
            line.prop(group, swatches.name(number), text="")
    row.operator("restyle.palette_add", text="", icon="ADD")
    row.operator("restyle.palette_remove", text="", icon="REMOVE")


def _draw_view(
    layout: bpy.types.UILayout, _context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    layout.use_property_split, layout.use_property_decorate = True, False
    gone = idle(settings.values(group, job))
    for parameter in _parameters(job, VIEW):
        row = layout.column()
        row.active = parameter.name not in gone
        draw_parameter(row, group, parameter)
    row = layout.row(align=True)
    row.operator("restyle.view_from", text="Current View", icon="VIEW3D").source = "VIEW"
    row.operator("restyle.view_from", text="Camera", icon="CAMERA_DATA").source = "CAMERA"


def _draw_advanced(
    layout: bpy.types.UILayout, context: bpy.types.Context, group: bpy.types.PropertyGroup, job: JobDeclaration
) -> None:
    draw_parameters(layout, group, _parameters(job, _advanced(job)))
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.prop(context.scene.restyle, "live")


# Results


class RESTYLE_PT_results(bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Results"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        obj = context.active_object
        return obj is not None and obj.type == "MESH" and bool(results.stored(obj.data))

    def draw(self, context: bpy.types.Context) -> None:
        obj = context.active_object
        number, stored = results.shown(obj), results.stored(obj.data)
        labels = [result.label for result in stored]
        column = self.layout.box().column(align=True)
        for result in stored:
            twins = labels.count(result.label) > 1
            seed = f"seed {result.recipe['parameters'].get('seed', 0)}, " if twins else ""
            text = f"{result.number}  {seed}{result.label}"
            row = column.split(factor=0.88)
            name = row.row()
            name.alignment = "LEFT"
            icon = "RADIOBUT_ON" if result.number == number else "RADIOBUT_OFF"
            show = name.operator("restyle.show_result", text=text, icon=icon, emboss=False, translate=False)
            show.number = result.number
            row.operator("restyle.remove_result", text="", icon="X", emboss=False).number = result.number
        shown = next((result for result in stored if result.number == number), None)
        row = self.layout.row(align=True)
        if shown is not None:
            original = results.is_original(obj)
            text = "Show the Result" if original else "Show the Original"
            row.operator("restyle.show_original", text=text, icon="ARROW_LEFTRIGHT", depress=original)
        if len(stored) > 1:
            row.operator("restyle.remove_unused", text="" if shown else "Delete Unused", icon="TRASH")
        if shown is not None:
            _draw_shown(self.layout, context, shown)


def _draw_shown(layout: bpy.types.UILayout, context: bpy.types.Context, result: results.Result) -> None:
    obj = context.active_object
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.active = not results.is_original(obj)
    modifier = results.modifier(obj)
    compat.draw_modifier_input(column, modifier, "Strength", slider=True)
    compat.draw_modifier_input(column, modifier, "Show Colors")
    shading = getattr(context.space_data, "shading", None)
    if shading is not None and shading.type == "SOLID" and shading.color_type != "VERTEX":
        view = layout.operator("wm.context_set_enum", text="Show Colors in Solid View", icon="SHADING_SOLID")
        view.data_path, view.value = "space_data.shading.color_type", "VERTEX"
    draw_again(layout, "restyle.run_again", varies="seed" in result.recipe["parameters"], number=result.number)
    draw_recipe(layout, result.recipe)
    _draw_finer(layout, result.recipe.get("detail") or {})


def _draw_finer(layout: bpy.types.UILayout, detail: dict[str, Any]) -> None:
    """Below the warning that the mesh is too coarse: what mends it."""
    if not detail.get("level"):
        return
    row = layout.row(align=True)
    for method, text, icon in (("SUBDIVIDE", "Subdivided Copy", "MOD_SUBSURF"), ("REMESH", "Remeshed", "MOD_REMESH")):
        finer = row.operator("restyle.finer_copy", text=text, icon=icon)
        finer.method, finer.level, finer.edge = method, detail["level"], detail["limit"]


# Styles


class RESTYLE_PT_styles(bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Styles"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, of_all_jobs = self.layout, context.scene.restyle
        newest = next(iter(styles.names()), "")
        empty = newest or "None yet: stylize a mesh"
        layout.prop(of_all_jobs, "style", text="", icon="BRUSH_DATA", placeholder=empty)
        column = layout.column(align=True)
        column.enabled = bool(of_all_jobs.style or newest)
        column.operator("restyle.apply_style", icon="BRUSH_DATA")
        column.operator("restyle.bake_style", icon="TEXTURE")
        if bare := objects.without_uv(objects.chosen(context)):
            paragraph(layout, f"“{bare[0].name}” has no UV map to bake to.", "INFO")
            layout.operator("restyle.unwrap", icon="UV")
        bake = declaration("bake_style")
        for job in (declaration(name) for name in STYLE_JOBS):
            draw_tasks(layout, job)
        header, body = layout.panel("restyle_bake_style_settings", default_closed=True)
        header.label(text="Textures")
        if body:
            draw_parameters(body, settings.of_scene(context.scene, bake), bake.parameters)
        row = layout.row(align=True)
        row.operator("restyle.add_style", text="Add File", icon="FILE_FOLDER")
        remove = row.row(align=True)
        remove.enabled = bool(of_all_jobs.style)
        remove.operator("restyle.remove_style", text="Delete", icon="TRASH")


def classes() -> list[type]:
    """The panels, in the order in which they stand."""
    return [RESTYLE_PT_stylize_mesh, RESTYLE_PT_results, RESTYLE_PT_styles]
