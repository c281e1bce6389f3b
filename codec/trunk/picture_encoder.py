"""Coding a whole picture on the CPU, tile by tile, with fitted parameters.

::

    all tiles, in parallel --basis chosen on samples of the tile--> code_tile --> substreams, the decoded mosaic
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from codec.progress import Progress
from codec.trunk.companding import Companding
from codec.trunk.effort import Effort
from codec.trunk.ground import Ground, Window
from codec.trunk.layout import Layout, tiles
from codec.trunk.parallel import in_parallel
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from codec.trunk.tile_encoder import CodedTile, Target, code_tile, new_tile
from entropy.tables import Tables

LAGRANGIAN = 0.10
KEEP_BASES = 30_000_000
"""Sites up to which the base is kept in memory, 4 bytes a site."""

SAMPLE, SAMPLES = 96, 4
"""Side in cells of the windows by which a tile's basis is chosen, and how many of them by row and column at most."""


@dataclass
class Coded:
    """A coded picture: substreams by (tile, stage), basis by tile, the decoded mosaic uint16 (H, W)."""

    step: int
    mosaic: np.ndarray
    substreams: dict[tuple[int, int], bytes] = field(default_factory=dict)
    bases: list[int] = field(default_factory=list)


class PictureEncoder:
    """Encodes one picture. mosaic: uint16 (H, W), DN; kappa: exponent of the guided step in quarters."""

    def __init__(
        self, mosaic: np.ndarray, layout: Layout, ground: Ground, recipe: Recipe, companding: Companding,
        tables: Tables, kappa: int, effort: Effort, lagrangian: float = LAGRANGIAN,
    ) -> None:  # fmt: skip
        self.mosaic, self.layout, self.ground, self.recipe = mosaic, layout, ground, recipe
        self.companding, self.tables, self.kappa = companding, tables, kappa
        self.effort, self.lagrangian = effort, lagrangian
        self._kept: dict[Window, np.ndarray] = {}

    def base(self, window: Window) -> np.ndarray:
        """Base of a tile, int32 (4, rows, cols); kept between codings where the picture is not huge."""
        base = self._kept.get(window)
        if base is None:
            base = self.ground.base(window, self.recipe, self.companding)[0]
            if self.mosaic.size < KEEP_BASES:
                self._kept[window] = base
        return base

    def _code(
        self, place: tuple[int, int, int, int], step: int, params: Mapping[int, Params], thrift: float
    ) -> tuple[int, CodedTile]:
        window = Window((place[:2],), place[2], place[3])
        base, activity = self.base(window), self.ground.activity(window)[0]
        basis = self._choose(base, activity, place, step, params) if len(params) > 1 else next(iter(params))
        return basis, self._run(base, activity, place[:2], basis, step, params[basis], thrift, True)

    def _run(
        self, base: np.ndarray, activity: np.ndarray, at: tuple[int, int], basis: int, step: int, params: Params,
        thrift: float, coding: bool,
    ) -> CodedTile:  # fmt: skip
        tile = new_tile(
            base, activity, self.companding, self.tables, basis, step, self.kappa, self.effort.states
        )
        wanted = Target(self.mosaic, self.layout, self.companding, at)
        return code_tile(tile, wanted, params, self.tables, thrift * self.lagrangian, self.effort.states, coding)

    def _choose(
        self, base: np.ndarray, activity: np.ndarray, place: tuple[int, int, int, int], step: int,
        params: Mapping[int, Params],
    ) -> int:  # fmt: skip
        """The basis under which samples of a tile cost least."""
        costs = dict.fromkeys(params, 0.0)
        rows, cols = base.shape[1:]
        for i in _spread(rows):
            for j in _spread(cols):
                cut = np.s_[:, i : i + SAMPLE, j : j + SAMPLE]
                piece, around = np.ascontiguousarray(base[cut]), np.ascontiguousarray(activity[cut])
                for basis, p in params.items():
                    coded = self._run(piece, around, (place[0] + i, place[1] + j), basis, step, p, 1.0, False)
                    costs[basis] += coded.distortion + self.lagrangian * coded.rate
        return min(costs, key=lambda b: costs[b])

    def encode(
        self,
        step: int,
        params: Mapping[int, Params],
        side: int,
        thrift: float = 1.0,
        bases: list[int] | None = None,
        progress: Progress | None = None,
    ) -> Coded:
        """Code every tile of `side` cells; thrift: factor of the Lagrangian; bases: of the tiles, if chosen already."""
        places = tiles(*self.layout.cells, side)
        out = Coded(step, np.empty(self.mosaic.shape, np.uint16))

        def code(n: int) -> tuple[int, list[bytes]]:
            choice = params if bases is None else {bases[n]: params[bases[n]]}
            basis, coded = self._code(places[n], step, choice, thrift)
            coded.tile.finish(self.layout, places[n][:2], out.mosaic)
            return basis, coded.substreams

        for n, (basis, streams) in enumerate(in_parallel(code, range(len(places)))):
            out.bases.append(basis)
            out.substreams |= {(n, stage): data for stage, data in enumerate(streams) if data}
            if progress:
                progress("coding", (n + 1) / len(places))
        return out


def _spread(length: int) -> list[int]:
    """Where to begin samples along a side of so many cells: even numbers."""
    count = min(SAMPLES, max(1, length // (2 * SAMPLE)))
    room = max(0, length - SAMPLE)
    return [round((i + 0.5) * room / count) // 2 * 2 for i in range(count)] if count > 1 else [room // 4 * 2]
