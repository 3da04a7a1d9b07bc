"""Text2Mesh: a mesh and a prompt in, vertex colours and displacements out."""

from __future__ import annotations

from ..declare import JobDeclaration, Parameter, Port

JOBS = (
    JobDeclaration(
        name="stylize_mesh",
        title="Stylize Mesh",
        help="Colours and displaces the vertices of a mesh until its pictures match a prompt (Text2Mesh).",
        inputs=(
            Port("mesh", "mesh", "The mesh to stylize; its vertices keep their order, scale and place."),
            Port("prompt", "text", "What it should look like, for example: a candle made of red brick."),
        ),
        outputs=(
            Port(
                "attributes",
                "attributes",
                "colors (V, 3) float32 scene linear; displacement (V,) float32 in object units along the vertex "
                "normal; offset (V, 3) float32, the same as vectors.",
            ),
            Port("picture", "image", "The result from several sides."),
            Port("report", "report", "Scores, seconds, device, model, warnings and the parameters as used."),
        ),
        parameters=(
            Parameter(
                "preset",
                "choice",
                "draft",
                "How much time to spend.",
                title="Preset",
                choices={
                    "draft": "A first look in under a minute",
                    "standard": "A finished result with fewer pictures per step than the paper",
                    "reference": "The settings of the Text2Mesh paper's own demos",
                },
                front=True,
            ),
            Parameter("seed", "int", 0, "Another seed gives another variation.", "Seed", 0, 2**31 - 1, front=True),
            Parameter(
                "model",
                "str",
                "auto",
                "The CLIP model that judges the pictures; auto takes the best one on the server.",
                "Model",
                1,
                100,
            ),
            Parameter(
                "iterations", "int", None, "Optimisation steps; empty takes the preset's own.", "Iterations", 1, 20_000
            ),
        ),
    ),
)
