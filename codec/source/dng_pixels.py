"""The stored pixels of a DNG that LibRaw does not read as they are: floating-point numbers, and JPEG XL (DNG 1.7).

A DNG of JPEG XL becomes an uncompressed one, in place: pixels behind all else, and in its directory what says how
and where they are stored. LibRaw reads the rest of it then as it does of any. Floating-point numbers it would scale and
round; they are read here, uncompressed or deflated (predictor 3: Adobe's Photoshop TIFF Technical Note 3).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from ...bitstream.dng.jxl import need_imagecodecs
from ...bitstream.errors import InputError, UsageError
from ...bitstream.stream.header import MAX_PIXELS
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd
from .tiff_extents import number, numbers

NONE, DEFLATES, JPEG_XL = (0, 1), (8, 32946), 52546
FLOAT = 3
PREDICTORS = {1: 0, 3: 1, 34894: 0, 34895: 0, 34896: 2, 34897: 4}
"""Of floating-point numbers: how many values apart bytes are taken the difference of; 0: no such predictor."""


def is_floating(ifd: Ifd) -> bool:
    """Whether a mosaic's directory has floating-point numbers."""
    return FLOAT in numbers(ifd, 339)


def plain(data: bytes, ifd: Ifd) -> bytes:
    """A DNG whose mosaic, of this directory, is no JPEG XL: the same file, or one with its pixels uncompressed.

    InputError where it is cut short or damaged, or imagecodecs is not installed.
    """
    if number(ifd, 259, 1) != JPEG_XL:
        return data
    try:
        codec = need_imagecodecs()
    except UsageError as error:
        raise InputError(f"the DNG is compressed by JPEG XL: {error}") from None

    def decoded(chunk: bytes, shape: tuple[int, int, int]) -> np.ndarray:
        try:
            found = np.asarray(codec.jpegxl_decode(chunk, numthreads=1))
        except Exception as error:
            raise InputError("the DNG's JPEG XL is damaged or cut short") from error
        if found.dtype.name not in ("uint8", "uint16", "float16") or found.size != shape[0] * shape[1] * shape[2]:
            raise InputError(f"the DNG's JPEG XL has pixels of {found.dtype} {found.shape}, which is not as it says")
        return found.reshape(shape).astype(np.uint16) if found.dtype == np.uint8 else found.reshape(shape)

    tiles, side = [], _side(ifd)
    for chunk, high in _chunks(data, ifd):
        tiles.append(decoded(chunk, (high, side[1], number(ifd, 277, 1))))
    if len({tile.dtype for tile in tiles}) > 1:
        raise InputError("the DNG's tiles are of several kinds of numbers")
    whole = _joined(tiles, ifd)
    factors = number(ifd, 50975, 1), number(ifd, 52547, 1)
    if factors != (1, 1):
        whole = _in_order(whole, factors)
    # One piece: tiles that are wider than the mosaic, or half as wide, LibRaw reads in wrong rows.
    order, out = "<" if data[:2] == b"II" else ">", bytearray(data) + bytes(len(data) % 2)
    place = len(out)
    out += np.ascontiguousarray(whole).astype(order + whole.dtype.str[1:]).tobytes()
    tiled = 324 in ifd.tags
    for tag, values in (
        (259, [1]), (258, [16] * whole.shape[2]), (324 if tiled else 273, [place]),
        (325 if tiled else 279, [whole.nbytes]), (322, [whole.shape[1]]), (323, [whole.shape[0]]),
        (278, [whole.shape[0]]),
    ):  # fmt: skip
        _patch(out, ifd, order, tag, values)
    for tag in (50975, 52547):
        _patch(out, ifd, order, tag, [1])
    return bytes(out)


def floats(data: bytes, ifd: Ifd) -> np.ndarray:
    """The stored pixels of a directory of floating-point numbers: float16 or float32 (24 bits become 32), (H, W) or
    (H, W, values). InputError for what can't be read."""
    bits, samples = set(numbers(ifd, 258)), number(ifd, 277, 1)
    compression, predictor = number(ifd, 259, 1), number(ifd, 317, 1)
    if len(bits) != 1 or not bits <= {16, 24, 32} or not 1 <= samples <= 4 or number(ifd, 284, 1) != 1:
        raise InputError(f"a floating-point mosaic of {sorted(bits)} bits and {samples} values a pixel isn't supported")
    if compression not in (*NONE, *DEFLATES) or predictor not in PREDICTORS:
        raise InputError(f"a floating-point mosaic of compression {compression}, predictor {predictor} isn't supported")
    size, order = bits.pop() // 8, "<" if data[:2] == b"II" else ">"
    side, tiles = _side(ifd), []
    for chunk, high in _chunks(data, ifd):
        count = high * side[1] * samples * size
        raw = _inflated(chunk, count) if compression in DEFLATES else chunk
        if len(raw) < count:
            raise InputError("a tile of the floating-point mosaic is cut short")
        rows = np.frombuffer(raw, np.uint8, count).reshape(high, -1)
        apart = PREDICTORS[predictor] * samples
        by_bytes = _unpredicted(rows, apart, size) if apart else _split(rows, size, order)
        tiles.append(_as_floats(by_bytes).reshape(high, side[1], samples))
    whole = _joined(tiles, ifd)
    return whole[..., 0] if samples == 1 else whole


