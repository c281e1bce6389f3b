"""R2LCM's entropy model: latents in an order that the net chooses, each pass under what the passes before it gave.

::

    params, guide --order net--> masks m1 + .. + mK = 1        from what encoder and decoder both have
    for k in 1..K:
        known latents, their steps --MaskedMean, convolutions--> context
        params, context, known --1x1 convolutions--> mean, scale (and step) of every position
        the positions of mk: symbol = round((y - mean) / step) --rANS--> bytes; y_hat = mean + step symbol

In training the order is drawn by Gumbel-softmax. The authors' code draws it when coding too and hands it to the decoder
in memory; here the coder takes the likeliest, which the decoder computes itself, and the last pass takes what is left.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Alone, Gate, Guide, Guided, MaskedMean, Precise, conv
from .symbols import SymbolReader, SymbolWriter, bits, scale_index

STEP_SPAN = 4.0
"""Most and least log2 of a predicted step."""

LEAST_SCALE = 1e-3
Code = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class OrderedContext(nn.Module):
    """The entropy model of one level of latents.

    adaptive: the net predicts quantisation steps, the order is built pass by pass, and a gate opens the last net: what
    R2LCM++ adds to R2LCM.
    """

    def __init__(self, latents: int, params: int, guide: int, width: int, passes: int, adaptive: bool) -> None:
        super().__init__()
        self.passes, self.adaptive = passes, adaptive
        wide = width * 3 // 2
        self.order = Guided(
            conv(params + adaptive + guide, width),
            nn.LeakyReLU(),
            conv(width + guide, wide),
            nn.LeakyReLU(),
            Precise(conv(wide + guide, 2 if adaptive else passes)),
        )
        self.known = MaskedMean(latents * (1 + adaptive) + guide, width)
        self.context = Guided(
            nn.LeakyReLU(), conv(width + 1 + guide, wide), nn.LeakyReLU(), conv(wide + guide, 2 * latents)
        )
        entered = params + 2 * latents + 1
        self.distribution = Guided(
            *([Alone(Gate(entered))] if adaptive else []),
            conv(entered + guide, 2 * width, 1),
            nn.LeakyReLU(),
            conv(2 * width + guide, 2 * width, 1),
            nn.LeakyReLU(),
            Precise(conv(2 * width + guide, (2 + adaptive) * latents, 1)),
        )

    def masks(self, params: Tensor, guide: Guide) -> list[Tensor]:
        """The passes' masks, (B, 1, h, w) of 0 and 1, which sum to 1."""
        if not self.adaptive:
            return list(self._choose(self.order(params, guide)).split(1, 1))
        known = torch.zeros_like(params[:, :1])
        masks = []
        for _ in range(self.passes - 1):
            more = self._choose(self.order(torch.cat([params, known], 1), guide))[:, :1]
            masks.append(more * (1 - known))
            known = known + masks[-1]
        return [*masks, 1 - known]

    def _choose(self, logits: Tensor) -> Tensor:
        if self.training:
            return F.gumbel_softmax(logits.float(), hard=True, dim=1)
        return F.one_hot(logits.argmax(1), logits.shape[1]).permute(0, 3, 1, 2).to(logits.dtype)

    def _passes(self, params: Tensor, guide: Guide, step_size: Tensor, code: Code) -> Tensor:
        """Run the passes; `code` takes (mask, mean, scale, step) and gives y_hat at the mask's positions."""
        b, _, h, w = params.shape
        latents = step_size.shape[1]
        y_hat = params.new_zeros(b, latents, h, w, dtype=torch.float32)
        steps, known = torch.zeros_like(y_hat), torch.zeros_like(y_hat[:, :1])
        around = guide.at((h, w))
        for mask in self.masks(params, guide):
            seen = torch.cat([y_hat, steps, around * known] if self.adaptive else [y_hat, around * known], 1)
            context = self.context(torch.cat([self.known(seen, known), known], 1), guide)
            mean, scale, *step = self.distribution(torch.cat([params, context, known], 1), guide).chunk(
                2 + self.adaptive, 1
            )
            power = STEP_SPAN * torch.tanh(step[0] / STEP_SPAN) if self.adaptive else torch.zeros_like(mean)
            got = code(mask, mean, F.softplus(scale) + LEAST_SCALE, step_size * torch.exp2(power))
            y_hat, steps = y_hat + got * mask, steps + power * mask
            known = known + mask
        return y_hat

    def forward(
        self, y: Tensor, params: Tensor, guide: Guide, step_size: Tensor, pull: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """y_hat (B, C, h, w) and the bits (B,) that it costs; in training, with noise for rounding in the bits.

        step_size: (B, C, 1, 1); pull: how much of its gradient the rate has on y.
        """
        spent = []
        y_bits = y.detach() + pull * (y - y.detach())

        def code(mask: Tensor, mean: Tensor, scale: Tensor, step: Tensor) -> Tensor:
            spent.append((bits((y_bits - mean) / step, scale / step, self.training) * mask).sum((1, 2, 3)))
            value = (y - mean) / step
            rounded = value + (value.round() - value).detach()
            return mean + step * rounded

        y_hat = self._passes(params, guide, step_size, code)
        return y_hat, torch.stack(spent).sum(0)

    def compress(self, y: Tensor, params: Tensor, guide: Guide, step_size: Tensor, out: SymbolWriter) -> Tensor:
        """Write the symbols of y, (1, C, h, w); returns y_hat."""

        def code(mask: Tensor, mean: Tensor, scale: Tensor, step: Tensor) -> Tensor:
            symbols = ((y - mean) / step).round()
            at = mask[0, 0] > 0
            out.put(symbols[0][:, at], scale_index((scale / step)[0][:, at]))
            return mean + step * symbols

        return self._passes(params, guide, step_size, code)

    def decompress(self, params: Tensor, guide: Guide, step_size: Tensor, source: SymbolReader) -> Tensor:
        """y_hat, (1, C, h, w)."""

        def code(mask: Tensor, mean: Tensor, scale: Tensor, step: Tensor) -> Tensor:
            symbols = torch.zeros_like(mean)
            at = mask[0, 0] > 0
            symbols[0][:, at] = source.get(scale_index((scale / step)[0][:, at]))
            return mean + step * symbols

        return self._passes(params, guide, step_size, code)
