"""What differs between the versions of Blender that the extension runs in (4.2 to 5.2)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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
