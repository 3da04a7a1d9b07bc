"""Runs inside Blender: plays an artist, step by step from a timer, notes what it sees, and has pictures taken.

A step is what lies between two `yield`s, which say for how many seconds the window is left to itself.
"""

import json
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import bpy

STAGE = Path.cwd()
PACKAGE = "bl_ext.user_default.restyle"
NOTES = {}


def picture(name):
    wanted = STAGE / f"{name}.shot"
    wanted.touch()
    while wanted.exists():
        yield 0.1


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        yield 0.05


def press(window, key, **modifiers):
    for value in ("PRESS", "RELEASE"):
        window.event_simulate(type=key, value=value, x=400, y=400, **modifiers)
        yield 0.2


def open_tab(area, sidebar):
    with suppress(AttributeError):  # read-only until the sidebar was drawn with its tabs
        sidebar.active_panel_category = "Restyle"
    area.tag_redraw()


def results():
    names = [attribute.name for attribute in bpy.context.view_layer.objects.active.data.attributes]
    return sorted(name for name in names if name.startswith("restyle"))


def show_all(space, job):
    """A panel with the parts of the job's panel that are closed at first; no script can open those."""
    from importlib import import_module

    pickers, layout, settings = (import_module(f"{PACKAGE}.{name}") for name in ("pickers", "layout", "settings"))
    declared = settings.declarations()[job]

    def draw(self, context):
        group = settings.of_scene(context.scene, declared)
        pickers.draw_refining(self.layout, context, group, declared)
        layout.draw_parameters(self.layout, group, declared.parameters)

    members = {
        "bl_space_type": space,
        "bl_region_type": "UI",
        "bl_category": "Restyle",
        "bl_label": "All",
        "draw": draw,
    }
    bpy.utils.register_class(type(f"RESTYLE_PT_all_{job}", (bpy.types.Panel,), members))


def look_at(area, space, job):
    """Pictures of the sidebar of a job on pictures: with every guide chosen, and by a method that has none."""
    show_all(space, job)
    area.type = space
    area.spaces.active.show_region_ui = True
    sidebar = next(region for region in area.regions if region.type == "UI")
    yield from wait_for(lambda: open_tab(area, sidebar) or sidebar.active_panel_category == "Restyle")
    group = getattr(bpy.context.scene.restyle, job)
    for side in (group.from_structure_passes, group.from_appearance_passes):
        side.source = "FILE"
    yield 0.5
    yield from picture(job)
    group.method = "gan"
    area.tag_redraw()
    yield 0.5
    yield from picture(f"{job}_gan")


