"""Where a JPEG lies over a mosaic, found from the two pictures by the encoder.

::

    thumbnails without tones --8 orientations, a few scales, all shifts at once--> orientation, rough scale and shift
    blocks at finer and finer size --robust fit--> offset, scale, radial warp      (`codec.align.register`)
    whole pixels, if that says the same within 0.15 px --regression on neighbours--> the geometry

File metadata (the RAW's orientation, the JPEG's EXIF) only break ties: programs differ in what they honour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.errors import InputError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.profile import timed
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from . import kernels
from .displacement import ShiftSearch, detail, shrink
from .fit_check import Patches
from .register import MOST_FREE, Placement, Points, Register, fit

THUMBNAIL = 192
"""Long side of the mosaic's thumbnail, at most."""

LEAST_LIKENESS = 0.2
"""Correlation of the thumbnails at which a closer look is worth while; chance alone makes up to 0.35 of all shifts."""

LEAST_SCORE = 0.45
"""Correlation of the tone-free pictures in place below which the JPEG shows something else: unlike scenes reach 0.2,
strongly processed renderings stay above 0.75."""

FULL_SIZE = 0.02
"""Share by which a JPEG's sides may differ from the mosaic's for `_by_regression`."""

LEAST_SIDE = 128
"""Side of a mosaic below which a regression fits anything."""

CLEAR_FIT = 3.0
"""dB by which the true orientation must fit better than any other there: unlike pairs of 70 simulated shots reach 1.7,
true ones have at least 4.6."""

WHOLE_PIXELS = 0.15
"""A displacement up to this, in pixels, is left alone: whole pixels keep the JPEG's samples exact."""

LUMA = {"R": 0.299, "G": 0.587 / 2, "B": 0.114}
"""Share of a site in Y (ITU-R BT.601)."""

WORTHWHILE = 0.5
"""What a step from whole pixels to interpolation, or from that to a warp, must gain, dB of the small regression."""

FEWER_FREE = (MOST_FREE, 6, 5, 4)
"""Numbers that are fitted, fewer at each turn: few points of a small picture can send k3 and k4 out of all range."""

LIKELY = 0.02
"""What an orientation that the metadata names is given over the others, in correlation."""


@dataclass(frozen=True)
class Alignment:
    """geometry; score: correlation 0..1 of the tone-free pictures under it; report: one line for people."""

    geometry: Geometry
    score: float
    report: str


def align(raw: RawImage, planes: JpegPlanes, exif_orientation: int = 1) -> Alignment:
    """How the JPEG lies over the RAW's mosaic.

    exif_orientation: the JPEG's own tag, 1..8; a hint, as is the RAW's. Finds all 8 orientations, crops, scales from
    about 1/16 to 2, and lens corrections that a radial polynomial describes. `InputError` for a JPEG of something else.
    Another exposure of the same scene from the same place passes: the codec then just has a poorer guide.
    """
    with timed("guide"):
        return _align(raw, planes, exif_orientation)


def _align(raw: RawImage, planes: JpegPlanes, exif_orientation: int) -> Alignment:
    light = _light(raw)
    likely = {1, raw.orientation, _unturned(raw.orientation, exif_orientation)}
    found = _search(light, planes, likely)
    if found is None or found.score < LEAST_LIKENESS:
        return _by_regression(raw, planes, found.score if found else 0.0)
    register = Register(turn(light, found.orientation), _lead(raw, found.orientation), planes.y)
    for most in FEWER_FREE:
        placement, points = register.refine(found.placement, most)
        start = placement.geometry(found.orientation)
        if start.in_range:
            break
    else:
        return _by_regression(raw, planes, found.score)
    score = register.score(placement)
    if score < LEAST_SCORE:
        return _by_regression(raw, planes, score)
    geometry, report = _decide(found.orientation, placement, points, Patches(raw, planes, start))
    if not geometry.in_range:
        return _by_regression(raw, planes, score)
    return Alignment(geometry, score, f"match score {score:.2f}, {report}")


