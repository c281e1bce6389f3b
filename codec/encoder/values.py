"""The values that a mosaic uses, told where that saves more than it takes: of all planes together, or plane by plane.

A symbol without loss counts the values that can occur, so that a plane of which every second one does costs a bit a
site less. Among lossy ones it helps at the highest rates alone, where steps are about as wide as the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.stream.container import section_size
from ...bitstream.stream.header import pack_values
from ...bitstream.stream.used import UsedValues
from ..mosaic.layout import Layout
from . import size as sizing
from .fit.sample_kernels import histogram
from .options import Rate

SPARSE, SPARSE_LOSSLESS, SPARSE_BPP, SPARSE_QUALITY = 0.6, 0.95, 0.2, 50.0
"""A set of used values (50 to 300 bytes) is sent where it is less than this share of its range and the rate is not
low."""

BY_PLANE_BPP = 3.5
"""Sizes from here on may be met without loss, or nearly: sets by plane are looked at."""

NEAR = 1 / 128
"""Share of the range within which values are counted, to say how many a symbol has to tell apart at a place."""

WORTH = 2.0
"""Sets by plane must save so many times what they take."""


def values_of(raw: RawImage, wanted: Rate) -> tuple[bytes, UsedValues | None]:
    """`values` of the header, and what section USED is to hold; at most one of them says anything."""
    mosaic, size = raw.mosaic, wanted.bytes_for(raw.mosaic.size)
    together = _together(np.flatnonzero(histogram(mosaic)), mosaic.size, wanted)
    if not wanted.lossless and (size is None or size * 8 < BY_PLANE_BPP * mosaic.size):
        return together, None
    layout = Layout(mosaic.shape[0], mosaic.shape[1], raw.cfa, raw.cell)
    counts = [histogram(np.ascontiguousarray(layout.plane(mosaic, k))) for k in range(4)]
    return _by_plane(counts, together) or (together, None)


def _by_plane(counts: Sequence[np.ndarray], together: bytes) -> tuple[bytes, UsedValues] | None:
    """Nothing for the header and the values by plane, the greens' together or apart; None where they don't pay."""
    own = [np.flatnonzero(c) for c in counts]
    if any(not len(values) for values in own):
        return None
    greens = np.union1d(own[1], own[2])
    most = max(int(values[-1]) for values in own)
    first = np.unique(np.concatenate(own)) if together else np.arange(most + 1)
    best, least = None, 0.0
    for found in ((own[0], greens, greens, own[3]), tuple(own)):
        used = UsedValues(found)
        saved = sum(_saved(c, first, values, most) for c, values in zip(counts, found, strict=True)) / 8
        gain = saved - WORTH * (section_size(len(used.to_bytes())) - len(together))
        if gain > least:
            best, least = used, gain
    return (b"", best) if best else None


def _saved(counts: np.ndarray, before: np.ndarray, after: np.ndarray, most: int) -> float:
    """Bits that symbols of a plane, `counts` by DN, save where they count `after` instead of `before`, about."""
    reach = max(int(most * NEAR), 4)
    at = np.flatnonzero(counts)
    near = [np.searchsorted(v, at + reach, "right") - np.searchsorted(v, at - reach) for v in (before, after)]
    return float((counts[at] * np.log2(near[0] / near[1])).sum())


def _together(used: np.ndarray, sites: int, wanted: Rate) -> bytes:
    """The set of used values for the header, where it is sparse and the rate high enough for it to matter."""
    size = wanted.bytes_for(sites)
    if size is not None and size * 8 < SPARSE_BPP * sites:
        return b""
    if wanted.quality is not None and wanted.quality < SPARSE_QUALITY:
        return b""
    may_be_lossless = wanted.lossless or (size or 0) * 8 >= sizing.LOSSLESS_BPP * sites
    share = SPARSE_LOSSLESS if may_be_lossless else SPARSE
    return pack_values(used) if len(used) < share * (used[-1] - used[0] + 1) else b""
