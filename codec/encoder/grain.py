"""What `decode --grain` has to put back: how much of the noise the decoded mosaic lacks, by level and colour.

::

    blocks of 16 x 16 sites of a plane, those whose decoded means vary least at their level
    second differences of true and decoded --difference--> variance that is missing, in shares of the sensor's
    these shares --smooth over the levels, 0 to `MOST_SHARE`--> deviations at the levels of section NOIS
    lost part, true - decoded, in these blocks --how alike neighbours are--> filter of the grain
"""

from __future__ import annotations

import math

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.stream.noise import COLOURS, GRAIN_ONE, GRAIN_UNIT, KNOTS, MOST_TAP, NOISE_BYTES, CarriedNoise
from ..decoder.grain import COLOUR, LEVELS
from ..decoder.stream import Stream
from ..mosaic.layout import Layout
from ..mosaic.noise import NOISE_PROFILE, Profile, told
from .fit import noise
from .fit.noise_kernels import PAIR, SIDE, of_pairs
from .options import EncodeOptions

SECTION_BYTES, LEAST_TIMES = NOISE_BYTES + 6, 100
"""What the section costs a stream, and how many times that a stream has at least that gets one."""

FLAT = 0.5
"""Share of a level's blocks that are looked at: those whose means of 4 x 4 sites differ least."""

LEAST_BLOCKS, MOST_BLOCKS = 4, 6_000
HELD = 12.0
"""How much the shares of neighbouring knots are held together, in blocks."""

MOST_SHARE, BUSY = 1.15, 2.0
"""More of the sensor's noise is not missing: what varies more is structure; so are blocks of so many times its
variance, of which those that are not say more."""

LEAST = 2.0**-15
"""Deviation, in shares of white, that is not worth telling."""

MOST_ALIKE = 0.32
"""Correlation of neighbours beyond which it is structure that was lost."""


def reserved(options: EncodeOptions, sites: int) -> int:
    """Bytes of the section in a stream of a wanted size; 0 where it gets none."""
    size = options.rate.bytes_for(sites)
    return SECTION_BYTES if options.tune == "edit" and size and size >= LEAST_TIMES * SECTION_BYTES else 0


def noise_of(stream: Stream, found: np.ndarray, raw: RawImage, options: EncodeOptions) -> CarriedNoise | None:
    """The section of a coded picture and what it decodes to; None where it is not worth its bytes."""
    size = options.rate.bytes_for(raw.mosaic.size)
    coded = sum(map(len, stream.substreams.values())) + sum(map(len, stream.finer.values()))
    enough = reserved(options, raw.mosaic.size) if size else coded >= LEAST_TIMES * SECTION_BYTES
    whole = stream.lossless or stream.layers is not None  # a layer taken away would change what is missing
    if raw.cell or raw.levels or options.tune == "psnr" or not enough or (whole and NOISE_PROFILE in raw.raw_tags):
        return None
    layout = stream.layout
    profile = told(raw.raw_tags) or noise.estimate(raw, layout)
    if whole:
        return CarriedNoise(profile.carried())
    return carried_noise(profile, raw.mosaic, found, layout, raw.black, raw.white)


