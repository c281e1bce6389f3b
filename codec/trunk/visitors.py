"""What happens at a stage: fit its parameters, quantise and collect symbols, or read symbols back.

::

    near --mean coefficients--> mu            contexts --size weights--> size --class_of--> class
    encode: e = (y - mu) / step --codec.trunk.quantiser, under the class's table--> symbols
    both:   mu, symbols, classes --codec.trunk.quantiser--> y_hat
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from codec.trunk.codes import DEFAULT_STATES
from codec.trunk.order import STAGES, Y_LIMIT
from codec.trunk.params import MEAN_LIMIT, MEAN_UNIT, WEIGHTS, Params
from codec.trunk.quantiser import Lengths, Quantiser, Values
from codec.trunk.weights import fit_mean, fit_weights, shorten
from entropy.tables import MANTISSA_BITS, SIZE_BITS, SIZE_CELLS, Tables

FIT_PLACES = 16_000
"""Places of a stage that a fit looks at."""


class StageCoder:
    """What encoder and decoder share: mean, class and reconstruction from the parameters."""

    def __init__(
        self, params: Params, tables: Tables, states: int = DEFAULT_STATES, device: torch.device | str = "cpu"
    ) -> None:
        self.params = params
        self.class_of = torch.from_numpy(tables.class_of.astype(np.int32)).to(device)
        self.values = Values(tables, states, device)

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        coefficients = self.params.mean[stage].tolist()
        if not near or not any(coefficients):
            return torch.zeros(0, dtype=torch.float64)
        total = torch.full_like(near[0], MEAN_UNIT // 2)
        for c, view in zip(coefficients, near, strict=True):
            if c:
                total.add_(view, alpha=c)
        return torch.floor(total / MEAN_UNIT).clamp(-Y_LIMIT, Y_LIMIT)

    def size(self, stage: int, contexts: list[torch.Tensor]) -> torch.Tensor:
        """Expected magnitude in 2^-SIZE_BITS steps, float64 of whole numbers below 2^53."""
        size = torch.zeros_like(contexts[0])
        for c, z in zip(self.params.weight[stage].tolist(), contexts, strict=True):
            if c:
                size.add_(z, alpha=int(WEIGHTS[c]))
        return size

    def classes(self, stage: int, contexts: list[torch.Tensor]) -> torch.Tensor:
        return self.class_at(self.size(stage, contexts))

    def class_at(self, size: torch.Tensor) -> torch.Tensor:
        """Class of a size, int32."""
        cell = (size.view(torch.int64) >> (52 - MANTISSA_BITS)) - (1023 << MANTISSA_BITS)
        return self.class_of[cell.clamp(0, SIZE_CELLS - 1)]


class Encoder(StageCoder):
    """Quantises the stages of a tile; collects symbols and classes.

    y: [plane][pass] float64 (B, h/2, w/2); valid: likewise bool, False outside the picture (their symbols are zero).
    lagrangian: worth of a bit in squared steps. rate, distortion: bits and squared steps of each of the B pieces.
    """

    def __init__(
        self,
        params: Params,
        tables: Tables,
        y: list[list[torch.Tensor]],
        valid: list[list[torch.Tensor]],
        lagrangian: float,
        states: int = DEFAULT_STATES,
    ) -> None:
        device = y[0][0].device
        super().__init__(params, tables, states, device)
        self.quantiser = Quantiser(tables, self.values, lagrangian, device)
        self.y, self.valid = y, valid
        self.coded: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.rate: torch.Tensor | float = 0.0
        self.distortion: torch.Tensor | float = 0.0

    def _target(self, stage: int) -> tuple[torch.Tensor, torch.Tensor]:
        k, t = STAGES[stage]
        return self.y[k][t], self.valid[k][t]

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, valid = self._target(stage)
        classes = self.classes(stage, contexts)
        symbols = self.quantiser.search((y - mu) / step, classes, valid)
        self.coded.append((symbols, classes))
        y_hat = self.values.rebuild(symbols, classes, mu, step)
        self.rate = self.rate + self.quantiser.lengths(symbols, classes).sum((1, 2), dtype=torch.float64)
        self.distortion = self.distortion + (((y - y_hat) / step) ** 2 * valid).sum((1, 2))
        return self.values.magnitude(symbols), y_hat


class Fitter(Encoder):
    """An encoder that first fits each stage's parameters to what it sees, in closed form."""

    def __init__(
        self,
        basis: int,
        tables: Tables,
        y: list[list[torch.Tensor]],
        valid: list[list[torch.Tensor]],
        lagrangian: float,
        states: int = DEFAULT_STATES,
    ) -> None:
        empty = [np.zeros(0, np.int64)] * 16
        super().__init__(Params(basis, list(empty), list(empty)), tables, y, valid, lagrangian, states)
        self._rng = np.random.default_rng(1)

    def _pick(self, valid: torch.Tensor) -> torch.Tensor:
        places = torch.nonzero(valid.reshape(-1))[:, 0]
        if len(places) > FIT_PLACES:
            pick = torch.from_numpy(self._rng.choice(len(places), FIT_PLACES, replace=False))
            places = places[pick.to(places.device)]
        return places

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        y, valid = self._target(stage)
        self._places = self._pick(valid)
        self.params.mean[stage] = np.zeros(len(near), np.int64)
        if near and len(self._places):
            a = torch.stack([v.reshape(-1)[self._places] for v in near], 1)
            self.params.mean[stage] = mean_coefficients(a, y.reshape(-1)[self._places])
        return super().mean(stage, near)

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, valid = self._target(stage)
        at = lambda v: v.reshape(-1)[self._places]  # noqa: E731
        e = (y - mu) / step
        x = torch.stack([at(z) for z in contexts], 1) / 2.0**SIZE_BITS
        self.params.weight[stage] = fit_weights(x.cpu(), torch.floor(at(e).abs() + 0.42).cpu())
        symbols = at(self.quantiser.search(e, self.classes(stage, contexts), valid))
        self.fit_sizes(stage, x, self.values.magnitude(symbols) / 4, symbols, self.quantiser.lengths)
        return super().symbols(stage, mu, step, contexts)

    def fit_sizes(
        self, stage: int, x: torch.Tensor, magnitudes: torch.Tensor, symbols: torch.Tensor, lengths: Lengths
    ) -> None:
        """Fit a stage's weights to symbols (n,) of magnitudes (n,), in steps, at places with contexts (n, contexts)."""
        codes = fit_weights(x.cpu(), magnitudes.to(torch.float64).cpu())
        self.params.weight[stage] = shorten(x.cpu().numpy(), symbols.cpu().numpy(), codes, lengths.table())


def mean_coefficients(near: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """`Params.mean` of a stage, int64 (views,), with ``near @ c / MEAN_UNIT`` near y; arguments as in `fit_mean`."""
    c = torch.round(fit_mean(near, y) * MEAN_UNIT)
    return c.clamp(-MEAN_LIMIT, MEAN_LIMIT).to(torch.int64).cpu().numpy()


class Decoder(StageCoder):
    """Takes symbols from `read(stage, classes)` (flat arrays, in the order of the places)."""

    def __init__(
        self,
        params: Params,
        tables: Tables,
        read: Callable[[int, np.ndarray], np.ndarray],
        states: int = DEFAULT_STATES,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(params, tables, states, device)
        self.read = read

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        symbols, classes = self._read_symbols(stage, contexts)
        return self.values.magnitude(symbols), self.values.rebuild(symbols, classes, mu, step)

    def _read_symbols(self, stage: int, contexts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Symbols of a stage and their classes."""
        classes = self.classes(stage, contexts)
        flat = self.read(stage, classes.reshape(-1).to(torch.uint8).cpu().numpy())
        return torch.from_numpy(flat).reshape(classes.shape).to(classes.device), classes
