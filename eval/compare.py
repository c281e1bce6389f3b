"""`compare`: a source RAW against the DNG that was decoded from its JPEG."""

from __future__ import annotations

from ..bitstream.errors import InputError
from ..bitstream.raw_image import RawImage
from ..codec.source.raw import Source, read_raw
from ..codec.source.sensor import counted_alike
from .metrics import Comparison, measure

LEVEL_TOLERANCE = 0.01  # DN; a DNG's black level is a ratio of integers


def compare(raw_path: Source, dng_path: Source) -> Comparison:
    """Compare the visible mosaics of two RAWs (paths or bytes), the first being the true one, whose levels count.

    InputError: a file is unreadable or unsupported, or sizes, CFA phases or levels differ.
    """
    return compare_images(read_raw(raw_path), read_raw(dng_path))


def compare_images(true: RawImage, found: RawImage) -> Comparison:
    """`compare` on values that are read already."""
    found = counted_alike(true, found)
    if found.mosaic.shape == true.mosaic.shape:  # else `measure` names the sizes
        if found.cfa != true.cfa:
            raise InputError(f"the CFA phases differ: {true.cfa} and {found.cfa}")
        if found.cell != true.cell:
            raise InputError(f"the sensors differ: {true.kind} and {found.kind}")
        apart = max(abs(a - b) for a, b in zip(true.black, found.black, strict=True))
        if apart > LEVEL_TOLERANCE or found.white != true.white:
            raise InputError(f"the levels differ: {_levels(true)} and {_levels(found)}")
    return measure(true, found.mosaic)


def _levels(raw: RawImage) -> str:
    return f"black {'/'.join(f'{b:g}' for b in raw.black)} white {raw.white}"
