"""Every kind: what it takes survives pack and unpack; what it refuses, it refuses by name, on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.codec import MAX_BLOB_BYTES, MAX_FRAMES
from restyle.errors import BadInputError, UsageError
from restyle.kinds import KINDS, Packed, frames, kind, passes
from restyle.kinds.frames import Frames
from restyle.kinds.mesh import Mesh
from restyle.kinds.packed import DTYPES

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
FACE = np.array([[0, 1, 2]], np.int32)


CLIP = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 3), np.uint8)
DEPTH = np.linspace(0, 9, 6, dtype=np.float32).reshape(2, 3, 1)
IDS = np.arange(6, dtype=np.int32).reshape(2, 3, 1)


def with_value(index: tuple[int, int], value: float) -> np.ndarray:
    vertices = TRIANGLE.copy()
    vertices[index] = value
    return vertices


GOOD = [
    ("mesh", Mesh(TRIANGLE, FACE)),
    ("mesh", Mesh(TRIANGLE.astype(np.float64), FACE, up="z")),
    ("image", np.zeros((2, 3, 3), np.uint8)),
    ("image", np.zeros((2, 3, 4), np.uint8)),
    ("text", "a vase made of wicker"),
    ("text", "ein Gefäß aus 編み 🧺"),
    ("attributes", {"colors": TRIANGLE, "displacement": TRIANGLE[:, 0].copy()}),
    ("frames", Frames(CLIP, 23.976)),
    ("frames", Frames(CLIP[:1, :1, :1], 24)),
    ("passes", {"depth": DEPTH, "id": IDS, "normal": np.zeros((2, 3, 3), np.float32)}),
    ("passes", {"id": np.zeros((5, 2, 3, 1), np.uint8), "material": np.ones((5, 2, 3, 1), np.uint16)}),
    ("mask", np.array([[0, 1, 0.5]], np.float32)),
    ("report", {"score": 0.5, "list": [1, None, "é"], "deep": {"er": True}}),
    ("report", {}),
]

BAD = [
    ("mesh", TRIANGLE, "ndarray is not a restyle.Mesh"),
    ("mesh", Mesh(TRIANGLE, FACE, up="x"), "up is 'x'"),
    ("mesh", Mesh(TRIANGLE.tolist(), FACE), "vertices is a list"),
    ("mesh", Mesh(TRIANGLE[:, :2], FACE), r"vertices has shape \(3, 2\); it must be n x 3"),
    ("mesh", Mesh(TRIANGLE.astype(np.float16), FACE), "vertices has type float16"),
    ("mesh", Mesh(TRIANGLE.astype(object), FACE), "vertices has type object"),
    ("mesh", Mesh(TRIANGLE, FACE.astype(np.int64)), "faces has type int64; it must be int32"),
    ("mesh", Mesh(TRIANGLE[:0], FACE[:0]), "no vertices"),
    ("mesh", Mesh(TRIANGLE, FACE[:0]), "no faces"),
    ("mesh", Mesh(with_value((1, 2), np.nan), FACE), r"vertices\[1\]"),
    ("mesh", Mesh(with_value((2, 0), np.inf), FACE), r"vertices\[2\]"),
    ("mesh", Mesh(TRIANGLE, np.array([[0, 1, 2], [0, 1, 3]], np.int32)), r"faces\[1\] is \[0, 1, 3\].*0 to 2"),
    ("mesh", Mesh(TRIANGLE, np.array([[0, -1, 2]], np.int32)), r"faces\[0\]"),
    ("mesh", Mesh(TRIANGLE * 0, FACE), "extent"),
    ("mesh", Mesh(with_value((0, 0), -3e38) + with_value((1, 0), 3e38), FACE), "extent"),
    ("image", np.zeros((2, 3), np.uint8), "shape"),
    ("image", np.zeros((2, 3, 3), np.float32), "float32"),
    ("image", np.zeros((0, 3, 3), np.uint8), "3 x 0 pixels"),
    ("image", np.broadcast_to(np.zeros(3, np.uint8), (9000, 9000, 3)), "64,000,000"),
    ("frames", CLIP, "ndarray is not a restyle.Frames"),
    ("frames", Frames(CLIP[0], 24), r"shape \(4, 3, 3\)"),
    ("frames", Frames(CLIP[..., :1], 24), "shape"),
    ("frames", Frames(CLIP.astype(np.float32), 24), "float32"),
    ("frames", Frames(CLIP[:0], 24), "no pixel"),
    ("frames", Frames(CLIP[:, :0], 24), "no pixel"),
    ("frames", Frames(CLIP, 0), "0 frames per second"),
    ("frames", Frames(CLIP, float("nan")), "nan frames per second"),
    ("frames", Frames(CLIP, True), "True frames per second"),
    ("frames", Frames(CLIP, "24"), "'24' frames per second"),
    ("frames", Frames(np.broadcast_to(np.uint8(0), (900, 480, 854, 3)), 24), "900 frames of 854 x 480.*873 fit"),
    ("frames", Frames(np.broadcast_to(np.uint8(0), (1, 9000, 9000, 3)), 24), "64,000,000"),
    ("passes", {}, "at least one named"),
    ("passes", [DEPTH], "at least one named"),
    ("passes", {"": DEPTH}, "name ''"),
    ("passes", {5: DEPTH}, "name '5'"),
    ("passes", {"depth": DEPTH[..., 0]}, "shape"),
    ("passes", {"depth": DEPTH.astype(np.float64)}, "float64"),
    ("passes", {"depth": DEPTH, "id": IDS[:1]}, r"'depth' has the shape \(2, 3\), 'id' has \(1, 3\)"),
    ("passes", {"depth": DEPTH, "id": IDS[None]}, "one size"),
    ("passes", {"depth": np.where(DEPTH > 8, np.float32(np.inf), DEPTH)}, "depth is inf at row 1, column 2"),
    ("passes", {"depth": np.zeros((2, 3, 5), np.float32)}, "5 channels"),
    ("passes", {"depth": DEPTH[:0]}, "at least one pixel"),
    ("passes", {str(number): DEPTH for number in range(9)}, "9 of them"),
    ("passes", {"id": np.broadcast_to(np.uint8(0), (9000, 9000, 1))}, "64,000,000"),
    ("mask", [[1.0]], "list"),
    ("mask", np.ones((2, 3, 1), np.float32), "shape"),
    ("mask", np.ones((2, 3), np.uint8), "uint8"),
    ("mask", np.ones((0, 3), np.float32), "3 x 0 pixels"),
    ("mask", np.full((2, 3), 255, np.float32), "0 to 1"),
    ("mask", np.full((2, 3), np.nan, np.float32), r"values\[0\]"),
    ("mask", np.zeros((2, 3), np.float32), "empty"),
    ("mask", np.broadcast_to(np.float32(1), (9000, 9000)), "64,000,000"),
    ("text", 5, "int is not a text"),
    ("text", " \n", "empty"),
    ("text", "x" * 1001, "1,001 characters"),
    ("text", "a\0b", "NUL"),
    ("attributes", {}, "at least one"),
    ("attributes", [TRIANGLE], "at least one"),
    ("attributes", {"a": TRIANGLE, "b": TRIANGLE[:2]}, r"\[2, 3\]"),
    ("attributes", {"a": TRIANGLE.astype(np.float64)}, "float64"),
    ("attributes", {"a": with_value((2, 1), np.nan)}, r"a\[2\]"),
    ("attributes", {"a": np.zeros((3, 5), np.float32)}, "5 columns"),
    ("attributes", {str(number): TRIANGLE for number in range(17)}, "17 arrays"),
    ("report", [1], "not a mapping"),
    ("report", {"a": float("nan")}, "JSON"),
    ("report", {"a": np.zeros(2)}, "JSON"),
    ("report", {"a": "x" * 1_000_001}, "1,000,000 bytes"),
]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_survives(name, value):
    accepted = kind(name)
    accepted.validate(value)
    packed = accepted.pack(value)
    assert packed.kind == name
    assert all(array.dtype.name in DTYPES and array.flags.c_contiguous for array in packed.arrays.values())
    back = accepted.unpack(packed)
    if name == "mesh":
        np.testing.assert_array_equal(back.vertices, value.vertices)
        np.testing.assert_array_equal(back.faces, value.faces)
        assert back.up == value.up
        assert back.vertices.dtype == value.vertices.dtype
    elif name == "frames":
        np.testing.assert_array_equal(back.pixels, value.pixels)
        assert back.fps == value.fps
    elif name in ("image", "mask", "passes", "attributes"):
        np.testing.assert_equal(back, value)
    else:
        assert back == value


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_a_bad_value_is_named(name, value, message):
    with pytest.raises(BadInputError, match=message) as caught:
        kind(name).validate(value)
    assert caught.value.exit_code == 20


@pytest.mark.parametrize(
    "packed",
    [
        Packed("mesh"),
        Packed("mesh", {}, {"vertices": TRIANGLE}),
        Packed("mesh", {}, {"vertices": with_value((0, 0), np.nan), "faces": FACE}),
        Packed("mesh", {"up": ["y"]}, {"vertices": TRIANGLE, "faces": FACE}),
        Packed("image"),
        Packed("image", {}, {"pixels": TRIANGLE}),
        Packed("frames"),
        Packed("frames", {}, {"part00": CLIP}),
        Packed("frames", {"fps": [24]}, {"part00": CLIP}),
        Packed("frames", {"fps": 24.0}, {"part00": CLIP[0, 0, 0]}),
        Packed("frames", {"fps": 24.0}, {"part00": CLIP, "part01": CLIP[:, :2]}),
        Packed("frames", {"fps": 24.0}, {"part00": CLIP, "part01": CLIP.astype(np.float32)}),
        Packed("frames", {"fps": 24.0}, {"part00": CLIP[:0], "part01": CLIP[:0]}),
        Packed("frames", {"fps": 24.0}, dict.fromkeys("abcd", np.broadcast_to(np.uint8(0), (250, 480, 854, 3)))),
        Packed("passes"),
        Packed("passes", {}, {"depth": DEPTH, "id": TRIANGLE}),
        Packed("mask"),
        Packed("mask", {}, {"values": IDS}),
        Packed("text"),
        Packed("text", {"text": None}),
        Packed("attributes"),
        Packed("report"),
        Packed("report", {}, {"json": TRIANGLE}),
        Packed("report", {}, {"json": np.frombuffer(b"[1]", np.uint8)}),
        Packed("report", {}, {"json": np.frombuffer(b"{", np.uint8)}),
        Packed("report", {}, {"json": np.frombuffer(b'{"a": "\xff"}', np.uint8)}),
        Packed("report", {}, {"json": np.frombuffer(b"[" * 100_000, np.uint8)}),
    ],
)
def test_what_a_peer_packed_wrongly_is_bad_input(packed):
    with pytest.raises(BadInputError):
        kind(packed.kind).unpack(packed)


def test_kinds_are_found_by_name():
    named = {"mesh", "image", "frames", "passes", "mask", "curve", "text", "attributes", "report", "model"}
    assert set(KINDS) == named
    with pytest.raises(UsageError, match="no kind 'smell'; known are mesh"):
        kind("smell")


@pytest.mark.parametrize(("part_bytes", "parts"), [(36, 5), (72, 3), (73, 3), (1000, 1), (1, 5)])
def test_a_clip_travels_in_parts_of_whole_frames(monkeypatch, part_bytes, parts):
    monkeypatch.setattr(frames, "PART_BYTES", part_bytes)  # a frame has 36 bytes, the clip 180
    packed = frames.pack(Frames(CLIP, 24))
    assert len(packed.arrays) == parts
    assert np.shares_memory(packed.array("part00"), CLIP), "frames are cut, not copied"
    np.testing.assert_array_equal(frames.unpack(packed).pixels, CLIP)


@pytest.mark.parametrize("frame_bytes", [1, 100, (64 << 20) - 1, (64 << 20) + 1, 100 << 20, 192_000_000])
def test_the_largest_clips_fit_the_blobs(frame_bytes):
    total = frames.MAX_BYTES // frame_bytes
    parts = frames._parts(total * frame_bytes, frame_bytes)
    per_part = -(-total // parts)
    assert -(-total // per_part) <= MAX_FRAMES
    assert per_part * frame_bytes <= MAX_BLOB_BYTES


def test_whole_numbers_are_labels():
    assert passes.is_labels(IDS)
    assert not passes.is_labels(DEPTH)
