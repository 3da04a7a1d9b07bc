"""An image on an object: a copy of its material that shows the image, in the place of the material, which is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from . import compat, results
from .objects import check_editable
from .restyle.errors import BadInputError

ROUGHNESS = 0.7
BOX_BLEND = 0.2  # how softly the projections from the sides meet


def obstacle(obj: bpy.types.Object | None) -> str:
    """Why the object cannot show an image, with the next step; empty if it can."""
    if obj is None:
        return "Select an object first"
    if not hasattr(obj.data, "materials"):
        return f"“{obj.name}” has no material: select a mesh"
    if obj.mode != "OBJECT":
        return f"Leave {obj.mode.replace('_', ' ').title()} Mode first"
    try:
        check_editable(obj)
    except BadInputError as error:
        return error.message.rstrip(".")
    return ""


def use(obj: bpy.types.Object, image: bpy.types.Image) -> bool:
    """Show the image on the object, through its UV map. False if it has none: then it is projected from the sides."""
    material = _material(obj, image.name)
    tree = material.node_tree
    surface = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None) or _surface(tree)
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    texture.location = (surface.location.x - 350, surface.location.y)
    tree.links.new(texture.outputs["Color"], surface.inputs["Base Color"])
    tree.nodes.active = texture  # which is what texture painting and Solid view take
    if obj.type == "MESH" and len(obj.data.uv_layers):
        return True
    texture.projection, texture.projection_blend = "BOX", BOX_BLEND
    place = tree.nodes.new("ShaderNodeTexCoord")
    place.location = (texture.location.x - 200, texture.location.y)
    tree.links.new(place.outputs["Generated"], texture.inputs["Vector"])
    return False


def wear(
    obj: bpy.types.Object, name: str, images: Mapping[str, bpy.types.Image], scale: float, midlevel: float
) -> bpy.types.Material:
    """Show baked textures on the object, with one new material in all its slots, and without the result's modifier.

    images: `colors`; `normals` and `displacement`, if there are any. scale, midlevel: of the displacement's levels.
    The slots are linked to the object, so the materials of its mesh stay where they are, also for other objects.
    """
    made = bpy.data.materials.new(name)
    compat.use_nodes(made)
    tree = made.node_tree
    surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = ROUGHNESS
    colors = _texture(tree, images["colors"], surface, 0)
    tree.links.new(colors.outputs["Color"], surface.inputs["Base Color"])
    if "normals" in images:
        bend = tree.nodes.new("ShaderNodeNormalMap")
        bend.location = (surface.location.x - 200, surface.location.y - 300)
        tree.links.new(_texture(tree, images["normals"], surface, 1).outputs["Color"], bend.inputs["Color"])
        tree.links.new(bend.outputs["Normal"], surface.inputs["Normal"])
    if "displacement" in images:
        relief = tree.nodes.new("ShaderNodeDisplacement")
        relief.location = (surface.location.x + 50, surface.location.y - 600)
        relief.inputs["Scale"].default_value, relief.inputs["Midlevel"].default_value = scale, midlevel
        tree.links.new(_texture(tree, images["displacement"], surface, 2).outputs["Color"], relief.inputs["Height"])
        if "normals" not in images:  # both at once would show the relief twice; it waits for who wants it instead
            output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
            tree.links.new(relief.outputs["Displacement"], output.inputs["Displacement"])
    tree.nodes.active = colors
    if not obj.material_slots:
        obj.data.materials.append(None)
    for slot in obj.material_slots:
        slot.link, slot.material = "OBJECT", made
    results.compare(obj, original=True)
    return made


def _texture(tree: bpy.types.NodeTree, image: bpy.types.Image, surface: Any, row: int) -> Any:
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    texture.location = (surface.location.x - 550, surface.location.y - 300 * row)
    return texture


def _material(obj: bpy.types.Object, name: str) -> bpy.types.Material:
    """A material of the object's own in its active slot: a copy of what was there, or a new one."""
    slot = obj.material_slots[obj.active_material_index] if obj.material_slots else None
    old = slot.material if slot else None
    if old is None:
        made = bpy.data.materials.new(name)
    else:
        made = old.copy()
        made.name = f"{old.name} with {name}"
        if old.library is None:
            old.use_fake_user = True  # it is in no slot any more, and must not be gone after saving
    compat.use_nodes(made)
    if slot is None:
        obj.data.materials.append(made)
    else:
        slot.material = made
    return made


def _surface(tree: bpy.types.NodeTree) -> Any:
    """A Principled BSDF, shown by the output; what was shown before stays in the tree, unlinked."""
    output = next((node for node in tree.nodes if node.type == "OUTPUT_MATERIAL" and node.is_active_output), None)
    output = output or tree.nodes.new("ShaderNodeOutputMaterial")
    surface = tree.nodes.new("ShaderNodeBsdfPrincipled")
    surface.location = (output.location.x - 300, output.location.y - 200)
    tree.links.new(surface.outputs["BSDF"], output.inputs["Surface"])
    return surface
