"""Fitting layers one after another to sample windows: each sees what those before it left.

::

    layer 0   as a stream of one layer is fitted, but with symbols by thresholds
    layer l   picked places: near --fit_mean--> coefficients;  contexts --fit_scales--> weights: scale near |y - mu|
              all places: expect, cut, choose_recipe --> bits
    then      the second half of the stages once more, without their cuts: is it better estimated?
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from ....entropy.binary_encode import Round, decision_bits
from ....entropy.tables import EXACT
from ...mosaic.companding import LOSSLESS
from ...refine.intervals import Rules
from ...refine.layer import Layer
from ...refine.tile import FinerViews, LayerTile
from ...stages.model import Views
from ...stages.order import IN_PLACE, REFINED, STAGES
from ...stages.parameters import Params, nearest_weight
from ...stages.tile import Tile
from . import layer_kernels
from . import stage_kernels as kernels
from .parameters import SPLITS, Lengths, ScaleFit
from .stage_kernels import descend
from .stages import FEW, FIRST_STEPS, LAST_STEPS, Fitter, Piece
from .views import finer_contexts_at

PLACES = 16_000
"""Places of a stage that a fit looks at."""

ROUNDS, SWEEPS, LEAST_SCALE = 3, 400, 0.02
"""Of the fit of a further layer's weights: rounds, sweeps of each, and what every scale is taken to be larger by."""

SYMBOL_LIMIT = 1 << 19
"""No symbol of layer 0 is larger."""


class PictureSource:
    """The picture as a source of symbols and answers; keeps the answers of a stage's rounds."""

    def __init__(self, tile: LayerTile, piece: Piece) -> None:
        self.tile, self.piece = tile, piece

    def symbols(self, stage: int) -> np.ndarray:
        """Symbols of a stage of layer 0, int32 (H, W), after its `predict`."""
        k, t = STAGES[stage]
        out = np.empty((self.tile.rows, self.tile.cols), np.int32)
        layer_kernels.first_symbols(
            self.piece.y[k, t], self.tile.mu, self.tile.step[t], self.tile.classes, self.tile.rules.thresholds,
            self.piece.valid[k, t], SYMBOL_LIMIT, out,
        )  # fmt: skip
        return out

    def rounds(self, stage: int, lossless: bool) -> list[Round]:
        """Cut a stage's cells as the picture says; the answers, round by round."""
        k, t = STAGES[stage]
        assert self.piece.index is not None
        index, valid = self.piece.index[k, t].reshape(-1), self.piece.valid[k, t].reshape(-1)
        out: list[Round] = []

        def answer(odds: np.ndarray) -> np.ndarray:
            yes = np.empty(len(odds), np.bool_)
            layer_kernels.answer(*self.tile.asked(), index, valid, odds, yes)
            out.append((yes, odds.copy()))
            return yes

        self.tile.split(stage, lossless, answer)
        return out


class FinerFitter(Fitter):
    """A fitter of a further layer's stages."""

    def __init__(
        self, tiles: list[LayerTile], pieces: list[Piece], lengths: Lengths, params: Params, places: int
    ) -> None:
        super().__init__(list(tiles), pieces, lengths, params, places)
        self._layered = tiles

    def fill_contexts(self, stage: int, mu: np.ndarray, out: np.ndarray) -> None:
        """Contexts of all picked places into float32 (contexts, n); mu: int32 (n,)."""
        at = 0
        for tile, (rows, cols) in zip(self._layered, self.places, strict=True):
            finer_contexts_at(tile, stage, rows, cols, mu[at : at + len(rows)], out[:, at : at + len(rows)])
            at += len(rows)


