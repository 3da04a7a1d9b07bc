"""Pictures as H.264 takes them: upright, of even size, one plane of luma and two of chroma at half the size.

A decoded frame mostly is all that already and passes through untouched, so that a retimed movie loses nothing to
colour conversion. What has to be turned, padded, blended or tinted is handled plane by plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restyle.moviefile import HD_LINES

if TYPE_CHECKING:
    import av

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
RGB_SPACE, UNKNOWN_SPACE = 0, 2  # AVCOL_SPC_RGB, AVCOL_SPC_UNSPECIFIED
BT709, BT601 = 1, 6  # AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M


def matrix_of(frame: av.VideoFrame, height: int) -> int:
    """The colour matrix (AVCOL_SPC_*) in which a frame's planes are written: its own, or the usual one of its size."""
    said = int(frame.colorspace)
    return said if said not in (RGB_SPACE, UNKNOWN_SPACE) else BT709 if height >= HD_LINES else BT601


def video_frame(frame: av.VideoFrame, width: int, height: int, rotation: int) -> av.VideoFrame:
    """A decoded frame as yuv420p of limited range, upright, its last column and row doubled where they are odd.

    width, height: of the clip, upright; a frame of another size is scaled to it. rotation: degrees, counter-clockwise.
    """
    lying = (height, width) if rotation % 180 else (width, height)
    plain = frame
    if frame.format.name != "yuv420p" or frame.color_range == FULL_RANGE or (frame.width, frame.height) != lying:
        plain = _converted(frame, *lying)
    if rotation == 0 and width % 2 == 0 and height % 2 == 0:
        return plain
    luma, *chroma = (np.rot90(plane, rotation // 90) for plane in planes(plain))
    luma = np.pad(luma, ((0, height % 2), (0, width % 2)), mode="edge")
    return from_planes((luma, chroma[0], chroma[1]), like=frame)


def _converted(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    from av.video.reformatter import ColorRange, Colorspace

    if frame.format.is_rgb:
        space = Colorspace.ITU709 if height >= HD_LINES else Colorspace.ITU601
        return frame.reformat(width, height, "yuv420p", dst_colorspace=space, dst_color_range=ColorRange.MPEG)
    return frame.reformat(width, height, "yuv420p", dst_color_range=ColorRange.MPEG)


def planes(frame: av.VideoFrame) -> Planes:
    """Views of the planes of a yuv420p frame: (H, W), and twice half of that, rounded up."""
    views = [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]
    return views[0], views[1], views[2]


def from_planes(values: Planes, like: av.VideoFrame) -> av.VideoFrame:
    """A yuv420p frame of these planes, of even size, with the colour tags of `like`."""
    import av

    height, width = values[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for target, value in zip(planes(frame), values):
        target[...] = value
    frame.colorspace, frame.color_range = like.colorspace, 1  # AVCOL_RANGE_MPEG
    frame.color_primaries, frame.color_trc = like.color_primaries, like.color_trc
    return frame


def blended(first: av.VideoFrame, second: av.VideoFrame, share: float) -> av.VideoFrame:
    """Two yuv420p frames mixed: `share` (0 to 1) of the second."""
    weight = round(share * 256)
    pairs = zip(planes(first), planes(second))
    luma, u, v = ((a * np.uint16(256 - weight) + b * np.uint16(weight) + np.uint16(128)) >> 8 for a, b in pairs)
    return from_planes((luma.astype(np.uint8), u.astype(np.uint8), v.astype(np.uint8)), like=first)
