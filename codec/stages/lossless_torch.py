"""Lossless stages: symbols count the mosaic's own values, so nothing is rounded away.

::

    u(b) + mu --nearest used value--> index i^      s = i - i^     i: index of the true value among those used
    y_hat = u(value i) - u(b)                       lossless, and with it everything that follows

The stages, means and contexts are those of the lossy codec; the step is the distance of neighbouring used values in the
companded domain, so that contexts keep their meaning. One thing is added: where the decoded neighbours are all of one
value (clipped highlights, crushed shadows), that value is expected and all contexts but the constant one are zero, so
that flat places cost next to nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch

from ...entropy.tables import Tables
from ..mosaic.companding_torch import TorchCompanding
from .decoder_torch import Decoder
from .order import IN_PLACE, KNOWN, NINE, STAGES
from .parameters import Params
from .stages_torch import Decoded, near_views, split


class Lattice:
    """The used values of the windows with the given prediction, companded. prediction: int32 (B, 4, h, w), levels."""

    def __init__(self, companding: TorchCompanding, prediction: torch.Tensor) -> None:
        companded = companding.compand(prediction).to(torch.float64)
        self._prediction = [split(companded[:, k]) for k in range(4)]
        self._first, self._index = companding.nearest
        self._values = [used.to(prediction.device, torch.float64) for used in companding.used]
        self._index = self._index.to(prediction.device)
        self.last = [len(values) - 1 for values in self._values]
        self._seen: list[Decoded | None] = [None] * 4

    def index(self, stage: int, y: torch.Tensor) -> torch.Tensor:
        """Index of the used value nearest to u(b) + y, int32."""
        k, t = STAGES[stage]
        u = self._prediction[k][t] + y - self._first
        return self._index[k][u.clamp(0, self._index.shape[1] - 1).long()]

    def y(self, stage: int, index: torch.Tensor) -> torch.Tensor:
        """y of used values, whole numbers in float64."""
        k, t = STAGES[stage]
        return self._values[k][index.long()] - self._prediction[k][t]

    def expect(
        self, stage: int, mu: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Expected index of a stage's places, int32, and its contexts.

        Where the surroundings are flat, that is all decoded neighbours of the own plane have one value (in pass 0: all
        of each earlier plane), contexts but the constants are zero; in passes 1 to 3 that value is what is expected.
        """
        k, t = STAGES[stage]
        n = stage // 4
        if t == 0:
            self._seen[k] = Decoded(IN_PLACE)
        expected = self.index(stage, mu)
        views = near_views(self._seen, n, t, IN_PLACE)
        own = len(KNOWN[t])
        groups = [views[:own]] if own else [views[i : i + len(NINE)] for i in range(0, len(views), len(NINE))]
        if not views:
            return expected, contexts
        flat = functools.reduce(torch.logical_and, [_equal(group) for group in groups])
        if own:
            expected = torch.where(flat, views[0].to(torch.int32), expected)
        rough = (~flat).to(torch.float64)
        return expected, [*contexts[:2], *(z * rough for z in contexts[2:])]

    def note(self, stage: int, index: torch.Tensor) -> None:
        """Remember the indices of a stage."""
        if stage < len(STAGES) - 1:
            seen = self._seen[STAGES[stage][0]]
            assert seen is not None
            seen.add(index.to(torch.float64))


def _equal(views: list[torch.Tensor]) -> torch.Tensor:
    """Where all views have one value, bool."""
    return functools.reduce(torch.logical_and, [view == views[0] for view in views[1:]])


class LosslessDecoder(Decoder):
    """`Decoder` for lossless stages."""

    def __init__(
        self, lattice: Lattice, params: Params, tables: Tables, read: Callable[[int, np.ndarray], np.ndarray],
        device: torch.device | str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(params, tables, read, device=device)
        self.lattice = lattice

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        expected, contexts = self.lattice.expect(stage, mu, contexts)
        symbols, _ = self.read_symbols(stage, contexts)
        # What a forged stream asks for beyond the used values is held at their ends.
        index = (expected + symbols).clamp(0, self.lattice.last[STAGES[stage][0]])
        self.lattice.note(stage, index)
        return 4 * symbols.abs(), self.lattice.y(stage, index)
