"""What a decoder does at a stage: mean and class from the parameters, symbols read, values rebuilt.

::

    near --mean coefficients--> mu            contexts --weights--> scale --class_of--> class --read--> symbols
    mu, symbols, classes --codec.stages.quantiser_torch--> y_hat
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ...entropy.tables import MANTISSA_BITS, SCALE_BINS, Tables
from .order import MEAN_UNIT, Y_LIMIT
from .parameters import WEIGHTS, Params
from .quantiser import DEFAULT_STATES
from .quantiser_torch import Values


class Decoder:
    """Takes symbols from `read(stage, classes)` (flat arrays, in the order of the places)."""

    def __init__(
        self,
        params: Params,
        tables: Tables,
        read: Callable[[int, np.ndarray], np.ndarray],
        states: int = DEFAULT_STATES,
        device: torch.device | str = "cpu",
    ) -> None:
        self.params, self.read = params, read
        self.class_of = torch.from_numpy(tables.class_of.astype(np.int32)).to(device)
        self.values = Values(tables, states, device)

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        """Mean of y at the stage's places from its decoded neighbours, float64 of whole numbers."""
        coefficients = self.params.mean[stage].tolist()
        if not near or not any(coefficients):
            return torch.zeros(0, dtype=torch.float64)
        total = torch.full_like(near[0], MEAN_UNIT // 2)
        for c, view in zip(coefficients, near, strict=True):
            if c:
                total.add_(view, alpha=c)
        return torch.floor(total / MEAN_UNIT).clamp(-Y_LIMIT, Y_LIMIT)

    def classes(self, stage: int, contexts: list[torch.Tensor]) -> torch.Tensor:
        """Class of each place, int32, by its scale: expected magnitude in 2^-SCALE_BITS steps, whole numbers below
        2^53.
        """
        scale = torch.zeros_like(contexts[0])
        for c, z in zip(self.params.weight[stage].tolist(), contexts, strict=True):
            if c:
                scale.add_(z, alpha=int(WEIGHTS[c]))
        at = (scale.view(torch.int64) >> (52 - MANTISSA_BITS)) - (1023 << MANTISSA_BITS)
        return self.class_of[at.clamp(0, SCALE_BINS - 1)]

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Magnitudes, in quarters of a step (int32), and y_hat (float64 of whole numbers) of the stage's places."""
        symbols, classes = self.read_symbols(stage, contexts)
        return self.values.magnitude(symbols), self.values.rebuild(symbols, classes, mu, step)

    def read_symbols(self, stage: int, contexts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Symbols of a stage and their classes, int32."""
        classes = self.classes(stage, contexts)
        flat = self.read(stage, classes.reshape(-1).to(torch.uint8).cpu().numpy())
        return torch.from_numpy(flat).reshape(classes.shape).to(classes.device), classes
