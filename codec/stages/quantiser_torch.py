"""What symbols stand for, as tensors.

::

    symbols m --parities--> quantiser A or B of each place
    y_hat = mu + floor((+-(64 m + offset(class, m)) step) / 64 + 1/2)        - in quantiser B
"""

from __future__ import annotations

import torch

from ...entropy.tables import OFFSET_UNIT, REACH, Tables
from .order import Y_LIMIT
from .quantiser import CODES


def quantisers(symbols: torch.Tensor, states: int) -> torch.Tensor:
    """`codec.stages.quantiser.quantisers` without a loop over the places, int32 0 (A) or 1 (B).

    The division by h0 is a product of shifts: 1 / h0 = h0(D) h0(D^2) h0(D^4) .. / h0(D^(2^k)), and h0(D^n) is 1 in n
    places.
    """
    h0, h1 = CODES[states]
    parity = symbols & 1
    out = parity & 0
    n = parity.shape[-1]
    for i in range(1, states + 1):
        if h1 >> i & 1 and i < n:
            out[..., i:] ^= parity[..., :-i]
    reach = 1
    while reach < n:
        before = out.clone()
        for i in range(1, states + 1):
            if h0 >> i & 1 and i * reach < n:
                out[..., i * reach :] ^= before[..., : -i * reach]
        reach *= 2
    return out


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
        sign = 1 - 2 * quantisers(symbols, self.states)
        value = (self.plain(symbols, classes) * sign).to(torch.float64)
        return (mu + torch.floor(value * step / OFFSET_UNIT + 0.5)).clamp(-Y_LIMIT, Y_LIMIT)
