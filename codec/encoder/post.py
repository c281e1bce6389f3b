"""The second look behind the loop: fitted to what was coded, and taken where edits of the picture show less error.

::

    decoded mosaic in windows --least squares of roots, each kind--> looks --> windows corrected
    true, decoded and corrected windows --`isp.develop`--> squared errors --> the best, or none

Developed are as shot and +2 EV, or what `--for-edit` says. Only at `--effort 7` and above, under `--tune edit`: roots
are what edits show, and linear error may grow. Lossy streams of one layer have it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.raw_image import RawImage
from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import in_parallel
from ..decoder.crop import cropped
from ..decoder.post import clipped_from, corrected, corrected_cells, looked_at
from ..isp.settings import Settings
from ..recipe.look import DIRECTED, FAR_REACH, MIRRORED, Look
from .effort import effort_of
from .fit import look as fit
from .job import Found, Job
from .options import EncodeOptions

SIDE, WINDOWS = 40, 48
"""Side in cells and number of the windows that it is fitted to."""

TRIED, DOWN, ACROSS = 64, 3, 4
"""Side in cells of the windows that are developed, and how many."""

EDITS = tuple(Settings(exposure=ev) for ev in (0.0, 2.0))
LEAST_WORTH = 0.004
"""Share of the error that it must save: it takes some of the decoder's time."""

FEW = 12_000
"""Bytes of a stream that it can't pay in."""

SHARE, LEAST, MOST = 130, 230, 450
"""A stream of a wanted size keeps one byte in so many for it, if that makes `LEAST`, and never more than `MOST`."""


def reserved(options: EncodeOptions, sites: int) -> int:
    """Bytes that a stream of a wanted size keeps for it; 0 where it gets none."""
    size = options.rate.bytes_for(sites)
    if options.tune == "psnr" or not size or options.rate.in_layers or not effort_of(options.effort).behind:
        return 0
    return min(size // SHARE, MOST) if size // SHARE >= LEAST else 0


def with_post(found: Found, job: Job, raw: RawImage, options: EncodeOptions) -> Found:
    """What was coded with a second look behind it, and what that decodes to; as it is where none pays."""
    stream = found.stream
    if raw.cell or options.tune == "psnr" or stream.lossless or stream.layers is not None or not job.effort.behind:
        return found
    size = options.rate.bytes_for(raw.mosaic.size)
    room = max(reserved(options, raw.mosaic.size) - 8, 0) if size else MOST
    coded = size or sum(map(len, stream.substreams.values()))
    looks = [look for look in _looks(found, job) if len(look.to_bytes()) <= room] if room and coded >= FEW else []
    if not looks:
        return found
    edits = (options.for_edit,) if options.for_edit else EDITS
    errors = _errors(found.mosaic, looks, job, raw, edits)
    worth = [1 - LEAST_WORTH, *(1.0 + len(look.to_bytes()) / coded for look in looks)]
    best = int(np.argmin(np.array(errors) * worth))
    if best == 0:
        return found
    look = looks[best - 1]
    mosaic = corrected(found.mosaic, look, job.picture.side_info, stream.setup)
    return replace(found, stream=replace(stream, post=look), mosaic=mosaic)


def _looks(found: Found, job: Job) -> list[Look]:
    """One of each kind, as far as they are stable and fit the format."""
    picture, out = job.picture, []

    def seen(place: tuple[int, int], shape: tuple[int, int]) -> fit.Seen:
        part = Rect(*place, *shape)
        return looked_at(found.mosaic, picture.side_info, picture.layout, picture.companding, part, FAR_REACH)

    most = clipped_from(picture.companding)
    sample = fit.sample_of(picture, seen, SIDE, WINDOWS, found.stream.header.step, most)
    for directed in (0, DIRECTED):
        with contextlib.suppress(StreamError, np.linalg.LinAlgError):
            matrix, knots, lines = fit.developed(picture, sample, bool(directed))
            for kind in (directed, directed | MIRRORED):
                exponents, coefficients, _ = fit.fitted(kind, lines, sample, picture.mosaic.size, robust=False)
                look = Look(kind, matrix, knots, exponents, coefficients)
                look.check()
                out.append(look)
    return out


def _errors(
    mosaic: np.ndarray, looks: Sequence[Look], job: Job, raw: RawImage, edits: Sequence[Settings] = EDITS
) -> list[float]:
    """Squared error of developed windows: of a decoded mosaic as it is, then as each look corrects it."""
    from ..isp.develop import Developer, plain_rendering  # SciPy comes with it, which streams without a look do without

    picture, rendering = job.picture, plain_rendering(raw)
    (h, w), (top, left) = picture.layout.cells, picture.layout.origin
    corners = [(r, c) for r in fit.places(h, TRIED, DOWN) for c in fit.places(w, TRIED, ACROSS)]

    def one(corner: tuple[int, int]) -> np.ndarray:
        box = Rect(*corner, min(TRIED, h - corner[0]), min(TRIED, w - corner[1]))
        sites = Rect(2 * box.top - top, 2 * box.left - left, 2 * box.rows, 2 * box.cols)
        crop = sites.within(Rect(0, 0, *raw.mosaic.shape))
        within = Rect(crop.top - sites.top, crop.left - sites.left, *crop.shape).slices
        found = [raw.mosaic[crop.slices], mosaic[crop.slices]]
        for look in looks:
            cells = corrected_cells(mosaic, look, picture.side_info, picture.layout, picture.companding, box)
            whole = np.empty((2 * cells.shape[1], 2 * cells.shape[2]), np.uint16)
            for k in range(4):
                whole[k // 2 :: 2, k % 2 :: 2] = cells[k]
            found.append(whole[within])
        part = cropped(raw, crop)
        totals = np.zeros(len(found) - 1)
        for edit in edits:
            true, *others = (
                Developer(replace(part, mosaic=np.ascontiguousarray(m)), rendering).picture(edit, bits=16).astype(float)
                for m in found
            )
            totals += [float(np.square(other - true).sum()) for other in others]
        return totals

    return [float(v) for v in np.sum(list(in_parallel(one, corners)), 0)]
