"""What a file is by its first bytes, for messages: "a PNG", "a Nikon RAW". A guess; nothing is read by it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import PurePath

HEAD = 1 << 16
"""As many bytes of a file tell what it is."""

MAX_ENTRIES = 512  # of a TIFF directory looked at
DNG_VERSION, SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, MAKE = 50706, 254, 259, 262, 271
CFA = 32803
COMMON_COMPRESSIONS = range(1, 9)  # of TIFF 6.0 and its supplements; cameras number their own from 32767 on

JPEG, RAW, PICTURE, OTHER = "JPEG", "RAW", "picture", "other"


@dataclass(frozen=True)
class FileType:
    """name: with its article, "a PNG". group: `JPEG`, `RAW`, `PICTURE` (some other picture) or `OTHER`."""

    name: str
    group: str


MAGICS: tuple[tuple[int, bytes, FileType], ...] = tuple(
    (at, magic, FileType(name, group))
    for group, rows in {
        JPEG: ((0, b"\xff\xd8\xff", "a JPEG"),),
        RAW: (
            (0, b"FUJIFILMCCD-RAW", "a Fujifilm RAW (RAF)"), (0, b"FOVb", "a Sigma RAW (X3F)"),
            (0, b"\0MRM", "a Minolta RAW (MRW)"), (0, b"IIU\0", "a Panasonic RAW (RW2)"),
            (0, b"IIRO", "an Olympus RAW (ORF)"), (0, b"IIRS", "an Olympus RAW (ORF)"),
            (0, b"MMOR", "an Olympus RAW (ORF)"), (6, b"HEAPCCDR", "a Canon RAW (CRW)"),
            (8, b"CR\2", "a Canon RAW (CR2)"), (4, b"ftypcrx ", "a Canon RAW (CR3)"),
            (0, b"ARRI", "an ARRI RAW (ARI)"), (0, b"RED1", "a RED RAW (R3D)"), (4, b"RED2", "a RED RAW (R3D)"),
        ),
        PICTURE: (
            (0, b"\x89PNG\r\n\x1a\n", "a PNG"), (0, b"GIF8", "a GIF"), (0, b"BM", "a BMP"), (8, b"WEBP", "a WebP"),
            (0, b"\xff\x0a", "a JPEG XL"), (0, b"\0\0\0\x0cJXL ", "a JPEG XL"), (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
            (0, b"\xff\x4f\xff\x51", "a JPEG 2000"), (0, b"II\xbc", "a JPEG XR"),
            *((4, b"ftyp" + brand, "an AVIF") for brand in (b"avif", b"avis")),
            *((4, b"ftyp" + brand, "a HEIC") for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1")),
            (0, b"8BPS", "a Photoshop file"), (0, b"8BPB", "a Photoshop file"), (0, b"\x76\x2f\x31\x01", "an OpenEXR"),
            (0, b"gimp xcf", "a GIMP file"), (0, b"P6", "a PPM"), (0, b"P5", "a PGM"),
        ),
        OTHER: (
            (0, b"%PDF", "a PDF"), (4, b"ftyp", "a video"), (8, b"AVI ", "a video"), (0, b"\x1aE\xdf\xa3", "a video"),
            (0, b"PK\3\4", "a ZIP archive"), (0, b"\x1f\x8b", "a gzip archive"), (0, b"Rar!", "a RAR archive"),
            (0, b"7z\xbc\xaf", "a 7z archive"), (0, b"SQLite format 3", "a database"),
            (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
        ),
    }.items()
    for at, magic, name in rows
)  # fmt: skip

CAMERAS = {
    ".nef": "Nikon", ".nrw": "Nikon", ".arw": "Sony", ".sr2": "Sony", ".srf": "Sony", ".pef": "Pentax", ".cr2": "Canon",
    ".srw": "Samsung", ".3fr": "Hasselblad", ".fff": "Hasselblad", ".iiq": "Phase One", ".mef": "Mamiya",
    ".mos": "Leaf", ".rwl": "Leica", ".raw": "Leica", ".erf": "Epson", ".dcr": "Kodak", ".kdc": "Kodak",
}  # fmt: skip
"""Whose RAWs are TIFF files of these suffixes."""


def file_type(head: bytes, name: str = "") -> FileType | None:
    """What a file is, of its first `HEAD` bytes and its name (for RAWs that are TIFF files); None if unknown.

    head: all of a shorter file.
    """
    for at, magic, found in MAGICS:
        if head.startswith(magic, at):
            return found
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_type(head, PurePath(name).suffix.lower())
    if head and not head.strip(b"\0"):
        return FileType("a file of nothing but zeros", OTHER)
    return FileType("a text file", OTHER) if _is_text(head) else None


def _tiff_type(head: bytes, suffix: str) -> FileType:
    tags = _first_directory(head)
    if DNG_VERSION in tags:
        return FileType("a DNG", RAW)
    if suffix in CAMERAS:
        return FileType(f"a {CAMERAS[suffix]} RAW ({suffix[1:].upper()})", RAW)
    strange = tags.get(COMPRESSION, 1) not in COMMON_COMPRESSIONS and tags.get(COMPRESSION, 1) >= 32767
    if MAKE in tags and (tags.get(SUBFILE_TYPE) == 1 or tags.get(PHOTOMETRIC) == CFA or strange):
        return FileType("a RAW", RAW)
    return FileType("a TIFF", PICTURE)


def _first_directory(head: bytes) -> dict[int, int]:
    """Tag -> first value if it is a whole number, else 0, of a TIFF's first directory as far as it is in `head`."""
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 10:
        return {}
    (at,) = struct.unpack_from(order + "I", head, 4)
    if at + 2 > len(head):
        return {}
    (count,) = struct.unpack_from(order + "H", head, at)
    found = {}
    for entry in range(at + 2, min(at + 2 + 12 * min(count, MAX_ENTRIES), len(head) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", head, entry)
        form = {3: "H", 4: "I"}.get(kind)
        found[tag] = struct.unpack_from(order + form, head, entry + 8)[0] if form else 0
    return found


def _is_text(head: bytes) -> bool:
    """Whether it is UTF-8 (cut anywhere) without control characters but white space."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < HEAD or error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(character.isprintable() or character in "\t\n\v\f\r\ufeff" for character in text)
