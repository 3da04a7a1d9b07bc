"""Stored styles: a mesh and a style in, vertex colours and displacements or textures out, without optimising again."""

from __future__ import annotations

from ..declare import JobDeclaration, Parameter, Port

_STYLE = Port("style", "model", "The style: what a stylized mesh came with, or its .safetensors file.")
_VERTEX_ATTRIBUTES = Port(
    "vertex_attributes",
    "attributes",
    "What the mesh's vertices have: mask (V,) from 0, not to be changed, to 1; colors (V, 3) scene linear.",
    optional=True,
)
_PLACE = Parameter(
    "place",
    "choice",
    "auto",
    "How the mesh is laid into the style.",
    "Place",
    choices={
        "auto": "As original if the mesh fills the same box as the one that the style was made on, else as fit",
        "fit": "The mesh's own middle and size take the place of the original mesh's",
        "original": "Where the coordinates of the mesh lie on the original mesh, whatever their size",
    },
)

JOBS = (
    JobDeclaration(
        name="apply_style",
        title="Apply Style",
        help="Gives a mesh of any density the colours and displacements of a stored style.",
        inputs=(
            Port("mesh", "mesh", "The mesh to style; its vertices keep their order, scale and place."),
            _STYLE,
            _VERTEX_ATTRIBUTES,
        ),
        outputs=(
            Port(
                "attributes",
                "attributes",
                "colors (V, 3) float32 scene linear; displacement (V,) float32 in object units along the vertex "
                "normal; offset (V, 3) float32, the same as vectors.",
            ),
            Port("picture", "image", "The result from several sides."),
            Port("report", "report", "Seconds, device, and what the style says about itself."),
        ),
        parameters=(_PLACE,),
    ),
    JobDeclaration(
        name="bake_style",
        title="Bake Style to Textures",
        help="Samples a stored style for every texel of a mesh's UV map.",
        inputs=(Port("mesh", "mesh", "The mesh to texture, with a UV map."), _STYLE, _VERTEX_ATTRIBUTES),
        outputs=(
            Port("colors", "image", "The colour texture, sRGB."),
            Port(
                "displacement",
                "passes",
                "displacement (S, S, 1) float32, object units along the smooth normal. A 16-bit picture of it has the "
                "level displacement / scale + midlevel, with both from the report.",
            ),
            Port("normals", "image", "The tangent-space normal map (+Y up), if it was asked for.", optional=True),
            Port("picture", "image", "The mesh as it is, without displacement, in its textures from several sides."),
            Port(
                "report",
                "report",
                "scale and midlevel of the displacement, its largest value, the shares of texels covered and "
                "overlapping and of the surface without a place in the map, seconds, device, warnings.",
            ),
        ),
        parameters=(
            Parameter("size", "int", 1024, "Side of the textures.", "Size", 16, 4096, unit="pixels", front=True),
            Parameter(
                "padding",
                "int",
                16,
                "How far each island of the UV map repeats its border.",
                "Padding",
                0,
                256,
                unit="pixels",
            ),
            Parameter("normal_map", "bool", False, "Make a normal map too.", "Normal Map", front=True),
            Parameter(
                "tile",
                "int",
                None,
                "Of a UV map with several UDIM tiles, the one to bake; empty where there is only one.",
                "UDIM Tile",
                1001,
                9999,
            ),
            _PLACE,
        ),
    ),
)
