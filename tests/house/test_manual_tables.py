"""Every table of bytes in docs/bitstream.md is the code's: sections, fields, lists, layers of the net, limits."""

import re
import struct
from dataclasses import replace
from pathlib import Path

import goldens
import numpy as np
import pytest
from rawinlay.bitstream.jpeg import frame, jumbf
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.stream import container, layers, limits, preview
from rawinlay.bitstream.stream.fields import markdown_table
from rawinlay.bitstream.stream.header import FIELDS, MAX_PIXELS
from rawinlay.bitstream.tiff import tags
from rawinlay.codec.decoder import stream
from rawinlay.codec.guide import geometry, projection
from rawinlay.codec.guide.geometry import Geometry, Warp
from rawinlay.codec.guide.projection import Projection
from rawinlay.codec.recipe import corrections, net, recipe
from rawinlay.codec.recipe.features import COUNT
from rawinlay.codec.refine import tile
from rawinlay.codec.stages import order, parameters
from rawinlay.entropy import tables

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "bitstream.md").read_text(encoding="utf-8")
WORDS = " ".join(MANUAL.split())


def chapter(heading):
    """The text from a heading to the next one."""
    begin = MANUAL.index(heading + " ")
    return MANUAL[begin : re.compile(r"^##", re.MULTILINE).search(MANUAL, begin + 5).start()]


def table(heading, number=0):
    """The cells of a table's rows, without its head."""
    found = re.findall(r"((?:^\|.*\|\n)+)", chapter(heading), re.MULTILINE)[number]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in found.splitlines()[2:]]


def power(number):
    """As the manual writes it."""
    assert number & (number - 1) == 0
    return f"2^{number.bit_length() - 1}"


def test_sections():
    rows = [(letter.strip("`").encode(), name) for letter, name, _ in table("### 2.2")]
    assert rows == [*((letter, name) for name, letter in container.SECTIONS.items()), (container.INDEX, "")]
    shown = re.findall(r'^"(\w)"  +(\w{4})? .*$', container.__doc__, re.MULTILINE)
    assert [(letter.encode(), name) for letter, name in shown] == rows


def test_declared_sections():
    rows = {letter.strip("`").encode(): (name, contents) for letter, name, contents, _ in table("### 8.4")}
    assert rows == container.DECLARED and list(rows) == list(container.DECLARED)


def test_layr():
    assert markdown_table(layers.FIELDS) in chapter("### 6.1")


def test_all_records_are_shown_once():
    for record in (container.PREAMBLE, FIELDS, layers.FIELDS):
        assert MANUAL.count(markdown_table(record)) == 1


def test_prev():
    assert [row[0] for row in table("### 2.5")] == [str(preview.OWN), str(preview.JPEG)]
    assert f"at most {power(preview.MOST_BYTES)} bytes and {preview.MOST_SIDE} pixels a side" in WORDS
    for kind, _ in table("### 2.5"):
        assert preview.CarriedPreview.from_bytes(bytes([int(kind)]) + b"x" * (kind == "0")) is not None
    assert preview.CarriedPreview.from_bytes(b"\2x") is None


def test_list_of_tags():
    """Number, name and kinds, in order."""
    source = (ROOT / "bitstream" / "tiff" / "allowed.py").read_text(encoding="utf-8")
    wanted = re.findall(r'^    \((IFD0|RAW|EXIF), (\d+), "(\w+)", "(\w+)"\),$', source, re.MULTILINE)
    assert [(getattr(tags, ifd), int(tag), kinds) for ifd, tag, kinds, _ in wanted] == list(tags.TAGS)
    found = []
    for first, last, ifd, items in re.findall(r"^- (\d+) to (\d+), (\w+): ((?:.*\n)(?:  .*\n)*)", MANUAL, re.MULTILINE):
        assert int(first) == len(found)
        found += [(ifd, *item.split()) for item in items.split(",")]
        assert int(last) == len(found) - 1
    assert found == [(ifd, tag, name, kinds) for ifd, tag, kinds, name in wanted]
    assert f"at most {power(tags.MAX_TAG_BYTES)} bytes together" in WORDS
    assert f"{power(2 * tags.MAX_TAG_BYTES)} bytes inflated" in WORDS


