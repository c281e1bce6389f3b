"""The innermost latents: a factorised prior per channel (Ballé et al. 2018), by CompressAI's entropy bottleneck."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .compressai_layers import EntropyBottleneck
from .symbols import SymbolReader, SymbolWriter, Table, table_of

WIDEST = 1000.0
"""Largest symbol with an entry of its own; beyond it the coder escapes."""


class Factorised(nn.Module):
    """Latents coded around 0 without a context."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents
        self.bottleneck = EntropyBottleneck(latents)
        self.bottleneck.quantiles.requires_grad_(False)  # found by bisection when the tables are made
        self._table: Table | None = None

    def forward(self, z: Tensor, pull: float = 1.0) -> tuple[Tensor, Tensor]:
        """z_hat and its bits (B,); pull: how much of its gradient the rate has on z."""
        coded = (z.detach() + pull * (z - z.detach())).float()
        with torch.autocast(z.device.type, enabled=False):
            _, likelihood = self.bottleneck(coded if self.training else coded.round(), training=self.training)
        return z + (z.round() - z).detach(), -torch.log2(likelihood).sum((1, 2, 3))

    def table(self) -> Table:
        """Tables of the weights as they are now; made once."""
        if self._table is None:
            model = self.bottleneck
            model._update_quantiles()
            model.quantiles.data[:, :, 1] = 0  # symbols are whole numbers around 0
            model.quantiles.data[:, :, 0].clamp_(-WIDEST, 0)
            model.quantiles.data[:, :, 2].clamp_(0, WIDEST)
            model.update(force=True)
            self._table = table_of(model)
        return self._table

    def _index(self, shape: torch.Size | tuple[int, ...]) -> Tensor:
        return torch.arange(self.latents)[:, None, None].expand(*shape)

    def compress(self, z: Tensor, out: SymbolWriter) -> Tensor:
        """Write z, (1, C, h, w); returns z_hat."""
        z_hat = z.round()
        out.put(z_hat[0], self._index(z[0].shape), self.table())
        return z_hat

    def decompress(self, h: int, w: int, source: SymbolReader) -> Tensor:
        """z_hat, (1, C, h, w)."""
        return source.get(self._index((self.latents, h, w)), self.table())[None]
