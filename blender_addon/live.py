"""How far a running job is, on its objects themselves: vertex colours and offsets that go again when it ends.

They are a layer of their own on the mesh, and what the object showed before is kept in a custom property of it. So
undo, copies and files carry both together, and whatever is left over anywhere can be taken back. No undo step is made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import bpy

from . import compat, nodes, objects, results
from .results import BEHIND, LIVE
from .tasks import UNDER_WAY, Companion, Task

SHARE = 0.05  # of the main thread's time goes into this, at most
SWEEP_SECONDS = 1.0  # between two looks for what is left over where it cannot be taken back yet
OVER = object()


class Live:
    """What running jobs have sent so far, and when it is shown. All on the main thread but `wants`."""

    def __init__(self) -> None:
        self._newest: dict[str, Mapping[str, Any]] = {}
        self._waiting: set[str] = set()
        self._declined: set[str] = set()  # jobs whose objects the artist has show something else meanwhile
        self._wanted = True
        self._leftover = False
        self._steps: Iterator[None] | None = None  # what remains of showing a job's newest state
        self._spent = 0.0  # seconds, by the steps before
        self._show_at = self._sweep_at = 0.0

    def wants(self, job_id: str) -> bool:
        """Whether to fetch how far a job is; for the link's thread."""
        return self._wanted and job_id not in self._declined

    def take(self, job_id: str, arrays: Mapping[str, Any]) -> None:
        """Show this with one of the next steps, in place of what came before; `arrays` is as `arrivals.surface`."""
        self._newest[job_id] = arrays
        self._waiting.add(job_id)

    def step(self, tasks: Mapping[str, Task], loads: int, *, busy: bool) -> None:
        """Take one step of showing a job's newest state, and take back those of jobs that have ended.

        `busy` puts off showing.
        """
        self._wanted = bpy.context.scene.restyle.live
        running = {task.id for task in tasks.values() if task.state in UNDER_WAY and not task.earlier}
        for job_id in self._newest.keys() - (running if self._wanted else set()):
            self.end(job_id)
        now = time.monotonic()
        if self._leftover and now >= self._sweep_at:
            self._leftover, self._sweep_at = not sweep(self._newest), now + SWEEP_SECONDS
        if self._steps is None and self._waiting and now >= self._show_at:
            job_id = self._waiting.pop()
            self._steps, self._spent = self._show(tasks[job_id], self._newest[job_id], loads), 0.0
        if self._steps is not None and not busy:
            if next(self._steps, OVER) is OVER:
                self._steps = None
            bpy.context.view_layer.update()  # it would come with the next drawing; here its cost is known
            ended = time.monotonic()
            self._spent += ended - now
            self._show_at = ended + self._spent / SHARE

    def _show(self, task: Task, arrays: Mapping[str, Any], loads: int) -> Iterator[None]:
        """Show how far the task is on its objects, in steps of a few milliseconds; between two anything may happen."""
        if not nodes.is_there():
            nodes.material()
            yield
            nodes.group()
            yield
        for companion, rows in objects.own_rows(task, arrays):
            if obj := self._own(task, companion, loads):
                _write(obj.data, rows)
                yield
            obj = self._own(task, companion, loads)
            if obj and BEHIND not in obj and BEHIND in obj.data:
                _begin(obj, task.id)
                yield

    def _own(self, task: Task, companion: Companion, loads: int) -> bpy.types.Object | None:
        """The task's object, if it is as it was sent and free to show how far the job is; with an eye on the artist."""
        obj = companion.target.find(loads) if companion.target else None
        if task.id not in self._newest or obj is None or _is_edited(obj):
            return None
        if BEHIND in obj and _behind(obj)["job"] != task.id:
            return None  # another job has it
        if BEHIND in obj and not _shows(obj):
            self._declined.add(task.id)
            self.end(task.id)
            return None
        if _is_as_sent(companion, obj.data):
            return obj
        if BEHIND in obj:
            _take_back(obj)
        return None

    def end(self, job_id: str) -> None:
        """Take back what is shown of a job; where an object is being edited, as soon as it is not any more."""
        self._waiting.discard(job_id)
        if self._newest.pop(job_id, None) is not None:
            self._leftover = not sweep(self._newest)

    def put_away(self) -> None:
        """Take everything back, before the file is saved; the next step shows it again."""
        self._leftover = not sweep(())
        self._waiting |= self._newest.keys()

    def look_again(self) -> None:
        """Have the next step look for what is left over: undo may have brought some back."""
        self._leftover, self._sweep_at = True, 0.0


