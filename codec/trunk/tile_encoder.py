"""The trunk's encoder on the CPU: tiles of the mosaic to substreams, and what a decoder will make of them.

::

    tile: Ground --base, activity--> Tile;  mosaic - base --> y
          16 times: predict --mu, classes--> search along the trellis --symbols--> update --> ANS
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codec.kernels import target
from codec.kernels.trellis import Search
from codec.trunk.companding import LOSSLESS, Companding
from codec.trunk.layout import Layout
from codec.trunk.order import HAAR, STAGES
from codec.trunk.params import Params
from codec.trunk.tile import Tile
from entropy.ans import model_of
from entropy.ans_encode import encode_symbols
from entropy.tables import CLASSES, EXACT, HALF, TRELLIS, Tables, split_bits

SPLITS = np.array([split_bits(c) for c in range(CLASSES)])


@dataclass
class CodedTile:
    """A coded tile. cost: squared error in steps and the bits' worth; tile: as a decoder will have it."""

    tile: Tile
    substreams: list[bytes]
    rate: float
    distortion: float


class Target:
    """The residual of a tile whose first cell is `place`, plane by plane. mosaic: uint16 (H, W), DN."""

    def __init__(self, mosaic: np.ndarray, layout: Layout, companding: Companding, place: tuple[int, int]) -> None:
        self._mosaic, self._companding = mosaic, companding
        self._corner = 2 * place[0] - layout.origin[0], 2 * place[1] - layout.origin[1]

    def plane(self, k: int, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
        """y float32 and where it is inside the picture, bool, both (4, H, W)."""
        companding = self._companding
        y = np.empty((4, tile.rows, tile.cols), np.float32)
        valid = np.empty(y.shape, np.bool_)
        target.lay_target(
            self._mosaic, tile.base[k], companding.companded, companding.low, companding.shift,
            companding.black_levels()[k], tile.basis == HAAR, self._corner[0] + k // 2, self._corner[1] + k % 2, y, valid,
        )  # fmt: skip
        return y, valid


def code_tile(
    tile: Tile, wanted: Target, params: Params, tables: Tables, lagrangian: float, states: int, coding: bool = True
) -> CodedTile:
    """Code a tile; without `coding` only its rate and distortion are found."""
    search = None if tile.exact else Search(tables, lagrangian, states)
    bits = tables.bits(EXACT) if tile.exact else None
    left = model_of(tables, EXACT if tile.exact else TRELLIS).left
    out = CodedTile(tile, [], 0.0, 0.0)
    for stage, (k, t) in enumerate(STAGES):
        if t == 0:
            y, valid = wanted.plane(k, tile)
        mu, classes = tile.predict(stage, params)
        if search:
            symbols, y_hat, magnitudes, rate, distortion = search(y[t], mu, tile.step[t], classes, valid[t])
            tile.take(stage, y_hat, magnitudes)
            out.distortion += distortion
        else:
            assert bits is not None
            symbols = tile.exact_symbols(stage, y[t], valid[t])
            tile.update(stage, symbols)
            coarse = np.clip(symbols >> SPLITS[classes], -HALF, HALF) + HALF
            rate = float(bits[classes, coarse].sum())
        out.rate += rate
        if coding:
            out.substreams.append(encode_symbols(symbols.reshape(-1), classes.reshape(-1), left))
    return out


def new_tile(
    base: np.ndarray, activity: np.ndarray, companding: Companding, tables: Tables, basis: int, step: int, kappa: int,
    states: int,
) -> Tile:  # fmt: skip
    """A tile to be coded at a step; see `Tile`."""
    return Tile(base, activity, companding, tables, basis, step, kappa, states, step == LOSSLESS)
