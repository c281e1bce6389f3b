"""Section META: the second reader, written from the manual, finds what the product finds."""

import goldens
import manual_container
import manual_meta
from rawinlay.bitstream.tiff import maker_note, meta
from rawinlay.bitstream.tiff.meta import Meta
from rawinlay.bitstream.tiff.meta_tags import EXIF, GPS, IFD0, RAW


def test_a_golden_stream_says_the_same_to_both():
    section = manual_container.read_stream(goldens.payload("described"))[1]["META"]
    found, product = manual_meta.read_meta(section), Meta.from_bytes(section)
    by_place = {}
    for (place, tag), value in found.items():
        by_place.setdefault(place, {})[tag] = value
    want = {IFD0: product.ifd0_tags, RAW: product.raw_tags, EXIF: product.exif_tags, GPS: product.gps_tags,
            meta.NOTE: maker_note.flat(product.note)}  # fmt: skip
    want |= {meta.PROFILES + k: tags for k, tags in enumerate(product.profiles)}
    for place, tags in want.items():
        assert {t: (v.type, v.count, v.data) for t, v in tags.items()} == by_place[place], place
    about = by_place[meta.ABOUT_NOTE]
    assert about[0][2] == product.note.prefix and int.from_bytes(about[1][2], "little") == product.note.base == 0
    assert about[2][2] == b"\0" and about[3][:2] == (3, 2) and product.note.left_out == (0x99, 0x2020)
    assert product.to_bytes()[:1] == section[:1] and set(by_place) == {*want, meta.ABOUT_NOTE}


def test_the_places_of_the_manual_are_the_codes():
    last = meta.PROFILES + meta.MAX_PROFILES - 1
    assert manual_meta.places() == [(k, k) for k in (IFD0, RAW, EXIF, GPS, meta.NOTE, meta.ABOUT_NOTE)] + [
        (meta.PROFILES, last)]  # fmt: skip
