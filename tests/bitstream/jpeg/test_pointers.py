"""Offsets and sizes that lead behind the picture: right in a JPEG with a RAW in it, and as they were without it."""

import itertools
import random
import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jpegs import (
    camera_jpeg,
    directory,
    exif_jpeg,
    minolta_jpeg,
    mpf_jpeg,
    mpf_payload,
    note_exif,
    plain_jpeg,
    pointing,
    with_segment,
)
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.embed import embed, strip
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.pointers import find_pointers
from rawinlay.bitstream.jpeg.segments import APP1, APP2, APP11, read_segments, segment_bytes

PAYLOAD = b"RWIN" + random.Random(3).randbytes(90_000)


def thumbnail_jpeg(order):
    """IFD1's thumbnail behind the EOI."""

    def make(offset, preview):
        head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
        ifd0 = directory(order, [(274, 3, 1, b"\0\1")], 8, link=26)
        ifd1 = directory(order, [(0x0201, 4, 1, offset), (0x0202, 4, 1, len(preview))], 26)
        return exif_jpeg(head + ifd0 + ifd1, preview)

    return pointing(make)


def sony_jpeg():
    """Tag 0x2001, a block behind the EOI in which the JPEG follows 32 bytes, and its first byte is spoilt."""

    def make(offset, preview):
        block = bytes(32) + b"\0" + preview[1:] + bytes(2000)
        entries = [(0x0102, 4, 1, 7), (0x2001, 7, len(block), offset)]
        note = lambda place: b"SONY DSC \0\0\0" + directory("<", entries, place + 12)  # noqa: E731
        return exif_jpeg(note_exif(note, "<"), block)

    # `pointing` measures to the preview's beginning; here the block's is wanted.
    whole = pointing(make)
    preview = plain_jpeg(quality=40)
    offset = len(make(0, preview)) - (32 + len(preview) + 2000) - (plain_jpeg().index(b"\xff\xdb") + 10)
    assert len(whole) == len(make(offset, preview))
    return make(offset, preview)


def olympus_jpeg():
    """A directory below the MakerNote's with the preview's place, counted from the note's beginning."""

    def make(offset, preview):
        def note(place):
            start = 12 + 2 + 12 + 4
            settings = directory("<", [(0x0101, 4, 1, offset - place), (0x0102, 4, 1, len(preview))], start)
            return b"OLYMPUS\0II\3\0" + directory("<", [(0x2020, 13, 1, start)], 12) + settings

        return exif_jpeg(note_exif(note, "<"), preview)

    return pointing(lambda offset, preview: make(offset or 1000, preview))


def second_entry_jpeg():
    """Image 1 is the second entry of MPF."""
    jpeg = mpf_jpeg()
    mpf = next(s for s in read_segments(jpeg) if s.payload.startswith(b"MPF"))
    entries = mpf.first + 4 + 8 + 2 + 36 + 4
    return jpeg[:entries] + jpeg[entries + 16 : entries + 32] + jpeg[entries : entries + 16] + jpeg[entries + 32 :]


def absolute_mpf_jpeg():
    """Image 2's offset counts from the file's start."""
    jpeg = mpf_jpeg(">")
    mpf = next(s for s in read_segments(jpeg) if s.payload.startswith(b"MPF"))
    at = mpf.first + 4 + 8 + 2 + 36 + 4 + 16 + 8
    offset = int.from_bytes(jpeg[at : at + 4], "big") + mpf.first + 4
    return jpeg[:at] + offset.to_bytes(4, "big") + jpeg[at + 4 :]


KINDS = {
    "thumbnail <": thumbnail_jpeg("<"), "thumbnail >": thumbnail_jpeg(">"), "Minolta": minolta_jpeg(),
    "Sony": sony_jpeg(), "Olympus": olympus_jpeg(), "MPF": mpf_jpeg(), "MPF, absolute": absolute_mpf_jpeg(),
    "MPF, second entry": second_entry_jpeg(),
}  # fmt: skip


def led_to(jpeg):
    """What the offsets of a JPEG lead to, and what its sizes end with."""
    out = []
    for n in find_pointers(read_segments(jpeg)).numbers:
        out.append(jpeg[n.value - 2 : n.value] if n.base is None else jpeg[n.base + n.value :])
    return out


@pytest.mark.parametrize("jpeg", KINDS.values(), ids=KINDS)
def test_stay_right_and_come_back(jpeg):
    before = led_to(jpeg)
    assert before and all(before)
    out = embed(jpeg, PAYLOAD)
    assert led_to(out) == before
    assert strip(out) == jpeg and embed(out, b"another") == embed(jpeg, b"another")
    assert not Jpeg(jpeg).warnings


