"""Records: golden bytes, round trips, and range errors that carry the field's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.fields import (
    Field,
    Reader,
    markdown_table,
    read_record,
    unzigzag,
    write_record,
    write_varint,
    zigzag,
)

TAG = (Field("tag", "u16", "TIFF tag", low=254), Field("data", "bytes", "its value", high=8))
RECORD = (
    Field("magic", "bytes", "signature", low=2, high=2),
    Field("phase", "u8", "CFA phase", high=3),
    Field("width", "u16", "columns", low=2),
    Field("length", "u32", "bytes"),
    Field("count", "varint", "how many", high=1000),
    Field("offset", "svarint", "columns to the right", low=-300, high=300),
    Field("camera", "str", "Make Model"),
    Field("black", "array", "levels", low=2, high=2, of=Field("level", "svarint")),
    Field("tags", "array", "for the DNG", high=3, of=TAG),
    Field("grid", "array", "rows", high=2, of=Field("row", "array", "", high=3, of=Field("cell", "u8"))),
)
VALUES = {
    "magic": b"ok",
    "phase": 3,
    "width": 0x1234,
    "length": 0xDEADBEEF,
    "count": 300,
    "offset": -65,
    "camera": "Olé",
    "black": [-1, 64],
    "tags": [{"tag": 254, "data": b""}, {"tag": 50706, "data": b"\1\4\0\0"}],
    "grid": [[], [7, 8]],
}
GOLDEN = (
    "6f6b 03 3412 efbeadde ac02 8101 04 4f6cc3a9"
    "01 8001"
    "02 fe00 00 12c6 04 01040000"
    "02 00 02 0708"
)


def test_golden_bytes():
    data = write_record(RECORD, VALUES)
    assert data == bytes.fromhex(GOLDEN)
    assert read_record(RECORD, data, "header") == VALUES


@pytest.mark.parametrize(
    ("value", "coded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16383, "ff7f"), (16384, "808001"), ((1 << 64) - 1, "ff" * 9 + "01")],
)
def test_golden_varints(value, coded):
    assert write_varint(value) == bytes.fromhex(coded)
    assert Reader(bytes.fromhex(coded), "x").varint("y") == value


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_zigzag_keeps_small_numbers_small(value):
    assert unzigzag(zigzag(value)) == value
    assert zigzag(value) <= 2 * abs(value)


@pytest.mark.parametrize("coded", ["", "80", "8000", "ff" * 9 + "02", "ff" * 12, "80" * 9 + "00"])
def test_bad_varints(coded):
    with pytest.raises(StreamError, match="the stream: count"):
        Reader(bytes.fromhex(coded), "the stream").varint("count")


@pytest.mark.parametrize("value", [-1, 1 << 64])
def test_varint_outside(value):
    with pytest.raises(ValueError, match="does not fit"):
        write_varint(value)


values = st.fixed_dictionaries(
    {
        "magic": st.binary(min_size=2, max_size=2),
        "phase": st.integers(0, 3),
        "width": st.integers(2, 65535),
        "length": st.integers(0, (1 << 32) - 1),
        "count": st.integers(0, 1000),
        "offset": st.integers(-300, 300),
        "camera": st.text(max_size=60),
        "black": st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=2, max_size=2),
        "tags": st.lists(
            st.fixed_dictionaries({"tag": st.integers(254, 65535), "data": st.binary(max_size=8)}), max_size=3
        ),
        "grid": st.lists(st.lists(st.integers(0, 255), max_size=3), max_size=2),
    }
)


@given(values)
def test_round_trip(record):
    assert read_record(RECORD, write_record(RECORD, record), "header") == record


@given(st.binary(max_size=60))
def test_any_bytes_read_to_a_record_in_range_or_fail_cleanly(data):
    try:
        record = read_record(RECORD, data, "header")
    except StreamError as error:
        assert str(error).startswith("header: ") and "\n" not in str(error)
    else:
        assert write_record(RECORD, record) == data


def test_every_truncation_fails():
    data = write_record(RECORD, VALUES)
    for length in range(len(data)):
        with pytest.raises(StreamError, match="header"):
            read_record(RECORD, data[:length], "header")


def test_more_bytes_than_fields():
    data = write_record(RECORD, VALUES) + b"later"
    with pytest.raises(StreamError, match="5 bytes too many"):
        read_record(RECORD, data, "header")
    assert read_record(RECORD, data, "header", exact=False) == VALUES


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("phase", 4, "field phase is 4, allowed is 0..3"),
        ("width", 1, "field width is 1"),
        ("width", 1.5, "field width: 1.5 is no whole number"),
        ("offset", 301, "field offset is 301, allowed is -300..300"),
        ("camera", "x" * 256, "field length of camera is 256"),
        ("camera", b"x", "field camera: bytes given, want str"),
        ("magic", b"no!", "field length of magic is 3, allowed is 2..2"),
        ("black", [1], "field length of black is 1"),
        ("black", [1, "2"], r"field black\[1\]: '2' is no whole number"),
        ("tags", [{"tag": 1, "data": b""}], r"field tags\[0\].tag is 1"),
        ("tags", [{"tag": 300}], r"tags\[0\].: missing fields \['data'\]"),
        ("tags", [7], r"field tags\[0\]: int given, want a record"),
        ("tags", "abc", "field tags: str given, want array"),
    ],
)
def test_writing_out_of_range_names_the_field(name, value, message):
    with pytest.raises(ValueError, match=message):
        write_record(RECORD, {**VALUES, name: value})


def test_writing_misspelt_names():
    with pytest.raises(ValueError, match=r"missing fields \['phase'\], unknown fields \['fase'\]"):
        write_record(RECORD, {("fase" if k == "phase" else k): v for k, v in VALUES.items()})


@pytest.mark.parametrize(
    ("field", "data", "message"),
    [
        (Field("phase", "u8", high=3), "04", "header: phase is 4, allowed is 0..3"),
        (Field("name", "str"), "02 c328", "header: name is not UTF-8"),
        (Field("name", "str", high=3), "04", "header: length of name is 4"),
        (Field("blob", "bytes"), "05 00", "header: blob needs 5 bytes, 1 are left"),
        (Field("list", "array", of=Field("x", "u32")), "02 00000000", "list claims 2 elements, 4 bytes are left"),
        (Field("list", "array", of=(Field("x", "u8", low=1),)), "02 01 00", r"header: list\[1\].x is 0"),
    ],
)
def test_reading_damage_names_the_field(field, data, message):
    with pytest.raises(StreamError, match=message):
        read_record((field,), bytes.fromhex(data), "header")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "u12"}, "none of"),
        ({"kind": "u8", "high": 256}, "does not fit a u8"),
        ({"kind": "u8", "low": 5, "high": 4}, "is empty"),
        ({"kind": "array"}, "arrays, and only they"),
        ({"kind": "u8", "of": Field("x", "u8")}, "arrays, and only they"),
        ({"kind": "array", "of": Field("x", "bytes", low=0, high=0)}, "at least one byte"),
    ],
)
def test_bad_descriptions(arguments, message):
    with pytest.raises(ValueError, match=f"field broken: .*{message}"):
        Field("broken", **arguments)


def test_markdown_table():
    assert markdown_table(RECORD).splitlines()[:4] == [
        "| field | kind | range | meaning |",
        "|---|---|---|---|",
        "| `magic` | bytes | length 2 | signature |",
        "| `phase` | u8 | 0..3 | CFA phase |",
    ]
    assert "| `black` | array of svarint | length 2 | levels |" in markdown_table(RECORD)
    assert "| `tags[].tag` | u16 | 254..65535 | TIFF tag |" in markdown_table(RECORD)
    assert "| `grid[].row` | array of u8 | length 0..3 |  |" in markdown_table(RECORD)
