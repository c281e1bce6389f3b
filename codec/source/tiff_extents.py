"""Whether the mosaic of a TIFF-like camera file, no DNG, lies within it.

Makers use the tags of TIFF 6.0 loosely. What can be relied on, by the files that LibRaw and rawspeed read: where the
data starts; nearly everywhere its byte count too. Not so of Hasselblad's compressed files, whose count is strange
(rawspeed's ThreefrDecoder does without), of Kodak's and Leaf's, whose data may lie elsewhere, of Panasonic's, whose
count is of two bytes a pixel whatever the encoding, and of Sony's older Huffman code, whose count rawspeed clips to
the file (LibRaw reports an early end there). Of these only the start is looked at. Width, height and bits say nothing
of the size: the bits' tag may say anything (Olympus compresses under "uncompressed, 16").
"""

from __future__ import annotations

import math

from ...bitstream.errors import InputError
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd
from .reach import Reach

CFA_PHOTOMETRIC = 32803
SONY = 32767  # compression: a byte a pixel (ARW2), 12 or 14 bits packed, else Huffman codes (ARW1)
COUNTS_UNRELIABLE = ("hasselblad", "eastman kodak", "kodak", "leaf", "mamiya-op", "imacon")  # makes, lower case
PANASONIC_BLOCK, PANASONIC_SPLIT = 0x4000, 0x2008
"""Panasonic's older data come in blocks of 16 KiB, the first 0x2008 bytes of each stored after the rest."""


def check_strips(reach: Reach, chain: list[Ifd]) -> None:
    """Raise InputError where a strip or tile of a mosaic's directory ends beyond the file."""
    ifds = [below for ifd in chain for below in ifd.walk()]
    make = next((tiff.value_text(ifd.tags[271]) for ifd in ifds if 271 in ifd.tags), "").lower()
    counted = not make.startswith(COUNTS_UNRELIABLE)
    canon = chain[3:4] if reach.data[8:10] == b"CR" else []  # a CR2's fourth directory, whose size is in its JPEG
    for ifd in [one for one in canon if 273 in one.tags] or _mosaics(ifds):
        tiled = 324 in ifd.tags
        offsets = numbers(ifd, 324) or numbers(ifd, 273)
        counts = numbers(ifd, 325 if tiled else 279)
        width, height = number(ifd, 256), number(ifd, 257)
        if tiled and width and height:
            check_tile_count(ifd, len(offsets), width, height)
        rows = number(ifd, 278)
        if not tiled and len(offsets) > 1 and rows and height and len(offsets) * rows < height:
            raise InputError(f"it lists {len(offsets)} of {math.ceil(height / rows)} strips: the file is incomplete")
        area = width * height
        huffman = number(ifd, 259) == SONY and counts and counts[0] * 8 not in (area * 8, area * number(ifd, 258))
        for i, start in enumerate(offsets):
            size = counts[i] if counted and not huffman and i < len(counts) else 1
            reach.need(start, max(size, 1), "its mosaic")


def check_panasonic(reach: Reach, ifd: Ifd) -> None:
    """RW2 and RAW of Panasonic, and Leica's RWL: as much as the encoding takes for the sensor's size."""
    width, height, encoding, bits = (number(ifd, tag) for tag in (2, 3, 0x2D, 0x0A))
    start = number(ifd, 0x118) or number(ifd, 273)
    if not start or start == 0xFFFFFFFF or not width or not height:
        raise InputError("it does not say where its mosaic is: the file is damaged or cut short")
    if encoding == 8:
        starts, sizes = (_stripes(ifd, tag) for tag in (0x44, 0x46))
        for at, size in zip(starts, sizes, strict=False):
            reach.need(at, (size + 7) // 8, "its mosaic")  # sizes are in bits
        return
    twelve = bits == 12
    per_group = {5: 10 if twelve else 9, 6: 14 if twelve else 11, 7: 10 if twelve else 9}.get(encoding, 14)
    # Pixels a group of 16 bytes. Older encodings fill rows with whole groups, the later ones have no rest.
    groups = math.ceil(width / per_group) if encoding < 6 else width // per_group
    size = height * groups * 16
    if 0x118 in ifd.tags and encoding <= 4:
        blocks, rest = divmod(size, PANASONIC_BLOCK)
        stored = PANASONIC_BLOCK - PANASONIC_SPLIT + min(rest, PANASONIC_SPLIT) if rest else 0
        size = blocks * PANASONIC_BLOCK + max(stored, rest)
    reach.need(start, size, "its mosaic")


def check_tile_count(ifd: Ifd, listed: int, width: int, height: int) -> None:
    """Raise InputError where fewer tiles are listed than cover the mosaic."""
    across, down = number(ifd, 322), number(ifd, 323)
    if not across or not down:
        raise InputError("its tiles have no size: the file is damaged")
    wanted = math.ceil(width / across) * math.ceil(height / down)
    if listed < wanted:
        raise InputError(f"it lists {listed} of {wanted} tiles: the file is incomplete")


def numbers(ifd: Ifd, tag: int) -> list[int]:
    """The whole numbers of a tag; none where it is absent or of another kind."""
    value = ifd.tags.get(tag)
    if value is None or value.type not in (tiff.BYTE, tiff.SHORT, tiff.LONG, tiff.IFD):
        return []
    return [int(n) for n in tiff.value_numbers(value)]


def number(ifd: Ifd, tag: int, default: int = 0) -> int:
    """The first of `numbers`."""
    return (numbers(ifd, tag) or [default])[0]


def _mosaics(ifds: list[Ifd]) -> list[Ifd]:
    """Directories with pixels that may be the mosaic: a CFA by their tags, or the one with most bits."""
    stored = [ifd for ifd in ifds if 273 in ifd.tags or 324 in ifd.tags]
    sure = [ifd for ifd in stored if number(ifd, 262) == CFA_PHOTOMETRIC]
    if sure:
        return sure
    plain = [ifd for ifd in stored if number(ifd, 259) != 6 or number(ifd, 277) != 3]
    return sorted(plain, key=lambda ifd: number(ifd, 256) * number(ifd, 257) * (number(ifd, 258) or 1))[-1:]


def _stripes(ifd: Ifd, tag: int) -> list[int]:
    """A table of up to five numbers: their count in two bytes, then four bytes each."""
    value = ifd.tags.get(tag)
    if value is None or len(value.data) < 2:
        return []
    count = min(int.from_bytes(value.data[:2], "little"), 5, (len(value.data) - 2) // 4)
    return [int.from_bytes(value.data[2 + 4 * i : 6 + 4 * i], "little") for i in range(count)]
