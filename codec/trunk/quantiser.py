"""From residuals to symbols and back: rate-distortion optimised search through the trellis, and the values of symbols.

::

    e = (y - mu) / step --four candidates in each quantiser, squared error + lagrangian bits--> best by parity
        --cheapest path, row by row--> symbols m
    both sides:  y_hat = mu + floor((+-(64 m + offset(class, m)) step) / 64 + 1/2)        - in quantiser B

Only the second half is normative: how an encoder finds its symbols is its own affair.
"""

from __future__ import annotations

import numpy as np
import torch

from codec.trunk import trellis
from codec.trunk.order import Y_LIMIT
from entropy.tables import CLASSES, HALF, OFFSET_UNIT, REACH, SPLIT_CLASS, TRELLIS, Tables, split_bits

SYMBOL_LIMIT = 1 << 19
FORBIDDEN = 1e9


class Values:
    """What symbols stand for. states: logarithm of the number of the trellis's states."""

    def __init__(self, tables: Tables, states: int, device: torch.device | str) -> None:
        self.states = states
        self._offset = torch.from_numpy(tables.offset.astype("int64")).reshape(-1).to(device)

    def plain(self, symbols: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Value of symbols in quantiser A, in 1 / OFFSET_UNIT of a step, int64."""
        row = classes.long() * (2 * REACH + 1) + REACH
        return symbols.long() * OFFSET_UNIT + self._offset[row + symbols.clamp(-REACH, REACH)]

    def magnitude(self, symbols: torch.Tensor) -> torch.Tensor:
        """How large symbols are, in quarters of a step, int32: 0 for 0, else with the quarter by which A is off."""
        return torch.where(symbols == 0, 0, (4 * symbols + 1).abs())

    def rebuild(
        self, symbols: torch.Tensor, classes: torch.Tensor, mu: torch.Tensor, step: torch.Tensor
    ) -> torch.Tensor:
        """y_hat of a stage's symbols (B, h, w), whole numbers in float64."""
        sign = 1 - 2 * trellis.quantiser(symbols, self.states)
        value = (self.plain(symbols, classes) * sign).to(torch.float64)
        return (mu + torch.floor(value * step / OFFSET_UNIT + 0.5)).clamp(-Y_LIMIT, Y_LIMIT)


class Lengths:
    """Bits that symbols cost under one kind of tables."""

    def __init__(self, tables: Tables, kind: int, device: torch.device | str) -> None:
        self._bits = torch.from_numpy(tables.bits(kind)).reshape(-1).to(device)
        self._splits = torch.tensor([split_bits(c) for c in range(CLASSES)], dtype=torch.int32, device=device)

    def table(self) -> np.ndarray:
        """Bits by class and coded symbol, float32 (CLASSES, ALPHABET)."""
        return self._bits.reshape(CLASSES, 2 * HALF + 1).cpu().numpy()

    def __call__(self, symbols: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Bits, float32, of symbols (int32) and classes of one shape; an escape's own bits are left out."""
        coarse = (symbols >> self._splits[classes.long()]).clamp(-HALF, HALF)
        return self._bits[classes.long() * (2 * HALF + 1) + coarse.long() + HALF]


class Quantiser:
    """An encoder's search for symbols. lagrangian: worth of a bit in squared steps."""

    def __init__(self, tables: Tables, values: Values, lagrangian: float, device: torch.device | str) -> None:
        self.values, self.lagrangian = values, lagrangian
        self.lengths = Lengths(tables, TRELLIS, device)
        self._worth = lagrangian * torch.from_numpy(tables.bits(TRELLIS)).reshape(-1).to(device)
        reach = np.clip(np.arange(-HALF, HALF + 1), -REACH, REACH) + REACH
        offsets = (tables.offset[:, reach] / OFFSET_UNIT).astype(np.float32)
        self._offsets = torch.from_numpy(offsets).reshape(-1).to(device)

    def search(self, e: torch.Tensor, classes: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Symbols int32 of residuals e (B, h, w), in steps; zero where not valid."""
        e = e.to(torch.float32).clamp(-SYMBOL_LIMIT, SYMBOL_LIMIT)
        costs: list[torch.Tensor] = []
        choices: list[torch.Tensor] = []
        for sign in (1.0, -1.0):
            for odd, (cost, choice) in enumerate(self._by_parity(sign * e, classes)):
                costs.append(torch.where(valid, cost, FORBIDDEN * odd))
                choices.append(torch.where(valid, choice, 0))
        b, h, w = e.shape
        labels = self._paths(torch.stack(costs).permute(3, 0, 1, 2).reshape(w, 4, b * h))
        return torch.stack(choices).gather(0, labels.T.reshape(1, b, h, w))[0]

    def _paths(self, cost: torch.Tensor) -> torch.Tensor:
        """Labels int64 (n, chains) of the cheapest paths, found on the CPU. cost: as `trellis.cheapest` has it."""
        labels = trellis.cheapest(cost.cpu().numpy(), self.values.states)
        return torch.from_numpy(labels).to(cost.device, torch.int64)

    def _by_parity(self, x: torch.Tensor, classes: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Least cost and its symbol among even and among odd symbols, of residuals as quantiser A sees them."""
        low = torch.floor(x - trellis.QUARTER / OFFSET_UNIT).to(torch.int32) - 1
        cost, symbol = [], []
        for i in (0, 1):
            near, far = low + i, low + i + 2
            near_cost, far_cost = self._cost(x, near, classes), self._cost(x, far, classes)
            better = far_cost < near_cost
            cost.append(torch.where(better, far_cost, near_cost))
            symbol.append(torch.where(better, far, near))
        odd = (low & 1).bool()
        return [
            (torch.where(odd, cost[1], cost[0]), torch.where(odd, symbol[1], symbol[0])),
            (torch.where(odd, cost[0], cost[1]), torch.where(odd, symbol[0], symbol[1])),
        ]

    def _unsplit(self, classes: torch.Tensor) -> bool:
        """Whether no class has raw bits."""
        return int(classes.max()) < SPLIT_CLASS

    def _cost(self, x: torch.Tensor, symbols: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        if self._unsplit(classes):  # nearly always: one table each for value and worth
            place = symbols.clamp(-HALF, HALF).add_(HALF).add_(classes, alpha=2 * HALF + 1)
            error = x - symbols - self._offsets.index_select(0, place.reshape(-1)).reshape(x.shape)
            return error.square_().add_(self._worth.index_select(0, place.reshape(-1)).reshape(x.shape))
        error = x - self.values.plain(symbols, classes).to(torch.float32) / OFFSET_UNIT
        return error * error + self.lagrangian * self.lengths(symbols, classes)