class LayerFitter:
    """Sample windows on their way through the layers. tiles, pieces: of each window, before layer 0, whose steps the
    tiles have already."""

    def __init__(self, tiles: Sequence[LayerTile], pieces: Sequence[Piece], rules: Rules, spread: int) -> None:
        self.tiles, self.pieces, self.rules, self.spread = list(tiles), list(pieces), rules, spread
        self.count = 0
        self._sites = 16 * tiles[0].rows * tiles[0].cols * len(tiles)

    def fit(self, step: int, keep: bool = True) -> Layer:
        """Fit the next layer; LOSSLESS is the last. keep: False to see what it would be, and go on without it."""
        before = self.tiles
        if not keep:
            self.tiles = [copied(tile) for tile in before]
        layer = self._further(step) if self.count else self._first(step)
        if keep:
            self.count += 1
        else:
            self.tiles = before
        return layer

    def left(self) -> float:
        """Mean of log2 of the number of values that the windows' cells hold."""
        return float(np.mean([np.log2(tile.behind - tile.first).mean() for tile in self.tiles]))

    def _begun(self, transform: int) -> tuple[list[Tile], list[Piece], Lengths, Params, int]:
        """What a fitter of stages begins with."""
        empty = [np.zeros(0, np.int64)] * len(STAGES)
        params = Params(transform, list(empty), list(empty))
        return list(self.tiles), self.pieces, Lengths(self.rules.tables, EXACT), params, PLACES

    def _first(self, step: int) -> Layer:
        fitter = Fitter(*self._begun(IN_PLACE))
        params, bits = fitter.params, 0.0
        for stage, (k, t) in enumerate(STAGES):
            for tile in self.tiles:
                tile.begin(stage)
            kept = fitter.kept(stage)
            y = fitter.at([piece.y[k, t] for piece in self.pieces])[kept]
            mu = fitter.fit_mean(stage, Views.of(stage, IN_PLACE), y, kept)
            x = fitter.contexts(stage, mu, kept)
            e = (y - mu) / fitter.at([tile.step[t] for tile in self.tiles])[kept]
            few = max(-(-len(e) // FEW), 1)
            rough = np.floor(np.abs(e[::few]) + np.float32(0.42)).astype(np.int32)
            params.weight[stage] = ScaleFit(fitter.lengths, np.ascontiguousarray(x[:, ::few]))(rough, None, FIRST_STEPS)
            found = fitter.at([symbols for symbols, _ in self._symbols(stage, params)])[kept]
            params.weight[stage] = ScaleFit(fitter.lengths, x)(found, params.weight[stage], LAST_STEPS)
            for tile, (symbols, classes) in zip(self.tiles, self._symbols(stage, params), strict=True):
                bits += kernels.length(symbols, classes, fitter.lengths.bits, SPLITS)
                tile.update(stage, symbols)
        return Layer(step, params, False, bits / self._sites)

    def _symbols(self, stage: int, params: Params) -> list[tuple[np.ndarray, np.ndarray]]:
        """Symbols and classes of layer 0 in each window; its mean and class stay in the tile."""
        out = []
        for tile, piece in zip(self.tiles, self.pieces, strict=True):
            _, classes = tile.predict(stage, params)
            out.append((PictureSource(tile, piece).symbols(stage), classes))
        return out

    def _further(self, step: int) -> Layer:
        steps, lossless = self.rules.steps(step, self.spread), step == LOSSLESS
        fitter = FinerFitter(self.tiles, *self._begun(REFINED)[1:])
        params, bits, lengths, mixed = fitter.params, 0.0, decision_bits(), self.tiles
        for stage, (k, t) in enumerate(STAGES):
            if stage == len(STAGES) // 2:
                mixed = [copied(tile) for tile in self.tiles]
            for tile in self.tiles:
                tile.lay_steps(stage, steps)
            kept = fitter.kept(stage)
            y = fitter.at([piece.y[k, t] for piece in self.pieces])[kept]
            mu = fitter.fit_mean(stage, FinerViews.of(stage), y, kept)
            e = np.abs(y - mu) / fitter.at([tile.step[t] for tile in self.tiles])[kept]
            params.weight[stage] = fit_scales(fitter.contexts(stage, mu, kept), e)
            for tile, piece in zip(self.tiles, self.pieces, strict=True):
                tile.expect(stage, params, steps)
                for answers, odds in PictureSource(tile, piece).rounds(stage, lossless):
                    bits += layer_kernels.cut_length(answers, odds, lengths)
                tile.reconstruct(stage)
        return Layer(step, params, self._better_estimated(mixed, params, steps), bits / self._sites)

    def _better_estimated(self, mixed: Sequence[LayerTile], params: Params, steps: np.ndarray) -> bool:
        """Whether the layer's second half, were it not there, is better estimated than left as it was before.

        mixed: the windows with its first half.
        """
        gain = 0.0
        for stage, (k, t) in list(enumerate(STAGES))[len(STAGES) // 2 :]:
            inner = np.s_[k, t, 1:-1, 1:-1]
            for coarse, piece in zip(mixed, self.pieces, strict=True):
                before = coarse.values[inner].copy()
                coarse.expect(stage, params, steps)
                coarse.reconstruct(stage)
                true, q = piece.y[k, t].astype(np.float64), coarse.step[t]
                less = ((true - before) / q) ** 2 - ((true - coarse.values[inner]) / q) ** 2
                gain += float((less * piece.valid[k, t]).sum())
        return gain > 0.0


def copied(tile: LayerTile) -> LayerTile:
    """Another tile in the same state."""
    out = copy.copy(tile)
    out.values, out.magnitudes, out.deviations = tile.values.copy(), tile.magnitudes.copy(), tile.deviations.copy()
    out.totals, out.all_planes, out.peak = tile.totals.copy(), tile.all_planes.copy(), tile.peak.copy()
    out.first, out.behind = tile.first.copy(), tile.behind.copy()
    return out


def fit_scales(x: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Codes of weights, int64 (contexts,), of contexts x, float32 (contexts, n), whose scale is near the deviations e,
    float32 (n,), both in steps: least squares, reweighted towards a Laplacian's likelihood, no weight below zero."""
    scale = np.sqrt(np.square(x.astype(np.float64)).mean(1)) if x.shape[1] else np.zeros(len(x))
    if not e.any():
        return np.zeros(len(x), np.int64)
    used = scale > 0
    scale[~used] = 1.0
    x = x / scale[:, None].astype(np.float32)
    mix, weight, no_most = np.zeros(len(x)), np.ones(len(e), np.float32), np.full(len(x), np.inf)
    for _ in range(ROUNDS):
        weighted = x * weight
        curvature = (weighted @ x.T).astype(np.float64) / len(e)
        curvature[np.diag_indices_from(curvature)] += np.trace(curvature) / len(x) * 1e-6 + 1e-12
        gradient = curvature @ mix - (weighted @ e).astype(np.float64) / len(e)
        mix = np.maximum(mix + descend(curvature, gradient, mix, no_most, SWEEPS), 0.0)
        weight = 1 / np.square(mix.astype(np.float32) @ x + np.float32(LEAST_SCALE))
    return nearest_weight(np.where(used, mix / scale, 0.0))
