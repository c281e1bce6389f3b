"""What a RAW says of the shot beside its picture: MakerNote, place, XMP, further profiles, the lens by LibRaw.

Nothing of it is needed to read the mosaic, so nothing of it is a reason to fail.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

from ...bitstream.dng import xmp
from ...bitstream.errors import InputError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.raw_image import MakerNote, RawImage, TiffValue
from ...bitstream.runtime.files import Source, read_file
from ...bitstream.tiff import maker_note, tags, tiff
from ...bitstream.tiff.meta_tags import GPS
from ...bitstream.tiff.tiff import Ifd
from .libraw import About
from .metadata import canon_boxes, tiff_within

XMP, PRIVATE_DATA, MORE_PROFILES, MAKER_NOTE, PREVIEW_SPACE = 700, 50740, 50933, 37500, 50970
LENS_SPECIFICATION, LENS_MAKE, LENS_MODEL, BODY_SERIAL = 42034, 42035, 42036, 42033
MAX_PROFILE = 1 << 20
MAX_SIDECAR = 1 << 20

_NAMES: dict[bytes, dict[int, int]] = {
    b"Nikon\0": {0x84: LENS_SPECIFICATION, 0x1D: BODY_SERIAL},
    b"OLYMP": {0x20100203: LENS_MODEL, 0x20100101: BODY_SERIAL},
    b"OM SYSTEM": {0x20100203: LENS_MODEL, 0x20100101: BODY_SERIAL},
    b"Panasonic": {0x51: LENS_MODEL},
    b"": {0x95: LENS_MODEL},  # Canon's, whose note begins with its directory
}
"""Where a maker keeps what Exif has a tag for: note's beginning -> number in `maker_note.flat` -> Exif tag."""


def with_shot(image: RawImage, data: bytes, ifd0: Ifd | None, thumbnail: bytes | None, about: About) -> RawImage:
    """The image with what its file `data` says of the shot; ifd0: as `source_ifd` gives it."""
    note = _note(data, ifd0, thumbnail)
    ifd0_tags = dict(image.ifd0_tags)
    private = ifd0_tags.get(PRIVATE_DATA)
    if private and private.data.startswith(b"Adobe\0"):
        del ifd0_tags[PRIVATE_DATA]  # offsets of another file; the MakerNote of it is `note`
    if ifd0 is not None and PREVIEW_SPACE not in ifd0_tags:
        spaces = [ifd.tags[PREVIEW_SPACE] for ifd in ifd0.walk() if PREVIEW_SPACE in ifd.tags]
        ifd0_tags |= tags.allowed_tags(tags.IFD0, {PREVIEW_SPACE: spaces[0]} if spaces else {})
    places = ifd0.subs.get(tiff.GPS_IFD, []) if ifd0 else []
    gps = tags.allowed_tags(GPS, {tag: v for tag, v in places[0].tags.items() if len(v.data) <= 1024}) if places else {}
    exif = tags.allowed_tags(tags.EXIF, {**_lens(about), **_named_in(note), **image.exif_tags})
    profiles = _profiles(data, ifd0)
    return replace(image, ifd0_tags=ifd0_tags, exif_tags=exif, gps_tags=gps, note=note, profiles=profiles)


def with_sidecar(image: RawImage, source: Source) -> tuple[RawImage, tuple[str, ...]]:
    """The image with the XMP of IMG.xmp or IMG.NEF.xmp beside its file before its own; and what there is to say."""
    if isinstance(source, bytes):
        return image, ()
    path, warnings = Path(source), []
    for name in dict.fromkeys((path.stem, path.name)):
        for suffix in (".xmp", ".XMP"):
            beside = path.with_name(name + suffix)
            if not beside.is_file():
                continue
            try:
                if beside.stat().st_size > MAX_SIDECAR:
                    raise InputError("over 1 MB")
                packets = [read_file(beside, "XMP"), *(image.ifd0_tags[t].data for t in (XMP,) if t in image.ifd0_tags)]
                packet = xmp.merged(packets)
            except (InputError, OSError) as error:
                warnings.append(f"{beside.name} beside the RAW is not used: {error}")
                continue
            value = TiffValue(tiff.BYTE, len(packet), packet)
            return replace(image, ifd0_tags={**image.ifd0_tags, XMP: value}), tuple(warnings)
    return image, tuple(warnings)


def _note(data: bytes, ifd0: Ifd | None, thumbnail: bytes | None) -> MakerNote | None:
    """The MakerNote of the file, else of the JPEG within it."""
    boxes = canon_boxes(data)
    if b"CMT3" in boxes:
        body = boxes[b"CMT3"]
        big = body[:2] == b"MM"
        start = struct.unpack_from(">I" if big else "<I", body, 4)[0] if len(body) > 8 else 0
        return maker_note.read_note(body, start, max(len(body) - start, 0), big) if start else None
    within = tiff_within(data)
    found = maker_note.note_of(within, ifd0) if within and ifd0 else None
    private = ifd0.tags.get(PRIVATE_DATA) if ifd0 else None
    if found is None and private and private.data[:10] == b"Adobe\0MakN" and len(private.data) > 20:
        size, old = struct.unpack_from(">I2xI", private.data, 10)
        found = maker_note.read_note(private.data, 20, min(size - 6, len(private.data) - 20),
                                     private.data[14:16] == b"MM", 20 - old)  # fmt: skip
    if found is None and thumbnail:
        jpeg = Jpeg(thumbnail)
        found = maker_note.note_of(jpeg.exif_payload, jpeg.ifd0) if jpeg.ifd0 else None
    return found


def _named_in(note: MakerNote | None) -> dict[int, TiffValue]:
    """Exif tags that only the MakerNote has: lens and serial number."""
    if note is None:
        return {}
    values = maker_note.flat(note)
    names = next(names for start, names in _NAMES.items() if note.prefix.startswith(start))
    return {tag: values[number] for number, tag in names.items() if number in values}


def _lens(about: About) -> dict[int, TiffValue]:
    """LibRaw's name of the lens."""
    found = {LENS_MAKE: about.lens_make, LENS_MODEL: about.lens}
    return {tag: tiff.pack_ascii(text) for tag, text in found.items() if text.strip()}


def _profiles(data: bytes, ifd0: Ifd | None) -> tuple[dict[int, TiffValue], ...]:
    """Further camera profiles of a DNG: TIFF files within it, whose magic number is their own."""
    value = ifd0.tags.get(MORE_PROFILES) if ifd0 else None
    if value is None or value.type not in (tiff.LONG, tiff.IFD):
        return ()
    out = []
    for at in (int(n) for n in tiff.value_numbers(value)[:16]):
        head = data[at : at + 4]
        if head not in (b"IIRC", b"MMCR"):
            continue
        try:
            whole = (b"II*\0" if head == b"IIRC" else b"MM\0*") + data[at + 4 : at + MAX_PROFILE]
            out.append(tiff.read_tiff(whole)[0].tags)
        except InputError:
            continue
    return tuple(out)