def play():
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    view = {"window": window, "area": area, "region": next(r for r in area.regions if r.type == "WINDOW")}
    sidebar = next(region for region in area.regions if region.type == "UI")
    window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=400, y=400)
    bpy.ops.extensions.package_install_files(
        filepath=str(STAGE / "restyle_extension.zip"), repo="user_default", enable_on_install=True
    )
    bpy.context.preferences.addons[PACKAGE].preferences.server_address = os.environ["RESTYLE_TEST_ADDRESS"]
    session_module = sys.modules[f"{PACKAGE}.session"]
    session = session_module.session()
    NOTES["thread_before_drawing"] = not session.unlinked
    ticks = []
    measure(session, ticks)
    area.spaces.active.show_region_ui = True
    yield 1
    yield from wait_for(lambda: open_tab(area, sidebar) or session.wanted)
    yield from wait_for(lambda: session.server.name == "ONLINE")

    with bpy.context.temp_override(**view):
        bpy.ops.object.select_all(action="SELECT")
        bpy.ops.object.delete()
    yield 0.5
    yield from picture("nothing_selected")

    with bpy.context.temp_override(**view):
        bpy.ops.wm.obj_import(filepath=str(STAGE / "candle.obj"))
        bpy.ops.view3d.view_selected()
        bpy.ops.ed.undo_push(message="Import")
    settings = bpy.context.scene.restyle.stylize_mesh
    settings.prompt, settings.use_iterations, settings.iterations = "a candle made of red brick", True, 60
    yield 0.5
    yield from picture("ready")

    with bpy.context.temp_override(**view):
        NOTES["started"] = list(bpy.ops.restyle.stylize_mesh("INVOKE_DEFAULT"))
    task = next(iter(session.tasks.values()))
    fractions = set()
    yield from wait_for(lambda: fractions.add(task.fraction) or task.fraction > 0.5)
    NOTES["fractions"] = len(fractions)
    yield from picture("running")
    yield from wait_for(lambda: task.state.name == "APPLIED")
    NOTES["results"] = results()
    yield 0.5
    yield from picture("done")

    area.spaces.active.shading.color_type = "VERTEX"
    yield 1
    yield from picture("colors")

    yield from press(window, "Z", ctrl=True)
    yield 0.5
    NOTES["after_undo"] = results()
    NOTES["objects_after_undo"] = [obj.name for obj in bpy.data.objects]
    yield from press(window, "Z", ctrl=True, shift=True)
    yield 0.5
    NOTES["after_redo"] = results()

    bpy.context.scene.restyle.stylize_mesh.iterations = 2000
    with bpy.context.temp_override(**view):
        bpy.ops.restyle.stylize_mesh("INVOKE_DEFAULT")
    task = list(session.tasks.values())[-1]
    yield from wait_for(lambda: len(results()) > len(NOTES["results"]))
    NOTES["live"] = results()
    yield 1  # they are there some steps before they are seen
    yield from picture("live")
    started = time.monotonic()
    bpy.ops.restyle.cancel(task_id=task.id)
    yield from wait_for(lambda: task.state.name == "CANCELLED")
    NOTES["cancel_seconds"] = time.monotonic() - started
    NOTES["after_cancel"] = results()
    yield 0.3
    yield from picture("cancelled")
    bpy.ops.restyle.dismiss(task_id=task.id)

    bpy.context.scene.restyle.stylize_mesh.iterations = 20
    with bpy.context.temp_override(**view):
        bpy.ops.restyle.stylize_mesh("INVOKE_DEFAULT")
        bpy.ops.object.mode_set(mode="EDIT")
    task = list(session.tasks.values())[-1]
    yield from wait_for(lambda: task.state.name == "READY" and "Leave Edit Mode" in task.message)
    yield 0.3
    yield from picture("edit_mode")
    with bpy.context.temp_override(**view):
        bpy.ops.object.mode_set(mode="OBJECT")
    yield from wait_for(lambda: task.state.name == "APPLIED")
    yield 0.3
    yield from picture("two_results")

    yield from look_at(area, "IMAGE_EDITOR", "image_analogy")
    yield from look_at(area, "SEQUENCE_EDITOR", "frames_analogy")
    area.type = "VIEW_3D"
    with bpy.context.temp_override(window=window):
        bpy.ops.screen.userpref_show("INVOKE_DEFAULT", section="ADDONS")
        bpy.ops.preferences.addon_show(module=PACKAGE)
    yield 1.5
    yield from picture("preferences")
    NOTES["ticks"] = ticks


def measure(session, ticks):
    pump = session.pump

    def measured(*arguments):
        started = time.thread_time()
        applied = sum(task.state.name == "APPLIED" for task in session.tasks.values())
        pump(*arguments)
        if applied == sum(task.state.name == "APPLIED" for task in session.tasks.values()):
            ticks.append(time.thread_time() - started)

    session.pump = measured


STEPS = play()


def tick():
    try:
        return next(STEPS)
    except StopIteration:
        pass
    except Exception:  # noqa: BLE001  noted, for the test to fail with
        NOTES["trace"] = traceback.format_exc()
    (STAGE / "notes.json").write_text(json.dumps(NOTES))
    os._exit(0)  # the window would ask whether to save


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(tick, first_interval=1)
