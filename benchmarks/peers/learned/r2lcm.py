"""R2LCM (Wang et al., CVPR 2023) and R2LCM++ (IJCV 2024) rebuilt from the papers, on packed mosaics.

::

    x, guide --g_a--> y (H/4 x W/4 of the mosaic) --h_a--> z (a quarter of that)
    z_hat --h_s--> params --OrderedContext, with the guide--> y_hat --g_s, with the guide--> x_hat
                                                                 |
    R2LCM: g_s runs at y's resolution up to its last blocks; z has a factorised prior
    R2LCM++: y_hat is enlarged first and all of g_s runs at full resolution; z has an ordered context of its own;
             quantisation steps are predicted

Packing stands for the first of the two strides that the papers' nets take on demosaiced pictures. Not from the papers:
a step per channel and rate, so that one net serves all rates (they train one for each), and the order is decodable; and
the nets see and give the difference from the guide's fit (`colour_fit`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Guide, Guided, Precise, Step, attention, conv, enlarging, residual, strided
from .compressai_layers import subpel_conv3x3
from .hyper import Factorised
from .net import LatentNet
from .ordered import OrderedContext
from .planes import ENLARGED, GUIDE_PLANES
from .symbols import SymbolReader, SymbolWriter

PLANES = 4
FIRST, BASE = 1.0, 2.1
"""Step of the coarsest rate, and how much finer it is for every unit of rate, to begin with."""

Z_SCALE = 4.0
"""What z is enlarged by, so that whole numbers are fine enough for it."""


class R2lcm(LatentNet):
    """The net of either paper. width: channels inside (the papers' N, 64); latents: channels of y (theirs: 8)."""

    scale = 2

    def __init__(self, width: int, latents: int, plus: bool, passes: int = 4) -> None:
        super().__init__()
        n, g, c = width, GUIDE_PLANES + 1, latents
        self.plus, self.latents = plus, latents
        self.g_a = Guided(
            strided(PLANES + g, n, 1), residual(n + g, n),
            strided(n + g, n, 2), attention(n + g), residual(n + 2 * g, n),
            strided(n + g, n, 1), residual(n + g, n), Precise(conv(n + g, c)),
        )  # fmt: skip
        up = 1 if plus else 2
        self.g_s = Guided(
            attention(c + g), residual(c + 2 * g, n), enlarging(n + g, n, 1), residual(n + g, n),
            enlarging(n + g, n, 1), attention(n + g), residual(n + 2 * g, n),
            enlarging(n + g, n, up), residual(n + g, n), Precise(conv(n + g, PLANES)),
        )  # fmt: skip
        self.h_a = Guided(
            conv(c + g, n), nn.LeakyReLU(), conv(n + g, n, stride=2), nn.LeakyReLU(), Precise(conv(n + g, c, stride=2))
        )
        self.h_s = Guided(
            conv(c + g, n), nn.LeakyReLU(), subpel_conv3x3(n + g, n, 2), nn.LeakyReLU(),
            subpel_conv3x3(n + g, n, 2), nn.LeakyReLU(), conv(n + g, 2 * c),
        )  # fmt: skip
        self.y_step, self.z_step = Step(c, FIRST, BASE), Step(c, 1.0, 1.0)
        self.y_prior = OrderedContext(c, 2 * c, g, n, passes, plus)
        self.z_prior = OrderedContext(c, 2 * c, g, n, passes, plus) if plus else Factorised(c)

    def analyse(self, x: Tensor, guide: Guide) -> Tensor:
        return self.g_a((x - guide.at(x.shape[2:])[:, :PLANES]) * ENLARGED, guide)

    def synthesise(self, y_hat: Tensor, guide: Guide) -> Tensor:
        if self.plus:
            y_hat = F.interpolate(y_hat.float(), scale_factor=self.scale, mode="bicubic")
        e = self.g_s(y_hat, guide)
        return guide.at(e.shape[2:])[:, :PLANES] + e / ENLARGED

    def _nothing(self, z: Tensor) -> Tensor:
        """The params of z's own ordered context."""
        return z.new_zeros(z.shape[0], 2 * self.latents, *z.shape[2:])

    def code(self, y: Tensor, guide: Guide, rate: Tensor) -> tuple[Tensor, Tensor]:
        z = self.h_a(y, guide) * Z_SCALE
        if isinstance(self.z_prior, OrderedContext):
            z_hat, z_bits = self.z_prior(z, self._nothing(z), guide, self.z_step(rate), self.pull)
        else:
            z_hat, z_bits = self.z_prior(z, self.pull)
        params = self.h_s(z_hat / Z_SCALE, guide)
        y_hat, y_bits = self.y_prior(y, params, guide, self.y_step(rate), self.pull)
        return y_hat, y_bits + z_bits

    def write(self, y: Tensor, guide: Guide, rate: Tensor, out: SymbolWriter) -> None:
        z = self.h_a(y, guide) * Z_SCALE
        if isinstance(self.z_prior, OrderedContext):
            z_hat = self.z_prior.compress(z, self._nothing(z), guide, self.z_step(rate), out)
        else:
            z_hat = self.z_prior.compress(z, out)
        self.y_prior.compress(y, self.h_s(z_hat / Z_SCALE, guide), guide, self.y_step(rate), out)

    def read(self, guide: Guide, rate: Tensor, h: int, w: int, source: SymbolReader) -> Tensor:
        if isinstance(self.z_prior, OrderedContext):
            nothing = torch.zeros(1, 2 * self.latents, h // 4, w // 4)
            z_hat = self.z_prior.decompress(nothing, guide, self.z_step(rate), source)
        else:
            z_hat = self.z_prior.decompress(h // 4, w // 4, source)
        return self.y_prior.decompress(self.h_s(z_hat / Z_SCALE, guide), guide, self.y_step(rate), source)