def _by_regression(raw: RawImage, planes: JpegPlanes, score: float) -> Alignment:
    """The second opinion, for pictures with next to no detail but noise (night skies, fog) in a JPEG of full size.

    Their broad light must tell the true orientation from all others by a clear margin. Raises `InputError` else.
    """
    have, sides = planes.y.shape, raw.mosaic.shape
    candidates = []
    for orientation in range(1, 9):
        want = sides[::-1] if orientation >= 5 else sides
        if all(abs(a - b) <= FULL_SIZE * b for a, b in zip(have, want, strict=True)):
            offset = [(a - b) // 2 << POSITION_BITS for a, b in zip(have, want, strict=True)]
            candidates.append(Geometry(orientation, (offset[0], offset[1])))
    if not candidates or min(sides) < LEAST_SIDE:
        raise _another_scene(score)
    patches = Patches(raw, planes, candidates[0])
    fit_of = {geometry: patches.psnr(geometry) for geometry in candidates}
    ranked = sorted(candidates, key=fit_of.__getitem__, reverse=True)
    fits = [fit_of[geometry] for geometry in ranked]
    if len(fits) < 2 or fits[0] - fits[1] < CLEAR_FIT:
        raise _another_scene(score)
    report = (
        f"orientation {ranked[0].orientation}, taken as centred, fit {fits[0]:.1f} dB against {fits[1]:.1f} dB turned"
    )
    return Alignment(ranked[0], score, f"match score {score:.2f}, too little detail to align by, {report}")


def _another_scene(score: float) -> InputError:
    return InputError(f"the JPEG does not show this RAW's picture (match score {score:.2f}, {LEAST_SCORE} needed)")


def _decide(orientation: int, placement: Placement, points: Points, patches: Patches) -> tuple[Geometry, str]:
    """The simplest geometry that the points allow, and a description."""
    sites = points.sites if len(points.sites) else np.zeros((1, 2))

    def apart(other: Placement) -> float:
        """Displacement between two placements where points were measured, nearly the largest; px of the coarser."""
        there, here = (np.stack(p(sites[:, 0], sites[:, 1]), 1) for p in (other, placement))
        return float(np.quantile(np.hypot(*(there - here).T), 0.95)) / max(1.0, min(placement.scale))

    flat = replace(placement, warp=(0.0, 0.0, 0.0, 0.0))
    square = fit(points, replace(flat, scale=(1.0, 1.0)), 2)
    whole = replace(square, offset=(float(round(square.offset[0])), float(round(square.offset[1]))))
    plain = fit(points, flat, 4)
    near_full_size = abs(placement.scale[0] - 1) < 0.05 and abs(placement.scale[1] - 1) < 0.05
    exact, exact_db = best_neighbour(whole.geometry(orientation), patches) if near_full_size else (None, -np.inf)
    if exact is not None and apart(whole) <= WHOLE_PIXELS:
        return exact, describe(exact, exact_db, 0.0)
    geometry = plain.geometry(orientation)
    db = patches.psnr(geometry)
    if apart(plain) > WHOLE_PIXELS:
        trials = (fit(points, placement if free == 10 else flat, free) for free in (10, *FEWER_FREE[1:-1]))
        warped = next((g for g in (t.geometry(orientation) for t in trials) if g.in_range), geometry)
        warped_db = patches.psnr(warped)
        if warped_db > db + WORTHWHILE:
            geometry, db = warped, warped_db
    if exact is not None and exact_db + WORTHWHILE >= db:
        return exact, describe(exact, exact_db, 0.0) + f", up to {apart(whole):.1f} px out of register"
    return geometry, describe(geometry, db, apart(plain)) + (
        f" ({exact_db:.1f} dB at whole pixels)" if exact is not None else ""
    )


def best_neighbour(geometry: Geometry, patches: Patches) -> tuple[Geometry, float]:
    """The whole-pixel geometry that explains the mosaic best among the neighbours, and its dB."""
    known: dict[tuple[int, int], float] = {}
    one = 1 << POSITION_BITS
    at = geometry.offset
    for _ in range(6):
        around = [(at[0] + i * one, at[1] + j * one) for i, j in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))]
        for offset in around:
            if offset not in known:
                known[offset] = patches.psnr(replace(geometry, offset=offset))
        best = max(around, key=known.__getitem__)
        if best == at:
            break
        at = best
    return replace(geometry, offset=at), known[at]


def describe(geometry: Geometry, db: float, warp: float) -> str:
    offset = ", ".join(f"{-v / (1 << POSITION_BITS):.6g}" for v in geometry.offset)
    scale = " x ".join(f"{v / (1 << SCALE_BITS):.5g}" for v in geometry.scale)
    parts = [f"orientation {geometry.orientation}", f"offset {offset} px", f"scale {scale}"]
    if geometry.warp is not None:
        parts.append(f"warped by up to {warp:.1f} px")
    return ", ".join([*parts, f"fit {db:.1f} dB"])


def turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """The picture that a viewer shows of an image (rows, columns) with a TIFF orientation, 1..8; a view."""
    if orientation >= 5:
        image = image.T
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def _unturned(raw_orientation: int, exif_orientation: int) -> int:
    """The orientation of a JPEG left for the viewer to turn by its tag as the RAW's picture is."""
    return 1 if raw_orientation == exif_orientation else raw_orientation


