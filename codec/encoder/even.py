"""What a quality means under `--tune edit`: the step at which the brightened picture shows a wanted error.

::

    quality --> step --quick fit--> parameters
    windows of the picture, coded by them at a step --`isp.develop`, +2 EV--> error that shows, of 255
    noise as large as the sensor's, developed alike                       --> how much more may show: noise hides it
    the step moves until what shows is what the quality says

One step for all pictures would show some of them with half the error of others: steps go with linear light, and how far
a development stretches it is the picture's own.

=========  ====  ====  ====  ====  ====
quality       0    20    40    60    80
dB wanted    26    31    35    39    47
=========  ====  ====  ====  ====  ====

That is sRGB's PSNR at +2 EV as `codec.isp` develops it, where noise is not seen; noise of `HIDING` allows half as much
error again. Quality 100 is one code value of 14 bits, whatever it shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import in_parallel
from ..decoder.crop import cropped
from ..isp.settings import Settings
from ..mosaic.noise import Profile, told
from ..recipe.side import Window
from .fit.look import places
from .fit.noise import estimate
from .fit.samples import Fit
from .job import Candidate
from .picture import code_stages
from .rate import step_of_quality
from .search.trellis_kernels import Search

SIDE, DOWN, ACROSS = 64, 3, 4
"""Side in cells of the windows, and how many."""

EDIT = Settings(exposure=2.0)

QUALITIES, WANTED = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0), (26.0, 31.0, 35.0, 39.0, 47.0, 60.0)
HIDING = 9.0
"""Noise, of 255, beside which as much error again as there is without it, in power, does not matter."""

ROUNDS, ENOUGH, REFIT = 4, 0.4, 200
"""Codings of the windows, dB that are near enough, and how far a step may lie from where parameters were fitted."""

STEEPNESS = 256 / 5.0
"""Steps a dB, until two are known."""

COARSEST, FARTHEST = 4400, 768
"""The step of quality 0, and how much finer than the usual one a step gets."""


def even_step(candidate: Candidate, raw: RawImage, quality: float, edit: Settings | None = None) -> int:
    """The step of a quality below 100 for one picture. edit: judge by this one rather than by +2 EV."""
    step = nominal = step_of_quality(quality)
    shown, fitted = Shown(raw, candidate, edit or EDIT), candidate.fit(step, quick=True)
    profile = told(raw.raw_tags) or estimate(raw, candidate.picture.layout)
    goal = float(np.interp(quality, QUALITIES, WANTED)) - 10 * math.log10(1 + (shown.noise(profile) / HIDING) ** 2)
    seen: dict[int, float] = {}
    for _ in range(ROUNDS):
        if abs(step - fitted.step) > REFIT:
            fitted = candidate.fit(step, quick=True, only=fitted.better)
        seen[step] = shown.coded(step, fitted) - goal
        following = _next(seen, step, nominal)
        if abs(seen[step]) < ENOUGH or following in seen:
            break
        step = following
    return min(seen, key=lambda s: abs(seen[s]))


def _next(seen: Mapping[int, float], step: int, nominal: int) -> int:
    """Where the error should be as wanted. seen: step -> dB over what is wanted, which fall with the step."""
    above, below = (max((s for s in seen if seen[s] >= 0), default=None),
                    min((s for s in seen if seen[s] < 0), default=None))  # fmt: skip
    if above is not None and below is not None and above < below:
        share = seen[above] / (seen[above] - seen[below])
        return round(above + share * (below - above))
    return int(min(max(round(step + STEEPNESS * seen[step]), nominal - FARTHEST), COARSEST))


class Shown:
    """Windows of a picture as an edit shows them."""

    def __init__(self, raw: RawImage, candidate: Candidate, edit: Settings = EDIT) -> None:
        from ..isp.develop import plain_rendering  # SciPy comes with it, which other encodings do without

        self._raw, self._candidate, self._edit = raw, candidate, edit
        self._rendering = plain_rendering(raw)
        layout = candidate.picture.layout
        (h, w), (top, left) = layout.cells, layout.origin
        self._windows = [
            Window(((r, c),), *(min(SIDE, max(2, n // 2 * 2)) for n in (h, w)))
            for r in places(h, SIDE, DOWN) for c in places(w, SIDE, ACROSS)
        ]  # fmt: skip
        frame = Rect(0, 0, *raw.mosaic.shape)
        self._parts = [
            Rect(2 * r - top, 2 * c - left, 2 * window.rows, 2 * window.cols).within(frame)
            for window in self._windows for r, c in window.places
        ]  # fmt: skip
        self._true = [self._picture(part, raw.mosaic[part.slices]) for part in self._parts]

    def _picture(self, part: Rect, mosaic: np.ndarray) -> np.ndarray:
        from ..isp.develop import Developer

        raw = replace(cropped(self._raw, part), mosaic=np.ascontiguousarray(mosaic))
        return Developer(raw, self._rendering).picture(self._edit, bits=16).astype(np.float32)

    def _error(self, n: int, mosaic: np.ndarray) -> tuple[float, int]:
        found = self._picture(self._parts[n], mosaic)
        return float(np.square(found - self._true[n], dtype=np.float64).sum()), found.size

    def coded(self, step: int, fitted: Fit) -> float:
        """PSNR, dB, of the windows coded at a step by fitted parameters."""
        encoder, layout = self._candidate.encoder, self._candidate.picture.layout
        search = Search(encoder.tables, encoder.lagrangian, encoder.effort.states)
        transform = fitted.better if fitted.better in fitted.params else next(iter(fitted.params))

        def one(n: int) -> tuple[float, int]:
            window = self._windows[n]
            scratch = np.empty_like(self._raw.mosaic)  # its own: those of small pictures overlap
            tile, piece = encoder.open(encoder.whole(window), transform, step)
            for _ in code_stages(tile, piece, fitted.params[transform], search):
                pass
            tile.finish(layout, window.places[0], scratch)
            return self._error(n, scratch[self._parts[n].slices])

        return -20 * math.log10(max(_root(in_parallel(one, range(len(self._windows)))), 1e-3) / 255)

    def noise(self, profile: Profile) -> float:
        """Root of the mean squared error, of 255, of noise as large as a profile's."""
        raw, layout = self._raw, self._candidate.picture.layout
        rng, span = np.random.default_rng(0), raw.white - sum(raw.black) / 4
        black = layout.per_plane(raw.black)

        def one(n: int) -> tuple[float, int]:
            part = self._parts[n]
            mosaic = raw.mosaic[part.slices].astype(np.float64)
            for k in range(4):
                row, col = layout.first(k)
                at = np.s_[(row + part.top) % 2 :: 2, (col + part.left) % 2 :: 2]
                level = (mosaic[at] - black[k]) / span
                mosaic[at] += drawn[n][at] * span * np.sqrt(profile.planes[k].variance(level))
            return self._error(n, np.clip(np.rint(mosaic), 0, 65535).astype(np.uint16))

        drawn = [rng.standard_normal(part.shape) for part in self._parts]
        return _root(in_parallel(one, range(len(self._parts))))


def _root(found: Iterable[tuple[float, int]]) -> float:
    errors, counts = zip(*found, strict=True)
    return 255 / 65535 * math.sqrt(sum(errors) / max(sum(counts), 1))
