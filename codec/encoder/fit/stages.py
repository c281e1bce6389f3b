"""Fitting the parameters of all stages to sample windows, stage by stage: each sees what those before it decoded.

::

    picked places: near --fit_mean--> coefficients        rough symbols there, contexts --ScaleFit--> weights
    all places: predict --mu, classes--> search --symbols--> update
    picked places: symbols, contexts --ScaleFit--> weights once more, which are kept
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ....entropy.tables import EXACT, MANTISSA_BITS, TRELLIS, Tables
from ...stages.model import Mixing, Views
from ...stages.order import MEAN_UNIT, STAGES, Y_LIMIT, context_count
from ...stages.parameters import Params
from ...stages.tile import Tile
from ..search.target_kernels import OPEN, exact_symbols
from ..search.trellis_kernels import Search
from . import stage_kernels as kernels
from . import window_kernels as windows
from .parameters import SPLITS, Lengths, ScaleFit, fit_mean
from .views import contexts_at

FEW = 2000
"""Places of a stage by which its first weights are found."""

FIRST_STEPS, LAST_STEPS = 3, 2
"""Steps towards the first weights and the last ones."""

DEADZONE = np.float32(0.45)
"""Residuals up to here, in steps, are taken for zeros before the search has been. The search makes more of them zero;
but where scales are small, zeros are cheap, so that a search under too small ones finds even less."""


@dataclass(frozen=True)
class Piece:
    """What the stages of a window should code, by plane and pass, (4, 4, H, W).

    y: float32; valid: uint8, where it counts, as `lay_residuals` has it; index: int32, number of the value among those
    used (lossless only).
    """

    y: np.ndarray
    valid: np.ndarray
    index: np.ndarray | None = None


class Near(Protocol):
    """Where a stage's mean looks: places int64 (v, 4)."""

    @property
    def near(self) -> np.ndarray: ...


def fit_stages(
    tiles: list[Tile],
    pieces: list[Piece],
    search: Search,
    tables: Tables,
    places: int,
) -> tuple[Params, np.ndarray, np.ndarray]:
    """Parameters fitted to windows of one size; bits and squared error, in steps, of each of them, (windows,).

    places: how many of a stage the fit looks at.
    """
    first = tiles[0]
    empty = [np.zeros(0, np.int64)] * len(STAGES)
    params = Params(first.transform, list(empty), list(empty))
    if first.lossless:
        lossless = Fitter(tiles, pieces, Lengths(tables, EXACT), params, places)
        for stage in range(len(STAGES)):
            lossless.fit_lossless(stage)
        return params, lossless.rate, lossless.error
    fitter = LossyFitter(tiles, pieces, Lengths(tables, TRELLIS), params, places)
    for stage in range(len(STAGES)):
        fitter.fit(stage, search)
    return params, fitter.rate, fitter.error


