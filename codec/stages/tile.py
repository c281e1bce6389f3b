"""One tile, or several windows of one size, on the way through the stages on the CPU: its arrays, by plane and pass.

::

    prediction and activity --> Tile --predict(stage)--> mu, classes --symbols--> update(stage) --> ... --> finish

Encoder and decoder drive it alike; only where symbols come from differs. The arithmetic is
`codec.stages.kernels`, and that of means and classes is the context model's (`codec.stages.model`).
"""

from __future__ import annotations

import numpy as np

from ...entropy.tables import OFFSET_UNIT, REACH
from ..mosaic.layout import Layout
from . import kernels
from .coding import Coding
from .model import Surroundings, Views
from .order import HAAR, KNOWN, MAGNITUDE_LIMIT, PASSES, STAGES, Y_LIMIT
from .parameters import Params
from .quantiser import CODES

_NOTHING = np.zeros((0, 0), np.int32)


class Tile:
    """A tile's arrays.

    prediction: int32 (4, rows, cols), levels, rows and cols even; activity: int32 (A, rows, cols); transform:
    `IN_PLACE` or `HAAR`.
    """

    def __init__(self, prediction: np.ndarray, activity: np.ndarray, coding: Coding, transform: int) -> None:
        companding, lossless = coding.companding, coding.lossless
        self.prediction, self.companding, self.tables, self.transform = prediction, companding, coding.tables, transform
        self.rows, self.cols = prediction.shape[1] // 2, prediction.shape[2] // 2
        self.lossless, self._states, self.model = lossless, coding.log2_states, coding.context_model
        bordered = (4, 4, self.rows + 2, self.cols + 2)
        self.values, self.magnitudes = np.zeros(bordered, np.int32), np.zeros(bordered, np.int32)
        self.seen = np.zeros(bordered if lossless else (4, 4, 0, 0), np.int32)
        self.own, self.others = (np.zeros(bordered[2:], np.int32) for _ in range(2))
        self._begun, self.kinds = -1, len(activity)
        self.activity = np.empty((len(activity), 4, self.rows, self.cols), np.int32)
        kernels.lay_activity(activity, transform == HAAR, self.activity)
        self._step_of = coding.step_index, coding.exponent
        self.step = np.empty((4, self.rows, self.cols), np.int32)
        self.saturation = np.empty((4, self.rows, self.cols), np.uint8)
        self.mu = np.empty((self.rows, self.cols), np.int32)
        self.classes = np.empty((self.rows, self.cols), np.uint8)
        self._expected = np.empty((self.rows, self.cols) if lossless else (0, 0), np.int32)
        self._offsets = coding.tables.offset.astype(np.float64)

    def begin(self, stage: int) -> None:
        """Lay out what a plane needs, before its first pass; once is enough."""
        k, t = STAGES[stage]
        if t or self._begun == stage:
            return
        self._begun = stage
        saturation = self.companding.saturations()[k]
        steps = self.companding.step_of_level(*self._step_of, k)
        kernels.lay_steps(
            self.prediction[k], steps, self.companding.low, saturation[0] if saturation else 0, saturation is not
            None, self.transform == HAAR, self.step, self.saturation,
        )  # fmt: skip
        if stage:
            kernels.accumulate(self.own, self.others)
        else:
            self.others[:] = 0
        self.own[:] = 0

    def boxes(self, stage: int) -> tuple[np.ndarray, np.ndarray]:
        """Magnitudes summed over the plane's passes so far and over all earlier planes, empty where there are none."""
        return self.own if stage % 4 else _NOTHING, self.others if stage >= 4 else _NOTHING

    def predict(self, stage: int, params: Params) -> tuple[np.ndarray, np.ndarray]:
        """Mean int32 and class uint8 of the stage's places, (rows / 2, cols / 2); `update` takes them as they are."""
        t = STAGES[stage][1]
        self.begin(stage)
        around = Surroundings(
            self.values, self.magnitudes, *self.boxes(stage), self.step[t], self.activity, t, self.saturation[t],
            self.seen, self.lossless,
        )  # fmt: skip
        self.mu, self.classes = self.model.predict(stage, around, params, self.tables)
        return self.mu, self.classes

    def update(self, stage: int, symbols: np.ndarray) -> None:
        """Take in a stage's symbols int32 (rows / 2, cols / 2), after `predict` of the same stage."""
        k, t = STAGES[stage]
        y_hat, magnitudes = self.values[k, t], self.magnitudes[k, t]
        if self.lossless:
            self.expected(stage)
            kernels.rebuild_lossless(
                symbols, self._expected, self._prediction_at, self.companding.used[k], MAGNITUDE_LIMIT, y_hat,
                magnitudes, self.seen[k, t],
            )  # fmt: skip
            kernels.close(self.seen[k, t])
        else:
            h0, h1 = CODES[self._states]
            kernels.rebuild(
                symbols, self.classes, self.mu, self.step[t], self._offsets, REACH, np.int32(h0 >> 1),
                np.int32(h1 >> 1), float(Y_LIMIT), y_hat, magnitudes, np.int32(MAGNITUDE_LIMIT),
            )  # fmt: skip
        self.close(y_hat, magnitudes)

    def close(self, y_hat: np.ndarray, magnitudes: np.ndarray) -> None:
        """Take in what was decoded of a stage, int32 (H + 2, W + 2), inside its borders: y_hat and magnitudes."""
        kernels.close(y_hat)
        kernels.close(magnitudes)
        kernels.accumulate(magnitudes, self.own)

    def expected(self, stage: int) -> np.ndarray:
        """Lossless: index that is expected at the stage's places, int32 (rows / 2, cols / 2)."""
        k, t = STAGES[stage]
        views = Views.of(stage, self.transform)
        first, nearest = self.companding.nearest
        i, j = PASSES[t]
        self._prediction_at = self.companding.compand(self.prediction[k, i::2, j::2])
        kernels.expect(
            self.seen, views.flat, views.flat_group, bool(KNOWN[t]), self.mu, self._prediction_at, first, nearest[k],
            self._expected,
        )  # fmt: skip
        return self._expected

    def finish(self, layout: Layout, place: tuple[int, int], mosaic: np.ndarray) -> None:
        """Put the decoded tile whose first cell is `place` into the mosaic, uint16 (H, W)."""
        top, left = layout.origin
        first = self.companding.nearest[0]
        for k in range(4):
            kernels.finish(
                self.values[k], self.prediction[k], self.companding.table, self.companding.low, first,
                self.companding.nearest_dn[k], self.transform == HAAR, k // 2, k % 2,
                2 * place[0] - top, 2 * place[1] - left, mosaic,
            )  # fmt: skip


assert OFFSET_UNIT == 64, "codec.stages.kernels.rebuild counts in 1/64 of a step"
