"""The context model: from what is decoded around a stage's places to their mean and class, in three steps.

::

    values around --> mean;   mean, magnitudes around, step, activity --> scale --> class     (`model_kernels`)

`ContextModel` is what a tile asks. `WeightedSums` is the only one today: mean and scale are sums, weighted by a stage's
`Params`. Another one (section CTXT, docs/bitstream.md 8.3) is a class with this method and a name in `Coding.model`; it
brings what its parameters are fitted by, and the same as tensors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ...entropy.tables import MANTISSA_BITS, Tables
from . import model_kernels
from .order import IN_PLACE, KNOWN, NINE, PLANES, Y_LIMIT, Place, magnitude_places, near_places, shifted
from .parameters import WEIGHTS, Params


class Surroundings(NamedTuple):
    """What a tile lets a stage see.

    values, magnitudes: int32 (4, 4, H + 2, W + 2), decoded, by plane and pass, with a border; seen: likewise, indices
    of values, (4, 4, 0, 0) unless it is `lossless`; own, others: int32 (H + 2, W + 2), magnitudes summed over the
    plane's passes so far, over all earlier planes, (0, 0) where there are none. step: int32 (H, W), levels; activity:
    int32 (A, 4, H, W), of which pass t; saturation: uint8 (H, W), whether the prediction is there.
    """

    values: np.ndarray
    magnitudes: np.ndarray
    own: np.ndarray
    others: np.ndarray
    step: np.ndarray
    activity: np.ndarray
    t: int
    saturation: np.ndarray
    seen: np.ndarray
    lossless: bool


class ContextModel(Protocol):
    """What says, of every place of a stage, which value and which class of symbols to expect."""

    def predict(
        self, stage: int, around: Surroundings, params: Params, tables: Tables
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean int32 and class uint8 of the stage's places, (H, W), arrays of their own: the same, bit for bit, on
        every machine."""


@dataclass(frozen=True)
class Views:
    """Where a stage looks: places int64 (v, 4) of the mean; of the magnitudes, with the context each belongs to and
    its factor; lossless, of those that must agree, with their groups."""

    near: np.ndarray
    around: np.ndarray
    context: np.ndarray
    factor: np.ndarray
    flat: np.ndarray
    flat_group: np.ndarray

    @property
    def kinds(self) -> int:
        """Number of contexts that `around` is summed to."""
        return int(self.context.max(initial=-1)) + 1

    @classmethod
    @functools.cache
    def of(cls, stage: int, transform: int) -> Views:
        """Those of a stage under a transform."""
        n, t = divmod(stage, 4)
        groups = magnitude_places(n, t, transform)
        around = [(place, i, factor) for i, (factor, places) in enumerate(groups) for place in places]
        if KNOWN[t]:
            flat = [(place, 0) for place in shifted(PLANES[n], t, KNOWN[t], IN_PLACE)]
        else:
            flat = [(place, j) for j, k in enumerate(PLANES[:n]) for place in shifted(k, t, NINE, IN_PLACE)]
        return cls(
            _places(near_places(n, t, transform)), _places([place for place, _, _ in around]),
            np.array([i for _, i, _ in around], np.int64), np.array([f for _, _, f in around], np.float64),
            _places([place for place, _ in flat]), np.array([g for _, g in flat], np.int64),
        )  # fmt: skip


@dataclass(frozen=True)
class Mixing:
    """A stage's parameters as its kernel wants them, float64: coefficients of the places near, in 1/512; weights of the
    magnitudes around; weights of the constant, the constant where it is quiet, 1 / step, mean, own box, others' box,
    activities."""

    near: np.ndarray
    around: np.ndarray
    others: np.ndarray

    @classmethod
    def of(cls, stage: int, params: Params, kinds: int) -> Mixing:
        """That of a stage, with so many activities."""
        views = Views.of(stage, params.transform)
        worth = WEIGHTS[params.weight[stage]].astype(np.float64)
        groups, last = 4 + kinds, len(worth)
        boxes = [0.0, 0.0]
        if stage >= 4:
            last -= 1
            boxes[1] = worth[last]
        if stage % 4:
            last -= 1
            boxes[0] = 2.0 * worth[last]
        return cls(
            params.mean[stage].astype(np.float64), worth[groups + views.context] * views.factor,
            np.array([*worth[:4], *boxes, *worth[4:groups]]),
        )  # fmt: skip


def _places(places: list[Place]) -> np.ndarray:
    return np.array(places, np.int64).reshape(-1, 4)


class WeightedSums:
    """The context model of docs/bitstream.md, 5.8 to 5.10."""

    def predict(
        self, stage: int, around: Surroundings, params: Params, tables: Tables
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `ContextModel` wants it."""
        views, mixing = Views.of(stage, params.transform), Mixing.of(stage, params, len(around.activity))
        mu, classes = np.empty(around.step.shape, np.int32), np.empty(around.step.shape, np.uint8)
        model_kernels.predict(
            around.values, around.magnitudes, around.own, around.others, views.near, mixing.near, views.around,
            mixing.around, mixing.others, around.step, around.activity, around.t, around.saturation, around.seen,
            views.flat, views.flat_group, around.lossless, tables.class_of, MANTISSA_BITS, float(Y_LIMIT), mu, classes,
        )  # fmt: skip
        return mu, classes


WEIGHTED_SUMS = WeightedSums()
