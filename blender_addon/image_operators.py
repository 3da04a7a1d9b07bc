"""What the artist can do with pictures: make them, compare them, put them onto an object, guide them by a render."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from . import choosing, compat, delivery, image_settings, pictures, settings, strips, textures
from .choosing import Choice
from .operator_parts import Again, Outcome, allowed, job_operator, reporting, start
from .restyle.declare import JobDeclaration, Port
from .restyle.errors import BadInputError, UsageError
from .restyle.jobs import declaration
from .session import session

PASSES = {  # what a view layer has to render for each guide
    "use_pass_object_index": "Object Index",
    "use_pass_material_index": "Material Index",
    "use_pass_z": "Depth",
    "use_pass_normal": "Normal",
}


def shown_image(context: bpy.types.Context) -> bpy.types.Image | None:
    """The image in the editor that the context is about."""
    space = context.space_data
    return space.image if space is not None and space.type == "IMAGE_EDITOR" else None


def filled_by_shown(
    context: bpy.types.Context, job: JobDeclaration, parameters: dict[str, Any], choices: dict[str, Choice]
) -> str:
    """The input that the shown image is taken for: the first that is needed, if it was not chosen; empty if none is."""
    port = choosing.unfilled(job, parameters, choices)
    if not port or shown_image(context) is None:
        return ""
    names = [found.name for found in job.inputs if found.kind == "image"]
    earlier = set(names[: names.index(port)])
    return "" if earlier & set(choices) else port


def _with_shown(
    context: bpy.types.Context, job: JobDeclaration, parameters: dict[str, Any], choices: dict[str, Choice]
) -> tuple[dict[str, Choice], str]:
    """The choices with the shown image among them, and the input that it was taken for."""
    port = filled_by_shown(context, job, parameters, choices)
    if not port:
        return choices, ""
    image = shown_image(context)
    if image.source == "VIEWER":
        return choices | {port: Choice("RENDER", "")}, port
    return choices | {port: Choice("IMAGE", image.name, image)}, port


def asked(scene: bpy.types.Scene, job: JobDeclaration) -> tuple[dict[str, Any], dict[str, Choice]]:
    """The parameters and choices that the panel has for a job, without those that have no effect."""
    group = settings.of_scene(scene, job)
    parameters, choices = settings.values(group, job), settings.choices(group, job)
    gone = image_settings.idle(parameters)
    return (
        {name: value for name, value in parameters.items() if name not in gone},
        {name: choice for name, choice in choices.items() if name not in gone},
    )


def obstacle(context: bpy.types.Context, job: JobDeclaration) -> str:
    """Why the job cannot be started, with the next step, as far as can be told without reading anything."""
    parameters, choices = asked(context.scene, job)
    choices, _ = _with_shown(context, job, parameters, choices)
    if lacking := choosing.unfilled(job, parameters, choices):
        return f"Choose the {lacking.replace('_', ' ')} picture"
    if lacking := _half_chosen(settings.of_scene(context.scene, job), job, parameters, choices):
        return lacking
    for port in settings.picture_ports(job):
        if port.name in choices and (reason := _hindrance(port, choices[port.name], compat.sequencer_scene(context))):
            return reason
    return choosing.objection(job, parameters, set(choices)).rstrip(".")


def _half_chosen(
    group: bpy.types.PropertyGroup, job: JobDeclaration, parameters: dict[str, Any], choices: dict[str, Choice]
) -> str:
    """What is yet to be chosen of a guide, or of a clip's mask, that is wanted from somewhere."""
    gone = image_settings.idle(parameters)
    for port in settings.refining_ports(job):
        if port.kind == "mask" or port.name in gone:  # a picture's mask is an image or none
            continue
        source, chosen = getattr(group, f"from_{port.name}").source, choices.get(port.name)
        if source in ("FILE", "IMAGE", "STRIP") and not (chosen and chosen.name):
            return f"Choose the {source.lower()} of the {port.name.replace('_', ' ')}, or None"
    return ""


def _hindrance(port: Port, choice: Choice, scene: bpy.types.Scene) -> str:
    """Why a choice cannot be sent."""
    if choice.source == "IMAGE":
        return pictures.obstacle(choice.image)
    if choice.source != "STRIP":
        return ""
    strip = strips.chosen(scene, choice.name)
    if strip is None and choice.name:
        return f"{choosing.title(port)}: there is no strip “{choice.name}” in the scene “{scene.name}”"
    return strips.obstacle(strip)


def picture_operator(job: JobDeclaration) -> type[bpy.types.Operator]:
    """The operator of a job that works on pictures, with the scene's settings."""

    def poll(cls: Any, context: bpy.types.Context) -> bool:
        return allowed(cls, obstacle(context, job))

    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> Outcome:
        group = settings.of_scene(context.scene, job)
        parameters, choices = asked(context.scene, job)
        choices, filled = _with_shown(context, job, parameters, choices)
        if filled:  # from here on the panel says so, so that showing the result does not change what is sent
            chosen, choice = getattr(group, f"from_{filled}"), choices[filled]
            chosen.source, chosen.image = choice.source, choice.image
        texts = {name: getattr(group, name) for name in settings.text_names(job)}
        return start(self, _send(context, job, texts, parameters, choices))

    return job_operator(job, poll, execute)


