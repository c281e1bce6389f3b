"""`compare --metadata`: what a RAW and a DNG (or two of them) say differently beside their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..bitstream.dng.xmp import properties
from ..bitstream.raw_image import RawImage, TiffValue
from ..bitstream.tiff import maker_note, tags, tiff
from ..bitstream.tiff.allowed import NAMES
from ..bitstream.tiff.meta_tags import GPS
from .source.raw import RawFile, Source

XMP = 700
PLACES = {tags.IFD0: "IFD0", tags.RAW: "mosaic", tags.EXIF: "Exif"}
SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Difference:
    """place: "IFD0", "mosaic", "Exif", "GPS", "MakerNote", "XMP" or "profile N"; tag: its name; first, second: the
    values as text, None where it is not there."""

    place: str
    tag: str
    first: str | None
    second: str | None


def compare_metadata(first: Source, second: Source) -> tuple[Difference, ...]:
    """What differs between the metadata of two RAWs (paths or bytes), sidecars beside them included.

    Raises InputError for a file that is unreadable or unsupported. Only what a DNG may take from its source is looked
    at (`bitstream.tiff.allowed`); a rational of the same value is the same.
    """
    return differences(RawFile(first).image, RawFile(second).image)


def differences(first: RawImage, second: RawImage) -> tuple[Difference, ...]:
    """`compare_metadata` on what is read already."""
    one, other = dict(_all(first)), dict(_all(second))
    return tuple(
        Difference(*key, _shown(one.get(key)), _shown(other.get(key)))
        for key in sorted({**one, **other}) if one.get(key) != other.get(key)
    )  # fmt: skip


def lost(first: RawImage, second: RawImage) -> tuple[Difference, ...]:
    """What the first says and the second does not, or says differently; blanks and zeros, which say nothing, are not
    missed."""
    one, other = dict(_all(first)), dict(_all(second))
    return tuple(
        Difference(*key, _shown(text), _shown(other.get(key)))
        for key, text in sorted(one.items()) if other.get(key) != text and text.strip(" 0.")
    )  # fmt: skip


def _all(raw: RawImage) -> Iterator[tuple[tuple[str, str], str]]:
    for ifd, values in ((tags.IFD0, raw.ifd0_tags), (tags.RAW, raw.raw_tags), (tags.EXIF, raw.exif_tags)):
        for tag, value in values.items():
            if (ifd, tag) != (tags.IFD0, XMP):
                yield (PLACES[ifd], NAMES.get((ifd, tag), f"0x{tag:04X}")), _text(value)
    yield from _of("GPS", raw.gps_tags, {tag: name for (place, tag), name in NAMES.items() if place == GPS})
    if raw.note:
        yield from _of("MakerNote", maker_note.flat(raw.note), {})
    for number, profile in enumerate(raw.profiles):
        names = {tag: name for (ifd, tag), name in NAMES.items() if ifd == tags.IFD0}
        yield from _of(f"profile {number + 1}", profile, names)
    if XMP in raw.ifd0_tags:
        for name, text in properties(raw.ifd0_tags[XMP].data).items():
            yield ("XMP", name), text


def _of(place: str, values: Mapping[int, TiffValue], names: Mapping[int, str]) -> Iterator[tuple[tuple[str, str], str]]:
    for tag, value in values.items():
        yield (place, names.get(tag, f"0x{tag:04X}")), _text(value)


def _text(value: TiffValue) -> str:
    if value.type in (tiff.ASCII, tiff.UTF8):
        return value.data.split(b"\0")[0].decode("utf-8", "replace").strip()
    if value.type in (tiff.UNDEFINED, tiff.BYTE) and value.count > 16:
        return value.data.hex()
    return " ".join(f"{number:.9g}" for number in tiff.value_numbers(value))


def _shown(text: str | None) -> str | None:
    return text if text is None or len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
