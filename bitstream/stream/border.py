"""Section BORD: what the sensor has around the mosaic, without loss: masked pixels, of which the black level is known.

========  ============================================================================================================
bytes     meaning
========  ============================================================================================================
varint    rows above the mosaic
varint    columns left of it
varint    rows below
varint    columns right of it
rest      a raw deflate stream (RFC 1951): the low bytes of all numbers, then their high bytes
========  ============================================================================================================

The numbers, u16, belong to four rectangles, one behind the other, each row by row: above (as wide as all), left (as
high as the mosaic), right (likewise), below (as wide as all). A number is the difference, modulo 2^16, of a value from
the one two columns to the left of it in its rectangle; in the first two columns from the one two rows above; in the
first two rows of these from 0. It is taken as -2^15 .. 2^15 - 1 and folded: d to 2 d, below 0 to -2 d - 1.

The border has at most half as many values as the mosaic, and 2^16 more.
"""

from __future__ import annotations

import zlib

import numpy as np

from ..errors import StreamError
from ..raw_image import Border, RawImage
from .fields import Reader, write_varint

FREE = 1 << 16  # values that a border may have beside half of the mosaic's

STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
"""Noise gains nothing from repetitions that are found by chance; margins of one value are nothing else."""


def most_values(height: int, width: int) -> int:
    """Values that the border of a mosaic may have."""
    return height * width // 2 + FREE


def border_bytes(border: Border) -> bytes:
    """The section of a border."""
    numbers = np.concatenate([_differences(part).ravel() for part in border.parts])
    signed = numbers.astype(np.int16).astype(np.int32)
    folded = np.where(signed < 0, -2 * signed - 1, 2 * signed).astype(np.uint16)
    low, high = (plane.astype(np.uint8).tobytes() for plane in (folded & 255, folded >> 8))
    sides = b"".join(write_varint(n) for n in border.sides)
    first = min((_deflated(low, strategy, zlib.Z_FULL_FLUSH) for strategy in STRATEGIES), key=len)
    return sides + first + _deflated(high, zlib.Z_DEFAULT_STRATEGY, zlib.Z_FINISH)


def border_of(raw: RawImage) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """(the section of a RAW's border, by its name, what the user should know); none where the RAW has none."""
    border = raw.border
    if border is None:
        return {}, ()
    if border.size > most_values(*raw.mosaic.shape):
        return {}, (f"the border of {border.size} pixels is too large for this mosaic, and is not stored",)
    section = border_bytes(border)
    found = parse_border(section, *raw.mosaic.shape)
    if any((a != b).any() for a, b in zip(found.parts, border.parts, strict=True)):
        raise AssertionError("the border does not come back from its section: please report this picture")
    return {"BORD": section}, ()


def parse_border(section: bytes, height: int, width: int) -> Border:
    """The border around a mosaic (height, width) of a section; StreamError where it makes no sense."""
    reader = Reader(section, "section BORD")
    top, left, bottom, right = (reader.varint(f"{side} of the border") for side in ("top", "left", "bottom", "right"))
    whole = left + width + right
    shapes = ((top, whole), (height, left), (height, right), (bottom, whole))
    count = sum(rows * cols for rows, cols in shapes)
    if not 0 < count <= most_values(height, width):
        raise StreamError(f"section BORD: a border of {count} values around a mosaic of {width} x {height}")
    inflate = zlib.decompressobj(-15)
    try:
        planes = inflate.decompress(reader.take(reader.remaining, "values"), 2 * count + 1)
    except zlib.error as error:
        raise StreamError(f"section BORD: damaged ({error})") from None
    if len(planes) != 2 * count or not inflate.eof or inflate.unused_data:
        raise StreamError("section BORD: it does not hold as many values as it says")
    low, high = (np.frombuffer(planes, np.uint8, count, at).astype(np.int32) for at in (0, count))
    folded = low | high << 8
    numbers = np.where(folded & 1, -((folded + 1) >> 1), folded >> 1).astype(np.uint16)
    parts, at = [], 0
    for rows, cols in shapes:
        parts.append(_values(numbers[at : at + rows * cols].reshape(rows, cols)))
        at += rows * cols
    return Border(parts[0], parts[1], parts[2], parts[3])


def _deflated(data: bytes, strategy: int, end: int) -> bytes:
    """Blocks of a deflate stream, with tables of their own."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
    return deflate.compress(data) + deflate.flush(end)


def _differences(part: np.ndarray) -> np.ndarray:
    """Of a rectangle's values, uint16, its numbers before folding."""
    out = part.astype(np.uint16)
    out[:, 2:] -= part[:, :-2]
    out[2:, :2] -= part[:-2, :2]
    return out


def _values(numbers: np.ndarray) -> np.ndarray:
    """The inverse of `_differences`."""
    out = numbers.copy()
    for first in range(2):
        out[first::2, :2] = np.cumsum(out[first::2, :2], axis=0, dtype=np.uint16)
    for first in range(2):
        out[:, first::2] = np.cumsum(out[:, first::2], axis=1, dtype=np.uint16)
    return out
