"""Restyle in Blender: sends meshes to a compute server and brings colours and displacements back, non-destructively.

    settings    what the artist can set, made from the job declarations
    operators   what the artist can do
    panels      what the artist sees
    session     the state, and the tick that moves it on
    link        the one thread that talks to the server
    tasks       one job, as the extension follows it
    results     results on a mesh
    nodes       what shows them
    meshes      meshes as arrays
    compat      what differs between versions of Blender
    restyle     the shared package; scripts/build_extension.py puts it here

Nothing here waits, opens a connection or imports ZeroMQ: enabling the extension is instant.
"""

from __future__ import annotations

from . import operators, panels, session, settings

_modules = (settings, session, operators, panels)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    for module in _modules:
        module.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at its end."""
    for module in reversed(_modules):
        module.unregister()
