"""The trunk's encoder on the CPU: fit on samples, code tile by tile, without torch.

::

    sample windows --fit_windows at a step, each transform--> parameters, estimated bits
    a tile: residuals --16 times: predict, search, ANS, update--> substreams, and its piece of the decoded mosaic

What is chosen may come from floats, since every choice is sent; what is decoded comes from the decoder's own kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...entropy.ans import model_of
from ...entropy.ans_encode import encode_symbols
from ...entropy.tables import EXACT, TRELLIS
from ..mosaic.companding import LOSSLESS
from ..mosaic.layout import tiles
from ..recipe.recipe import Recipe
from ..recipe.side import Window
from ..stages.coding import Coding
from ..stages.order import HAAR, IN_PLACE, PASSES, STAGES
from ..stages.parameters import Params
from ..stages.tile import Tile
from .effort import Effort
from .fit import survey_kernels as kernel
from .fit.parameters import SPLITS
from .fit.samples import LAGRANGIAN, Coded, Fit, sample_windows, summary, with_more
from .fit.saturation import NOWHERE
from .fit.source_picture import SourcePicture
from .fit.stage_kernels import length
from .fit.stages import Piece, fit_stages
from .fit.survey import REFERENCE, Survey, merged
from .search import target_kernels as kernels
from .search.search import search_stage
from .search.trellis_kernels import Search

KEEP_BASES = 50_000_000
"""Sites up to which the prediction is kept in memory, 4 bytes a site."""

PLACES, QUICK_PLACES = 16_000, 4000
"""Places of a stage that a fit looks at."""

FEW = 8
"""Windows that a quick fit does not spare."""

MOST_UNEVEN = 2.0
"""Factor by which a survey may correct the sample windows' bits."""

TRIAL_SIDE, TRIAL_PITCH, TRIAL_HALO = 64, 256, 8
"""Side in cells of the pieces of a tile by which its transform is chosen, how far they are apart, and cells at their
edges whose bits tell nothing: they lack neighbours."""

DEFAULT_EFFORT = Effort()


@dataclass(frozen=True)
class Area:
    """A window with what both sides know of it: prediction int32 (4, rows, cols), activity int32 (A, rows, cols)."""

    row: int
    col: int
    prediction: np.ndarray
    activity: np.ndarray

    def part(self, row: int, col: int, side: int) -> Area:
        """A part of it, of so many cells at (row, col) from its first."""
        cut = np.s_[:, row : row + side, col : col + side]
        return Area(self.row + row, self.col + col, self.prediction[cut], self.activity[cut])

    def inner(self, halo: int) -> Area:
        """It without so many cells at each edge."""
        cut = np.s_[:, halo : self.prediction.shape[1] - halo, halo : self.prediction.shape[2] - halo]
        return Area(self.row + halo, self.col + halo, self.prediction[cut], self.activity[cut])


