"""The world's surfaces: each maps a point to palette weights, a shade and a height.

Every function returns (t1, t2, shade, height): the colour is mix(mix(palette 0, palette 1, t1), palette 2, t2) * shade.
A negative t1 asks for a hue of its own, -t1 being the hue in (0, 1). One palette change therefore tints any surface.
"""

# ruff: noqa: PLR0917, PLR0911 -- compiled code passes coordinates as scalars and branches per surface

from math import atan2

from .noise import Scene, jit
from .surface import Surface
from .surfaces_built import brick, fabric, metal, mosaic, tiled, wood
from .surfaces_natural import creature, fluid, mineral, plant, stones
from .surfaces_pattern import pattern


@jit
def chart(scene: Scene, x: float, y: float, z: float, nx: float, ny: float, nz: float) -> tuple[float, float]:
    """Return two surface coordinates, the second one running upwards."""
    ax, ay, az = abs(nx), abs(ny), abs(nz)
    if scene.cylindrical and ay < 0.85:
        return atan2(z, x) * 0.6, y
    if ay > ax and ay > az:
        return x, z
    if ax > az:
        return z, y
    return x, y


@jit
def evaluate(
    scene: Scene, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float, float]:
    """Evaluate the scene's surface at an object-space point with its undisplaced unit normal."""
    f = scene.frame
    s = scene.surface
    if s in (Surface.GOLD, Surface.SILVER, Surface.COPPER):
        return metal(scene, x, y, z, nx, ny, nz)
    px = f[0, 0] * x + f[0, 1] * y + f[0, 2] * z
    py = f[1, 0] * x + f[1, 1] * y + f[1, 2] * z
    pz = f[2, 0] * x + f[2, 1] * y + f[2, 2] * z
    u, v = chart(scene, px, py, pz, nx, ny, nz)
    k = scene.scale
    px, py, pz, u, v = px * k, py * k, pz * k, u * k, v * k
    if s == Surface.PLAIN:
        return 0.0, 0.0, 1.0, 0.0
    if s == Surface.BRICK:
        return brick(scene, px, py, pz, u, v)
    if s == Surface.WOOD:
        return wood(scene, px, py, pz, u, v)
    if s >= Surface.STRIPES:
        return pattern(scene, s, px, py, pz, u, v)
    if s == Surface.MOSAIC:
        return mosaic(scene, u, v)
    if s in (Surface.WICKER, Surface.CROCHET, Surface.DENIM, Surface.ROPE, Surface.LEATHER, Surface.PAPER):
        return fabric(scene, s, px, py, pz, u, v)
    if s in (Surface.CHOCOLATE, Surface.HONEYCOMB, Surface.SCALES, Surface.STRAWBERRY):
        return tiled(scene, s, px, py, pz, u, v)
    if s in (Surface.COBBLESTONE, Surface.STONE, Surface.CRYSTAL):
        return stones(scene, s, px, py, pz, u, v)
    if s in (Surface.LAVA, Surface.WATER, Surface.CLOUDS, Surface.GALAXY, Surface.ICE):
        return fluid(scene, s, px, py, pz)
    if s in (Surface.FUR, Surface.FEATHERS, Surface.CHEESE):
        return creature(scene, s, px, py, pz, u, v)
    if s in (Surface.MOSS, Surface.GRASS, Surface.BARK, Surface.CACTUS, Surface.WATERMELON):
        return plant(scene, s, px, py, pz, u, v)
    return mineral(scene, s, px, py, pz)
