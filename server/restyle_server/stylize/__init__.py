"""The Text2Mesh engine: meshes, prompts and a CLIP in, colours and displacements out. Plain torch and numpy."""

from .encoder import ClipEncoder
from .objects import PerVertex
from .options import PRESETS, StylizeOptions, options_for
from .render import contact_sheet, render_views
from .result import StylizeResult
from .stage import Stage, prepare
from .targets import Target, TargetMesh
from .text2mesh import Step, optimise, stylize

__all__ = [
    "PRESETS",
    "ClipEncoder",
    "PerVertex",
    "Stage",
    "Step",
    "StylizeOptions",
    "StylizeResult",
    "Target",
    "TargetMesh",
    "contact_sheet",
    "optimise",
    "options_for",
    "prepare",
    "render_views",
    "stylize",
]
