"""Records described once, as a list of fields: writing, reading and the table for the manual all follow from it.

=======  ==================================================================  =========================
kind     bytes                                                               range bounds
=======  ==================================================================  =========================
u8       1                                                                   the value
u16      2, little-endian                                                    the value
u32      4, little-endian                                                    the value
varint   1 to 10: LEB128, 7 bits a byte from the low end, shortest form only  the value
svarint  a varint of 2v for v >= 0, of -2v - 1 for v < 0 (zigzag)            the value
bytes    a varint length, then the bytes                                     the length
str      a varint length in bytes, then UTF-8                                the length in bytes
array    a varint count, then the elements                                   the count
=======  ==================================================================  =========================

Bytes, strings and arrays whose least and largest length are equal are written without their length.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import StreamError

FIXED = {"u8": 1, "u16": 2, "u32": 4}
MAX_VARINT = (1 << 64) - 1

# kind -> (default range, widest range)
RANGES = {
    "u8": ((0, 0xFF), (0, 0xFF)),
    "u16": ((0, 0xFFFF), (0, 0xFFFF)),
    "u32": ((0, 0xFFFFFFFF), (0, 0xFFFFFFFF)),
    "varint": ((0, 0xFFFFFFFF), (0, MAX_VARINT)),
    "svarint": ((-(1 << 31), (1 << 31) - 1), (-(1 << 63), (1 << 63) - 1)),
    "bytes": ((0, 0xFFFF), (0, 0xFFFFFFFF)),
    "str": ((0, 0xFF), (0, 0xFFFFFFFF)),
    "array": ((0, 0xFFFF), (0, 0xFFFFFFFF)),
}


@dataclass(frozen=True)
class Field:
    """One field of a record.

    name: key of its value in the record.
    kind: one of the table above.
    doc: its meaning, for the manual.
    low, high: smallest and largest value, or length; None takes the kind's own (65 535 for lengths, 255 for strings).
    of: for arrays, what an element is: a field (values are a list of its values), or fields (a list of records).
    """

    name: str
    kind: str
    doc: str = ""
    low: int | None = None
    high: int | None = None
    of: Field | tuple[Field, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in RANGES:
            raise ValueError(f"field {self.name}: kind {self.kind!r} is none of {', '.join(RANGES)}")
        (low, high), (least, most) = self.range, RANGES[self.kind][1]
        if not least <= low <= high <= most:
            raise ValueError(f"field {self.name}: the range {low}..{high} is empty or does not fit a {self.kind}")
        if (self.kind == "array") != (self.of is not None):
            raise ValueError(f"field {self.name}: arrays, and only they, have elements")
        if self.kind == "array" and _least_size(self.elements) == 0:
            # Else a count of four billion would cost a hostile file nothing.
            raise ValueError(f"field {self.name}: an element must take at least one byte")

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest value, or length."""
        low, high = RANGES[self.kind][0]
        return (low if self.low is None else self.low, high if self.high is None else self.high)

    @property
    def elements(self) -> tuple[Field, ...]:
        """The fields of one element of an array."""
        return (self.of,) if isinstance(self.of, Field) else self.of or ()


Fields = Sequence[Field]


def _least_size(fields: Fields) -> int:
    """The fewest bytes that a record can take."""
    return sum(_least_field_size(field) for field in fields)


def _least_field_size(field: Field) -> int:
    if field.kind in FIXED:
        return FIXED[field.kind]
    if field.kind in ("varint", "svarint"):
        return 1
    low, high = field.range
    return (low != high) + low * (_least_size(field.elements) if field.kind == "array" else 1)


# ---------------------------------------------------------------------------------------------------- numbers


def write_varint(value: int) -> bytes:
    """LEB128 of 0 <= value < 2^64; ValueError outside."""
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit a varint")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Whole numbers to natural ones, small ones to small ones: 0, -1, 1, -2 -> 0, 1, 2, 3."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(value: int) -> int:
    """The inverse of `zigzag`."""
    return value >> 1 if value % 2 == 0 else -(value >> 1) - 1


class Reader:
    """A position in bytes that must hold what is asked of it; StreamError else. `what` names the whole in messages."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what
        self.at = 0

    @property
    def remaining(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.at

    def take(self, count: int, name: str) -> bytes:
        """The next `count` bytes; `name` says in the message what they were to be."""
        if count > self.remaining:
            raise StreamError(f"{self.what}: {name} needs {count} bytes, {self.remaining} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int, name: str) -> int:
        """An unsigned little-endian number of `size` bytes."""
        return int.from_bytes(self.take(size, name), "little")

    def varint(self, name: str) -> int:
        """A varint in its shortest form."""
        value = shift = 0
        while True:
            byte = self.take(1, name)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= 70:
                raise StreamError(f"{self.what}: {name} is no number, it has more than 10 bytes")
        if value > MAX_VARINT or (byte == 0 and shift > 7):
            raise StreamError(f"{self.what}: {name} is no number in its shortest form")
        return value


# ---------------------------------------------------------------------------------------------------- records


def write_record(fields: Fields, values: Mapping[str, Any]) -> bytes:
    """The bytes of a record. Raises ValueError, with the field's name, for values missing, unknown or out of range."""
    return _write(fields, values, "")


