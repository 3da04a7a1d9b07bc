"""Models as safetensors, held against the format's own library; strangers' bytes, which must not do any harm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from restyle.errors import BadInputError, UsageError
from restyle.kinds import Packed, kind
from restyle.kinds.model import Model, decode, encode, validate
from restyle.kinds.packed import DTYPES
from restyle.modelfile import check_output, read_model, write_model

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "half": np.array([0.5, -2], np.float16),
    "double": np.array(np.pi),
    "flags": np.array([[True], [False]]),
    "empty": np.empty((0, 4), np.int16),
    "bytes": np.arange(3, dtype=np.uint8),
    "wide": np.array([-(2**62)], np.int64),
}


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_formats_own_library_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_model(path, Model(ARRAYS, {"what": "a thing", "deep": {"er": [1, None]}}))
    same(load_file(path), ARRAYS)
    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["restyle"]) == {"what": "a thing", "deep": {"er": [1, None]}}


def test_what_the_formats_own_library_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(ARRAYS, path, metadata={"format": "pt"})
    model = read_model(path)
    same(dict(model.arrays), ARRAYS)
    assert model.metadata == {}


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=20).filter(lambda name: name != "__metadata__"),
                    st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=6),
    st.sampled_from(["bool", "uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "float64"]),
)  # fmt: skip
def test_any_model_survives(shapes: dict[str, list[int]], dtype: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(0, 2, shape).astype(dtype) for name, shape in shapes.items()}
    same(dict(decode(encode(Model(arrays))).arrays), arrays)


GOOD = encode(Model({"a": np.arange(4, dtype=np.float32)}))


def with_header(header: object, data: bytes = bytes(16)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | changes


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (GOOD[:7], "cut short"),
        (GOOD[:20], "cut short"),
        (GOOD[:-1], "does not have the"),
        (GOOD + b"\0", "more bytes than it names"),
        ((2**63).to_bytes(8, "little") + GOOD[8:], "cut short"),
        (with_header(b"{nonsense"), "header cannot be read"),
        (with_header(b"[" * 90_000), "header cannot be read"),
        (with_header([1]), "header cannot be read"),
        (with_header(b'{"a": 1, "a": 2}'), "stands in it twice"),
        (with_header({"a": entry(), "__metadata__": {"restyle": 5}}), "not texts"),
        (with_header({"a": entry(), "__metadata__": {"restyle": "[1]"}}), "not a mapping"),
        (with_header({"a": entry(), "__metadata__": {"restyle": "{"}}), "header cannot be read"),
        (with_header({"a": 5}), "two whole numbers"),
        (with_header({"a": entry(data_offsets=[0, "16"])}), "two whole numbers"),
        (with_header({"a": entry(data_offsets=[-16, 0])}), "two whole numbers"),
        (with_header({"a": entry(data_offsets=[4, 16])}), "does not follow"),
        (with_header({"a": entry(), "b": entry()}), "does not follow"),
        (with_header({"a": entry(shape=[5])}), "does not have the"),
        (with_header({"a": entry(shape=[2**32, 2**32])}), "does not have the"),
        (with_header({"a": entry(shape=4)}), "shape"),
        (with_header({"a": entry(shape=[True])}), "shape"),
        (with_header({"a": entry(shape=[1] * 99)}), "shape"),
        (with_header({"a": entry(dtype="BF16")}), "'BF16'"),
        (with_header({"a": entry(dtype=["F32"])}), "type"),
        (with_header({"a": entry(dtype="BOOL", shape=[16])}, b"\2" * 16), "neither 0 nor 1"),
        (with_header({"a": entry()}, np.full(4, np.nan, "<f4").tobytes()), "NaN"),
        (with_header({}, b""), "no arrays"),
    ],
)
def test_damaged_bytes_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        decode(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_change_of_bytes_breaks_out(data: st.DataObject) -> None:
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = decode(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    except BadInputError:
        return
    validate(model)


def test_the_kind_carries_any_model() -> None:
    accepted = kind("model")
    packed = accepted.pack(Model(ARRAYS, {"what": "a thing"}))
    assert all(array.dtype.name in DTYPES for array in packed.arrays.values())
    back = accepted.unpack(packed)
    same(dict(back.arrays), ARRAYS)
    assert back.metadata == {"what": "a thing"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ARRAYS, "dict is not a restyle.Model"),
        (Model({}), "no arrays"),
        (Model({"a": [1]}), "a is a list"),
        (Model({"": np.zeros(1)}), "name ''"),
        (Model({"__metadata__": np.zeros(1)}), "name '__metadata__'"),
        (Model({"a": np.zeros(1, object)}), "type object"),
        (Model({"a": np.zeros(1, np.complex64)}), "type complex64"),
        (Model({"a": np.zeros((1,) * 9)}), "9 dimensions"),
        (Model({"a": np.array([1, np.inf])}), "infinity"),
        (Model({"a": np.broadcast_to(np.float64(0), (1 << 25,))}), "268,435,456 bytes; at most"),
        (Model({str(number): np.zeros(1) for number in range(5000)}), "5,000 arrays"),
        (Model({"a": np.zeros(1)}, {"a": np.zeros(1)}), "JSON"),
        (Model({"a": np.zeros(1)}, {"a": "x" * (1 << 21)}), "longer than"),
        (Model({"a": np.zeros(1)}, [1]), "not a mapping"),
    ],
)
def test_what_a_model_may_not_hold(value: object, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        kind("model").validate(value)


@pytest.mark.parametrize(
    "packed",
    [
        Packed("model"),
        Packed("model", {}, {"file": np.zeros(9, np.float32)}),
        Packed("model", {}, {"file": np.zeros((3, 3), np.uint8)}),
        Packed("model", {}, {"file": np.frombuffer(GOOD[:-1], np.uint8)}),
    ],
)
def test_what_a_peer_packed_wrongly_is_bad_input(packed: Packed) -> None:
    with pytest.raises(BadInputError):
        kind("model").unpack(packed)


def test_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(GOOD[:-1])
    with pytest.raises(BadInputError, match=r"bad\.safetensors: 'a' does not have"):
        read_model(path)
    with pytest.raises(BadInputError, match="no such file"):
        read_model(tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match=r"\.safetensors"):
        check_output(tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="does not exist"):
        check_output(tmp_path / "no" / "a.safetensors")
    with pytest.raises(BadInputError, match="no arrays"):
        write_model(tmp_path / "c.safetensors", Model({}))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bad.safetensors"]
