"""What the artist sees of results in the Image Editor and in the Sequencer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from . import compat, image_operators, pictures, strips
from .layout import draw_again, draw_recipe, paragraph


class RESTYLE_PT_image_results(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Results"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        image = image_operators.shown_image(context)
        return image is not None and bool(pictures.recipe_of(image) or pictures.results_of(image))

    def draw(self, context: bpy.types.Context) -> None:
        layout, image = self.layout, image_operators.shown_image(context)
        recipe = pictures.recipe_of(image)
        text = "Show the Original" if recipe else "Show the Result"
        layout.operator("restyle.compare", text=text, icon="ARROW_LEFTRIGHT")
        if recipe is None:
            return
        _draw_made(layout, recipe, image=image.name)
        layout.operator("restyle.use_as_texture", icon="MATERIAL")


class RESTYLE_PT_strip_results(bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Restyle"
    bl_label = "Results"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return strips.recipe_of(strips.named(compat.sequencer_scene(context), "")) is not None

    def draw(self, context: bpy.types.Context) -> None:
        strip = strips.named(compat.sequencer_scene(context), "")
        text = "Show the Result" if strip.mute else "Show the Original"
        self.layout.operator("restyle.compare_strip", text=text, icon="ARROW_LEFTRIGHT")
        _draw_made(self.layout, strips.recipe_of(strip), strip=strip.name)


def _draw_made(layout: bpy.types.UILayout, recipe: Mapping[str, Any], **result: str) -> None:
    draw_again(layout, "restyle.repeat", **result)
    for port, source in recipe.get("sources", {}).items():
        paragraph(layout, f"{port.replace('_', ' ').capitalize()}: {source['label']}")
    draw_recipe(layout, recipe)


def classes() -> list[type]:
    """The panels."""
    return [RESTYLE_PT_image_results, RESTYLE_PT_strip_results]
