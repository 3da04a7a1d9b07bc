"""The patch engine: coarse-to-fine nearest patches, seconds on a CPU, no weights."""

from .analogy import Guide, PatchResult, analogy
from .edits import fill, retarget, vary
from .frames import analogy_frames
from .options import MODES, PRESETS, PatchOptions, options_for
from .synthesis import Step

__all__ = [
    "MODES",
    "PRESETS",
    "Guide",
    "PatchOptions",
    "PatchResult",
    "Step",
    "analogy",
    "analogy_frames",
    "fill",
    "options_for",
    "retarget",
    "vary",
]