def _inflated(chunk: bytes, count: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(chunk, count)
    except zlib.error as error:
        raise InputError("a tile of the floating-point mosaic is damaged") from error


def _unpredicted(rows: np.ndarray, apart: int, size: int) -> np.ndarray:
    """Bytes of the numbers, the highest first, (rows, numbers, size), of rows that are differences of bytes."""
    high, wide = rows.shape
    summed = np.cumsum(rows.reshape(high, -1, apart), 1, dtype=np.uint8) if wide % apart == 0 else None
    if summed is None:
        raise InputError("a tile of the floating-point mosaic is of a width that its predictor does not divide")
    return summed.reshape(high, size, wide // size).swapaxes(1, 2)


def _split(rows: np.ndarray, size: int, order: str) -> np.ndarray:
    """The same of plain rows."""
    parts = rows.reshape(rows.shape[0], -1, size)
    return parts[..., ::-1] if order == "<" else parts


def _as_floats(parts: np.ndarray) -> np.ndarray:
    """Numbers of bytes, the highest first."""
    size = parts.shape[-1]
    bits = np.zeros(parts.shape[:-1], np.uint32)
    for k in range(size):
        bits = (bits << np.uint32(8)) | parts[..., k]
    if size == 2:
        return bits.astype(np.uint16).view(np.float16)
    if size == 4:
        return bits.view(np.float32)
    # DNG 1.4: a sign, 7 bits of exponent with a bias of 63, 16 of a fraction; float32 holds all of them
    sign, exponent = bits >> np.uint32(23), (bits >> np.uint32(16)) & np.uint32(0x7F)
    fraction = bits & np.uint32(0xFFFF)
    whole = (sign << np.uint32(31)) | ((exponent + np.uint32(64)) << np.uint32(23)) | (fraction << np.uint32(7))
    special = (sign << np.uint32(31)) | np.uint32(0x7F800000) | (fraction << np.uint32(7))
    tiny = np.where(sign > 0, np.float32(-1), np.float32(1)) * (fraction.astype(np.float32) * np.float32(2.0**-78))
    found = np.where(exponent == 127, special, whole).view(np.float32)
    return np.where(exponent == 0, tiny, found).astype(np.float32)


def _side(ifd: Ifd) -> tuple[int, int]:
    """Rows and columns of a tile or strip."""
    height, width = number(ifd, 257), number(ifd, 256)
    if not 0 < height * width <= MAX_PIXELS:
        raise InputError("the DNG's mosaic has no size that can be read")
    if 324 in ifd.tags:
        side = number(ifd, 323), number(ifd, 322)
    else:
        side = min(number(ifd, 278, height) or height, height), width
    if not 0 < side[0] * side[1] <= MAX_PIXELS or (side[0] * side[1]) > 16 * (height * width + (1 << 20)):
        raise InputError("the DNG's tiles have no size that can be read")
    return side


def _chunks(data: bytes, ifd: Ifd) -> Iterator[tuple[bytes, int]]:
    """(bytes, rows) of each tile or strip; InputError where one is not there."""
    tiled, (high, wide), height = 324 in ifd.tags, _side(ifd), number(ifd, 257)
    offsets, counts = numbers(ifd, 324 if tiled else 273), numbers(ifd, 325 if tiled else 279)
    pieces = -(-height // high) * -(-number(ifd, 256) // wide)
    if min(len(offsets), len(counts)) < pieces:
        raise InputError(f"it lists {min(len(offsets), len(counts))} of {pieces} pieces: the file is incomplete")
    for n in range(pieces):
        if offsets[n] + counts[n] > len(data) or not counts[n]:
            raise InputError("its mosaic ends beyond the file: the file is cut short")
        yield data[offsets[n] : offsets[n] + counts[n]], high if tiled else min(high, height - n * high)


def _joined(tiles: list[np.ndarray], ifd: Ifd) -> np.ndarray:
    """The mosaic (H, W, values) of its tiles."""
    height, width = number(ifd, 257), number(ifd, 256)
    wide = _side(ifd)[1]
    across = -(-width // wide)
    rows = [np.concatenate(tiles[n : n + across], 1) for n in range(0, len(tiles), across)]
    return np.concatenate(rows)[:height, :width]


def _in_order(stored: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """The mosaic of fields: of RowInterleaveFactor n first all rows 0, n, 2 n .., then 1, n + 1 .."""
    out = np.empty_like(stored)
    rows, cols = ([i for start in range(n) for i in range(start, length, n)]
                  for n, length in zip(factors, stored.shape, strict=False))  # fmt: skip
    out[np.ix_(rows, cols)] = stored
    return out


def _patch(out: bytearray, ifd: Ifd, order: str, tag: int, values: list[int]) -> None:
    """Other numbers for a tag where they stand; a tag that is not there stays so."""
    if tag not in ifd.tags:
        return
    value, kind = ifd.tags[tag], ifd.tags[tag].type
    size = tiff.TYPE_SIZES[kind]
    if value.count < len(values) or max(values) >= 1 << (8 * size):
        raise InputError("the DNG's directory has no room for the places of its pixels")
    code: dict[int, str] = {tiff.BYTE: "B", tiff.SHORT: "H", tiff.LONG: "I"}
    for n, one in enumerate(values):
        struct.pack_into(order + code[kind], out, ifd.offsets[tag] + n * size, one)

