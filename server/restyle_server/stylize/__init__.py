"""The Text2Mesh engine: meshes, prompts and a CLIP in, colours and displacements out. Plain torch and numpy."""

from .encoder import ClipEncoder
from .options import PRESETS, StylizeOptions, options_for
from .render import contact_sheet, render_views
from .text2mesh import Step, StylizeResult, stylize

__all__ = [
    "PRESETS",
    "ClipEncoder",
    "Step",
    "StylizeOptions",
    "StylizeResult",
    "contact_sheet",
    "options_for",
    "render_views",
    "stylize",
]
