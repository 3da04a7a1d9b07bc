"""The extension's page among Blender's preferences; `preferred` is how the rest of the extension reads it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from .server_panels import draw_server
from .session import session


def _reconnect(_preferences: Any, _context: bpy.types.Context) -> None:
    session().reconnect()


class RESTYLE_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    server_python: StringProperty(
        name="Server Python",
        description="The Python interpreter that has Restyle's server installed; empty takes that of the restyle "
        "command on the search path",
        subtype="FILE_PATH",
        update=_reconnect,
    )
    server_address: StringProperty(
        name="Server Address",
        description="Address of a running server, such as tcp://127.0.0.1:5599; empty finds or starts the one on this "
        "machine",
        update=_reconnect,
    )
    auto_apply: BoolProperty(
        name="Apply Results When They Arrive",
        description="Otherwise a finished result waits in the panel for you to apply or discard it",
        default=True,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "server_python")
        self.layout.prop(self, "server_address")
        self.layout.prop(self, "auto_apply")
        draw_server(self.layout)
        self.layout.operator("restyle.fetch")
