"""What the artist sees of the server: its state, the button that changes it, and whether its model is a stand-in."""

from __future__ import annotations

import bpy

from . import preferred, settings
from .layout import paragraph
from .reports import Server
from .session import session

SERVER_ICONS = {
    Server.OFF: "RADIOBUT_OFF",
    Server.STARTING: "SORTTIME",
    Server.ONLINE: "RADIOBUT_ON",
    Server.LOST: "ERROR",
    Server.REFUSED: "CANCEL",
}


def draw_server(layout: bpy.types.UILayout) -> None:
    """The state of the server in one line, and the button that changes it."""
    current = session()
    current.wanted = True
    row = layout.split(factor=0.65)
    text = current.server.value
    if current.server is Server.ONLINE and current.info:
        device = next((device.get("name") for device in current.info.devices), None)
        text = f"Online: {device}" if device else "Online"
    row.label(text=text, icon=SERVER_ICONS[current.server])
    if current.server in (Server.OFF, Server.LOST):
        row.operator("restyle.start_server", text="Start", icon="PLAY")
    elif current.owns_server:
        row.operator("restyle.stop_server", text="Stop")
    if current.server_message:
        paragraph(layout, current.server_message, "INFO")
    elif current.server is Server.OFF and not preferred.can_start_server():
        paragraph(layout, "Set Server Python in the preferences to start it from here.", "INFO")
        layout.operator("preferences.addon_show", text="Open Preferences").module = __package__


def server_panel(editor: settings.Editor) -> type[bpy.types.Panel]:
    """The panel of the server in the sidebar of an editor."""

    def draw(self: bpy.types.Panel, _context: bpy.types.Context) -> None:
        draw_server(self.layout)

    members = {
        "bl_space_type": editor,
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": "Server",
        "draw": draw,
    }
    return type(f"RESTYLE_PT_server_{editor.lower()}", (bpy.types.Panel,), members)


def draw_stand_in(layout: bpy.types.UILayout, chosen: str) -> None:
    """Say so if the job will be judged by a stand-in model; `chosen` is the model that the panel has."""
    if note := _stand_in_note(chosen):
        paragraph(layout, note, "INFO")


def _stand_in_note(chosen: str) -> str:
    """What to say when the job will be judged by a stand-in model; empty if it will not."""
    info = session().info
    present = [model for model in info.models if model.get("present")] if info else []
    used = [model for model in present if model["name"] == chosen] if chosen != "auto" else present
    if not used or not all(model.get("stand_in") for model in used):
        return ""
    better = next((model["name"] for model in info.models if not model.get("stand_in")), "")
    return (
        f"Uses “{used[0]['name']}”, a small stand-in for CLIP that knows colours, materials and patterns. "
        f"For any prompt, run once: restyle models download {better}"
    )
