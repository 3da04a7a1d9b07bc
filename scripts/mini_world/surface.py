"""The numbers of the world's surfaces, which labels, captions and the compiled drawing code share."""

from enum import IntEnum


class Surface(IntEnum):
    """What a thing is made of, or the pattern on it."""

    PLAIN = 0
    BRICK = 1
    WOOD = 2
    GOLD = 3
    SILVER = 4
    COPPER = 5
    COBBLESTONE = 6
    STONE = 7
    MARBLE = 8
    GRANITE = 9
    CONCRETE = 10
    RUST = 11
    ICE = 12
    LAVA = 13
    MOSS = 14
    GRASS = 15
    BARK = 16
    WICKER = 17
    CROCHET = 18
    LEATHER = 19
    SAND = 20
    CHOCOLATE = 21
    CHEESE = 22
    HONEYCOMB = 23
    WATER = 24
    DENIM = 25
    CLOUDS = 26
    GALAXY = 27
    CACTUS = 28
    STRAWBERRY = 29
    WATERMELON = 30
    SCALES = 31
    FUR = 32
    FEATHERS = 33
    PAPER = 34
    SNOW = 35
    CRYSTAL = 36
    MOSAIC = 37
    ROPE = 38
    STRIPES = 39
    DOTS = 40
    CHECKS = 41
    ZIGZAG = 42
    PLAID = 43
    ZEBRA = 44
    LEOPARD = 45
    CAMOUFLAGE = 46
    MOTTLED = 47
    PATCHES = 48


SURFACES = tuple(surface.name.lower() for surface in Surface)
MATERIALS = SURFACES[: Surface.STRIPES]
PATTERNS = SURFACES[Surface.STRIPES :]
