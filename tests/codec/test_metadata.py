"""What of a RAW's metadata a stream carries: its own, thinned to a bound, none, or taken out again."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rawinlay import decode, encode, encode_arrays, info, strip
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import NoRawError, UsageError
from rawinlay.bitstream.jpeg.carried import carried_stream
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.raw_image import MakerNote, TiffValue
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.tiff import maker_note, tiff
from rawinlay.bitstream.tiff.meta import DAMAGED, Meta
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value, read_tiff, value_text
from rawinlay.codec.differences import lost
from rawinlay.codec.metadata import ROOM, thinned
from shots import shot

PLACE = {1: pack_ascii("N"), 2: pack_value(tiff.RATIONAL, 48, 1, 1, 1, 0, 1)}
LENS = {0x95: pack_ascii("EF 50mm f/1.4"), 0x6: pack_ascii("Canon EOS 1"), 
        0x4001: TiffValue(7, 3000, np.random.default_rng(0).bytes(3000))}  # fmt: skip
NOTE = MakerNote(b"", None, False, LENS)


def full_raw():
    raw = shot().raw
    return replace(
        raw, ifd0_tags={**raw.ifd0_tags, 315: pack_ascii("A Photographer"), 270: pack_ascii("A caption")},
        exif_tags={**raw.exif_tags, 36867: pack_ascii("2024:05:06 07:08:09"), 42033: pack_ascii("4711")},
        gps_tags=PLACE, note=NOTE, profiles=({50936: pack_ascii("A further profile")},),
    )  # fmt: skip


def jpeg_with(**exif):
    """The shot's JPEG with other Exif: place, names."""
    root = Ifd({315: pack_ascii(exif["artist"])} if "artist" in exif else {})
    if exif.get("place"):
        root.subs[tiff.GPS_IFD] = [Ifd({1: pack_ascii("S"), 2: pack_value(tiff.RATIONAL, 1, 1, 1, 1, 1, 1)})]
    out = io.BytesIO()
    picture = Image.open(io.BytesIO(shot().jpeg))
    picture.save(out, "JPEG", quality=95, exif=b"Exif\0\0" + tiff.write_tiff(root))
    return out.getvalue()


@pytest.fixture(scope="module")
def carrier():
    return encode_arrays(full_raw(), shot().jpeg, quality=20, effort=1, metadata="all")


def dng_of(jpeg):
    return read_tiff(decode(jpeg, preview="none").dng())[0]


def test_all_of_it_reaches_the_dng(carrier):
    root = dng_of(carrier.jpeg)
    exif = root.subs[tiff.EXIF_IFD][0]
    assert value_text(root.tags[315]) == "A Photographer" and value_text(root.tags[270]) == "A caption"
    assert value_text(exif.tags[42033]) == "4711" and root.subs[tiff.GPS_IFD][0].tags == PLACE
    data = decode(carrier.jpeg, preview="none").dng()
    found = maker_note.note_of(data, read_tiff(data)[0])
    assert found.tags == {tag: v for tag, v in LENS.items() if tag != 0x4001}
    start = root.tags[50933].data
    assert data[struct.unpack("<I", start)[0] :][:4] == b"IIRC" and b"A further profile" in data


def test_a_cleared_jpeg_takes_nothing_along(carrier):
    """Nothing is stored as what the JPEG's Exif says too."""
    same = encode_arrays(full_raw(), jpeg_with(artist="A Photographer"), quality=20, effort=1)
    payload = same.jpeg
    exif = Jpeg(payload).exif_payload
    cleared = payload.replace(exif, bytes(len(exif)))
    assert value_text(dng_of(cleared).tags[315]) == "A Photographer"


def test_the_raw_counts_more_than_the_jpeg():
    found = encode_arrays(full_raw(), jpeg_with(artist="Somebody else", place=True), quality=20, effort=1)
    root = dng_of(found.jpeg)
    assert value_text(root.tags[315]) == "A Photographer" and root.subs[tiff.GPS_IFD][0].tags == PLACE
    assert found.warnings == ()


