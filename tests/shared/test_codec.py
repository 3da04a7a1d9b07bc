"""Frames that go through unchanged, and frames that are refused before they cost anything."""

from __future__ import annotations

import random
import tracemalloc

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from restyle import codec
from restyle.errors import BadInputError, ProtocolError, RestyleError
from restyle.kinds.packed import DTYPES
from restyle.version import PROTOCOL_MAJOR

ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda name: nps.arrays(name, nps.array_shapes(min_dims=0, max_dims=4, min_side=0))
)
HEADERS = st.dictionaries(
    st.text(max_size=10).filter(lambda key: key not in ("v", "arrays")),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def wire(header: dict, arrays: tuple = ()) -> list[bytes]:
    return [bytes(frame) for frame in codec.encode(header, arrays)]


@given(header=HEADERS, arrays=st.lists(ARRAYS, max_size=5))
def test_messages_survive_the_wire(header, arrays):
    found, views = codec.decode(wire(header, arrays))
    assert found == {"v": PROTOCOL_MAJOR, **header}
    for array, view in zip(arrays, views, strict=True):
        assert view.dtype == array.dtype
        assert view.shape == array.shape
        assert view.tobytes() == array.tobytes()
        assert not view.flags.writeable


@pytest.mark.parametrize("array", [np.arange(6, dtype=">f4"), np.arange(12, dtype=np.int32).reshape(3, 4).T[::2]])
def test_arrays_travel_little_endian_and_contiguous_whatever_they_were(array):
    _, (view,) = codec.decode(wire({}, (array,)))
    np.testing.assert_array_equal(view, array)
    assert view.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_no_copy_is_made_of_a_plain_array():
    array = np.zeros((1000, 3), np.float32)
    assert np.shares_memory(np.frombuffer(codec.as_bytes(array), np.uint8), array)
    frame = codec.encode({}, (array,))[1]
    _, (view,) = codec.decode([codec.encode({}, (array,))[0], frame])
    assert np.shares_memory(view, array)


@settings(max_examples=500, deadline=None)
@given(frames=st.lists(st.binary(max_size=400), max_size=18))
def test_random_bytes_are_refused_or_an_empty_header(frames):
    try:
        header, arrays = codec.decode(frames)
    except RestyleError:
        return
    assert isinstance(header, dict)
    assert arrays == []


@pytest.mark.parametrize("count", [5000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_damaged_messages_are_refused_or_still_fit_the_rules(count):
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    header, content = wire({"op": "submit", "inputs": {"a": [1, 2.5, {"b": "c"}], "d": None}}, (array,))
    chance = random.Random(0)
    passed = 0
    for _ in range(count):
        damaged = bytearray(header)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = chance.choice([len(damaged)] * 9 + [chance.randrange(len(damaged))])
        try:
            found, arrays = codec.decode([bytes(damaged[:cut]), content])
        except RestyleError:
            continue
        passed += 1
        assert isinstance(found, dict)
        assert [(view.nbytes, view.dtype.name in DTYPES) for view in arrays] == [(48, True)]
    assert 0 < passed < count


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 60_000,
        b"\x81\xa1a" * 20_000,
        b"\xdc\xff\xff" + b"\x90" * 65_000,
        b"\x90" * 10_000_000,
    ],
    ids=[
        "array of 4 billion",
        "map of 4 billion",
        "4 GB of bytes",
        "60,000 lists",
        "20,000 maps",
        "65,000 lists",
        "10 MB",
    ],
)
def test_bombs_are_refused_before_they_grow(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            codec.decode([bomb])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_timestamp_or_an_extension_is_not_plain_data():
    for value in (msgpack.Timestamp(1), msgpack.ExtType(5, b"x")):
        with pytest.raises(ProtocolError):
            codec.decode([msgpack.packb({"a": value})])


def test_a_long_header_is_refused_on_both_sides():
    with pytest.raises(ProtocolError, match="65,536"):
        codec.encode({"text": "x" * codec.MAX_HEADER_BYTES})
    with pytest.raises(ProtocolError, match="65,536"):
        codec.decode([msgpack.packb({"text": "x" * codec.MAX_HEADER_BYTES})])


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"dtype": "uint8"},
        {"dtype": "object", "shape": [1]},
        {"dtype": "longdouble", "shape": [1]},
        {"dtype": ["uint8"], "shape": [1]},
        {"dtype": "uint8", "shape": 1},
        {"dtype": "uint8", "shape": [1.0]},
        {"dtype": "uint8", "shape": [True]},
        {"dtype": "uint8", "shape": [-1]},
        {"dtype": "uint8", "shape": [1, 1, 1, 1, 1]},
    ],
)
def test_array_descriptions_that_are_refused(entry):
    with pytest.raises(ProtocolError):
        codec.check_description(entry)


@pytest.mark.parametrize("shape", [[2**40], [2**32, 2**32], [2**63, 2], [2**62, 0], [2_000_000_000, 3]])
def test_giant_claims_are_bad_input_and_do_not_wrap_around(shape):
    with pytest.raises(BadInputError, match="Use a smaller input"):
        codec.check_description({"dtype": "float64", "shape": shape})


@pytest.mark.parametrize("came", [0, 23, 25, 48])
def test_a_frame_must_have_the_very_length_that_its_description_claims(came):
    head = codec.encode({"op": "x"}, [np.zeros((2, 3), np.float32)])[0]
    assert codec.decode([head, bytes(24)])[1][0].shape == (2, 3)
    with pytest.raises(ProtocolError, match=f"needs 24 bytes; {came} came"):
        codec.decode([head, bytes(came)])


def test_nesting_is_allowed_to_a_depth_and_no_further():
    def nested(depth: int) -> dict:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return {"v": PROTOCOL_MAJOR, "deep": value}

    codec.decode([msgpack.packb(nested(codec.MAX_DEPTH - 2))])
    with pytest.raises(ProtocolError, match=f"deeper than {codec.MAX_DEPTH} levels"):
        codec.decode([msgpack.packb(nested(codec.MAX_DEPTH - 1))])