def read_record(fields: Fields, data: bytes, what: str, exact: bool = True) -> dict[str, Any]:
    """The values of a record that `write_record` wrote: int, bytes, str, or lists of values or of records.

    what: names the record in messages, "header". exact: whether bytes behind the last field are an error; a reader that
    accepts records with fields of a later minor version ignores them. Raises StreamError with the field's name.
    """
    reader = Reader(data, what)
    values = _read(fields, reader, "")
    if exact and reader.remaining:
        raise StreamError(f"{what}: {reader.remaining} bytes too many behind the last field")
    return values


def _write(fields: Fields, values: Mapping[str, Any], path: str) -> bytes:
    names = {field.name for field in fields}
    if names != set(values):
        missing, unknown = sorted(names - set(values)), sorted(set(values) - names)
        raise ValueError(f"record {path or 'values'}: missing fields {missing}, unknown fields {unknown}")
    return b"".join(_write_field(field, values[field.name], path + field.name) for field in fields)


def _write_field(field: Field, value: Any, path: str) -> bytes:
    if field.kind in FIXED or field.kind in ("varint", "svarint"):
        try:
            number = operator.index(value)
        except TypeError:
            raise ValueError(f"field {path}: {value!r} is no whole number") from None
        _check_range(field, number, path, ValueError)
        if field.kind in FIXED:
            return number.to_bytes(FIXED[field.kind], "little")
        return write_varint(zigzag(number) if field.kind == "svarint" else number)
    length, body = _body(field, value, path)
    _check_range(field, length, path, ValueError)
    low, high = field.range
    return body if low == high else write_varint(length) + body


def _body(field: Field, value: Any, path: str) -> tuple[int, bytes]:
    """Length and bytes of a value of bytes, str or array."""
    if field.kind == "bytes" and isinstance(value, bytes | bytearray | memoryview):
        body = bytes(value)
    elif field.kind == "str" and isinstance(value, str):
        body = value.encode()
    elif field.kind == "array" and isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return len(value), b"".join(_write_element(field, x, f"{path}[{k}]") for k, x in enumerate(value))
    else:
        raise ValueError(f"field {path}: {type(value).__name__} given, want {field.kind}")
    return len(body), body


def _write_element(field: Field, element: Any, path: str) -> bytes:
    if isinstance(field.of, Field):
        return _write_field(field.of, element, path)
    if not isinstance(element, Mapping):
        raise ValueError(f"field {path}: {type(element).__name__} given, want a record")
    return _write(field.elements, element, path + ".")


def _read(fields: Fields, reader: Reader, path: str) -> dict[str, Any]:
    return {field.name: _read_field(field, reader, path + field.name) for field in fields}


def _read_field(field: Field, reader: Reader, path: str) -> Any:
    if field.kind in FIXED or field.kind in ("varint", "svarint"):
        value = reader.number(FIXED[field.kind], path) if field.kind in FIXED else reader.varint(path)
        value = unzigzag(value) if field.kind == "svarint" else value
        _check_range(field, value, path, StreamError, reader.what)
        return value
    low, high = field.range
    length = low if low == high else reader.varint(f"length of {path}")
    _check_range(field, length, path, StreamError, reader.what)
    if field.kind == "array":
        if length * _least_size(field.elements) > reader.remaining:
            raise StreamError(f"{reader.what}: {path} claims {length} elements, {reader.remaining} bytes are left")
        names = (f"{path}[{k}]" for k in range(length))
        if isinstance(field.of, Field):
            return [_read_field(field.of, reader, name) for name in names]
        return [_read(field.elements, reader, name + ".") for name in names]
    body = reader.take(length, path)
    try:
        return body.decode() if field.kind == "str" else body
    except UnicodeDecodeError:
        raise StreamError(f"{reader.what}: {path} is not UTF-8") from None


def _check_range(field: Field, number: int, path: str, error: type[Exception], what: str = "") -> None:
    low, high = field.range
    if not low <= number <= high:
        subject = path if field.kind in FIXED or field.kind in ("varint", "svarint") else f"length of {path}"
        prefix = f"{what}: " if what else "field "
        raise error(f"{prefix}{subject} is {number}, allowed is {low}..{high}")


# ---------------------------------------------------------------------------------------------------- manual


def markdown_table(fields: Fields) -> str:
    """The record as a Markdown table: field, kind, range, meaning; an array's elements follow it as `name[].field`."""
    rows = ["| field | kind | range | meaning |", "|---|---|---|---|", *_rows(fields, "")]
    return "\n".join(rows) + "\n"


def _rows(fields: Fields, path: str) -> list[str]:
    rows = []
    for field in fields:
        low, high = field.range
        span = str(low) if low == high else f"{low}..{high}"
        measure = "" if field.kind in FIXED or field.kind in ("varint", "svarint") else "length "
        one = isinstance(field.of, Field)
        kind = f"{field.kind} of {field.elements[0].kind}" if one and field.elements[0].kind != "array" else field.kind
        rows.append(f"| `{path}{field.name}` | {kind} | {measure}{span} | {field.doc} |")
        if one and field.elements[0].kind == "array":
            rows += _rows(field.elements, f"{path}{field.name}[].")
        elif not one:
            rows += _rows(field.elements, f"{path}{field.name}[].")
    return rows