def test_geometry():
    """Each row: bytes, and which bit says that they are there."""
    warp = Warp((1, 2), (3, 4, 5, 6))
    shown = {int(bits): size for size, _, bits in
             ((sum(map(int, a.split(" + "))), b, c[4:]) for a, b, c in table("## 3.", 2) if c != "always")}  # fmt: skip
    for bit, some in ((3, Geometry(offset=(1, 2))), (4, Geometry(scale=(1 << 20, 1 << 20))), (5, Geometry(warp=warp))):
        assert some.to_bytes()[0] == 1 << bit and len(some.to_bytes()) == 1 + shown.pop(bit)
    assert not shown
    assert Geometry(7, warp=warp).to_bytes() == bytes([6 | 32]) + struct.pack("<6i", 1, 2, 3, 4, 5, 6)
    rows = [b for _, b, _ in table("## 3.", 2)]
    assert f"1/{1 << geometry.POSITION_BITS} px, at most {power(geometry._MAX_OFFSET)} either way" in rows[1]
    least, most = power(geometry._MIN_SCALE), power(geometry._MAX_SCALE)
    assert f"2^-{geometry.SCALE_BITS}, from {least} to {most}" in rows[2]
    assert f"2^-{geometry.WARP_BITS}, at most {power(geometry._MAX_WARP)} either way" in rows[3]


