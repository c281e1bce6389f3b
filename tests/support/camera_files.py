"""Small camera files of many makers' containers, made by hand, for tests of what a cut or damage does."""

import struct

import numpy as np
from rawinlay.bitstream.dng.ljpeg import encode_tiles
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value
from raws import plain_dng

RNG = np.random.default_rng(20)
SHAPE = (96, 144)
MOSAIC = RNG.integers(100, 4000, SHAPE).astype(np.uint16)


def noise(size):
    return RNG.integers(0, 256, size, np.uint8).tobytes()


def longs(*numbers):
    return pack_value(tiff.LONG, *numbers)


def shorts(*numbers):
    return pack_value(tiff.SHORT, *numbers)


def chunked_dng(chunks, tiled=False, tags=(), shape=SHAPE):
    """A DNG of these strips or tiles; tags: (tag, value), None leaves one out."""
    ifd = tiff.read_tiff(plain_dng(np.zeros(shape, np.uint16)))[0]
    for tag in (273, 278, 279):
        ifd.tags.pop(tag, None)
    for tag, value in tags:
        ifd.tags.pop(tag, None)
        if value is not None:
            ifd.tags[tag] = value
    return tiff.write_tiff(Ifd(ifd.tags, chunks=chunks, chunk_tags=(324, 325) if tiled else (273, 279)))


def tiles_of(mosaic, high, wide):
    """Tiles from left to right and top to bottom, the last ones filled up by their edges."""
    rows, columns = mosaic.shape
    filled = np.pad(mosaic, ((0, -rows % high), (0, -columns % wide)), mode="edge")
    return [np.ascontiguousarray(filled[y : y + high, x : x + wide])
            for y in range(0, rows, high) for x in range(0, columns, wide)]  # fmt: skip


def tiled_dng(mosaic=MOSAIC, high=32, wide=48, compressed=True, listed=None):
    """Lossless JPEG or uncompressed tiles, of which the first `listed` are listed."""
    tiles = tiles_of(mosaic, high, wide)
    chunks = encode_tiles(tiles) if compressed else [tile.tobytes() for tile in tiles]
    tags = [(322, longs(wide)), (323, longs(high)), (259, shorts(7 if compressed else 1))]
    return chunked_dng(chunks[:listed], True, tags, mosaic.shape)


def striped_dng(high=16, listed=None, gap=b"", tags=()):
    """Uncompressed strips, with `gap` after each."""
    strips = [MOSAIC[y : y + high].tobytes() + gap for y in range(0, SHAPE[0], high)]
    return chunked_dng(strips[:listed], tags=[(278, longs(high)), *tags])


