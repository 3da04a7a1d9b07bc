"""What the tests of stylized meshes share: objects and what is read of them."""

from __future__ import annotations

import json

import bpy
import numpy as np


def add(kind="cube", name="", **values):
    getattr(bpy.ops.mesh, f"primitive_{kind}_add")(**values)
    obj = bpy.context.object
    obj.name = name or obj.name
    return obj


def select(*objs):
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objs)
    bpy.context.view_layer.objects.active = objs[0]


def positions(mesh):
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


def evaluated(obj):
    return obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def read(mesh, name, field, width):
    values = np.empty(len(mesh.vertices) * width, np.float32)
    mesh.attributes[name].data.foreach_get(field, values)
    return values.reshape(-1, width)


def offsets(obj, number=1):
    return read(obj.data, f"restyle.{number}.offset", "vector", 3)


def colors(obj, number=1):
    return read(obj.data, f"restyle.{number}.color", "color", 4)[:, :3]


def recipe(obj, number=1):
    return json.loads(obj.data[f"restyle.{number}"])