def _send(
    context: bpy.types.Context,
    job: JobDeclaration,
    texts: dict[str, str],
    parameters: dict[str, Any],
    choices: dict[str, Choice],
) -> Any:
    if reason := choosing.objection(job, parameters, set(choices)):
        raise UsageError(reason)
    return session().submit(job.name, getattr(context, "active_object", None), texts, parameters, choices)


class RESTYLE_OT_repeat(Again, bpy.types.Operator):
    bl_idname = "restyle.repeat"
    bl_label = "Run Again"
    bl_description = "Make this again with the settings of this result"

    image: StringProperty(name="Image", description="A result; empty takes the shown one", options={"SKIP_SAVE"})
    strip: StringProperty(name="Strip", description="A result in the sequencer", options={"SKIP_SAVE"})

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        if self.strip:
            result: Any = strips.named(compat.sequencer_scene(context), self.strip)
            recipe = strips.recipe_of(result)
        else:
            result = bpy.data.images.get(self.image) if self.image else shown_image(context)
            recipe = pictures.recipe_of(result)
        if recipe is None:
            raise BadInputError("This is not a result of Restyle. Show one of its results first.")
        job, choices = declaration(recipe["job"]), choosing.from_recipe(recipe, result)
        return start(self, _send(context, job, recipe["texts"], self.parameters(recipe), choices))


class RESTYLE_OT_compare(bpy.types.Operator):
    bl_idname = "restyle.compare"
    bl_label = "Compare"
    bl_description = "Switch this editor between a result and the picture that it was made from"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        image = shown_image(context)
        there_is = image is not None and (pictures.compared_with(image) or pictures.results_of(image))
        return allowed(cls, "" if there_is else "Show a result in this Image Editor, or a picture that has one")

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        image = shown_image(context)
        if before := pictures.compared_with(image):
            session().compared[before.session_uid] = image.session_uid
            context.space_data.image = before
            return {"FINISHED"}
        made = pictures.results_of(image)
        last = session().compared.get(image.session_uid)
        context.space_data.image = next((found for found in made if found.session_uid == last), made[-1])
        return {"FINISHED"}


class RESTYLE_OT_compare_strip(bpy.types.Operator):
    bl_idname = "restyle.compare_strip"
    bl_label = "Compare"
    bl_description = "Mute this result, or show it again"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        recipe = strips.recipe_of(strips.named(compat.sequencer_scene(context), ""))
        return allowed(cls, "Select a strip that is a result" if recipe is None else "")

    def execute(self, context: bpy.types.Context) -> Outcome:
        strip = strips.named(compat.sequencer_scene(context), "")
        strip.mute = not strip.mute
        return {"FINISHED"}


class RESTYLE_OT_use_as_texture(bpy.types.Operator):
    bl_idname = "restyle.use_as_texture"
    bl_label = "Use as Texture"
    bl_description = "Show this image on the active object, with a copy of its material; the material itself is kept"
    bl_options = {"UNDO"}

    image: StringProperty(name="Image", description="Empty takes the shown one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, textures.obstacle(context.active_object))

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        image = bpy.data.images.get(self.image) if self.image else shown_image(context)
        if image is None or image.source == "VIEWER":
            raise BadInputError("Show an image in an Image Editor first.")
        if not textures.use(context.active_object, image):
            self.report(
                {"INFO"}, f"“{context.active_object.name}” has no UV map: the image is projected from its sides"
            )
        return {"FINISHED"}


class RESTYLE_OT_enable_passes(bpy.types.Operator):
    bl_idname = "restyle.enable_passes"
    bl_label = "Enable Passes"
    bl_description = "Have this view layer render object and material index, depth and normal"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, "" if missing_passes(context) else "This view layer renders all of them")

    def execute(self, context: bpy.types.Context) -> Outcome:
        for name in PASSES:
            setattr(context.view_layer, name, True)
        return {"FINISHED"}


def missing_passes(context: bpy.types.Context) -> list[str]:
    """The passes that can guide and that the view layer does not render."""
    return [title for name, title in PASSES.items() if not getattr(context.view_layer, name)]


class RESTYLE_OT_keep_render(bpy.types.Operator):
    bl_idname = "restyle.keep_render"
    bl_label = "Keep This Render"
    bl_description = "Keep the newest render and its passes as this input, so that another can be rendered"
    bl_options = {"UNDO"}

    job: StringProperty(name="Job", default="image_analogy", options={"SKIP_SAVE"})
    port: StringProperty(name="Input", default="appearance", options={"SKIP_SAVE"})

    @reporting
    def execute(self, context: bpy.types.Context) -> Outcome:
        group = settings.of_scene(context.scene, declaration(self.job))
        image = pictures.keep_render(context.scene)
        chosen = getattr(group, f"from_{self.port}")
        chosen.source, chosen.image = "IMAGE", image
        passes = getattr(group, f"from_{self.port}_passes", None)
        if passes is not None:
            path = delivery.own_folder() / f"{bpy.path.clean_name(image.name)}.exr"
            pictures.keep_passes(context.scene, path)
            passes.source, passes.path = "FILE", str(path)
        return {"FINISHED"}


classes = (
    RESTYLE_OT_repeat,
    RESTYLE_OT_compare,
    RESTYLE_OT_compare_strip,
    RESTYLE_OT_use_as_texture,
    RESTYLE_OT_enable_passes,
    RESTYLE_OT_keep_render,
)
