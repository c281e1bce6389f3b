"""What decoded values lack in the mean, fitted by least squares where it pays (section BIAS).

::

    sites by colour: level of the decoded value --between two knots--> true - decoded, weighted as steps go
    least squares, held to nothing where few sites tell --> shifts at the knots --> section, if the error falls enough
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.stream.bias import BIAS_BYTES, COLOURS, KNOTS, MOST_SCALE, NONE, Bias
from ..decoder.bias import unbiased
from ..decoder.grain import COLOUR, LEVELS
from ..decoder.stream import Stream
from ..mosaic.layout import Layout
from .job import Found
from .options import EncodeOptions

SECTION_BYTES, LEAST_TIMES = BIAS_BYTES + 2, 200
"""What the section costs a stream, and how many times that a stream has at least that gets one."""

MOST_SITES = 1 << 18
"""Sites of a plane that are looked at, about."""

HELD = 30.0
"""How much each knot is held to no shift, in sites."""

SQUARE, LEAST_WORTH = 8, 0.01
"""Side in sites of the squares of a plane whose means it must better, and by what share of their squared error."""

OFFSET = 1 / 512
"""Of levels in the weights: errors count as much as after a root."""


def reserved(options: EncodeOptions, sites: int) -> int:
    """Bytes of the section in a stream of a wanted size; 0 where it gets none."""
    size = options.rate.bytes_for(sites)
    some = size and size >= LEAST_TIMES * SECTION_BYTES and not options.rate.in_layers
    return SECTION_BYTES if some and options.tune == "edit" else 0


def with_bias(found: Found, raw: RawImage, options: EncodeOptions) -> Found:
    """What was coded with its section BIAS, and what that decodes to; as it is where none pays or it has no place."""
    stream, header = found.stream, found.stream.header
    if stream.lossless or stream.layers is not None or stream.cell:
        return found
    sized = options.rate.bytes_for(raw.mosaic.size)
    enough = sum(map(len, stream.substreams.values())) >= LEAST_TIMES * SECTION_BYTES
    if options.tune == "psnr" or not (reserved(options, raw.mosaic.size) if sized else enough):
        return found
    bias = fitted(raw, found.mosaic, stream)
    if not any(n != NONE for n in bias.shift):
        return found
    mosaic = unbiased(found.mosaic, bias, header, stream.layout, stream.companding)
    before, after = (_error(raw, m, stream.layout) for m in (found.mosaic, mosaic))
    by_chance = 2 * len(bias.shift) * SQUARE**2 / raw.mosaic.size  # of so many numbers fitted to so many squares
    if after > before * (1 - LEAST_WORTH - by_chance):
        return found
    return replace(found, stream=replace(stream, bias=bias), mosaic=mosaic)


def fitted(raw: RawImage, found: np.ndarray, stream: Stream) -> Bias:
    """The section for a decoded mosaic, uint16 (H, W), DN."""
    shifts = np.zeros((COLOURS, KNOTS))
    for colour in range(COLOURS):
        left, right = HELD * np.eye(KNOTS), np.zeros(KNOTS)
        for k in range(4):
            if COLOUR[k] == colour:
                a, b = _equations(*_seen(raw, found, stream.layout, k))
                left, right = left + a, right + b
        shifts[colour] = np.linalg.solve(left, right)
    most = float(np.abs(shifts).max())
    scale = MOST_SCALE if most <= 0 else max(0, min(MOST_SCALE, math.floor(math.log2(127 / most))))
    return Bias(scale, tuple(int(n) for n in (NONE + np.rint(shifts * 2.0**scale)).clip(1, 255).ravel()))


def _seen(raw: RawImage, found: np.ndarray, layout: Layout, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels of decoded values of a plane, and true less decoded, both in shares of white - black; clipped ones left
    out."""
    span, black = raw.white - sum(raw.black) / 4, layout.per_plane(raw.black)[k]
    thin = max(1, math.isqrt(raw.mosaic.size // 4 // MOST_SITES))
    true, decoded = (layout.plane(m, k)[::thin, ::thin].astype(np.float64).ravel() for m in (raw.mosaic, found))
    kept = decoded < raw.white
    return (decoded[kept] - black) / span, (true[kept] - decoded[kept]) / span


def _equations(level: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of shifts at the knots, in units of sqrt(level + OFFSET)."""
    levels, v = np.array(LEVELS), np.clip(level, 0, 1)
    low = np.clip(np.searchsorted(levels, v, "right") - 1, 0, KNOTS - 2)
    share, unit = (v - levels[low]) / (levels[low + 1] - levels[low]), np.sqrt(levels + OFFSET)
    weight = 1 / np.sqrt(v + OFFSET)
    one, two, y = (1 - share) * unit[low] * weight, share * unit[low + 1] * weight, missing * weight

    def sums(at: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(at, values, KNOTS)

    left = np.diag(sums(low, one * one) + sums(low + 1, two * two))
    cross = sums(low, one * two)[: KNOTS - 1]
    return left + np.diag(cross, 1) + np.diag(cross, -1), sums(low, one * y) + sums(low + 1, two * y)


def _error(raw: RawImage, found: np.ndarray, layout: Layout) -> float:
    """Squared error of means over squares of a plane, weighted as in the fit."""
    span, total = raw.white - sum(raw.black) / 4, 0.0
    for k, black in enumerate(layout.per_plane(raw.black)):
        true, decoded = (_means(layout.plane(m, k)) for m in (raw.mosaic, found))
        level = np.clip((decoded - black) / span, 0, 1)
        total += float((np.square((true - decoded) / span) / (level + OFFSET)).sum())
    return total


def _means(plane: np.ndarray) -> np.ndarray:
    """Of squares of `SQUARE` sites, as far as there are whole ones."""
    h, w = (n // SQUARE for n in plane.shape)
    cut = plane[: h * SQUARE, : w * SQUARE].reshape(h, SQUARE, w, SQUARE)
    return np.asarray(cut.mean((1, 3), dtype=np.float64))
