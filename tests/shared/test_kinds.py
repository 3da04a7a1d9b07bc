"""Every kind: what it takes survives pack and unpack; what it refuses, it refuses by name, on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from restyle.errors import BadInputError, UsageError
from restyle.kinds import KINDS, Packed, kind
from restyle.kinds.mesh import Mesh
from restyle.kinds.packed import DTYPES

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
FACE = np.array([[0, 1, 2]], np.int32)


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
    elif name in ("image", "attributes"):
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
    assert set(KINDS) == {"mesh", "image", "text", "attributes", "report"}
    with pytest.raises(UsageError, match="no kind 'smell'; known are mesh"):
        kind("smell")