def test_a_place_that_the_jpeg_does_not_have_is_told_and_left_out():
    found = encode_arrays(full_raw(), jpeg_with(artist="x"), quality=20, effort=1)
    assert any("GPS" in line for line in found.warnings)
    assert tiff.GPS_IFD not in dng_of(found.jpeg).subs


def test_no_metadata_and_taking_it_out(carrier):
    none = encode_arrays(full_raw(), shot().jpeg, quality=20, effort=1, metadata="none").jpeg
    stripped = strip(carrier.jpeg, metadata=True)
    for jpeg in (none, stripped):
        data = decode(jpeg, preview="none").dng()
        for secret in (b"Photographer", b"caption", b"4711", b"EF 50mm"):
            assert secret not in data
        assert b"A further profile" in data
        assert np.array_equal(decode(jpeg).raw.mosaic, decode(carrier.jpeg).raw.mosaic)
    assert strip(stripped) == strip(carrier.jpeg) == shot().jpeg
    assert info(stripped).intact and info(stripped).about_bytes < info(carrier.jpeg).about_bytes
    with pytest.raises(NoRawError):
        strip(shot().jpeg, metadata=True)
    with pytest.raises(UsageError):
        encode_arrays(full_raw(), shot().jpeg, metadata="some")


def test_damaged_metadata_does_not_cost_the_mosaic(carrier):
    payload = carried_stream(Jpeg(carrier.jpeg))
    section = Container.from_bytes(payload).sections["META"]
    at = carrier.jpeg.index(section[:40]) + 30
    broken = carrier.jpeg[:at] + bytes([carrier.jpeg[at] ^ 4]) + carrier.jpeg[at + 1 :]
    found = decode(broken)
    assert DAMAGED in found.warnings and np.array_equal(found.raw.mosaic, decode(carrier.jpeg).raw.mosaic)
    assert not info(broken).intact
    assert b"Photographer" not in decode(strip(broken, metadata=True)).dng()


def test_a_note_is_thinned_to_the_room(carrier):
    assert info(carrier.jpeg).note_left_out == (0x4001,) and info(carrier.jpeg).about_bytes < ROOM
    small = thinned(NOTE, Meta(), 60, Meta())
    assert set(small.tags) == {0x6, 0x95} or set(small.tags) == {0x6}
    assert len(Meta(note=small).to_bytes()) <= 60 and thinned(NOTE, Meta(), 5, Meta()) is None
    assert thinned(NOTE, Meta(), 9000, Meta()) is NOTE
    wordy = Meta({700: TiffValue(1, 256, bytes(range(256)))})
    kept = thinned(NOTE, wordy, 200, Meta())
    assert kept is not None and 0x95 in kept.tags and 0x4001 not in kept.tags, "much is written, and the lens stays"


def test_a_note_is_kept_whole_for_archives():
    found = encode_arrays(full_raw(), jpeg_with(artist="x", place=True), quality=20, effort=1, metadata="whole")
    assert info(found.jpeg).note_left_out == () and info(found.jpeg).about_bytes > ROOM
    assert not lost(full_raw(), decode(found.jpeg).raw)


def test_a_sidecar_counts_before_the_raw_and_a_broken_one_is_told(tmp_path):
    path = tmp_path / "IMG.dng"
    path.write_bytes(write_dng(shot().raw))
    body = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    rating = b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="%d"/></rdf:RDF>'
    (tmp_path / "IMG.xmp").write_bytes(body + rating % 4)
    found = encode(path, shot().jpeg, quality=20, effort=1)
    assert b'xmp:Rating="4"' in dng_of(found.jpeg).tags[700].data and found.warnings == ()
    (tmp_path / "IMG.xmp").write_bytes(body)
    assert any("IMG.xmp" in line for line in encode(path, shot().jpeg, quality=20, effort=1).warnings)
