"""From where the artist looks at an object, as the two angles that a job takes."""

from __future__ import annotations

import bpy
from mathutils import Matrix, Vector

from .restyle.errors import BadInputError
from .restyle.jobs.stylize_mesh import view_angles

Eye = tuple[Matrix, bool]  # where it is and how it is turned, in the world; whether its lines of sight are parallel


def of_region(context: bpy.types.Context) -> Eye:
    """The eye of the 3D View that the context is in; BadInputError if it is in none."""
    region = getattr(context, "region_data", None)
    if region is None:
        raise BadInputError("This works in a 3D View only. In a script, set azimuth and elevation.")
    if region.view_perspective == "CAMERA" and context.scene.camera is not None:
        return of_camera(context.scene)
    turned = region.view_rotation.to_matrix()  # the view matrix itself is only made when the view is drawn
    place = region.view_location + turned @ Vector((0, 0, region.view_distance))
    return Matrix.LocRotScale(place, turned, None), region.view_perspective == "ORTHO"


def of_camera(scene: bpy.types.Scene) -> Eye:
    """The eye of the scene's camera; BadInputError if there is none."""
    camera = scene.camera
    if camera is None:
        raise BadInputError("The scene has no camera. Add one with Add > Camera, or take the current view.")
    return camera.matrix_world.copy(), camera.type == "CAMERA" and camera.data.type == "ORTHO"


def angles(obj: bpy.types.Object, eye: Eye) -> tuple[float, float]:
    """Azimuth and elevation, degrees, of the eye as seen from the middle of the object."""
    from .meshes import up_axis

    place, parallel = eye
    middle = obj.matrix_world @ (sum((Vector(corner) for corner in obj.bound_box), Vector()) / 8)
    towards = place.to_3x3() @ Vector((0, 0, 1)) if parallel else place.translation - middle
    own = obj.matrix_world.to_quaternion().inverted() @ towards
    if own.length == 0:
        raise BadInputError(f"The eye is in the middle of “{obj.name}”. Move away from it.")
    azimuth, elevation = view_angles(tuple(own), up_axis(obj))
    return azimuth, elevation