class Fitter:
    """Fits stages one after another, in order; the tiles go along.

    params: what was found so far; rate, error: bits and squared error, in steps, of each window; places: rows and
    columns of those picked in each window, int32 (n,).
    """

    def __init__(
        self, tiles: list[Tile], pieces: list[Piece], lengths: Lengths, params: Params, places: int
    ) -> None:
        self.tiles, self.pieces, self.lengths, self.params = tiles, pieces, lengths, params
        self.rate, self.error = np.zeros(len(tiles)), np.zeros(len(tiles))
        rows, cols = tiles[0].rows, tiles[0].cols
        rng = np.random.default_rng(1)
        count = min(rows * cols, -(-places // len(tiles)))
        flat = [np.sort(rng.choice(rows * cols, count, replace=False)).astype(np.int32) for _ in tiles]
        self.places = [(f // cols, f % cols) for f in flat]
        self.count = count * len(tiles)

    def fit_lossless(self, stage: int) -> None:
        """A lossless stage: parameters, then symbols."""
        for tile in self.tiles:
            tile.begin(stage)
        k, t = STAGES[stage]
        views, kept = Views.of(stage, self.tiles[0].transform), self.kept(stage)
        mu = self.fit_mean(stage, views, self.at([piece.y[k, t] for piece in self.pieces])[kept], kept)
        x = self.contexts(stage, mu, kept)
        self.params.weight[stage] = np.zeros(len(x), np.int64)
        found = []
        for tile, piece in zip(self.tiles, self.pieces, strict=True):
            assert piece.index is not None
            tile.predict(stage, self.params)  # the mean: classes come with the weights
            found.append(symbols := np.empty((tile.rows, tile.cols), np.int32))
            exact_symbols(piece.index[k, t], tile.expected(stage), piece.valid[k, t], symbols)
        self.params.weight[stage] = ScaleFit(self.lengths, x)(self.at(found)[kept], None, FIRST_STEPS + LAST_STEPS)
        for n, (tile, symbols) in enumerate(zip(self.tiles, found, strict=True)):
            _, classes = tile.predict(stage, self.params)
            self.rate[n] += kernels.length(symbols, classes, self.lengths.bits, SPLITS)
            tile.update(stage, symbols)

    def at(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Values of arrays (H, W), one a window, at the picked places."""
        return np.concatenate([array[place] for array, place in zip(arrays, self.places, strict=True)])

    def kept(self, stage: int) -> slice | np.ndarray:
        """Which of the picked places count."""
        k, t = STAGES[stage]
        valid = self.at([piece.valid[k, t] for piece in self.pieces])
        return np.s_[:] if valid.all() else np.flatnonzero(valid)

    def fit_mean(self, stage: int, views: Near, y: np.ndarray, kept: slice | np.ndarray) -> np.ndarray:
        """Fit the mean's coefficients; the mean at the picked places that count, int32."""
        near = self.near(views)[:, kept]
        if not len(views.near) or not len(y):
            self.params.mean[stage] = np.zeros(len(views.near), np.int64)
            return np.zeros(len(y), np.int32)
        self.params.mean[stage] = c = fit_mean(near, y)
        mu = np.floor((c.astype(np.float32) @ near + np.float32(MEAN_UNIT // 2)) / np.float32(MEAN_UNIT))
        return np.clip(mu, -Y_LIMIT, Y_LIMIT).astype(np.int32)

    def near(self, views: Near) -> np.ndarray:
        """Decoded values around the picked places, float32 (views, n)."""
        out = np.empty((len(views.near), self.count), np.float32)
        at = 0
        for tile, (rows, cols) in zip(self.tiles, self.places, strict=True):
            kernels.near_at(tile.values, views.near, rows, cols, out[:, at : at + len(rows)])
            at += len(rows)
        return out

    def contexts(self, stage: int, mu: np.ndarray, kept: slice | np.ndarray) -> np.ndarray:
        """Contexts of the picked places that count, float32 (contexts, n), in steps; mu: as `_fit_mean` gave it."""
        n, t = divmod(stage, 4)
        means = np.zeros(self.count, np.int32)
        means[kept] = mu
        out = np.empty((context_count(n, t, self.params.transform, self.tiles[0].kinds), self.count), np.float32)
        self.fill_contexts(stage, means, out)
        return out[:, kept]

    def fill_contexts(self, stage: int, mu: np.ndarray, out: np.ndarray) -> None:
        """Contexts of all picked places into float32 (contexts, n); mu: int32 (n,)."""
        at = 0
        for tile, (rows, cols) in zip(self.tiles, self.places, strict=True):
            contexts_at(tile, stage, rows, cols, mu[at : at + len(rows)], out[:, at : at + len(rows)])
            at += len(rows)


class LossyFitter(Fitter):
    """A fitter whose windows' arrays lie one behind the other, for the kernels of all windows."""

    def __init__(
        self, tiles: list[Tile], pieces: list[Piece], lengths: Lengths, params: Params, places: int
    ) -> None:
        super().__init__(tiles, pieces, lengths, params, places)
        self._rows, self._cols = (np.stack([place[i] for place in self.places]) for i in (0, 1))
        self._flat = self._rows.astype(np.int64) * tiles[0].cols + self._cols
        names = "values", "magnitudes", "own", "others", "step", "activity", "saturation", "mu", "classes"
        self._all = {name: _joined(tiles, name) for name in names}
        self._y, self._valid = np.stack([p.y for p in pieces]), np.stack([p.valid for p in pieces])

    def fit(self, stage: int, search: Search) -> None:
        """A stage: parameters, then symbols."""
        for tile in self.tiles:
            tile.begin(stage)
        (k, t), views = STAGES[stage], Views.of(stage, self.tiles[0].transform)
        valid = self._picked(self._valid[:, k, t])
        kept = np.s_[:] if valid.all() else np.flatnonzero(valid)
        y = self._picked(self._y[:, k, t])[kept]
        mu = self.fit_mean(stage, views, y, kept)
        x = self.contexts(stage, mu, kept)
        e = (y - mu) / self._picked(self._all["step"][:, t])[kept]
        e[(valid[kept] == OPEN) & (e < 0)] = 0
        weight, few = self.params.weight, max(-(-len(e) // FEW), 1)
        first = ScaleFit(self.lengths, np.ascontiguousarray(x[:, ::few]))
        weight[stage] = first(rough_symbols(e[::few]), None, FIRST_STEPS)
        symbols, bits = self._search(stage, search)
        picked, scales, before = self._picked(symbols)[kept], ScaleFit(self.lengths, x), weight[stage]
        weight[stage] = scales(picked, before, LAST_STEPS)
        better = scales.bits(picked, weight[stage]) / scales.bits(picked, before) if picked.any() else 1.0
        self.rate += better * bits

    def _picked(self, arrays: np.ndarray) -> np.ndarray:
        """Values of arrays (windows, H, W) at the picked places."""
        return np.take_along_axis(arrays.reshape(len(arrays), -1), self._flat, 1).reshape(-1)

    def _search(self, stage: int, search: Search) -> tuple[np.ndarray, np.ndarray]:
        """Symbols of all windows, int32 (windows, H, W), taken in; bits of each window."""
        (k, t), first, every = STAGES[stage], self.tiles[0], self._all
        views, mixing = Views.of(stage, first.transform), Mixing.of(stage, self.params, first.kinds)
        symbols = np.empty(every["mu"].shape, np.int32)
        rate, error = np.empty((2, len(self.tiles)))
        windows.search_of(
            every["values"], every["magnitudes"], every["own"], every["others"], t > 0, stage >= 4, views.near,
            mixing.near, views.around, mixing.around, mixing.others, every["step"], every["activity"],
            every["saturation"], first.tables.class_of, MANTISSA_BITS, float(Y_LIMIT), every["mu"], every["classes"],
            k, t, self._y, self._valid, *search.tables, symbols, rate, error,
        )  # fmt: skip
        self.error += error
        return symbols, rate

    def near(self, views: Near) -> np.ndarray:
        """Decoded values around the picked places, float32 (views, n)."""
        out = np.empty((len(views.near), self.count), np.float32)
        windows.near_of(self._all["values"], views.near, self._rows, self._cols, out)
        return out

    def fill_contexts(self, stage: int, mu: np.ndarray, out: np.ndarray) -> None:
        """Contexts of all picked places into float32 (contexts, n); mu: int32 (n,)."""
        t, every, views = stage % 4, self._all, Views.of(stage, self.tiles[0].transform)
        windows.contexts_of(
            every["magnitudes"], every["own"], every["others"], t > 0, stage >= 4, views.around, views.context,
            views.factor, views.kinds, every["step"], t, mu, every["activity"], every["saturation"], self._rows,
            self._cols, out,
        )  # fmt: skip


def _joined(tiles: list[Tile], name: str) -> np.ndarray:
    """The tiles' arrays of a name as one, which they share from now on."""
    every = np.stack([getattr(tile, name) for tile in tiles])
    for tile, own in zip(tiles, every, strict=True):
        setattr(tile, name, own)
    return every


def rough_symbols(e: np.ndarray) -> np.ndarray:
    """About what a search makes of residuals, in steps, int32; every other one as quantiser B sees it."""
    x = np.where(np.arange(len(e)) & 1, -e, e)
    return np.where(np.abs(x) < DEADZONE, 0, np.floor(x + np.float32(0.25))).astype(np.int32)
