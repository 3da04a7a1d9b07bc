"""One picture of the world as a record: what is drawn, from where, in which light, and under which labels."""

import numpy as np

SHAPES = (
    "sphere", "egg", "box", "torus", "capsule", "vase", "bottle", "candle", "cylinder", "cone", "bowl",
    "animal", "figure", "blob", "chair",
)  # fmt: skip
GEOMETRIES = ("smooth", "bumpy", "spiky", "ribbed", "cracked", "wrinkled")
LOOKS = ("text2mesh", "key_light", "soft")

SCENE = np.dtype(
    [
        ("seed", "i4"),
        ("shape", "i4"),  # index into SHAPES
        ("form", "f4", (8,)),  # proportions of the shape
        ("geometry", "i4"),  # index into GEOMETRIES
        ("relief", "f4"),  # displacement amplitude, object units
        ("relief_scale", "f4"),  # displacement cells per object unit
        ("surface", "i4"),  # index into surfaces.SURFACES
        ("variant", "i4"),  # which of the surface's drawings
        ("scale", "f4"),  # pattern scale; larger = finer
        ("detail", "f4"),  # one free number per surface in [0, 1]
        ("frame", "f4", (3, 3)),  # rotation from object to pattern coordinates
        ("cylindrical", "i4"),  # 1: pattern wrapped around the y axis, 0: box mapping
        ("palette", "f4", (3, 3)),  # display-referred sRGB
        ("bump", "f4"),  # strength of the pattern's height in the shading normal
        ("azimuth", "f4"),
        ("elevation", "f4"),
        ("zoom", "f4"),
        ("offset", "f4", (2,)),  # of the picture's centre, in half pictures
        ("look", "i4"),  # index into LOOKS
        ("light", "f4", (3,)),  # unit vector in camera space
        ("ambient", "f4"),
        ("gloss", "f4"),
        ("facet", "f4"),  # size of the flat facets, object units; 0 = smooth normals
        ("blur", "f4"),  # of the surface colour, pixels
        ("background", "f4", (2, 3)),  # bottom and top
        ("clutter", "f4"),  # noise in the background
        ("kind", "i4"),  # index into recipe.KINDS
        ("color", "i4"),  # index into recipe.COLORS, -1 = the surface's own
        ("second", "i4"),  # second colour of a pattern, -1 = none
        ("imitates", "i4"),  # the surface whose colours an imitation wears, 0 = none
    ]
)
