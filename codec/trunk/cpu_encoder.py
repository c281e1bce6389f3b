"""The trunk's encoder on the CPU: fit on samples, code tile by tile, without torch.

::

    sample windows --fit_windows at a step, each basis--> parameters, estimated bits
    a tile: residuals --16 times: predict, search, ANS, update--> substreams, and its piece of the decoded mosaic

What is chosen may come from floats, since every choice is sent; what is decoded comes from the decoder's own kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codec.kernels import targets as kernels
from codec.kernels.trellis import Search
from codec.progress import Progress
from codec.trunk.coded import LAGRANGIAN, Coded, Fit, sample_windows, summary
from codec.trunk.companding import LOSSLESS, Companding
from codec.trunk.effort import Effort
from codec.trunk.fit_stages import Piece, fit_stages
from codec.trunk.ground import Ground, Window
from codec.trunk.layout import Layout, tiles
from codec.trunk.order import HAAR, IN_PLACE, STAGES
from codec.trunk.parallel import in_parallel
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from codec.trunk.tile import Tile
from entropy.ans import model_of
from entropy.ans_encode import encode_symbols
from entropy.tables import EXACT, TRELLIS, Tables

KEEP_BASES = 50_000_000
"""Sites up to which the base is kept in memory, 4 bytes a site."""

TRIAL_SIDE, TRIAL_PITCH = 64, 192
"""Side in cells of the pieces of a tile by which its basis is chosen, and how far they are apart."""

PLACES, QUICK_PLACES = 16_000, 4000
"""Places of a stage that a fit looks at."""

DEFAULT_EFFORT = Effort()


@dataclass(frozen=True)
class Area:
    """A window with what both sides know of it: base int32 (4, rows, cols), activity int32 (A, rows, cols)."""

    row: int
    col: int
    base: np.ndarray
    activity: np.ndarray

    def part(self, row: int, col: int, side: int) -> Area:
        """A part of it, of so many cells at (row, col) from its first."""
        cut = np.s_[:, row : row + side, col : col + side]
        return Area(self.row + row, self.col + col, self.base[cut], self.activity[cut])


class CpuEncoder:
    """Encodes one picture's mosaic, uint16 (H, W). kappa: exponent of the guided step in quarters."""

    def __init__(
        self,
        mosaic: np.ndarray,
        layout: Layout,
        ground: Ground,
        recipe: Recipe,
        companding: Companding,
        tables: Tables,
        kappa: int,
        effort: Effort = DEFAULT_EFFORT,
        lagrangian: float = LAGRANGIAN,
    ) -> None:
        self.mosaic, self.layout, self.ground, self.recipe = mosaic, layout, ground, recipe
        self.companding, self.tables, self.kappa = companding, tables, kappa
        self.effort, self.lagrangian = effort, lagrangian
        self._number = np.searchsorted(companding.dn, np.arange(companding.top + 1)).astype(np.int32)
        self._kept: dict[Window, Area] = {}
        h, w = layout.cells
        self._sample = windows = sample_windows(h, w, effort.windows)
        self._areas = [self._area(Window((place,), self._sample.rows, self._sample.cols)) for place in windows.places]
        self._pieces: dict[tuple[int, bool], list[Piece]] = {}

    def _area(self, window: Window) -> Area:
        (row, col), *_ = window.places
        base = self.ground.base(window, self.recipe, self.companding)[0]
        return Area(row, col, base, self.ground.activity(window)[0])

    def _piece(self, area: Area, basis: int, exact: bool) -> Piece:
        """What the stages of an area should code."""
        companding, (top, left) = self.companding, self.layout.origin
        _, rows, cols = area.base.shape
        shape = 4, 4, rows // 2, cols // 2
        y, valid, index = np.empty(shape, np.float32), np.empty(shape, np.bool_), None
        if exact:
            index = np.empty(shape, np.int32)
        for k, black in enumerate(companding.black_levels()):
            first = 2 * area.row - top + k // 2, 2 * area.col - left + k % 2
            kernels.lay_residuals(
                self.mosaic, area.base[k], companding.table, companding.low, companding.shift, black, *first,
                basis == HAAR, y[k], valid[k],
            )  # fmt: skip
            if index is not None:
                kernels.lay_indices(self.mosaic, self._number, *first, index[k])
        return Piece(y, valid, index)

    def _tile(self, area: Area, basis: int, step: int) -> Tile:
        return Tile(
            area.base, area.activity, self.companding, self.tables, basis, step, self.kappa, self.effort.states,
            step == LOSSLESS,
        )  # fmt: skip

    def fit(self, step: int, quick: bool = False) -> Fit:
        """Fit the stages' parameters to the sample windows at a step; quick: to every other window, with less care."""
        exact = step == LOSSLESS
        bases = (IN_PLACE, HAAR) if self.effort.haar and not exact else (IN_PLACE,)
        chosen = np.s_[::2] if quick else np.s_[:]
        search = Search(self.tables, self.lagrangian, self.effort.states)

        def one(basis: int) -> tuple[Params, np.ndarray, np.ndarray]:
            if (basis, exact) not in self._pieces:
                self._pieces[basis, exact] = [self._piece(area, basis, exact) for area in self._areas]
            tiles = [self._tile(area, basis, step) for area in self._areas[chosen]]
            places = QUICK_PLACES if quick else PLACES
            return fit_stages(tiles, self._pieces[basis, exact][chosen], search, self.tables, places)

        params, rates, errors = zip(*in_parallel(one, bases), strict=True)
        rate, error = np.stack(rates), np.stack(errors)
        cost = rate + error / self.lagrangian
        return summary(step, dict(zip(bases, params, strict=True)), rate, cost, self._sample.rows * self._sample.cols)

    def encode(
        self,
        step: int,
        params: dict[int, Params],
        side: int,
        thrift: float = 1.0,
        bases: list[int] | None = None,
        progress: Progress | None = None,
    ) -> Coded:
        """Code every tile of `side` cells; thrift: factor of the Lagrangian; bases: of the tiles, if chosen already."""
        places = tiles(*self.layout.cells, side)
        out = Coded(step, {}, [], np.empty_like(self.mosaic))
        search = Search(self.tables, thrift * self.lagrangian, self.effort.states)

        def code(n: int) -> tuple[int, list[bytes]]:
            area = self._whole(Window((places[n][:2],), *places[n][2:]))
            basis = bases[n] if bases else self._choose(area, step, params, search)
            return basis, self._code(area, basis, step, params[basis], search, out.mosaic)

        for n, (basis, streams) in enumerate(in_parallel(code, range(len(places)))):
            out.bases.append(basis)
            out.substreams |= {(n, stage): data for stage, data in enumerate(streams) if data}
            if progress:
                progress("coding", (n + 1) / len(places))
        return out

    def _whole(self, window: Window) -> Area:
        """Area of a tile; kept between codings where the picture is not huge."""
        area = self._kept.get(window) or self._area(window)
        if self.mosaic.size < KEEP_BASES:
            self._kept[window] = area
        return area

    def _choose(self, area: Area, step: int, params: dict[int, Params], search: Search) -> int:
        """The basis in which pieces of a tile cost less."""
        if len(params) == 1:
            return next(iter(params))
        _, rows, cols = area.base.shape
        side = min(TRIAL_SIDE, rows, cols) // 2 * 2
        places = [(row, col) for row in _spread(rows, side) for col in _spread(cols, side)]
        costs = {basis: 0.0 for basis in params}
        for row, col in places:
            part = area.part(row, col, side)
            for basis, p in params.items():
                costs[basis] += self._cost(part, basis, step, p, search)
        return min(costs, key=lambda b: costs[b])

    def _cost(self, area: Area, basis: int, step: int, params: Params, search: Search) -> float:
        tile, piece, cost = self._tile(area, basis, step), self._piece(area, basis, False), 0.0
        for stage, (k, t) in enumerate(STAGES):
            tile.predict(stage, params)
            _, rate, error = tile.search(stage, search, piece.y[k, t], piece.valid[k, t])
            cost += error + self.lagrangian * rate
        return cost

    def _code(
        self, area: Area, basis: int, step: int, params: Params, search: Search, mosaic: np.ndarray
    ) -> list[bytes]:
        """A tile's substreams; what they decode to is put into the mosaic."""
        exact = step == LOSSLESS
        tile, piece = self._tile(area, basis, step), self._piece(area, basis, exact)
        left = model_of(self.tables, EXACT if exact else TRELLIS).left
        streams = []
        for stage, (k, t) in enumerate(STAGES):
            mu, classes = tile.predict(stage, params)
            if piece.index is not None:
                symbols = np.empty(mu.shape, np.int32)
                kernels.exact_symbols(piece.index[k, t], tile.expected(stage), piece.valid[k, t], symbols)
                tile.update(stage, symbols)
            else:
                symbols = tile.search(stage, search, piece.y[k, t], piece.valid[k, t])[0]
            streams.append(encode_symbols(symbols.reshape(-1), classes.reshape(-1), left))
        tile.finish(self.layout, (area.row, area.col), mosaic)
        return streams


def _spread(length: int, side: int) -> list[int]:
    """Where pieces of a side begin along so many cells, evenly and about `TRIAL_PITCH` apart: even numbers."""
    count = max(1, round(length / TRIAL_PITCH))
    return [int((i + 0.5) * length / count - side / 2) // 2 * 2 for i in range(count)]
