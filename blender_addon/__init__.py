"""Restyle in Blender: sends meshes, pictures and clips to a compute server and brings results back, non-destructively.

A line is about modules that import only from their own line and from lines below it:

    registration       operators, panels and preferences, as Blender is told of them
    preferences        the extension's page among Blender's preferences
    panels             what the artist sees; mesh_panels, image_panels, retime_panel
    server_panels      the server's panel; task_boxes one for each task; pickers how pictures are chosen
    layout             what panels are put together from
    operators          what the artist can do; mesh_, result_, style_, image_ and retime_operators, operator_parts
    properties         the settings as Blender keeps them, made from the jobs' declarations
    timer              the tick that moves the state on, and Blender's handlers
    session            the state; preferred reads the preferences
    live               how far running jobs are, on their objects
    delivery           where results go; retime_delivery
    settings           what the artist has set; mesh_settings and image_settings lay it out and say what of it counts
    picks              from what was chosen to a job's inputs; picture_picks, retime_request
    objects            which objects are meant; textures puts pictures onto one, copies makes a finer one
    tasks              one job, as the extension follows it
    link               the one thread that talks to the server; thumbnails are small pictures in the panel
    reports            what that thread says
    arrivals           what is made of results on that thread; retime_curve draws one
    meshes             meshes as arrays; views says from where one is looked at, swatches is a palette
    results            results on a mesh; nodes is what shows them
    choosing           what was chosen, and which choices go together
    retiming           a strip retimed, and restored; retiming_source what it shows, retiming_parts what goes with it,
                       retiming_room where that goes, retiming_keys native keys
    strips, pictures   in and out; clips has a second Blender read strips, which runs clip_reader; clip_guides
    styles             the artist's styles, on disk
    rasters            files of pictures
    compat             what differs between versions of Blender
    restyle            the shared package; scripts/build_extension.py puts it here

Nothing here waits, opens a connection or imports ZeroMQ: enabling the extension is instant.
"""

from __future__ import annotations

from . import properties, registration, timer

_modules = (properties, timer, registration)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for module in _modules:
        module.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at its end."""
    for module in reversed(_modules):
        module.unregister()