def _light(raw: RawImage) -> np.ndarray:
    """Brightness of whole 2x2 cells, float32 (H / 2, W / 2): square root of luma under the gray-world white balance.

    The colours have Y's own weights, since lateral chromatic aberration puts red and blue up to a pixel from green.
    """
    h, w = raw.mosaic.shape[0] // 2, raw.mosaic.shape[1] // 2
    weight = []
    for k, colour in enumerate(raw.cfa):
        some = raw.mosaic[k // 2 : 2 * h : 8, k % 2 : 2 * w : 8].astype(np.float32) - np.float32(raw.black[k])
        weight.append(LUMA[colour] / (float(some.clip(0, raw.white).mean()) + 1e-3 * raw.white))
    out = np.empty((h, w), np.float32)
    kernels.light(raw.mosaic, np.array(raw.black, np.float32), np.array(weight, np.float32), out)
    return out


def _lead(raw: RawImage, orientation: int) -> tuple[float, float]:
    """The turned site in the corner of `_light`'s first turned cell, as its brightness sees it.

    An odd last row or column belongs to no cell. In a cell, red and blue weigh more and less than a quarter, so its
    centre of gravity isn't quite its middle.
    """
    rows = sum(LUMA[c] * (k // 2) for k, c in enumerate(raw.cfa)) - 0.5
    cols = sum(LUMA[c] * (k % 2) for k, c in enumerate(raw.cfa)) - 0.5
    if orientation in (3, 4, 6, 7):
        rows = raw.mosaic.shape[0] % 2 - rows
    if orientation in (2, 3, 7, 8):
        cols = raw.mosaic.shape[1] % 2 - cols
    return (cols, rows) if orientation >= 5 else (rows, cols)


@dataclass(frozen=True)
class _Found:
    score: float
    orientation: int
    placement: Placement


def _search(light: np.ndarray, planes: JpegPlanes, likely: set[int]) -> _Found | None:
    """Best orientation, scale and shift of thumbnails."""
    factor = -(-max(light.shape) // THUMBNAIL)
    thumbnail = shrink(light, factor)
    turned = {o: detail(turn(thumbnail, o)) for o in range(1, 9)}
    searches: dict[float, tuple[ShiftSearch, float] | None] = {}
    best: _Found | None = None
    for orientation, first in turned.items():
        full = turn(light, orientation).shape
        for scale in _scales((2 * full[0], 2 * full[1]), planes.y.shape):
            if scale not in searches:
                second, step = _at_scale(planes.y, 2 * factor * scale)
                side = max(first.shape) + max(second.shape)
                searches[scale] = (ShiftSearch(detail(second), side), step) if min(second.shape) >= 24 else None
            search = searches[scale]
            if search is None:
                continue
            score, rows, cols = search[0].best(first)
            step = search[1]
            score += LIKELY * (orientation in likely)
            if best is None or score > best.score:
                # sample i of the thumbnail's middle is mosaic 2 f i + f - 1/2, of the JPEG's step i + (step - 1) / 2
                start = -(factor - 0.5) * scale + (step - 1) / 2
                offset = (rows * step + start, cols * step + start)
                best = _Found(score, orientation, Placement.plain(offset, scale, planes.y.shape))
    return best


def _scales(mosaic: tuple[int, int], jpeg: tuple[int, ...]) -> Iterator[float]:
    """JPEG px per mosaic px worth trying: full size, and the mosaic's rows or columns filling the JPEG's."""
    tried: list[float] = []
    for scale in (1.0, jpeg[0] / mosaic[0], jpeg[1] / mosaic[1]):
        fits = all(j <= 1.03 * s * m + 16 for s, j, m in zip((scale, scale), jpeg, mosaic, strict=True))
        if fits and 1 / 64 <= scale <= 4 and all(abs(scale / t - 1) > 0.01 for t in tried):
            tried.append(scale)
            yield scale


def _at_scale(y: np.ndarray, step: float) -> tuple[np.ndarray, float]:
    """The JPEG's luma with one sample per `step` px (area means, then linear), and the step."""
    whole = max(1, int(step))
    small = shrink(y, whole)
    if whole == step:
        return small, step
    shape = [max(1, int(n * whole / step)) for n in small.shape]
    sides = list(zip(shape, small.shape, strict=True))
    grids = [((np.arange(n) + 0.5) * step / whole - 0.5).clip(0, m - 1) for n, m in sides]
    low = [np.minimum(g.astype(int), m - 2) for g, (_, m) in zip(grids, sides, strict=True)]
    part = [(g - k).astype(np.float32) for g, k in zip(grids, low, strict=True)]
    rows = small[low[0]] * (1 - part[0])[:, None] + small[low[0] + 1] * part[0][:, None]
    return rows[:, low[1]] * (1 - part[1]) + rows[:, low[1] + 1] * part[1], step
