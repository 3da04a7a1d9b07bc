"""Restyle in Blender: sends meshes, pictures and clips to a compute server and brings results back, non-destructively.

    settings    what the artist can set, made from the job declarations
    operators   what the artist can do, mesh_operators around a mesh, image_operators with pictures
    panels      what the artist sees, mesh_panels of meshes, image_panels of pictures; pickers is how those are chosen
    session     the state, and the tick that moves it on
    link        the one thread that talks to the server
    tasks       one job, as the extension follows it
    picks       from what was chosen to a job's inputs; objects which objects are meant, as one mesh
    delivery    where results go
    results     results on a mesh; nodes is what shows them
    pictures    images in and out; textures puts one onto an object
    strips      strips in and out; clips has a second Blender read them, which runs clip_reader
    retiming    a strip retimed by a frame map, and restored; retiming_source what it shows, retiming_keys native keys
    retime_request, retime_delivery, retime_operators, retime_panel, retime_curve   around the job that makes such maps
    meshes      meshes as arrays; copies makes finer ones; views says from where one is looked at
    styles      the artist's styles, on disk
    mesh_settings, swatches   how the settings of a stylization are laid out, and the palette among them
    arrivals    what is made of results on the link's thread; rasters and exr read and write files there
    compat      what differs between versions of Blender
    restyle     the shared package; scripts/build_extension.py puts it here

Nothing here waits, opens a connection or imports ZeroMQ: enabling the extension is instant.
"""

from __future__ import annotations

from . import registration, session, settings

_modules = (settings, session, registration)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for module in _modules:
        module.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at its end."""
    for module in reversed(_modules):
        module.unregister()