@pytest.mark.parametrize("name", ["thumbnail <", "Minolta", "Olympus"])
def test_exiftool_finds_what_they_lead_to(name, tmp_path):
    if not shutil.which("exiftool"):
        pytest.skip("no exiftool")
    found = []
    for name_, data in (("a.jpg", KINDS[name]), ("b.jpg", embed(KINDS[name], PAYLOAD))):
        (tmp_path / name_).write_bytes(data)
        tags = ["-b", "-ThumbnailImage", "-PreviewImage"]
        found.append(subprocess.run(["exiftool", *tags, tmp_path / name_], capture_output=True, check=True).stdout)
    assert found[0] == found[1]
    if name.startswith("thumbnail"):
        assert found[0] == plain_jpeg(quality=40)


def test_numbers_that_lead_nowhere_stay():
    """Numbers of MakerNotes that are no offsets, and offsets within the segment."""
    entries = [(k, 4, 1, n) for k, n in enumerate((0, 9, 300, 1500, 2**31, 2**32 - 1), 0x200)]
    note = note_exif(lambda place: directory(">", entries, place))
    jpeg = exif_jpeg(note, plain_jpeg())
    assert find_pointers(read_segments(jpeg)).numbers == ()
    assert note in embed(jpeg, PAYLOAD) and not Jpeg(jpeg).warnings


def test_what_is_not_understood_is_told():
    jpeg = minolta_jpeg()
    end = jpeg.rindex(b"\xff\xd9", 0, jpeg.index(b"\x02\xd8\xff"))
    odd = jpeg[: end + 2] + bytes(len(jpeg) - end - 2)  # the preview is no JPEG
    assert any("preview" in line and "MakerNote" in line for line in Jpeg(odd).warnings)
    assert strip(embed(odd, PAYLOAD)) == odd
    mpf = with_segment(plain_jpeg(), APP2, mpf_payload("<", [(700, 0), (5, 760)]), behind=1)
    assert any("MPF" in line for line in Jpeg(mpf).warnings)
    gone = with_segment(plain_jpeg(), APP2, mpf_payload("<", [(700, 0), (5, 90_000)]), behind=1)
    assert not Jpeg(gone).warnings  # cut off long before


def test_content_credentials_are_told():
    box = b"JP\2\x11\0\0\0\1\0\0\0\x38jumb\0\0\0\x26jumdc2pa" + bytes(12) + b"\x03c2pa\0" + bytes(16)
    told = "Content Credentials"
    assert told in Jpeg(with_segment(camera_jpeg(), APP11, box, behind=1)).warnings[0]
    assert told in Jpeg(with_segment(plain_jpeg(progressive=True), APP11, box, behind=3)).warnings[0]
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x dcterms:provenance="https://where/it.c2pa"/>'
    assert told in Jpeg(with_segment(camera_jpeg(), APP1, xmp, behind=1)).warnings[0]
    assert not Jpeg(camera_jpeg()).warnings
    signed = with_segment(camera_jpeg(), APP11, box, behind=1)
    assert strip(embed(signed, PAYLOAD)) == signed


@given(st.sampled_from(list(KINDS.values())), st.data())
def test_damaged_metadata_never_fails(jpeg, data):
    """It is mended or left, told or not; but nothing else happens, and strip undoes it."""
    end = read_segments(jpeg)[-1].start
    damaged = bytearray(jpeg)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(20, end - 1))] = data.draw(st.integers(0, 255))
    whole = Jpeg(bytes(damaged))
    try:
        segments = whole.segments
    except InputError:
        return
    assert all(s.marker != APP11 for s in segments)
    numbers = find_pointers(segments).numbers
    assert all(b.at - a.at >= 4 for a, b in itertools.pairwise(numbers))
    _ = whole.warnings
    carrier = whole.with_payload(PAYLOAD[:500])
    assert carrier.bare == whole


def test_a_directory_that_links_to_itself_ends():
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 274, 3, 1, 1, 8)
    assert find_pointers(read_segments(exif_jpeg(tiff))).numbers == ()
    loops = b"".join(segment_bytes(APP1, b"Exif\0\0" + tiff) for _ in range(300))
    assert find_pointers(read_segments(plain_jpeg()[:2] + loops + plain_jpeg()[2:])).numbers == ()
