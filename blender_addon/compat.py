"""What differs between the versions of Blender that the extension runs in (4.2 to 5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import bpy

# 5.2 moved the inputs of a Geometry Nodes modifier from its custom properties to a struct of their own.
_INPUTS_ARE_STRUCTS = bpy.app.version >= (5, 2, 0)


def socket_identifier(group: bpy.types.NodeTree, name: str) -> str:
    """The identifier of the group input called `name`, which is what a modifier stores values under."""
    for item in group.interface.items_tree:
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.name == name:
            return str(item.identifier)
    raise KeyError(name)


def modifier_input(modifier: bpy.types.NodesModifier, name: str) -> Any:
    """The value of the modifier's input called `name`."""
    identifier = socket_identifier(modifier.node_group, name)
    if _INPUTS_ARE_STRUCTS:
        return getattr(modifier.properties.inputs, identifier).value
    return modifier[identifier]


def set_modifier_input(modifier: bpy.types.NodesModifier, name: str, value: Any) -> None:
    """Set the modifier's input called `name` and have the object evaluated again."""
    identifier = socket_identifier(modifier.node_group, name)
    if _INPUTS_ARE_STRUCTS:
        getattr(modifier.properties.inputs, identifier).value = value
    else:
        modifier[identifier] = value
    modifier.id_data.update_tag()


def draw_modifier_input(
    layout: bpy.types.UILayout, modifier: bpy.types.NodesModifier, name: str, **options: Any
) -> None:
    """Draw the modifier's input called `name` as a field that the artist can change."""
    identifier = socket_identifier(modifier.node_group, name)
    if _INPUTS_ARE_STRUCTS:
        layout.prop(getattr(modifier.properties.inputs, identifier), "value", text=name, **options)
    else:
        layout.prop(modifier, f'["{identifier}"]', text=name, **options)


def use_nodes(material: bpy.types.Material) -> None:
    """Give a new material its node tree; from 5.0 on it has one, and asking for it is deprecated."""
    if material.node_tree is None:
        material.use_nodes = True


def window_override() -> AbstractContextManager[Any]:
    """A context with a window, which operators called from a timer need; headless it is the context as it is."""
    windows = bpy.context.window_manager.windows
    return bpy.context.temp_override(window=windows[0]) if len(windows) else nullcontext()


@contextmanager
def active_alone(context: bpy.types.Context, obj: bpy.types.Object) -> Iterator[None]:
    """One object active and selected for a moment, as operators that change modes want it."""
    layer = context.view_layer
    active, selected = layer.objects.active, [other for other in layer.objects if other.select_get()]
    for other in selected:
        other.select_set(False)
    layer.objects.active = obj
    obj.select_set(True)
    try:
        yield
    finally:
        obj.select_set(False)
        for other in selected:
            other.select_set(True)
        layer.objects.active = active


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows; from 5.0 on that is the workspace's choice."""
    return getattr(context, "sequencer_scene", None) or context.scene


def strips_of(editor: bpy.types.SequenceEditor) -> Any:
    """The editor's own strips, those inside meta strips not among them."""
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(editor: bpy.types.SequenceEditor) -> tuple[Any, str]:
    """All strips of the editor, and the name of that collection."""
    name = "strips_all" if hasattr(editor, "strips_all") else "sequences_all"
    return getattr(editor, name), name


def strip_span(strip: Any) -> tuple[int, int]:
    """The first frame that the strip shows, and how many it shows."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.duration)
    return int(strip.frame_final_start), int(strip.frame_final_duration)


def strip_content(strip: Any) -> tuple[int, int]:
    """The frame at which the strip's content begins, cut off or not, and how long all of it is on the timeline."""
    if hasattr(strip, "content_start"):
        return round(strip.content_start), round(strip.content_duration)
    total = strip.frame_offset_start + strip.frame_final_duration + strip.frame_offset_end
    return round(strip.frame_final_start - strip.frame_offset_start), round(total)


def strip_trims(strip: Any) -> tuple[int, int]:
    """How many frames of the file the strip leaves out before and behind its content."""
    if hasattr(strip, "content_trim_start"):
        return int(strip.content_trim_start), int(strip.content_trim_end)
    return int(strip.animation_offset_start), int(strip.animation_offset_end)


def set_span(strip: Any, start: int, end: int) -> None:
    """Have the strip show the frames from `start` to before `end`, its content staying where it is."""
    first, last = (
        ("left_handle", "right_handle") if hasattr(strip, "left_handle") else ("frame_final_start", "frame_final_end")
    )
    setattr(strip, first, start)
    setattr(strip, last, end)


def new_speed_control(owner: Any, name: str, channel: int, source: Any) -> Any:
    """A Speed Control strip over `source`, in the editor or meta strip that this lies in."""
    start, length = strip_span(source)
    place = {"name": name, "type": "SPEED", "channel": channel, "frame_start": start}
    collection = strips_of(owner)
    taken = collection.bl_rna.functions["new_effect"].parameters.keys()
    place |= {"length": length} if "length" in taken else {"frame_end": start + length}  # from 5.0 on
    return collection.new_effect(**place, **{"input1" if "input1" in taken else "seq1": source})  # from 4.5 on


def effect_inputs(strip: Any) -> tuple[Any, ...]:
    """The strips that an effect takes; none if it is no effect."""
    return tuple(getattr(strip, name) for name in ("input_1", "input_2") if getattr(strip, name, None) is not None)


def fcurves(scene: bpy.types.Scene) -> Any:
    """The animation curves of a scene as a collection, or None if it has none; from 5.0 on each slot has its own."""
    data = scene.animation_data
    if data is None or data.action is None:
        return None
    if not hasattr(data, "action_slot"):
        return data.action.fcurves
    if data.action_slot is None or not len(data.action.layers):
        return None
    bag = data.action.layers[0].strips[0].channelbag(data.action_slot)
    return bag.fcurves if bag is not None else None


def fcurve(scene: bpy.types.Scene, strip: Any, name: str) -> bpy.types.FCurve | None:
    """The curve that animates a strip's property, if it is animated."""
    curves = fcurves(scene)
    return None if curves is None else curves.find(f"{strip.path_from_id()}.{name}")


@contextmanager
def image_settings(scene: bpy.types.Scene, file_format: str, **settings: Any) -> Iterator[None]:
    """The scene's output format set to something else for a moment, with every setting as it was afterwards."""
    changed = scene.render.image_settings
    names = ("media_type", "file_format", "color_mode", "color_depth", "exr_codec")  # each decides what the next allows
    before = {name: getattr(changed, name) for name in names if hasattr(changed, name)}
    dither = scene.render.dither_intensity
    try:
        if hasattr(changed, "media_type"):  # from 5.0 on
            changed.media_type = "MULTI_LAYER_IMAGE" if file_format == "OPEN_EXR_MULTILAYER" else "IMAGE"
        changed.file_format = file_format
        scene.render.dither_intensity = 0.0
        for name, value in settings.items():
            setattr(changed, name, value)
        yield
    finally:
        scene.render.dither_intensity = dither
        for name, value in before.items():
            setattr(changed, name, value)
