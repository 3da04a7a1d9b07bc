"""Stanford PLY, text and binary: vertices and polygons in; vertices with colours and polygons out.

A reader of our own, since trimesh refuses binary files that mix triangles with other polygons, cuts polygons into
fans, and splits vertices where texture coordinates differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInputError
from ..kinds.mesh import MAX_FACES, MAX_VERTICES
from .polygons import Polygons, polygons_from

MAX_HEADER_BYTES = 65_536
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_INDEX_NAMES = ("vertex_indices", "vertex_index")


@dataclass(frozen=True)
class _Property:
    name: str
    item: str
    count: str | None  # the type of a list's length; None for a single value


@dataclass(frozen=True)
class _Element:
    name: str
    rows: int
    properties: list[_Property] = field(default_factory=list)

    def least_bytes(self, order: str) -> int:
        """What it takes at least: in binary its numbers with all lists empty, in text a digit and a gap for each."""
        per_row = sum(np.dtype(p.count or p.item).itemsize if order else 2 for p in self.properties)
        return self.rows * per_row


def read(data: bytes) -> tuple[NDArray[np.float64], Polygons]:
    """Vertices (V, 3) and polygons of a PLY file; BadInputError says what is wrong."""
    order, elements, start = _read_header(data)
    least = sum(element.least_bytes(order) for element in elements)
    if least > len(data) - start + 1:
        claims = " and ".join(f"{element.rows:,} x {element.name}" for element in elements)
        raise BadInputError(
            f"its header claims {claims}, but only {len(data) - start:,} bytes follow. "
            "It was cut short; export or copy it again."
        )
    vertices, polygons = np.empty((0, 3)), Polygons(np.empty(0, np.int64), np.empty(0, np.int64))
    source = _Binary(data, start, order) if order else _Text(data, start)
    for element in elements:
        columns = source.read(element)
        if element.name == "vertex":
            if missing := [axis for axis in "xyz" if not isinstance(columns.get(axis), np.ndarray)]:
                raise BadInputError(f"its vertices have no {missing[0]}.")
            vertices = np.stack([np.asarray(columns[axis], np.float64) for axis in "xyz"], axis=1)
        elif element.name == "face":
            lists = next((columns[name] for name in _INDEX_NAMES if name in columns), None)
            if isinstance(lists, Polygons):
                polygons = lists
    polygons.require_in_range(len(vertices))
    return vertices, polygons_from(polygons.corners, polygons.sizes)


def _read_header(data: bytes) -> tuple[str, list[_Element], int]:
    """Byte order ('' for text), elements, and where the data begin."""
    end = data.find(b"end_header", 0, MAX_HEADER_BYTES)
    newline = data.find(b"\n", end)
    if not data.startswith(b"ply") or end < 0 or newline < 0:
        raise BadInputError("it has no PLY header; is it a PLY file at all?")
    order, elements = None, list[_Element]()
    for line in data[:end].decode("latin-1").splitlines():
        match line.split():
            case ["format", form, _]:
                order = _ORDERS.get(form)
            case ["element", name, rows] if rows.isdecimal():
                elements.append(_Element(name, int(rows)))
            case ["property", "list", count, item, name] if elements and {count, item} <= _TYPES.keys():
                elements[-1].properties.append(_Property(name, _TYPES[item], _TYPES[count]))
            case ["property", item, name] if elements and item in _TYPES:
                elements[-1].properties.append(_Property(name, _TYPES[item], None))
            case ["element" | "property", *_]:
                raise BadInputError(f"its header has the line {line[:80]!r}, which cannot be understood.")
    if order is None:
        raise BadInputError("its header does not say whether it is text or binary.")
    for name, most in (("vertex", MAX_VERTICES), ("face", MAX_FACES)):
        if claimed := next((e.rows for e in elements if e.name == name and e.rows > most), None):
            raise BadInputError(f"its header claims {claimed:,} x {name}; at most {most:,} are allowed.")
    return order, elements, newline + 1


class _Binary:
    """Reads elements one after the other from raw numbers."""

    def __init__(self, data: bytes, at: int, order: str) -> None:
        self.data, self.at, self.order = data, at, order

    def read(self, element: _Element) -> dict[str, Any]:
        """Columns by property: an array, or Polygons for a list."""
        if not element.rows or not element.properties:
            return {}
        lists = [p for p in element.properties if p.count]
        lengths = self._first_lengths(element)
        dtype = self._row(element, lengths)
        if dtype.itemsize * element.rows <= len(self.data) - self.at:
            rows = np.frombuffer(self.data, dtype, element.rows, self.at)
            # Nearly every file has lists of one length; the others are walked row by row.
            if all((rows[f"{p.name} length"] == lengths[p.name]).all() for p in lists):
                self.at += rows.nbytes
                sizes = {p.name: np.full(element.rows, lengths[p.name], np.int64) for p in lists}
                return {p.name: Polygons(rows[p.name].astype(np.int64).ravel(), sizes[p.name]) for p in lists} | {
                    p.name: rows[p.name] for p in element.properties if not p.count
                }
        if not lists:
            raise _cut_short(element)
        return self._read_rows(element)

    def _first_lengths(self, element: _Element) -> dict[str, int]:
        at, lengths = self.at, dict[str, int]()
        for p in element.properties:
            if p.count:
                lengths[p.name] = self._length(p, at, element)
                at += np.dtype(p.count).itemsize + lengths[p.name] * np.dtype(p.item).itemsize
            else:
                at += np.dtype(p.item).itemsize
        return lengths

    def _length(self, p: _Property, at: int, element: _Element) -> int:
        dtype = np.dtype(self.order + str(p.count))
        if at + dtype.itemsize > len(self.data):
            raise _cut_short(element)
        length = int(np.frombuffer(self.data, dtype, 1, at)[0])
        if length < 0 or at + dtype.itemsize + length * np.dtype(p.item).itemsize > len(self.data):
            raise _cut_short(element)
        return length

    def _row(self, element: _Element, lengths: dict[str, int]) -> np.dtype[Any]:
        fields: list[Any] = []
        for p in element.properties:
            if p.count:
                fields += [(f"{p.name} length", self.order + p.count)]
                fields += [(p.name, self.order + p.item, (lengths[p.name],))]
            else:
                fields += [(p.name, self.order + p.item)]
        try:
            return np.dtype(fields)
        except ValueError as error:
            raise BadInputError(f"the properties of its {element.name} elements are not possible: {error}.") from error

    def _read_rows(self, element: _Element) -> dict[str, Any]:
        """The lists of an element whose lists differ in length; its single values are of no use here."""
        found = {p.name: (list[bytes](), list[int]()) for p in element.properties if p.count}
        for _ in range(element.rows):
            for p in element.properties:
                if p.count:
                    length = self._length(p, self.at, element)
                    self.at += np.dtype(p.count).itemsize
                    found[p.name][1].append(length)
                    found[p.name][0].append(self.data[self.at : self.at + length * np.dtype(p.item).itemsize])
                    self.at += length * np.dtype(p.item).itemsize
                else:
                    self.at += np.dtype(p.item).itemsize
        items = {p.name: self.order + p.item for p in element.properties}
        return {
            name: Polygons(np.frombuffer(b"".join(parts), items[name]).astype(np.int64), np.array(sizes, np.int64))
            for name, (parts, sizes) in found.items()
        }


class _Text:
    """Reads elements one after the other from lines."""

    def __init__(self, data: bytes, at: int) -> None:
        self.lines = [words for line in data[at:].splitlines() if (words := line.split())]
        self.at = 0

    def read(self, element: _Element) -> dict[str, Any]:
        """Columns by property: an array, or Polygons for a list."""
        rows = self.lines[self.at : self.at + element.rows]
        self.at += element.rows
        if len(rows) < element.rows:
            raise _cut_short(element)
        try:
            if not any(p.count for p in element.properties):
                table = np.array([[float(word) for word in row[: len(element.properties)]] for row in rows], np.float64)
                table = table.reshape(element.rows, len(element.properties))
                return {p.name: table[:, column] for column, p in enumerate(element.properties)}
            return self._read_lists(element, rows)
        except (ValueError, IndexError, OverflowError) as error:
            raise BadInputError(f"one of its {element.name} lines cannot be understood: {error}.") from error

    def _read_lists(self, element: _Element, rows: list[list[bytes]]) -> dict[str, Any]:
        found = {p.name: (list[int](), list[int]()) for p in element.properties if p.count}
        for row in rows:
            at = 0
            for p in element.properties:
                if not p.count:
                    at += 1
                    continue
                length = int(row[at])
                values = row[at + 1 : at + 1 + length]
                if len(values) != length:
                    raise _cut_short(element)
                if p.name in _INDEX_NAMES:
                    found[p.name][0].extend(map(int, values))
                    found[p.name][1].append(length)
                at += 1 + length
        return {name: Polygons(np.array(c, np.int64), np.array(s, np.int64)) for name, (c, s) in found.items()}


def _cut_short(element: _Element) -> BadInputError:
    return BadInputError(
        f"its header claims {element.rows:,} x {element.name}, but the data end before that. "
        "It was cut short; export or copy it again."
    )


def write(vertices: NDArray[np.float64], polygons: Polygons, colors: NDArray[np.float64] | None) -> bytes:
    """A binary PLY file: vertices (V, 3) as doubles; colors (V, 3) sRGB in [0, 1], as bytes by custom."""
    fields: list[Any] = [(axis, "<f8") for axis in "xyz"]
    properties = [f"property double {axis}" for axis in "xyz"]
    if colors is not None:
        fields += [(name, "u1") for name in ("red", "green", "blue")]
        properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    rows = np.empty(len(vertices), fields)
    for column, axis in enumerate("xyz"):
        rows[axis] = vertices[:, column]
    if colors is not None:
        for column, name in enumerate(("red", "green", "blue")):
            rows[name] = np.round(colors[:, column] * 255)
    count, count_type = ("uchar", "<u1") if polygons.sizes.max(initial=0) < 256 else ("int", "<i4")
    header = [
        "ply", "format binary_little_endian 1.0", "comment Restyle", f"element vertex {len(vertices)}", *properties,
        f"element face {len(polygons.sizes)}", f"property list {count} int vertex_indices", "end_header\n",
    ]  # fmt: skip
    return "\n".join(header).encode("ascii") + rows.tobytes() + _pack_lists(polygons, count_type)


def _pack_lists(polygons: Polygons, count_type: str) -> bytes:
    """Each polygon as its length and its corners, laid out without a loop over polygons."""
    width = np.dtype(count_type).itemsize
    is_count = np.zeros(width * len(polygons.sizes) + 4 * len(polygons.corners), bool)
    firsts = np.arange(len(polygons.sizes)) * width + 4 * polygons.starts
    is_count[firsts[:, None] + np.arange(width)] = True
    out = np.empty(len(is_count), np.uint8)
    out[is_count] = polygons.sizes.astype(count_type).view(np.uint8)
    out[~is_count] = polygons.corners.astype("<i4").view(np.uint8)
    return out.tobytes()