def set_table(data, tag, numbers):
    """A little-endian TIFF file with other numbers in its first directory's table of LONGs."""
    out = bytearray(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for i in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * i
        found, _, count = struct.unpack_from("<HHI", data, at)
        if found == tag:
            assert count == len(numbers)
            struct.pack_into(f"<{count}I", out, at + 8 if count == 1 else struct.unpack_from("<I", data, at + 8)[0],
                             *numbers)  # fmt: skip
    return bytes(out)


def _maker(make, model, size, **tags):
    """A TIFF-like RAW: IFD0 of the maker, a SubIFD of a CFA with one strip of noise."""
    cfa = {
        254: longs(0), 256: longs(SHAPE[1]), 257: longs(SHAPE[0]), 258: shorts(8), 262: shorts(32803), 277: shorts(1),
        278: longs(SHAPE[0]), 284: shorts(1), 33421: shorts(2, 2), 33422: pack_value(tiff.BYTE, 0, 1, 1, 2),
        **{int(name[1:]): value for name, value in tags.items()},
    }  # fmt: skip
    ifd0 = {254: longs(1), 271: pack_ascii(make), 272: pack_ascii(model), 274: shorts(1)}
    return tiff.write_tiff(Ifd(ifd0, {tiff.SUB_IFDS: [Ifd(cfa, chunks=[noise(size)])]}))


def arw(bits=8):
    """Sony: 8 bits a pixel is its lossy compression."""
    size = SHAPE[0] * SHAPE[1] * bits // 8
    return _maker("SONY", "ILCE-6000", size, t259=shorts(32767), t258=shorts(bits))


def nef():
    """Nikon, uncompressed, 12 bits packed."""
    return _maker("NIKON CORPORATION", "NIKON D1X", SHAPE[0] * SHAPE[1] * 3 // 2, t259=shorts(1), t258=shorts(12))


def rw2(shape=(100, 140), encoding=4):
    """Panasonic: blocks of 16 KiB for an encoding up to 4, groups of 16 bytes for 9 to 14 pixels."""
    height, width = shape
    size = height * -(-width // 14) * 16
    size += -size % 0x4000
    tags = {
        1: pack_value(tiff.UNDEFINED, *b"0300"), 2: shorts(width), 3: shorts(height), 4: shorts(0), 5: shorts(0),
        6: shorts(height), 7: shorts(width), 9: shorts(4), 10: shorts(12), 11: shorts(34316), 0x2D: shorts(encoding),
        271: pack_ascii("Panasonic"), 272: pack_ascii("DMC-LX3"), 273: longs(0xFFFFFFFF), 278: longs(height),
        279: longs(width * height * 2), 0x118: longs(2048),
    }  # fmt: skip
    head = tiff.write_tiff(Ifd(tags))
    return b"IIU\0" + head[4:].ljust(2044, b"\0") + bytes(size)  # LibRaw calls most noise damaged


def cr2():
    """Canon: a chain of four directories, the mosaic in the last, its size in a lossless JPEG."""
    (jpeg,) = encode_tiles([MOSAIC])
    preview, at = b"\xff\xd8 a preview \xff\xd9", 16 + 4 * 80
    entries = [
        [(256, 4, 64), (257, 4, 48), (259, 3, 6), (273, 4, at), (279, 4, len(preview))], [(513, 4, at), (514, 4, 10)],
        [(256, 4, 8), (257, 4, 8), (258, 3, 8), (259, 3, 1), (273, 4, at), (279, 4, 3)],
        [(259, 3, 6), (273, 4, at + len(preview)), (279, 4, len(jpeg))],
    ]  # fmt: skip
    out = b"II*\0" + struct.pack("<I", 16) + b"CR\2\0" + struct.pack("<I", 16 + 3 * 80)
    for i, entry in enumerate(entries):
        body = struct.pack("<H", len(entry)) + b"".join(
            struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, kind, value in entry)  # fmt: skip
        out += (body + struct.pack("<I", 16 + 80 * (i + 1) if i < 3 else 0)).ljust(80, b"\0")
    return out + preview + jpeg


def box(kind, body):
    return struct.pack(">I4s", len(body) + 8, kind) + body


def cr3(size=5000):
    """Canon: one track whose only sample is in the box mdat at the end."""
    head = box(b"ftyp", b"crx \0\0\0\1isom")

    def moov(offset):
        table = box(b"stsz", struct.pack(">4I", 0, 0, 1, size)) + box(b"co64", struct.pack(">IIQ", 0, 1, offset))
        return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))

    place = len(head) + len(moov(0)) + 16
    return head + moov(place) + struct.pack(">I4sQ", 1, b"mdat", size + 16) + noise(size)


def raf(size=5000):
    """Fujifilm: the places of JPEG, metadata and raw data from byte 84 on."""
    places = struct.pack(">6I", 108, 4, 112, 4, 116, size)
    return b"FUJIFILMCCD-RAW 0201".ljust(84, b"0") + places + bytes(8) + noise(size)


def crw(size=5000):
    """Canon: a CIFF heap with the raw data and, at its end, the directory and its place."""
    entries = struct.pack("<H", 1) + struct.pack("<HII", 0x2005, size, 0)
    return b"II" + struct.pack("<I", 26) + b"HEAPCCDR" + bytes(12) + noise(size) + entries + struct.pack("<I", size)


def mrw(packed=True):
    """Minolta: a block PRD, then the mosaic."""
    height, width = SHAPE
    prd = b"27820001" + struct.pack(">4H", height, width, height, width) + bytes([12, 12, 0x59 if packed else 0x52, 0])
    block = b"\0PRD" + struct.pack(">I", len(prd)) + prd
    return b"\0MRM" + struct.pack(">I", len(block)) + block + noise(height * width * (12 if packed else 16) // 8)


def iiq(size=5000):
    """Phase One: its own directory within a TIFF file's first bytes."""
    directory = struct.pack("<II", 1, 0) + struct.pack("<4I", 0x10F, 4, size, 12 + 8 + 16)
    return b"II*\0" + struct.pack("<I", 0) + b"IIII\x01waR" + struct.pack("<I", 12) + directory + noise(size)
