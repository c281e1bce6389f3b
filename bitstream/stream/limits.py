"""How much memory and work a file may ask of its reader: a stated multiple of its bytes, whoever wrote it.

A picture of nothing needs next to no bytes in the stream, and a stream says how large its mosaic is, how many layers
and tiles there are. What bounds that is the JPEG: its scans take two bits for each block of 8x8 samples at least, and
the mosaic of a JPEG of full size has no more pixels than it. `docs/bitstream.md`, "Limits", has the reasons.
"""

from __future__ import annotations

from ..errors import InputError, StreamError
from .header import Header
from .layers import tile_count

PIXELS, PIXELS_A_BYTE = 1 << 22, 192
"""Pixels of the mosaic that every file may ask for, and those for each byte of its stream and scans more. A flat 4:2:0
JPEG of the mosaic's size has 64 pixels a byte with the usual Huffman tables, 171 with tables of its own."""

WORK, WORK_A_BYTE = 1 << 24, 256
"""The same of pixels times layers: 4 layers over a flat JPEG with the usual Huffman tables."""

TILE = 1 << 14
"""Pixels that take as long as what there is to do once for each tile and layer."""

LARGE = 2
"""Pixels that take as much memory as one in several layers or with learned features."""

LEARNED = 12
"""Layers that take as long as learned features do."""


def check_work(header: Header, layers: int, size: int) -> None:
    """`StreamError` where a stream asks for more than a file may.

    layers: of the stream; size: bytes of the stream and of the JPEG's scans.
    """
    pixels, tiles = header.height * header.width, tile_count(header)
    memory = pixels * (LARGE if header.net or layers > 1 else 1)
    work = (layers + (LEARNED if header.net else 0)) * (pixels + TILE * tiles)
    if memory > PIXELS + PIXELS_A_BYTE * size or work > WORK + WORK_A_BYTE * size:
        what = f"a mosaic of {header.width} x {header.height} in {tiles} tiles and {layers} layers"
        raise StreamError(f"the RAW asks for far more work than its {size} bytes make likely ({what})")


def check_pixels(width: int, height: int, most: int | None, what: str) -> None:
    """`InputError` for a picture of more pixels than the caller wants to see; None: any."""
    if most is not None and width * height > most:
        raise InputError(f"{what} has {width} x {height} pixels, more than the limit of {most}")