class CpuEncoder:
    """Encodes one picture by a recipe."""

    def __init__(
        self, picture: SourcePicture, recipe: Recipe, effort: Effort = DEFAULT_EFFORT, lagrangian: float = LAGRANGIAN
    ) -> None:
        self.mosaic, self.layout, self.side_info, self.recipe = (
            picture.mosaic,
            picture.layout,
            picture.side_info,
            recipe,
        )
        self.companding, self.tables, self.step_exponent = picture.companding, picture.tables, picture.exponent
        self.effort, self.lagrangian = effort, lagrangian
        self._ceilings = picture.ceilings
        every = np.arange(self.companding.top + 1)
        self._number = [np.searchsorted(dn, every).astype(np.int32) for dn in self.companding.dn]
        self._found: list[Survey] = []
        self._sampled: dict[int, Survey] = {}
        self.areas: dict[Window, Area] = {}
        h, w = picture.layout.cells
        windows, apart = sample_windows(h, w, effort.windows), picture.side_info.apart
        self._sample = with_more(windows, *apart, h, w) if apart and min(h, w) >= windows.rows else windows
        self._looked: dict[int, Area] = {}
        self._pieces: dict[tuple[int, int, bool], Piece] = {}

    def _area(self, window: Window) -> Area:
        (row, col), *_ = window.places
        prediction = self.side_info.prediction(window, self.recipe, self.companding)[0]
        return Area(row, col, prediction, self.side_info.activity(window)[0])

    def _piece(self, area: Area, transform: int, lossless: bool) -> Piece:
        """What the stages of an area should code."""
        companding, (top, left) = self.companding, self.layout.origin
        _, rows, cols = area.prediction.shape
        shape = 4, 4, rows // 2, cols // 2
        y, valid, index = np.empty(shape, np.float32), np.empty(shape, np.uint8), None
        if lossless:
            index = np.empty(shape, np.int32)
        for k, black in enumerate(companding.black_levels()):
            first = 2 * area.row - top + k // 2, 2 * area.col - left + k % 2
            kernels.lay_residuals(
                self.mosaic, area.prediction[k], companding.table, companding.low, companding.shift, black,
                NOWHERE if lossless else self._ceilings[k], *first, transform == HAAR, y[k], valid[k],
            )  # fmt: skip
            if index is not None:
                kernels.lay_indices(self.mosaic, self._number[k], *first, index[k])
        if self.layout.cell:
            valid *= self._coded(self.layout.cell, area, transform)
        return Piece(y, valid, index)

    def _coded(self, cell: CellLayout, area: Area, transform: int) -> np.ndarray:
        """Which sites, or of bands places, of an area are coded in a cell layout: bool (4, 4, rows / 2, cols / 2)."""
        _, rows, cols = area.prediction.shape
        sites = cell.coded(np.arange(area.row, area.row + rows)[:, None], np.arange(area.col, area.col + cols)[None])
        found = np.stack([sites[:, i::2, j::2] for i, j in PASSES], 1)
        return np.broadcast_to(found.any(1, keepdims=True), found.shape) if transform == HAAR else found

    def _tile(self, area: Area, transform: int, step: int) -> Tile:
        coding = Coding(self.companding, self.tables, step, self.step_exponent, self.effort.states)
        return Tile(area.prediction, area.activity, coding, transform)

    def open(self, area: Area, transform: int, step: int) -> tuple[Tile, Piece]:
        """An area before its first stage, and what its stages should code."""
        return self._tile(area, transform, step), self._piece(area, transform, step == LOSSLESS)

    def fit(self, step: int, quick: bool = False, only: int | None = None) -> Fit:
        """Fit the stages' parameters to the sample windows at a step.

        quick: to every other window, with less care; only: over this transform alone.
        """
        lossless = step == LOSSLESS
        transforms = [IN_PLACE, HAAR] if self.effort.haar and not lossless else [IN_PLACE]
        transforms = [transform for transform in transforms if transform == only] or transforms
        chosen = self._chosen(quick)
        areas = self._areas(chosen)
        search = Search(self.tables, self.lagrangian, self.effort.states)

        def one(transform: int) -> tuple[Params, np.ndarray, np.ndarray]:
            tiles = [self._tile(area, transform, step) for area in areas]
            pieces = [self._sample_piece(n, transform, lossless) for n in chosen]
            places = QUICK_PLACES if quick else PLACES
            return fit_stages(tiles, pieces, search, self.tables, places)

        params, rates, errors = zip(*in_parallel(one, transforms), strict=True)
        rate, error = np.stack(rates), np.stack(errors)
        cost, cells = rate + error / self.lagrangian, self._sample.rows * self._sample.cols
        fitted = summary(step, dict(zip(transforms, params, strict=True)), rate, cost, cells)
        return self.scaled(fitted, quick)

    def _chosen(self, quick: bool) -> range:
        """Numbers of the sample windows of a fit."""
        count = len(self._sample.places)
        return range(0, count, 2 if quick and count > FEW else 1)

    def _areas(self, chosen: Sequence[int]) -> list[Area]:
        """Sample windows by their numbers, made when they are asked for first."""
        rows, cols = self._sample.rows, self._sample.cols

        def look(n: int) -> None:
            self._looked[n] = self._area(Window((self._sample.places[n],), rows, cols))

        for _ in in_parallel(look, [n for n in chosen if n not in self._looked]):
            pass
        return [self._looked[n] for n in chosen]

    def _sample_piece(self, n: int, transform: int, lossless: bool) -> Piece:
        """What the stages of a sample window should code."""
        key = n, transform, lossless
        if key not in self._pieces:
            self._pieces[key] = self._piece(self._looked[n], transform, lossless)
        return self._pieces[key]

    def scaled(self, fitted: Fit, quick: bool) -> Fit:
        """A fit whose bits are those of the whole picture, if that was surveyed since."""
        if fitted.step == LOSSLESS or not self._found:
            return fitted
        return replace(fitted, bits=fitted.bits * self._scale(fitted.step, self._surveys(self._chosen(quick))))

    def survey(self, side: int) -> None:
        """Look at all of the picture, in tiles of `side` cells, so that fits can tell its bits well."""
        if self.mosaic.size >= KEEP_BASES:
            return  # what is known of the tiles would not be kept
        places = tiles(*self.layout.cells, side)

        def one(n: int) -> Survey:
            return self._surveyed(self.whole(Window.of(places[n])))

        self._found = list(in_parallel(one, range(len(places))))

    def _surveyed(self, area: Area) -> Survey:
        piece, found = self._piece(area, IN_PLACE, False), Survey()
        steps = self.companding.step_of_level(REFERENCE, self.step_exponent)
        y = np.where(piece.valid == kernels.OPEN, np.maximum(piece.y, 0), piece.y)
        for k in range(4):
            kernel.survey(y[k, 0], y[k, 1], area.prediction[k], steps, self.companding.low, found.histogram)
        return found

    def _surveys(self, chosen: Sequence[int]) -> list[Survey]:
        """Surveys of sample windows."""
        for n, area in zip(chosen, self._areas(chosen), strict=True):
            if n not in self._sampled:
                self._sampled[n] = self._surveyed(area)
        return [self._sampled[n] for n in chosen]

    def _scale(self, step: int, part: list[Survey]) -> float:
        """What bits of a part of the picture count for in the whole of it, by their surveys."""
        whole, own = (merged(found).bits(step, self.tables) for found in (self._found, part))
        return min(max(whole / own, 1 / MOST_UNEVEN), MOST_UNEVEN) if own else 1.0

    def trial(self, step: int, fitted: Fit, side: int) -> tuple[list[int], float]:
        """The transform in which pieces of each tile of `side` cells cost less; bits a site that they tell."""
        places = tiles(*self.layout.cells, side)
        search = Search(self.tables, self.lagrangian, self.effort.states)

        def one(n: int) -> tuple[int, float, list[Survey], int]:
            parts = self._parts(places[n])
            found = {b: [self._try(part, b, step, p, search) for part in parts] for b, p in fitted.params.items()}
            best = min(found, key=lambda b: sum(cost for cost, _, _ in found[b]))
            surveys = [self._surveyed(part.inner(TRIAL_HALO)) for part in parts] if self._found else []
            return best, sum(bits for _, bits, _ in found[best]), surveys, sum(sites for _, _, sites in found[best])

        transforms, bits, surveys, sites = zip(*in_parallel(one, range(len(places))), strict=True)
        scale = self._scale(step, [s for found in surveys for s in found]) if self._found else 1.0
        return list(transforms), scale * sum(bits) / max(sum(sites), 1)

    def _parts(self, place: Rect) -> list[Area]:
        """The pieces by which a tile is tried: squares spread over it, or all of it where it is small."""
        side = TRIAL_SIDE
        if min(place.shape) <= 2 * side:
            return [self.whole(Window.of(place))]
        corners = [(r, c) for r in _spread(place.rows, side) for c in _spread(place.cols, side)]
        if self.mosaic.size >= KEEP_BASES:  # the rest of the tile would be made in vain
            return [self._area(Window(((place.top + r, place.left + c),), side, side)) for r, c in corners]
        area = self.whole(Window.of(place))
        return [area.part(r, c, side) for r, c in corners]

    def _try(self, area: Area, transform: int, step: int, params: Params, search: Search) -> tuple[float, float, int]:
        """Cost of a piece, and the bits and sites of it without its edges."""
        tile, piece, cost, inside = self._tile(area, transform, step), self._piece(area, transform, False), 0.0, 0.0
        inner = np.s_[TRIAL_HALO // 2 : tile.rows - TRIAL_HALO // 2, TRIAL_HALO // 2 : tile.cols - TRIAL_HALO // 2]
        for stage, (k, t) in enumerate(STAGES):
            _, classes = tile.predict(stage, params)
            symbols, rate, error = search_stage(tile, stage, search, piece.y[k, t], piece.valid[k, t])
            cost += error + self.lagrangian * rate
            inside += length(symbols[inner], classes[inner], search.bits, SPLITS)
        return cost, inside, len(STAGES) * symbols[inner].size

    def encode(
        self,
        step: int,
        fitted: Fit,
        side: int,
        price: float = 1.0,
        transforms: list[int] | None = None,
        progress: Progress | None = None,
        before: Coded | None = None,
        again: Sequence[int] = (),
    ) -> Coded:
        """Code every tile of `side` cells, or of those coded `before` some again.

        price: factor of the Lagrangian; transforms: of the tiles, if they are chosen already.
        """
        places = tiles(*self.layout.cells, side)
        search = Search(self.tables, price * self.lagrangian, self.effort.states)
        if before:
            transforms, numbers = before.transforms, list(again)
            kept = {key: data for key, data in before.substreams.items() if key[0] not in set(again)}
            out = Coded(step, kept, list(transforms), before.mosaic.copy())
        else:
            transforms, numbers = transforms or self.trial(step, fitted, side)[0], list(range(len(places)))
            out = Coded(step, {}, list(transforms), np.empty_like(self.mosaic))

        def code(n: int) -> list[bytes]:
            area, transform = self.whole(Window.of(places[n])), transforms[n]
            return self._code(area, transform, step, fitted.params[transform], search, out.mosaic)

        for done, streams in enumerate(in_parallel(code, numbers)):
            n = numbers[done]
            out.substreams |= {(n, stage): data for stage, data in enumerate(streams) if data}
            if progress:
                progress("coding", (done + 1) / len(numbers))
        cell = self.layout.cell
        return replace(out, mosaic=cell.settled(out.mosaic)) if cell else out

    def whole(self, window: Window) -> Area:
        """Area of a tile; kept between codings where the picture is not huge."""
        area = self.areas.get(window) or self._area(window)
        if self.mosaic.size < KEEP_BASES:
            self.areas[window] = area
        return area

    def _code(
        self, area: Area, transform: int, step: int, params: Params, search: Search, mosaic: np.ndarray
    ) -> list[bytes]:
        """A tile's substreams; what they decode to is put into the mosaic."""
        tile, piece = self.open(area, transform, step)
        left = model_of(self.tables, EXACT if tile.lossless else TRELLIS).left
        streams = [
            encode_symbols(symbols.reshape(-1), tile.classes.reshape(-1), left)
            for symbols in code_stages(tile, piece, params, search)
        ]
        tile.finish(self.layout, (area.row, area.col), mosaic)
        return streams


def code_stages(tile: Tile, piece: Piece, params: Params, search: Search) -> Iterator[np.ndarray]:
    """Code a tile, as far as it is asked for: the symbols of each stage, int32 (H, W). Mean, step and class are the
    tile's until the next stage."""
    for stage, (k, t) in enumerate(STAGES):
        tile.predict(stage, params)
        if piece.index is None:
            yield search_stage(tile, stage, search, piece.y[k, t], piece.valid[k, t])[0]
        else:
            symbols = np.empty(tile.mu.shape, np.int32)
            kernels.exact_symbols(piece.index[k, t], tile.expected(stage), piece.valid[k, t], symbols)
            tile.update(stage, symbols)
            yield symbols


def _spread(length: int, side: int) -> list[int]:
    """Where pieces of a side begin along so many cells, evenly and about `TRIAL_PITCH` apart: even numbers."""
    count = max(1, round(length / TRIAL_PITCH))
    return [int((i + 0.5) * length / count - side / 2) // 2 * 2 for i in range(count)]
