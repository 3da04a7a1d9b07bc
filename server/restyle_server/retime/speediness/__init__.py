"""Is a clip shown at its natural speed, or sped up? After SpeedNet (Benaim et al., CVPR 2020, arXiv 2004.06130)."""

from .curve import RATES, speediness
from .moments import Windows, features
from .s3dg import S3DG, load_s3dg
from .small import SpeedinessNet, load_small

__all__ = [
    "RATES",
    "S3DG",
    "SpeedinessNet",
    "Windows",
    "features",
    "load_s3dg",
    "load_small",
    "speediness",
]
