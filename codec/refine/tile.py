"""One tile, or one window, of a stream in layers: what a layer leaves of it, and the way through the next one.

::

    layer 0   16 times: predict --mu, classes--> symbols --> update                      as a stream of one layer
                                                   '--thresholds of their class--> intervals
    layer l   16 times: expect --> mu, expected, step; split, round by round: odds --> answers; reconstruct
              or, where the layer's splits are not there, without them

A stage sees around it the finest that is decoded: of places that this layer has passed already its own y_hat, of the
others the coarser layer's. Its own place is left out, the interval says all about it. The arithmetic is
`codec.refine.stage_kernels` and `intervals`; where symbols and answers come from is the caller's affair.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...entropy.tables import MANTISSA_BITS
from ..stages.coding import Coding
from ..stages.kernels import close
from ..stages.order import (
    CROSS,
    DIAGONAL,
    IN_PLACE,
    MAGNITUDE_LIMIT,
    MEAN_UNIT,
    NINE,
    PASSES,
    PLANES,
    STAGES,
    Y_LIMIT,
    Place,
    shifted,
)
from ..stages.parameters import WEIGHTS, Params
from ..stages.tile import Tile
from . import interval_kernels
from . import stage_kernels as kernels
from .intervals import Rules

MAX_ROUNDS = 64
"""No true value needs more splits in one layer: each halves its interval, or splits at a place near the mean."""

FIRST_STATES = 3
"""Of the trellis, which layers have not."""

_NO_ANSWERS = np.zeros(0, np.bool_)


@dataclass(frozen=True)
class FinerViews:
    """Where a stage of a further layer looks.

    near: places int64 (v, 4) of the mean; around: of the deviations, those of context n from starts[n] on, times
    factors[n].
    """

    near: np.ndarray
    around: np.ndarray
    starts: np.ndarray
    factors: np.ndarray

    @classmethod
    @functools.cache
    def of(cls, stage: int) -> FinerViews:
        """Those of a stage."""
        k, t = STAGES[stage]
        others = [j for j in PLANES if j != k]
        groups = [(64.0, shifted(k, t, group, IN_PLACE)) for group in (CROSS, DIAGONAL)]
        for j in others:
            for factor, group in ((256.0, ((0, 0),)), (64.0, CROSS), (64.0, DIAGONAL)):
                groups.append((factor, shifted(j, t, group, IN_PLACE)))
        near: list[Place] = shifted(k, t, (*CROSS, *DIAGONAL), IN_PLACE)
        for j in others:
            near += shifted(j, t, NINE, IN_PLACE)
        return cls(
            np.array(near, np.int64), np.array([place for _, places in groups for place in places], np.int64),
            np.cumsum([0, *(len(places) for _, places in groups)], dtype=np.int64),
            np.array([factor for factor, _ in groups]),
        )  # fmt: skip


class LayerTile(Tile):
    """A tile in layers. prediction: int32 (4, rows, cols), levels; activity: int32 (A, rows, cols); steps: of layer 0.

    first, behind: uint32 (4, 4, H, W), the intervals, values first <= i < behind; deviations: int32
    (4, 4, H + 2, W + 2), |y_hat - mu|; peak: int64 (4, 4), largest |y_hat|.
    """

    def __init__(self, prediction: np.ndarray, activity: np.ndarray, rules: Rules, steps: np.ndarray) -> None:
        coding = Coding(rules.companding, rules.tables, 0, rules.step_exponent, FIRST_STATES)
        super().__init__(prediction, activity, coding, IN_PLACE)
        self.rules, self.steps = rules, steps
        shape = 4, 4, self.rows, self.cols
        levels = [[prediction[k, i::2, j::2] - rules.companding.low for i, j in PASSES] for k in range(4)]
        self.step_bin, self.companded = np.empty(shape, np.uint16), np.empty(shape, np.int32)
        for k, t in STAGES:
            np.take(rules.step_bin, levels[k][t], out=self.step_bin[k, t], mode="clip")
            np.take(rules.companding.table, levels[k][t], out=self.companded[k, t], mode="clip")
        self.first, self.behind = np.empty(shape, np.uint32), np.empty(shape, np.uint32)
        self.deviations = np.zeros_like(self.values)
        self.totals = np.zeros((4, *self.values.shape[2:]), np.int32)
        self.all_planes = np.zeros_like(self.totals[0])
        self.mean, self.dead, self.scale = np.empty_like(self.mu), np.empty_like(self.mu), np.empty(self.mu.shape)
        self.peak = np.zeros((4, 4), np.int64)
        places = self.rows * self.cols
        self._asked, self._masses = np.empty((2, places + 1), np.uint32), np.empty((3, places + 1))
        self._odds, self._count = np.empty(places, np.uint8), 0

    # ------------------------------------------------------------------------------------------------ layer 0

    def begin(self, stage: int) -> None:
        """As for every tile, but each pass has a step of its own."""
        super().begin(stage)
        self.lay_steps(stage, self.steps)

    def update(self, stage: int, symbols: np.ndarray) -> None:
        """Layer 0: take in a stage's symbols int32 (H, W), after `predict` of the same stage; sets the intervals."""
        k, t = STAGES[stage]
        companding, step = self.companding, self.step[t]
        start, nearest = companding.nearest
        self.peak[k, t] = kernels.rebuild_first(
            symbols, self.mu, step, int(Y_LIMIT), MAGNITUDE_LIMIT, self.values[k, t], self.magnitudes[k, t],
            self.deviations[k, t],
        )  # fmt: skip
        interval_kernels.open_intervals(
            symbols, self.classes, self.mu, step, self.companded[k, t], self.rules.thresholds, companding.used[k],
            start, nearest[k], self.first[k, t], self.behind[k, t],
        )  # fmt: skip
        close(self.deviations[k, t])
        kernels.change(self.deviations[k, t], self.totals[k], True)
        kernels.change(self.deviations[k, t], self.all_planes, True)
        self.close(self.values[k, t], self.magnitudes[k, t])

    # ------------------------------------------------------------------------------------------------ further layers

    def lay_steps(self, stage: int, steps: np.ndarray) -> None:
        """Steps of a stage; steps: of the layer."""
        k, t = STAGES[stage]
        np.take(steps[stage], self.step_bin[k, t], out=self.step[t])

    def expect(self, stage: int, params: Params, steps: np.ndarray) -> None:
        """Mean, step, expected magnitude and deadzone of a further layer's stage; steps: of the layer."""
        k, t = STAGES[stage]
        views, c = FinerViews.of(stage), params.mean[stage]
        self.mu, self.mean, self.dead = (np.empty(self.mu.shape, np.int32) for _ in range(3))
        self.scale = np.empty(self.mu.shape)
        narrow = int(np.abs(c).sum()) * int(self.peak.max()) + MEAN_UNIT < 1 << 31
        kernels.expect(
            self.values, self.deviations, self.totals[k], self.all_planes, views.near, c, narrow, views.around,
            views.starts, views.factors, WEIGHTS[params.weight[stage]].astype(np.float64), self.step_bin[k, t],
            steps[stage], self.activity[:, t], self.companded[k, t], self.tables.class_of, MANTISSA_BITS,
            self.rules.least, float(Y_LIMIT), self.mu, self.mean, self.step[t], self.scale, self.dead,
        )  # fmt: skip

    def split(self, stage: int, lossless: bool, answer: Callable[[np.ndarray], np.ndarray]) -> None:
        """Split a further layer's intervals of a stage, round by round.

        lossless: whether they are split down to single values. answer: whether values are at least the split's, bool
        (n,), given the classes of the odds, uint8 (n,); `asked` says at which places.
        """
        k, t = STAGES[stage]
        first, behind = self.first[k, t].reshape(-1), self.behind[k, t].reshape(-1)
        places = [v.reshape(-1) for v in (self.mean, self.step[t], self.dead, self.scale)]
        answers, self._count = _NO_ANSWERS, len(first)
        for n in range(MAX_ROUNDS + 1):
            self._count = interval_kernels.ask(
                self._count, answers, first, behind, self._asked, self._masses, *places, lossless, self.rules.edges[k],
                self.rules.finders[k], self.rules.shape, self._odds,
            )  # fmt: skip
            if not self._count or n == MAX_ROUNDS:
                break
            answers = answer(self._odds[: self._count])

    def asked(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (flat) of the intervals that are to be split, numbers of the first values behind the splits, uint32
        (n,)."""
        return self._asked[0, : self._count], self._asked[1, : self._count]

    def reconstruct(self, stage: int) -> None:
        """y_hat and |y_hat - mu| of a further layer's stage from its intervals as they are."""
        k, t = STAGES[stage]
        y_hat, deviations = self.values[k, t], self.deviations[k, t]
        for total in (self.totals[k], self.all_planes):
            kernels.change(deviations, total, False)
        self.peak[k, t] = interval_kernels.reconstruct(
            self.first[k, t], self.behind[k, t], self.companding.used[k], self.rules.edges[k], self.companded[k, t],
            self.mu, self.scale, y_hat, deviations,
        )  # fmt: skip
        close(y_hat)
        close(deviations)
        for total in (self.totals[k], self.all_planes):
            kernels.change(deviations, total, True)
