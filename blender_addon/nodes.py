"""The one Geometry Nodes group and the one material through which every result is shown.

The group reads the attributes of the chosen result, moves the points by Strength x offset, hands the colours on as
`restyle.color` and, when asked, shows them with the material. So the artist's mesh and material slots stay untouched.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import compat

NAME = "Restyle"
LAYOUT = 2  # stored on the group and the material: a later extension makes new ones beside those of older files
SHOWN_COLOR = "restyle.color"


def _own(collection: Any) -> Any | None:
    """The data block that an earlier result in this file made, wherever the artist has renamed it to."""
    return next((item for item in collection if item.library is None and item.get("restyle_layout") == LAYOUT), None)


def material() -> bpy.types.Material:
    """The shared material, which shows the colours of whatever result its object shows."""
    if found := _own(bpy.data.materials):
        return found
    made = bpy.data.materials.new(NAME)
    made["restyle_layout"] = LAYOUT
    compat.use_nodes(made)
    tree = made.node_tree
    surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = 0.7
    color = tree.nodes.new("ShaderNodeAttribute")
    color.attribute_name = SHOWN_COLOR
    color.location = (surface.location.x - 250, surface.location.y)
    tree.links.new(color.outputs["Color"], surface.inputs["Base Color"])
    return made


def is_there() -> bool:
    """Whether this file has the node group already: making it takes milliseconds."""
    return _own(bpy.data.node_groups) is not None


def group() -> bpy.types.NodeTree:
    """The shared node group: Geometry, Result (the attributes' prefix), Strength, Show Colors."""
    if found := _own(bpy.data.node_groups):
        return found
    made = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    made["restyle_layout"] = LAYOUT
    made.is_modifier = True
    _sockets(made)
    _wire(made)
    return made


def _sockets(tree: bpy.types.NodeTree) -> None:
    def add(name: str, kind: str, description: str = "", in_out: str = "INPUT") -> Any:
        return tree.interface.new_socket(name, description=description, in_out=in_out, socket_type=kind)

    add("Geometry", "NodeSocketGeometry", in_out="OUTPUT")
    add("Geometry", "NodeSocketGeometry")
    add("Result", "NodeSocketString", "Which result is shown: the first part of its attributes' names")
    strength = add("Strength", "NodeSocketFloat", "How far the vertices move: 0 is the original shape, 1 the result")
    strength.default_value, strength.min_value, strength.max_value = 1.0, -10.0, 10.0
    add("Show Colors", "NodeSocketBool", "Show the colours with the Restyle material").default_value = True


def _wire(tree: bpy.types.NodeTree) -> None:
    column = -800

    def node(kind: str, y: int, **settings: Any) -> Any:
        made = tree.nodes.new(kind)
        made.location = (column, y)
        for name, value in settings.items():
            setattr(made, name, value)
        return made

    def attribute(suffix: str, data_type: str, y: int) -> tuple[Any, Any]:
        nonlocal column
        name = node("FunctionNodeReplaceString", y)
        name.inputs["String"].default_value = f"#{suffix}"
        name.inputs["Find"].default_value = "#"
        tree.links.new(inputs["Result"], name.inputs["Replace"])
        column += 200
        read = node("GeometryNodeInputNamedAttribute", y, data_type=data_type)
        tree.links.new(name.outputs[0], read.inputs["Name"])
        column -= 200
        value = next(output for output in read.outputs if output.enabled and output.name == "Attribute")
        return value, read.outputs["Exists"]

    inputs = node("NodeGroupInput", 200).outputs
    column += 200
    offset, _ = attribute(".offset", "FLOAT_VECTOR", -100)
    color, has_color = attribute(".color", "FLOAT_COLOR", -350)
    column += 400
    scale = node("ShaderNodeVectorMath", -100, operation="SCALE")
    tree.links.new(offset, scale.inputs[0])
    tree.links.new(inputs["Strength"], scale.inputs["Scale"])
    column += 200
    move = node("GeometryNodeSetPosition", 200)
    tree.links.new(inputs["Geometry"], move.inputs["Geometry"])
    tree.links.new(scale.outputs[0], move.inputs["Offset"])
    column += 200
    store = node("GeometryNodeStoreNamedAttribute", 200, data_type="FLOAT_COLOR", domain="POINT")
    store.inputs["Name"].default_value = SHOWN_COLOR
    tree.links.new(move.outputs[0], store.inputs["Geometry"])
    tree.links.new(color, next(socket for socket in store.inputs if socket.enabled and socket.name == "Value"))
    wanted = node("FunctionNodeBooleanMath", -350, operation="AND")  # a result may have changed the shape alone
    tree.links.new(inputs["Show Colors"], wanted.inputs[0])
    tree.links.new(has_color, wanted.inputs[1])
    column += 200
    show = node("GeometryNodeSetMaterial", 200)
    show.inputs["Material"].default_value = material()
    tree.links.new(store.outputs[0], show.inputs["Geometry"])
    tree.links.new(wanted.outputs[0], show.inputs["Selection"])
    column += 200
    tree.links.new(show.outputs[0], node("NodeGroupOutput", 200, is_active_output=True).inputs["Geometry"])