def sweep(running: Collection[str]) -> bool:
    """Have all objects that show something of a job that is not `running` look as before; False if some cannot yet."""
    ended = [obj for obj in bpy.data.objects if _is_marked(obj) and _behind(obj)["job"] not in running]
    done = [_take_back(obj) for obj in ended]
    in_use = {obj.data for obj in bpy.data.objects if _is_marked(obj)}
    done += [_erase(mesh) for mesh in bpy.data.meshes if _is_marked(mesh) and mesh not in in_use]
    return all(done)


def _is_marked(block: bpy.types.ID) -> bool:
    return BEHIND in block and block.library is None


def _is_edited(obj: bpy.types.Object) -> bool:
    return obj.mode != "OBJECT" or obj.data.is_editmode


def _is_as_sent(companion: Companion, mesh: bpy.types.Mesh) -> bool:
    """Whether the mesh has as many vertices, corners and faces as it had; one that is shared was looked at already."""
    before = companion.before
    if before is None:
        return BEHIND in mesh
    counts = len(mesh.vertices), len(mesh.loops), len(mesh.polygons)
    return counts == (len(before.positions), len(before.corners), len(before.starts))


def _write(mesh: bpy.types.Mesh, rows: Mapping[str, Any]) -> None:
    """Put the newest state onto the mesh, marked to be taken off again."""
    if BEHIND not in mesh:
        mesh[BEHIND] = mesh.attributes.active_color_name
    for name, suffix in (("colors", "color"), ("offset", "offset")):
        if name in rows:
            results.write(mesh, LIVE, suffix, rows[name])
    mesh.update_tag()


def _begin(obj: bpy.types.Object, job_id: str) -> None:
    """Have the object show the layer, and remember what it showed."""
    attributes, found, before = obj.data.attributes, results.modifier(obj), {"job": job_id}
    if found is None:
        found = results.add_modifier(obj)
        compat.set_modifier_input(found, "Show Colors", not any(obj.data.materials))
    else:
        before |= {"result": compat.modifier_input(found, "Result"), "visible": found.show_viewport}
    obj[BEHIND] = json.dumps(before)
    compat.set_modifier_input(found, "Result", LIVE)
    found.show_viewport = found.show_render = True
    if f"{LIVE}.color" in attributes:
        attributes.active_color_name = f"{LIVE}.color"  # what Solid view shows as "Attribute"


def _behind(obj: bpy.types.Object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(obj[BEHIND])
    return found


def _shows(obj: bpy.types.Object) -> bool:
    found = results.modifier(obj)
    return found is not None and compat.modifier_input(found, "Result") == LIVE


def _take_back(obj: bpy.types.Object) -> bool:
    """Have the object show what it did; what the artist has it show by now stays. False while it is being edited."""
    if _is_edited(obj):
        return False
    if _shows(obj):
        found, before = results.modifier(obj), _behind(obj)
        if before.get("result", "") in obj.data:
            compat.set_modifier_input(found, "Result", before["result"])
            found.show_viewport = found.show_render = before["visible"]
        else:
            obj.modifiers.remove(found)
    del obj[BEHIND]
    return True


def _erase(mesh: bpy.types.Mesh) -> bool:
    """Take the layer off a mesh; False while that is being edited."""
    if mesh.is_editmode:
        return False
    attributes = mesh.attributes
    was_active = attributes.active_color_name.startswith(LIVE)
    results.erase(mesh, LIVE)
    if was_active:
        attributes.active_color_name = mesh[BEHIND] if mesh[BEHIND] in attributes else ""
    del mesh[BEHIND]
    return True
