"""What happens at a stage: fit its parameters, quantise and collect symbols, or read symbols back.

::

    near --mean coefficients--> mu            contexts --size weights--> size --class_of--> class
    encode: e = (y - mu) / step --rate-distortion optimised rounding under the class's table--> s
    both:   y_hat = mu + (s - sign(s) centroid) step
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from codec.trunk.params import MEAN_LIMIT, MEAN_UNIT, WEIGHTS, Params
from codec.trunk.stages import STAGES
from codec.trunk.weights import fit_mean, fit_weights, shorten
from entropy.tables import CENTROID_UNIT, CLASSES, HALF, MANTISSA_BITS, SIZE_BITS, SIZE_CELLS, Tables, split_bits

Y_LIMIT = float(1 << 21)
"""Bound of mean and y_hat, four times the companded white: whatever a stream says, sums stay exact in float64."""

SYMBOL_LIMIT = 1 << 19
FIT_PLACES = 16_000
"""Places of a stage that a fit looks at."""


class StageCoder:
    """What encoder and decoder share: mean, class and reconstruction from the parameters."""

    def __init__(self, params: Params, tables: Tables, device: torch.device | str = "cpu") -> None:
        self.params = params
        self.class_of = torch.from_numpy(tables.class_of.astype(np.int32)).to(device)
        self.centroid = torch.from_numpy(tables.centroid.astype(np.int64)).reshape(-1).to(device)

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        coefficients = self.params.mean[stage].tolist()
        if not near or not any(coefficients):
            return torch.zeros(0, dtype=torch.float64)
        total = torch.full_like(near[0], MEAN_UNIT // 2)
        for c, view in zip(coefficients, near, strict=True):
            if c:
                total.add_(view, alpha=c)
        return torch.floor(total / MEAN_UNIT).clamp(-Y_LIMIT, Y_LIMIT)

    def classes(self, stage: int, contexts: list[torch.Tensor]) -> torch.Tensor:
        size = torch.zeros_like(contexts[0])
        for c, z in zip(self.params.weight[stage].tolist(), contexts, strict=True):
            if c:
                size.add_(z, alpha=int(WEIGHTS[c]))
        cell = (size.view(torch.int64) >> (52 - MANTISSA_BITS)) - (1023 << MANTISSA_BITS)
        return self.class_of[cell.clamp(0, SIZE_CELLS - 1)]

    def _towards_zero(self, magnitude: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """How far towards zero a magnitude >= 1 is rebuilt, in 1 / CENTROID_UNIT of a step."""
        return self.centroid[classes.long() * 3 + (magnitude.long() - 1).clamp(0, 2)]

    def rebuild(
        self, symbols: torch.Tensor, classes: torch.Tensor, mu: torch.Tensor, step: torch.Tensor
    ) -> torch.Tensor:
        """y_hat of symbols, whole numbers in float64."""
        offset = self._towards_zero(symbols.abs(), classes) * symbols.sign()
        y_hat = mu + torch.floor((symbols.double() * CENTROID_UNIT - offset) * step / CENTROID_UNIT + 0.5)
        return y_hat.clamp(-Y_LIMIT, Y_LIMIT)


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
    ) -> None:
        device = y[0][0].device
        super().__init__(params, tables, device)
        self.bits = torch.from_numpy(tables.bits()).reshape(-1).to(device)
        self.splits = torch.tensor([split_bits(c) for c in range(CLASSES)], dtype=torch.int32, device=device)
        self.y, self.valid, self.lagrangian = y, valid, lagrangian
        self.coded: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.rate: torch.Tensor | float = 0.0
        self.distortion: torch.Tensor | float = 0.0

    def _target(self, stage: int) -> tuple[torch.Tensor, torch.Tensor]:
        k, t = STAGES[stage]
        return self.y[k][t], self.valid[k][t]

    def _length(self, magnitude: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        coarse = (magnitude >> self.splits[classes.long()]).clamp(max=HALF)
        return self.bits[classes.long() * (2 * HALF + 1) + coarse.long() + HALF]

    def quantise(self, e: torch.Tensor, classes: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Rate-distortion optimised rounding of e (in steps) to symbols, int32."""
        a = e.abs().clamp(max=SYMBOL_LIMIT)
        high = torch.floor(a + 0.5).to(torch.int32)
        low = (high - 1).clamp(min=0)
        best = torch.where(self._cost(a, low, classes) < self._cost(a, high, classes), low, high)
        return torch.where(valid, best * torch.sign(e).to(torch.int32), torch.zeros_like(best))

    def _cost(self, a: torch.Tensor, candidate: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Squared error, in steps, and worth of the bits of coding magnitudes a as whole numbers."""
        value = candidate - self._towards_zero(candidate, classes) * (candidate > 0) / CENTROID_UNIT
        return (a - value) ** 2 + self.lagrangian * self._length(candidate, classes)

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, valid = self._target(stage)
        classes = self.classes(stage, contexts)
        symbols = self.quantise((y - mu) / step, classes, valid)
        self.coded.append((symbols, classes))
        y_hat = self.rebuild(symbols, classes, mu, step)
        self.rate = self.rate + self._length(symbols.abs(), classes).sum((1, 2), dtype=torch.float64)
        self.distortion = self.distortion + (((y - y_hat) / step) ** 2 * valid).sum((1, 2))
        return symbols, y_hat


class Fitter(Encoder):
    """An encoder that first fits each stage's parameters to what it sees, in closed form."""

    def __init__(
        self,
        basis: int,
        tables: Tables,
        y: list[list[torch.Tensor]],
        valid: list[list[torch.Tensor]],
        lagrangian: float,
    ) -> None:
        empty = [np.zeros(0, np.int64)] * 16
        super().__init__(Params(basis, list(empty), list(empty)), tables, y, valid, lagrangian)
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
            c = fit_mean(a, y.reshape(-1)[self._places])
            self.params.mean[stage] = (
                torch.round(c * MEAN_UNIT).clamp(-MEAN_LIMIT, MEAN_LIMIT).to(torch.int64).cpu().numpy()
            )
        return super().mean(stage, near)

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, _ = self._target(stage)
        pick = self._places
        at = lambda v: v.reshape(-1)[pick]  # noqa: E731
        e = at((y - mu) / step)
        x = torch.stack([at(z) for z in contexts], 1) / 2.0**SIZE_BITS
        self.params.weight[stage] = fit_weights(x.cpu(), torch.floor(e.abs() + 0.42).cpu())
        classes = at(self.classes(stage, contexts))
        want = self.quantise(e, classes, torch.ones_like(pick, dtype=torch.bool)).abs()
        self.fit_sizes(stage, x, want)
        return super().symbols(stage, mu, step, contexts)

    def fit_sizes(self, stage: int, x: torch.Tensor, want: torch.Tensor) -> None:
        """Fit a stage's weights to magnitudes (n,) at places with contexts (n, contexts), in symbols."""
        x, want = x.cpu(), want.cpu()
        codes = fit_weights(x, want.to(torch.float64))
        bits = self.bits.reshape(CLASSES, 2 * HALF + 1).cpu().numpy()
        self.params.weight[stage] = shorten(x.numpy(), want.to(torch.int64).numpy(), codes, bits)




class Decoder(StageCoder):
    """Takes symbols from `read(stage, classes)` (flat arrays, in the order of the places)."""

    def __init__(
        self,
        params: Params,
        tables: Tables,
        read: Callable[[int, np.ndarray], np.ndarray],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(params, tables, device)
        self.read = read

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        symbols, classes = self._read_symbols(stage, contexts)
        return symbols, self.rebuild(symbols, classes, mu, step)

    def _read_symbols(self, stage: int, contexts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Symbols of a stage and their classes."""
        classes = self.classes(stage, contexts)
        flat = self.read(stage, classes.reshape(-1).to(torch.uint8).cpu().numpy())
        return torch.from_numpy(flat).reshape(classes.shape).to(classes.device), classes