def test_projection():
    """4.5: each part's bytes, bit and range."""
    rows = [(size, text, present) for size, text, present in table("### 4.5")]
    names = ["vanish", "centre", "lens", "chromatic"]
    assert rows[0][1].startswith(", ".join(f"bit {n} {name}" for n, name in enumerate(names)))
    plain = Projection((1, 2), (1 << 24, 0, 0, 1 << 24))
    assert len(plain.to_bytes()) == sum(int(size) for size, _, present in rows if present == "always")
    assert plain.to_bytes() == bytes([0]) + struct.pack("<6i", 1, 2, 1 << 24, 0, 0, 1 << 24)
    for n, (name, (size, text, present)) in enumerate(zip(names, rows[3:], strict=True)):
        some = replace(plain, **{name: (5, 6, 7, 8)[: int(size) // 4]})
        assert text.startswith(name) and present == f"bit {n}"
        assert some.to_bytes()[0] == 1 << n and len(some.to_bytes()) == len(plain.to_bytes()) + int(size)
    limits = {
        "middle": (projection.POSITION_BITS, projection._MAX_MIDDLE), "linear": (projection.LINEAR_BITS,
        projection._MAX_LINEAR), "centre": (projection.CENTRE_BITS, projection._MAX_CENTRE), "lens":
        (projection.LENS_BITS, projection._MAX_LENS), "chromatic": (projection.LENS_BITS, projection.MAX_CHROMATIC),
    }  # fmt: skip
    for _, text, _ in rows[1:]:
        if (name := text.split()[0].strip(":")) in limits:
            bits, most = limits[name]
            assert f"at most {power(most)} either way" in text
            assert (f"2^-{bits}" in text) or (name == "middle" and f"1/{1 << bits} px" in text)
    assert f"is {power(projection._LEAST_AREA)} at least" in rows[2][1]
    assert f"2^-{projection.VANISH_BITS}" in rows[3][1] and projection._MAX_VANISH2 == 9 << 56
    assert "at most 9 2^56" in rows[3][1]


def test_layers_of_the_net():
    rows = {name.strip("`"): cells for name, *cells in table("### 5.15")}
    assert list(rows) == list(net.LAYERS)
    for name, (inputs, outputs, kernel, distance, shift) in rows.items():
        layer = net.LAYERS[name]
        assert (int(inputs), int(outputs), int(shift)) == (layer.inputs, layer.outputs, layer.shift)
        assert kernel == f"{layer.side}x{layer.side}"
        assert distance == (str(layer.dilation) if layer.side > 1 else "")


def test_arrays_of_the_tables():
    rows = {name.strip("`"): kind for name, kind, _ in table("### 5.12")}
    with np.load(ROOT / "entropy" / "models" / f"{tables.DEFAULT.hex()}.npz") as archive:
        assert rows == {name: f"{archive[name].dtype} {str(archive[name].shape).replace(',)', ')')}" for name in rows}
        assert set(archive) == set(rows)


@pytest.mark.parametrize(
    "sentence",
    [
        f"T, number of tiles, at most {power(container.MAX_TILES)}",
        f"L, number of layers, at most {container.MAX_LAYERS}",
        f"S, number of stages, at most {container.MAX_STAGES}",
        f"En = 0x{jumbf.EN:04X}",
        f"a part of {jumbf.PART // 1000} {jumbf.PART % 1000} bytes",
        f"gives the last part at least {jumbf.MIN_PART} bytes",
        f"toggles `03` (requestable, label), label `{jumbf.LABEL.decode()}`, 00",
        f"media type `{jumbf.MIME.decode()}`",
        f"more than {power(MAX_PIXELS)} pixels",
        f"maps {COUNT} features",
        f"or m = {COUNT + net.COUNT} features",
        f"Features {COUNT} to {COUNT + net.COUNT - 1}, the learned ones",
        f"c, below {power(recipe.LIMIT)} either way",
        f"the sum of |c| 2^e is below {power(recipe.SUM_LIMIT)}",
        f"coefficients d, below {power(corrections.LIMIT)} either way",
        f"exponent e of each term, u8, 0 to {corrections.EXPONENTS - 1}",
        f"in 1/512, at most {parameters.MEAN_LIMIT} either way",
        f"an array of {order.near_count(0, 0, order.REFINED)} mean coefficients",
        f"or for {tile.MAX_ROUNDS} rounds",
        f"more than 4096 (rows + {stream.LEAST_SIDE}) (columns + {stream.LEAST_SIDE}) pixels",
        f"| pixels | {power(MAX_PIXELS)}, and {power(limits.PIXELS)} + {limits.PIXELS_A_BYTE} a byte |",
        f"pixels + {power(limits.TILE)} tiles) | {power(limits.WORK)} + {limits.WORK_A_BYTE} a byte |",
        f"| {limits.LEARNED} layers more are counted |",
        f"| layers | {container.MAX_LAYERS} |",
        f"| pixels per pixel of the JPEG | {stream.LEAST_SCALE**2} |",
        f"| {power(frame.MAX_PIXELS)}, its sides {frame.MIN_SIDE} to {frame.MAX_SIDE} |",
        f"| the JPEG's scans | {frame.MAX_SCANS} |",
        f"| {power(frame.VISITS)} + {frame.VISITS_A_BIT} for each bit of scans |",
    ],
)
def test_numbers(sentence):
    assert sentence in WORDS


def test_cost():
    """1.5: bytes of one segment, of a further one, and of the flag."""
    one, two = jumbf.wrap(bytes(1000)), jumbf.wrap(bytes(70000))
    assert sum(4 + len(p) for p in one) - 1000 == 104 and sum(4 + len(p) for p in two) - 70000 == 104 + 20
    assert "104 bytes for one segment, 20 for each further one" in WORDS
    flag = Jpeg(goldens.jpeg("plain")).growth(5_000_000) - sum(4 + len(p) for p in jumbf.wrap(bytes(5_000_000)))
    assert 325 <= flag < 335 and "some 330 for the flag as a segment of its own" in WORDS


def symbols(text):
    """Symbol -> meaning of tables whose rows have a symbol."""
    return {cell.strip(): row for row in text.splitlines() if row.startswith("|") for cell in row.split("|")[1:2]}


def test_symbols_are_those_of_the_glossary():
    """Each symbol of the glossary is in the manual's table; only the encoder's has no place there."""
    head = MANUAL[MANUAL.index("| symbol | meaning | where |") : MANUAL.index("## 1. In the JPEG")]
    here = {symbol for row in symbols(head) for symbol in row.split(", ")}
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]+ \|$", glossary, re.MULTILINE)
    wanted = {symbol for cell in found for symbol in cell.split(", ") if symbol.strip() and symbol != "symbol"}
    assert wanted - {"lambda"} <= here
    assert {"y", "y_hat"} <= here  # words of the glossary themselves
    for symbol in here:
        assert re.search(rf"(?<!\w){re.escape(symbol)}(?!\w)", MANUAL[MANUAL.index("## 2.") :]), symbol
    for place in re.findall(r"\| ([\d., ]+) \|$", head, re.MULTILINE):
        assert all(re.search(rf"^###? {re.escape(p)}", MANUAL, re.MULTILINE) for p in place.split(", ")), place