def carried_noise(
    profile: Profile, true: np.ndarray, found: np.ndarray, layout: Layout, black: tuple[float, ...], white: int
) -> CarriedNoise:
    """The section for a mosaic and what is decoded of it, both uint16 (H, W); black: by site, DN."""
    span = white - float(np.mean(black))
    alike = np.zeros(3)
    seen: list[list[np.ndarray]] = [[] for _ in range(COLOURS)]
    by_plane = layout.per_plane((black[0], black[1], black[2], black[3]))

    def blocks(k: int) -> np.ndarray:
        planes = layout.plane(true, k), layout.plane(found, k)
        h, w = (n // SIDE for n in planes[0].shape)
        thin = max(1, math.ceil(math.sqrt(h * w / MOST_BLOCKS)))
        out = np.empty((-(-h // thin), -(-w // thin), PAIR))
        of_pairs(*planes, by_plane[k], thin, out)
        return out.reshape(-1, PAIR).T

    for k, (mean, spread, of_true, of_found, *lost) in enumerate(in_parallel(blocks, range(4))):
        # A level's place between two knots, where the section's straight lines meet it.
        place = np.interp(np.clip((mean - by_plane[k]) / span, 0, 1), LEVELS, np.arange(KNOTS))
        flat = _flat(spread, np.rint(place).astype(int))
        variance = [noise[flat] / span**2 for noise in (of_true, of_found)]
        seen[COLOUR[k]].append(np.stack([place[flat], variance[0], variance[0] - variance[1]]))
        alike += [float(part[flat].sum()) for part in lost]
    taps = [_tap(float(a / alike[0]) * SIDE / (SIDE - 1)) if alike[0] else 0 for a in alike[1:]]
    share = _second(taps[0]) / 2 + _second(taps[1]) / 2
    numbers: list[int] = []
    for c, colour in enumerate(seen):
        planes = [profile.planes[k] for k in range(4) if COLOUR[k] == c]
        sensor = np.mean([plane.variance(np.array(LEVELS)) for plane in planes], 0) + LEAST**2
        numbers += _numbers(np.concatenate([np.zeros((3, 0)), *colour], 1), sensor, share)
    return CarriedNoise(profile.carried(), tuple(numbers), *taps)


def _flat(spread: np.ndarray, knot: np.ndarray) -> np.ndarray:
    """Which blocks vary least, of each knot's; spread: against the level, the darkest are no flatter."""
    out = np.zeros(len(spread), bool)
    for n in np.unique(knot):
        own = np.flatnonzero(knot == n)
        out[own[np.argsort(spread[own])[: max(LEAST_BLOCKS, int(FLAT * len(own)))]]] = True
    return out


def _tap(alike: float) -> int:
    """The filter's n, 256, n whose neighbours are so alike: 2 c / (1 + 2 c^2), c = n / 256."""
    wanted = min(max(alike, 0.0), MOST_ALIKE)
    c = (1 - math.sqrt(1 - 2 * wanted**2)) / (2 * wanted) if wanted > 1e-3 else 0.0
    return min(round(256 * c), MOST_TAP)


def _second(tap: int) -> float:
    """Second differences' variance of noise under a filter, in parts of white noise's."""
    c = tap / 256
    one, two = 2 * c / (1 + 2 * c * c), c * c / (1 + 2 * c * c)
    return (6 - 8 * one + 2 * two) / 6


def _numbers(seen: np.ndarray, sensor: np.ndarray, seen_share: float) -> list[int]:
    """Deviations at the knots as the section has them.

    seen: of each block its place between the knots, its variance, and what is missing of it; sensor: variance at the
    knots, greater than 0; seen_share: what of a variance second differences see.
    """
    place, variance, missing = seen
    whole = np.interp(place, np.arange(KNOTS), sensor)
    calm = variance < BUSY * whole
    if calm.sum() >= LEAST_BLOCKS:
        place, whole, missing = place[calm], whole[calm], missing[calm]
    if len(place) < LEAST_BLOCKS:
        return [0] * KNOTS
    # Shares that are straight between knots: least squares, neighbours held together where few blocks tell.
    low = np.minimum(place.astype(int), KNOTS - 2)
    rows = np.zeros((len(place), KNOTS))
    rows[np.arange(len(place)), low], rows[np.arange(len(place)), low + 1] = 1 - (place - low), place - low
    held = math.sqrt(HELD) * (np.eye(KNOTS - 1, KNOTS) - np.eye(KNOTS - 1, KNOTS, 1))
    wanted = np.concatenate([missing / whole, np.zeros(KNOTS - 1)])
    shares = np.linalg.lstsq(np.concatenate([rows, held]), wanted, rcond=None)[0]
    found = np.clip(shares, 0.0, MOST_SHARE) * sensor
    return [
        min(max(round(GRAIN_UNIT * math.log2(d)) + GRAIN_ONE, 1), GRAIN_ONE) if d > LEAST else 0
        for d in np.sqrt(found / seen_share).tolist()
    ]
